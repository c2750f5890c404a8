//! Ends that were not seen at first and are found out while the run goes on.
//!
//! Where a person is asked about such an attempt, the question is withdrawn and what follows is what would have
//! followed at once; only that nothing is made again by itself. Where the host has gone past it, what is true of
//! the attempt is recorded and counted, and nothing is sent.

use daytwo_model::plan::WayBack;
use daytwo_model::{AttemptId, AttemptState, Event, IllegalEvent};

use super::course::Waits;
use super::{Machine, Move};

/// Why a post-condition is not asked after all.
const TOO_LATE: &str = "how it ended was found out later, and whether it holds was not asked any more";

impl Machine {
    /// What is true grows by a fact before the run is taken up; nothing follows from it yet. The events that were
    /// recorded.
    pub fn learn(&mut self, fact: Event) -> Result<Vec<Event>, IllegalEvent> {
        let events = self.heard(fact).map(|fact| self.with_its_question(fact)).unwrap_or_default();
        events.iter().try_for_each(|event| self.state.apply(event))?;
        Ok(events)
    }

    /// A fact, and the end of the question that it answers.
    pub(super) fn recorded(&self, fact: Event) -> Vec<Move> {
        self.with_its_question(fact).into_iter().map(Move::Record).collect()
    }

    fn with_its_question(&self, fact: Event) -> Vec<Event> {
        let withdrawn = self.unknown_until(&fact).and_then(|attempt| {
            let (host, step) = self.state.place(attempt).filter(|_| !self.state.is_inverse(attempt))?;
            let why = "its host told what became of it".to_owned();
            let is_asked = self.state.question(host).is_some_and(|asked| asked.step == step);
            is_asked.then_some(Event::QuestionWithdrawn { host, step, why })
        });
        withdrawn.into_iter().chain([fact]).collect()
    }

    /// The attempt whose end was not known and is told by this fact.
    fn unknown_until(&self, fact: &Event) -> Option<AttemptId> {
        let ends = matches!(
            fact,
            Event::AttemptFinished { .. }
                | Event::AttemptLost { .. }
                | Event::AttemptNotStarted { .. }
                | Event::AttemptCancelled { .. }
        );
        let attempt = fact.attempt().filter(|_| ends)?;
        let unknown = matches!(self.state.find(attempt)?.state, AttemptState::Unknown { .. });
        (unknown && !self.is_over).then_some(attempt)
    }

    /// Whether the end of an unknown attempt can be told now: not while its dead-man switch is waited for, which
    /// decides what follows from it.
    pub(super) fn may_be_found(&self, fact: &Event) -> bool {
        let place = self.unknown_until(fact).and_then(|attempt| self.state.place(attempt));
        place.is_none_or(|(host, _)| self.waits(host) != Waits::DeadMan)
    }

    /// What follows from the end of an attempt that was found out later.
    pub(super) fn found_later(&mut self, attempt: AttemptId) -> Vec<Move> {
        let Some((host, step)) = self.state.place(attempt) else { return Vec::new() };
        let inverse = self.state.is_inverse(attempt);
        self.note_what_still_runs(host);
        let is_current = !inverse
            && !self.state.is_undoing(host)
            && self.waits(host) == Waits::Nothing
            && self.next_step(host) == Some(step);
        if is_current {
            return self.follow(host);
        }
        self.note_good(host);
        self.verdict(attempt, step, inverse).map(Move::Record).into_iter().collect()
    }

    /// What is to be said of an attempt that its host has gone past.
    fn verdict(&self, attempt: AttemptId, step: u32, inverse: bool) -> Option<Event> {
        let (known, planned) = (self.state.find(attempt)?, self.step(step)?);
        let verify = match (&planned.way_back, inverse) {
            (_, false) => planned.verify.as_ref(),
            (WayBack::Inverse { verify, .. }, true) => verify.as_ref(),
            (WayBack::None | WayBack::NotNeeded, true) => None,
        };
        let takes_back = inverse || self.undo;
        match &known.state {
            AttemptState::Finished { exit } => {
                let is_good = if inverse { exit.is_success() } else { planned.accepts(exit) };
                let captured = || planned.captures.iter().all(|capture| known.captured.contains_key(&capture.name));
                match (is_good, verify.is_some()) {
                    // Whoever read the output says next why it could not be captured.
                    (true, _) if !inverse && !captured() => None,
                    (true, true) => Some(Event::AttemptNotVerified { attempt, why: TOO_LATE.to_owned() }),
                    (true, false) => takes_back.then_some(Event::AttemptUndone { attempt }),
                    (false, _) => takes_back.then(|| Event::AttemptStuck { attempt, why: exit.to_string() }),
                }
            }
            AttemptState::NotVerified { why, .. } if takes_back => {
                Some(Event::AttemptStuck { attempt, why: why.clone() })
            }
            _ => None,
        }
    }

    /// Whether a change may still run on the host, by what is known now.
    fn note_what_still_runs(&mut self, host: u32) {
        let steps = 0..u32::try_from(self.order.len()).unwrap_or(u32::MAX);
        let unknown = |step| {
            let inverse = self.state.inverse(host, step);
            inverse.is_some_and(|known| matches!(known.state, AttemptState::Unknown { .. }))
        };
        let runs = steps.into_iter().any(|step| self.state.may_still_change(host, step) || unknown(step));
        if let Some(course) = self.course(host) {
            course.end_unknown &= runs;
        }
    }
}
