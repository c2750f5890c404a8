//! Which hosts may start: batches, budgets, the hold, the health, and how the run ends.

use std::sync::Arc;

use daytwo_model::plan::{Budget, Order};
use daytwo_model::{Event, RunOutcome, SkipReason};

use super::course::Next;
use super::lanes::Lanes;
use super::{Effect, Machine, Move};

/// How far the rollout is.
pub(super) struct Rollout {
    pub(super) batch: usize,
    pub(super) stage: Stage,
    /// The batch was started; hosts of one that was not are skipped without batch events.
    pub(super) batch_started: bool,
    /// Hosts of the batch that may be taken up.
    pub(super) lanes: Lanes,
    pub(super) working: u32,
    /// Hosts of the batch that have not come to their end.
    pub(super) left: usize,
    level: Level,
    is_taking_up: bool,
    pub(super) hosts_good: usize,
    failed: u32,
    unreachable: u32,
    tally: Tally,
}

/// What the run as a whole waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The opening, or the start of a batch.
    Entering,
    /// Hosts of the batch.
    Working,
    /// That the hold after this batch passes.
    Holding(u32),
    /// The answer of the health check.
    Health,
    /// What is done once, after all hosts.
    Finale,
    Over,
}

/// In linear order: how far the batch is.
#[derive(Default)]
pub(super) struct Level {
    /// Hosts that have the step of this level before them.
    outstanding: usize,
    /// Hosts that have it behind them, and wait for the others.
    parked: Vec<u32>,
}

/// Hosts of the batch by their end.
#[derive(Default)]
struct Tally {
    good: u32,
    failed: u32,
    unreachable: u32,
    cancelled: u32,
}

/// How a host's course went wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    Failed,
    Unreachable,
    Cancelled,
}

impl Rollout {
    pub(super) fn new(lanes: Lanes) -> Self {
        Self {
            batch: 0,
            stage: Stage::Entering,
            batch_started: false,
            lanes,
            working: 0,
            left: 0,
            level: Level::default(),
            is_taking_up: false,
            hosts_good: 0,
            failed: 0,
            unreachable: 0,
            tally: Tally::default(),
        }
    }
}

impl Machine {
    fn is_linear(&self) -> bool {
        self.plan.plan().limits.order == Order::Linear
    }

    /// Takes up hosts of the batch while there is room; ends the batch when all have come to an end.
    fn proceed(&mut self) -> Vec<Move> {
        let at_once = self.plan.plan().limits.hosts_at_once_max.max(1);
        let mut moves = Vec::new();
        while self.rollout.stage == Stage::Working {
            while self.rollout.working < at_once {
                let Some(host) = self.rollout.lanes.take() else { break };
                self.rollout.working += 1;
                moves.extend(self.take_up_host(host));
            }
            if self.rollout.level.outstanding == 0 && !self.rollout.level.parked.is_empty() {
                self.next_level();
            } else if self.rollout.left > 0 {
                return moves;
            } else if self.rollout.batch_started {
                moves.push(self.end_batch());
            } else {
                // Hosts of a batch that will not start any more: skipped, without batch events.
                self.rollout.batch += 1;
                self.fill();
            }
        }
        moves
    }

    /// A host begins, or goes on after it waited for others.
    fn take_up_host(&mut self, host: u32) -> Vec<Move> {
        let stop = self.stop.clone();
        if let Some(course) = self.courses.get_mut(host as usize)
            && !std::mem::replace(&mut course.begun, true)
        {
            course.skip_rest = course.skip_rest.take().or(stop);
        }
        if self.is_in_the_middle(host) {
            return self.missing_captures(host).map_or_else(|| self.follow(host), |missing| vec![missing]);
        }
        match self.advance(host) {
            Next::Do(next) => vec![next],
            Next::Wait | Next::Ended => Vec::new(),
        }
    }

    /// The hosts of the batch wait to be taken up.
    pub(super) fn fill(&mut self) {
        let plan = Arc::clone(&self.plan);
        self.rollout.left = 0;
        self.rollout.tally = Tally::default();
        self.rollout.level = Level::default();
        let Some(hosts) = plan.plan().batches.get(self.rollout.batch) else {
            self.rollout.stage = Stage::Over;
            return;
        };
        for host in hosts {
            if self.interrupted && self.has_ended(*host) {
                // Before this process took the run up.
                continue;
            }
            self.rollout.left += 1;
            if self.is_occupied(*host) {
                self.rollout.working += 1;
                self.rollout.lanes.occupy(*host);
                if let Some(course) = self.courses.get_mut(*host as usize) {
                    course.begun = true;
                }
            } else {
                self.enter_level(*host);
                self.rollout.lanes.push(*host);
            }
        }
    }

    fn enter_level(&mut self, host: u32) {
        // After an interruption nothing of the main phase starts, so there is nothing to keep in step.
        let counts = self.is_linear() && !self.interrupted;
        if let Some(course) = self.courses.get_mut(host as usize) {
            course.in_level = counts;
            self.rollout.level.outstanding += usize::from(counts);
        }
    }

    /// All of the batch have this level behind them. The host on which steps are done once goes first, because
    /// the others would wait for it in its place.
    fn next_level(&mut self) {
        let mut parked = std::mem::take(&mut self.rollout.level.parked);
        if let Some(place) = parked.iter().position(|host| *host == self.state.home()) {
            parked.swap(0, place);
        }
        for host in parked {
            self.enter_level(host);
            self.rollout.lanes.push(host);
        }
    }

    /// The step of a host is behind it: whether it has to wait for the rest of the batch now.
    pub(super) fn leave_level(&mut self, host: u32) -> bool {
        let goes_on = self.is_in_main(host);
        let Some(course) = self.courses.get_mut(host as usize) else { return false };
        if !std::mem::take(&mut course.in_level) {
            return false;
        }
        self.rollout.level.outstanding = self.rollout.level.outstanding.saturating_sub(1);
        if goes_on {
            self.rollout.level.parked.push(host);
            self.rollout.working = self.rollout.working.saturating_sub(1);
            self.rollout.lanes.free(host);
        }
        goes_on
    }

    /// A host has all of its steps behind it.
    pub(super) fn host_ended(&mut self, host: u32) {
        self.leave_level(host);
        if self.courses.get(host as usize).is_some_and(super::course::Course::is_good) {
            self.rollout.hosts_good += 1;
            self.rollout.tally.good += 1;
        } else {
            // An end that was found out later may have left nothing bad but what was done about it meanwhile.
            self.note_good(host);
        }
        self.rollout.left = self.rollout.left.saturating_sub(1);
        self.rollout.working = self.rollout.working.saturating_sub(1);
        self.rollout.lanes.free(host);
    }

    /// All that a host was to do turned out well, after it had been counted as failed.
    pub(super) fn note_good(&mut self, host: u32) {
        let own = self.order.iter().take(self.finale_from);
        // What is taken back is no good end, whatever it was.
        let has_ended = self.has_ended(host) && !self.state.is_undoing(host);
        let is_good = has_ended && own.into_iter().all(|step| self.state.is_good(host, *step));
        let Some(course) = self.courses.get_mut(host as usize) else { return };
        if !is_good || course.is_good() {
            return;
        }
        (course.bad, course.main_failed, course.skip_rest) = (false, false, None);
        let counted = u32::from(std::mem::take(&mut course.counted));
        self.rollout.hosts_good += 1;
        self.rollout.failed = self.rollout.failed.saturating_sub(counted);
        if self.plan.plan().batches.get(self.rollout.batch).is_some_and(|batch| batch.contains(&host)) {
            self.rollout.tally.good += 1;
            self.rollout.tally.failed = self.rollout.tally.failed.saturating_sub(counted);
        }
    }

    pub(super) fn count(&mut self, bad: Bad) {
        let limits = &self.plan.plan().limits;
        // A batch without a budget of its own has the total only.
        let unlimited = Budget { failed_max: u32::MAX, unreachable_max: u32::MAX };
        let batch = limits.batches.get(self.rollout.batch).copied().unwrap_or(unlimited);
        let rollout = &mut self.rollout;
        let spent = match bad {
            Bad::Cancelled => {
                rollout.tally.cancelled += 1;
                None
            }
            Bad::Failed => {
                rollout.failed += 1;
                rollout.tally.failed += 1;
                (rollout.failed > limits.total.failed_max || rollout.tally.failed > batch.failed_max)
                    .then_some(SkipReason::FailedBudget)
            }
            Bad::Unreachable => {
                rollout.unreachable += 1;
                rollout.tally.unreachable += 1;
                (rollout.unreachable > limits.total.unreachable_max
                    || rollout.tally.unreachable > batch.unreachable_max)
                    .then_some(SkipReason::UnreachableBudget)
            }
        };
        self.stop = self.stop.take().or(spent);
    }

    pub(super) fn enter_batch(&mut self) -> Vec<Move> {
        self.rollout.batch_started = false;
        if self.stop.is_none() && self.rollout.batch < self.plan.plan().batches.len() {
            self.rollout.stage = Stage::Entering;
            let batch = u32::try_from(self.rollout.batch).unwrap_or(u32::MAX);
            return vec![Move::Record(Event::BatchStarted { batch })];
        }
        self.rollout.stage = Stage::Working;
        self.fill();
        self.work()
    }

    pub(super) fn batch_started(&mut self) -> Vec<Move> {
        self.rollout.batch_started = true;
        self.rollout.stage = Stage::Working;
        self.fill();
        self.work()
    }

    /// Works on the batch, and on what comes after the last. Where a host that is taken up here comes to its end at
    /// once, its own call changes nothing: this one goes on with the next.
    pub(super) fn work(&mut self) -> Vec<Move> {
        if std::mem::replace(&mut self.rollout.is_taking_up, true) {
            return Vec::new();
        }
        let mut moves = self.proceed();
        self.rollout.is_taking_up = false;
        if self.rollout.stage == Stage::Over && !self.is_over {
            moves.extend(self.enter_finale());
        }
        moves
    }

    fn end_batch(&mut self) -> Move {
        let plan = self.plan.plan();
        let hold_ms = plan.limits.hold_ms;
        let more = self.rollout.batch + 1 < plan.batches.len();
        if more && self.stop.is_none() && !self.undo {
            self.stop = self.verdict_on_batch();
        }
        let batch = u32::try_from(self.rollout.batch).unwrap_or(u32::MAX);
        if more && self.stop.is_none() && hold_ms > 0 {
            self.rollout.stage = Stage::Holding(batch);
            return Move::Perform(Effect::Hold { ms: hold_ms });
        }
        self.rollout.stage = Stage::Entering;
        Move::Record(Event::BatchEnded { batch })
    }

    /// The batch and its hold are over: what comes before the next.
    pub(super) fn leave_batch(&mut self, batch: u32) -> Vec<Move> {
        let plan = self.plan.plan();
        let more = self.rollout.batch + 1 < plan.batches.len();
        if more && self.stop.is_none() && plan.limits.health.is_some() {
            self.rollout.stage = Stage::Health;
            return vec![Move::Perform(Effect::Health { batch })];
        }
        self.rollout.batch += 1;
        self.enter_batch()
    }

    pub(super) fn health_checked(&mut self, holds: bool, said: &str) -> Vec<Move> {
        if !holds && self.stop.is_none() {
            self.stop = Some(SkipReason::Unhealthy { why: said.to_owned() });
        }
        self.rollout.batch += 1;
        self.enter_batch()
    }

    fn verdict_on_batch(&self) -> Option<SkipReason> {
        let is_canary = self.rollout.batch == 0;
        match self.rollout.tally {
            Tally { good: 0, failed: 1.., .. } => Some(SkipReason::FailedBudget),
            Tally { good: 0, unreachable: 1.., .. }
                if is_canary && self.plan.plan().limits.unreachable_canary_stops =>
            {
                Some(SkipReason::UnreachableBudget)
            }
            Tally { good: 0, unreachable: 0, cancelled: 1.., .. } if is_canary => Some(SkipReason::Stopped),
            _ => None,
        }
    }

    /// What is done once after all hosts have come to their end, and then the end.
    fn enter_finale(&mut self) -> Vec<Move> {
        if self.finale_from == self.order.len() {
            return self.end();
        }
        self.rollout.stage = Stage::Finale;
        let home = self.state.home();
        if self.state.is_busy(home) || self.state.question(home).is_some() {
            return Vec::new();
        }
        if self.is_in_the_middle(home) { self.take_up_host(home) } else { self.moves_of(home) }
    }

    pub(super) fn end(&mut self) -> Vec<Move> {
        self.rollout.stage = Stage::Over;
        self.is_over = true;
        vec![Move::Record(Event::RunEnded { outcome: self.outcome() })]
    }

    fn outcome(&self) -> RunOutcome {
        if self.rollout.hosts_good == self.courses.len() && !self.finale_failed {
            return if self.undo { RunOutcome::RolledBack } else { RunOutcome::Succeeded };
        }
        let given_up = self.interrupted || self.state.cancelled_wholly().is_some();
        if given_up && self.state.has_unclear_changes() {
            return RunOutcome::Abandoned;
        }
        match self.state.cancelled_wholly() {
            Some(_) => RunOutcome::Cancelled,
            None if self.undo => RunOutcome::Stuck,
            None => RunOutcome::Failed,
        }
    }
}
