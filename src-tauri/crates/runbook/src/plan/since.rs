//! What has changed in the runbooks of a plan since it was made, for somebody who wants to do a part of it again.
//! The part itself is what was planned then; nothing of this changes it.

use std::sync::Arc;

use daytwo_model::plan::InputValue;
use daytwo_model::{Plan, RunbookName};

use super::differences::{Difference, runbook_changed};
use crate::input::{InputKind, as_typed, check_input};
use crate::runbook::Runbook;

/// What differs between the runbooks that were planned and those of today, in sentences. Empty: nothing.
///
/// `now` finds a runbook of the catalogue as it is today.
#[must_use]
pub fn changed_since(plan: &Plan, now: &dyn Fn(&RunbookName) -> Option<Arc<Runbook>>) -> Vec<Difference> {
    let mut found = Vec::new();
    let books = std::iter::once((&plan.runbook, "the runbook"));
    for (book, what) in books.chain(plan.called.iter().map(|called| (called, "the called runbook"))) {
        match now(&book.name) {
            Some(today) => runbook_changed(book, (today.digest, &today.text), what, &mut found),
            None => found.push(Difference::new(format!("{what} {} is not there any more", book.name))),
        }
    }
    if let Some(today) = now(&plan.runbook.name).filter(|today| today.digest != plan.runbook.digest) {
        inputs(plan, &today, &mut found);
    }
    found
}

fn inputs(plan: &Plan, today: &Runbook, found: &mut Vec<Difference>) {
    for (name, value) in &plan.inputs {
        let Some(spec) = today.inputs.get(name) else {
            found.push(Difference::new(format!("the runbook has no input `{name}` any more")));
            continue;
        };
        let secret = matches!(value, InputValue::Secret(_));
        let problem = match value {
            _ if secret != (spec.kind == InputKind::Secret) => Some("it is of another type now".to_owned()),
            InputValue::Value(value) if !value.is_null() => check_input(spec, &as_typed(&spec.kind, value)).err(),
            InputValue::Value(_) | InputValue::Secret(_) => None,
        };
        if let Some(problem) = problem {
            found.push(Difference::new(format!("the input `{name}` would not be taken any more: {problem}")));
        }
    }
    for (name, spec) in &today.inputs {
        if !plan.inputs.contains_key(name) {
            let needed = if spec.required && spec.default.is_none() { ", and needs it" } else { "" };
            found.push(Difference::new(format!("the runbook has a new input `{name}`{needed}")));
        }
    }
}
