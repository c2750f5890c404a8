//! Rules about single steps: what a change owes to whoever runs it.

use daytwo_model::plan::Effect;

use super::{Report, Subject};
use crate::step::{ActionTemplate, Step, Undo};

const READS: &str = "if it only reads, say `effect: read`";

/// Whether a step itself changes something. A call's steps speak for themselves.
pub(super) fn changes(step: &Step) -> bool {
    step.effect == Effect::Change && !matches!(step.action, ActionTemplate::Call(_))
}

/// Not in `always`: what is done there ends a run, and its failure is seen by its exit code.
pub(super) fn change_without_verify<'r>(subject: &Subject<'r>, report: &mut Report<'r>) {
    for step in subject.runbook.steps.iter().chain(&subject.runbook.on_failure) {
        if changes(step) && !step.action.is_typed() && step.verify.is_none() {
            let message = format!("step `{}` changes something and nothing checks that it worked", step.id);
            report.warn(step, step.place, message, format!("add `verify:`; {READS}"));
        }
    }
}

/// Not in `on_failure` and `always`: what they do is itself part of the way back, or of the end.
pub(super) fn change_without_undo<'r>(subject: &Subject<'r>, report: &mut Report<'r>) {
    for step in &subject.runbook.steps {
        if changes(step) && !step.action.is_typed() && matches!(step.undo, Undo::Unsaid) {
            let message = format!("step `{}` changes something and does not say how to take it back", step.id);
            report.warn(step, step.place, message, format!("add `undo:`, or `undo: none`; {READS}"));
        }
    }
}

pub(super) fn missing_timeout<'r>(subject: &Subject<'r>, report: &mut Report<'r>) {
    for step in subject.runbook.all_steps() {
        if changes(step) && !step.timeout_said {
            let seconds = step.timeout_ms / 1_000;
            let message = format!("step `{}` changes something and does not say how long it may take", step.id);
            let hint =
                format!("add `timeout:`; without it, it is stopped after {seconds} s, in the middle of its work");
            report.warn(step, step.place, message, hint);
        }
    }
}

pub(super) fn retry_not_idempotent<'r>(subject: &Subject<'r>, report: &mut Report<'r>) {
    for step in subject.runbook.all_steps() {
        // A request that may not be made twice is an error of the language.
        let repeats = matches!(step.action, ActionTemplate::Run { .. } | ActionTemplate::Script(_));
        if changes(step) && repeats && step.retry.is_some() && step.check.is_none() {
            let message = format!("step `{}` is made again after a failure, which may have done half of it", step.id);
            let hint = "add `check:`, a read that says whether it is still needed; \
                        or waive it with the reason why twice does no more than once";
            report.warn(step, subject.field(step, &["retry"]), message, hint);
        }
    }
}

pub(super) fn raw<'r>(subject: &Subject<'r>, report: &mut Report<'r>) {
    for step in subject.runbook.all_steps() {
        for template in step.templates() {
            let Some(offset) = template.first_raw() else { continue };
            let text = template.written();
            let start = text.get(..offset).unwrap_or_default().chars().count();
            let length = text.get(offset..).and_then(|rest| rest.find("}}")).unwrap_or(0) + 2;
            let place = subject.spot(template, start, start + length);
            let message = format!("step `{}` puts a value in without quoting (`| raw`)", step.id);
            report.warn(step, place, message, "leave out `| raw`; a value is then always one word");
        }
    }
}
