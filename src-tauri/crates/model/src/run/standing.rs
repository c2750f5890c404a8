//! What the state of a run means for its hosts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::RunState;
use super::cell::{Attempt, DeadManSwitch, Trace};
use crate::attempt::{AttemptState, CancelReason, SkipReason};
use crate::event::Answer;

/// Where one host stands in a run, worst news first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostStanding {
    /// It waits for a person, who has to decide about a step.
    Asking,
    /// An inverse failed here.
    Stuck,
    /// An attempt was sent and its end was not seen, or its process is gone without an exit code.
    Unknown,
    /// A step failed, or did not verify, or was refused.
    Failed,
    /// A step failed, and everything that was done here was taken back.
    Undone,
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
    /// Everything was done but for steps that did not end well and that a person decided to leave as they are.
    Waived,
    /// Everything planned here was done, and verified where the plan asks for it.
    Succeeded,
}

impl RunState {
    /// Whether a step is done with on a host as it should be, or a person decided to leave it as it is:
    /// the next may start.
    #[must_use]
    pub fn is_good(&self, host: u32, step: u32) -> bool {
        self.attempt(host, step).is_some_and(|attempt| {
            (self.is_done(step, attempt) && attempt.dead_man.as_deref().is_none_or(|it| *it == DeadManSwitch::Disarmed))
                || self.is_waived(host, step, attempt)
        })
    }

    /// Whether a step did what it was to do; its dead-man switch may still be armed.
    #[must_use]
    pub fn has_done_its_work(&self, host: u32, step: u32) -> bool {
        self.attempt(host, step).is_some_and(|attempt| self.is_done(step, attempt))
    }

    fn is_done(&self, step: u32, attempt: &Attempt) -> bool {
        let Some(rule) = self.rule(step) else { return false };
        match &attempt.state {
            AttemptState::Verified { .. } => !self.undo,
            AttemptState::Undone => true,
            AttemptState::Skipped { why } => why.is_harmless(),
            // A question that was answered.
            AttemptState::Finished { .. } if attempt.id.is_none() => true,
            AttemptState::Finished { exit } => rule.accepts(exit) && !rule.verifies && !self.undo,
            _ => false,
        }
    }

    fn is_waived(&self, host: u32, step: u32, attempt: &Attempt) -> bool {
        self.decision(host, step)
            .is_some_and(|decision| decision.answer == Answer::Skip && decision.attempts == attempt.attempts)
    }

    /// Whether another attempt of a step is to follow on a host: the last was seen to fail and the step says so,
    /// or a person does. After a cancel that is so for the steps at a host's end only, which it does not stop.
    #[must_use]
    pub fn retry_is_due(&self, host: u32, step: u32) -> bool {
        let (Some(attempt), Some(rule)) = (self.attempt(host, step), self.rule(step)) else { return false };
        if !self.may_start(host, rule.main) || (rule.main && self.is_undoing(host)) || !attempt.may_be_made_again() {
            return false;
        }
        let failed = matches!(&attempt.state, AttemptState::Finished { exit } if rule.retries(attempt.attempts, exit));
        // What was decided while its end was unknown stays decided.
        let by_rule = failed && !attempt.found_later;
        by_rule || self.retry_is_granted(host, step)
    }

    /// Whether a person wants another attempt of a step on a host, after the last one.
    #[must_use]
    pub fn retry_is_granted(&self, host: u32, step: u32) -> bool {
        let attempts = self.attempt(host, step).map_or(0, |known| known.attempts);
        self.decision(host, step)
            .is_some_and(|decision| decision.answer == Answer::Retry && decision.attempts == attempts)
    }

    /// Where a host stands.
    #[must_use]
    pub fn standing(&self, host: u32) -> HostStanding {
        if self.question(host).is_some() {
            return HostStanding::Asking;
        }
        let row = self.row(host);
        let known = (0_u32..).zip(row).filter_map(|(step, cell)| Some((step, cell.as_ref()?)));
        let worst = if self.is_undoing(host) {
            let of: Vec<_> = known.map(|(step, attempt)| self.standing_in_undo(host, step, attempt)).collect();
            // Where it stands is known only when all of it was looked at.
            let busy = of.contains(&HostStanding::Working) && !of.contains(&HostStanding::Stuck);
            if busy { Some(HostStanding::Working) } else { of.into_iter().min() }
        } else {
            known.map(|(step, attempt)| self.standing_of(host, step, attempt)).min()
        };
        match worst {
            None => HostStanding::Waiting,
            Some(HostStanding::Succeeded | HostStanding::Waived) if row.iter().any(Option::is_none) => {
                HostStanding::Working
            }
            // It ended there for a failure that turned out to be none, and did not come to its end all the same.
            Some(HostStanding::Skipped) if row.iter().flatten().any(ended_early) => HostStanding::Failed,
            Some(standing) => standing,
        }
    }

    /// Where a host that is taken back stands by one of its steps.
    fn standing_in_undo(&self, host: u32, step: u32, attempt: &Attempt) -> HostStanding {
        let plain = self.standing_of(host, step, attempt);
        if !self.rule(step).is_some_and(|rule| rule.main) {
            return plain;
        }
        if !self.is_to_undo(host, step) {
            // What it found wrong is why the rest was taken back.
            return if plain == HostStanding::Failed && self.takes_anything_back(host) {
                HostStanding::Undone
            } else {
                plain
            };
        }
        if self.inverse_left(host, step).is_some() {
            return match self.trace(host, step) {
                Trace::Nothing => HostStanding::Undone,
                Trace::Ended => HostStanding::Failed,
                Trace::Unclear(_) => plain.min(HostStanding::Failed),
            };
        }
        match self.inverse(host, step) {
            None => HostStanding::Working,
            Some(inverse) => match &inverse.state {
                AttemptState::Undone => HostStanding::Undone,
                AttemptState::Stuck { .. } => HostStanding::Stuck,
                AttemptState::Lost { .. } | AttemptState::Unknown { .. } => HostStanding::Unknown,
                AttemptState::Unreachable { .. } | AttemptState::Refused { .. } | AttemptState::NotStarted { .. } => {
                    HostStanding::Failed
                }
                AttemptState::Cancelled { .. } => HostStanding::Stuck,
                _ => HostStanding::Working,
            },
        }
    }

    fn takes_anything_back(&self, host: u32) -> bool {
        (0..u32::try_from(self.rules.len()).unwrap_or(u32::MAX)).any(|step| {
            self.is_to_undo(host, step)
                && (self.inverse(host, step).is_some() || self.trace(host, step) == Trace::Nothing)
        })
    }

    fn standing_of(&self, host: u32, step: u32, attempt: &Attempt) -> HostStanding {
        use AttemptState as S;
        if self.is_waived(host, step, attempt) {
            return HostStanding::Waived;
        }
        if attempt.dead_man.as_deref() == Some(&DeadManSwitch::Armed) {
            // However it ended: the host is told that all is well, or takes it back.
            return HostStanding::Working;
        }
        if self.is_done(step, attempt) {
            return match attempt.dead_man.as_deref() {
                None | Some(DeadManSwitch::Disarmed | DeadManSwitch::Armed) => HostStanding::Succeeded,
                Some(DeadManSwitch::Fired { .. } | DeadManSwitch::Failed { .. }) => HostStanding::Failed,
                Some(DeadManSwitch::Unknown { .. }) => HostStanding::Unknown,
            };
        }
        if self.retry_is_due(host, step) {
            return HostStanding::Working;
        }
        match &attempt.state {
            S::Sent | S::Running { .. } => HostStanding::Working,
            S::Finished { exit } if self.rule(step).is_some_and(|rule| rule.accepts(exit)) => HostStanding::Working,
            // An inverse is undone next.
            S::Verified { .. } => HostStanding::Working,
            S::Undone => HostStanding::Succeeded,
            S::Stuck { .. } => HostStanding::Stuck,
            S::Lost { .. } | S::Unknown { .. } => HostStanding::Unknown,
            S::Unreachable { .. } | S::NotStarted { .. } => HostStanding::Unreachable,
            S::Finished { .. }
            | S::NotVerified { .. }
            | S::Refused { .. }
            | S::Cancelled { reason: CancelReason::Deadline | CancelReason::DeadMan } => HostStanding::Failed,
            S::Cancelled { reason: CancelReason::Operator } => HostStanding::Cancelled,
            S::Skipped { why } => standing_of_skip(why),
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
}

/// Whether a step was skipped because one before it on the same host did not end well.
const fn ended_early(attempt: &Attempt) -> bool {
    matches!(attempt.state, AttemptState::Skipped { why: SkipReason::EarlierStep })
}

const fn standing_of_skip(why: &SkipReason) -> HostStanding {
    match why {
        SkipReason::NotPlanned
        | SkipReason::DoneBefore
        | SkipReason::Condition
        | SkipReason::NotNeeded
        | SkipReason::Needs { .. }
        | SkipReason::NoFailure => HostStanding::Succeeded,
        SkipReason::Cancelled => HostStanding::Cancelled,
        SkipReason::Undecidable { .. } => HostStanding::Failed,
        SkipReason::Unreachable { .. } => HostStanding::Unreachable,
        SkipReason::EarlierStep
        | SkipReason::FailedBudget
        | SkipReason::UnreachableBudget
        | SkipReason::OnceFailed { .. }
        | SkipReason::Excluded
        | SkipReason::Stopped
        | SkipReason::Undoing
        | SkipReason::Unhealthy { .. }
        | SkipReason::Interrupted
        | SkipReason::EndUnknown => HostStanding::Skipped,
    }
}
