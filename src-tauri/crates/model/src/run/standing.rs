//! What the state of a run means for its hosts.

use std::collections::BTreeMap;

use super::{Attempt, HostStanding, RunState, RunStatus};
use crate::attempt::{AttemptState, CancelReason, SkipReason};

impl RunState {
    /// Whether a step is done with on a host, and the next may start.
    #[must_use]
    pub fn is_good(&self, host: u32, step: u32) -> bool {
        let (Some(attempt), Some(rule)) = (self.attempt(host, step), self.rule(step)) else { return false };
        match &attempt.state {
            AttemptState::Verified { .. } => !self.undo,
            AttemptState::Undone => true,
            AttemptState::Skipped { why } => why.is_harmless(),
            AttemptState::Finished { exit } => rule.accepts(exit) && !rule.verifies && !self.undo,
            _ => false,
        }
    }

    /// Whether the last attempt of a step on a host was seen to fail and another is to follow. After
    /// a cancel that is so for the steps at a host's end only, which a cancel does not stop.
    #[must_use]
    pub fn retry_is_due(&self, host: u32, step: u32) -> bool {
        let (Some(attempt), Some(rule)) = (self.attempt(host, step), self.rule(step)) else { return false };
        let AttemptState::Finished { exit } = &attempt.state else { return false };
        self.may_start(rule.main) && rule.retries(attempt.attempts, exit)
    }

    /// Where a host stands.
    #[must_use]
    pub fn standing(&self, host: u32) -> HostStanding {
        let row = self.row(host);
        let known = (0_u32..).zip(row).filter_map(|(step, cell)| Some((step, cell.as_ref()?)));
        let worst = known.map(|(step, attempt)| self.standing_of(host, step, attempt)).min();
        match worst {
            None => HostStanding::Waiting,
            Some(HostStanding::Succeeded) if row.iter().any(Option::is_none) => HostStanding::Working,
            Some(standing) => standing,
        }
    }

    fn standing_of(&self, host: u32, step: u32, attempt: &Attempt) -> HostStanding {
        use AttemptState as S;
        match &attempt.state {
            S::Sent | S::Running { .. } => HostStanding::Working,
            S::Finished { exit } => {
                if self.is_good(host, step) {
                    HostStanding::Succeeded
                } else if self.rule(step).is_some_and(|rule| rule.accepts(exit)) || self.retry_is_due(host, step) {
                    HostStanding::Working
                } else {
                    HostStanding::Failed
                }
            }
            S::NotVerified { .. } | S::Refused { .. } => HostStanding::Failed,
            // An inverse is undone next.
            S::Verified { .. } if self.undo => HostStanding::Working,
            S::Verified { .. } | S::Undone => HostStanding::Succeeded,
            S::Stuck { .. } => HostStanding::Stuck,
            S::Lost { .. } | S::Unknown { .. } => HostStanding::Unknown,
            S::Unreachable { .. } | S::NotStarted { .. } => HostStanding::Unreachable,
            S::Cancelled { reason: CancelReason::Deadline } => HostStanding::Failed,
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

    /// Whether a step may be sent now, by the status of the run alone.
    pub(super) const fn may_start(&self, main: bool) -> bool {
        match self.status {
            Some(RunStatus::Running) => true,
            Some(RunStatus::Cancelling) => !main,
            None | Some(RunStatus::Interrupted | RunStatus::Ended { .. }) => false,
        }
    }
}

const fn standing_of_skip(why: &SkipReason) -> HostStanding {
    match why {
        SkipReason::NotPlanned
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
