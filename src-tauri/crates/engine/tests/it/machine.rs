//! The machine against worlds that answer in any order.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use daytwo_engine::machine::{Effect, Machine, Settled};
use daytwo_model::plan::{Budget, CaptureFrom, Limits, On, Phase, Plan, PlannedStep};
use daytwo_model::run::HostStanding;
use daytwo_model::{
    AttemptId, AttemptState, CancelDegree, CancelReason, Event, Exit, OutputTally, RunOutcome, RunState, RunStatus,
    SealedPlan, SkipReason,
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::support::{capture, capturing, checked, in_phase, plan, retried, seal, steps, undo, verified, when};

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

/// What a step of a random plan is like.
#[derive(Debug, Clone)]
struct Traits {
    phase: Phase,
    once: bool,
    verified: bool,
    checked: bool,
    captures_code: bool,
    attempts_max: u32,
    /// Due where this was captured as 0; some of it never is.
    when: Option<u32>,
    needs: Option<u32>,
}

fn traits() -> impl Strategy<Value = Traits> {
    let phase = prop_oneof![4 => Just(Phase::Main), 1 => Just(Phase::OnFailure), 1 => Just(Phase::Always)];
    let often = || prop::bool::weighted(0.3);
    let other = || prop::option::weighted(0.2, 0_u32..6);
    (phase, often(), often(), often(), often(), 1_u32..4, other(), other()).prop_map(
        |(phase, once, verified, checked, captures_code, attempts_max, when, needs)| Traits {
            once: once && phase == Phase::Main,
            phase,
            verified,
            checked,
            captures_code,
            attempts_max,
            when,
            needs,
        },
    )
}

fn step_with(traits: &Traits, number: u32, step: PlannedStep, hosts: u32) -> PlannedStep {
    let mut step = in_phase(step, traits.phase);
    if traits.once {
        step.on = On::One;
    }
    if traits.verified {
        step = verified(step, hosts, 0);
    }
    if traits.checked {
        step = checked(step, hosts);
    }
    if traits.captures_code {
        step = capturing(step, vec![capture(&format!("code_{number}"), CaptureFrom::ExitCode)]);
    }
    if traits.attempts_max > 1 {
        step = retried(step, traits.attempts_max);
    }
    if let Some(other) = traits.when {
        step = when(step, hosts, &format!("code_{other}"), 0);
    }
    step.needs.extend(traits.needs.filter(|other| *other < number));
    step
}

/// What a thing in flight says.
enum Fact {
    Event(Event),
    Due { host: u32, step: u32 },
}

fn fact(plan: &Plan, effect: &Effect, kind: u8) -> Fact {
    let why = String::from("because");
    Fact::Event(match effect {
        Effect::Start { attempt, step, .. } => {
            let (attempt, output) = (*attempt, OutputTally::default());
            match kind {
                0 => Event::AttemptUnknown { attempt, why, output: OutputTally::default() },
                1 => Event::AttemptUnreachable { attempt, why },
                2 => Event::AttemptRefused { attempt, why },
                3 => Event::AttemptLost { attempt, why, output: OutputTally::default() },
                4 => Event::AttemptCancelled { attempt, reason: CancelReason::Deadline, output },
                other => {
                    let code = i32::from(other < 9);
                    let captures = &plan.steps[*step as usize].captures;
                    let captured = captures.iter().map(|capture| (capture.name.clone(), code.into())).collect();
                    Event::AttemptFinished { attempt, exit: Exit::Code(code), captured, output }
                }
            }
        }
        Effect::Verify { attempt, .. } if kind < 4 => Event::AttemptNotVerified { attempt: *attempt, why },
        Effect::Verify { attempt, .. } => Event::AttemptVerified { attempt: *attempt },
        Effect::Check { host, step } if kind < 6 => {
            let why = match kind {
                0 => SkipReason::Undecidable { why },
                1 => SkipReason::Unreachable { why },
                _ => SkipReason::NotNeeded,
            };
            Event::StepSkipped { host: *host, step: *step, why }
        }
        Effect::Check { host, step } | Effect::Pause { host, step, .. } => {
            return Fact::Due { host: *host, step: *step };
        }
        _ => unreachable!("not an answer"),
    })
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
                // A pause that is over tells so at any time later, or just after.
                Effect::Cancel { .. } => open.retain(|effect| !is_late(sealed, effect, &mut machine, &mut new_id)),
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
            Fact::Event(Event::CancelRequested {
                by: "ada".into(),
                why: String::new(),
                degree: CancelDegree::default(),
                hosts: None,
            })
        } else if let Some(batch) = machine.holding() {
            Fact::Event(Event::BatchEnded { batch })
        } else {
            assert!(!open.is_empty(), "nothing is left to wait for");
            let answer = answers.next().unwrap();
            let which = answer.pick.index(open.len());
            fact(sealed.plan(), &open.swap_remove(which), answer.kind)
        };
        settled = match next {
            Fact::Event(event) => machine.next(event, &mut new_id).unwrap(),
            Fact::Due { host, step } => machine.due(host, step, &mut new_id).unwrap(),
        };
    }
    unreachable!()
}

/// A pause of the main phase that a cancel has ended: that it tells so changes nothing any more.
fn is_late(sealed: &SealedPlan, effect: &Effect, machine: &mut Machine, new_id: &mut dyn FnMut() -> AttemptId) -> bool {
    let Effect::Pause { host, step, .. } = effect else { return false };
    let late = sealed.plan().steps[*step as usize].phase == Phase::Main;
    if late {
        assert_eq!(machine.due(*host, *step, new_id).unwrap(), Settled::default());
    }
    late
}

fn host_of(effect: &Effect) -> u32 {
    match effect {
        Effect::Start { host, .. }
        | Effect::Verify { host, .. }
        | Effect::Check { host, .. }
        | Effect::Pause { host, .. } => *host,
        _ => unreachable!(),
    }
}

/// Looks at a whole run with its own eyes, not with those of `RunState`.
fn check_attempts(plan: &Plan, events: &[Event]) -> Result<(), TestCaseError> {
    let mut ids = HashSet::new();
    let mut place = HashMap::new();
    let mut tried: HashMap<(u32, u32), (u32, Option<Exit>)> = HashMap::new();
    let mut cancelled = false;
    let mut once_over = HashSet::new();
    // Not to be reached, or something may still run there.
    let mut closed = HashSet::new();
    for event in events {
        match event {
            Event::CancelRequested { .. } => cancelled = true,
            Event::AttemptSent { attempt, host, step, .. } => {
                prop_assert!(ids.insert(*attempt), "an id was sent twice");
                place.insert(*attempt, (*host, *step));
                let planned = &plan.steps[*step as usize];
                prop_assert!(!closed.contains(host), "started on a host that is closed");
                prop_assert!(!cancelled || planned.phase != Phase::Main, "started after a cancel");
                prop_assert!(planned.on == On::Host || *host == 0, "done on another host than the first");
                let (attempts, last) = tried.entry((*host, *step)).or_default();
                if *attempts > 0 {
                    let failed = last.as_ref().is_some_and(|exit| !planned.accepts(exit));
                    prop_assert!(failed, "made again after {last:?}");
                }
                *attempts += 1;
                *last = None;
                let most = planned.retry.as_ref().map_or(1, |retry| retry.attempts_max);
                prop_assert!(*attempts <= most, "made {attempts} times, {most} are allowed");
                let before = (0_u32..).zip(&plan.steps).take(*step as usize);
                let waited = |(other, step): (u32, &PlannedStep)| step.on == On::Host || once_over.contains(&other);
                if *host != 0 && planned.phase == Phase::Main {
                    prop_assert!(before.into_iter().all(waited), "it did not wait for what is done once");
                }
            }
            Event::AttemptFinished { attempt, exit, .. } => {
                tried.entry(place[attempt]).or_default().1 = Some(exit.clone());
                once_over.insert(place[attempt].1);
            }
            Event::AttemptLost { attempt, .. }
            | Event::AttemptUnknown { attempt, .. }
            | Event::AttemptUnreachable { attempt, .. }
            | Event::AttemptRefused { attempt, .. }
            | Event::AttemptCancelled { attempt, .. } => {
                once_over.insert(place[attempt].1);
                if matches!(event, Event::AttemptUnknown { .. } | Event::AttemptUnreachable { .. }) {
                    closed.insert(place[attempt].0);
                }
            }
            Event::StepSkipped { host: 0, step, .. } => {
                once_over.insert(*step);
            }
            _ => {}
        }
    }
    Ok(())
}

/// On every host that was started, what always runs did, or says why it could not.
fn check_ends(plan: &Plan, state: &RunState, events: &[Event]) -> Result<(), TestCaseError> {
    let sent = |event: &Event| match event {
        Event::AttemptSent { host, .. } => Some(*host),
        _ => None,
    };
    let started: HashSet<u32> = events.iter().filter_map(sent).collect();
    for (step, planned) in (0_u32..).zip(&plan.steps).filter(|(_, planned)| planned.phase != Phase::Main) {
        for host in 0..u32::try_from(plan.hosts.len()).unwrap() {
            let AttemptState::Skipped { why } = &state.attempt(host, step).unwrap().state else {
                prop_assert!(planned.phase == Phase::Always || state.standing(host) != HostStanding::Succeeded);
                continue;
            };
            let plain = planned.check.is_none() && planned.condition.is_none() && planned.needs.is_empty();
            if plain && started.contains(&host) {
                let expected = match why {
                    SkipReason::Unreachable { .. } | SkipReason::EndUnknown => true,
                    SkipReason::NoFailure => planned.phase == Phase::OnFailure,
                    _ => false,
                };
                prop_assert!(expected, "{:?} on a host that was started", why);
            }
            prop_assert!(*why != SkipReason::NoFailure || planned.phase == Phase::OnFailure);
        }
    }
    Ok(())
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
        traits in prop::collection::vec(traits(), 0..6),
        cancel_at in prop::option::of(0_usize..30),
        answers in answers(),
    ) {
        let hosts: u32 = batches.iter().sum();
        let step_count = u32::try_from(traits.len()).unwrap();
        let steps = (0_u32..).zip(steps(hosts, step_count)).zip(&traits);
        let steps = steps.map(|((number, step), traits)| step_with(traits, number, step, hosts)).collect();
        let mut plan = plan(hosts, &batches, steps);
        plan.limits = Limits {
            total: Budget { failed_max, unreachable_max },
            hold_ms,
            ..Limits::strict(at_once)
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
        check_attempts(sealed.plan(), &events)?;
        check_ends(sealed.plan(), &state, &events)?;
    }
}
