//! What became of each step on a host, in the words of a test file.

use daytwo_model::plan::PlannedStep;
use daytwo_model::{AttemptState, CancelReason, Exit, SkipReason};
use daytwo_runbook::ExpectedStep;

use crate::trace::Trace;

/// The most characters of a reason that are shown.
const WHY_MAX: usize = 160;

/// A step that a host had behind it at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) step: String,
    pub(crate) end: &'static str,
    /// In the words that an expectation may use.
    details: Vec<String>,
    /// More, for people.
    why: Option<String>,
    /// How often it was tried.
    attempts: u32,
    /// Nothing that a test has to say: the step is not for this host, or for hosts where something failed.
    pub(crate) goes_without_saying: bool,
}

impl Came {
    /// Whether it is what was expected. What an expectation does not say of an end may be anything, except that
    /// more than one attempt is always said.
    pub(crate) fn is(&self, expected: &ExpectedStep) -> bool {
        let attempts = format!("{} attempts", self.attempts);
        let said = |detail: &String| self.details.contains(detail);
        self.step == expected.step.as_str()
            && self.end == expected.end
            && expected.details.iter().all(said)
            && (self.attempts < 2 || expected.details.contains(&attempts))
    }
}

impl std::fmt::Display for Came {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.step, self.end)?;
        self.details.iter().try_for_each(|detail| write!(f, " ({detail})"))?;
        self.why.iter().try_for_each(|why| write!(f, ": {why}"))
    }
}

/// What became of the steps of a host; and whether anything was sent there.
pub(crate) fn course(trace: &Trace, host: u32) -> (Vec<Came>, bool) {
    let mut anything = false;
    let mut steps = Vec::new();
    for (index, inverse) in trace.course(host) {
        let Some(step) = trace.step(*index) else { continue };
        if *inverse {
            steps.extend(taken_back(trace, host, *index, step));
        } else if let Some(attempt) = trace.state().attempt(host, *index) {
            anything |= attempt.attempts > 0;
            steps.push(came(step, &attempt.state, attempt.attempts));
        }
    }
    (steps, anything)
}

/// What became of a step's way back that was taken, or not, in the run itself.
fn taken_back(trace: &Trace, host: u32, index: u32, step: &PlannedStep) -> Option<Came> {
    let came = match trace.state().inverse(host, index) {
        Some(attempt) => came(step, &attempt.state, attempt.attempts),
        None => Came {
            step: String::new(),
            end: "left",
            details: Vec::new(),
            why: Some(one_line(trace.state().inverse_left(host, index)?)),
            attempts: 0,
            goes_without_saying: false,
        },
    };
    Some(Came { step: format!("{}.undo", step.id), ..came })
}

/// A reason as it is shown.
fn one_line(why: &str) -> String {
    why.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(WHY_MAX).collect()
}

fn came(step: &PlannedStep, state: &AttemptState, attempts: u32) -> Came {
    use AttemptState as S;
    let mut details = Vec::new();
    let mut why = None;
    let mut end = state.word();
    let mut goes_without_saying = false;
    match state {
        S::Finished { exit } => {
            if !step.accepts(exit) {
                end = "failed";
            }
            details.extend(of_exit(exit));
        }
        S::Verified { exit } => details.extend(of_exit(exit)),
        S::NotVerified { exit, why: reason } => {
            details.extend(of_exit(exit));
            why = Some(reason);
        }
        S::Lost { why: reason }
        | S::Unknown { why: reason }
        | S::Unreachable { why: reason }
        | S::Refused { why: reason }
        | S::NotStarted { why: reason }
        | S::Stuck { why: reason } => why = Some(reason),
        S::Cancelled { reason: CancelReason::Deadline } => details.push("deadline".to_owned()),
        S::Cancelled { reason: CancelReason::DeadMan } => details.push("dead-man".to_owned()),
        S::Cancelled { reason: CancelReason::Operator } => details.push("operator".to_owned()),
        S::Skipped { why: reason } => {
            details.push(of_skip(reason).to_owned());
            goes_without_saying = matches!(reason, SkipReason::NotPlanned | SkipReason::NoFailure);
            if let SkipReason::Undecidable { why: reason }
            | SkipReason::Unreachable { why: reason }
            | SkipReason::Unhealthy { why: reason } = reason
            {
                why = Some(reason);
            }
        }
        S::Sent | S::Running { .. } | S::Undone => {}
    }
    if attempts > 1 {
        details.push(format!("{attempts} attempts"));
    }
    let why = why.map(|why| one_line(why));
    Came { step: step.id.to_string(), end, details, why, attempts, goes_without_saying }
}

/// Nothing where it is as usual.
fn of_exit(exit: &Exit) -> Option<String> {
    match exit {
        Exit::Code(0) => None,
        Exit::Code(code) => Some(format!("exit {code}")),
        Exit::Signal(name) => Some(format!("SIG{name}")),
        Exit::Status(status) if (200..300).contains(status) => None,
        Exit::Status(status) => Some(format!("HTTP {status}")),
    }
}

const fn of_skip(why: &SkipReason) -> &'static str {
    match why {
        SkipReason::EarlierStep => "earlier step",
        SkipReason::FailedBudget => "failed budget",
        SkipReason::UnreachableBudget => "unreachable budget",
        SkipReason::Cancelled => "cancelled",
        SkipReason::NotPlanned => "not planned",
        SkipReason::DoneBefore => "done before",
        SkipReason::Condition => "condition",
        SkipReason::NotNeeded => "not needed",
        SkipReason::Needs { .. } => "needs",
        SkipReason::OnceFailed { .. } => "once failed",
        SkipReason::NoFailure => "no failure",
        SkipReason::Undecidable { .. } => "undecidable",
        SkipReason::Unreachable { .. } => "unreachable",
        SkipReason::EndUnknown => "end unknown",
        SkipReason::Excluded => "excluded",
        SkipReason::Stopped => "stopped",
        SkipReason::Undoing => "undoing",
        SkipReason::Unhealthy { .. } => "unhealthy",
        SkipReason::Interrupted => "interrupted",
    }
}
