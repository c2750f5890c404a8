//! The rest of a run: what a host has behind it is not done again, and nothing is begun beside what may still run.

use daytwo_model::plan::{Intent, PlannedStep, ResumePart};
use daytwo_model::{
    AttemptState, CancelReason, Event, HostName, OutputTally, Plan, RunOutcome, RunState, SealedPlan, SkipReason,
    Timestamp,
};
use daytwo_runbook::{
    Past, PlanErrors, ResumePlan, Runbook, changed_since, plan_late, plan_resume, plan_undo, resume_choices,
};
use serde_json::Value;
use std::sync::Arc;

use crate::kit::{fleet, ids, now, planned, request, runbook};
use crate::tale::{Tale, attempt, run_id, script};

const BOOK: &str = "rollout: { batches: [1, 100%], max_failed: 100%, max_unreachable: 100%, max_failed_per_batch: 50%, when_reachable: { for: 1h } }
steps:
  - { id: pick, on: one, effect: read, run: pick, capture: { leader: stdout } }
  - { id: look, effect: read, run: look, capture: { old: stdout } }
  - { id: write, run: 'put {{ captured.leader }}', undo: { run: 'put {{ captured.old }}', verify: { run: 'is {{ captured.old }}' } } }
  - { id: maybe, when: captured.old != 'x', run: maybe, undo: none }
  - { id: after, needs: [maybe], run: 'after {{ captured.old }}', undo: none }
  - { id: last, run: last, undo: none }
always: [{ id: tidy, run: tidy, undo: none }]
";
const MAIN: u32 = 6;

fn sealed() -> SealedPlan {
    let fleet = fleet();
    planned(&runbook(BOOK), &request(&fleet, "role=web", &[]))
}

fn unreachable(tale: &mut Tale, host: u32, step: u32) {
    let attempt = tale.sent(host, step);
    tale.tell(&Event::AttemptUnreachable { attempt, why: "no route".into() });
}

fn unknown(tale: &mut Tale, host: u32, step: u32) {
    let attempt = tale.sent(host, step);
    tale.tell(&Event::AttemptUnknown { attempt, why: "link lost".into(), output: OutputTally::default() });
}

fn lost(tale: &mut Tale, host: u32, step: u32) {
    let attempt = tale.sent(host, step);
    tale.tell(&Event::AttemptLost { attempt, why: "rebooted".into(), output: OutputTally::default() });
}

/// The first host went through; `rest` tells of the others, up to their own end.
fn told(sealed: &SealedPlan, rest: impl FnOnce(&mut Tale)) -> RunState {
    let mut tale = Tale::of(sealed);
    tale.finished(0, 0, 0, &[("leader", Value::from("the leader"))]);
    tale.finished(0, 1, 0, &[("old", Value::from("o"))]);
    (2..=MAIN).for_each(|step| tale.finished(0, step, 0, &[]));
    tale.next_batch();
    (1..4).for_each(|host| tale.skipped(host, [0], &SkipReason::NotPlanned));
    rest(&mut tale);
    tale.ended(RunOutcome::Failed)
}

/// Host 1 failed in its first change, host 2 in its last step, host 3 was not reached.
fn usual(sealed: &SealedPlan) -> RunState {
    told(sealed, |tale| {
        tale.finished(1, 1, 0, &[("old", Value::from("a b"))]);
        tale.finished(1, 2, 1, &[]);
        tale.skipped(1, 3..MAIN, &SkipReason::EarlierStep);
        tale.finished(1, MAIN, 0, &[]);
        tale.finished(2, 1, 0, &[("old", Value::from("x"))]);
        tale.finished(2, 2, 0, &[]);
        tale.skipped(2, [3], &SkipReason::Condition);
        tale.skipped(2, [4], &SkipReason::Needs { step: 3 });
        tale.finished(2, 5, 3, &[]);
        tale.finished(2, MAIN, 0, &[]);
        unreachable(tale, 3, 1);
        tale.skipped(3, 2..=MAIN, &SkipReason::EarlierStep);
    })
}

fn resumed(plan: &Plan, state: &RunState, part: ResumePart) -> Result<ResumePlan, PlanErrors> {
    plan_resume(&Past::alone(run_id(), plan, state), part, "test".into(), now())
}

fn rest(plan: &Plan, state: &RunState, part: ResumePart) -> (SealedPlan, Vec<String>) {
    let ResumePlan { plan, left_out } = resumed(plan, state, part).unwrap_or_else(|errors| panic!("{errors}"));
    (plan, left_out.iter().map(|left| format!("{} {}: {}", left.host, left.step, left.why)).collect())
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.hosts.iter().map(|host| host.name.as_str()).collect()
}

/// For each host what a step does there: its script, `done`, or nothing.
fn course(plan: &Plan, id: &str) -> Vec<String> {
    let step = plan.steps.iter().position(|step| step.id.as_str() == id).unwrap();
    let hosts = 0..u32::try_from(plan.hosts.len()).unwrap();
    hosts
        .map(|host| match (plan.steps[step].done_before.contains(&host), script(plan, step, host)) {
            (true, None) => "done".to_owned(),
            (false, None) => "-".to_owned(),
            (false, Some(script)) => script.trim().to_owned(),
            (true, Some(script)) => panic!("{id} is done before and again: {script}"),
        })
        .collect()
}

fn step<'p>(plan: &'p Plan, id: &str) -> &'p PlannedStep {
    plan.steps.iter().find(|step| step.id.as_str() == id).unwrap()
}

#[test]
fn failed_hosts_go_on_from_their_failed_step_with_what_was_captured_then() {
    let sealed = sealed();
    let (resumed, left_out) = rest(sealed.plan(), &usual(&sealed), ResumePart::FailedFromTheirStep);
    let plan = resumed.plan();
    assert_eq!(left_out, [""; 0]);
    assert_eq!(names(plan), ["web-ams-2", "web-fra-1"]);
    assert_eq!(plan.batches, [[0, 1]]);
    assert_eq!(plan.intent, Intent::Resume { of: run_id(), part: ResumePart::FailedFromTheirStep, after: Vec::new() });
    assert_eq!(ids(plan), ids(sealed.plan()), "every step keeps its place, so that `needs` still mean the same");
    // What is done once was done: the first host has it behind it for both.
    assert_eq!(course(plan, "pick"), ["done", "-"]);
    assert_eq!(course(plan, "look"), ["done", "done"]);
    assert_eq!(course(plan, "write"), ["put 'the leader'", "done"]);
    assert_eq!(course(plan, "maybe"), ["maybe", "-"]);
    assert_eq!(course(plan, "after"), ["after 'a b'", "-"]);
    assert_eq!(course(plan, "last"), ["last", "last"]);
    assert_eq!(course(plan, "tidy"), ["tidy", "tidy"]);
    let condition = step(plan, "maybe").condition.as_ref().unwrap().get(0).unwrap();
    assert_eq!(condition.holds(&[].into()), Ok(true), "nobody captures the value again");
    assert_eq!(plan.limits.batches, sealed.plan().limits.batches[1..]);
    assert_eq!(plan.limits.when_reachable_until, sealed.plan().limits.when_reachable_until);
}

#[test]
fn a_resumed_run_is_resumed_and_undone_like_any_other_and_undoes_only_what_it_did() {
    let sealed = sealed();
    let (resumed, _) = rest(sealed.plan(), &usual(&sealed), ResumePart::FailedFromTheirStep);
    let mut tale = Tale::of(&resumed);
    let behind = SkipReason::DoneBefore;
    tale.skipped(0, [0, 1], &behind);
    tale.finished(0, 2, 0, &[]);
    tale.finished(0, 3, 9, &[]);
    tale.skipped(0, 4..MAIN, &SkipReason::EarlierStep);
    tale.skipped(1, [0], &SkipReason::NotPlanned);
    tale.skipped(1, [1, 2], &behind);
    tale.skipped(1, [3, 4], &SkipReason::NotPlanned);
    tale.finished(1, 5, 0, &[]);
    tale.finished(1, MAIN, 0, &[]);
    tale.finished(0, MAIN, 0, &[]);
    let state = tale.ended(RunOutcome::Failed);
    let undo = plan_undo(&Past::alone(run_id(), resumed.plan(), &state), "test".into(), now()).unwrap();
    assert_eq!((names(undo.plan.plan()), ids(undo.plan.plan())), (vec!["web-ams-2"], vec!["write"]));
    assert_eq!(script(undo.plan.plan(), 0, 0).as_deref(), Some("put 'a b'"), "captured two runs ago");
    let (again, _) = rest(resumed.plan(), &state, ResumePart::FailedFromTheirStep);
    let plan = again.plan();
    assert_eq!(names(plan), ["web-ams-2"]);
    assert_eq!([course(plan, "look"), course(plan, "write"), course(plan, "maybe")], [["done"], ["done"], ["maybe"]]);
    assert_eq!(course(plan, "after"), ["after 'a b'"]);
}

#[test]
fn failed_and_not_reached_hosts_begin_anew_but_what_is_done_once_is_not_done_twice() {
    let sealed = sealed();
    let (resumed, left_out) = rest(sealed.plan(), &usual(&sealed), ResumePart::FailedAndNotReached);
    let plan = resumed.plan();
    assert_eq!(left_out, [""; 0]);
    assert_eq!(names(plan), ["web-ams-2", "web-fra-1", "web-fra-2"]);
    assert_eq!(course(plan, "pick"), ["done", "-", "-"]);
    assert_eq!(course(plan, "look"), ["look"; 3]);
    assert_eq!(course(plan, "write"), ["put 'the leader'"; 3]);
    assert_eq!(course(plan, "after"), ["after ‹captured old›"; 3], "it is captured again");
    assert_eq!(step(plan, "write").action.variants().len(), 1, "what hosts share is still kept once");
}

#[test]
fn the_same_plan_again_is_the_same_for_every_host() {
    let sealed = sealed();
    let (resumed, left_out) = rest(sealed.plan(), &usual(&sealed), ResumePart::Everything);
    assert_eq!((left_out.len(), resumed.plan().steps.clone()), (0, sealed.plan().steps.clone()));
    assert_eq!((&resumed.plan().hosts, &resumed.plan().batches), (&sealed.plan().hosts, &sealed.plan().batches));
    assert_ne!(resumed.digest(), sealed.digest(), "it is a plan of its own, and executed once");
}

#[test]
fn a_host_of_which_an_end_is_not_known_is_named_and_takes_no_part() {
    let sealed = sealed();
    let state = told(&sealed, |tale| {
        tale.finished(1, 1, 0, &[("old", Value::from("a"))]);
        unknown(tale, 1, 2);
        tale.finished(2, 1, 0, &[("old", Value::from("a"))]);
        lost(tale, 2, 2);
        // A read that nobody saw the end of changed nothing: the host begins there.
        unknown(tale, 3, 1);
    });
    let why = [
        "web-ams-2 write: whether it happened is not known: link lost",
        "web-fra-1 write: it was lost and may have half happened: rebooted",
    ];
    for part in [ResumePart::FailedFromTheirStep, ResumePart::FailedAndNotReached] {
        let (resumed, left_out) = rest(sealed.plan(), &state, part);
        assert_eq!(left_out, why, "{part:?}");
        assert_eq!(names(resumed.plan()), ["web-fra-2"]);
        assert_eq!(course(resumed.plan(), "look"), ["look"]);
    }
    let errors = resumed(sealed.plan(), &state, ResumePart::Everything).unwrap_err().to_string();
    assert!(errors.contains("step write: web-ams-2: it may still be running there"), "{errors}");
    assert!(!errors.contains("web-fra-1"), "what is lost does not run any more: {errors}");
    let choices = resume_choices(&Past::alone(run_id(), sealed.plan(), &state));
    let now: Vec<bool> = choices.iter().map(|choice| choice.not_now.is_none()).collect();
    assert_eq!(now, [true, true, false]);
    assert_eq!(choices[0].hosts.iter().map(HostName::as_str).collect::<Vec<_>>(), ["web-fra-2"]);
    assert_eq!((choices[0].left_out.len(), choices[0].behind), (2, 1));
}

#[test]
fn a_step_that_was_killed_is_not_begun_beside_a_way_back_that_may_still_fire() {
    let fleet = fleet();
    let book = runbook(
        "steps:
  - { id: route, run: route, undo: { run: back }, dead_man: 1m, verify: { run: 'true' } }
",
    );
    let sealed = planned(&book, &request(&fleet, "web-ams-1", &[]));
    let killed = |switch: Option<Event>| {
        let mut tale = Tale::of(&sealed);
        let attempt = tale.sent(0, 0);
        let (reason, output) = (CancelReason::Deadline, OutputTally::default());
        tale.tell(&Event::AttemptCancelled { attempt, reason, output });
        switch.iter().for_each(|event| tale.tell(event));
        tale.ended(RunOutcome::Failed)
    };
    let disarmed = killed(Some(Event::DeadManDisarmed { attempt: attempt(0, 0) }));
    assert_eq!(rest(sealed.plan(), &disarmed, ResumePart::FailedFromTheirStep).1, Vec::<String>::new());
    let unknown = Event::DeadManUnknown { attempt: attempt(0, 0), why: "no route".into() };
    for state in [killed(None), killed(Some(unknown))] {
        let errors = resumed(sealed.plan(), &state, ResumePart::FailedFromTheirStep).unwrap_err().to_string();
        assert!(errors.contains("take it back alone") || errors.contains("took it back alone"), "{errors}");
    }
}

#[test]
fn what_never_began_is_where_a_host_goes_on() {
    let sealed = sealed();
    let state = told(&sealed, |tale| {
        tale.finished(1, 1, 0, &[("old", Value::from("a"))]);
        let sent = tale.sent(1, 2);
        tale.tell(&Event::AttemptNotStarted { attempt: sent, why: "the link was cut before".into() });
        tale.finished(2, 1, 0, &[("old", Value::from("a"))]);
        unreachable(tale, 2, 2);
        unreachable(tale, 3, 1);
    });
    let (resumed, left_out) = rest(sealed.plan(), &state, ResumePart::FailedFromTheirStep);
    assert_eq!((names(resumed.plan()), left_out.len()), (vec!["web-ams-2", "web-fra-1"], 0));
    assert_eq!(course(resumed.plan(), "look"), ["done", "done"]);
    assert_eq!(course(resumed.plan(), "write"), ["put 'the leader'"; 2]);
}

#[test]
fn a_run_that_did_what_it_should_or_goes_on_is_not_resumed() {
    let fleet = fleet();
    let book = runbook("steps: [{ id: a, run: a, undo: { run: b } }]\nalways: [{ id: tidy, run: tidy, undo: none }]");
    let sealed = planned(&book, &request(&fleet, "host=web-ams-1", &[]));
    let mut tale = Tale::of(&sealed);
    tale.finished(0, 0, 0, &[]);
    let errors = resumed(sealed.plan(), &tale.0, ResumePart::Everything).unwrap_err();
    assert!(errors.to_string().contains("still going"), "{errors}");
    tale.finished(0, 1, 0, &[]);
    let state = tale.ended(RunOutcome::Succeeded);
    for part in [ResumePart::FailedFromTheirStep, ResumePart::FailedAndNotReached] {
        let errors = resumed(sealed.plan(), &state, part).unwrap_err();
        assert!(errors.to_string().contains("no host of this run for which there is something to do"), "{errors}");
    }
    assert!(resumed(sealed.plan(), &state, ResumePart::Everything).is_ok());
    let undo = plan_undo(&Past::alone(run_id(), sealed.plan(), &state), "test".into(), now()).unwrap();
    let errors = resumed(undo.plan.plan(), &RunState::new(undo.plan.plan()), ResumePart::Everything).unwrap_err();
    assert!(errors.to_string().contains("an undo is not resumed"), "{errors}");
    // Its last word failed: nothing of its steps is left, and a person is told what is.
    let mut tale = Tale::of(&sealed);
    tale.finished(0, 0, 0, &[]);
    tale.finished(0, 1, 1, &[]);
    let errors = resumed(sealed.plan(), &tale.ended(RunOutcome::Failed), ResumePart::FailedFromTheirStep).unwrap_err();
    assert!(errors.to_string().contains("step tidy: web-ams-1: all its steps are behind it"), "{errors}");
}

#[test]
fn what_is_done_once_stays_with_its_host_and_on_the_console_with_the_first() {
    let fleet = fleet();
    let once = |on: &str| {
        let book = runbook(&format!(
            "rollout: {{ batches: [100%], max_failed: 100%, max_unreachable: 100% }}\nsteps:\n  - {{ id: own, run: own, undo: none }}\n  - {{ id: once, on: {on}, run: migrate, undo: none }}\n  - {{ id: each, run: each, undo: none }}"
        ));
        planned(&book, &request(&fleet, "role=web and site=ams", &[]))
    };
    let state = |sealed: &SealedPlan| {
        let mut tale = Tale::of(sealed);
        // The first host is in the dark before it came to what is done once.
        unknown(&mut tale, 0, 0);
        tale.skipped(0, 1..3, &SkipReason::EarlierStep);
        tale.finished(1, 0, 0, &[]);
        tale.skipped(1, 1..3, &SkipReason::OnceFailed { step: 1 });
        tale.ended(RunOutcome::Failed)
    };
    let one = once("one");
    let errors = resumed(one.plan(), &state(&one), ResumePart::FailedFromTheirStep).unwrap_err();
    assert!(errors.to_string().contains("step once: web-ams-1: this is done once"), "{errors}");
    let console = once("console");
    let (rest, left_out) = rest(console.plan(), &state(&console), ResumePart::FailedFromTheirStep);
    assert_eq!((names(rest.plan()), left_out.len()), (vec!["web-ams-2"], 1));
    assert_eq!([course(rest.plan(), "own"), course(rest.plan(), "once")], [["done"], ["migrate"]]);
}

fn late(plan: &Plan, state: &RunState, hosts: &[&str], at: Timestamp) -> Result<ResumePlan, PlanErrors> {
    let hosts: Vec<HostName> = hosts.iter().map(|host| HostName::new(*host).unwrap()).collect();
    plan_late(&Past::alone(run_id(), plan, state), &hosts, "test".into(), at)
}

#[test]
fn a_host_gets_its_part_late_whole_or_not_at_all() {
    let fleet = fleet();
    let book = |late_ok: &str| {
        runbook(&format!(
            "rollout: {{ batches: [100%], max_failed: 100%, max_unreachable: 100%, when_reachable: {{ for: 1h }} }}\nsteps:\n  - {{ id: pick, on: one, effect: read, run: pick, capture: {{ leader: stdout }} }}\n  - {{ id: look, effect: read, run: look }}\n  - {{ id: write, run: 'put {{{{ captured.leader }}}}', undo: none{late_ok} }}"
        ))
    };
    let state = |sealed: &SealedPlan| {
        let mut tale = Tale::of(sealed);
        tale.finished(0, 0, 0, &[("leader", Value::from("l"))]);
        tale.finished(0, 1, 0, &[]);
        tale.finished(0, 2, 0, &[]);
        for host in 1..3 {
            tale.skipped(host, [0], &SkipReason::NotPlanned);
            unreachable(&mut tale, host, 1);
            tale.skipped(host, [2], &SkipReason::EarlierStep);
        }
        tale.skipped(3, [0], &SkipReason::NotPlanned);
        tale.finished(3, 1, 0, &[]);
        unreachable(&mut tale, 3, 2);
        tale.ended(RunOutcome::Failed)
    };
    let sealed = planned(&book(", late_ok: true"), &request(&fleet, "role=web", &[]));
    let at = Timestamp::from_unix_ms(now().unix_ms() + 2 * 60 * 60 * 1000);
    let ResumePlan { plan, left_out } = late(sealed.plan(), &state(&sealed), &["web-ams-2", "web-fra-2"], at).unwrap();
    assert_eq!(plan.plan().intent, Intent::Late { of: run_id() });
    assert_eq!(names(plan.plan()), ["web-ams-2"], "others are not meant, and on one something was begun");
    assert_eq!([course(plan.plan(), "pick"), course(plan.plan(), "look")], [["done"], ["look"]]);
    assert_eq!(course(plan.plan(), "write"), ["put l"]);
    assert_eq!(plan.plan().limits.when_reachable_until, None, "its time is over");
    assert_eq!(left_out.len(), 1);
    assert!(left_out[0].why.contains("something was started"), "{left_out:?}");

    let sealed = planned(&book(""), &request(&fleet, "role=web", &[]));
    let errors = late(sealed.plan(), &state(&sealed), &["web-ams-2"], at).unwrap_err().to_string();
    assert!(errors.contains("step write: web-ams-2: it changes something and is not marked `late_ok`"), "{errors}");
}

#[test]
fn what_changed_in_the_runbook_since_is_said_and_changes_nothing() {
    let fleet = fleet();
    let then = "inputs: { unit: { type: string, default: a }, gone: { type: integer, default: 1 } }\nsteps: [{ id: a, effect: read, run: 'a {{ unit }} {{ gone }}' }]\n";
    let now = "inputs: { unit: { type: string, default: b, pattern: 'b+' }, more: { type: string } }\nsteps: [{ id: a, effect: read, run: 'b {{ unit }} {{ more }}' }]\n";
    let sealed = planned(&runbook(then), &request(&fleet, "role=web", &[]));
    let said = |today: Option<Runbook>| -> Vec<String> {
        let today = today.map(Arc::new);
        changed_since(sealed.plan(), &|_| today.clone()).iter().map(ToString::to_string).collect()
    };
    assert_eq!(said(Some(runbook(then))), [""; 0]);
    assert_eq!(said(None), ["the runbook test is not there any more"]);
    let said = said(Some(runbook(now)));
    assert!(said[0].starts_with("the runbook test was changed since the plan was made\n  - inputs"), "{said:?}");
    assert_eq!(said[1], "the runbook has no input `gone` any more");
    assert!(said[2].starts_with("the input `unit` would not be taken any more: "), "{said:?}");
    assert_eq!(said[3..], ["the runbook has a new input `more`, and needs it"]);
}

#[test]
fn a_host_that_was_taken_back_in_the_run_itself_goes_on_from_there() {
    let sealed = sealed();
    let mut tale = Tale::of(&sealed);
    tale.finished(0, 0, 0, &[("leader", Value::from("l"))]);
    tale.finished(0, 1, 0, &[("old", Value::from("o"))]);
    tale.finished(0, 2, 0, &[]);
    tale.finished(0, 3, 1, &[]);
    tale.skipped(0, 4..MAIN, &SkipReason::Undoing);
    tale.tell(&Event::UndoStarted { host: 0 });
    tale.tell(&Event::InverseSkipped { host: 0, step: 3, why: "no way back".into() });
    let inverse = attempt(0, 5000);
    tale.tell(&Event::AttemptSent { attempt: inverse, host: 0, step: 2, inverse: true });
    tale.tell(&Event::AttemptFinished {
        attempt: inverse,
        exit: daytwo_model::Exit::Code(0),
        captured: [].into(),
        output: OutputTally::default(),
    });
    tale.tell(&Event::AttemptVerified { attempt: inverse });
    tale.tell(&Event::AttemptUndone { attempt: inverse });
    tale.finished(0, MAIN, 0, &[]);
    let state = tale.ended(RunOutcome::Failed);
    assert!(matches!(state.attempt(0, 2).unwrap().state, AttemptState::Finished { .. }), "its own end stays");
    let (resumed, _) = rest(sealed.plan(), &state, ResumePart::FailedFromTheirStep);
    assert_eq!(names(resumed.plan())[0], "web-ams-1");
    assert_eq!(course(resumed.plan(), "look")[0], "done");
    assert_eq!(course(resumed.plan(), "write")[0], "put l", "it is not there any more");
    let undo = plan_undo(&Past::alone(run_id(), sealed.plan(), &state), "test".into(), now()).unwrap_err();
    assert!(undo.to_string().contains("there is nothing that this run's undo could take back"), "{undo}");
}
