//! Rules about what happens when a step fails, and about what may be done late.

use daytwo_model::Answer;
use daytwo_model::plan::FailurePolicy;

use super::steps::changes;
use super::{Report, Subject};
use crate::step::{Step, Undo};

/// Whether a failure of this step takes back what was done, by the runbook or without an answer.
const fn takes_back(step: &Step) -> bool {
    matches!(step.if_failed, FailurePolicy::Undo | FailurePolicy::Ask { otherwise: Answer::Undo, .. })
}

fn has_no_way_back(step: &Step) -> bool {
    changes(step) && (matches!(step.undo, Undo::None) || (matches!(step.undo, Undo::Unsaid) && !step.action.is_typed()))
}

/// A failed step may have changed something itself, so it is looked at with those before it.
pub(super) fn undo_without_way_back<'r>(subject: &Subject<'r>, report: &mut Report<'r>) {
    let steps = &subject.runbook.steps;
    for (index, step) in steps.iter().enumerate().filter(|(_, step)| takes_back(step)) {
        let Some(stays) = steps.iter().take(index + 1).find(|step| has_no_way_back(step)) else { continue };
        let message = if stays.id == step.id {
            format!("if step `{}` fails, it is to be taken back, and it has no way back", step.id)
        } else {
            format!(
                "if step `{}` fails, everything is to be taken back, and step `{}` has no way back",
                step.id, stays.id
            )
        };
        let hint = format!("give `{}` an `undo:`, or let a person decide: `if_failed: ask`", stays.id);
        report.warn(step, subject.field(step, &["if_failed"]), message, hint);
    }
}

pub(super) fn late_change<'r>(subject: &Subject<'r>, report: &mut Report<'r>) {
    if subject.runbook.rollout.when_reachable_ms.is_none() {
        return;
    }
    for step in subject.runbook.all_steps().filter(|step| changes(step) && !step.late_ok) {
        let message =
            format!("step `{}` may not be done late, so a host that is reached later gets nothing of this", step.id);
        let hint = "say `late_ok: true` if it does no harm days later, or leave out `when_reachable`";
        report.warn(step, step.place, message, hint);
    }
}
