//! Waivers: a warning that its author has weighed is silent, and a waiver that silences nothing is not.

use super::{Finding, RULES, Subject};
use crate::diagnostic::Severity;
use crate::explain;
use crate::step::Step;
use crate::suggest;

/// What warnings of the external checker are called: `shellcheck:SC2086`.
pub(super) const SHELLCHECK: &str = "shellcheck:SC";

/// Leaves out what is waived, and adds what is wrong with the waivers.
pub(super) fn apply<'r>(subject: &Subject<'r>, found: Vec<Finding<'r>>) -> Vec<Finding<'r>> {
    let wrong: Vec<Finding<'r>> = subject
        .runbook
        .all_steps()
        .flat_map(|step| step.waivers.keys().filter_map(|code| weigh(subject, step, code, &found)).collect::<Vec<_>>())
        .collect();
    let stands = |finding: &Finding<'_>| !finding.step.is_some_and(|step| step.waives(finding.code));
    found.into_iter().filter(stands).chain(wrong).collect()
}

/// What is wrong with one waiver.
fn weigh<'r>(subject: &Subject<'r>, step: &'r Step, code: &str, found: &[Finding<'r>]) -> Option<Finding<'r>> {
    let fires = found.iter().any(|it| it.code == code && it.step.is_some_and(|other| other.id == step.id));
    // What the external checker finds is not known here.
    if fires || is_shellcheck(code) {
        return None;
    }
    let place = subject.field(step, &["waive", code]);
    let known = || RULES.iter().map(|(code, _)| *code);
    if !known().any(|rule| rule == code) && explain::explain(code).is_none() {
        let codes: Vec<&str> = known().collect();
        let hint = suggest::hint(code, &codes).unwrap_or_default();
        let message = format!("there is no warning `{code}` that step `{}` could waive", step.id);
        return Some(Finding { code: "unknown-code", severity: Severity::Error, place, message, hint, step: None });
    }
    let message = format!("step `{}` waives `{code}`, which is not found there", step.id);
    let hint = "leave the waiver out, so that it cannot hide a mistake that is made later".to_owned();
    Some(Finding { code: "needless-waiver", severity: Severity::Warning, place, message, hint, step: None })
}

/// Whether a code is one of the external checker's.
pub(super) fn is_shellcheck(code: &str) -> bool {
    code.strip_prefix(SHELLCHECK).is_some_and(|number| number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit()))
}
