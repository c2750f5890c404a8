//! Exit codes: a documented, closed set.

use std::process::ExitCode;

use daytwo_console::wire::Code;
use daytwo_console::wire::run::RunRow;

/// Printed at the end of `daytwo --help`.
pub(crate) const EXIT_CODES_HELP: &str = "\
Exit codes:
  0  done; for a run: it succeeded, or was rolled back as asked
  1  the run failed, or got stuck: at least one host did not come to a good end; a test was not as expected
  2  the request is wrong, or a check found errors; nothing was sent to any host
  3  what happened is not known for at least one host
  4  not started: not confirmed, something changed since the plan, host keys to review, or a secret is missing
  5  cancelled
  6  the local history or this program failed";

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// The run failed or got stuck.
    RunFailed = 1,
    /// The request is wrong.
    BadRequest = 2,
    /// What happened is not known for at least one host.
    NotKnown = 3,
    /// Not started.
    NotStarted = 4,
    /// Cancelled.
    Cancelled = 5,
    /// The history or the program failed.
    Internal = 6,
}

impl Exit {
    /// For an error.
    pub(crate) const fn of_error(code: Code) -> Self {
        match code {
            Code::BadRequest | Code::Conflict | Code::NotFound => Self::BadRequest,
            Code::KeysToReview | Code::PlanChanged | Code::SecretMissing => Self::NotStarted,
            Code::History | Code::Internal => Self::Internal,
        }
    }

    /// For a run that has ended. What is not known weighs more than what failed.
    pub(crate) fn of_run(row: &RunRow) -> Self {
        if row.standings.get("unknown").is_some_and(|hosts| *hosts > 0) {
            return Self::NotKnown;
        }
        match row.status.as_str() {
            "succeeded" | "rolled back" => Self::Done,
            "failed" | "stuck" => Self::RunFailed,
            "cancelled" => Self::Cancelled,
            _ => Self::NotKnown,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
