//! Writing runbooks: check, test, explain and schema on a bare checkout; choices that others keep.

use std::process::{Command, Output};

use crate::support::Desk;

const GREET: &str = "\
runbook: greet
title: Greet
summary: Greets.
owner: test
kind: operation
targets: role=web
steps:
  - id: greet
    run: echo hello > /tmp/greeting
    timeout: 10s
    undo:
      run: rm -f /tmp/greeting
    verify: { run: 'cat /tmp/greeting', expect: { stdout: hello } }
";

const GREET_TEST: &str = "\
runbook: greet
hosts:
  web-1: { labels: { role: web } }
cases:
  - case: it greets
    replies:
      greet: { exit: 0 }
      greet.verify: { stdout: hello }
    expect:
      end: succeeded
";

/// Without home, configuration or anything else of a user: as in a pipeline.
fn bare(folder: &std::path::Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daytwo"));
    command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(folder);
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_bare_checkout_without_a_home_can_be_checked_tested_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("greet.yaml"), GREET).unwrap();
    std::fs::write(folder.path().join("greet.test.yaml"), GREET_TEST).unwrap();
    let checked = bare(folder.path(), &["check", "."]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked));
    let tested = bare(folder.path(), &["test", "."]);
    assert_eq!(tested.status.code(), Some(0), "{}", text(&tested));
    assert!(text(&tested).contains("1 test file with 1 case: all as expected"), "{}", text(&tested));
    let page = bare(folder.path(), &["explain", "change-without-verify"]);
    assert_eq!(page.status.code(), Some(0), "{}", text(&page));
    let schema = bare(folder.path(), &["schema"]);
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).unwrap();
    assert!(schema["properties"]["steps"].is_object(), "{schema}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "something was written");
}

#[test]
fn the_checked_in_schema_is_the_one_that_the_program_prints() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let printed = bare(root, &["schema"]);
    let kept = std::fs::read_to_string(root.join("runbooks/runbook.schema.json")).unwrap();
    assert!(
        String::from_utf8(printed.stdout).unwrap() == kept,
        "write it anew: daytwo schema > runbooks/runbook.schema.json"
    );
}

#[test]
fn every_error_of_a_file_is_told_at_its_line_with_what_was_meant_also_for_machines() {
    let folder = tempfile::tempdir().unwrap();
    let broken = GREET.replace("    verify:", "    verfy:").replace("owner: test", "ownr: test");
    std::fs::write(folder.path().join("greet.yaml"), broken).unwrap();
    let checked = bare(folder.path(), &["check", "greet.yaml"]);
    assert_eq!(checked.status.code(), Some(2));
    let told = text(&checked);
    assert!(told.contains("`verify`") && told.contains("`owner`"), "{told}");
    let json: serde_json::Value =
        serde_json::from_slice(&bare(folder.path(), &["--json", "check", "greet.yaml"]).stdout).unwrap();
    assert_eq!(json["errors"], 2, "{json}");
    assert_eq!(json["findings"][0]["place"], serde_json::json!([4, 1]), "{json}");
    let unknown = bare(folder.path(), &["explain", "unknown-fild"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown).contains("did you mean unknown-field?"), "{}", text(&unknown));
}

#[test]
fn warnings_fail_only_a_strict_check() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("greet.yaml"), GREET.replace("owner: test\n", "")).unwrap();
    let checked = bare(folder.path(), &["check", "."]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked));
    assert!(text(&checked).contains("warning["), "{}", text(&checked));
    assert_eq!(bare(folder.path(), &["check", "--strict", "."]).status.code(), Some(2));
}

#[test]
fn a_test_that_is_not_met_says_what_was_expected_and_what_came_and_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("greet.yaml"), GREET).unwrap();
    std::fs::write(folder.path().join("greet.test.yaml"), GREET_TEST.replace("end: succeeded", "end: failed")).unwrap();
    let tested = bare(folder.path(), &["test", "greet.yaml"]);
    assert_eq!(tested.status.code(), Some(1), "{}", text(&tested));
    let told = text(&tested);
    assert!(told.contains("FAILED") && told.contains("succeeded") && told.contains("1 file not as expected"), "{told}");
    assert_eq!(told.matches("greet.test.yaml: 1 case").count(), 1, "{told}");
    std::fs::remove_file(folder.path().join("greet.test.yaml")).unwrap();
    let none = bare(folder.path(), &["test", "greet.yaml"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(text(&none).contains("write greet.test.yaml"), "{}", text(&none));
}

const PICK: &str = "\
runbook: pick
title: Pick
summary: Picks.
owner: test
kind: diagnostic
targets: role=web
inputs:
  tag: { type: choice, title: Tag, choices: { run: 'cat tags', timeout: 5s } }
steps:
  - { id: show, run: 'echo {{ tag }}', effect: read }
";

#[test]
fn choices_of_a_command_are_read_for_a_plan_and_the_last_ones_stand_in_with_their_age() {
    let desk = Desk::new();
    std::fs::write(
        desk.path("config/fleet.yaml"),
        "hosts:\n  web-1: { address: 10.255.255.1, labels: { role: web } }\n",
    )
    .unwrap();
    desk.runbook("pick", PICK);
    let never = desk.run(&["plan", "pick", "-i", "tag=2.1"]);
    never.expect(2);
    assert!(never.stderr.contains("they never were") && never.stderr.contains("tags"), "{}", never.stderr);

    let tags = desk.path("config/runbooks/tags");
    std::fs::write(&tags, "2.1\n2.0\n").unwrap();
    desk.run(&["plan", "pick", "-i", "tag=2.1"]).expect(0);
    let other = desk.run(&["plan", "pick", "-i", "tag=2.2"]);
    other.expect(2);
    assert!(other.stderr.contains("not one of the choices"), "{}", other.stderr);
    let page = desk.run(&["runbooks", "pick"]);
    assert!(page.stdout.contains("tag is one of: 2.1, 2.0"), "{}", page.stdout);
    assert_eq!(desk.json(&["runbooks", "pick"])["choices"]["tag"]["values"][1], "2.0");

    std::fs::remove_file(&tags).unwrap();
    let stale = desk.run(&["plan", "pick", "-i", "tag=2.0"]);
    stale.expect(0);
    assert!(stale.stderr.contains("could not be read") && stale.stderr.contains("are used"), "{}", stale.stderr);
}

#[test]
fn a_command_for_choices_that_does_not_answer_is_ended_and_not_waited_for() {
    let desk = Desk::new();
    std::fs::write(
        desk.path("config/fleet.yaml"),
        "hosts:\n  web-1: { address: 10.255.255.1, labels: { role: web } }\n",
    )
    .unwrap();
    let pid = desk.path("pid");
    let slow = PICK.replace("cat tags", &format!("sleep 600 & echo $! > {}; wait", pid.display())).replace("5s", "1s");
    desk.runbook("pick", &slow);
    let ended = desk.run(&["plan", "pick", "-i", "tag=2.1"]);
    ended.expect(2);
    assert!(ended.stderr.contains("did not answer within 1 s"), "{}", ended.stderr);
    let pid = std::fs::read_to_string(pid).unwrap();
    let command = std::fs::read_to_string(format!("/proc/{}/cmdline", pid.trim())).unwrap_or_default();
    assert!(!command.contains("sleep"), "the command's own children run on");
}
