//! A runbook as it is shown: catalogue row, and a page that reads like a manual.

use daytwo_model::Timestamp;
use daytwo_model::plan::Effect;
use daytwo_model::quote::plain;
use daytwo_runbook::{ActionTemplate, InputKind, InputSpec, Kind, Runbook, Step, Stewardship, Undo};
use serde_json::Value;

use crate::catalogue::Entry;
use crate::wire::runbook::{InputControl, InputView, RunbookRow, RunbookView, StepView};

/// One runbook in the catalogue.
#[must_use]
pub fn row(entry: &Entry, last_green: Option<Timestamp>) -> RunbookRow {
    let empty = RunbookRow {
        name: entry.name.clone(),
        title: entry.name.to_string(),
        summary: String::new(),
        kind: String::new(),
        owner: None,
        stewardship: String::new(),
        reviewed: None,
        last_green,
        file: entry.file.clone(),
        broken: None,
    };
    match &entry.runbook {
        Err(why) => RunbookRow { broken: Some(why.clone()), ..empty },
        Ok(runbook) => RunbookRow {
            title: runbook.title.clone(),
            summary: runbook.summary.clone(),
            kind: kind(runbook.kind).to_owned(),
            owner: runbook.owner.clone(),
            stewardship: stewardship(runbook.stewardship).to_owned(),
            reviewed: runbook.reviewed.clone(),
            ..empty
        },
    }
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Diagnostic => "diagnostic",
        Kind::Operation => "operation",
        Kind::Deploy => "deploy",
        Kind::Rollback => "rollback",
    }
}

const fn stewardship(stewardship: Stewardship) -> &'static str {
    match stewardship {
        Stewardship::Central => "central",
        Stewardship::Shared => "shared",
        Stewardship::Customer => "customer",
    }
}

/// The page of a runbook.
#[must_use]
pub fn view(row: RunbookRow, runbook: &Runbook, warnings: Vec<String>) -> RunbookView {
    RunbookView {
        row,
        digest: runbook.digest,
        text: runbook.text.clone(),
        targets: runbook.targets.as_ref().map(ToString::to_string),
        inputs: runbook.inputs.iter().map(|(name, spec)| input(name, spec)).collect(),
        steps: runbook.steps.iter().map(step).collect(),
        rollout: runbook.rollout.written(),
        warnings,
    }
}

fn input(name: &str, spec: &InputSpec) -> InputView {
    InputView {
        name: name.to_owned(),
        title: spec.title.clone(),
        help: spec.help.clone(),
        default: spec.default.as_ref().map(|value| typed(&spec.kind, value)),
        required: spec.required,
        control: control(&spec.kind),
    }
}

/// A default as a person would type it. A duration's value is its number of seconds.
fn typed(kind: &InputKind, value: &Value) -> String {
    match (kind, value.as_f64()) {
        (InputKind::Duration, Some(seconds)) if seconds.fract() == 0.0 => format!("{seconds:.0}s"),
        (InputKind::Duration, Some(seconds)) => format!("{:.0}ms", seconds * 1_000.0),
        _ => plain(value),
    }
}

fn control(kind: &InputKind) -> InputControl {
    let text = |expects: String| InputControl::Text { expects: Some(expects) };
    match kind {
        InputKind::String { pattern: None } => InputControl::Text { expects: None },
        InputKind::String { pattern: Some(pattern) } => text(format!("text that matches {pattern}")),
        InputKind::Integer { min, max } => text(format!("a whole number{}", bounds(min.as_ref(), max.as_ref()))),
        InputKind::Number { min, max } => text(format!("a number{}", bounds(min.as_ref(), max.as_ref()))),
        InputKind::Boolean => InputControl::Switch,
        InputKind::Choice { choices } => InputControl::Choice { choices: choices.clone() },
        InputKind::Duration => text("a duration such as 30s or 1m30s".to_owned()),
        InputKind::Secret => InputControl::Secret,
    }
}

fn bounds<T: std::fmt::Display>(min: Option<&T>, max: Option<&T>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!(" from {min} to {max}"),
        (Some(min), None) => format!(", at least {min}"),
        (None, Some(max)) => format!(", at most {max}"),
        (None, None) => String::new(),
    }
}

fn step(step: &Step) -> StepView {
    let changes = step.effect == Effect::Change;
    StepView {
        id: step.id.to_string(),
        title: step.title.clone(),
        changes,
        kind: match &step.action {
            ActionTemplate::Run { .. } => "run",
            ActionTemplate::Http(_) => "http",
        }
        .to_owned(),
        text: step.action.written(),
        verify: step.verify.as_ref().map(|verify| one_line(&verify.action.written())),
        way_back: match &step.undo {
            _ if !changes => "not needed".to_owned(),
            Undo::Unsaid | Undo::None => "no way back".to_owned(),
            Undo::Inverse(inverse) => one_line(&inverse.action.written()),
        },
    }
}

/// The first line, with a mark where there are more.
fn one_line(text: &str) -> String {
    let mut lines = text.trim().lines();
    let first = lines.next().unwrap_or_default();
    if lines.next().is_some() { format!("{first} …") } else { first.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use std::path::Path;

    #[test]
    fn what_a_form_offers_can_be_typed() {
        let catalogue = Catalogue::read(Path::new("no such folder"));
        let mut offered = 0;
        for entry in catalogue.entries() {
            let runbook = entry.runbook.as_ref().unwrap();
            for (name, spec) in &runbook.inputs {
                let Some(default) = input(name, spec).default else { continue };
                let taken = daytwo_runbook::check_input(spec, &default);
                assert!(taken.is_ok(), "{}: {name} offers {default:?}: {taken:?}", entry.name);
                offered += 1;
            }
        }
        assert!(offered > 5, "the shipped runbooks offer defaults");
    }
}
