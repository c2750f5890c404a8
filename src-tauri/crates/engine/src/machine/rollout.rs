//! Which hosts may start: batches, budgets, the hold, and how the run ends.

use std::sync::Arc;

use daytwo_model::{Event, Plan, RunOutcome, SkipReason};

use super::course::Next;
use super::{Effect, Machine, Move};

/// How far the rollout is.
#[derive(Default)]
pub(super) struct Rollout {
    batch: usize,
    /// How many hosts of the batch were taken up.
    taken: usize,
    pub(super) batch_started: bool,
    working: u32,
    pub(super) holding: Option<u32>,
    hosts_good: usize,
    failed: u32,
    unreachable: u32,
    tally: Tally,
}

/// Hosts of the batch by their end.
#[derive(Default)]
struct Tally {
    good: u32,
    failed: u32,
    unreachable: u32,
}

/// How a host's course went wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    Failed,
    Unreachable,
    Cancelled,
}

impl Machine {
    /// Takes up hosts of the batch while there is room; ends the batch when all have come to an end.
    pub(super) fn proceed(&mut self) -> Vec<Move> {
        let plan = Arc::clone(&self.plan);
        let at_once = plan.plan().limits.hosts_at_once_max.max(1);
        let mut moves = Vec::new();
        while let Some(hosts) = plan.plan().batches.get(self.rollout.batch) {
            while self.rollout.working < at_once {
                let Some(host) = hosts.get(self.rollout.taken) else { break };
                self.rollout.taken += 1;
                self.rollout.working += 1;
                if let (Some(stop), Some(course)) = (&self.stop, self.courses.get_mut(*host as usize)) {
                    course.skip_rest = Some(stop.clone());
                }
                if let Next::Do(next) = self.advance(*host) {
                    moves.push(next);
                }
            }
            if self.rollout.working > 0 || self.rollout.taken < hosts.len() {
                return moves;
            }
            if self.rollout.batch_started {
                moves.push(self.end_batch(plan.plan()));
                return moves;
            }
            // Hosts of a batch that will not start any more: skipped, without batch events.
            self.rollout.batch += 1;
            self.rollout.taken = 0;
        }
        moves.push(Move::Record(Event::RunEnded { outcome: self.outcome() }));
        moves
    }

    /// A host has all of its steps behind it.
    pub(super) fn host_ended(&mut self, host: u32) {
        if self.courses.get(host as usize).is_some_and(super::course::Course::is_good) {
            self.rollout.hosts_good += 1;
            self.rollout.tally.good += 1;
        }
        self.rollout.working = self.rollout.working.saturating_sub(1);
    }

    pub(super) fn count(&mut self, bad: Bad) {
        let limits = &self.plan.plan().limits;
        let rollout = &mut self.rollout;
        let spent = match bad {
            Bad::Cancelled => None,
            Bad::Failed => {
                rollout.failed += 1;
                rollout.tally.failed += 1;
                (rollout.failed > limits.total.failed_max).then_some(SkipReason::FailedBudget)
            }
            Bad::Unreachable => {
                rollout.unreachable += 1;
                rollout.tally.unreachable += 1;
                (rollout.unreachable > limits.total.unreachable_max).then_some(SkipReason::UnreachableBudget)
            }
        };
        self.stop = self.stop.take().or(spent);
    }

    pub(super) fn enter_batch(&mut self) -> Vec<Move> {
        self.rollout.taken = 0;
        self.rollout.batch_started = false;
        self.rollout.tally = Tally::default();
        if self.stop.is_none() && self.rollout.batch < self.plan.plan().batches.len() {
            let batch = u32::try_from(self.rollout.batch).unwrap_or(u32::MAX);
            return vec![Move::Record(Event::BatchStarted { batch })];
        }
        self.proceed()
    }

    pub(super) fn leave_batch(&mut self) -> Vec<Move> {
        self.rollout.holding = None;
        self.rollout.batch += 1;
        self.enter_batch()
    }

    fn end_batch(&mut self, plan: &Plan) -> Move {
        let more = self.rollout.batch + 1 < plan.batches.len();
        if more && self.stop.is_none() && !self.undo {
            self.stop = self.verdict_on_batch();
        }
        let batch = u32::try_from(self.rollout.batch).unwrap_or(u32::MAX);
        if more && self.stop.is_none() && plan.limits.hold_ms > 0 {
            self.rollout.holding = Some(batch);
            return Move::Perform(Effect::Hold { ms: plan.limits.hold_ms });
        }
        Move::Record(Event::BatchEnded { batch })
    }

    fn verdict_on_batch(&self) -> Option<SkipReason> {
        match self.rollout.tally {
            Tally { good: 0, failed: 1.., .. } => Some(SkipReason::FailedBudget),
            Tally { good: 0, failed: 0, unreachable: 1.. } if self.rollout.batch == 0 => {
                Some(SkipReason::UnreachableBudget)
            }
            _ => None,
        }
    }

    fn outcome(&self) -> RunOutcome {
        let all_good = self.rollout.hosts_good == self.courses.len();
        match (all_good, self.undo) {
            (true, false) => RunOutcome::Succeeded,
            (true, true) => RunOutcome::RolledBack,
            (false, _) if self.is_cancelled() => {
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
