//! The command line against a real OpenSSH server: what it says is what happened there.

use crate::support::{Desk, SLOW, Sshd, until};

const HELLO: &str = "\
runbook: hello
title: Say hello
summary: Says hello, on both streams, and changes a file.
owner: test
kind: operation
targets: role=test
inputs:
  file: { type: string, title: File }
steps:
  - id: look
    run: echo out; echo err >&2
    effect: read
  - id: write
    run: echo hello > {{ file }}
    verify: { run: 'cat {{ file }}', expect: { stdout: hello } }
    undo:
      run: rm -f {{ file }}
      verify: { run: 'test ! -e {{ file }}' }
";

#[test]
fn a_run_changes_what_the_plan_said_and_its_undo_takes_that_back() {
    let sshd = Sshd::start();
    let desk = Desk::with_host(&sshd);
    desk.runbook("hello", HELLO);
    let file = desk.path("it's here");
    let input = format!("file={}", file.display());

    let refused = desk.run(&["run", "hello", "-i", &input, "--yes"]);
    refused.expect(4);
    assert!(refused.stderr.contains("daytwo keys --accept-new"), "{}", refused.stderr);
    assert!(!file.exists(), "a host whose key nobody accepted was sent something");

    desk.run(&["run", "hello", "-i", &input, "--yes", "--accept-new"]).expect(0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "hello\n");

    let runs = desk.json(&["runs"]);
    let id = runs[0]["id"].as_str().unwrap();
    let view = desk.json(&["show", id]);
    assert_eq!(view["row"]["status"], "succeeded");
    assert_eq!(view["hosts"][0]["cells"][1]["word"], "verified");
    let output = desk.json(&["show", id, "--output", "look"]);
    let pieces = output[0]["head"].as_array().unwrap();
    let of = |stderr: bool| -> String {
        pieces.iter().filter(|piece| piece["stderr"] == stderr).filter_map(|piece| piece["text"].as_str()).collect()
    };
    assert_eq!((of(false).as_str(), of(true).as_str()), ("out\n", "err\n"));

    desk.run(&["undo", id, "--yes"]).expect(0);
    assert!(!file.exists(), "the undo said that it was rolled back, and the file is there");
    let runs = desk.json(&["runs"]);
    assert_eq!(runs[0]["status"], "rolled back");
    assert_eq!(runs[0]["undo_of"], id);
    assert_eq!(runs[1]["undone_by"], runs[0]["id"]);
}

#[test]
fn a_changed_host_key_stops_the_host_and_names_the_line_that_disagrees() {
    let mut sshd = Sshd::start();
    let desk = Desk::with_host(&sshd);
    desk.runbook("hello", HELLO);
    desk.run(&["keys", "--accept-new"]).expect(0);
    sshd.restart_with_another_host_key();
    let file = desk.path("file");
    let ended = desk.run(&["run", "hello", "-i", &format!("file={}", file.display()), "--yes", "--accept-new"]);
    assert_ne!(ended.code, Some(0), "{ended:?}");
    assert!(!file.exists(), "a host with a changed key was sent something");
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(told.contains("known_hosts") && told.contains("chang"), "{told}");
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_kills_the_process_on_the_host_and_the_run_ends_cancelled() {
    let (_sshd, desk) = Desk::ready(&["local"], "slow", SLOW);
    let console = desk.start_with("slow", "counter");
    until("the second step runs on the host", || !desk.read("counter").is_empty());
    // The first one only starts nothing more; the second ends what runs.
    for what in ["cancelling", "cancelled"] {
        let interrupt = std::process::Command::new("kill").args(["-INT", &console.id().to_string()]).status().unwrap();
        assert!(interrupt.success());
        until(what, || desk.json(&["runs"])[0]["status"] == what);
    }
    let ended = console.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(5), "{ended:?}");
    let process = std::path::Path::new("/proc").join(desk.read("counter.pid").trim());
    assert!(!process.exists(), "the run says cancelled, and the process runs on");
    assert_eq!(desk.json(&["runs"])[0]["status"], "cancelled");
}
