//! Looks at a whole run with its own eyes, not with those of the machine.

use std::collections::{HashMap, HashSet};

use daytwo_model::plan::{Effect, On, Order, Phase, Plan, PlannedStep};
use daytwo_model::run::HostStanding;
use daytwo_model::{Answer, AttemptId, AttemptState, CancelDegree, Event, Exit, RunState, SkipReason};
use proptest::prelude::*;

/// What was seen so far.
#[derive(Default)]
struct Seen {
    place: HashMap<AttemptId, (u32, u32, bool)>,
    in_flight: HashMap<u32, AttemptId>,
    tried: HashMap<(u32, u32), Vec<Option<Event>>>,
    granted: HashSet<(u32, u32)>,
    started: HashSet<u32>,
    cancelled: Option<CancelDegree>,
    hosts_cancelled: HashMap<u32, CancelDegree>,
    interrupted: bool,
    /// Something may still change the host, or it cannot be reached.
    closed: HashSet<u32>,
    /// Changes whose end is not known, by attempt: their hosts are closed until it is.
    unknown: HashMap<AttemptId, u32>,
    /// Attempts whose end was found out later.
    found: HashSet<(u32, u32)>,
    undone_down_to: HashMap<u32, u32>,
    once_over: HashSet<u32>,
}

/// Each event of a run, in order, with the state before it.
pub(crate) fn check_course(plan: &Plan, events: &[Event]) -> Result<(), TestCaseError> {
    let mut seen = Seen::default();
    let mut state = RunState::new(plan);
    for event in events {
        match event {
            Event::CancelRequested { degree, hosts: None, .. } => seen.cancelled = Some(*degree),
            Event::CancelRequested { degree, hosts: Some(hosts), .. } => {
                for host in hosts {
                    let before = seen.hosts_cancelled.entry(*host).or_insert(*degree);
                    *before = (*before).max(*degree);
                }
            }
            Event::RunInterrupted { .. } => seen.interrupted = true,
            Event::QuestionAnswered { hosts, step, answer: Answer::Retry, .. } => {
                seen.granted.extend(hosts.iter().map(|host| (*host, *step)));
            }
            Event::QuestionAnswered { hosts, step, .. } if hosts.contains(&state.home()) => {
                seen.once_over.insert(*step);
            }
            Event::QuestionAsked { host, .. } => {
                seen.started.insert(*host);
            }
            Event::UndoStarted { host } => {
                prop_assert_eq!(seen.undone_down_to.insert(*host, u32::MAX), None, "undone twice");
            }
            Event::AttemptSent { attempt, host, step, inverse } => {
                seen.check_sent(plan, &state, (*attempt, *host, *step, *inverse))?;
            }
            Event::StepSkipped { host, step, why } => {
                if *host == state.home() {
                    seen.once_over.insert(*step);
                }
                if matches!(why, SkipReason::Unreachable { .. }) {
                    seen.closed.insert(*host);
                }
            }
            other => seen.note(plan, other),
        }
        state.apply(event).unwrap();
    }
    prop_assert!(seen.in_flight.is_empty());
    Ok(())
}

impl Seen {
    fn note(&mut self, plan: &Plan, event: &Event) {
        let (attempt, ends) = match event {
            Event::AttemptFinished { attempt, .. }
            | Event::AttemptLost { attempt, .. }
            | Event::AttemptUnknown { attempt, .. }
            | Event::AttemptUnreachable { attempt, .. }
            | Event::AttemptNotStarted { attempt, .. }
            | Event::AttemptRefused { attempt, .. }
            | Event::AttemptCancelled { attempt, .. } => (attempt, true),
            Event::AttemptNotVerified { attempt, .. }
            | Event::DeadManFired { attempt, .. }
            | Event::DeadManFailed { attempt, .. }
            | Event::DeadManUnknown { attempt, .. } => (attempt, false),
            _ => return,
        };
        let (host, step, inverse) = self.place[attempt];
        let changes = plan.steps[step as usize].effect == Effect::Change;
        match event {
            Event::AttemptUnknown { .. } => {
                self.found.insert((host, step));
                self.unknown.extend(changes.then_some((*attempt, host)));
            }
            Event::DeadManUnknown { .. } if changes => {
                self.closed.insert(host);
            }
            Event::AttemptUnreachable { .. } => {
                self.closed.insert(host);
            }
            _ => {}
        }
        if ends && !matches!(event, Event::AttemptUnknown { .. }) {
            self.unknown.remove(attempt);
        }
        if ends && self.in_flight.get(&host) == Some(attempt) {
            self.in_flight.remove(&host);
        }
        if !inverse {
            self.once_over.insert(step);
            *self.tried.entry((host, step)).or_default().last_mut().unwrap() = Some(event.clone());
        }
    }

    fn check_sent(
        &mut self,
        plan: &Plan,
        state: &RunState,
        (attempt, host, step, inverse): (AttemptId, u32, u32, bool),
    ) -> Result<(), TestCaseError> {
        let planned = &plan.steps[step as usize];
        let main = planned.phase == Phase::Main && !inverse;
        prop_assert_eq!(self.place.insert(attempt, (host, step, inverse)), None, "an id was sent twice");
        prop_assert_eq!(self.in_flight.insert(host, attempt), None, "two at one time on a host");
        let cancelled = self.cancelled.max(self.hosts_cancelled.get(&host).copied());
        prop_assert!(cancelled.is_none() || !main, "started after a cancel");
        prop_assert!(cancelled != Some(CancelDegree::Kill), "started after a kill");
        prop_assert!(!main || !self.interrupted, "started after an interruption");
        // What a person decided to skip, a person takes upon themselves.
        let decided = (0_u32..).zip(&plan.steps).any(|(step, _)| state.decision(host, step).is_some());
        let on_console = planned.on == On::Console;
        let closed = self.closed.contains(&host) || self.unknown.values().any(|of| *of == host);
        prop_assert!(decided || on_console || !closed, "started on a host that is closed");
        if inverse {
            return self.check_inverse(state, host, step);
        }
        prop_assert!(planned.on == On::Host || host == state.home(), "done on another host than the first");
        prop_assert!(!main || !self.undone_down_to.contains_key(&host), "went on, though it is taken back");
        self.check_made_again(planned, (host, step))?;
        // A host whose check was asked has started, too, and no event says so.
        let fresh = state.standing(host) == HostStanding::Waiting;
        if self.started.insert(host) && fresh && plan.steps.iter().all(|step| step.check.is_none()) {
            check_budgets(plan, state)?;
        }
        let before = || (0_u32..).zip(&plan.steps).take(step as usize).filter(|(_, step)| step.phase == Phase::Main);
        if main && host != state.home() {
            let waited = |(other, step): (u32, &PlannedStep)| step.on == On::Host || self.once_over.contains(&other);
            prop_assert!(before().all(waited), "it did not wait for what is done once");
        }
        if main && plan.limits.order == Order::Linear {
            let batch = plan.batches.iter().find(|batch| batch.contains(&host)).unwrap();
            for other in batch {
                let left = (0_u32..)
                    .zip(&plan.steps)
                    .any(|(step, _)| state.attempt(*other, step).is_some() && !state.is_good(*other, step));
                let behind = |step: u32| {
                    state.attempt(*other, step).is_some_and(|known| !known.state.is_in_flight())
                        && !state.retry_is_due(*other, step)
                        && state.question(*other).is_none_or(|asked| asked.step != step)
                };
                prop_assert!(left || before().all(|(step, _)| behind(step)), "ahead of host {}", other);
            }
        }
        Ok(())
    }

    fn check_made_again(&mut self, planned: &PlannedStep, place: (u32, u32)) -> Result<(), TestCaseError> {
        let granted = self.granted.remove(&place);
        let tried = self.tried.entry(place).or_default();
        if let Some(last) = tried.last() {
            let last = last.as_ref();
            let failed = matches!(last, Some(Event::AttemptFinished { exit, .. }) if !planned.accepts(exit));
            let fired = matches!(last, Some(Event::DeadManFired { exit: Some(Exit::Code(0)), .. }));
            let unclear = matches!(last, None | Some(Event::AttemptUnknown { .. } | Event::AttemptLost { .. }));
            let most = planned.retry.as_ref().map_or(1, |retry| retry.attempts_max) as usize;
            prop_assert!(!unclear, "made again after {last:?}");
            let by_rule = (failed || fired) && tried.len() < most && !self.found.contains(&place);
            prop_assert!(granted || by_rule, "made again after {last:?}");
        }
        tried.push(None);
        self.found.remove(&place);
        Ok(())
    }

    fn check_inverse(&mut self, state: &RunState, host: u32, step: u32) -> Result<(), TestCaseError> {
        let before = self.undone_down_to.insert(host, step);
        prop_assert!(before.is_some_and(|before| step < before), "not in reverse");
        let last = self.tried.get(&(host, step)).and_then(|tried| tried.last()).cloned().flatten();
        let ended = matches!(
            last,
            Some(
                Event::AttemptFinished { .. }
                    | Event::AttemptNotVerified { .. }
                    | Event::AttemptCancelled { .. }
                    // The switch took nothing back, and nothing of the way forward is left.
                    | Event::DeadManFailed { over: true, .. }
            )
        );
        let earlier = self.tried.get(&(host, step)).is_some_and(|tried| tried.len() > 1);
        prop_assert!(ended || earlier, "took back what ended as {last:?}");
        prop_assert!(state.attempt(host, step).is_some_and(|known| !known.may_still_run()));
        Ok(())
    }
}

/// No host starts once more of them have gone wrong than both budgets together allow.
fn check_budgets(plan: &Plan, state: &RunState) -> Result<(), TestCaseError> {
    use HostStanding as H;
    let bad = |hosts: &mut dyn Iterator<Item = u32>| {
        let bad = |host: &u32| {
            matches!(state.standing(*host), H::Failed | H::Unknown | H::Stuck | H::Undone | H::Unreachable)
        };
        u32::try_from(hosts.filter(bad).count()).unwrap()
    };
    let total = plan.limits.total;
    let hosts = u32::try_from(plan.hosts.len()).unwrap();
    prop_assert!(bad(&mut (0..hosts)) <= total.failed_max + total.unreachable_max, "started over the budget");
    for (budget, batch) in plan.limits.batches.iter().zip(&plan.batches) {
        let bad = bad(&mut batch.iter().copied());
        let is_current = batch.iter().any(|host| state.standing(*host) == H::Waiting);
        prop_assert!(!is_current || bad <= budget.failed_max + budget.unreachable_max, "started over a batch's budget");
    }
    Ok(())
}

/// On every host that was started, what always runs did, or says why it could not.
pub(crate) fn check_ends(plan: &Plan, state: &RunState, events: &[Event]) -> Result<(), TestCaseError> {
    let is_finale =
        |step: u32| plan.steps[step as usize].phase != Phase::Main && plan.steps[step as usize].on != On::Host;
    let sent = |event: &Event| match event {
        Event::AttemptSent { host, step, .. } if !is_finale(*step) => Some(*host),
        _ => None,
    };
    let started: HashSet<u32> = events.iter().filter_map(sent).collect();
    let ends = (0_u32..).zip(&plan.steps).filter(|(_, planned)| planned.phase != Phase::Main && planned.on == On::Host);
    for (step, planned) in ends {
        for host in 0..u32::try_from(plan.hosts.len()).unwrap() {
            let AttemptState::Skipped { why } = &state.attempt(host, step).unwrap().state else {
                // What was done about a failure that was none, as its end that was found out later says.
                let found_later = (0_u32..)
                    .zip(&plan.steps)
                    .any(|(step, _)| state.attempt(host, step).is_some_and(|known| known.found_later));
                let is_due = planned.phase == Phase::Always || found_later;
                prop_assert!(is_due || state.standing(host) != HostStanding::Succeeded);
                continue;
            };
            let is_question =
                planned.action.get(host).is_some_and(|it| matches!(it, daytwo_model::plan::Action::Ask { .. }));
            let plain =
                planned.check.is_none() && planned.condition.is_none() && planned.needs.is_empty() && !is_question;
            if plain && started.contains(&host) {
                let expected = match why {
                    SkipReason::Unreachable { .. } | SkipReason::EndUnknown => true,
                    SkipReason::NoFailure => planned.phase == Phase::OnFailure,
                    SkipReason::Cancelled => state.cancelled(host) == Some(CancelDegree::Kill),
                    _ => false,
                };
                prop_assert!(expected, "{:?} on a host that was started", why);
            }
            prop_assert!(*why != SkipReason::NoFailure || planned.phase == Phase::OnFailure);
        }
    }
    Ok(())
}
