//! An attempt as a cell of the matrix: mark, word and detail.

use daytwo_model::run::HostStanding;
use daytwo_model::{AttemptState, CancelReason, RunOutcome, RunStatus, SkipReason};

use crate::wire::Mark;
use crate::wire::run::Cell;

/// What the plan says about the step that an attempt is of.
#[derive(Debug, Clone, Copy)]
pub struct StepTraits {
    /// It changes the host.
    pub changes: bool,
    /// It has a post-condition.
    pub verifies: bool,
}

/// Mark, word and detail of an attempt's state.
#[must_use]
pub fn describe(state: &AttemptState, step: StepTraits) -> (Mark, &'static str, String) {
    let word = state.word();
    match state {
        AttemptState::Sent => (Mark::Running, word, "not confirmed by the host yet".into()),
        AttemptState::Running { process } => (Mark::Running, word, format!("pid {}", process.pid)),
        AttemptState::Finished { exit } if !exit.is_success() => (Mark::Failed, "failed", exit.to_string()),
        AttemptState::Finished { exit } if step.verifies => (Mark::Running, "verifying", exit.to_string()),
        AttemptState::Finished { exit } if step.changes => (Mark::Changed, "done, not verified", exit.to_string()),
        AttemptState::Finished { exit } => (Mark::Ok, "done", exit.to_string()),
        AttemptState::Verified { exit } => (Mark::Ok, word, exit.to_string()),
        AttemptState::NotVerified { why, .. } => (Mark::Changed, word, why.clone()),
        AttemptState::Lost { why } | AttemptState::Unknown { why } => (Mark::Unknown, word, why.clone()),
        AttemptState::Unreachable { why } => (Mark::Unreachable, "no answer", why.clone()),
        AttemptState::Refused { why } => (Mark::Failed, word, why.clone()),
        AttemptState::Cancelled { reason: CancelReason::Deadline } => {
            (Mark::Failed, "timed out", "killed at its deadline, and seen dead".into())
        }
        AttemptState::Cancelled { reason: CancelReason::Operator } => {
            (Mark::Skipped, word, "killed, and seen dead".into())
        }
        AttemptState::Skipped { why: SkipReason::Undecidable { why } } => (Mark::Failed, word, why.clone()),
        AttemptState::Skipped { why: SkipReason::Unreachable { why } } => (Mark::Unreachable, word, why.clone()),
        AttemptState::Skipped { why } => (Mark::Skipped, word, skipped(why).into()),
        AttemptState::Undone => (Mark::Undone, word, String::new()),
        AttemptState::Stuck { why } => (Mark::Failed, word, why.clone()),
    }
}

/// The cell of a step on a host; `attempt` is none while nothing was sent.
#[must_use]
pub fn cell(attempt: Option<&daytwo_model::run::Attempt>, step: StepTraits) -> Cell {
    match attempt {
        None => Cell { mark: Mark::Waiting, word: "planned".into(), detail: String::new(), attempt: None },
        Some(attempt) => {
            let (mark, word, detail) = describe(&attempt.state, step);
            Cell { mark, word: word.into(), detail, attempt: attempt.id }
        }
    }
}

const fn skipped(why: &SkipReason) -> &'static str {
    match why {
        SkipReason::EarlierStep => "an earlier step did not end well here",
        SkipReason::FailedBudget => "the budget for failed hosts was spent",
        SkipReason::UnreachableBudget => "the budget for unreachable hosts was spent",
        SkipReason::Cancelled => "the run was cancelled",
        SkipReason::NotPlanned => "nothing to do here",
        SkipReason::Condition => "its condition does not hold here",
        SkipReason::NotNeeded => "its check found it done already",
        SkipReason::Needs { .. } => "a step that it needs was not started here",
        SkipReason::OnceFailed { .. } => "a step that is done once for all hosts did not end well",
        SkipReason::NoFailure => "it is for failures, and nothing failed here",
        SkipReason::Undecidable { .. } => "whether it is due could not be answered",
        SkipReason::Unreachable { .. } => "the host could not be reached",
        SkipReason::EndUnknown => "an attempt may still be running here",
    }
}

/// Mark and word of where a host stands.
#[must_use]
pub const fn standing(standing: HostStanding, undo: bool) -> (Mark, &'static str) {
    match standing {
        HostStanding::Stuck => (Mark::Failed, "stuck"),
        HostStanding::Unknown => (Mark::Unknown, "unknown"),
        HostStanding::Failed => (Mark::Failed, "failed"),
        HostStanding::Unreachable => (Mark::Unreachable, "no answer"),
        HostStanding::Cancelled => (Mark::Skipped, "cancelled"),
        HostStanding::Working => (Mark::Running, "working"),
        HostStanding::Waiting => (Mark::Waiting, "waiting"),
        HostStanding::Skipped => (Mark::Skipped, "skipped"),
        HostStanding::Succeeded if undo => (Mark::Undone, "undone"),
        HostStanding::Succeeded => (Mark::Ok, "succeeded"),
    }
}

/// Mark and word of a run's status.
#[must_use]
pub const fn status(status: RunStatus) -> (Mark, &'static str) {
    match status {
        RunStatus::Running => (Mark::Running, "running"),
        RunStatus::Cancelling => (Mark::Running, "cancelling"),
        RunStatus::Interrupted => (Mark::Unknown, "interrupted"),
        RunStatus::Ended { outcome } => match outcome {
            RunOutcome::Succeeded => (Mark::Ok, "succeeded"),
            RunOutcome::Failed => (Mark::Failed, "failed"),
            RunOutcome::RolledBack => (Mark::Undone, "rolled back"),
            RunOutcome::Stuck => (Mark::Failed, "stuck"),
            RunOutcome::Cancelled => (Mark::Skipped, "cancelled"),
            RunOutcome::Abandoned => (Mark::Unknown, "abandoned"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daytwo_model::Exit;

    #[test]
    fn exit_code_0_of_a_change_is_not_green_until_it_is_verified() {
        let done = AttemptState::Finished { exit: Exit::Code(0) };
        let change = StepTraits { changes: true, verifies: false };
        assert_eq!(describe(&done, change).0, Mark::Changed);
        assert_eq!(describe(&done, StepTraits { changes: true, verifies: true }).0, Mark::Running);
        assert_eq!(describe(&AttemptState::Verified { exit: Exit::Code(0) }, change).0, Mark::Ok);
        assert_eq!(describe(&AttemptState::Unknown { why: String::new() }, change).0, Mark::Unknown);
    }
}
