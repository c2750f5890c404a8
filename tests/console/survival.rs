//! Runs that outlive their process, and several processes that work on one run.
#![cfg(target_os = "linux")]

use std::process::{Child, Stdio};

use crate::support::{Desk, Sshd, until};

/// Each changing step appends a line, so that a second execution would be seen; the second waits for a file.
const SLOW: &str = "\
runbook: slow
title: Take long
summary: Appends a line and waits.
owner: test
kind: operation
targets: role=test
inputs:
  file: { type: string, title: File }
steps:
  - id: first
    run: echo once >> {{ file }}.first
    undo: none
    verify: { run: 'grep -c once {{ file }}.first', expect: { stdout: '1' } }
  - id: long
    run: |
      echo once >> {{ file }}
      while ! [ -e {{ file }}.go ]; do sleep 0.05; done
      echo went on
    timeout: 10m
    undo: none
    verify: { run: 'true' }
  - id: last
    run: echo once >> {{ file }}.last
    undo: none
    verify: { run: 'true' }
";

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

fn desk(runbook: &str, text: &str) -> (Sshd, Desk) {
    let sshd = Sshd::start();
    let desk = Desk::with_host(&sshd);
    desk.runbook(runbook, text);
    desk.run(&["keys", "--accept-new"]).expect(0);
    (sshd, desk)
}

/// Starts a command that goes on while others look at its run.
fn start(desk: &Desk, runbook: &str) -> Child {
    let input = format!("file={}", desk.path("counter").display());
    desk.daytwo(&["run", runbook, "-i", &input, "--yes"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn read(desk: &Desk, name: &str) -> String {
    std::fs::read_to_string(desk.path(name)).unwrap_or_default()
}

fn last_run(desk: &Desk) -> serde_json::Value {
    let runs = desk.json(&["runs"]);
    desk.json(&["show", runs.pointer("/0/id").unwrap().as_str().unwrap()])
}

fn words(run: &serde_json::Value) -> Vec<&str> {
    run.pointer("/hosts/0/cells").unwrap().as_array().unwrap().iter().filter_map(|cell| cell["word"].as_str()).collect()
}

#[test]
fn what_a_killed_console_left_running_is_found_out_with_its_output_and_nothing_is_sent_again() {
    let (_sshd, desk) = desk("slow", SLOW);
    let mut console = start(&desk, "slow");
    until("the second step runs on the host", || !read(&desk, "counter").is_empty());
    until("the journal says so", || words(&last_run(&desk))[1] == "running");
    console.kill().unwrap();
    console.wait().unwrap();
    let run = last_run(&desk);
    assert_eq!(
        (run["row"]["status"].as_str(), words(&run)),
        (Some("interrupted"), vec!["verified", "running", "planned"])
    );

    // It ends while nobody looks.
    std::fs::write(desk.path("counter.go"), "").unwrap();
    let ended = desk.run(&["recover"]);
    ended.expect(0);
    assert!(ended.stdout.contains("long on local finished with exit 0"), "{ended:?}");
    let run = last_run(&desk);
    assert_eq!(words(&run), ["verified", "verified", "skipped"], "{run}");
    assert_eq!(run["row"]["status"], "failed");
    let output = desk.run(&["show", run["row"]["id"].as_str().unwrap(), "--output", "long"]);
    assert!(output.stdout.contains("went on"), "{output:?}");
    for (file, lines) in [("counter", "once\n"), ("counter.first", "once\n"), ("counter.last", "")] {
        assert_eq!(read(&desk, file), lines, "{file}");
    }
    assert!(desk.run(&["recover"]).expect(0).stdout.contains("every run has its process"));
    let touched = desk.json(&["touched", "local"]);
    let touches = touched["touches"].as_array().unwrap();
    let own = touches
        .iter()
        .any(|touch| touch["run"] == run["row"]["id"] && touch["by"].as_str().unwrap().starts_with("tester@"));
    // The newest hundred are told; other tests on this machine leave theirs in the same place.
    assert!(own || touches.len() >= 100, "{touched}");
}

#[test]
fn a_new_run_first_finds_out_what_became_of_the_old_one() {
    let (_sshd, desk) = desk("slow", SLOW);
    let mut console = start(&desk, "slow");
    until("the second step runs on the host", || !read(&desk, "counter").is_empty());
    console.kill().unwrap();
    console.wait().unwrap();
    std::fs::write(desk.path("counter.go"), "").unwrap();
    let input = format!("file={}", desk.path("other").display());
    std::fs::write(desk.path("other.go"), "").unwrap();
    let ended = desk.run(&["run", "slow", "-i", &input, "--yes"]);
    ended.expect(0);
    assert!(ended.stderr.contains("long on local finished with exit 0"), "{ended:?}");
    let runs = desk.json(&["runs"]);
    assert_eq!((&runs[0]["status"], &runs[1]["status"]), (&"succeeded".into(), &"failed".into()));
}

#[test]
fn a_run_is_cancelled_from_another_process_as_hard_as_it_is_asked_to() {
    let (_sshd, desk) = desk("slow", SLOW);
    let console = start(&desk, "slow");
    until("the second step runs on the host", || !read(&desk, "counter").is_empty());
    until("the journal says so", || words(&last_run(&desk))[1] == "running");
    let run = desk.json(&["runs"])[0]["id"].as_str().unwrap().to_owned();
    let asked = desk.run(&["cancel", &run, "--degree", "no-new-starts", "--why", "wrong site"]);
    assert!(asked.expect(0).stdout.contains("handed to the process"), "{asked:?}");
    until("the other process has it", || last_run(&desk)["row"]["status"] == "cancelling");
    assert_eq!(words(&last_run(&desk)), ["verified", "running", "planned"], "what runs goes to its end");
    desk.run(&["cancel", &run, "--degree", "no-new-starts"]).expect(2);
    desk.run(&["cancel", &run, "--degree", "kill"]).expect(0);
    let ended = console.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(5), "{ended:?}");
    let run = last_run(&desk);
    assert_eq!(words(&run), ["verified", "cancelled", "skipped"]);
    let decided: Vec<&str> = run["decisions"].as_array().unwrap().iter().filter_map(|it| it["what"].as_str()).collect();
    assert_eq!(decided, ["started the run", "asked that nothing more starts", "killed the run"]);
    assert_eq!(run["decisions"][1]["why"], "wrong site");
    assert_eq!(read(&desk, "counter.last"), "");
}

#[test]
fn a_question_is_answered_from_another_process_and_the_step_is_made_again() {
    let (_sshd, desk) = desk("fragile", FRAGILE);
    let console = start(&desk, "fragile");
    until("it asks", || desk.json(&["runs"])[0]["standings"]["asks"] == 1);
    let run = desk.json(&["runs"])[0]["id"].as_str().unwrap().to_owned();
    let asked = desk.run(&["answer", &run]);
    assert!(asked.stdout.contains("second did not end well") && asked.stdout.contains("Retry second"), "{asked:?}");
    assert!(asked.stdout.contains("without an answer in 5 min: stop"), "{asked:?}");
    desk.run(&["answer", &run, "skip", "--step", "first"]).expect(2);
    std::fs::write(desk.path("counter.go"), "").unwrap();
    desk.run(&["answer", &run, "retry", "--why", "repaired"]).expect(0);
    let ended = console.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!((read(&desk, "counter"), read(&desk, "counter.last")), ("once\nonce\n".into(), "once\n".into()));
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(told.contains("answer from elsewhere with: daytwo answer"), "{told}");
    let run = last_run(&desk);
    assert_eq!(run["decisions"][1]["what"], "decided to retry second on local", "{run}");
}

#[test]
fn where_nobody_is_to_be_asked_the_policy_applies_at_once_and_the_rest_is_resumed_from_its_step() {
    let (_sshd, desk) = desk("fragile", FRAGILE);
    let input = format!("file={}", desk.path("counter").display());
    let ended = desk.run(&["run", "fragile", "-i", &input, "--yes", "--no-ask"]);
    ended.expect(1);
    assert!(ended.stderr.contains("nobody is asked"), "{ended:?}");
    let run = desk.json(&["runs"])[0]["id"].as_str().unwrap().to_owned();

    let choices = desk.json(&["resume", &run]);
    let hosts: Vec<usize> =
        choices["choices"].as_array().unwrap().iter().map(|one| one["hosts"].as_array().unwrap().len()).collect();
    assert_eq!(hosts, [1, 1, 1], "{choices}");
    assert_eq!(choices["changed"], serde_json::json!([]));
    std::fs::write(desk.path("counter.go"), "").unwrap();
    let shown = desk.run(&["resume", &run, "--part", "failed-step", "--plan-only"]);
    assert!(shown.expect(0).stdout.contains("1 step is not done again"), "{shown:?}");
    assert_eq!(desk.json(&["runs"]).as_array().unwrap().len(), 1, "nothing was started");

    let resumed = desk.run(&["resume", &run, "--part", "failed-step", "--yes"]);
    resumed.expect(0);
    for (file, lines) in [("counter.first", "once\n"), ("counter", "once\nonce\n"), ("counter.last", "once\n")] {
        assert_eq!(read(&desk, file), lines, "{file}");
    }
    let now = last_run(&desk);
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
    let (_sshd, desk) = desk("slow", SLOW);
    let input = format!("file={}", desk.path("counter").display());
    std::fs::write(desk.path("counter.go"), "").unwrap();
    let file = desk.path("plan.json");
    desk.run(&["plan", "slow", "-i", &input, "--out", file.to_str().unwrap()]).expect(0);
    let run = || {
        let arguments = ["run", "--plan", file.to_str().unwrap(), "--yes"];
        desk.daytwo(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let ended: Vec<_> = [run(), run(), run()].into_iter().map(|process| process.wait_with_output().unwrap()).collect();
    let mut codes: Vec<_> = ended.iter().filter_map(|output| output.status.code()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 4, 4], "{ended:?}");
    let refused = ended.iter().find(|output| output.status.code() == Some(4)).unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("executed this plan already"), "{refused:?}");
    assert_eq!(read(&desk, "counter"), "once\n");
}

/// May be done late: its one change is marked so.
const LATE: &str = "\
runbook: late
title: Do it late
summary: Is done when the host can be reached.
owner: test
kind: operation
targets: role=test
rollout: { max_unreachable: 100%, when_reachable: { for: 2d } }
inputs:
  file: { type: string, title: File }
steps:
  - id: only
    run: echo once >> {{ file }}
    late_ok: true
    undo: none
    verify: { run: 'true' }
";

#[test]
fn a_host_that_could_not_be_reached_gets_its_part_once_when_it_can_be() {
    let (mut sshd, desk) = desk("late", LATE);
    let input = format!("file={}", desk.path("counter").display());
    sshd.stop();
    desk.run(&["run", "late", "-i", &input, "--yes"]).expect(1);
    let waiting = desk.json(&["waiting"]);
    assert_eq!((&waiting[0]["host"], &waiting[0]["state"]), (&"local".into(), &"waiting".into()), "{waiting}");
    let still = desk.json(&["deliver"]);
    assert_eq!(still["waiting"][0][1], "does not answer", "{still}");

    sshd.start_again();
    let delivered = desk.run(&["deliver"]);
    delivered.expect(0);
    assert_eq!(read(&desk, "counter"), "once\n");
    let waiting = desk.json(&["waiting"]);
    assert_eq!(waiting[0]["state"], "delivered", "{waiting}");
    assert_eq!(waiting[0]["delivered_by"], desk.json(&["runs"])[0]["id"]);
    assert!(desk.run(&["deliver"]).expect(0).stdout.contains("no host waits"));
    assert_eq!(read(&desk, "counter"), "once\n", "it was delivered again");
}

#[test]
fn what_waits_is_not_delivered_when_its_runbook_was_changed_and_can_be_withdrawn() {
    let (mut sshd, desk) = desk("late", LATE);
    let input = format!("file={}", desk.path("counter").display());
    sshd.stop();
    desk.run(&["run", "late", "-i", &input, "--yes"]).expect(1);
    sshd.start_again();
    desk.runbook("late", &LATE.replace("echo once", "echo twice"));
    let refused = desk.run(&["deliver"]);
    refused.expect(4);
    assert!(refused.stdout.contains("not delivered to local: since it was planned"), "{refused:?}");
    assert_eq!(read(&desk, "counter"), "");

    desk.runbook("late", LATE);
    sshd.stop();
    let ended = desk.run(&["run", "late", "-i", &input, "--yes"]);
    ended.expect(1);
    let run = desk.json(&["runs"])[0]["id"].as_str().unwrap().to_owned();
    desk.run(&["waiting", "--withdraw", "local", "--run", &run]).expect(0);
    sshd.start_again();
    assert!(desk.run(&["deliver"]).expect(0).stdout.contains("no host waits"));
    assert_eq!(read(&desk, "counter"), "");
    desk.run(&["waiting", "--withdraw", "local", "--run", &run]).expect(2);
}
