//! The undo of a run: exactly what may have happened, in reverse, with what was captured.

use daytwo_model::{Event, OutputTally, RunOutcome, RunState, SkipReason};
use daytwo_runbook::{Past, PlanRequest, UndoPlan, plan_undo};
use serde_json::Value;

use crate::kit::{Around, fleet, ids, now, planned, request, runbook};
use crate::tale::{Tale, attempt, run_id, script};

const BOOK: &str = "rollout: { batches: [1, 100%], max_failed: 100%, max_unreachable: 100% }\nsteps:\n  - { id: look, effect: read, run: cat old, capture: { old: stdout } }\n  - { id: write, run: put new, verify: { run: check }, undo: { run: 'put {{ captured.old }}', verify: { run: get, expect: { stdout: '{{ captured.old }}' }, within: 5s } } }\n  - { id: restart, run: restart, undo: none }\n";

#[test]
fn an_undo_takes_back_what_may_have_happened_and_lists_the_rest() {
    let fleet = fleet();
    let sealed = planned(&runbook(BOOK), &request(&fleet, "role=web", &[]));
    let mut tale = Tale::of(&sealed);
    // Host 0 went through; its restart has no way back.
    tale.finished(0, 0, 0, &[("old", Value::from("a b"))]);
    tale.finished(0, 1, 0, &[]);
    tale.tell(&Event::AttemptVerified { attempt: attempt(0, 1) });
    tale.finished(0, 2, 0, &[]);
    tale.next_batch();
    // Host 1 failed in the change, host 2 was not seen to end, host 3 captured nothing.
    tale.finished(1, 0, 0, &[("old", Value::from(7))]);
    tale.finished(1, 1, 1, &[]);
    tale.finished(2, 0, 0, &[("old", Value::from("x"))]);
    let unseen = tale.sent(2, 1);
    tale.tell(&Event::AttemptUnknown { attempt: unseen, why: "link lost".into(), output: OutputTally::default() });
    tale.finished(3, 0, 0, &[]);
    tale.finished(3, 1, 0, &[]);
    tale.tell(&Event::AttemptNotVerified { attempt: attempt(3, 1), why: "no".into() });
    tale.tell(&Event::StepSkipped { host: 1, step: 2, why: SkipReason::EarlierStep });
    let state = tale.ended(RunOutcome::Failed);

    let UndoPlan { plan, left_out, .. } =
        plan_undo(&Past::alone(run_id(), sealed.plan(), &state), "test".into(), now()).unwrap();
    let plan = plan.plan();
    let names: Vec<&str> = plan.hosts.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(names, ["web-ams-1", "web-ams-2"]);
    assert_eq!(plan.batches, [[0], [1]]);
    assert_eq!(plan.limits.total.failed_max, 2);
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(script(plan, 0, 0).as_deref(), Some("put 'a b'"));
    assert_eq!(script(plan, 0, 1).as_deref(), Some("put 7"));
    let verify = plan.steps[0].verify.as_ref().unwrap();
    assert_eq!(verify.within_ms, 5000);
    assert_eq!(verify.probe.get(0).unwrap().expect.stdout.as_ref().unwrap().preview(), "a b");

    let said: Vec<String> = left_out.iter().map(|left| format!("{} {}: {}", left.host, left.step, left.why)).collect();
    assert_eq!(
        said,
        [
            "web-ams-1 restart: the runbook says that there is no way back",
            "web-fra-1 write: whether it happened is not known: link lost",
            "web-fra-2 write: its inverse needs what was captured as old, and nothing was",
        ]
    );

    // An undo is not undone.
    let again = plan_undo(&Past::alone(run_id(), plan, &RunState::new(plan)), "test".into(), now()).unwrap_err();
    assert!(again.to_string().contains("an undo has no way back"), "{again}");
}

#[test]
fn an_undo_goes_backwards_through_the_steps() {
    let fleet = fleet();
    let book = runbook(
        "steps:\n  - { id: one, run: a, undo: { run: undo-a } }\n  - { id: two, run: b, undo: { run: undo-b } }\n",
    );
    let sealed = planned(&book, &request(&fleet, "host~web-ams-1", &[]));
    let mut tale = Tale::of(&sealed);
    tale.finished(0, 0, 0, &[]);
    tale.finished(0, 1, 0, &[]);
    let undo =
        plan_undo(&Past::alone(run_id(), sealed.plan(), &tale.ended(RunOutcome::Succeeded)), "test".into(), now())
            .unwrap();
    let ids: Vec<&str> = undo.plan.plan().steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["two", "one"]);
    assert!(undo.left_out.is_empty());
}

#[test]
fn a_run_that_goes_on_or_changed_nothing_is_not_undone() {
    let fleet = fleet();
    let sealed = planned(&runbook(BOOK), &request(&fleet, "host~web-ams-1", &[]));
    let mut tale = Tale::of(&sealed);
    tale.finished(0, 0, 0, &[]);
    let running = plan_undo(&Past::alone(run_id(), sealed.plan(), &tale.0), "test".into(), now()).unwrap_err();
    assert!(running.to_string().contains("still going"), "{running}");
    let state = tale.ended(RunOutcome::Cancelled);
    let nothing = plan_undo(&Past::alone(run_id(), sealed.plan(), &state), "test".into(), now()).unwrap_err();
    assert_eq!(nothing.to_string(), "there is nothing that this run's undo could take back");
}

const LONG: &str = "inputs: { l: { type: list, of: { type: string }, default: [x, y] } }\nrollout: { batches: [100%], max_failed: 100%, max_unreachable: 100% }\nsteps:\n  - { id: pick, on: one, effect: read, run: pick, capture: { leader: stdout } }\n  - { id: each, for_each: '{{ l }}', run: 'set {{ item }}', undo: { run: 'reset {{ item }} {{ captured.leader }}', verify: { run: ok, samples: 4, at_least: 3 } } }\n  - { id: sub, call: { runbook: inner } }\non_failure: [{ id: tidy, run: tidy, undo: { run: untidy } }]\n";

#[test]
fn an_undo_goes_back_through_loops_calls_and_phases_with_what_each_step_had_captured() {
    let fleet = fleet();
    let around = Around::with_runbooks(&[(
        "inner",
        "steps: [{ id: act, run: act, retry: { count: 3, delay: 1s }, undo: { run: deact } }]\n",
    )]);
    let request = PlanRequest { surroundings: &around, ..request(&fleet, "site=ams and role=web", &[]) };
    let sealed = planned(&runbook(LONG), &request);
    assert_eq!(ids(sealed.plan()), ["pick", "each.1", "each.2", "sub/act", "tidy"]);
    let mut tale = Tale::of(&sealed);
    tale.finished(0, 0, 0, &[("leader", Value::from("l"))]);
    for host in [0, 1] {
        tale.finished(host, 1, 0, &[]);
        tale.finished(host, 2, 0, &[]);
    }
    // It failed and was made again; the second time nothing could be sent.
    tale.finished(0, 3, 7, &[]);
    let again = tale.sent_again(0, 3, 1);
    tale.tell(&Event::AttemptUnreachable { attempt: again, why: "gone".into() });
    tale.finished(1, 3, 7, &[]);
    let state = tale.ended(RunOutcome::Failed);
    let UndoPlan { plan, left_out, .. } =
        plan_undo(&Past::alone(run_id(), sealed.plan(), &state), "test".into(), now()).unwrap();
    let plan = plan.plan();
    assert!(left_out.is_empty(), "{left_out:?}");
    assert_eq!(ids(plan), ["sub/act", "each.2", "each.1"]);
    assert_eq!(script(plan, 0, 0).as_deref(), Some("deact"), "a first attempt may have changed something");
    assert_eq!(script(plan, 1, 1).as_deref(), Some("reset y l"));
    assert_eq!(script(plan, 2, 1).as_deref(), Some("reset x l"));
    assert!(plan.steps.iter().all(|step| step.needs.is_empty() && step.condition.is_none() && step.retry.is_none()));
    let verify = plan.steps[2].verify.as_ref().unwrap();
    assert_eq!((verify.samples, verify.at_least), (4, 3));
}
