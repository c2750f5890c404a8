//! What a rehearsal knows of decisions, of links that come back, of health between batches, and of late words.

use daytwo_rehearsal::{Report, rehearse};
use daytwo_runbook::{Nowhere, parse, parse_rehearsal};

/// Runs `cases` against a runbook with these lines after its head, on three hosts.
fn report(runbook: &str, cases: &str) -> Report {
    let runbook = format!("runbook: test\ntitle: Test\nsummary: A test.\nowner: us\ntargets: role=web\n{runbook}");
    let runbook = parse("test.yaml", &runbook).unwrap_or_else(|errors| panic!("{errors}"));
    let tests = format!("runbook: test\nhosts:\n  web-[1-3]: {{ labels: {{ role: web }} }}\ncases:\n{cases}");
    let tests = parse_rehearsal("t.test.yaml", &tests).unwrap_or_else(|errors| panic!("{errors}"));
    rehearse(&runbook, &tests, &Nowhere)
}

fn passes(runbook: &str, cases: &str) {
    let report = report(runbook, cases);
    assert!(report.passed(), "{report}");
}

const ASKS: &str = "
rollout: { batches: [100%], max_failed: 100% }
steps:
  - { id: look, effect: read, run: look }
  - id: set
    run: set
    undo: { run: unset }
    if_failed: { ask: { within: 10m, otherwise: exclude } }
  - { id: more, run: more, undo: none }
";

#[test]
fn a_person_decides_about_each_failure_and_no_answer_means_what_the_runbook_says() {
    let case = |answer: &str, replies: &str, end: &str, course: &str| {
        passes(
            ASKS,
            &format!(
                "  - case: it fails on the second\n    replies: {{ look: ok, set: {{ web-2: {replies}, others: ok }}, more: ok{} }}\n{answer}    expect:\n      end: {end}\n      course:\n        web-2: [look finished, {course}]\n        others: [look finished, set finished, more finished]\n",
                if course.contains("undone") { ", set.undo: ok" } else { "" }
            ),
        );
    };
    let failed = "{ exit: 1 }";
    case("    answers: { set: retry }\n", "[{ exit: 1 }, ok]", "succeeded", "set finished (2 attempts), more finished");
    case("    answers: { set: skip }\n", failed, "succeeded", "set failed (exit 1), more finished");
    case("    answers: { set: exclude }\n", failed, "failed", "set failed (exit 1), more skipped (excluded)");
    case("    answers: { set: stop }\n", failed, "failed", "set failed (exit 1), more skipped (stopped)");
    let undone = "set failed (exit 1), set.undo undone, more skipped (undoing)";
    case("    answers: { set: undo }\n", failed, "failed", undone);
    case(
        "    answers: { set: [retry, undo] }\n",
        failed,
        "failed",
        &undone.replace("(exit 1)", "(exit 1) (2 attempts)"),
    );
    // Nobody answers: ten minutes later it goes on as the runbook says.
    case("", failed, "failed", "set failed (exit 1), more skipped (excluded)");
}

#[test]
fn an_answer_that_nobody_asks_for_is_told() {
    let report = report(
        ASKS,
        "  - case: all is well\n    replies: { look: ok, set: ok, more: ok }\n    answers: { set: skip }\n    expect: { end: succeeded }\n",
    );
    assert!(!report.passed());
    assert!(report.to_string().contains("an answer about set is never asked for"), "{report}");
}

#[test]
fn what_became_of_a_step_is_found_out_when_the_host_is_in_sight_again() {
    let book = "
rollout: { batches: [100%], max_failed: 100%, max_unreachable: 100% }
steps:
  - { id: set, timeout: 1m, run: set, undo: { run: unset } }
";
    passes(
        book,
        "  - case: three links are cut
    replies: { set: { web-1: not started, web-2: reboot, web-3: lost } }
    expect:
      end: failed
      course: { web-1: [set not started], web-2: [set lost], web-3: [set unknown] }
    undo:
      refused: it was lost and may have half happened
",
    );
}

#[test]
fn health_is_asked_between_batches_and_stops_the_rollout() {
    let book = "
rollout: { batches: [1, 1, 1], hold: 5s, health: { http: { url: 'http://lb.example/health' }, within: 30s } }
steps:
  - { id: set, run: set, undo: none }
";
    passes(
        book,
        "  - case: it is well after the first batch and not after the second
    replies: { set: ok, rollout.health: [{ status: 503 }, { status: 200 }, { status: 503 }] }
    expect:
      end: failed
      course: { 'web-[1-2]': [set finished], web-3: [set skipped (unhealthy)] }
      sent: { rollout.health: GET http://lb.example/health }
",
    );
}
