//! How events change the state of a run, and which of them cannot have happened.

use super::cell::{Attempt, DeadManSwitch};
use super::{Asked, IllegalEvent, Place, RunState, RunStatus};
use crate::attempt::{AttemptState, Exit, IllegalChange, SkipReason};
use crate::event::{Event, Note, OutputTally};
use crate::id::AttemptId;

impl RunState {
    /// The state after `event`.
    pub fn next(mut self, event: &Event) -> Result<Self, IllegalEvent> {
        self.apply(event)?;
        Ok(self)
    }

    /// [`RunState::next`] in place; on an error nothing has changed.
    pub fn apply(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        match (self.status, event) {
            (None, Event::RunOpened { .. }) => {
                self.status = Some(RunStatus::Running);
                Ok(())
            }
            (None, _) | (_, Event::RunOpened { .. }) => Err(IllegalEvent::Opening),
            (Some(RunStatus::Ended { .. }), _) if !self.may_follow_the_end(event) => Err(IllegalEvent::AfterEnd),
            (Some(_), _) => self.apply_to_run(event),
        }
    }

    /// What became of an attempt whose end was unknown may still be told, and changes no outcome.
    fn may_follow_the_end(&self, event: &Event) -> bool {
        match event {
            Event::AttemptFinished { attempt, .. }
            | Event::AttemptLost { attempt, .. }
            | Event::AttemptNotStarted { attempt, .. }
            | Event::AttemptCancelled { attempt, .. } => {
                self.find(*attempt).is_some_and(|known| matches!(known.state, AttemptState::Unknown { .. }))
            }
            Event::DeadManDisarmed { .. }
            | Event::DeadManFired { .. }
            | Event::DeadManFailed { .. }
            | Event::DeadManUnknown { .. } => true,
            _ => false,
        }
    }

    fn apply_to_run(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        match event {
            Event::RunOpened { .. } => Err(IllegalEvent::Opening),
            Event::BatchStarted { batch } => self.start_batch(*batch),
            Event::BatchEnded { batch } => self.end_batch(*batch),
            Event::HealthChecked { batch, holds, .. } => self.health_checked(*batch, *holds),
            Event::AttemptSent { attempt, host, step, inverse: true } => self.send_inverse(*attempt, *host, *step),
            Event::AttemptSent { attempt, host, step, inverse: false } => self.send(*attempt, *host, *step),
            Event::StepSkipped { host, step, why } => self.skip(*host, *step, why.clone()),
            Event::UndoStarted { host } => self.start_undo(*host),
            Event::InverseSkipped { host, step, why } => self.leave_as_it_is(*host, *step, why),
            Event::QuestionAsked { host, step, question, within_ms, otherwise } => {
                let (question, within_ms, otherwise) = (question.clone(), *within_ms, *otherwise);
                self.ask(*host, Asked { step: *step, question, within_ms, otherwise })
            }
            Event::QuestionAnswered { hosts, step, answer, by, why } => {
                self.answer(hosts, *step, *answer, by.as_deref(), why)
            }
            Event::QuestionWithdrawn { host, step, .. } => self.withdraw(*host, *step),
            Event::CancelRequested { degree, hosts, .. } => self.cancel(*degree, hosts.as_deref()),
            Event::RunInterrupted { .. } => {
                self.status = Some(RunStatus::Interrupted);
                Ok(())
            }
            Event::RunEnded { outcome } => {
                self.nothing_is_open()?;
                self.status = Some(RunStatus::Ended { outcome: *outcome });
                Ok(())
            }
            Event::DeadManDisarmed { attempt } => self.dead_man(*attempt, DeadManSwitch::Disarmed),
            Event::DeadManFired { attempt, exit } => {
                self.dead_man(*attempt, DeadManSwitch::Fired { exit: exit.clone() })
            }
            Event::DeadManFailed { attempt, why, over } => {
                self.dead_man(*attempt, DeadManSwitch::Failed { why: why.clone(), over: *over })
            }
            Event::DeadManUnknown { attempt, why } => {
                self.dead_man(*attempt, DeadManSwitch::Unknown { why: why.clone() })
            }
            of_attempt => self.apply_to_attempt(of_attempt),
        }
    }

    fn apply_to_attempt(&mut self, event: &Event) -> Result<(), IllegalEvent> {
        let none = OutputTally::default();
        let (attempt, to, output) = match event {
            Event::AttemptNoted { attempt, note } => return self.note(*attempt, note),
            Event::AttemptFinished { attempt, exit, captured, output } => {
                let known = self.change(*attempt, AttemptState::Finished { exit: exit.clone() })?;
                known.captured.clone_from(captured);
                known.output = *output;
                return Ok(());
            }
            Event::AttemptRunning { attempt, process } => {
                (attempt, AttemptState::Running { process: process.clone() }, none)
            }
            Event::AttemptCancelled { attempt, reason, output } => {
                (attempt, AttemptState::Cancelled { reason: *reason }, *output)
            }
            Event::AttemptLost { attempt, why, output } => (attempt, AttemptState::Lost { why: why.clone() }, *output),
            Event::AttemptUnknown { attempt, why, output } => {
                (attempt, AttemptState::Unknown { why: why.clone() }, *output)
            }
            Event::AttemptVerified { attempt } => {
                (attempt, AttemptState::Verified { exit: self.accepted_exit_of(*attempt, "verified")? }, none)
            }
            Event::AttemptNotVerified { attempt, why } => {
                let exit = self.exit_of(*attempt)?;
                (attempt, AttemptState::NotVerified { exit, why: why.clone() }, none)
            }
            Event::AttemptUndone { attempt } => (attempt, self.undone(*attempt)?, none),
            Event::AttemptStuck { attempt, why } => (attempt, self.stuck(*attempt, why)?, none),
            Event::AttemptNotStarted { attempt, why } => (attempt, AttemptState::NotStarted { why: why.clone() }, none),
            Event::AttemptUnreachable { attempt, why } => {
                (attempt, AttemptState::Unreachable { why: why.clone() }, none)
            }
            Event::AttemptRefused { attempt, why } => (attempt, AttemptState::Refused { why: why.clone() }, none),
            _ => return Err(IllegalEvent::OutOfPlan("event")),
        };
        let known = self.change(*attempt, to)?;
        if !output.is_empty() {
            known.output = output;
        }
        Ok(())
    }

    fn nothing_is_open(&self) -> Result<(), IllegalEvent> {
        if self.in_flight > 0 || !self.questions.is_empty() { Err(IllegalEvent::InFlight) } else { Ok(()) }
    }

    fn start_batch(&mut self, batch: u32) -> Result<(), IllegalEvent> {
        if self.status != Some(RunStatus::Running) {
            return Err(IllegalEvent::NothingMayStart);
        }
        let due = batch == self.batches_started && self.batches_started == self.batches_ended && batch < self.batches;
        if !due {
            return Err(IllegalEvent::OutOfPlan("batch"));
        }
        self.batches_started += 1;
        Ok(())
    }

    fn end_batch(&mut self, batch: u32) -> Result<(), IllegalEvent> {
        if batch != self.batches_ended || self.batches_ended == self.batches_started {
            return Err(IllegalEvent::OutOfPlan("batch"));
        }
        self.nothing_is_open()?;
        self.batches_ended += 1;
        Ok(())
    }

    /// Once after each batch, before the next.
    fn health_checked(&mut self, batch: u32, holds: bool) -> Result<(), IllegalEvent> {
        let due = self.batches_ended == self.batches_started && batch.checked_add(1) == Some(self.batches_ended);
        if !due || self.health.is_some_and(|(of, _)| of == batch) {
            return Err(IllegalEvent::OutOfPlan("batch"));
        }
        self.health = Some((batch, holds));
        Ok(())
    }

    /// Whether a step may be worked on now, by its batch.
    pub(super) fn is_due_batch(&self, host: u32, step: u32) -> Result<(), IllegalEvent> {
        let batch = self.batch_of_host.get(host as usize).ok_or(IllegalEvent::OutOfPlan("host"))?;
        let rule = self.rule(step).ok_or(IllegalEvent::OutOfPlan("step"))?;
        let due = if rule.is_finale() {
            host == self.home && self.batches_started > 0 && self.batches_started == self.batches_ended
        } else {
            batch.checked_add(1) == Some(self.batches_started) && *batch == self.batches_ended
        };
        if due { Ok(()) } else { Err(IllegalEvent::OutOfPlan("batch")) }
    }

    fn send(&mut self, attempt: AttemptId, host: u32, step: u32) -> Result<(), IllegalEvent> {
        let index = self.cell(host, step).ok_or(IllegalEvent::OutOfPlan("step"))?;
        let (main, dead_man) = self.rule(step).map_or((true, false), |rule| (rule.main, rule.dead_man));
        if !self.may_start(host, main) || (main && self.is_undoing(host)) {
            return Err(IllegalEvent::NothingMayStart);
        }
        self.is_due_batch(host, step)?;
        let before = self.attempt(host, step).map_or(0, |known| known.attempts);
        let is_due = self.attempt(host, step).is_none() || self.retry_is_due(host, step);
        let waits = self.is_busy(host) || self.question(host).is_some();
        if waits || !is_due || self.place.contains_key(&attempt) {
            return Err(IllegalEvent::Occupied { host });
        }
        let mut sent = Attempt::new(Some(attempt), AttemptState::Sent, before + 1);
        sent.dead_man = dead_man.then(|| Box::new(DeadManSwitch::Armed));
        self.put(index, sent);
        self.place.insert(attempt, Place { host, step, inverse: false });
        self.in_flight += 1;
        Ok(())
    }

    fn skip(&mut self, host: u32, step: u32, why: SkipReason) -> Result<(), IllegalEvent> {
        let index = self.cell(host, step).ok_or(IllegalEvent::OutOfPlan("step"))?;
        if self.attempt(host, step).is_some() || self.question(host).is_some() {
            return Err(IllegalEvent::Occupied { host });
        }
        self.put(index, Attempt::new(None, AttemptState::Skipped { why }, 0));
        Ok(())
    }

    pub(super) fn put(&mut self, index: usize, attempt: Attempt) {
        if let Some(cell) = self.cells.get_mut(index) {
            *cell = Some(attempt);
        }
    }

    /// The last attempt of its step and host, or the inverse. What was made again may not change any more.
    fn current(&self, attempt: AttemptId) -> Result<(Place, &Attempt), IllegalEvent> {
        let place = *self.place.get(&attempt).ok_or(IllegalEvent::NoSuchAttempt(attempt))?;
        let known = self.find(attempt).ok_or(IllegalEvent::Superseded(attempt))?;
        Ok((place, known))
    }

    fn current_mut(&mut self, attempt: AttemptId) -> Result<&mut Attempt, IllegalEvent> {
        let (Place { host, step, inverse }, _) = self.current(attempt)?;
        let known = if inverse {
            self.inverses.get_mut(&(host, step)).and_then(super::undo::Inverse::attempt_mut)
        } else {
            let index = self.cell(host, step).ok_or(IllegalEvent::NoSuchAttempt(attempt))?;
            self.cells.get_mut(index).and_then(Option::as_mut)
        };
        known.ok_or(IllegalEvent::NoSuchAttempt(attempt))
    }

    fn exit_of(&self, attempt: AttemptId) -> Result<Exit, IllegalEvent> {
        match &self.current(attempt)?.1.state {
            AttemptState::Finished { exit } => Ok(exit.clone()),
            other => Err(IllegalChange { from: other.word(), to: "verified or not" }.into()),
        }
    }

    /// An action that failed is never verified: what holds then holds for another reason.
    fn accepted_exit_of(&self, attempt: AttemptId, to: &'static str) -> Result<Exit, IllegalEvent> {
        let exit = self.exit_of(attempt)?;
        let (place, _) = self.current(attempt)?;
        let accepts = if place.inverse {
            exit.is_success()
        } else {
            self.rule(place.step).is_some_and(|rule| rule.accepts(&exit))
        };
        if accepts { Ok(exit) } else { Err(IllegalChange { from: "finished", to }.into()) }
    }

    /// Whether an attempt takes something back: an inverse of this run, or any attempt of an undo.
    fn takes_back(&self, attempt: AttemptId, to: &'static str) -> Result<&Attempt, IllegalEvent> {
        let (place, known) = self.current(attempt)?;
        let back = place.inverse || self.undo;
        if back { Ok(known) } else { Err(IllegalChange { from: known.state.word(), to }.into()) }
    }

    fn undone(&self, attempt: AttemptId) -> Result<AttemptState, IllegalEvent> {
        if matches!(self.takes_back(attempt, "undone")?.state, AttemptState::Finished { .. }) {
            self.accepted_exit_of(attempt, "undone")?;
        }
        Ok(AttemptState::Undone)
    }

    fn stuck(&self, attempt: AttemptId, why: &str) -> Result<AttemptState, IllegalEvent> {
        self.takes_back(attempt, "stuck")?;
        Ok(AttemptState::Stuck { why: why.to_owned() })
    }

    fn note(&mut self, attempt: AttemptId, note: &Note) -> Result<(), IllegalEvent> {
        let known = self.current_mut(attempt)?;
        if !known.state.is_in_flight() {
            return Err(IllegalEvent::NotInFlight(attempt));
        }
        known.attached |= matches!(note, Note::Attached { .. });
        known.note = match note {
            Note::InSight => None,
            Note::Silent { .. } | Note::OutOfSight { .. } | Note::Attached { .. } => Some(Box::new(note.clone())),
        };
        Ok(())
    }

    fn dead_man(&mut self, attempt: AttemptId, to: DeadManSwitch) -> Result<(), IllegalEvent> {
        let known = self.current_mut(attempt)?;
        let open = match known.dead_man.as_deref() {
            Some(DeadManSwitch::Armed) => true,
            // Asked again, the host may know more.
            Some(DeadManSwitch::Unknown { .. }) => !matches!(to, DeadManSwitch::Unknown { .. }),
            // What could not be ended may be found to have ended since, and nothing else follows.
            Some(DeadManSwitch::Failed { over: false, .. }) => matches!(to, DeadManSwitch::Failed { over: true, .. }),
            Some(DeadManSwitch::Disarmed | DeadManSwitch::Fired { .. } | DeadManSwitch::Failed { .. }) | None => false,
        };
        if !open || known.state.is_in_flight() {
            return Err(IllegalEvent::NoDeadMan(attempt));
        }
        known.dead_man = Some(Box::new(to));
        Ok(())
    }

    fn change(&mut self, attempt: AttemptId, to: AttemptState) -> Result<&mut Attempt, IllegalEvent> {
        let (Place { host, .. }, known) = self.current(attempt)?;
        let next = known.state.next(to)?;
        let (before, after) = (known.state.is_in_flight(), next.is_in_flight());
        if after && !before && (self.is_busy(host) || self.question(host).is_some()) {
            return Err(IllegalEvent::Occupied { host });
        }
        match (before, after) {
            (true, false) => self.in_flight -= 1,
            (false, true) => self.in_flight += 1,
            (true, true) | (false, false) => {}
        }
        let known = self.current_mut(attempt)?;
        if !after {
            known.note = None;
        }
        // Nothing was started, so nothing was armed.
        if matches!(
            next,
            AttemptState::Unreachable { .. } | AttemptState::Refused { .. } | AttemptState::NotStarted { .. }
        ) {
            known.dead_man = None;
        }
        known.found_later |= matches!(known.state, AttemptState::Unknown { .. }) && !after;
        known.state = next;
        Ok(known)
    }
}
