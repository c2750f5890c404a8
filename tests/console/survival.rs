//! Runs that outlive their process, and several processes that work on one run.
#![cfg(target_os = "linux")]

use crate::support::{Desk, SLOW, decided, until, words};

/// Its second step fails until a file is there.
const FRAGILE: &str = "\
runbook: fragile
title: Fail at first
summary: Fails until it is repaired.
owner: test
kind: operation
targets: role=test
inputs:
  file: { type: string, title: File }
steps:
  - id: first
    run: echo once >> {{ file }}.first
    undo: none
    verify: { run: 'true' }
  - id: second
    run: echo once >> {{ file }}; test -e {{ file }}.go
    if_failed: { ask: { within: 5m, otherwise: stop } }
    undo: none
    verify: { run: 'true' }
  - id: last
    run: echo once >> {{ file }}.last
    undo: none
    verify: { run: 'true' }
";

#[test]
fn what_a_killed_console_left_running_is_found_out_with_its_output_and_nothing_is_sent_again() {
    let (_sshd, desk) = Desk::ready(&["local"], "slow", SLOW);
    let mut console = desk.start_with("slow", "counter");
    until("the second step runs on the host", || !desk.read("counter").is_empty());
    until("the journal says so", || words(&desk.last_run())[1] == "running");
    console.kill().unwrap();
    console.wait().unwrap();
    let run = desk.last_run();
    assert_eq!(
        (run["row"]["status"].as_str(), words(&run)),
        (Some("interrupted"), vec!["verified", "running", "planned"])
    );

    // It ends while nobody looks.
    desk.open("counter.go");
    let ended = desk.run(&["recover"]);
    ended.expect(0);
    assert!(ended.stdout.contains("long on local finished with exit 0"), "{ended:?}");
    let run = desk.last_run();
    assert_eq!(words(&run), ["verified", "verified", "skipped"], "{run}");
    assert_eq!(run["row"]["status"], "failed");
    let output = desk.run(&["show", run["row"]["id"].as_str().unwrap(), "--output", "long"]);
    assert!(output.stdout.contains("went on"), "{output:?}");
    for (file, lines) in [("counter", "once\n"), ("counter.first", "once\n"), ("counter.last", "")] {
        assert_eq!(desk.read(file), lines, "{file}");
    }
    assert!(desk.run(&["recover"]).expect(0).stdout.contains("every run has its process"));
    let touched = desk.json(&["touched", "local"]);
    let touches = touched["touches"].as_array().unwrap();
    let own: Vec<&str> = touches
        .iter()
        .filter(|touch| touch["run"] == run["row"]["id"])
        .filter_map(|touch| touch["by"].as_str())
        .collect();
    assert!(own.len() == 2 && own.iter().all(|by| by.starts_with("tester@")), "{touched}");
}

#[test]
fn a_new_run_first_finds_out_what_became_of_the_old_one() {
    let (_sshd, desk) = Desk::ready(&["local"], "slow", SLOW);
    let mut console = desk.start_with("slow", "counter");
    until("the second step runs on the host", || !desk.read("counter").is_empty());
    console.kill().unwrap();
    console.wait().unwrap();
    desk.open("counter.go");
    let input = desk.input("other");
    desk.open("other.go");
    let ended = desk.run(&["run", "slow", "-i", &input, "--yes"]);
    ended.expect(0);
    assert!(ended.stderr.contains("long on local finished with exit 0"), "{ended:?}");
    let runs = desk.json(&["runs"]);
    assert_eq!((&runs[0]["status"], &runs[1]["status"]), (&"succeeded".into(), &"failed".into()));
}

#[test]
fn a_run_is_cancelled_from_another_process_as_hard_as_it_is_asked_to() {
    let (_sshd, desk) = Desk::ready(&["local"], "slow", SLOW);
    let console = desk.start_with("slow", "counter");
    until("the second step runs on the host", || !desk.read("counter").is_empty());
    until("the journal says so", || words(&desk.last_run())[1] == "running");
    let run = desk.json(&["runs"])[0]["id"].as_str().unwrap().to_owned();
    let asked = desk.run(&["cancel", &run, "--degree", "no-new-starts", "--why", "wrong site"]);
    assert!(asked.expect(0).stdout.contains("handed to the process"), "{asked:?}");
    until("the other process has it", || desk.last_run()["row"]["status"] == "cancelling");
    assert_eq!(words(&desk.last_run()), ["verified", "running", "planned"], "what runs goes to its end");
    desk.run(&["cancel", &run, "--degree", "no-new-starts"]).expect(2);
    desk.run(&["cancel", &run, "--degree", "kill"]).expect(0);
    let ended = console.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(5), "{ended:?}");
    let run = desk.last_run();
    assert_eq!(words(&run), ["verified", "cancelled", "skipped"]);
    assert_eq!(decided(&run), ["started the run", "asked that nothing more starts", "killed the run"]);
    assert_eq!(run["decisions"][1]["why"], "wrong site");
    assert_eq!(desk.read("counter.last"), "");
}

#[test]
fn a_question_is_answered_from_another_process_and_the_step_is_made_again() {
    let (_sshd, desk) = Desk::ready(&["local"], "fragile", FRAGILE);
    let console = desk.start_with("fragile", "counter");
    until("it asks", || desk.json(&["runs"])[0]["standings"]["asking"] == 1);
    let run = desk.json(&["runs"])[0]["id"].as_str().unwrap().to_owned();
    let asked = desk.run(&["answer", &run]);
    assert!(asked.stdout.contains("second did not end well") && asked.stdout.contains("Retry second"), "{asked:?}");
    assert!(asked.stdout.contains("without an answer in 5 min: stop"), "{asked:?}");
    desk.run(&["answer", &run, "skip", "--step", "first"]).expect(2);
    desk.open("counter.go");
    desk.run(&["answer", &run, "retry", "--why", "repaired"]).expect(0);
    let ended = console.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!((desk.read("counter"), desk.read("counter.last")), ("once\nonce\n".into(), "once\n".into()));
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(told.contains("answer from elsewhere with: daytwo answer"), "{told}");
    let run = desk.last_run();
    assert_eq!(run["decisions"][1]["what"], "decided to retry second on local", "{run}");
}

#[test]
fn where_nobody_is_to_be_asked_the_policy_applies_at_once_and_the_rest_is_resumed_from_its_step() {
    let (_sshd, desk) = Desk::ready(&["local"], "fragile", FRAGILE);
    let input = desk.input("counter");
    let ended = desk.run(&["run", "fragile", "-i", &input, "--yes", "--no-ask"]);
    ended.expect(1);
    assert!(ended.stderr.contains("nobody is asked"), "{ended:?}");
    let run = desk.json(&["runs"])[0]["id"].as_str().unwrap().to_owned();

    let choices = desk.json(&["resume", &run]);
    let hosts: Vec<usize> =
        choices["choices"].as_array().unwrap().iter().map(|one| one["hosts"].as_array().unwrap().len()).collect();
    assert_eq!(hosts, [1, 1, 1], "{choices}");
    assert_eq!(choices["changed"], serde_json::json!([]));
    desk.open("counter.go");
    let shown = desk.run(&["resume", &run, "--part", "failed-step", "--plan-only"]);
    assert!(shown.expect(0).stdout.contains("1 step is not done again"), "{shown:?}");
    assert_eq!(desk.json(&["runs"]).as_array().unwrap().len(), 1, "nothing was started");

    let resumed = desk.run(&["resume", &run, "--part", "failed-step", "--yes"]);
    resumed.expect(0);
    for (file, lines) in [("counter.first", "once\n"), ("counter", "once\nonce\n"), ("counter.last", "once\n")] {
        assert_eq!(desk.read(file), lines, "{file}");
    }
    let now = desk.last_run();
    assert_eq!(now["part_of"]["run"], *run);
    let before = desk.json(&["show", &run]);
    assert_eq!(before["resumed_by"], serde_json::json!([now["row"]["id"]]));

    // What is resumed is what ran then; that the runbook is another one now is said.
    desk.runbook("fragile", &FRAGILE.replace("echo once >> {{ file }}.last", "echo twice >> {{ file }}.last"));
    let choices = desk.json(&["resume", &run]);
    assert!(!choices["changed"].as_array().unwrap().is_empty(), "{choices}");
}

#[test]
fn one_plan_file_that_two_processes_start_at_one_time_is_executed_once() {
    let (_sshd, desk) = Desk::ready(&["local"], "slow", SLOW);
    let input = desk.input("counter");
    desk.open("counter.go");
    let file = desk.path("plan.json");
    desk.run(&["plan", "slow", "-i", &input, "--out", file.to_str().unwrap()]).expect(0);
    let run = || desk.start(&["run", "--plan", file.to_str().unwrap(), "--yes"]);
    let ended: Vec<_> = [run(), run(), run()].into_iter().map(|process| process.wait_with_output().unwrap()).collect();
    let mut codes: Vec<_> = ended.iter().filter_map(|output| output.status.code()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 4, 4], "{ended:?}");
    let refused = ended.iter().find(|output| output.status.code() == Some(4)).unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("executed this plan already"), "{refused:?}");
    assert_eq!(desk.read("counter"), "once\n");
}
