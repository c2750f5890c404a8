//! How events change the state of a run, and which of them cannot have happened.

use std::collections::BTreeMap;

use super::{Attempt, IllegalEvent, RunState, RunStatus};
use crate::attempt::{AttemptState, Exit, IllegalChange, SkipReason};
use crate::event::{Event, OutputTally};
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
                return Ok(());
            }
            (None, _) | (_, Event::RunOpened { .. }) => return Err(IllegalEvent::Opening),
            (Some(RunStatus::Ended { .. }), _) => return Err(IllegalEvent::AfterEnd),
            (Some(RunStatus::Running | RunStatus::Cancelling | RunStatus::Interrupted), _) => {}
        }
        match event {
            Event::RunOpened { .. } => Err(IllegalEvent::Opening),
            Event::BatchStarted { batch } => self.start_batch(*batch),
            Event::BatchEnded { batch } => self.end_batch(*batch),
            Event::AttemptSent { inverse: true, .. }
            | Event::UndoStarted { .. }
            | Event::InverseSkipped { .. }
            | Event::QuestionAsked { .. }
            | Event::QuestionAnswered { .. }
            | Event::HealthChecked { .. }
            | Event::AttemptNoted { .. }
            | Event::DeadManDisarmed { .. }
            | Event::DeadManFired { .. }
            | Event::DeadManUnknown { .. } => Ok(()),
            Event::AttemptNotStarted { attempt, why } => {
                self.change(*attempt, AttemptState::NotStarted { why: why.clone() }).map(|_| ())
            }
            Event::AttemptSent { attempt, host, step, .. } => self.send(*attempt, *host, *step),
            Event::StepSkipped { host, step, why } => self.skip(*host, *step, why.clone()),
            Event::AttemptRunning { attempt, process } => {
                self.change(*attempt, AttemptState::Running { process: process.clone() }).map(|_| ())
            }
            Event::AttemptFinished { attempt, exit, captured, output } => {
                let cell = self.change(*attempt, AttemptState::Finished { exit: exit.clone() })?;
                cell.captured.clone_from(captured);
                cell.output = *output;
                Ok(())
            }
            Event::AttemptCancelled { attempt, reason, output } => {
                let cell = self.change(*attempt, AttemptState::Cancelled { reason: *reason })?;
                cell.output = *output;
                Ok(())
            }
            Event::AttemptVerified { attempt } => {
                let exit = self.accepted_exit_of(*attempt, "verified")?;
                self.change(*attempt, AttemptState::Verified { exit }).map(|_| ())
            }
            Event::AttemptNotVerified { attempt, why } => {
                let exit = self.exit_of(*attempt)?;
                self.change(*attempt, AttemptState::NotVerified { exit, why: why.clone() }).map(|_| ())
            }
            Event::AttemptUndone { attempt } => self.undone(*attempt),
            Event::AttemptStuck { attempt, why } => {
                self.change(*attempt, AttemptState::Stuck { why: why.clone() }).map(|_| ())
            }
            Event::AttemptLost { attempt, why, .. } => {
                self.change(*attempt, AttemptState::Lost { why: why.clone() }).map(|_| ())
            }
            Event::AttemptUnknown { attempt, why, .. } => {
                self.change(*attempt, AttemptState::Unknown { why: why.clone() }).map(|_| ())
            }
            Event::AttemptUnreachable { attempt, why } => {
                self.change(*attempt, AttemptState::Unreachable { why: why.clone() }).map(|_| ())
            }
            Event::AttemptRefused { attempt, why } => {
                self.change(*attempt, AttemptState::Refused { why: why.clone() }).map(|_| ())
            }
            Event::CancelRequested { .. } => {
                if self.status == Some(RunStatus::Running) {
                    self.status = Some(RunStatus::Cancelling);
                }
                Ok(())
            }
            Event::RunInterrupted { .. } => self.when_nothing_is_in_flight(RunStatus::Interrupted),
            Event::RunEnded { outcome } => self.when_nothing_is_in_flight(RunStatus::Ended { outcome: *outcome }),
        }
    }

    fn when_nothing_is_in_flight(&mut self, status: RunStatus) -> Result<(), IllegalEvent> {
        if self.in_flight > 0 {
            return Err(IllegalEvent::InFlight);
        }
        self.status = Some(status);
        Ok(())
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
        if self.in_flight > 0 {
            return Err(IllegalEvent::InFlight);
        }
        self.batches_ended += 1;
        Ok(())
    }

    fn send(&mut self, attempt: AttemptId, host: u32, step: u32) -> Result<(), IllegalEvent> {
        let batch = self.batch_of_host.get(host as usize).ok_or(IllegalEvent::OutOfPlan("host"))?;
        let index = self.cell(host, step).ok_or(IllegalEvent::OutOfPlan("step"))?;
        if !self.may_start(self.rule(step).is_none_or(|rule| rule.main)) {
            return Err(IllegalEvent::NothingMayStart);
        }
        if *batch + 1 != self.batches_started {
            return Err(IllegalEvent::OutOfPlan("batch"));
        }
        let before = self.attempt(host, step).map_or(0, |known| known.attempts);
        let is_due = self.attempt(host, step).is_none() || self.retry_is_due(host, step);
        if self.is_busy(host) || !is_due || self.place.contains_key(&attempt) {
            return Err(IllegalEvent::Occupied { host });
        }
        self.put(index, Some(attempt), AttemptState::Sent, before + 1);
        self.place.insert(attempt, (host, step));
        self.in_flight += 1;
        Ok(())
    }

    fn skip(&mut self, host: u32, step: u32, why: SkipReason) -> Result<(), IllegalEvent> {
        let index = self.cell(host, step).ok_or(IllegalEvent::OutOfPlan("step"))?;
        if self.attempt(host, step).is_some() {
            return Err(IllegalEvent::Occupied { host });
        }
        self.put(index, None, AttemptState::Skipped { why }, 0);
        Ok(())
    }

    fn put(&mut self, index: usize, id: Option<AttemptId>, state: AttemptState, attempts: u32) {
        if let Some(cell) = self.cells.get_mut(index) {
            *cell = Some(Attempt { id, state, attempts, captured: BTreeMap::new(), output: OutputTally::default() });
        }
    }

    /// The last attempt of its step and host. What was made again may not change any more.
    fn current(&self, attempt: AttemptId) -> Result<(u32, u32, &Attempt), IllegalEvent> {
        let (host, step) = self.place(attempt).ok_or(IllegalEvent::NoSuchAttempt(attempt))?;
        match self.attempt(host, step) {
            Some(known) if known.id == Some(attempt) => Ok((host, step, known)),
            Some(_) => Err(IllegalEvent::Superseded(attempt)),
            None => Err(IllegalEvent::NoSuchAttempt(attempt)),
        }
    }

    fn exit_of(&self, attempt: AttemptId) -> Result<Exit, IllegalEvent> {
        match &self.current(attempt)?.2.state {
            AttemptState::Finished { exit } => Ok(exit.clone()),
            other => Err(IllegalChange { from: other.word(), to: "verified or not" }.into()),
        }
    }

    /// An action that failed is never verified: what holds then holds for another reason.
    fn accepted_exit_of(&self, attempt: AttemptId, to: &'static str) -> Result<Exit, IllegalEvent> {
        let exit = self.exit_of(attempt)?;
        let (_, step, _) = self.current(attempt)?;
        if self.rule(step).is_some_and(|rule| rule.accepts(&exit)) {
            return Ok(exit);
        }
        Err(IllegalChange { from: "finished", to }.into())
    }

    fn undone(&mut self, attempt: AttemptId) -> Result<(), IllegalEvent> {
        if matches!(self.current(attempt)?.2.state, AttemptState::Finished { .. }) {
            self.accepted_exit_of(attempt, "undone")?;
        }
        self.change(attempt, AttemptState::Undone).map(|_| ())
    }

    fn change(&mut self, attempt: AttemptId, to: AttemptState) -> Result<&mut Attempt, IllegalEvent> {
        let (host, step, _) = self.current(attempt)?;
        let index = self.cell(host, step).ok_or(IllegalEvent::NoSuchAttempt(attempt))?;
        let busy = self.is_busy(host);
        let cell = self.cells.get_mut(index).and_then(Option::as_mut).ok_or(IllegalEvent::NoSuchAttempt(attempt))?;
        let next = cell.state.next(to)?;
        if next.is_in_flight() && !cell.state.is_in_flight() && busy {
            return Err(IllegalEvent::Occupied { host });
        }
        match (cell.state.is_in_flight(), next.is_in_flight()) {
            (true, false) => self.in_flight -= 1,
            (false, true) => self.in_flight += 1,
            (true, true) | (false, false) => {}
        }
        cell.state = next;
        Ok(cell)
    }
}
