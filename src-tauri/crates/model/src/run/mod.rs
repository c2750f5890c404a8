//! What is true of a run: the fold of its events.
//!
//! [`RunState::next`] is the only code that interprets events. It is used live, when a run is read
//! from the journal, and in tests. An event that cannot have happened is an error.

mod apply;
mod cell;
mod decide;
mod illegal;
mod rules;
mod standing;
mod undo;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

pub use self::cell::{Attempt, DeadManSwitch, Trace};
pub use self::decide::{Asked, Decision};
pub use self::illegal::IllegalEvent;
pub use self::standing::HostStanding;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use self::rules::StepRule;
use self::undo::Inverse;
use crate::attempt::{AttemptState, CancelDegree};
use crate::event::Event;
use crate::id::{AttemptId, CaptureName};
use crate::plan::{Intent, Plan};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Every step was done, and verified where the plan asks for it, on every host; or a person decided to
    /// leave it as it is.
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
    /// The process that drove it is gone. Whoever takes it over asks what became of what was in flight, and
    /// brings it to its end; nothing of the main phase starts any more.
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
    place: HashMap<AttemptId, Place>,
    in_flight: u32,
    /// By host: the step that its undo has come down to.
    undoing: HashMap<u32, u32>,
    /// By host and step; few hosts have any.
    inverses: HashMap<(u32, u32), Inverse>,
    /// By host: the question that it waits with.
    questions: BTreeMap<u32, Asked>,
    /// By host and step: the last answer.
    decisions: HashMap<(u32, u32), Decision>,
    /// How hard the whole run was cancelled.
    cancelled: Option<CancelDegree>,
    /// How hard single hosts were.
    hosts_cancelled: HashMap<u32, CancelDegree>,
    /// The last batch whose health was asked, and whether it held.
    health: Option<(u32, bool)>,
}

/// What an attempt is an attempt of.
#[derive(Debug, Clone, Copy)]
struct Place {
    host: u32,
    step: u32,
    inverse: bool,
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
            undoing: HashMap::new(),
            inverses: HashMap::new(),
            questions: BTreeMap::new(),
            decisions: HashMap::new(),
            cancelled: None,
            hosts_cancelled: HashMap::new(),
            health: None,
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

    /// Whether the health of the whole held after a batch; none where it was not asked after that one, or
    /// after a later one since.
    #[must_use]
    pub fn health_after(&self, batch: u32) -> Option<bool> {
        self.health.filter(|(of, _)| *of == batch).map(|(_, holds)| holds)
    }

    /// Host and step of an attempt, also of one that was made again since, and of an inverse.
    #[must_use]
    pub fn place(&self, attempt: AttemptId) -> Option<(u32, u32)> {
        self.place.get(&attempt).map(|place| (place.host, place.step))
    }

    /// Whether an attempt is that of a step's inverse, sent in the same run.
    #[must_use]
    pub fn is_inverse(&self, attempt: AttemptId) -> bool {
        self.place.get(&attempt).is_some_and(|place| place.inverse)
    }

    /// What is known of an attempt; none of one that was made again since.
    #[must_use]
    pub fn find(&self, attempt: AttemptId) -> Option<&Attempt> {
        let place = self.place.get(&attempt)?;
        let known =
            if place.inverse { self.inverse(place.host, place.step) } else { self.attempt(place.host, place.step) };
        known.filter(|known| known.id == Some(attempt))
    }

    /// Host and step that an event is about; none for events of the whole run.
    #[must_use]
    pub fn place_of(&self, event: &Event) -> Option<(u32, u32)> {
        match event {
            Event::AttemptSent { host, step, .. }
            | Event::StepSkipped { host, step, .. }
            | Event::InverseSkipped { host, step, .. }
            | Event::QuestionAsked { host, step, .. }
            | Event::QuestionWithdrawn { host, step, .. } => Some((*host, *step)),
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
            | Event::DeadManFailed { attempt, .. }
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
        self.attempts().filter(|attempt| attempt.state.is_in_flight()).filter_map(|attempt| attempt.id)
    }

    /// The last attempt of every step and host, and every inverse.
    fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.cells.iter().flatten().chain(self.inverses.values().filter_map(Inverse::attempt))
    }

    /// Every attempt of which something is still to be found out after the end of the run: its end was not
    /// seen, or what became of its dead-man switch.
    pub fn attempts_unclear(&self) -> impl Iterator<Item = AttemptId> {
        self.attempts().filter(|attempt| attempt.may_still_run()).filter_map(|attempt| attempt.id)
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

    /// Whether something may still change the host after the last attempt of a step there. What is left of a
    /// read disturbs nobody.
    #[must_use]
    pub fn may_still_change(&self, host: u32, step: u32) -> bool {
        self.rule(step).is_some_and(|rule| rule.changes) && self.attempt(host, step).is_some_and(Attempt::may_still_run)
    }

    /// Whether a change may have half happened somewhere, or may still go on. Looks at everything.
    #[must_use]
    pub fn has_unclear_changes(&self) -> bool {
        let unclear = |known: &Attempt| known.may_still_run() || matches!(known.state, AttemptState::Lost { .. });
        let steps = self.rules.len().max(1);
        let cells = self.cells.iter().enumerate().filter_map(|(place, cell)| Some((place % steps, cell.as_ref()?)));
        let changes = |place: usize| self.rules.get(place).is_some_and(|rule| rule.changes);
        cells.into_iter().any(|(place, known)| changes(place) && unclear(known))
            || self.inverses.values().filter_map(Inverse::attempt).any(unclear)
    }

    /// Whether something is in flight on a host.
    #[must_use]
    pub fn is_busy(&self, host: u32) -> bool {
        let inverse = self.undoing.get(&host).and_then(|step| self.inverse(host, *step));
        self.row(host).iter().flatten().chain(inverse).any(|attempt| attempt.state.is_in_flight())
    }
}
