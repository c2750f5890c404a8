//! The course of one host through its steps.

use daytwo_model::plan::{Action, On, Phase, PlannedStep};
use daytwo_model::{Answer, AttemptState, CancelDegree, Event, Question, SkipReason};

use super::rollout::{Bad, Stage};
use super::{Effect, Machine, Move};
use crate::why::reason;

/// How far a host is.
#[derive(Clone, Default)]
pub(super) struct Course {
    /// Its next step, by its place in the machine's order.
    pub(super) next: usize,
    /// It was taken up: a spent budget does not keep it from going on.
    pub(super) begun: bool,
    /// In linear order: the batch waits for its current step.
    pub(super) in_level: bool,
    /// Why the rest of its main phase is skipped.
    pub(super) skip_rest: Option<SkipReason>,
    /// A step of the main phase did not end well.
    pub(super) main_failed: bool,
    /// A step did not end well.
    pub(super) bad: bool,
    /// It was counted as failed or unreachable.
    pub(super) counted: bool,
    /// Something was sent here, or should have been.
    pub(super) touched: bool,
    /// Why it cannot be reached.
    pub(super) gone: Option<String>,
    /// A change may still be running.
    pub(super) end_unknown: bool,
    pub(super) waits: Waits,
}

/// What a host waits for beside the end of an attempt or of its verification.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Waits {
    #[default]
    Nothing,
    /// The answer of its next step's check.
    Check,
    /// The end of a pause.
    Pause,
    /// The end of a step that is done on another host.
    Once,
    /// A person.
    Person,
    /// What becomes of a dead-man switch.
    DeadMan,
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
    pub(super) fn course(&mut self, host: u32) -> Option<&mut Course> {
        self.courses.get_mut(host as usize)
    }

    pub(super) fn next_step(&self, host: u32) -> Option<u32> {
        let next = self.courses.get(host as usize)?.next;
        if next >= self.finale_from && host == self.state.home() && self.rollout.stage != Stage::Finale {
            // Done when all hosts have come to their end.
            return None;
        }
        self.order.get(next).copied()
    }

    pub(super) fn waits(&self, host: u32) -> Waits {
        self.courses.get(host as usize).map(|course| course.waits).unwrap_or_default()
    }

    /// Whether something of its current step has happened already.
    pub(super) fn is_in_the_middle(&self, host: u32) -> bool {
        self.state.is_undoing_now(host)
            || self.next_step(host).is_some_and(|step| self.state.attempt(host, step).is_some())
    }

    /// Whether a step of its main phase is still to be done.
    pub(super) fn is_in_main(&self, host: u32) -> bool {
        let is_main = |step| self.step(step).is_some_and(|planned| planned.phase == Phase::Main);
        self.next_step(host).is_some_and(|step| is_main(step) && self.is_closed(host, step).is_none())
    }

    /// The next step of a host.
    pub(super) fn advance(&mut self, host: u32) -> Next {
        let Some(step) = self.next_step(host) else {
            if self.rollout.stage != Stage::Finale {
                self.host_ended(host);
            }
            return Next::Ended;
        };
        let due = self.step(step).map_or(Due::Skip(SkipReason::NotPlanned), |planned| self.is_due(host, step, planned));
        Next::Do(match due {
            Due::Skip(why) => Move::Record(Event::StepSkipped { host, step, why }),
            Due::Send => self.start(host, step),
            Due::Wait => {
                self.wait_for(host, Waits::Once);
                self.waiting.entry(step).or_default().push(host);
                return Next::Wait;
            }
            Due::Check => {
                self.wait_for(host, Waits::Check);
                Move::Perform(Effect::Check { host, step })
            }
        })
    }

    pub(super) fn wait_for(&mut self, host: u32, waits: Waits) {
        if let Some(course) = self.course(host) {
            course.waits = waits;
        }
    }

    fn is_due(&self, host: u32, step: u32, planned: &PlannedStep) -> Due {
        if planned.on != On::Host && host != self.state.home() {
            return self.is_due_elsewhere(host, step, planned.phase);
        }
        if let Some(why) = self.is_closed(host, step) {
            return Due::Skip(why);
        }
        if planned.done_before.binary_search(&host).is_ok() {
            return Due::Skip(SkipReason::DoneBefore);
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
        if phase != Phase::Main {
            // Done when all hosts have come to their end.
            return Due::Skip(SkipReason::NotPlanned);
        }
        if let Some(why) = self.is_closed(host, step) {
            return Due::Skip(why);
        }
        let (home, next) = (self.state.home(), |host: u32| self.courses.get(host as usize).map(|course| course.next));
        if next(home) <= next(host) {
            return Due::Wait;
        }
        if self.undo || self.lets_pass(home, step) {
            Due::Skip(SkipReason::NotPlanned)
        } else {
            Due::Skip(SkipReason::OnceFailed { step })
        }
    }

    /// Whether the next step may follow, by how this one ended and by what was decided about it.
    fn lets_pass(&self, host: u32, step: u32) -> bool {
        self.state.is_good(host, step)
            || self
                .state
                .attempt(host, step)
                .is_some_and(|known| known.id.is_some() && self.passes_as_failed(host, step))
    }

    /// Whether a step that another one needs was started here, or was found done.
    fn was_started(&self, host: u32, step: u32) -> bool {
        let once = self.step(step).is_some_and(|planned| planned.on != On::Host);
        let place = if once { self.state.home() } else { host };
        let Some(attempt) = self.state.attempt(place, step) else { return false };
        match &attempt.state {
            AttemptState::Skipped { why } => matches!(why, SkipReason::NotNeeded | SkipReason::DoneBefore),
            // Made again: an earlier attempt was started.
            AttemptState::Unreachable { .. } | AttemptState::Refused { .. } | AttemptState::NotStarted { .. } => {
                attempt.attempts > 1
            }
            _ => true,
        }
    }

    /// The step is due: an attempt, or a question.
    fn start(&self, host: u32, step: u32) -> Move {
        let action = self.step(step).and_then(|planned| planned.action.get(host));
        let Some(Action::Ask { question, within_ms, otherwise }) = action else { return Move::Send { host, step } };
        let captured = self.state.captured(host);
        let text = question.with_captures(|name| captured.get(name).cloned());
        if let Some(missing) = text.captures().into_iter().next() {
            let why = format!("nothing was captured as {missing} on this host");
            return Move::Record(Event::StepSkipped { host, step, why: SkipReason::Undecidable { why } });
        }
        let otherwise = match otherwise {
            daytwo_model::plan::Otherwise::Stop => Answer::Stop,
            daytwo_model::plan::Otherwise::Continue => Answer::Continue,
        };
        let question = Question::Step { text: reason(&text.preview()) };
        Move::Record(Event::QuestionAsked { host, step, question, within_ms: *within_ms, otherwise })
    }

    /// The answer that a host waited for: its next step is due.
    pub(super) fn resume(&mut self, host: u32, step: u32) -> Vec<Move> {
        let waited = matches!(self.waits(host), Waits::Check | Waits::Pause);
        if !waited || self.next_step(host) != Some(step) {
            return Vec::new();
        }
        self.wait_for(host, Waits::Nothing);
        if self.state.attempt(host, step).is_some() {
            // Whether it is still due is seen by what is true now.
            return if self.state.retry_is_due(host, step) {
                vec![Move::Send { host, step }]
            } else {
                self.follow(host)
            };
        }
        match self.is_closed(host, step) {
            Some(why) => vec![Move::Record(Event::StepSkipped { host, step, why })],
            None => vec![self.start(host, step)],
        }
    }

    pub(super) fn skipped(&mut self, host: u32, step: u32, why: &SkipReason) -> Vec<Move> {
        self.note_skip(host, step, why);
        self.go_on(host)
    }

    /// What a skip means for the rest of the host's course.
    pub(super) fn note_skip(&mut self, host: u32, step: u32, why: &SkipReason) {
        let is_main = self.is_main(step);
        let is_finale = self.is_finale(step);
        let goes_on_in_undo = self.undo && matches!(why, SkipReason::Undecidable { .. });
        match why {
            SkipReason::Undecidable { .. } => self.note_bad(host, step, Bad::Failed),
            // Where the host is known to be gone, that was counted then.
            SkipReason::Unreachable { .. } => self.note_bad(host, step, Bad::Unreachable),
            _ => {}
        }
        let Some(course) = self.course(host) else { return };
        course.waits = Waits::Nothing;
        if let SkipReason::Unreachable { why } = why {
            course.gone.get_or_insert_with(|| why.clone());
        }
        if why.is_harmless() || goes_on_in_undo {
            return;
        }
        if !is_main {
            // The host has not come to the end that was planned for it.
            course.bad = true;
            self.finale_failed |= is_finale;
            return;
        }
        let own = matches!(why, SkipReason::Undecidable { .. } | SkipReason::Unreachable { .. });
        course.main_failed |= own;
        let rest = if own { SkipReason::EarlierStep } else { why.clone() };
        course.skip_rest.get_or_insert(rest);
    }

    pub(super) fn is_main(&self, step: u32) -> bool {
        self.step(step).is_none_or(|planned| planned.phase == Phase::Main)
    }

    /// Whether a step is done once when all hosts have come to their end.
    pub(super) fn is_finale(&self, step: u32) -> bool {
        self.step(step).is_some_and(|planned| planned.phase != Phase::Main && planned.on != On::Host)
    }

    pub(super) fn is_killed(&self, host: u32) -> bool {
        self.state.cancelled(host) == Some(CancelDegree::Kill)
    }

    /// A step of this host is behind it.
    pub(super) fn go_on(&mut self, host: u32) -> Vec<Move> {
        let passed = self.next_step(host);
        if let Some(course) = self.course(host) {
            course.waits = Waits::Nothing;
            course.next += 1;
        }
        let mut moves = if self.leave_level(host) { self.work() } else { self.moves_of(host) };
        // Only on the host where it is done; the others have nobody waiting for them.
        if host == self.state.home()
            && let Some(waiting) = passed.and_then(|step| self.waiting.remove(&step))
        {
            for other in waiting.into_iter().filter(|other| self.waits(*other) == Waits::Once).collect::<Vec<_>>() {
                self.wait_for(other, Waits::Nothing);
                moves.extend(self.moves_of(other));
            }
        }
        moves
    }

    pub(super) fn moves_of(&mut self, host: u32) -> Vec<Move> {
        match self.advance(host) {
            Next::Do(next) => vec![next],
            Next::Wait => Vec::new(),
            Next::Ended if self.rollout.stage == Stage::Finale => self.end(),
            Next::Ended => self.work(),
        }
    }
}
