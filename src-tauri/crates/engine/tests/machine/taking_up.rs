//! A run that another process has left: what is asked, what still starts, and how it ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use daytwo_engine::machine::Effect;
use daytwo_model::plan::{FailurePolicy, On, Phase, WayBack};
use daytwo_model::{
    Answer, AttemptId, AttemptState, Event, Exit, OutputTally, RunOutcome, RunState, RunStatus, SealedPlan, SkipReason,
};
use uuid::Uuid;

use crate::plans::{in_phase, plan, seal, steps, verified};
use crate::world::World;

fn id(number: u128) -> AttemptId {
    AttemptId::from_uuid(Uuid::from_u128(number))
}

fn sent(number: u128, host: u32, step: u32) -> Event {
    Event::AttemptSent { attempt: id(number), host, step, inverse: false }
}

fn finished(number: u128, code: i32) -> Event {
    let (captured, output) = (BTreeMap::new(), OutputTally::default());
    Event::AttemptFinished { attempt: id(number), exit: Exit::Code(code), captured, output }
}

fn begun(sealed: &SealedPlan, more: impl IntoIterator<Item = Event>) -> Vec<Event> {
    let opened = Event::RunOpened { plan: sealed.digest(), by: "ada".into() };
    [opened, Event::BatchStarted { batch: 0 }].into_iter().chain(more).collect()
}

fn why_skipped(state: &RunState, host: u32, step: u32) -> SkipReason {
    match &state.attempt(host, step).unwrap().state {
        AttemptState::Skipped { why } => why.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_in_flight_is_asked_about_and_only_the_end_still_runs() {
    let mut steps = steps(2, 3);
    steps[0] = verified(steps[0].clone(), 2, 0);
    steps[2] = in_phase(steps[2].clone(), Phase::Always);
    let sealed = Arc::new(seal(plan(2, &[1, 1], steps)));
    let mut world = World::taken_up(&sealed, begun(&sealed, [sent(1, 0, 0)]));
    assert_eq!(world.asked(), [Effect::Reattach { attempt: id(1), host: 0, step: 0, inverse: false }]);
    // Nothing was begun on the other host.
    assert_eq!(world.state().status(), Some(RunStatus::Interrupted));
    world.take_first();
    world.tell(finished(1, 0));
    assert_eq!(world.take_first(), Effect::Verify { attempt: id(1), host: 0, step: 0, inverse: false });
    world.tell(Event::AttemptVerified { attempt: id(1) });
    assert_eq!(why_skipped(world.state(), 0, 1), SkipReason::Interrupted);
    let Effect::Start { attempt, host: 0, step: 2, .. } = world.take_first() else { panic!("not the end step") };
    let (captured, output) = (BTreeMap::new(), OutputTally::default());
    world.tell(Event::AttemptFinished { attempt, exit: Exit::Code(0), captured, output });
    assert_eq!(world.state().status(), Some(RunStatus::Ended { outcome: RunOutcome::Failed }));
    assert_eq!(why_skipped(world.state(), 1, 2), SkipReason::Interrupted);
}

#[test]
fn an_unknown_change_makes_the_run_abandoned_and_an_unknown_read_does_not() {
    for (reads, outcome, end_step) in [(false, RunOutcome::Abandoned, false), (true, RunOutcome::Failed, true)] {
        let mut steps = steps(1, 2);
        if reads {
            (steps[0].effect, steps[0].way_back) = (daytwo_model::plan::Effect::Read, WayBack::NotNeeded);
        }
        steps[1] = in_phase(steps[1].clone(), Phase::Always);
        let sealed = Arc::new(seal(plan(1, &[1], steps)));
        let mut world = World::taken_up(&sealed, begun(&sealed, [sent(1, 0, 0)]));
        world.take_first();
        let (why, output) = ("no route".to_owned(), OutputTally::default());
        world.tell(Event::AttemptUnknown { attempt: id(1), why, output });
        if end_step {
            let Effect::Start { attempt, .. } = world.take_first() else { panic!("not the end step") };
            let (captured, output) = (BTreeMap::new(), OutputTally::default());
            world.tell(Event::AttemptFinished { attempt, exit: Exit::Code(0), captured, output });
        }
        assert_eq!(world.state().status(), Some(RunStatus::Ended { outcome }));
        // Asked once more after the end, the host knows.
        let count = world.events.len();
        let mut again = World::taken_up(&sealed, world.events);
        if reads {
            assert!(again.asked().is_empty());
            continue;
        }
        assert_eq!(again.take_first(), Effect::Reattach { attempt: id(1), host: 0, step: 0, inverse: false });
        let (why, output) = ("still no route".to_owned(), OutputTally::default());
        assert_eq!(again.tell(Event::AttemptUnknown { attempt: id(1), why, output }), 0);
        again.tell(finished(1, 0));
        assert_eq!(again.events.len(), count + 1);
        assert_eq!(again.state().status(), Some(RunStatus::Ended { outcome }));
    }
}

#[test]
fn an_open_question_is_closed_with_what_no_answer_means() {
    let mut steps = steps(1, 2);
    steps[0].way_back = WayBack::Inverse { action: steps[0].action.clone(), verify: None };
    steps[1].on_failure = FailurePolicy::Ask { within_ms: 60_000, otherwise: Answer::Undo };
    let sealed = Arc::new(seal(plan(1, &[1], steps)));
    let mut world = World::open(&sealed);
    for code in [0, 1] {
        let Effect::Start { attempt, .. } = world.take_first() else { panic!("not sent") };
        let (captured, output) = (BTreeMap::new(), OutputTally::default());
        world.tell(Event::AttemptFinished { attempt, exit: Exit::Code(code), captured, output });
    }
    assert!(matches!(world.asked(), [Effect::AskPerson { otherwise: Answer::Undo, .. }]));
    let mut world = World::taken_up(&sealed, world.events);
    let closed = Event::QuestionAnswered {
        hosts: vec![0],
        step: 1,
        answer: Answer::Undo,
        by: None,
        why: "the process that asked was gone".into(),
    };
    assert!(world.events.contains(&closed));
    // The last step has no way back, the first has.
    assert!(matches!(world.take_first(), Effect::Start { step: 0, inverse: true, .. }));
}

#[test]
fn what_is_done_once_at_the_end_is_done_after_all_hosts_have_come_to_theirs() {
    let mut steps = steps(2, 2);
    (steps[0].phase, steps[0].on) = (Phase::Always, On::One);
    let sealed = Arc::new(seal(plan(2, &[1, 1], steps)));
    let mut world = World::open(&sealed);
    let mut order = Vec::new();
    while !world.is_over() {
        let Effect::Start { attempt, host, step, .. } = world.take_first() else { panic!("not sent") };
        order.push((host, step));
        let (captured, output) = (BTreeMap::new(), OutputTally::default());
        world.tell(Event::AttemptFinished { attempt, exit: Exit::Code(0), captured, output });
    }
    assert_eq!(order, [(0, 1), (1, 1), (0, 0)]);
    assert_eq!(world.state().status(), Some(RunStatus::Ended { outcome: RunOutcome::Succeeded }));
}
