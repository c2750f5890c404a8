//! What is true of a run: the fold of its events.
//!
//! [`RunState::next`] is the only code that interprets events. It is used live, when a run is read
//! from the journal, and in tests. An event that cannot have happened is an error.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use crate::attempt::{AttemptState, IllegalChange, SkipReason};
use crate::event::{Event, OutputTally};
use crate::id::{AttemptId, CaptureName};
use crate::plan::{Intent, Plan};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Every step was done, and verified where the plan asks for it, on every host.
    Succeeded,
    /// At least one host did not come to a good end.
    Failed,
    /// An undo: every inverse was applied and verified.
    RolledBack,
    /// An undo: at least one inverse failed; a person is needed.
    Stuck,
    /// A person stopped it.
    Cancelled,
    /// It was given up with attempts whose end is not known.
    Abandoned,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum RunStatus {
    /// Opened; attempts may start.
    Running,
    /// A person asked that it stop; nothing new starts.
    Cancelling,
    /// The process that drove it is gone; what was in flight then is unknown.
    Interrupted,
    /// It is over.
    Ended {
        /// How.
        outcome: RunOutcome,
    },
}

/// Where a batch of a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum BatchState {
    /// None of its hosts may start yet.
    Waiting,
    /// Its hosts may start.
    Running,
    /// Each of its hosts has come to an end.
    Ended,
    /// The run ended, or was interrupted, before every host of it had come to an end.
    Stopped,
}

/// Where one host stands in a run, worst news first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum HostStanding {
    /// An inverse failed here.
    Stuck,
    /// An attempt was sent and its end was not seen, or its process is gone without an exit code.
    Unknown,
    /// A step failed, or did not verify, or was refused.
    Failed,
    /// No connection could be had.
    Unreachable,
    /// Stopped by a person.
    Cancelled,
    /// Something is in flight, or a post-condition is outstanding, or the next step is due.
    Working,
    /// Nothing was started yet.
    Waiting,
    /// Nothing was started, and nothing will be.
    Skipped,
    /// Everything planned here was done, and verified where the plan asks for it.
    Succeeded,
}

/// One attempt as the events tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its id; none for a step that was skipped.
    pub id: Option<AttemptId>,
    /// What is known of it.
    pub state: AttemptState,
    /// What it captured.
    pub captured: BTreeMap<CaptureName, Value>,
    /// How much it wrote.
    pub output: OutputTally,
}

/// An event that cannot follow what is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IllegalEvent {
    /// Anything after the end.
    #[error("the run is over, and nothing may follow")]
    AfterEnd,
    /// Anything before the run was opened, or a second opening.
    #[error("a run is opened once, by its first event")]
    Opening,
    /// A host, step or batch that the plan does not have, or that is not due.
    #[error("the plan has no such {0} here")]
    OutOfPlan(&'static str),
    /// A second attempt in flight on a host, a second use of an attempt id, or a second result of a step.
    #[error("host {host} has something in flight, or has this step behind it")]
    Occupied {
        /// Index of the host.
        host: u32,
    },
    /// A start after a person asked to stop, or after the run was interrupted.
    #[error("nothing may start any more")]
    NothingMayStart,
    /// An attempt that was never sent.
    #[error("attempt {0} was never sent")]
    NoSuchAttempt(AttemptId),
    /// An attempt cannot change in this way.
    #[error(transparent)]
    Change(#[from] IllegalChange),
    /// The end of a run or batch while attempts are in flight.
    #[error("attempts are still in flight")]
    InFlight,
}

/// What is true of a run.
#[derive(Debug, Clone)]
pub struct RunState {
    status: Option<RunStatus>,
    undo: bool,
    /// For each step, whether it has a post-condition.
    verifies: Vec<bool>,
    batch_of_host: Vec<u32>,
    batches: u32,
    batches_started: u32,
    batches_ended: u32,
    /// Host-major: `host * steps + step`.
    cells: Vec<Option<Attempt>>,
    place: HashMap<AttemptId, (u32, u32)>,
    in_flight: u32,
}

impl RunState {
    /// The state before the first event of a run of `plan`.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let mut batch_of_host = vec![0; plan.hosts.len()];
        for (batch, hosts) in (0_u32..).zip(&plan.batches) {
            for host in hosts {
                if let Some(slot) = batch_of_host.get_mut(*host as usize) {
                    *slot = batch;
                }
            }
        }
        Self {
            status: None,
            undo: matches!(plan.intent, Intent::Undo { .. }),
            verifies: plan.steps.iter().map(|step| step.verify.is_some()).collect(),
            batch_of_host,
            batches: u32::try_from(plan.batches.len()).unwrap_or(u32::MAX),
            batches_started: 0,
            batches_ended: 0,
            cells: vec![None; plan.hosts.len() * plan.steps.len()],
            place: HashMap::new(),
            in_flight: 0,
        }
    }

    /// Where the run stands; none before it was opened.
    #[must_use]
    pub const fn status(&self) -> Option<RunStatus> {
        self.status
    }

    /// How many attempts were sent and have not been seen to end.
    #[must_use]
    pub const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// How many batches were started, and how many have ended.
    #[must_use]
    pub const fn batches(&self) -> (u32, u32) {
        (self.batches_started, self.batches_ended)
    }

    /// Where a batch stands.
    #[must_use]
    pub const fn batch(&self, batch: u32) -> BatchState {
        if batch < self.batches_ended {
            return BatchState::Ended;
        }
        match self.status {
            None => BatchState::Waiting,
            Some(_) if batch >= self.batches_started => BatchState::Waiting,
            Some(RunStatus::Running | RunStatus::Cancelling) => BatchState::Running,
            Some(RunStatus::Interrupted | RunStatus::Ended { .. }) => BatchState::Stopped,
        }
    }

    /// What is known of a step on a host; none while it is planned and nothing was sent.
    #[must_use]
    pub fn attempt(&self, host: u32, step: u32) -> Option<&Attempt> {
        self.cells.get(self.cell(host, step)?)?.as_ref()
    }

    /// Host and step of an attempt.
    #[must_use]
    pub fn place(&self, attempt: AttemptId) -> Option<(u32, u32)> {
        self.place.get(&attempt).copied()
    }

    /// Host and step that an event is about; none for events of the whole run.
    #[must_use]
    pub fn place_of(&self, event: &Event) -> Option<(u32, u32)> {
        match event {
            Event::AttemptSent { host, step, .. } | Event::StepSkipped { host, step, .. } => Some((*host, *step)),
            Event::AttemptRunning { attempt, .. }
            | Event::AttemptFinished { attempt, .. }
            | Event::AttemptVerified { attempt }
            | Event::AttemptNotVerified { attempt, .. }
            | Event::AttemptUndone { attempt }
            | Event::AttemptStuck { attempt, .. }
            | Event::AttemptLost { attempt, .. }
            | Event::AttemptUnknown { attempt, .. }
            | Event::AttemptUnreachable { attempt, .. }
            | Event::AttemptRefused { attempt, .. }
            | Event::AttemptCancelled { attempt, .. } => self.place(*attempt),
            Event::RunOpened { .. }
            | Event::BatchStarted { .. }
            | Event::BatchEnded { .. }
            | Event::CancelRequested { .. }
            | Event::RunInterrupted { .. }
            | Event::RunEnded { .. } => None,
        }
    }

    /// Every attempt that was sent and not seen to end.
    pub fn attempts_in_flight(&self) -> impl Iterator<Item = AttemptId> {
        self.cells.iter().flatten().filter(|attempt| attempt.state.is_in_flight()).filter_map(|attempt| attempt.id)
    }

    /// What earlier steps captured on a host; a later capture of a name replaces an earlier one.
    #[must_use]
    pub fn captured(&self, host: u32) -> BTreeMap<CaptureName, Value> {
        self.row(host).iter().flatten().flat_map(|attempt| attempt.captured.clone()).collect()
    }

    /// Whether a step is done with on a host, and the next may start.
    #[must_use]
    pub fn is_good(&self, host: u32, step: u32) -> bool {
        let Some(attempt) = self.attempt(host, step) else { return false };
        match &attempt.state {
            AttemptState::Verified { .. } => !self.undo,
            AttemptState::Undone => true,
            AttemptState::Skipped { why: SkipReason::NotPlanned } => true,
            AttemptState::Finished { exit } => exit.is_success() && !self.verifies_step(step) && !self.undo,
            _ => false,
        }
    }

    /// Where a host stands.
    #[must_use]
    pub fn standing(&self, host: u32) -> HostStanding {
        use AttemptState as S;
        let row = self.row(host);
        let worst = (0_u32..).zip(row).filter_map(|(step, attempt)| {
            Some(match &attempt.as_ref()?.state {
                S::Sent | S::Running { .. } => HostStanding::Working,
                S::Finished { exit } if exit.is_success() => {
                    if self.is_good(host, step) {
                        HostStanding::Succeeded
                    } else {
                        HostStanding::Working
                    }
                }
                S::Finished { .. } | S::NotVerified { .. } | S::Refused { .. } => HostStanding::Failed,
                S::Verified { .. } => {
                    if self.undo {
                        HostStanding::Working
                    } else {
                        HostStanding::Succeeded
                    }
                }
                S::Undone => HostStanding::Succeeded,
                S::Stuck { .. } => HostStanding::Stuck,
                S::Lost { .. } | S::Unknown { .. } => HostStanding::Unknown,
                S::Unreachable { .. } => HostStanding::Unreachable,
                S::Cancelled { reason } => match reason {
                    crate::attempt::CancelReason::Deadline => HostStanding::Failed,
                    crate::attempt::CancelReason::Operator => HostStanding::Cancelled,
                },
                S::Skipped { why: SkipReason::NotPlanned } => HostStanding::Succeeded,
                S::Skipped { why: SkipReason::Cancelled } => HostStanding::Cancelled,
                S::Skipped { .. } => HostStanding::Skipped,
            })
        });
        let known = row.iter().flatten().count();
        match worst.min() {
            None => HostStanding::Waiting,
            Some(HostStanding::Succeeded) if known < row.len() => HostStanding::Working,
            Some(standing) => standing,
        }
    }

    /// How many hosts stand where.
    #[must_use]
    pub fn standings(&self) -> BTreeMap<HostStanding, u32> {
        let mut count = BTreeMap::new();
        for host in 0..self.hosts() {
            *count.entry(self.standing(host)).or_insert(0) += 1;
        }
        count
    }

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
            Event::AttemptSent { attempt, host, step } => self.send(*attempt, *host, *step),
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
                let exit = self.exit_of(*attempt)?;
                self.change(*attempt, AttemptState::Verified { exit }).map(|_| ())
            }
            Event::AttemptNotVerified { attempt, why } => {
                let exit = self.exit_of(*attempt)?;
                self.change(*attempt, AttemptState::NotVerified { exit, why: why.clone() }).map(|_| ())
            }
            Event::AttemptUndone { attempt } => self.change(*attempt, AttemptState::Undone).map(|_| ()),
            Event::AttemptStuck { attempt, why } => {
                self.change(*attempt, AttemptState::Stuck { why: why.clone() }).map(|_| ())
            }
            Event::AttemptLost { attempt, why } => {
                self.change(*attempt, AttemptState::Lost { why: why.clone() }).map(|_| ())
            }
            Event::AttemptUnknown { attempt, why } => {
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

    fn hosts(&self) -> u32 {
        u32::try_from(self.batch_of_host.len()).unwrap_or(u32::MAX)
    }

    fn verifies_step(&self, step: u32) -> bool {
        self.verifies.get(step as usize).copied().unwrap_or(false)
    }

    fn cell(&self, host: u32, step: u32) -> Option<usize> {
        let inside = (host as usize) < self.batch_of_host.len() && (step as usize) < self.verifies.len();
        inside.then(|| host as usize * self.verifies.len() + step as usize)
    }

    fn row(&self, host: u32) -> &[Option<Attempt>] {
        let steps = self.verifies.len();
        let start = host as usize * steps;
        self.cells.get(start..start + steps).unwrap_or_default()
    }

    fn is_busy(&self, host: u32) -> bool {
        self.row(host).iter().flatten().any(|attempt| attempt.state.is_in_flight())
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
        if self.status != Some(RunStatus::Running) {
            return Err(IllegalEvent::NothingMayStart);
        }
        let batch = self.batch_of_host.get(host as usize).ok_or(IllegalEvent::OutOfPlan("host"))?;
        if *batch + 1 != self.batches_started {
            return Err(IllegalEvent::OutOfPlan("batch"));
        }
        let index = self.cell(host, step).ok_or(IllegalEvent::OutOfPlan("step"))?;
        if self.is_busy(host) || self.attempt(host, step).is_some() || self.place.contains_key(&attempt) {
            return Err(IllegalEvent::Occupied { host });
        }
        self.put(index, Some(attempt), AttemptState::Sent);
        self.place.insert(attempt, (host, step));
        self.in_flight += 1;
        Ok(())
    }

    fn skip(&mut self, host: u32, step: u32, why: SkipReason) -> Result<(), IllegalEvent> {
        let index = self.cell(host, step).ok_or(IllegalEvent::OutOfPlan("step"))?;
        if self.attempt(host, step).is_some() {
            return Err(IllegalEvent::Occupied { host });
        }
        self.put(index, None, AttemptState::Skipped { why });
        Ok(())
    }

    fn put(&mut self, index: usize, id: Option<AttemptId>, state: AttemptState) {
        if let Some(cell) = self.cells.get_mut(index) {
            *cell = Some(Attempt { id, state, captured: BTreeMap::new(), output: OutputTally::default() });
        }
    }

    fn exit_of(&self, attempt: AttemptId) -> Result<crate::attempt::Exit, IllegalEvent> {
        let (host, step) = self.place(attempt).ok_or(IllegalEvent::NoSuchAttempt(attempt))?;
        match self.attempt(host, step).map(|known| &known.state) {
            Some(AttemptState::Finished { exit }) => Ok(exit.clone()),
            Some(other) => Err(IllegalChange { from: other.word(), to: "verified or not" }.into()),
            None => Err(IllegalEvent::NoSuchAttempt(attempt)),
        }
    }

    fn change(&mut self, attempt: AttemptId, to: AttemptState) -> Result<&mut Attempt, IllegalEvent> {
        let (host, step) = self.place(attempt).ok_or(IllegalEvent::NoSuchAttempt(attempt))?;
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
