//! The course of one host through its steps.

use daytwo_model::plan::{Action, On, Phase, PlannedStep};
use daytwo_model::{AttemptId, AttemptState, CancelReason, CaptureName, Event, Exit, SkipReason};

use super::rollout::Bad;
use super::{Effect, Machine, Move};
use crate::why::reason;

/// How far a host is.
#[derive(Clone, Default)]
pub(super) struct Course {
    /// Its next step, by its place in the machine's order.
    pub(super) next: usize,
    /// Why the rest of its main phase is skipped.
    pub(super) skip_rest: Option<SkipReason>,
    /// A step of the main phase did not end well.
    pub(super) main_failed: bool,
    /// A step did not end well.
    pub(super) bad: bool,
    /// Something was sent here, or should have been.
    pub(super) touched: bool,
    /// Why it cannot be reached.
    pub(super) gone: Option<String>,
    /// An attempt may still be running.
    pub(super) end_unknown: bool,
    /// It waits for an answer about its next step: of the check, or that the pause is over.
    pub(super) awaits: bool,
}

/// What a host does next.
pub(super) enum Next {
    Do(Move),
    /// It waits for a step that is done on another host.
    Wait,
    /// It has come to its end.
    Ended,
}

/// What is to be done about a step.
enum Due {
    Skip(SkipReason),
    Wait,
    Check,
    Send,
}

impl Machine {
    /// The next step of a host.
    pub(super) fn advance(&mut self, host: u32) -> Next {
        let Some(step) = self.next_step(host) else {
            self.host_ended(host);
            return Next::Ended;
        };
        let due = self.step(step).map_or(Due::Skip(SkipReason::NotPlanned), |planned| self.is_due(host, step, planned));
        Next::Do(match due {
            Due::Skip(why) => Move::Record(Event::StepSkipped { host, step, why }),
            Due::Send => Move::Send { host, step },
            Due::Wait => {
                self.waiting.entry(step).or_default().push(host);
                return Next::Wait;
            }
            Due::Check => {
                if let Some(course) = self.courses.get_mut(host as usize) {
                    course.awaits = true;
                }
                Move::Perform(Effect::Check { host, step })
            }
        })
    }

    fn next_step(&self, host: u32) -> Option<u32> {
        self.order.get(self.courses.get(host as usize)?.next).copied()
    }

    fn is_due(&self, host: u32, step: u32, planned: &PlannedStep) -> Due {
        if let Some(why) = self.is_closed(host, planned.phase) {
            return Due::Skip(why);
        }
        if planned.on != On::Host && host != self.state.home() {
            return self.is_due_elsewhere(host, step, planned.phase);
        }
        if planned.action.get(host).is_none() {
            return Due::Skip(SkipReason::NotPlanned);
        }
        if let Some(needed) = planned.needs.iter().find(|needed| !self.was_started(host, **needed)) {
            return Due::Skip(SkipReason::Needs { step: *needed });
        }
        if let Some(condition) = planned.condition.as_ref().and_then(|condition| condition.get(host)) {
            match condition.holds(&self.state.captured(host)) {
                Ok(true) => {}
                Ok(false) => return Due::Skip(SkipReason::Condition),
                Err(error) => return Due::Skip(SkipReason::Undecidable { why: reason(&error.to_string()) }),
            }
        }
        if planned.check.as_ref().is_some_and(|check| check.get(host).is_some()) { Due::Check } else { Due::Send }
    }

    /// Of a step that is done on the first host for all.
    fn is_due_elsewhere(&self, host: u32, step: u32, phase: Phase) -> Due {
        let next = |host: u32| self.courses.get(host as usize).map(|course| course.next);
        let is_over = next(self.state.home()) > next(host);
        match (phase, is_over) {
            // Each host comes to its end by itself.
            (Phase::OnFailure | Phase::Always, _) => Due::Skip(SkipReason::NotPlanned),
            (Phase::Main, false) => Due::Wait,
            (Phase::Main, true) if self.undo || self.state.is_good(self.state.home(), step) => {
                Due::Skip(SkipReason::NotPlanned)
            }
            (Phase::Main, true) => Due::Skip(SkipReason::OnceFailed { step }),
        }
    }

    /// Whether a step that another one needs was started here, or was found done.
    fn was_started(&self, host: u32, step: u32) -> bool {
        let once = self.step(step).is_some_and(|planned| planned.on != On::Host);
        let place = if once { self.state.home() } else { host };
        let Some(attempt) = self.state.attempt(place, step) else { return false };
        match &attempt.state {
            AttemptState::Skipped { why } => *why == SkipReason::NotNeeded,
            // Made again: an earlier attempt was started.
            AttemptState::Unreachable { .. } | AttemptState::Refused { .. } | AttemptState::NotStarted { .. } => {
                attempt.attempts > 1
            }
            _ => true,
        }
    }

    pub(super) fn sent(&mut self, attempt: AttemptId, host: u32, step: u32) -> Vec<Move> {
        if let Some(course) = self.courses.get_mut(host as usize) {
            course.touched = true;
        }
        vec![Move::Perform(Effect::Start { attempt, host, step, inverse: false })]
    }

    pub(super) fn finished(
        &mut self,
        attempt: AttemptId,
        exit: &Exit,
        is_captured: impl Fn(&CaptureName) -> bool,
    ) -> Vec<Move> {
        let Some((host, step)) = self.state.place(attempt) else { return Vec::new() };
        let Some(planned) = self.step(step) else { return Vec::new() };
        if !planned.accepts(exit) {
            return if self.state.retry_is_due(host, step) {
                self.pause(host, step)
            } else {
                self.failed(attempt, exit)
            };
        }
        if !planned.captures.iter().all(|capture| is_captured(&capture.name)) {
            // Whoever read the output says next why it could not be captured.
            return Vec::new();
        }
        match &planned.verify {
            Some(verify) if verify.probe.get(host).is_some() => {
                vec![Move::Perform(Effect::Verify { attempt, host, step, inverse: false })]
            }
            Some(_) => vec![Move::Record(Event::AttemptNotVerified {
                attempt,
                why: "the plan has no check for this host".to_owned(),
            })],
            None if self.undo => vec![Move::Record(Event::AttemptUndone { attempt })],
            None => self.ended(attempt),
        }
    }

    fn failed(&mut self, attempt: AttemptId, exit: &Exit) -> Vec<Move> {
        if self.undo {
            return vec![Move::Record(Event::AttemptStuck { attempt, why: exit.to_string() })];
        }
        self.ended(attempt)
    }

    fn pause(&mut self, host: u32, step: u32) -> Vec<Move> {
        let attempts = self.state.attempt(host, step).map_or(1, |known| known.attempts);
        let Some(planned) = self.step(step) else { return Vec::new() };
        let ms = planned.retry.as_ref().map_or(0, |retry| retry.pause_ms(attempts));
        if planned.phase == Phase::Main {
            self.pausing.insert(host);
        }
        if let Some(course) = self.courses.get_mut(host as usize) {
            course.awaits = true;
        }
        vec![Move::Perform(Effect::Pause { host, step, ms })]
    }

    /// A cancel came: the last attempt stays the last.
    pub(super) fn end_pause(&mut self, host: u32) -> Vec<Move> {
        let Some(step) = self.next_step(host) else { return Vec::new() };
        if let Some(course) = self.courses.get_mut(host as usize) {
            course.awaits = false;
        }
        let last = self.state.attempt(host, step).and_then(|known| match (&known.state, known.id) {
            (AttemptState::Finished { exit }, Some(id)) => Some((id, exit.clone())),
            _ => None,
        });
        last.map_or_else(Vec::new, |(attempt, exit)| self.failed(attempt, &exit))
    }

    /// The answer that a host waited for: its next step is due.
    pub(super) fn resume(&mut self, host: u32, step: u32) -> Vec<Move> {
        let is_next = self.next_step(host) == Some(step);
        let Some(course) = self.courses.get_mut(host as usize) else { return Vec::new() };
        if !is_next || !std::mem::take(&mut course.awaits) {
            return Vec::new();
        }
        self.pausing.remove(&host);
        let is_main = self.step(step).is_some_and(|planned| planned.phase == Phase::Main);
        if is_main && self.is_cancelled() {
            return vec![Move::Record(Event::StepSkipped { host, step, why: SkipReason::Cancelled })];
        }
        vec![Move::Send { host, step }]
    }

    /// An attempt has come to its end.
    pub(super) fn ended(&mut self, attempt: AttemptId) -> Vec<Move> {
        let Some((host, step)) = self.state.place(attempt) else { return Vec::new() };
        if !self.state.is_good(host, step) {
            self.note_bad_end(host, step);
        }
        self.go_on(host)
    }

    fn note_bad_end(&mut self, host: u32, step: u32) {
        let Some(known) = self.state.attempt(host, step) else { return };
        let mut gone = None;
        let (bad, undo_goes_on) = match &known.state {
            AttemptState::Unreachable { why } | AttemptState::NotStarted { why } => {
                gone = Some(why.clone());
                (Bad::Unreachable, false)
            }
            AttemptState::Cancelled { reason: CancelReason::Operator } => (Bad::Cancelled, false),
            // It may still be running: the next inverse must not run beside it.
            AttemptState::Unknown { .. } => (Bad::Failed, false),
            _ => (Bad::Failed, true),
        };
        let unknown = matches!(known.state, AttemptState::Unknown { .. });
        self.end_unknown |= unknown || matches!(known.state, AttemptState::Lost { .. });
        // An API that cannot be reached says nothing of the host.
        let is_request = |planned: &PlannedStep| matches!(planned.action.get(host), Some(Action::Http { .. }));
        if self.step(step).is_some_and(is_request) {
            gone = None;
        }
        if let Some(course) = self.courses.get_mut(host as usize) {
            course.end_unknown |= unknown;
            course.gone = course.gone.take().or(gone);
        }
        self.note_bad(host, step, bad, undo_goes_on);
    }

    fn note_bad(&mut self, host: u32, step: u32, bad: Bad, undo_goes_on: bool) {
        let is_main = self.step(step).is_none_or(|planned| planned.phase == Phase::Main);
        let Some(course) = self.courses.get_mut(host as usize) else { return };
        course.touched = true;
        if is_main {
            course.main_failed = true;
            if bad == Bad::Cancelled {
                course.skip_rest = Some(SkipReason::Cancelled);
            } else if !(self.undo && undo_goes_on) {
                course.skip_rest = Some(SkipReason::EarlierStep);
            }
        }
        if !std::mem::replace(&mut course.bad, true) {
            self.count(bad);
        }
    }

    pub(super) fn skipped(&mut self, host: u32, step: u32, why: &SkipReason) -> Vec<Move> {
        let is_main = self.step(step).is_none_or(|planned| planned.phase == Phase::Main);
        if let Some(course) = self.courses.get_mut(host as usize) {
            course.awaits = false;
            if let SkipReason::Unreachable { why } = why {
                course.gone.get_or_insert_with(|| why.clone());
            }
        }
        match why {
            SkipReason::Undecidable { .. } => self.note_bad(host, step, Bad::Failed, true),
            SkipReason::Unreachable { .. } => self.note_bad(host, step, Bad::Unreachable, false),
            harmless if harmless.is_harmless() => {}
            _ if is_main => {
                if let Some(course) = self.courses.get_mut(host as usize) {
                    course.skip_rest = Some(why.clone());
                }
            }
            _ => {}
        }
        self.go_on(host)
    }

    /// A step of this host is behind it.
    fn go_on(&mut self, host: u32) -> Vec<Move> {
        let passed = self.next_step(host);
        if let Some(course) = self.courses.get_mut(host as usize) {
            course.next += 1;
        }
        let mut moves = self.moves_of(host);
        // Only on the host where it is done; the others have nobody waiting for them.
        if host == self.state.home()
            && let Some(waiting) = passed.and_then(|step| self.waiting.remove(&step))
        {
            for other in waiting {
                moves.extend(self.moves_of(other));
            }
        }
        moves
    }

    fn moves_of(&mut self, host: u32) -> Vec<Move> {
        match self.advance(host) {
            Next::Do(next) => vec![next],
            Next::Wait => Vec::new(),
            Next::Ended => self.proceed(),
        }
    }
}
