//! A run at a real terminal: who is asked, and what keys do there.
#![cfg(target_os = "linux")]

use crate::support::{Desk, decided, until, words};

/// On web-2 its first step waits until the test lets it fail, and fails until it is mended.
const FRAGILE: &str = "\
runbook: fragile
title: Fail on one host
summary: Fails on web-2 until that is mended.
owner: test
kind: operation
targets: role=test
rollout: { batches: [100%], max_failed: 100% }
inputs:
  file: { type: string, title: File }
steps:
  - id: mend
    run: |
      echo {{ host.name }} >> {{ file }}
      [ {{ host.name }} = web-2 ] || exit 0
      left=1200
      until [ -e {{ file }}.go ]; do
        left=$((left - 1))
        [ $left -gt 0 ] || exit 9
        sleep 0.05
      done
      test -e {{ file }}.mended
    if_failed: { ask: { within: 5m, otherwise: stop } }
    undo: none
    verify: { run: 'true' }
  - id: last
    run: echo {{ host.name }} >> {{ file }}.last
    undo: none
    verify: { run: 'true' }
";

const PROMPT: &str = "Type the number of an answer";

/// The number that stands before an answer on the screen.
fn number_of(answer: &str, seen: &str) -> usize {
    let before = seen.split(&format!("({answer})")).next().filter(|before| before.len() < seen.len());
    let before = before.unwrap_or_else(|| panic!("{answer} is not offered:\n{seen}"));
    before.split_whitespace().rev().find_map(|word| word.parse().ok()).unwrap()
}

#[test]
fn a_question_at_a_terminal_names_its_hosts_and_takes_what_is_typed_after_it_was_shown_with_its_reason() {
    let (_sshd, desk) = Desk::ready(&["web-1", "web-2"], "fragile", FRAGILE);
    let mut tty = desk.at_a_terminal(&["run", "fragile", "-i", &desk.input("counter")]);
    tty.until_seen("[y/N]");
    tty.types("y");
    until("the step runs on both", || desk.read("counter").lines().count() == 2);
    // What was typed before a question was shown is no answer to it.
    tty.types("1 much too early");
    tty.until_seen("much too early");
    desk.open("counter.go");
    tty.until_seen(PROMPT);
    let seen = tty.seen();
    assert!(seen.contains("mend did not end well: exit 1") && seen.contains("  on web-2  "), "{seen}");
    assert!(seen.contains("without an answer in 5 min: stop"), "{seen}");
    let numbers = ["retry", "skip", "exclude", "stop"].map(|answer| number_of(answer, &seen));
    tty.types("9");
    tty.until_seen("type a number from 1 to ");
    desk.open("counter.mended");
    tty.types(&format!("{} the disk was put back", numbers[0]));
    tty.ended().expect(0);
    let mut tries: Vec<String> = desk.read("counter").lines().map(str::to_owned).collect();
    tries.sort();
    assert_eq!(tries, ["web-1", "web-2", "web-2"], "once more, where it was asked for");
    assert_eq!(desk.read("counter.last").lines().count(), 2);
    let run = desk.last_run();
    assert_eq!(decided(&run), ["started the run", "decided to retry mend on web-2"]);
    let decision = &run["decisions"][1];
    assert_eq!(decision["why"], "the disk was put back");
    assert!(decision["by"].as_str().unwrap().starts_with("tester@"), "{decision}");
    let at = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    assert!((at(&run["row"]["started_at"])..at(&run["row"]["ended_at"])).contains(&at(&decision["at"])), "{run}");
}

#[test]
fn nobody_is_asked_at_a_terminal_where_that_was_said() {
    let (_sshd, desk) = Desk::ready(&["web-1", "web-2"], "fragile", FRAGILE);
    desk.open("counter.go");
    let arguments = ["run", "fragile", "-i", &desk.input("counter"), "--yes", "--no-ask"];
    let ended = desk.at_a_terminal(&arguments).ended();
    ended.expect(1);
    assert!(ended.stdout.contains("nobody is asked") && !ended.stdout.contains(PROMPT), "{}", ended.stdout);
    let run = desk.last_run();
    assert_eq!(decided(&run), ["started the run", "decided to stop the run at mend on web-2"]);
    assert_eq!(run["decisions"][1]["why"], "nobody was to be asked");
}

#[test]
fn ctrl_c_at_a_question_ends_the_question_and_starts_nothing_more() {
    let (_sshd, desk) = Desk::ready(&["web-2"], "fragile", FRAGILE);
    desk.open("counter.go");
    let mut tty = desk.at_a_terminal(&["run", "fragile", "-i", &desk.input("counter"), "--yes"]);
    tty.until_seen(PROMPT);
    tty.presses_ctrl(b'c');
    let ended = tty.ended();
    ended.expect(5);
    assert!(ended.stdout.contains("nothing more starts"), "{}", ended.stdout);
    assert_eq!((desk.read("counter").as_str(), desk.read("counter.last").as_str()), ("web-2\n", ""));
    let run = desk.last_run();
    let decisions = ["started the run", "asked that nothing more starts", "decided to leave out after mend on web-2"];
    assert_eq!(decided(&run), decisions);
    assert_eq!(run["decisions"][1]["why"], "interrupted on the command line");
    assert_eq!(run["decisions"][2]["why"], "the run or this host was cancelled");
    assert_eq!(words(&run), ["failed", "skipped"], "{run}");
}

/// Asks three times: patiently, for a second, and patiently.
const ASKING: &str = "\
runbook: asking
title: Ask thrice
summary: Each step fails, and asks.
owner: test
kind: operation
targets: role=test
steps:
  - { id: one, run: exit 1, undo: none, if_failed: { ask: { within: 5m, otherwise: stop } }, verify: { run: 'true' } }
  - { id: two, run: exit 2, undo: none, if_failed: { ask: { within: 1s, otherwise: skip } }, verify: { run: 'true' } }
  - { id: three, run: exit 3, undo: none, if_failed: { ask: { within: 5m, otherwise: stop } }, verify: { run: 'true' } }
";

#[test]
fn the_end_of_input_leaves_a_question_to_others_and_to_its_time_and_the_next_one_can_be_answered_again() {
    let (_sshd, desk) = Desk::ready(&["local"], "asking", ASKING);
    let mut tty = desk.at_a_terminal(&["run", "asking", "--yes"]);
    tty.until_seen("one did not end well: exit 1");
    tty.until_seen(PROMPT);
    tty.presses_ctrl(b'd');
    tty.until_seen("nothing more can be typed");
    let run = desk.runs().remove(0);
    desk.run(&["answer", &run, "skip", "--step", "one"]).expect(0);
    // Nobody answers the second one.
    tty.until_seen("three did not end well: exit 3");
    until("the third is asked here", || tty.seen().matches(PROMPT).count() == 3);
    let third = tty.seen().split_off(tty.seen().rfind("three did not end well").unwrap());
    tty.types(&number_of("skip", &third).to_string());
    tty.ended().expect(0);
    let run = desk.last_run();
    let decisions = [
        "started the run",
        "decided to skip one on local",
        "decided in time, so: skip two on local",
        "decided to skip three on local",
    ];
    assert_eq!(decided(&run), decisions);
    assert_eq!(run["decisions"][2]["by"], "nobody");
}
