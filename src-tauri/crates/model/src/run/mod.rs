//! What is true of a run: the fold of its events.
//!
//! [`RunState::next`] is the only code that interprets events. It is used live, when a run is read
//! from the journal, and in tests. An event that cannot have happened is an error.

mod apply;
mod rules;
mod standing;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use self::rules::StepRule;
use crate::attempt::{AttemptState, IllegalChange};
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
    /// A person asked that it stop; only steps for the end of a host still start.
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

/// The last attempt of a step on a host, as the events tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its id; none for a step that was skipped.
    pub id: Option<AttemptId>,
    /// What is known of it.
    pub state: AttemptState,
    /// How many attempts of the step were sent to this host, this one among them; 0 where it was skipped.
    pub attempts: u32,
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
    /// Something about an attempt that was made again since.
    #[error("attempt {0} is behind: a later one took its place")]
    Superseded(AttemptId),
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
    rules: Arc<[StepRule]>,
    batch_of_host: Vec<u32>,
    /// The host on which steps are done that are done once.
    home: u32,
    batches: u32,
    batches_started: u32,
    batches_ended: u32,
    /// Host-major: `host * steps + step`.
    cells: Vec<Option<Attempt>>,
    /// Of every attempt that was ever sent, those that were made again among them.
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
            rules: plan.steps.iter().map(StepRule::of).collect(),
            batch_of_host,
            home: plan.batches.iter().flatten().next().copied().unwrap_or(0),
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

    /// The host on which steps are done that are done once: the first of the first batch.
    #[must_use]
    pub const fn home(&self) -> u32 {
        self.home
    }

    /// Host and step of an attempt, also of one that was made again since.
    #[must_use]
    pub fn place(&self, attempt: AttemptId) -> Option<(u32, u32)> {
        self.place.get(&attempt).copied()
    }

    /// Host and step that an event is about; none for events of the whole run.
    #[must_use]
    pub fn place_of(&self, event: &Event) -> Option<(u32, u32)> {
        match event {
            Event::AttemptSent { host, step, .. }
            | Event::StepSkipped { host, step, .. }
            | Event::InverseSkipped { host, step, .. }
            | Event::QuestionAsked { host, step, .. } => Some((*host, *step)),
            Event::AttemptRunning { attempt, .. }
            | Event::AttemptFinished { attempt, .. }
            | Event::AttemptVerified { attempt }
            | Event::AttemptNotVerified { attempt, .. }
            | Event::AttemptUndone { attempt }
            | Event::AttemptStuck { attempt, .. }
            | Event::AttemptLost { attempt, .. }
            | Event::AttemptUnknown { attempt, .. }
            | Event::AttemptNotStarted { attempt, .. }
            | Event::AttemptNoted { attempt, .. }
            | Event::DeadManDisarmed { attempt }
            | Event::DeadManFired { attempt, .. }
            | Event::DeadManUnknown { attempt, .. }
            | Event::AttemptUnreachable { attempt, .. }
            | Event::AttemptRefused { attempt, .. }
            | Event::AttemptCancelled { attempt, .. } => self.place(*attempt),
            Event::RunOpened { .. }
            | Event::BatchStarted { .. }
            | Event::BatchEnded { .. }
            | Event::UndoStarted { .. }
            | Event::QuestionAnswered { .. }
            | Event::HealthChecked { .. }
            | Event::CancelRequested { .. }
            | Event::RunInterrupted { .. }
            | Event::RunEnded { .. } => None,
        }
    }

    /// Every attempt that was sent and not seen to end.
    pub fn attempts_in_flight(&self) -> impl Iterator<Item = AttemptId> {
        self.cells.iter().flatten().filter(|attempt| attempt.state.is_in_flight()).filter_map(|attempt| attempt.id)
    }

    /// What earlier steps captured for a host; a later capture of a name replaces an earlier one.
    /// What a step captured that is done once, it captured for every host.
    #[must_use]
    pub fn captured(&self, host: u32) -> BTreeMap<CaptureName, Value> {
        let steps = (0_u32..).zip(self.rules.iter());
        let cells = steps.filter_map(|(step, rule)| self.attempt(if rule.once { self.home } else { host }, step));
        cells.flat_map(|attempt| attempt.captured.clone()).collect()
    }

    fn rule(&self, step: u32) -> Option<&StepRule> {
        self.rules.get(step as usize)
    }

    fn hosts(&self) -> u32 {
        u32::try_from(self.batch_of_host.len()).unwrap_or(u32::MAX)
    }

    fn cell(&self, host: u32, step: u32) -> Option<usize> {
        let inside = (host as usize) < self.batch_of_host.len() && (step as usize) < self.rules.len();
        inside.then(|| host as usize * self.rules.len() + step as usize)
    }

    fn row(&self, host: u32) -> &[Option<Attempt>] {
        let steps = self.rules.len();
        let start = host as usize * steps;
        self.cells.get(start..start + steps).unwrap_or_default()
    }

    fn is_busy(&self, host: u32) -> bool {
        self.row(host).iter().flatten().any(|attempt| attempt.state.is_in_flight())
    }
}
