//! The machine against worlds that answer in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use daytwo_engine::machine::{Effect, Machine};
use daytwo_model::run::HostStanding;
use daytwo_model::{AttemptId, CancelReason, Event, Exit, OutputTally, RunOutcome, RunState, RunStatus, SealedPlan};
use proptest::prelude::*;
use uuid::Uuid;

use crate::support::{plan, seal, steps, undo, verified};

/// One way that the world may answer; `pick` says which of the things in flight answers.
#[derive(Debug, Clone)]
struct Answer {
    pick: prop::sample::Index,
    kind: u8,
}

fn answers() -> impl Strategy<Value = Vec<Answer>> {
    let answer = (any::<prop::sample::Index>(), 0_u8..24).prop_map(|(pick, kind)| Answer { pick, kind });
    prop::collection::vec(answer, 1..200)
}

fn fact(effect: &Effect, kind: u8) -> Event {
    let why = String::from("because");
    match effect {
        Effect::Start { attempt, .. } => {
            let (attempt, output) = (*attempt, OutputTally::default());
            match kind {
                0 => Event::AttemptUnknown { attempt, why },
                1 => Event::AttemptUnreachable { attempt, why },
                2 => Event::AttemptRefused { attempt, why },
                3 => Event::AttemptLost { attempt, why },
                4 => Event::AttemptCancelled { attempt, reason: CancelReason::Deadline, output },
                other => {
                    let exit = Exit::Code(i32::from(other < 7));
                    Event::AttemptFinished { attempt, exit, captured: BTreeMap::new(), output }
                }
            }
        }
        Effect::Verify { attempt, .. } if kind < 4 => Event::AttemptNotVerified { attempt: *attempt, why },
        Effect::Verify { attempt, .. } => Event::AttemptVerified { attempt: *attempt },
        Effect::Hold { .. } | Effect::CancelInFlight => unreachable!("not an answer"),
    }
}

/// Plays a run to its end; all of its events.
fn play(sealed: &Arc<SealedPlan>, answers: &[Answer], cancel_at: Option<usize>) -> Vec<Event> {
    let mut machine = Machine::new(Arc::clone(sealed));
    let mut ids = 0;
    let mut new_id = || {
        ids += 1;
        AttemptId::from_uuid(Uuid::from_u128(ids))
    };
    let opened = Event::RunOpened { plan: sealed.digest(), by: "ada".into() };
    let mut settled = machine.next(opened, &mut new_id).unwrap();
    let (mut events, mut open) = (Vec::new(), Vec::new());
    let mut answers = answers.iter().cycle();
    for turn in 0.. {
        events.append(&mut settled.events);
        for effect in settled.effects {
            match effect {
                Effect::Hold { .. } => assert!(open.is_empty() && machine.holding().is_some()),
                Effect::CancelInFlight => {}
                started => open.push(started),
            }
        }
        let hosts: BTreeSet<u32> = open.iter().map(host_of).collect();
        assert_eq!(hosts.len(), open.len(), "two things at one time on a host");
        assert!(open.len() <= sealed.plan().limits.hosts_at_once_max as usize);
        if matches!(machine.state().status(), Some(RunStatus::Ended { .. })) {
            assert!(open.is_empty());
            return events;
        }
        let next = if cancel_at == Some(turn) {
            Event::CancelRequested { by: "ada".into(), why: String::new() }
        } else if let Some(batch) = machine.holding() {
            Event::BatchEnded { batch }
        } else {
            assert!(!open.is_empty(), "nothing is left to wait for");
            let answer = answers.next().unwrap();
            let which = answer.pick.index(open.len());
            fact(&open.swap_remove(which), answer.kind)
        };
        settled = machine.next(next, &mut new_id).unwrap();
    }
    unreachable!()
}

fn host_of(effect: &Effect) -> u32 {
    match effect {
        Effect::Start { host, .. } | Effect::Verify { host, .. } => *host,
        Effect::Hold { .. } | Effect::CancelInFlight => unreachable!(),
    }
}

proptest! {
    #[test]
    fn every_run_ends_once_with_every_step_accounted_for(
        batches in prop::collection::vec(0_u32..5, 1..4).prop_filter("a host", |all| all.iter().sum::<u32>() > 0),
        at_once in 1_u32..4,
        failed_max in 0_u32..4,
        unreachable_max in 0_u32..3,
        hold_ms in 0_u64..2,
        undoing in any::<bool>(),
        step_count in 0_u32..4,
        cancel_at in prop::option::of(0_usize..30),
        answers in answers(),
    ) {
        let hosts: u32 = batches.iter().sum();
        let mut steps = steps(hosts, step_count);
        if let Some(first) = steps.first_mut() {
            *first = verified(first.clone(), hosts, 0);
        }
        let mut plan = plan(hosts, &batches, steps);
        plan.limits = daytwo_model::plan::Limits {
            failed_hosts_max: failed_max, unreachable_hosts_max: unreachable_max, hosts_at_once_max: at_once, hold_ms,
        };
        let sealed = Arc::new(seal(if undoing { undo(plan) } else { plan }));
        let events = play(&sealed, &answers, cancel_at);

        let state = events.iter().try_fold(RunState::new(sealed.plan()), RunState::next).unwrap();
        let ends: Vec<_> = events.iter().filter(|event| matches!(event, Event::RunEnded { .. })).collect();
        prop_assert_eq!(ends.len(), 1);
        prop_assert_eq!(events.last(), ends.first().copied());
        for host in 0..hosts {
            for step in 0..step_count {
                prop_assert!(state.attempt(host, step).is_some(), "nothing is said of step {} on host {}", step, host);
            }
        }
        let standings = state.standings();
        if step_count > 0 {
            let unsettled = [HostStanding::Working, HostStanding::Waiting].iter().any(|at| standings.contains_key(at));
            prop_assert!(!unsettled, "{:?}", standings);
            let all_good = standings.get(&HostStanding::Succeeded) == Some(&hosts);
            let Some(RunStatus::Ended { outcome }) = state.status() else { panic!("not ended") };
            prop_assert_eq!(all_good, matches!(outcome, RunOutcome::Succeeded | RunOutcome::RolledBack));
            let cancelled = events.iter().any(|event| matches!(event, Event::CancelRequested { .. }));
            prop_assert_eq!(
                cancelled && !all_good,
                matches!(outcome, RunOutcome::Cancelled | RunOutcome::Abandoned)
            );
        }
        // Nothing is sent after a cancel.
        let cancel = events.iter().position(|event| matches!(event, Event::CancelRequested { .. }));
        let after = cancel.map_or(&[][..], |at| &events[at..]);
        let sent_after = after.iter().any(|event| matches!(event, Event::AttemptSent { .. }));
        prop_assert!(!sent_after);
    }
}
