//! Plan files: what was reviewed is what runs, or nothing does and every difference is told.

use crate::support::{Desk, Sshd};

const WRITE: &str = "\
runbook: write
title: Write a file
summary: Writes what it is told, where it is told.
owner: test
kind: operation
targets: role=test
inputs:
  file: { type: string, title: File }
steps:
  - id: write
    run: echo {{ host.labels.role }} > {{ file }}
    verify: { run: 'cat {{ file }}', expect: { stdout: '{{ host.labels.role }}' } }
    undo: { run: 'rm -f {{ file }}' }
  - { id: again, call: { runbook: look } }
";

const LOOK: &str = "\
runbook: look
title: Look
summary: Looks.
owner: test
kind: diagnostic
targets: role=test
steps:
  - { id: look, run: uptime, effect: read }
";

/// A fleet that nobody answers for: enough to plan.
fn desk() -> Desk {
    let desk = Desk::new();
    fleet(&desk, &[("web-1", "10.255.255.1"), ("web-2", "10.255.255.2")]);
    desk.runbook("write", WRITE);
    desk.runbook("look", LOOK);
    desk
}

fn fleet(desk: &Desk, hosts: &[(&str, &str)]) {
    let hosts: String = hosts
        .iter()
        .map(|(name, address)| format!("  {name}: {{ address: {address}, labels: {{ role: test }} }}\n"))
        .collect();
    std::fs::write(desk.path("config/fleet.yaml"), format!("hosts:\n{hosts}")).unwrap();
}

fn plan(desk: &Desk, out: &str) -> String {
    let out = desk.path(out).display().to_string();
    desk.run(&["plan", "write", "-i", "file=/tmp/x", "--out", &out]).expect(0);
    out
}

/// The file does not run any more, for a reason that holds these words.
fn stops(desk: &Desk, file: &str, words: &[&str]) {
    let ended = desk.run(&["run", "--plan", file, "--yes"]);
    ended.expect(4);
    for word in words {
        assert!(ended.stderr.contains(word), "{word:?} is not told: {}", ended.stderr);
    }
    assert!(ended.stderr.contains("nothing was sent"), "{}", ended.stderr);
    assert_eq!(desk.json(&["runs"]).as_array().unwrap().len(), 0, "a run was opened");
}

#[test]
fn a_plan_file_runs_as_it_was_written_on_a_real_host_and_only_once() {
    let sshd = Sshd::start();
    let desk = Desk::with_host(&sshd);
    desk.runbook("write", WRITE);
    desk.runbook("look", LOOK);
    desk.run(&["keys", "--accept-new"]).expect(0);
    let (file, out) = (desk.path("written"), desk.path("plan.json").display().to_string());
    let input = format!("file={}", file.display());
    let planned = desk.json(&["plan", "write", "-i", &input, "-o", &out]);
    let ended = desk.run(&["run", "--plan", &out, "--yes"]);
    ended.expect(0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "test\n");
    let runs = desk.json(&["runs"]);
    assert_eq!((&runs[0]["plan"], &runs[0]["status"]), (&planned["digest"], &"succeeded".into()));

    std::fs::remove_file(&file).unwrap();
    let again = desk.run(&["run", "--plan", &out, "--yes"]);
    again.expect(4);
    assert!(again.stderr.contains("executed this plan already"), "{}", again.stderr);
    assert!(!file.exists(), "the plan was executed twice");
}

#[test]
fn a_plan_that_somebody_reviewed_is_not_written_over() {
    let desk = desk();
    let out = plan(&desk, "plan.json");
    let before = std::fs::read_to_string(&out).unwrap();
    let again = desk.run(&["plan", "write", "-i", "file=/tmp/y", "--out", &out]);
    again.expect(2);
    assert!(again.stderr.contains("choose another name"), "{}", again.stderr);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), before);
}

#[test]
fn nothing_runs_when_a_runbook_was_changed_and_the_changed_lines_are_shown() {
    let desk = desk();
    let out = plan(&desk, "plan.json");
    desk.runbook("write", &WRITE.replace("rm -f", "rm -rf"));
    stops(&desk, &out, &["write was changed", "- ", "rm -rf"]);
    desk.runbook("write", WRITE);
    desk.runbook("look", &LOOK.replace("uptime", "uptime; reboot"));
    stops(&desk, &out, &["the called runbook look was changed", "reboot"]);
    std::fs::remove_file(desk.path("config/runbooks/look.yaml")).unwrap();
    stops(&desk, &out, &["look"]);
    std::fs::remove_file(desk.path("config/runbooks/write.yaml")).unwrap();
    stops(&desk, &out, &["there is no runbook write"]);
}

#[test]
fn nothing_runs_when_a_host_came_went_or_moved() {
    let desk = desk();
    let out = plan(&desk, "plan.json");
    fleet(&desk, &[("web-1", "10.255.255.1"), ("web-2", "10.255.255.2"), ("web-3", "10.255.255.3")]);
    stops(&desk, &out, &["web-3 is picked now, and was not"]);
    fleet(&desk, &[("web-1", "10.255.255.1")]);
    stops(&desk, &out, &["web-2 is not picked any more"]);
    fleet(&desk, &[("web-1", "10.255.255.1"), ("web-2", "10.255.255.9")]);
    stops(&desk, &out, &["web-2", "10.255.255.9", "10.255.255.2"]);
}

#[test]
fn how_long_a_host_waits_is_chosen_for_a_plan_is_shown_and_stays_in_its_file() {
    let sshd = Sshd::start();
    let desk = Desk::with_host(&sshd);
    desk.runbook("write", WRITE);
    desk.runbook("look", LOOK);
    desk.run(&["keys", "--accept-new"]).expect(0);
    let waits = |book: &str, more: &[&str]| {
        let args: Vec<&str> = ["plan", book].into_iter().chain(more.iter().copied()).collect();
        desk.json(&args)["waits"].clone()
    };
    assert!(waits("look", &[]).is_null(), "it waits, and neither runbook nor person says so");
    assert!(waits("look", &["--when-reachable", "never"]).is_null());
    let told = waits("look", &["--when-reachable", "3d"]).to_string();
    assert!(told.contains("a closed console delivers nothing"), "{told}");
    let told = waits("write", &["-i", "file=/tmp/x", "--when-reachable", "3d"]).to_string();
    assert!(told.contains("write changes something and is not marked `late_ok`"), "{told}");
    desk.run(&["plan", "look", "--when-reachable", "soon"]).expect(2);

    let out = desk.path("plan.json").display().to_string();
    desk.run(&["plan", "look", "--when-reachable", "3d", "--out", &out]).expect(0);
    desk.run(&["run", "--plan", &out, "--yes"]).expect(0);
}

#[test]
fn nothing_runs_when_a_label_would_make_another_text() {
    let desk = desk();
    desk.runbook("write", &WRITE.replace("echo {{ host.labels.role }}", "echo {{ host.labels.zone }}"));
    let zone = |zone: &str| {
        let fleet = format!("hosts:\n  web-1: {{ address: 10.255.255.1, labels: {{ role: test, zone: {zone} }} }}\n");
        std::fs::write(desk.path("config/fleet.yaml"), fleet).unwrap();
    };
    zone("a");
    let out = plan(&desk, "plan.json");
    zone("b");
    stops(&desk, &out, &["write", "web-1"]);
}

#[test]
fn nothing_runs_when_a_script_beside_the_runbook_was_changed() {
    let desk = desk();
    let script = desk.path("config/runbooks/tool.sh");
    std::fs::write(&script, "echo one\n").unwrap();
    desk.runbook(
        "write",
        &WRITE.replace(
            "run: echo {{ host.labels.role }} > {{ file }}",
            "script: { file: tool.sh, args: ['{{ file }}'] }",
        ),
    );
    let out = plan(&desk, "plan.json");
    std::fs::write(&script, "echo two\n").unwrap();
    stops(&desk, &out, &["web-1 gets another text in the step write"]);
}

#[test]
fn nothing_runs_when_another_host_key_is_trusted() {
    let sshd = Sshd::start();
    let desk = Desk::with_host(&sshd);
    desk.run(&["keys", "--accept-new"]).expect(0);
    desk.runbook("write", WRITE);
    desk.runbook("look", LOOK);
    let out = plan(&desk, "plan.json");
    let known = desk.path("data/known_hosts");
    let kept = std::fs::read_to_string(&known).unwrap();
    let other = Sshd::start();
    let fields: Vec<&str> = kept.split_whitespace().collect();
    let key = other.host_key();
    std::fs::write(&known, format!("{} {key}\n", fields[0])).unwrap();
    stops(&desk, &out, &["the host key of local is another", "SHA256:"]);
}

#[test]
fn a_file_that_is_no_plan_of_today_is_refused_for_what_it_is() {
    let desk = desk();
    let out = plan(&desk, "plan.json");
    let text = std::fs::read_to_string(&out).unwrap();
    let of_format_1 = include_str!("../../src-tauri/crates/model/tests/data/plan-format-1-run.json");
    for (name, content, words) in [
        ("altered", text.replace("/tmp/x", "/tmp/z"), "it was changed after it was sealed"),
        ("truncated", text[..text.len() / 2].to_owned(), "it is not a plan document"),
        ("newer", text.replace("\"format\":3", "\"format\":9"), "it has format 9"),
        ("older", of_format_1.to_owned(), "an earlier version made"),
        ("other", "{}".to_owned(), "it is not a plan document"),
    ] {
        let file = desk.path(name);
        std::fs::write(&file, content).unwrap();
        let ended = desk.run(&["run", "--plan", &file.display().to_string(), "--yes"]);
        ended.expect(2);
        assert!(ended.stderr.contains(words), "{name}: {}", ended.stderr);
    }
    let missing = desk.run(&["run", "--plan", "no-such-plan", "--yes"]);
    missing.expect(2);
    assert!(missing.stderr.contains("no-such-plan"), "{}", missing.stderr);
}

#[test]
fn a_plan_that_cannot_be_started_is_shown_but_neither_written_nor_confirmed() {
    let desk = desk();
    desk.runbook(
        "write",
        "runbook: write\ntitle: Tell\nsummary: Tells.\nowner: test\nkind: operation\ntargets: role=test\n\
         steps:\n  - { id: take, fetch: { from: /var/log/syslog, to: logs, max: 1MiB } }\n",
    );
    let shown = desk.run(&["plan", "write"]);
    shown.expect(0);
    assert!(shown.stdout.contains("cannot be started: step take"), "{}", shown.stdout);
    let out = desk.path("plan.json").display().to_string();
    desk.run(&["plan", "write", "--out", &out]).expect(2);
    assert!(!desk.path("plan.json").exists(), "a plan that nobody can start was handed out");
    let ended = desk.run(&["run", "write", "--yes"]);
    ended.expect(2);
    assert!(ended.stderr.contains("cannot be started; nothing was sent"), "{}", ended.stderr);
    assert_eq!(desk.json(&["runs"]).as_array().unwrap().len(), 0);
}
