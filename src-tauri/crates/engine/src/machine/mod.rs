//! What to do next in a run. Pure: no I/O, no clock, no randomness.
//!
//! [`RunState`] says what is true; the machine decides what follows from it. Each event costs
//! constant time, whatever the size of the fleet: nothing here may scan all hosts.
//!
//! The rules of a run:
//!
//! - Batches run in order. Within a batch at most `hosts_at_once_max` hosts work at one time, and behind one
//!   gateway at most `hosts_at_once_per_gateway_max`. In free order each host goes through its steps by itself;
//!   in linear order none begins a step of the main phase before all hosts of the batch have the one before
//!   behind them, or have left the main phase. A host that waits for the others gives its place away; one that
//!   waits for a person, or for a step that is done on another host, keeps it.
//! - **In-flight rule.** Once more hosts failed (or were unreachable) than the budget of the batch or of the run
//!   allows, no further host starts. Hosts that have started go through all of their steps, in linear order
//!   too: half a course is a worse place to leave a host in than its end.
//! - The canary has to prove something: a first batch in which no host came to a good end stops the rollout
//!   (one that could only not be reached, unless the plan says otherwise), and so does a later batch in which
//!   no host did and at least one failed. (Such skips carry the reason of the budget for what was seen: failed
//!   or unreachable.)
//! - After a batch, unless it was the last or nothing more will start: the hold passes, then the health of the
//!   whole is asked, then the next batch starts. Health that does not hold stops the rollout.
//! - A **cancel** has three degrees; each starts no more steps of the main phase, not even the next one of a host
//!   that works, and ends every pause, hold and question. `NoNewStarts` lets what is in flight go to its end,
//!   `Terminate` ends what is in flight of the main phase, `Kill` ends everything in flight of every phase, and
//!   no step for the end and no further inverse starts. It is for the whole run, or for some hosts while the run
//!   goes on. The run is `Cancelled`; `Abandoned` if a change may have half happened or still go on; and if every
//!   host had come to a good end anyway, it is what it is.
//! - In an undo of a run, an inverse that failed is stuck and the next inverse of its host is tried, unless
//!   the host cannot be reached or the last one may still be running there. Only the budgets stop
//!   such a run, not a batch that failed.
//! - **Taken up** by another process, a run starts nothing more of its main phase. Everything in flight is asked
//!   about; post-conditions, dead-man switches, undos and the steps for the end go on; open questions are closed
//!   with what no answer means.
//!
//! The rules of a step on a host, in this order:
//!
//! - **Once.** A step on `One` or the `Console` is done on the first host of the first batch. The
//!   others wait before it: where it ended well they go on, and where it did not they stop. One of the phases
//!   for the end is done when all hosts of the run have come to theirs.
//! - **Needs.** Where a step that it needs was not started, a step is skipped and the host goes on.
//!   A step that its check found done already counts as done.
//! - **Condition, then check.** Where the condition does not hold, or the check says that nothing
//!   is to be done, the step is skipped and the host goes on. Where either has no answer nothing is
//!   guessed: the step is not started, and the host has failed (or cannot be reached).
//! - **A step that is a question** has no attempt: `Continue` puts it behind the host; anything else skips it.
//! - **Retry.** An attempt that was seen to fail is made again, as a new attempt, as often as the
//!   step says. One whose end was not seen, that was killed or that never started is not, unless a person says
//!   so; one whose end was not seen not even then.
//! - **Found out later.** While the run goes on, hosts are asked again about attempts whose end was not seen. A
//!   question about one is withdrawn, and what follows is what would have followed at once, but that no retry is
//!   made by itself. Where the host has gone past it, it is recorded as it is: nothing more is sent or asked, its
//!   post-condition neither, and a host of which everything turns out well counts as good, not as failed. A budget
//!   that was spent stays spent.
//! - **Dead-man switch.** After a step that ended well (or is made again) the host is told, and only then is the
//!   step behind it. After one that did not, the switch is waited for first. Where it fired, or nobody knows, the
//!   step counts as failed, and no second inverse is sent.
//!
//! The rules of a failure in the main phase (`failure`, `undo`); the budgets decide about other hosts:
//!
//! - `Stop` ends the main phase of the host. `Continue` lets it go on, and counts it as failed; not on a host that
//!   cannot be reached, nor beside a change that may still be running. `Undo` takes the host back. `Ask` asks a
//!   person, and counts nothing until then.
//! - Of the answers, `Skip` does not count as failed, and all others but `Retry` do. `Stop` also starts no further
//!   host. Where what no answer means is not possible, it means `Exclude`. Nobody's silence makes a step again
//!   more than once, or lets anything run beside what may still be running.
//! - **Undo.** In reverse order, each inverse alone: what was seen to end is taken back and verified. What is lost,
//!   unknown, shared with other hosts or without a way back is named and left. An inverse that failed is
//!   stuck and the next is tried, never beside anything that may still be running.
//!
//! The rules of a host's end (`phases`):
//!
//! - When the main phase is over on a host that was started, the steps for failures follow if it did
//!   not end well there, and then those that always run. Neither a cancel (but `Kill`) nor an interruption ends
//!   them, nor their retries.
//! - They do not run on a host that cannot be reached, nor beside a change whose end is not known.
//! - One that fails makes the host a failed one, and does not keep the next from running. No policy applies.

mod cancel;
mod course;
mod failure;
mod follow;
mod found;
mod heard;
mod lanes;
mod phases;
mod rollout;
mod take_up;
mod undo;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use daytwo_model::plan::{Intent, On, Phase, PlannedStep};
use daytwo_model::{
    Answer, AttemptId, CancelDegree, Event, Exit, IllegalEvent, RunState, RunStatus, SealedPlan, SkipReason,
};

use self::course::{Course, Waits};
use self::lanes::Lanes;
use self::rollout::{Rollout, Stage};

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
    /// Ask the health of the whole, and report [`Event::HealthChecked`], also where a cancel ends it.
    Health { batch: u32 },
    /// Wait for a person's answer, and report `otherwise` where none comes in time.
    AskPerson { host: u32, step: u32, within_ms: u64, otherwise: Answer },
    /// Tell the host that all is well, and report what became of its dead-man switch, whatever ends the wait.
    Disarm { attempt: AttemptId, host: u32, step: u32 },
    /// Leave the dead-man switch armed, wait until it is due, and report what became of it, whatever ends the wait.
    AwaitDeadMan { attempt: AttemptId, host: u32, step: u32 },
    /// Ask the host what became of an attempt that an earlier process sent, follow it where it still runs, and
    /// report its end as that of any other; `AttemptUnknown` where it cannot be had. After the end of the run
    /// that is no news, and nothing need be reported.
    Reattach { attempt: AttemptId, host: u32, step: u32, inverse: bool },
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

impl Effect {
    /// Host and step that it is about; none for what is about the run.
    #[must_use]
    pub const fn place(&self) -> Option<(u32, u32)> {
        match self {
            Self::Check { host, step }
            | Self::Start { host, step, .. }
            | Self::Verify { host, step, .. }
            | Self::Pause { host, step, .. }
            | Self::AskPerson { host, step, .. }
            | Self::Disarm { host, step, .. }
            | Self::AwaitDeadMan { host, step, .. }
            | Self::Reattach { host, step, .. } => Some((*host, *step)),
            Self::Hold { .. } | Self::Health { .. } | Self::Cancel { .. } => None,
        }
    }
}

/// Decides what happens next in one run.
pub struct Machine {
    plan: Arc<SealedPlan>,
    state: RunState,
    undo: bool,
    /// The plan's steps as a host goes through them: those of one phase after those of another, and last those
    /// that are done when all hosts have come to their end.
    order: Vec<u32>,
    /// Where in the order these begin.
    finale_from: usize,
    courses: Vec<Course>,
    rollout: Rollout,
    /// Why nothing more of the main phase starts, or no further host does.
    stop: Option<SkipReason>,
    /// Another process drove the run before.
    interrupted: bool,
    /// Something was sent in this run, or should have been.
    touched: bool,
    finale_failed: bool,
    /// The end of the run was decided.
    is_over: bool,
    /// By step that is done once: the hosts that wait for its end.
    waiting: HashMap<u32, Vec<u32>>,
    /// What is known of a bad end that is about to be told, beside its exit.
    why: Option<(AttemptId, String)>,
}

/// What follows from an event.
enum Move {
    Record(Event),
    Send { host: u32, step: u32 },
    Invert { host: u32, step: u32 },
    Perform(Effect),
}

impl Machine {
    /// Before the run is opened.
    #[must_use]
    pub fn new(plan: Arc<SealedPlan>) -> Self {
        let of = plan.plan();
        let is_finale = |step: &PlannedStep| step.on != On::Host && step.phase != Phase::Main;
        let mut order: Vec<u32> = (0_u32..).zip(&of.steps).map(|(step, _)| step).collect();
        order.sort_by_key(|step| of.steps.get(*step as usize).map(|step| (is_finale(step), step.phase)));
        Self {
            state: RunState::new(of),
            undo: matches!(of.intent, Intent::Undo { .. }),
            finale_from: of.steps.iter().filter(|step| !is_finale(step)).count(),
            order,
            courses: vec![Course::default(); of.hosts.len()],
            rollout: Rollout::new(Lanes::of(of)),
            stop: None,
            interrupted: false,
            touched: false,
            finale_failed: false,
            is_over: false,
            waiting: HashMap::new(),
            why: None,
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
        match self.rollout.stage {
            Stage::Holding(batch) => Some(batch),
            _ => None,
        }
    }

    /// Takes a fact and works out everything that follows from it, before the next fact is looked at.
    ///
    /// Facts are what the world says: the opening, a cancel, an answer, the end of a hold, the health, whatever
    /// became of attempts and dead-man switches, and the skip of a step whose check was asked. Consequences (sent,
    /// skipped, asked, undone, stuck, batches, the end) are the machine's. An attempt that captures less than its
    /// step asks for is reported finished and then not verified. A fact that comes too late to change anything
    /// (an answer to a question that was closed, a cancel that is not harder) is not heard: nothing follows.
    pub fn next(&mut self, fact: Event, new_attempt: &mut dyn FnMut() -> AttemptId) -> Result<Settled, IllegalEvent> {
        let heard = self.heard(fact).map(|fact| self.recorded(fact)).unwrap_or_default();
        self.settle(heard, new_attempt)
    }

    /// Why an attempt that is told to have ended next ended badly, in a sentence. Where it takes something back, it is
    /// stuck for that reason.
    pub fn note_why(&mut self, attempt: AttemptId, why: String) {
        self.why = Some((attempt, why));
    }

    /// Why an attempt that takes something back is stuck.
    fn why_stuck(&self, attempt: AttemptId, exit: &Exit) -> String {
        match &self.why {
            Some((of, why)) if *of == attempt => format!("{exit}: {why}"),
            _ => exit.to_string(),
        }
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
                    Move::Invert { host, step } => {
                        due.push_back(Event::AttemptSent { attempt: new_attempt(), host, step, inverse: true });
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
        if matches!(self.state.status(), Some(RunStatus::Ended { .. })) {
            // What became known since changes nothing any more.
            return Ok(Vec::new());
        }
        Ok(match event {
            Event::RunOpened { .. } => self.enter_batch(),
            Event::RunInterrupted { .. } => self.go_on_interrupted(),
            Event::BatchStarted { .. } => self.batch_started(),
            Event::BatchEnded { batch } => self.leave_batch(*batch),
            Event::HealthChecked { holds, said, .. } => self.health_checked(*holds, said),
            Event::AttemptSent { attempt, host, step, inverse } => self.sent(*attempt, *host, *step, *inverse),
            Event::AttemptFinished { attempt, .. }
            | Event::AttemptVerified { attempt }
            | Event::AttemptNotVerified { attempt, .. }
            | Event::AttemptUndone { attempt }
            | Event::AttemptStuck { attempt, .. }
            | Event::AttemptLost { attempt, .. }
            | Event::AttemptUnknown { attempt, .. }
            | Event::AttemptUnreachable { attempt, .. }
            | Event::AttemptNotStarted { attempt, .. }
            | Event::AttemptRefused { attempt, .. }
            | Event::AttemptCancelled { attempt, .. } => self.attempt_changed(*attempt),
            Event::DeadManDisarmed { attempt }
            | Event::DeadManFired { attempt, .. }
            | Event::DeadManFailed { attempt, .. }
            | Event::DeadManUnknown { attempt, .. } => self.dead_man_told(*attempt),
            Event::StepSkipped { host, step, why } => self.skipped(*host, *step, why),
            Event::UndoStarted { host } | Event::InverseSkipped { host, .. } => self.undo_next(*host),
            Event::QuestionAsked { host, step, within_ms, otherwise, .. } => {
                self.asked(*host, *step, *within_ms, *otherwise)
            }
            Event::QuestionAnswered { hosts, step, answer, .. } => {
                hosts.iter().flat_map(|host| self.answered(*host, *step, *answer)).collect()
            }
            Event::QuestionWithdrawn { host, .. } => {
                self.wait_for(*host, Waits::Nothing);
                Vec::new()
            }
            Event::CancelRequested { by, degree, hosts, .. } => self.cancel(by, *degree, hosts.as_deref()),
            Event::AttemptRunning { .. } | Event::AttemptNoted { .. } | Event::RunEnded { .. } => Vec::new(),
        })
    }

    fn sent(&mut self, attempt: AttemptId, host: u32, step: u32, inverse: bool) -> Vec<Move> {
        self.touched = true;
        if let Some(course) = self.course(host) {
            course.touched = true;
        }
        vec![Move::Perform(Effect::Start { attempt, host, step, inverse })]
    }

    fn step(&self, step: u32) -> Option<&PlannedStep> {
        self.plan.plan().steps.get(step as usize)
    }
}
