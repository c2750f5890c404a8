//! What to do next in a run. Pure: no I/O, no clock, no randomness.
//!
//! [`RunState`] says what is true; the machine decides what follows from it. Each event costs
//! constant time, whatever the size of the fleet: nothing here may scan all hosts.
//!
//! The rules:
//!
//! - Batches run in order. Within a batch at most `hosts_at_once_max` hosts work at one time, each
//!   going through its steps by itself. Between batches the hold passes.
//! - A step that does not end well stops its host. Whatever its end: nothing is sent twice.
//! - **In-flight rule.** Once more hosts failed (or were unreachable) than the budget allows, no
//!   further host starts. Hosts that have started go through all of their steps: half a course is
//!   a worse place to leave a host in than its end.
//! - The canary has to prove something: a first batch in which no host came to a good end stops
//!   the rollout, and so does a later batch in which no host did and at least one failed. (Such
//!   skips carry the reason of the budget for what was seen: failed or unreachable.)
//! - A cancel starts nothing more, not even the next step of a host that works, and ends what is
//!   in flight. The run is `Cancelled`; `Abandoned` if the end of an attempt is not known; and if
//!   every host had come to a good end anyway, it is what it is.
//! - In an undo, an inverse that failed is stuck and the next inverse of its host is tried, unless
//!   the host cannot be reached or the last one may still be running there. Only the budgets stop
//!   an undo, not a batch that failed.

use std::collections::VecDeque;
use std::sync::Arc;

use daytwo_model::plan::Intent;
use daytwo_model::{
    AttemptId, AttemptState, CancelReason, Event, Exit, IllegalEvent, Plan, RunOutcome, RunState, SealedPlan,
    SkipReason,
};

/// Something for the dispatcher to do, once the events that led to it are on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the fields say it")]
pub enum Effect {
    /// Send this attempt. Its `AttemptSent` is among the events that are journalled first.
    Start { attempt: AttemptId, host: u32, step: u32 },
    /// Ask the post-condition, and report verified or not.
    Verify { attempt: AttemptId, host: u32, step: u32 },
    /// Wait, and report [`Event::BatchEnded`].
    Hold { ms: u64 },
    /// End everything that is in flight, and every wait.
    CancelInFlight,
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
    courses: Vec<Course>,
    batch: usize,
    /// How many hosts of the batch were taken up.
    taken: usize,
    batch_started: bool,
    working: u32,
    holding: Option<u32>,
    stop: Option<SkipReason>,
    end_unknown: bool,
    hosts_good: usize,
    failed: u32,
    unreachable: u32,
    tally: Tally,
}

/// How far a host is.
#[derive(Clone, Default)]
struct Course {
    next_step: u32,
    skip_rest: Option<SkipReason>,
    bad: bool,
}

/// Hosts of the batch by their end.
#[derive(Default)]
struct Tally {
    good: u32,
    failed: u32,
    unreachable: u32,
}

enum Move {
    Record(Event),
    Send { host: u32, step: u32 },
    Perform(Effect),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bad {
    Failed,
    Unreachable,
    Cancelled,
}

impl Machine {
    /// Before the run is opened.
    #[must_use]
    pub fn new(plan: Arc<SealedPlan>) -> Self {
        Self {
            state: RunState::new(plan.plan()),
            undo: matches!(plan.plan().intent, Intent::Undo { .. }),
            courses: vec![Course::default(); plan.plan().hosts.len()],
            batch: 0,
            taken: 0,
            batch_started: false,
            working: 0,
            holding: None,
            stop: None,
            end_unknown: false,
            hosts_good: 0,
            failed: 0,
            unreachable: 0,
            tally: Tally::default(),
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
        self.holding
    }

    /// Takes a fact and works out everything that follows from it, before the next fact is looked at.
    ///
    /// Facts are what the world says: the opening, a cancel, the end of a hold, and whatever became
    /// of attempts. Consequences (sent, skipped, undone, stuck, batches, the end) are the machine's.
    /// An attempt that captures less than its step asks for is reported finished and then not verified.
    pub fn next(&mut self, fact: Event, new_attempt: &mut dyn FnMut() -> AttemptId) -> Result<Settled, IllegalEvent> {
        let mut due = VecDeque::from([fact]);
        let mut settled = Settled::default();
        while let Some(event) = due.pop_front() {
            for consequence in self.decide(&event)? {
                match consequence {
                    Move::Record(event) => due.push_back(event),
                    Move::Send { host, step } => {
                        due.push_back(Event::AttemptSent { attempt: new_attempt(), host, step });
                    }
                    Move::Perform(effect) => settled.effects.push(effect),
                }
            }
            settled.events.push(event);
        }
        Ok(settled)
    }

    fn decide(&mut self, event: &Event) -> Result<Vec<Move>, IllegalEvent> {
        self.state.apply(event)?;
        Ok(match event {
            Event::RunOpened { .. } => self.enter_batch(),
            Event::BatchStarted { .. } => {
                self.batch_started = true;
                self.proceed()
            }
            Event::BatchEnded { .. } => {
                self.holding = None;
                self.batch += 1;
                self.enter_batch()
            }
            Event::AttemptSent { attempt, host, step } => {
                vec![Move::Perform(Effect::Start { attempt: *attempt, host: *host, step: *step })]
            }
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
            | Event::AttemptRefused { attempt, .. }
            | Event::AttemptCancelled { attempt, .. } => self.settled(*attempt),
            Event::StepSkipped { host, .. } => self.go_on(*host),
            Event::CancelRequested { .. } => self.cancel(),
            Event::AttemptRunning { .. } | Event::RunInterrupted { .. } | Event::RunEnded { .. } => Vec::new(),
        })
    }

    fn cancel(&mut self) -> Vec<Move> {
        if self.stop == Some(SkipReason::Cancelled) {
            return Vec::new();
        }
        self.stop = Some(SkipReason::Cancelled);
        let mut moves = vec![Move::Perform(Effect::CancelInFlight)];
        match self.holding.take() {
            Some(batch) => moves.push(Move::Record(Event::BatchEnded { batch })),
            None => moves.extend(self.proceed()),
        }
        moves
    }

    fn finished(
        &mut self,
        attempt: AttemptId,
        exit: &Exit,
        is_captured: impl Fn(&daytwo_model::CaptureName) -> bool,
    ) -> Vec<Move> {
        let Some((host, step)) = self.state.place(attempt) else { return Vec::new() };
        let plan = Arc::clone(&self.plan);
        let Some(planned) = plan.plan().steps.get(step as usize) else { return Vec::new() };
        if !exit.is_success() {
            return if self.undo {
                vec![Move::Record(Event::AttemptStuck { attempt, why: exit.to_string() })]
            } else {
                self.settled(attempt)
            };
        }
        if !planned.captures.iter().all(|capture| is_captured(&capture.name)) {
            // Whoever read the output says next why it could not be captured.
            return Vec::new();
        }
        match &planned.verify {
            Some(verify) if verify.probe.get(host).is_some() => {
                vec![Move::Perform(Effect::Verify { attempt, host, step })]
            }
            Some(_) => vec![Move::Record(Event::AttemptNotVerified {
                attempt,
                why: "the plan has no check for this host".to_owned(),
            })],
            None if self.undo => vec![Move::Record(Event::AttemptUndone { attempt })],
            None => self.settled(attempt),
        }
    }

    /// An attempt has come to its end.
    fn settled(&mut self, attempt: AttemptId) -> Vec<Move> {
        let Some((host, step)) = self.state.place(attempt) else { return Vec::new() };
        if !self.state.is_good(host, step) {
            self.note_bad_end(host, step);
        }
        self.go_on(host)
    }

    fn note_bad_end(&mut self, host: u32, step: u32) {
        let Some(known) = self.state.attempt(host, step) else { return };
        let (bad, undo_goes_on) = match &known.state {
            AttemptState::Unreachable { .. } => (Bad::Unreachable, false),
            AttemptState::Cancelled { reason: CancelReason::Operator } => (Bad::Cancelled, false),
            // It may still be running: the next inverse must not run beside it.
            AttemptState::Unknown { .. } => (Bad::Failed, false),
            _ => (Bad::Failed, true),
        };
        self.end_unknown |= matches!(known.state, AttemptState::Unknown { .. } | AttemptState::Lost { .. });
        let Some(course) = self.courses.get_mut(host as usize) else { return };
        if bad == Bad::Cancelled {
            course.skip_rest = Some(SkipReason::Cancelled);
        } else if !(self.undo && undo_goes_on) {
            course.skip_rest = Some(SkipReason::EarlierStep);
        }
        if !std::mem::replace(&mut course.bad, true) {
            self.count(bad);
        }
    }

    fn count(&mut self, bad: Bad) {
        let limits = &self.plan.plan().limits;
        let spent = match bad {
            Bad::Cancelled => None,
            Bad::Failed => {
                self.failed += 1;
                self.tally.failed += 1;
                (self.failed > limits.failed_hosts_max).then_some(SkipReason::FailedBudget)
            }
            Bad::Unreachable => {
                self.unreachable += 1;
                self.tally.unreachable += 1;
                (self.unreachable > limits.unreachable_hosts_max).then_some(SkipReason::UnreachableBudget)
            }
        };
        self.stop = self.stop.take().or(spent);
    }

    /// A step of this host is behind it.
    fn go_on(&mut self, host: u32) -> Vec<Move> {
        if let Some(course) = self.courses.get_mut(host as usize) {
            course.next_step += 1;
        }
        match self.advance(host) {
            Some(next) => vec![next],
            None => self.proceed(),
        }
    }

    /// The next step of a host, or none when it has come to its end.
    fn advance(&mut self, host: u32) -> Option<Move> {
        let course = self.courses.get(host as usize)?;
        let step = course.next_step;
        let Some(planned) = self.plan.plan().steps.get(step as usize) else {
            if !course.bad && course.skip_rest.is_none() {
                self.hosts_good += 1;
                self.tally.good += 1;
            }
            self.working = self.working.saturating_sub(1);
            return None;
        };
        let cancelled = (self.stop == Some(SkipReason::Cancelled)).then_some(SkipReason::Cancelled);
        let planned_here = planned.action.get(host).is_some();
        let skip = course.skip_rest.clone().or(cancelled).or((!planned_here).then_some(SkipReason::NotPlanned));
        Some(match skip {
            Some(why) => {
                let rest = (why != SkipReason::NotPlanned).then(|| why.clone());
                if let Some(course) = self.courses.get_mut(host as usize) {
                    course.skip_rest = rest;
                }
                Move::Record(Event::StepSkipped { host, step, why })
            }
            None => Move::Send { host, step },
        })
    }

    /// Takes up hosts of the batch while there is room; ends the batch when all have come to an end.
    fn proceed(&mut self) -> Vec<Move> {
        let plan = Arc::clone(&self.plan);
        let at_once = plan.plan().limits.hosts_at_once_max.max(1);
        let mut moves = Vec::new();
        while let Some(hosts) = plan.plan().batches.get(self.batch) {
            while self.working < at_once {
                let Some(host) = hosts.get(self.taken) else { break };
                self.taken += 1;
                self.working += 1;
                if let (Some(stop), Some(course)) = (&self.stop, self.courses.get_mut(*host as usize)) {
                    course.skip_rest = Some(stop.clone());
                }
                moves.extend(self.advance(*host));
            }
            if self.working > 0 || self.taken < hosts.len() {
                return moves;
            }
            if self.batch_started {
                moves.push(self.end_batch(plan.plan()));
                return moves;
            }
            // Hosts of a batch that will not start any more: skipped, without batch events.
            self.batch += 1;
            self.taken = 0;
        }
        moves.push(Move::Record(Event::RunEnded { outcome: self.outcome() }));
        moves
    }

    fn end_batch(&mut self, plan: &Plan) -> Move {
        let more = self.batch + 1 < plan.batches.len();
        if more && self.stop.is_none() && !self.undo {
            self.stop = self.verdict_on_batch();
        }
        let batch = u32::try_from(self.batch).unwrap_or(u32::MAX);
        if more && self.stop.is_none() && plan.limits.hold_ms > 0 {
            self.holding = Some(batch);
            return Move::Perform(Effect::Hold { ms: plan.limits.hold_ms });
        }
        Move::Record(Event::BatchEnded { batch })
    }

    fn verdict_on_batch(&self) -> Option<SkipReason> {
        match self.tally {
            Tally { good: 0, failed: 1.., .. } => Some(SkipReason::FailedBudget),
            Tally { good: 0, failed: 0, unreachable: 1.. } if self.batch == 0 => Some(SkipReason::UnreachableBudget),
            _ => None,
        }
    }

    fn enter_batch(&mut self) -> Vec<Move> {
        self.taken = 0;
        self.batch_started = false;
        self.tally = Tally::default();
        if self.stop.is_none() && self.batch < self.plan.plan().batches.len() {
            let batch = u32::try_from(self.batch).unwrap_or(u32::MAX);
            return vec![Move::Record(Event::BatchStarted { batch })];
        }
        self.proceed()
    }

    fn outcome(&self) -> RunOutcome {
        let all_good = self.hosts_good == self.courses.len();
        match (all_good, self.undo) {
            (true, false) => RunOutcome::Succeeded,
            (true, true) => RunOutcome::RolledBack,
            (false, _) if self.stop == Some(SkipReason::Cancelled) => {
                if self.end_unknown {
                    RunOutcome::Abandoned
                } else {
                    RunOutcome::Cancelled
                }
            }
            (false, false) => RunOutcome::Failed,
            (false, true) => RunOutcome::Stuck,
        }
    }
}
