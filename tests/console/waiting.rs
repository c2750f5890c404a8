//! Hosts that could not be reached and get their part of a run later, or are told why not.
#![cfg(target_os = "linux")]

use crate::support::{Desk, Sshd, until};

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
    let (mut sshd, desk) = Desk::ready(&["local"], "late", LATE);
    let input = desk.input("counter");
    sshd.stop();
    desk.run(&["run", "late", "-i", &input, "--yes"]).expect(1);
    let waiting = desk.json(&["waiting"]);
    assert_eq!((&waiting[0]["host"], &waiting[0]["state"]), (&"local".into(), &"waiting".into()), "{waiting}");
    let still = desk.json(&["deliver"]);
    assert_eq!(still["waiting"][0][1], "does not answer", "{still}");

    sshd.start_again();
    let delivered = desk.run(&["deliver"]);
    delivered.expect(0);
    assert_eq!(desk.read("counter"), "once\n");
    let waiting = desk.json(&["waiting"]);
    assert_eq!(waiting[0]["state"], "delivered", "{waiting}");
    assert_eq!(waiting[0]["delivered_by"], desk.json(&["runs"])[0]["id"]);
    assert!(desk.run(&["deliver"]).expect(0).stdout.contains("no host waits"));
    assert_eq!(desk.read("counter"), "once\n", "it was delivered again");
}

#[test]
fn what_waits_is_not_delivered_when_its_runbook_was_changed_and_can_be_withdrawn() {
    let (mut sshd, desk) = Desk::ready(&["local"], "late", LATE);
    let input = desk.input("counter");
    sshd.stop();
    desk.run(&["run", "late", "-i", &input, "--yes"]).expect(1);
    sshd.start_again();
    desk.runbook("late", &LATE.replace("echo once", "echo twice"));
    let refused = desk.run(&["deliver"]);
    refused.expect(4);
    assert!(refused.stdout.contains("not delivered to local: since it was planned"), "{refused:?}");
    assert_eq!(desk.read("counter"), "");

    desk.runbook("late", LATE);
    sshd.stop();
    let ended = desk.run(&["run", "late", "-i", &input, "--yes"]);
    ended.expect(1);
    let run = desk.json(&["runs"])[0]["id"].as_str().unwrap().to_owned();
    desk.run(&["waiting", "--withdraw", "local", "--run", &run]).expect(0);
    sshd.start_again();
    assert!(desk.run(&["deliver"]).expect(0).stdout.contains("no host waits"));
    assert_eq!(desk.read("counter"), "");
    desk.run(&["waiting", "--withdraw", "local", "--run", &run]).expect(2);
}

/// Says who did it, and waits for a file, at most for a minute.
const GATED: &str = "\
|
      echo {{ host.name }} >> {{ file }}
      left=1200
      until [ -e {{ file }}.go ]; do
        left=$((left - 1))
        [ $left -gt 0 ] || exit 9
        sleep 0.05
      done";

/// A run while its host is away: the host waits for its part.
fn away(desk: &Desk, sshd: &mut Sshd, more: &[&str]) -> String {
    sshd.stop();
    desk.run(&[&["run", "late", "-i", &desk.input("counter"), "--yes"], more].concat()).expect(1);
    desk.runs().remove(0)
}

/// Why the only host that waited does not get its part.
fn refused(desk: &Desk) -> String {
    desk.run(&["deliver"]).expect(4);
    let waiting = desk.json(&["waiting"]);
    assert_eq!(waiting[0]["state"], "not delivered", "{waiting}");
    assert!(desk.run(&["deliver"]).expect(0).stdout.contains("no host waits"));
    assert_eq!(desk.read("counter"), "", "it was refused, and delivered");
    waiting[0]["why"].as_str().unwrap().to_owned()
}

#[test]
fn what_waits_is_not_delivered_to_another_address() {
    let (mut sshd, desk) = Desk::ready(&["local"], "late", LATE);
    away(&desk, &mut sshd, &[]);
    let other = Sshd::start();
    desk.fleet(&[("local", &other)]);
    desk.run(&["keys", "--accept-new"]).expect(0);
    let why = refused(&desk);
    let (was, is) = (format!("127.0.0.1:{}", sshd.port), format!("127.0.0.1:{}", other.port));
    assert!(why.contains("when it was planned") && why.contains(&was) && why.contains(&is), "{why}");
}

#[test]
fn what_waits_is_not_delivered_to_a_host_with_another_key_also_where_that_was_accepted_since() {
    let (mut sshd, desk) = Desk::ready(&["local"], "late", LATE);
    away(&desk, &mut sshd, &[]);
    sshd.restart_with_another_host_key();
    // To who knows the old key it is not the host that waits.
    let still = desk.json(&["deliver"]);
    assert_eq!((&still["waiting"][0][0], desk.read("counter").as_str()), (&"local".into(), ""), "{still}");
    std::fs::remove_file(desk.path("data/known_hosts")).unwrap();
    desk.run(&["keys", "--accept-new"]).expect(0);
    assert_eq!(refused(&desk), "its host key is another one now");
}

#[test]
fn what_waited_too_long_is_not_delivered() {
    let (mut sshd, desk) = Desk::ready(&["local"], "late", LATE);
    away(&desk, &mut sshd, &["--when-reachable", "2s"]);
    until("its time has passed", || desk.json(&["waiting"])[0]["state"] == "expired");
    sshd.start_again();
    assert!(desk.run(&["deliver"]).expect(0).stdout.contains("no host waits"));
    assert_eq!(desk.read("counter"), "");
    assert_eq!(desk.json(&["waiting"])[0]["why"], "it could not be reached in time");
}

#[test]
fn what_waits_is_superseded_by_a_newer_run_of_its_runbook() {
    let (mut sshd, desk) = Desk::ready(&["local"], "late", LATE);
    away(&desk, &mut sshd, &[]);
    sshd.start_again();
    desk.run(&["run", "late", "-i", &desk.input("newer"), "--yes"]).expect(0);
    let waiting = desk.json(&["waiting"]);
    let why = format!("run {} of the same runbook is newer", desk.runs()[0]);
    assert_eq!((&waiting[0]["state"], &waiting[0]["why"]), (&"superseded".into(), &why.into()), "{waiting}");
    assert!(desk.run(&["deliver"]).expect(0).stdout.contains("no host waits"));
    assert_eq!((desk.read("counter").as_str(), desk.read("newer").as_str()), ("", "once\n"));
}

#[test]
fn a_host_that_was_away_when_the_console_was_killed_gets_its_part_all_the_same() {
    let (here, mut there) = (Sshd::start(), Sshd::start());
    let desk = Desk::new();
    desk.fleet(&[("here", &here), ("there", &there)]);
    let text = LATE.replace("echo once >> {{ file }}", GATED).replace("{ max_unr", "{ batches: [100%], max_unr");
    desk.runbook("late", &text);
    desk.run(&["keys", "--accept-new"]).expect(0);
    there.stop();
    let mut console = desk.start_with("late", "counter");
    until("one is seen to be away, the other one works", || {
        desk.runs().first().is_some_and(|run| {
            let run = desk.json(&["show", run]);
            let word = |host: usize| run["hosts"][host]["cells"][0]["word"].as_str();
            (word(0), word(1)) == (Some("running"), Some("no answer"))
        })
    });
    console.kill().unwrap();
    console.wait().unwrap();
    desk.open("counter.go");
    assert!(desk.run(&["recover"]).expect(0).stdout.contains("only on here finished with exit 0"));
    assert_eq!(desk.json(&["waiting"])[0]["host"], "there");
    there.start_again();
    desk.run(&["deliver"]).expect(0);
    assert_eq!(desk.read("counter"), "here\nthere\n");
}
