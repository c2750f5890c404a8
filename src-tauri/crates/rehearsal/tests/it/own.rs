//! What a test says that is wrong, and what a rehearsal knows of the language.

use daytwo_rehearsal::{Report, rehearse};
use daytwo_runbook::{Nowhere, parse, parse_rehearsal};

const HEAD: &str =
    "title: Test\nsummary: A test.\nkind: operation\nowner: us\nreviewed: 2026-01-01\ntargets: role=web\n";

/// Runs `tests` against a runbook with these lines after its head; time is left out of the report.
fn report(runbook: &str, tests: &str) -> Report {
    let runbook = parse("test.yaml", &format!("runbook: test\n{HEAD}{runbook}")).unwrap_or_else(|e| panic!("{e}"));
    let tests = format!("runbook: test\nhosts:\n  web-[1-3]: {{ labels: {{ role: web }} }}\n{tests}");
    let tests = parse_rehearsal("t.test.yaml", &tests).unwrap_or_else(|errors| panic!("{errors}"));
    let mut report = rehearse(&runbook, &tests, &Nowhere);
    report.real_ms = 0.0;
    report.cases.iter_mut().for_each(|case| case.real_ms = 0.0);
    report
}

const RESTART: &str = "
steps:
  - id: before
    effect: read
    run: show pid
    capture: { pid: stdout }
  - id: restart
    run: restart app
    verify: { run: 'look {{ captured.pid }}', within: 10s }
    undo: { run: 'restart back' }
  - id: greet
    effect: read
    run: greet
";

const WELL: &str = "
replies:
  before: { stdout: '7' }
  restart: { after: 2s }
  restart.verify: ok
  greet: ok
";

#[test]
fn a_wrong_expectation_is_shown_side_by_side_at_its_line() {
    let report = report(
        RESTART,
        &format!(
            "{WELL}
cases:
  - case: everything that can be expected is expected wrongly
    replies:
      restart.verify: {{ web-1: {{ exit: 3 }} }}
    expect:
      end: succeeded
      batches: [[\"web-[1-3]\"]]
      course:
        web-1:
          - before finished
          - restart verified
          - greet finished
        web-[2-3]: [restart verified]
      captured: {{ web-1: {{ pid: 8 }} }}
      sent:
        before: show pids
        restart.verify: {{ contains: ['look 8'] }}
      within: 5s
"
        ),
    );
    assert!(!report.passed());
    insta::assert_snapshot!(report);
}

#[test]
fn a_reply_that_nobody_asks_for_and_a_question_without_reply_are_told() {
    let report = report(
        RESTART,
        "
replies:
  before: { stdout: '7' }
  greet.undo: ok
cases:
  - case: a reply is missing
    expect: { end: failed }
  - case: a reply is of the wrong kind
    replies: { restart: { status: 200 } }
    expect: { end: failed }
  - case: replies are never asked for
    replies:
      restart: { exit: 1 }
      restart.verify: ok
      before: [{ stdout: '7' }, { stdout: '8' }]
      greet: { web-3: ok }
      gret: ok
    expect: { end: failed }
  - case: it is cancelled too late
    replies: { before: { exit: 1 } }
    cancel_after: 1h
    expect: { end: failed }
",
    );
    insta::assert_snapshot!(report);
}

#[test]
fn everything_that_is_wrong_with_a_file_is_said_at_once() {
    let tests = "
runbook: test
hosts:
  web-[1-3]: { label: { role: web } }
  web-2: {}
replies:
  before: { stdout: a, status: 200 }
  restart: unreachabel
cases:
  - case: one
    cancel_after: 30
    replies:
      before: { web-9: ok }
      restart: { stout: a }
    expect:
      end: succeded
      course:
        web-1: [restart verifed, restart, restart skipped (earlier stp)]
  - case: one
    expect: { refused: no, batches: [[web-1]] }
  - expect: {}
";
    let errors = parse_rehearsal("t.test.yaml", tests).unwrap_err();
    insta::assert_snapshot!(errors);
}

#[test]
fn a_small_file_cannot_name_a_million_hosts() {
    let many = |line: &str| (0..2000).map(|n| line.replace('#', &n.to_string())).collect::<String>();
    for (hosts, replies, limit) in [
        (many("  web#-[1-900]: {}\n"), String::new(), "at most 1000 hosts"),
        ("  web-[0-4294967295]: {}\n".to_owned(), String::new(), "is not a range"),
        ("  web-[1-9][0-9][0-9][0-9]: {}\n".to_owned(), String::new(), "is not a range"),
        ("  web-[1-900]: {}\n".to_owned(), many("  s#: { 'web-[1-900]': ok }\n"), "too many hosts"),
    ] {
        let tests = format!(
            "runbook: test\nhosts:\n{hosts}replies:\n  a: ok\n{replies}cases: [{{ case: a, expect: {{ end: failed }} }}]\n"
        );
        let errors = parse_rehearsal("t.test.yaml", &tests).unwrap_err().to_string();
        assert!(errors.contains(limit), "{}", errors.lines().next().unwrap());
    }
}

#[test]
fn a_secret_is_in_no_report() {
    let runbook = "
inputs: { key: { type: secret, default: app/key } }
steps:
  - { id: use, effect: read, run: 'use {{ key }}' }
";
    let tests = "
cases:
  - case: it is told by its name
    replies: { use: ok }
    expect: { end: succeeded, sent: { use: \"use '‹secret app/key›'\" } }
  - case: it is not there
    replies: { use: ok }
    expect: { end: succeeded, sent: { use: use nothing } }
  - case: its text has no reply
    expect: { end: failed }
";
    let report = report(runbook, tests);
    let text = format!("{report} {}", serde_json::to_string(&report).unwrap());
    assert!(text.contains("‹secret app/key›"), "{text}");
    assert!(!text.contains("REHEARSAL-SECRET"), "{text}");
}

#[test]
fn what_is_not_seen_dead_after_its_time_is_unknown() {
    let report = report(
        RESTART,
        &format!(
            "{WELL}
cases:
  - case: it hangs, and cannot be killed
    replies: {{ restart: {{ web-1: {{ ends: never, cancel: unseen }} }} }}
    expect:
      end: failed
      course:
        web-1: [before finished, restart unknown, greet skipped (earlier step)]
        others: nothing
"
        ),
    );
    assert!(report.cases[0].passed(), "{report}");
}

#[test]
fn the_whole_language_can_be_rehearsed() {
    let runbook = "
inputs:
  units: { type: list, of: { type: string }, default: [a, b] }
rollout: { batches: [1, 100%], max_failed: 1 }
steps:
  - { id: lock, on: one, effect: read, run: take lock }
  - { id: state, effect: read, run: state, capture: { state: stdout } }
  - id: pull
    for_each: '{{ units }}'
    run: 'pull {{ item }}'
    check: { run: 'have {{ item }}' }
    verify: { run: 'have {{ item }}', within: 5s, samples: 3, at_least: 2 }
    undo: { run: 'drop {{ item }}' }
    retry: { count: 3, delay: 2s }
  - id: fix
    when: captured.state == 'broken'
    run: fix
    undo: none
  - { id: settle, wait: 1h }
on_failure:
  - { id: rescue, effect: read, run: rescue }
always:
  - { id: tidy, effect: read, run: tidy }
";
    let tests = "
inputs: { units: [x, y] }
replies:
  lock: ok
  state: { stdout: fine }
  pull.check: { exit: 1 }
  pull: { after: 1s }
  pull.verify: ok
  pull.undo: ok
  tidy: ok
cases:
  - case: all is well
    expect:
      end: succeeded
      course:
        web-1:
          - lock finished
          - state finished
          - pull.1 verified
          - pull.2 verified
          - fix skipped (condition)
          - settle finished
          - tidy finished
        others:
          - state finished
          - pull.1 verified
          - pull.2 verified
          - fix skipped (condition)
          - settle finished
          - tidy finished
      sent: { pull: { contains: 'pull ' } }
    undo:
      end: rolled back
      course: { others: [pull.2 undone, pull.1 undone] }
  - case: a pull is made again, another is not needed, and a host is broken
    replies:
      state: { web-2: { stdout: broken } }
      fix: { web-2: ok }
      pull.1: { web-2: [{ exit: 75 }, { exit: 0 }] }
      pull.2.check: { web-2: ok }
      pull.2.verify: { web-3: [{ exit: 1 }, ok, ok] }
    expect:
      end: succeeded
      course:
        web-1: [lock finished, state finished, pull.1 verified, pull.2 verified, fix skipped (condition), settle finished, tidy finished]
        web-2: [state finished, pull.1 verified (2 attempts), pull.2 skipped (not needed), fix finished, settle finished, tidy finished]
        web-3: [state finished, pull.1 verified, pull.2 verified, fix skipped (condition), settle finished, tidy finished]
  - case: a host fails and is rescued
    replies:
      pull.1: { web-3: { exit: 1 } }
      rescue: ok
    expect:
      end: failed
      course:
        web-1: [lock finished, state finished, pull.1 verified, pull.2 verified, fix skipped (condition), settle finished, tidy finished]
        web-2: [state finished, pull.1 verified, pull.2 verified, fix skipped (condition), settle finished, tidy finished]
        web-3: [state finished, pull.1 failed (exit 1) (3 attempts), pull.2 skipped (earlier step), fix skipped (earlier step), settle skipped (earlier step), rescue finished, tidy finished]
";
    let report = report(runbook, tests);
    assert!(report.passed(), "{report}");
}
