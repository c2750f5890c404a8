//! An attempt as a cell of the matrix: mark, word and detail.

use daytwo_model::plan::{Effect, On, Plan, PlannedStep};
use daytwo_model::run::{Attempt, DeadManSwitch, HostStanding};
use daytwo_model::{Answer, AttemptState, CancelReason, Exit, Note, RunOutcome, RunState, RunStatus, SkipReason};

use super::plan::done_before;
use super::words::{duration, ordinal};
use crate::wire::Mark;
use crate::wire::run::Cell;

/// The step that an attempt is of, in its plan: what counts as done is the plan's to say.
#[derive(Debug, Clone, Copy)]
pub struct StepOf<'p> {
    plan: &'p Plan,
    step: &'p PlannedStep,
}

impl<'p> StepOf<'p> {
    /// The step with this index; none where the plan has none.
    #[must_use]
    pub fn at(plan: &'p Plan, step: u32) -> Option<Self> {
        Some(Self { plan, step: plan.steps.get(step as usize)? })
    }

    fn id(&self, step: u32) -> &'p str {
        self.plan.steps.get(step as usize).map_or("an earlier step", |step| step.id.as_str())
    }
}

/// Mark, word and detail of an attempt's state, as it would stand if nothing followed.
#[must_use]
pub fn describe(state: &AttemptState, of: StepOf<'_>) -> (Mark, &'static str, String) {
    let word = state.word();
    match state {
        AttemptState::Sent => (Mark::Running, word, "not confirmed by the host yet".into()),
        AttemptState::Running { process } => (Mark::Running, word, format!("pid {}", process.pid)),
        AttemptState::Finished { exit } => finished(exit, of.step),
        AttemptState::Verified { exit } => (Mark::Ok, word, told(exit)),
        AttemptState::NotVerified { why, .. } => (Mark::Changed, word, why.clone()),
        AttemptState::Lost { why } | AttemptState::Unknown { why } => (Mark::Unknown, word, why.clone()),
        AttemptState::Unreachable { why } => (Mark::Unreachable, "no answer", why.clone()),
        AttemptState::Refused { why } => (Mark::Failed, word, why.clone()),
        AttemptState::NotStarted { why } => (Mark::Unreachable, word, why.clone()),
        AttemptState::Cancelled { reason: CancelReason::Deadline } => {
            (Mark::Failed, "timed out", "killed at its deadline, and seen dead".into())
        }
        AttemptState::Cancelled { reason: CancelReason::DeadMan } => {
            (Mark::Failed, "ended", "by its dead-man switch".into())
        }
        AttemptState::Cancelled { reason: CancelReason::Operator } => {
            (Mark::Skipped, word, "killed, and seen dead".into())
        }
        AttemptState::Skipped { why } => skipped(why, of),
        AttemptState::Undone => (Mark::Undone, word, String::new()),
        AttemptState::Stuck { why } => (Mark::Failed, word, why.clone()),
    }
}

fn finished(exit: &Exit, step: &PlannedStep) -> (Mark, &'static str, String) {
    if !step.accepts(exit) {
        (Mark::Failed, "failed", exit.to_string())
    } else if step.verify.is_some() {
        (Mark::Running, "verifying", told(exit))
    } else if step.effect == Effect::Change {
        (Mark::Changed, "done, not verified", told(exit))
    } else {
        (Mark::Ok, "done", told(exit))
    }
}

/// An exit that the step takes for a good one.
fn told(exit: &Exit) -> String {
    if exit.is_success() { exit.to_string() } else { format!("{exit}, which this step takes for an answer") }
}

/// The cell of a step on a host, with what was taken back there in the same run.
#[must_use]
pub fn cell(state: &RunState, (host, step): (u32, u32), of: StepOf<'_>) -> Cell {
    let mut cell = of_attempt(state.attempt(host, step), of, state.retry_is_due(host, step));
    if let Some(asked) = state.question(host).filter(|asked| asked.step == step) {
        cell.mark = Mark::Waiting;
        "waits for a decision".clone_into(&mut cell.word);
        if let daytwo_model::Question::Step { text } = &asked.question {
            cell.detail.clone_from(text);
        }
    } else if let Some(decision) = state.decision(host, step).filter(|decision| decision.answer == Answer::Skip) {
        let by = decision.by.as_deref().unwrap_or("nobody decided in time, so it is");
        let left = match &decision.by {
            Some(_) => format!("left as it is by {by}"),
            None => format!("{by} left as it is"),
        };
        cell.detail = joined(&cell.detail, &left);
    }
    cell.inverse = inverse(state, (host, step), of).map(Box::new);
    cell
}

/// The way back of a step, where it was sent in the same run, or why it was not.
fn inverse(state: &RunState, (host, step): (u32, u32), of: StepOf<'_>) -> Option<Cell> {
    if let Some(attempt) = state.inverse(host, step) {
        let mut cell = of_attempt(Some(attempt), of, false);
        // What counts as a good end of a way back is that it is done; a verdict of the step's own is not meant.
        if let AttemptState::Finished { exit } = &attempt.state {
            (cell.mark, cell.word) = match exit.is_success() {
                true => (Mark::Running, "being proved".to_owned()),
                false => (Mark::Failed, "failed".to_owned()),
            };
        }
        return Some(cell);
    }
    let why = state.inverse_left(host, step)?;
    Some(plain_cell(Mark::Skipped, "not taken back", why))
}

fn plain_cell(mark: Mark, word: &str, detail: &str) -> Cell {
    Cell { mark, word: word.into(), detail: detail.into(), attempt: None, note: String::new(), inverse: None }
}

fn joined(before: &str, after: &str) -> String {
    if before.is_empty() { after.to_owned() } else { format!("{before}, {after}") }
}

/// The cell of an attempt; none while nothing was sent.
fn of_attempt(attempt: Option<&Attempt>, of: StepOf<'_>, retry_is_due: bool) -> Cell {
    let Some(attempt) = attempt else { return plain_cell(Mark::Waiting, "planned", "") };
    let (mut mark, mut word, mut detail) = describe(&attempt.state, of);
    if retry_is_due {
        (mark, word) = (Mark::Running, "failed, to be tried again");
    }
    if retry_is_due || attempt.attempts > 1 {
        let number = ordinal(attempt.attempts);
        let most = of.step.retry.as_ref().map(|retry| format!(" of at most {}", retry.attempts_max));
        detail = joined(&detail, &format!("{number} attempt{}", most.unwrap_or_default()));
    }
    if let Some(more) = attempt.dead_man.as_deref().and_then(dead_man) {
        detail = joined(&detail, &more);
    }
    let note = attempt.note.as_deref().map(note).unwrap_or_default();
    Cell { mark, word: word.into(), detail, attempt: attempt.id, note, inverse: None }
}

/// What is known beside the state of an attempt in flight.
fn note(note: &Note) -> String {
    match note {
        Note::Silent { ms, known } if known.is_empty() => format!("silent for {}", duration(*ms)),
        Note::Silent { ms, known } => format!("silent for {}, {known}", duration(*ms)),
        Note::OutOfSight { why } => format!("out of sight, and asked again and again: {why}"),
        Note::InSight => String::new(),
        Note::Attached { why } => format!("attached to its connection, and lost with that: {why}"),
    }
}

/// What is to be said of a dead-man switch: nothing of one that was disarmed.
fn dead_man(switch: &DeadManSwitch) -> Option<String> {
    Some(match switch {
        DeadManSwitch::Disarmed => return None,
        DeadManSwitch::Armed => "the host takes it back alone unless told in time".to_owned(),
        DeadManSwitch::Fired { exit: Some(exit) } => format!("the host took it back alone ({exit})"),
        DeadManSwitch::Fired { exit: None } => "the host took it back alone; how that ended is not known".to_owned(),
        DeadManSwitch::Failed { why, .. } => why.clone(),
        DeadManSwitch::Unknown { why } => format!("whether the host took it back alone is not known: {why}"),
    })
}

fn skipped(why: &SkipReason, of: StepOf<'_>) -> (Mark, &'static str, String) {
    let plain = |detail: &str| (Mark::Skipped, "skipped", detail.to_owned());
    match why {
        SkipReason::EarlierStep => plain("an earlier step did not end well here"),
        SkipReason::FailedBudget => plain("the budget for failed hosts was spent"),
        SkipReason::UnreachableBudget => plain("the budget for unreachable hosts was spent"),
        SkipReason::Cancelled => plain("the run was cancelled"),
        SkipReason::DoneBefore => (Mark::Skipped, "done before", done_before(of.plan)),
        SkipReason::NotPlanned if of.step.on != On::Host => plain("it is done once for all hosts, and not on this one"),
        SkipReason::NotPlanned => plain("nothing to do here"),
        SkipReason::Condition => plain("its condition does not hold here"),
        SkipReason::NotNeeded => (Mark::Skipped, "not needed", "its check found it done already".into()),
        SkipReason::Needs { step } => plain(&format!("it needs {}, which was not started here", of.id(*step))),
        SkipReason::OnceFailed { step } => {
            plain(&format!("{} is done once for all hosts, and did not end well", of.id(*step)))
        }
        SkipReason::NoFailure => plain("it is for failures, and nothing failed here"),
        // The host has failed: a word that sounds harmless would hide it.
        SkipReason::Undecidable { why } => (Mark::Failed, "not answered", format!("whether it is due: {why}")),
        SkipReason::Unreachable { why } => (Mark::Unreachable, "no answer", why.clone()),
        SkipReason::EndUnknown => plain("an earlier attempt may still be running here"),
        SkipReason::Excluded => plain("a person left this host out of the rest"),
        SkipReason::Stopped => plain("the run was stopped after a failure"),
        SkipReason::Undoing => plain("what was done here is being taken back"),
        SkipReason::Unhealthy { why } => (Mark::Skipped, "skipped", format!("the health check did not hold: {why}")),
        SkipReason::Interrupted => plain("the process that drove the run was gone"),
    }
}

/// Mark and word of where a host stands.
#[must_use]
pub const fn standing(standing: HostStanding, undo: bool) -> (Mark, &'static str) {
    match standing {
        HostStanding::Asking => (Mark::Waiting, "asking"),
        HostStanding::Stuck => (Mark::Failed, "stuck"),
        HostStanding::Unknown => (Mark::Unknown, "unknown"),
        HostStanding::Failed => (Mark::Failed, "failed"),
        HostStanding::Undone => (Mark::Undone, "undone"),
        HostStanding::Unreachable => (Mark::Unreachable, "no answer"),
        HostStanding::Cancelled => (Mark::Skipped, "cancelled"),
        HostStanding::Working => (Mark::Running, "working"),
        HostStanding::Waiting => (Mark::Waiting, "waiting"),
        HostStanding::Skipped => (Mark::Skipped, "skipped"),
        HostStanding::Waived => (Mark::Ok, "waived"),
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
    use crate::view::testing::plan_of_steps;
    use daytwo_model::plan::{Capture, CaptureFrom, Retry, Verify};
    use daytwo_model::{CaptureName, StepId};

    fn attempt(exit: i32, attempts: u32) -> Attempt {
        let state = AttemptState::Finished { exit: Exit::Code(exit) };
        Attempt {
            id: None,
            state,
            attempts,
            captured: Default::default(),
            output: Default::default(),
            note: None,
            dead_man: None,
            attached: false,
            found_later: false,
        }
    }

    #[test]
    fn exit_code_0_of_a_change_is_not_green_until_it_is_verified() {
        let mut plan = plan_of_steps(2);
        let probe = plan.steps[0].action.try_map(|action| {
            Ok::<_, ()>(daytwo_model::plan::Probe { action: action.clone(), expect: Default::default() })
        });
        plan.steps[1].verify = Some(Verify::once(probe.unwrap(), 0));
        let marks = [0, 1].map(|step| of_attempt(Some(&attempt(0, 1)), StepOf::at(&plan, step).unwrap(), false).mark);
        assert_eq!(marks, [Mark::Changed, Mark::Running]);
        let of = StepOf::at(&plan, 0).unwrap();
        assert_eq!(describe(&AttemptState::Verified { exit: Exit::Code(0) }, of).0, Mark::Ok);
        assert_eq!(describe(&AttemptState::Unknown { why: String::new() }, of).0, Mark::Unknown);
    }

    #[test]
    fn an_exit_code_that_the_step_captures_is_an_answer_and_not_a_failure() {
        let mut plan = plan_of_steps(1);
        let shown = |plan: &Plan| {
            let cell = of_attempt(Some(&attempt(3, 1)), StepOf::at(plan, 0).unwrap(), false);
            (cell.mark, cell.word, cell.detail)
        };
        assert_eq!(shown(&plan), (Mark::Failed, "failed".into(), "exit 3".into()));
        let name = CaptureName::new("code").unwrap();
        plan.steps[0].captures = vec![Capture { name, from: CaptureFrom::ExitCode }];
        plan.steps[0].effect = Effect::Read;
        let answer = "exit 3, which this step takes for an answer".to_owned();
        assert_eq!(shown(&plan), (Mark::Ok, "done".into(), answer));
    }

    #[test]
    fn a_failure_with_an_attempt_to_come_is_not_told_as_the_end() {
        let mut plan = plan_of_steps(1);
        plan.steps[0].retry =
            Some(Retry { attempts_max: 3, delay_ms: 1, backoff_percent: 100, delay_ms_max: 1, exit_codes: Vec::new() });
        let of = StepOf::at(&plan, 0).unwrap();
        let due = of_attempt(Some(&attempt(75, 1)), of, true);
        assert_eq!((due.mark, &*due.word), (Mark::Running, "failed, to be tried again"));
        assert_eq!(due.detail, "exit 75, 1st attempt of at most 3");
        let last = of_attempt(Some(&attempt(75, 3)), of, false);
        assert_eq!(
            (last.mark, &*last.word, &*last.detail),
            (Mark::Failed, "failed", "exit 75, 3rd attempt of at most 3")
        );
    }

    #[test]
    fn each_reason_for_a_skip_is_a_sentence_that_names_the_other_step() {
        let mut plan = plan_of_steps(2);
        plan.steps[0].id = StepId::new("drain").unwrap();
        let of = StepOf::at(&plan, 1).unwrap();
        let told = |why: SkipReason| describe(&AttemptState::Skipped { why }, of);
        assert_eq!(told(SkipReason::Needs { step: 0 }).2, "it needs drain, which was not started here");
        assert_eq!(
            told(SkipReason::OnceFailed { step: 0 }).2,
            "drain is done once for all hosts, and did not end well"
        );
        let undecidable = told(SkipReason::Undecidable { why: "x is not a number".into() });
        assert_eq!((undecidable.0, undecidable.1), (Mark::Failed, "not answered"));
        assert_eq!(told(SkipReason::Unreachable { why: "no route".into() }).0, Mark::Unreachable);
    }
}
