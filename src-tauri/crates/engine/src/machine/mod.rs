//! What to do next in a run. Pure: no I/O, no clock, no randomness.
//!
//! [`RunState`] says what is true; the machine decides what follows from it. Each event costs
//! constant time, whatever the size of the fleet: nothing here may scan all hosts.
//!
//! The rules of a run:
//!
//! - Batches run in order. Within a batch at most `hosts_at_once_max` hosts work at one time, each
//!   going through its steps by itself. Between batches the hold passes.
//! - **In-flight rule.** Once more hosts failed (or were unreachable) than the budget allows, no
//!   further host starts. Hosts that have started go through all of their steps: half a course is
//!   a worse place to leave a host in than its end.
//! - The canary has to prove something: a first batch in which no host came to a good end stops
//!   the rollout, and so does a later batch in which no host did and at least one failed. (Such
//!   skips carry the reason of the budget for what was seen: failed or unreachable.)
//! - A cancel starts no more steps of the main phase, not even the next one of a host that works,
//!   ends what is in flight of it, and every pause. The run is `Cancelled`; `Abandoned` if the end
//!   of an attempt is not known; and if every host had come to a good end anyway, it is what it is.
//! - In an undo, an inverse that failed is stuck and the next inverse of its host is tried, unless
//!   the host cannot be reached or the last one may still be running there. Only the budgets stop
//!   an undo, not a batch that failed.
//!
//! The rules of a step on a host, in this order:
//!
//! - A step of the main phase that did not end well stops the main phase there. Whatever its end:
//!   no attempt is sent twice.
//! - **Once.** A step on `One` or the `Console` is done on the first host of the first batch. The
//!   others wait before it: where it ended well they go on, and where it did not they stop.
//! - **Needs.** Where a step that it needs was not started, a step is skipped and the host goes on.
//!   A step that its check found done already counts as done.
//! - **Condition, then check.** Where the condition does not hold, or the check says that nothing
//!   is to be done, the step is skipped and the host goes on. Where either has no answer nothing is
//!   guessed: the step is not started, and the host has failed (or cannot be reached).
//! - **Retry.** An attempt that was seen to fail is made again, as a new attempt, as often as the
//!   step says. One whose end was not seen, that was killed or that never started is not.
//!
//! The rules of a host's end (`phases`):
//!
//! - When the main phase is over on a host that was started, the steps for failures follow if it did
//!   not end well there, and then those that always run. A cancel ends neither, nor their retries.
//! - They do not run on a host that cannot be reached, nor beside an attempt whose end is not known.
//! - One that fails makes the host a failed one, and does not keep the next from running.

mod course;
mod phases;
mod rollout;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use daytwo_model::plan::{Intent, PlannedStep};
use daytwo_model::{Answer, AttemptId, CancelDegree, Event, IllegalEvent, RunState, SealedPlan, SkipReason};

use self::course::Course;
use self::rollout::Rollout;

/// Something for the dispatcher to do, once the events that led to it are on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the fields say it")]
pub enum Effect {
    /// Ask the step's check; report it due, or skipped.
    Check { host: u32, step: u32 },
    /// Send this attempt. Its `AttemptSent` is among the events that are journalled first.
    Start { attempt: AttemptId, host: u32, step: u32, inverse: bool },
    /// Ask the post-condition (of the inverse), and report verified or not.
    Verify { attempt: AttemptId, host: u32, step: u32, inverse: bool },
    /// Wait, and report the step due again.
    Pause { host: u32, step: u32, ms: u64 },
    /// Wait, and report the hold over.
    Hold { ms: u64 },
    /// Ask the health of the whole, and report [`Event::HealthChecked`].
    Health { batch: u32 },
    /// Wait for a person's answer, and report `otherwise` where none comes in time.
    AskPerson { host: u32, step: u32, within_ms: u64, otherwise: Answer },
    /// Tell the host that all is well, and report what became of its dead-man switch.
    Disarm { attempt: AttemptId, host: u32, step: u32 },
    /// Leave the dead-man switch armed, wait until it is due, and report what became of it.
    AwaitDeadMan { attempt: AttemptId, host: u32, step: u32 },
    /// End what is in flight, on these hosts or all; of `Terminate` that of the main phase and every wait.
    Cancel { degree: CancelDegree, hosts: Option<Vec<u32>> },
}

/// What follows from a fact.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// The fact and its consequences, in order: to be journalled.
    pub events: Vec<Event>,
    /// To be performed after that.
    pub effects: Vec<Effect>,
}

/// Decides what happens next in one run.
pub struct Machine {
    plan: Arc<SealedPlan>,
    state: RunState,
    undo: bool,
    /// The plan's steps as a host goes through them: those of one phase after those of another.
    order: Vec<u32>,
    courses: Vec<Course>,
    rollout: Rollout,
    /// Why nothing more of the main phase starts, or no further host does.
    stop: Option<SkipReason>,
    end_unknown: bool,
    /// Hosts whose main phase pauses before another attempt.
    pausing: BTreeSet<u32>,
    /// By step that is done once: the hosts that wait for its end.
    waiting: HashMap<u32, Vec<u32>>,
}

/// What follows from an event.
enum Move {
    Record(Event),
    Send { host: u32, step: u32 },
    Perform(Effect),
}

impl Machine {
    /// Before the run is opened.
    #[must_use]
    pub fn new(plan: Arc<SealedPlan>) -> Self {
        let of = plan.plan();
        let mut order: Vec<u32> = (0_u32..).zip(&of.steps).map(|(step, _)| step).collect();
        order.sort_by_key(|step| of.steps.get(*step as usize).map(|step| step.phase));
        Self {
            state: RunState::new(of),
            undo: matches!(of.intent, Intent::Undo { .. }),
            order,
            courses: vec![Course::default(); of.hosts.len()],
            rollout: Rollout::default(),
            stop: None,
            end_unknown: false,
            pausing: BTreeSet::new(),
            waiting: HashMap::new(),
            plan,
        }
    }

    /// What is true now.
    #[must_use]
    pub const fn state(&self) -> &RunState {
        &self.state
    }

    /// The batch after which the machine waits for [`Event::BatchEnded`].
    #[must_use]
    pub const fn holding(&self) -> Option<u32> {
        self.rollout.holding
    }

    /// Takes a fact and works out everything that follows from it, before the next fact is looked at.
    ///
    /// Facts are what the world says: the opening, a cancel, the end of a hold, whatever became of
    /// attempts, and the skip of a step whose check was asked. Consequences (sent, skipped, undone,
    /// stuck, batches, the end) are the machine's. An attempt that captures less than its step asks
    /// for is reported finished and then not verified.
    pub fn next(&mut self, fact: Event, new_attempt: &mut dyn FnMut() -> AttemptId) -> Result<Settled, IllegalEvent> {
        self.settle(vec![Move::Record(fact)], new_attempt)
    }

    /// Takes the fact that a step is due on a host: its check found something to do, or the pause
    /// before its next attempt is over. Whoever tells it too late (a cancel came first) is not heard.
    pub fn due(
        &mut self,
        host: u32,
        step: u32,
        new_attempt: &mut dyn FnMut() -> AttemptId,
    ) -> Result<Settled, IllegalEvent> {
        let moves = self.resume(host, step);
        self.settle(moves, new_attempt)
    }

    fn settle(
        &mut self,
        moves: Vec<Move>,
        new_attempt: &mut dyn FnMut() -> AttemptId,
    ) -> Result<Settled, IllegalEvent> {
        let mut due = VecDeque::new();
        let mut settled = Settled::default();
        let mut moves = moves;
        loop {
            for next in moves {
                match next {
                    Move::Record(event) => due.push_back(event),
                    Move::Send { host, step } => {
                        due.push_back(Event::AttemptSent { attempt: new_attempt(), host, step, inverse: false });
                    }
                    Move::Perform(effect) => settled.effects.push(effect),
                }
            }
            let Some(event) = due.pop_front() else { return Ok(settled) };
            moves = self.decide(&event)?;
            settled.events.push(event);
        }
    }

    fn decide(&mut self, event: &Event) -> Result<Vec<Move>, IllegalEvent> {
        self.state.apply(event)?;
        Ok(match event {
            Event::RunOpened { .. } => self.enter_batch(),
            Event::BatchStarted { .. } => {
                self.rollout.batch_started = true;
                self.proceed()
            }
            Event::BatchEnded { .. } => self.leave_batch(),
            Event::AttemptSent { attempt, host, step, .. } => self.sent(*attempt, *host, *step),
            Event::AttemptFinished { attempt, exit, captured, .. } => {
                self.finished(*attempt, exit, |name| captured.contains_key(name))
            }
            Event::AttemptVerified { attempt } if self.undo => {
                vec![Move::Record(Event::AttemptUndone { attempt: *attempt })]
            }
            Event::AttemptNotVerified { attempt, why } if self.undo => {
                vec![Move::Record(Event::AttemptStuck { attempt: *attempt, why: why.clone() })]
            }
            Event::AttemptVerified { attempt }
            | Event::AttemptNotVerified { attempt, .. }
            | Event::AttemptUndone { attempt }
            | Event::AttemptStuck { attempt, .. }
            | Event::AttemptLost { attempt, .. }
            | Event::AttemptUnknown { attempt, .. }
            | Event::AttemptUnreachable { attempt, .. }
            | Event::AttemptNotStarted { attempt, .. }
            | Event::AttemptRefused { attempt, .. }
            | Event::AttemptCancelled { attempt, .. } => self.ended(*attempt),
            Event::StepSkipped { host, step, why } => self.skipped(*host, *step, why),
            Event::CancelRequested { .. } => self.cancel(),
            Event::AttemptRunning { .. }
            | Event::AttemptNoted { .. }
            | Event::DeadManDisarmed { .. }
            | Event::DeadManFired { .. }
            | Event::DeadManUnknown { .. }
            | Event::UndoStarted { .. }
            | Event::InverseSkipped { .. }
            | Event::QuestionAsked { .. }
            | Event::QuestionAnswered { .. }
            | Event::HealthChecked { .. }
            | Event::RunInterrupted { .. }
            | Event::RunEnded { .. } => Vec::new(),
        })
    }

    fn cancel(&mut self) -> Vec<Move> {
        if self.is_cancelled() {
            return Vec::new();
        }
        self.stop = Some(SkipReason::Cancelled);
        let mut moves = vec![Move::Perform(Effect::Cancel { degree: CancelDegree::Terminate, hosts: None })];
        match self.rollout.holding.take() {
            Some(batch) => moves.push(Move::Record(Event::BatchEnded { batch })),
            None => moves.extend(self.proceed()),
        }
        for host in std::mem::take(&mut self.pausing) {
            moves.extend(self.end_pause(host));
        }
        moves
    }

    fn is_cancelled(&self) -> bool {
        self.stop == Some(SkipReason::Cancelled)
    }

    fn step(&self, step: u32) -> Option<&PlannedStep> {
        self.plan.plan().steps.get(step as usize)
    }
}
