//! A run that was undone or resumed in part is undone and resumed for the rest: nothing that succeeded is done twice.

use std::sync::Arc;

use daytwo_model::plan::{Intent, ResumePart};
use daytwo_model::{Event, OutputTally, RunId, RunOutcome, RunState, SealedPlan, SkipReason};
use daytwo_runbook::{LeftOut, Past, PlanErrors, Since, UndoPlan, plan_late, plan_resume, plan_undo, resume_choices};

use crate::kit::{fleet, ids, now, planned, request, runbook};
use crate::tale::{Tale, run_id, script};

const BOOK: &str = "rollout: { batches: [100%], max_failed: 100%, max_unreachable: 100% }
steps:
  - { id: one, run: a, undo: { run: undo-a, verify: { run: is-a } } }
  - { id: two, run: b, undo: { run: undo-b } }
  - { id: three, link: { path: /srv/app, to: /srv/7 } }
";

fn id(number: u8) -> RunId {
    format!("01900000-0000-7000-8000-0000000001{number:02}").parse().unwrap()
}

fn sealed(book: &str) -> SealedPlan {
    let fleet = fleet();
    planned(&runbook(book), &request(&fleet, "role=web", &[]))
}

fn since(number: u8, plan: SealedPlan, state: RunState) -> Since {
    Since { run: id(number), plan: Arc::new(plan), state, since: Vec::new() }
}

fn said(left: &[LeftOut]) -> Vec<String> {
    left.iter().map(|left| format!("{} {}: {}", left.host, left.step, left.why)).collect()
}

fn hosts(plan: &SealedPlan) -> Vec<&str> {
    plan.plan().hosts.iter().map(|host| host.name.as_str()).collect()
}

fn undone(tale: &mut Tale, host: u32, step: u32) {
    let attempt = tale.sent(host, step);
    let exit = daytwo_model::Exit::Code(0);
    tale.tell(&Event::AttemptFinished { attempt, exit, captured: [].into(), output: OutputTally::default() });
    tale.tell(&Event::AttemptUndone { attempt });
}

fn stuck(tale: &mut Tale, host: u32, step: u32, code: i32) {
    let attempt = tale.sent(host, step);
    let exit = daytwo_model::Exit::Code(code);
    tale.tell(&Event::AttemptFinished {
        attempt,
        exit: exit.clone(),
        captured: [].into(),
        output: OutputTally::default(),
    });
    tale.tell(&Event::AttemptStuck { attempt, why: exit.to_string() });
}

fn lost(tale: &mut Tale, host: u32, step: u32) {
    let attempt = tale.sent(host, step);
    tale.tell(&Event::AttemptLost { attempt, why: "rebooted".into(), output: OutputTally::default() });
}

fn unreachable(tale: &mut Tale, host: u32, step: u32) {
    let attempt = tale.sent(host, step);
    tale.tell(&Event::AttemptUnreachable { attempt, why: "no route".into() });
}

fn unknown(tale: &mut Tale, host: u32, step: u32) {
    let attempt = tale.sent(host, step);
    tale.tell(&Event::AttemptUnknown { attempt, why: "link lost".into(), output: OutputTally::default() });
}

/// Every host went through.
fn done(sealed: &SealedPlan) -> RunState {
    let mut tale = Tale::of(sealed);
    let change = ids(sealed.plan()).iter().position(|id| *id == "three").unwrap();
    for host in 0..4 {
        for (step, _) in (0_u32..).zip(&sealed.plan().steps) {
            let captured: Vec<_> = sealed.plan().steps[step as usize]
                .captures
                .iter()
                .map(|capture| (capture.name.as_str(), serde_json::Value::from("link /srv/6")))
                .collect();
            tale.finished(host, step, 0, &captured);
        }
        let step = u32::try_from(change).unwrap();
        tale.tell(&Event::AttemptVerified { attempt: crate::tale::attempt(host, step) });
    }
    tale.ended(RunOutcome::Succeeded)
}

fn undo(past: &Past<'_>) -> Result<UndoPlan, PlanErrors> {
    plan_undo(past, "test".into(), now())
}

/// Steps of an undo: the link, `two`, `one`. Host 0 is undone; on host 1 `two` is stuck; on host 2 the link is lost,
/// and `two` too; on host 3 the first of them may still be running.
fn first_undo(plan: &SealedPlan) -> RunState {
    assert_eq!(ids(plan.plan()), ["three", "two", "one"]);
    let mut tale = Tale::of(plan);
    (0..3).for_each(|step| undone(&mut tale, 0, step));
    undone(&mut tale, 1, 0);
    stuck(&mut tale, 1, 1, 3);
    undone(&mut tale, 1, 2);
    lost(&mut tale, 2, 0);
    lost(&mut tale, 2, 1);
    undone(&mut tale, 2, 2);
    unknown(&mut tale, 3, 0);
    tale.skipped(3, 1..3, &SkipReason::EarlierStep);
    tale.ended(RunOutcome::Stuck)
}

#[test]
fn a_second_undo_takes_back_only_what_the_first_left_and_names_what_nobody_knows() {
    let sealed = sealed(BOOK);
    let state = done(&sealed);
    let first = undo(&Past::alone(run_id(), sealed.plan(), &state)).unwrap();
    assert_eq!(first.plan.plan().intent, Intent::Undo { of: run_id(), after: Vec::new() });
    let known = [since(1, first.plan.clone(), first_undo(&first.plan))];
    let past = Past { since: &known, ..Past::alone(run_id(), sealed.plan(), &state) };

    let UndoPlan { plan, left_out, undone_before, again } = undo(&past).unwrap();
    assert_eq!(plan.plan().intent, Intent::Undo { of: run_id(), after: vec![id(1)] });
    assert_eq!(hosts(&plan), ["web-ams-2", "web-fra-1"], "host 0 is undone, and host 3 may still be at it");
    assert_eq!(ids(plan.plan()), ["three", "two"], "`one` was undone on both");
    assert_eq!([0, 1].map(|host| script(plan.plan(), 0, host).is_some()), [false, true], "a link compares first");
    assert_eq!(plan.plan().steps[0].done_before, [0]);
    assert_eq!([0, 1].map(|host| script(plan.plan(), 1, host)), [Some("undo-b".to_owned()), None]);
    let run = id(1);
    assert_eq!(
        said(&again),
        [
            format!(
                "web-fra-1 three: tried before, in run {run}: it was lost and may have half happened: rebooted; it compares before it sets"
            ),
            format!("web-ams-2 two: tried before, in run {run}: exit 3"),
        ]
    );
    let ask = format!("ask the host with: daytwo recover {run}");
    let beside = format!("something of run {run} may still be running here; {ask}");
    assert_eq!(
        said(&left_out),
        [
            format!("web-fra-2 three: its undo was sent in run {run}: whether it happened is not known; {ask}"),
            format!("web-fra-1 two: its undo was sent in run {run}: it was lost and may have half happened: rebooted"),
            format!("web-fra-2 two: {beside}"),
            format!("web-fra-2 one: {beside}"),
        ]
    );
    assert_eq!(undone_before.len(), 6);
    assert_eq!(said(&undone_before)[0], format!("web-ams-1 three: undone before, in run {run}"));

    // The second undo brings the rest back: there is nothing more, and each undo says what it did.
    let mut tale = Tale::of(&plan);
    tale.skipped(0, [0], &SkipReason::DoneBefore);
    undone(&mut tale, 0, 1);
    undone(&mut tale, 1, 0);
    tale.skipped(1, [1], &SkipReason::NotPlanned);
    let [first] = known;
    let known = [first, since(2, plan.clone(), tale.ended(RunOutcome::RolledBack))];
    let alone = Past::alone(run_id(), sealed.plan(), &state);
    let nothing = undo(&Past { since: &known, ..alone }).unwrap_err().to_string();
    assert!(nothing.contains("there is nothing more that this run's undo could take back"), "{nothing}");
    assert!(nothing.contains(&format!("two: web-ams-2: undone before, in run {}", id(2))), "{nothing}");
}

#[test]
fn what_a_resume_did_is_undone_before_what_it_went_on_from() {
    let sealed = sealed(BOOK);
    let state = done(&sealed);
    let alone = Past::alone(run_id(), sealed.plan(), &state);
    let again = plan_resume(&alone, ResumePart::Everything, "test".into(), now()).unwrap().plan;
    let mut tale = Tale::of(&again);
    tale.finished(1, 0, 0, &[]);
    tale.skipped(1, 1..4, &SkipReason::Stopped);
    [0, 2, 3].into_iter().for_each(|host| tale.skipped(host, 0..4, &SkipReason::Stopped));
    let mut known = [since(1, again.clone(), tale.ended(RunOutcome::Failed))];
    let past = Past { since: &known, ..alone };
    let first = undo(&past).unwrap();
    assert_eq!(hosts(&first.plan), ["web-ams-1", "web-fra-1", "web-fra-2"]);
    let why = format!("web-ams-2 one: run {} went on here, and what it did has to be undone first", id(1));
    assert!(said(&first.left_out).contains(&why), "{:?}", first.left_out);

    let below = undo(&Past::alone(id(1), known[0].plan.plan(), &known[0].state)).unwrap().plan;
    let mut tale = Tale::of(&below);
    undone(&mut tale, 0, 0);
    let below = since(2, below, tale.ended(RunOutcome::RolledBack));
    known[0].since.push(below);
    let past = Past { since: &known, ..alone };
    let UndoPlan { plan, left_out, .. } = undo(&past).unwrap();
    assert_eq!((plan.plan().hosts.len(), left_out.len()), (4, 0));
    assert_eq!(plan.plan().intent, Intent::Undo { of: run_id(), after: vec![id(1), id(2)] });
}

#[test]
fn no_inverse_is_sent_again_beside_another_that_may_still_be_running() {
    let sealed = sealed(BOOK);
    let state = done(&sealed);
    let alone = Past::alone(run_id(), sealed.plan(), &state);
    let first = undo(&alone).unwrap().plan;
    let mut tale = Tale::of(&first);
    for host in [0, 3] {
        (0..3).for_each(|step| undone(&mut tale, host, step));
    }
    // Both could be sent again, and `two` may still be running behind them.
    stuck(&mut tale, 1, 0, 3);
    lost(&mut tale, 2, 0);
    for host in [1, 2] {
        unknown(&mut tale, host, 1);
        tale.skipped(host, [2], &SkipReason::EarlierStep);
    }
    let known = [since(1, first.clone(), tale.ended(RunOutcome::Stuck))];
    let nothing = undo(&Past { since: &known, ..alone }).unwrap_err().to_string();
    for host in ["web-ams-2", "web-fra-1"] {
        let beside = format!("step three: {host}: something of run {} may still be running here", id(1));
        assert!(nothing.contains(&beside), "{nothing}");
    }
}

#[test]
fn an_undo_that_did_not_get_to_a_host_leaves_there_what_has_to_be_undone_first() {
    let sealed = sealed(BOOK);
    let state = done(&sealed);
    let alone = Past::alone(run_id(), sealed.plan(), &state);
    let again = plan_resume(&alone, ResumePart::Everything, "test".into(), now()).unwrap().plan;
    let mut tale = Tale::of(&again);
    (0..2).for_each(|host| tale.finished(host, 0, 0, &[]));
    (0..2).for_each(|host| tale.skipped(host, 1..4, &SkipReason::Stopped));
    (2..4).for_each(|host| tale.skipped(host, 0..4, &SkipReason::Stopped));
    let mut resumed = since(1, again, tale.ended(RunOutcome::Failed));
    let below = undo(&Past::alone(id(1), resumed.plan.plan(), &resumed.state)).unwrap().plan;
    assert_eq!(hosts(&below), ["web-ams-1", "web-ams-2"]);
    let mut tale = Tale::of(&below);
    undone(&mut tale, 0, 0);
    unreachable(&mut tale, 1, 0);
    resumed.since.push(since(2, below, tale.ended(RunOutcome::Stuck)));
    let known = [resumed];
    let UndoPlan { plan, left_out, .. } = undo(&Past { since: &known, ..alone }).unwrap();
    assert_eq!(hosts(&plan), ["web-ams-1", "web-fra-1", "web-fra-2"]);
    let why = format!("web-ams-2 one: run {} went on here, and what it did has to be undone first", id(1));
    assert!(said(&left_out).contains(&why), "{left_out:?}");
}

const LONG: &str = "rollout: { batches: [100%], max_failed: 100%, max_unreachable: 100% }
steps:
  - { id: once, on: one, run: migrate, undo: { run: migrate-back } }
  - { id: one, run: a, undo: { run: undo-a } }
  - { id: two, run: b, undo: none }
";

/// `two` failed on hosts 1 and 2, and host 3 was not reached.
fn failed(sealed: &SealedPlan) -> RunState {
    let mut tale = Tale::of(sealed);
    tale.finished(0, 0, 0, &[]);
    (1..4).for_each(|host| tale.skipped(host, [0], &SkipReason::NotPlanned));
    for host in 0..3 {
        tale.finished(host, 1, 0, &[]);
        tale.finished(host, 2, i32::from(host > 0), &[]);
    }
    let attempt = tale.sent(3, 1);
    tale.tell(&Event::AttemptUnreachable { attempt, why: "no route".into() });
    tale.skipped(3, [2], &SkipReason::EarlierStep);
    tale.ended(RunOutcome::Failed)
}

#[test]
fn what_another_run_has_gone_on_with_or_taken_back_is_not_resumed_from_the_first() {
    let sealed = sealed(LONG);
    let state = failed(&sealed);
    let alone = Past::alone(run_id(), sealed.plan(), &state);
    let rest = |past: &Past<'_>, part| plan_resume(past, part, "test".into(), now());
    let first = rest(&alone, ResumePart::FailedFromTheirStep).unwrap().plan;
    assert_eq!(hosts(&first), ["web-ams-2", "web-fra-1"]);
    // It came to host 1, and was stopped before it began host 2.
    let mut tale = Tale::of(&first);
    (0..2).for_each(|host| tale.skipped(host, 0..2, &SkipReason::DoneBefore));
    tale.finished(0, 2, 1, &[]);
    tale.skipped(1, [2], &SkipReason::Stopped);
    let known = [since(1, first, tale.ended(RunOutcome::Failed))];
    let past = Past { since: &known, ..alone };
    let second = rest(&past, ResumePart::FailedAndNotReached).unwrap();
    assert_eq!(hosts(&second.plan), ["web-fra-1", "web-fra-2"]);
    assert_eq!(
        said(&second.left_out),
        [format!("web-ams-2 two: run {} has gone on there since: resume that one", id(1))]
    );
    let choices = resume_choices(&past);
    assert_eq!(choices.iter().map(|choice| choice.hosts.len()).collect::<Vec<_>>(), [1, 2, 4]);

    // Undone since: nobody goes on from what is not there any more, nor gets it late.
    let back = undo(&alone).unwrap().plan;
    let mut tale = Tale::of(&back);
    for host in 0..3 {
        undone(&mut tale, host, 0);
    }
    undone(&mut tale, 0, 1);
    (1..3).for_each(|host| tale.skipped(host, [1], &SkipReason::NotPlanned));
    let known = [since(1, back, tale.ended(RunOutcome::RolledBack))];
    let past = Past { since: &known, ..alone };
    let errors = rest(&past, ResumePart::FailedAndNotReached).unwrap_err().to_string();
    assert!(errors.contains("what was done there was taken back in run"), "{errors}");
    assert!(errors.contains("web-fra-2: it was done once for all hosts, and was taken back in run"), "{errors}");
    assert!(rest(&past, ResumePart::Everything).is_ok());
    let host = [sealed.plan().hosts[3].name.clone()];
    let late = plan_late(&past, &host, "test".into(), now()).unwrap_err().to_string();
    assert!(late.contains(&format!("the run was undone since, in run {}", id(1))), "{late}");
}

/// A resume of what failed from its step, in which `end` tells how `two` ended on its two hosts.
fn resumed_from_its_step(plan: &SealedPlan, end: impl Fn(&mut Tale, u32)) -> RunState {
    assert_eq!(hosts(plan), ["web-ams-2", "web-fra-1"]);
    let mut tale = Tale::of(plan);
    for host in 0..2 {
        tale.skipped(host, 0..2, &SkipReason::DoneBefore);
        end(&mut tale, host);
    }
    tale.ended(RunOutcome::Failed)
}

#[test]
fn what_a_resume_of_a_resume_has_done_is_not_done_again_from_the_first() {
    let sealed = sealed(LONG);
    let state = failed(&sealed);
    let alone = Past::alone(run_id(), sealed.plan(), &state);
    let rest = |past: &Past<'_>, part| plan_resume(past, part, "test".into(), now());
    let second = rest(&alone, ResumePart::FailedFromTheirStep).unwrap().plan;
    let unreached = resumed_from_its_step(&second, |tale, host| unreachable(tale, host, 2));
    let mut second = since(1, second, unreached);
    let past = Past::alone(id(1), second.plan.plan(), &second.state);
    let third = rest(&past, ResumePart::FailedAndNotReached).unwrap().plan;
    let well = resumed_from_its_step(&third, |tale, host| tale.finished(host, 2, 0, &[]));
    second.since.push(since(2, third, well));
    let known = [second];
    let errors = rest(&Past { since: &known, ..alone }, ResumePart::FailedFromTheirStep).unwrap_err().to_string();
    for host in ["web-ams-2", "web-fra-1"] {
        assert!(errors.contains(&format!("{host}: run {} has gone on there since", id(2))), "{errors}");
    }
}

#[test]
fn a_resume_does_not_go_on_from_what_was_taken_back_below_it_or_done_beside_it() {
    let sealed = sealed(LONG);
    let state = failed(&sealed);
    let alone = Past::alone(run_id(), sealed.plan(), &state);
    let rest = |past: &Past<'_>, part| plan_resume(past, part, "test".into(), now());
    let child = rest(&alone, ResumePart::FailedFromTheirStep).unwrap().plan;
    let failed_again = resumed_from_its_step(&child, |tale, host| tale.finished(host, 2, 1, &[]));
    let known = [since(1, child.clone(), failed_again)];
    let undo_of_first = undo(&Past { since: &known, ..alone }).unwrap().plan;
    assert_eq!(ids(undo_of_first.plan()), ["one", "once"]);
    let of_child = Past::alone(id(1), child.plan(), &known[0].state);
    // The undo came to the first two hosts; whether it took back what was done once for all is told apart.
    let beside = |once: bool| {
        let mut tale = Tale::of(&undo_of_first);
        (0..2).for_each(|host| undone(&mut tale, host, 0));
        unreachable(&mut tale, 2, 0);
        match once {
            true => undone(&mut tale, 0, 1),
            false => tale.skipped(0, [1], &SkipReason::Stopped),
        }
        [since(2, undo_of_first.clone(), tale.ended(RunOutcome::Stuck))]
    };
    let parts = [ResumePart::FailedFromTheirStep, ResumePart::FailedAndNotReached, ResumePart::Everything];
    let (in_part, all) = (beside(false), beside(true));
    for part in parts {
        assert_eq!(hosts(&rest(&of_child, part).unwrap().plan).len(), 2);
        let resumed = rest(&Past { beside: &in_part, ..of_child }, part).unwrap();
        assert_eq!(hosts(&resumed.plan), ["web-fra-1"], "{part:?}");
        let why = format!("what this run went on from was taken back there in run {}", id(2));
        assert!(said(&resumed.left_out)[0].contains(&why), "{:?}", resumed.left_out);
        assert_eq!(resumed.plan.plan().intent.made_of(), Some((id(1), &[id(2)][..])));
        let errors = rest(&Past { beside: &all, ..of_child }, part).unwrap_err().to_string();
        let why = format!("once: web-fra-1: it was done once for all hosts, and was taken back in run {}", id(2));
        assert!(errors.contains(&why), "{errors}");
    }

    // Nothing of the first child came to the second host, and another child of the same run did it.
    let stopped = resumed_from_its_step(&child, |tale, host| match host {
        0 => tale.finished(host, 2, 1, &[]),
        _ => tale.skipped(host, [2], &SkipReason::Stopped),
    });
    let well = resumed_from_its_step(&child, |tale, host| match host {
        0 => tale.skipped(host, [2], &SkipReason::Stopped),
        _ => tale.finished(host, 2, 0, &[]),
    });
    let other = [since(3, child.clone(), well)];
    let past = Past { beside: &other, ..Past::alone(id(1), child.plan(), &stopped) };
    let resumed = rest(&past, ResumePart::FailedAndNotReached).unwrap();
    assert_eq!(hosts(&resumed.plan), ["web-ams-2"]);
    let gone_on = format!("web-fra-1 two: run {} has gone on there since: resume that one", id(3));
    assert_eq!(said(&resumed.left_out), [gone_on]);
}

#[test]
fn an_undo_is_not_tried_again_on_what_was_taken_back_below_it_nor_below_what_was_done_beside_it() {
    let sealed = sealed(BOOK);
    let state = done(&sealed);
    let alone = Past::alone(run_id(), sealed.plan(), &state);
    let child = plan_resume(&alone, ResumePart::Everything, "test".into(), now()).unwrap().plan;
    let only_the_first = |plan: &SealedPlan| {
        let mut tale = Tale::of(plan);
        tale.finished(0, 0, 0, &[]);
        tale.skipped(0, 1..4, &SkipReason::Stopped);
        (1..4).for_each(|host| tale.skipped(host, 0..4, &SkipReason::Stopped));
        tale.ended(RunOutcome::Failed)
    };
    let mut known = [since(1, child.clone(), only_the_first(&child))];
    let child_state = only_the_first(&child);
    let of_child = Past::alone(id(1), child.plan(), &child_state);
    let back = undo(&of_child).unwrap().plan;
    let tried = || {
        let mut tale = Tale::of(&back);
        stuck(&mut tale, 0, 0, 3);
        since(2, back.clone(), tale.ended(RunOutcome::Stuck))
    };
    known[0].since.push(tried());
    let undo_of_first = undo(&Past { since: &known, ..alone }).unwrap().plan;
    let mut tale = Tale::of(&undo_of_first);
    (0..4).for_each(|host| (0..3).for_each(|step| undone(&mut tale, host, step)));
    let (tries, below) = ([tried()], [since(3, undo_of_first, tale.ended(RunOutcome::RolledBack))]);
    assert!(undo(&Past { since: &tries, ..of_child }).is_ok());
    let refused = undo(&Past { since: &tries, beside: &below, ..of_child }).unwrap_err().to_string();
    let why = format!("one: web-ams-1: what it was done on was taken back in run {}, or tried to be", id(3));
    assert!(refused.contains(&why), "{refused}");

    // A later child did the same step: that is taken back first.
    let beside = [since(3, child.clone(), only_the_first(&child))];
    let refused = undo(&Past { beside: &beside, ..of_child }).unwrap_err().to_string();
    assert!(
        refused.contains(&format!("run {} went on here, and what it did has to be undone first", id(3))),
        "{refused}"
    );
}

#[test]
fn a_run_that_was_interrupted_is_asked_about_before_anything_is_made_of_it() {
    let sealed = sealed(LONG);
    let mut tale = Tale::of(&sealed);
    tale.finished(0, 0, 0, &[]);
    let state = tale.state();
    let past = Past::alone(run_id(), sealed.plan(), &state);
    let errors = [
        undo(&past).map(drop).unwrap_err(),
        plan_resume(&past, ResumePart::Everything, "test".into(), now()).map(drop).unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().contains("was interrupted, and what became of it was not found out yet"), "{error}");
        assert!(error.0[0].hint.as_ref().unwrap().ends_with(&format!("daytwo recover {}", run_id())), "{error:?}");
    }
    // The same of a run that was made of it.
    let ended = failed(&sealed);
    let alone = Past::alone(run_id(), sealed.plan(), &ended);
    let back = undo(&alone).unwrap().plan;
    let going = Tale::of(&back).0;
    let known = [since(1, back, going)];
    let error = undo(&Past { since: &known, ..alone }).unwrap_err().to_string();
    assert!(error.contains(&format!("run {} is still going", id(1))), "{error}");
}
