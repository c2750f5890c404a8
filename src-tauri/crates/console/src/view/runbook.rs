//! A runbook as it is shown: catalogue row, and a page that reads like a manual.

use daytwo_model::Timestamp;
use daytwo_model::plan::Effect;
use daytwo_runbook::{InputKind, InputSpec, Kind, Runbook, Step, Stewardship};

use crate::catalogue::Entry;
use crate::wire::runbook::{Editing, Finding, InputControl, InputView, RunbookRow, RunbookView, StepView};

/// One entry of the catalogue.
#[must_use]
pub fn row(entry: &Entry, last_green: Option<Timestamp>, now: Timestamp) -> RunbookRow {
    match &entry.runbook {
        Ok(runbook) => RunbookRow { name: entry.name.clone(), ..row_of(runbook, &entry.file, last_green, now) },
        Err(why) => RunbookRow {
            name: entry.name.clone(),
            title: entry.name.to_string(),
            summary: String::new(),
            kind: String::new(),
            owner: None,
            stewardship: String::new(),
            reviewed: None,
            overdue: None,
            last_green,
            file: entry.file.clone(),
            broken: Some(why.clone()),
        },
    }
}

/// A runbook that can be used, as a row of the catalogue.
#[must_use]
pub fn row_of(runbook: &Runbook, file: &str, last_green: Option<Timestamp>, now: Timestamp) -> RunbookRow {
    RunbookRow {
        name: runbook.name.clone(),
        title: runbook.title.clone(),
        summary: runbook.summary.clone(),
        kind: kind(runbook.kind).to_owned(),
        owner: runbook.owner.clone(),
        stewardship: stewardship(runbook.stewardship).to_owned(),
        reviewed: runbook.reviewed.clone(),
        overdue: daytwo_runbook::review_problem(runbook, now),
        last_green,
        file: file.to_owned(),
        broken: None,
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
pub fn view(
    row: RunbookRow,
    runbook: &Runbook,
    findings: Vec<Finding>,
    editing: Editing,
    source: Option<String>,
) -> RunbookView {
    let phases = [("main", &runbook.steps), ("on_failure", &runbook.on_failure), ("always", &runbook.always)];
    RunbookView {
        row,
        digest: runbook.digest,
        text: runbook.text.clone(),
        targets: runbook.targets.as_ref().map(ToString::to_string),
        inputs: runbook.inputs.iter().map(|(name, spec)| input(name, spec)).collect(),
        steps: phases.iter().flat_map(|(phase, steps)| steps.iter().map(|it| step(phase, it))).collect(),
        rollout: runbook.rollout_written(),
        findings,
        editing,
        source,
    }
}

fn input(name: &str, spec: &InputSpec) -> InputView {
    InputView {
        name: name.to_owned(),
        title: spec.title.clone(),
        help: spec.help.clone(),
        default: spec.default.as_ref().map(|value| daytwo_runbook::as_typed(&spec.kind, value)),
        required: spec.required,
        control: control(&spec.kind),
    }
}

fn control(kind: &InputKind) -> InputControl {
    match kind {
        InputKind::Boolean => InputControl::Switch,
        InputKind::Choice { from: Some(_), .. } => InputControl::AskedChoice,
        InputKind::Choice { choices, from: None } => InputControl::Choice { choices: choices.clone() },
        InputKind::Secret => InputControl::Secret,
        InputKind::Host => InputControl::Host,
        InputKind::File => InputControl::File,
        InputKind::List { of, .. } => InputControl::List {
            expects: expects(kind),
            choices: match of.as_ref() {
                InputKind::Choice { choices, .. } => choices.clone(),
                _ => Vec::new(),
            },
        },
        _ => InputControl::Text { expects: expects(kind) },
    }
}

/// What an input takes, in words; none for a text of any kind.
fn expects(kind: &InputKind) -> Option<String> {
    let secs = |value: &Option<u64>| value.map(super::words::duration);
    Some(match kind {
        InputKind::String { pattern: None } => return None,
        InputKind::String { pattern: Some(pattern) } => format!("text that matches {pattern}"),
        InputKind::Integer { min, max } => format!("a whole number{}", bounds(min.as_ref(), max.as_ref())),
        InputKind::Number { min, max } => format!("a number{}", bounds(min.as_ref(), max.as_ref())),
        InputKind::Duration { min_ms, max_ms } => {
            format!("a duration such as 30s or 1m30s{}", bounds(secs(min_ms).as_ref(), secs(max_ms).as_ref()))
        }
        InputKind::Size { .. } => "a size such as 500MB or 2GiB".to_owned(),
        InputKind::Percentage { .. } => "a percentage such as 10%".to_owned(),
        InputKind::DateTime => "a date and time such as 2026-11-20T03:00:00Z".to_owned(),
        InputKind::List { of, .. } => match expects(of) {
            Some(each) => format!("one per line, each {each}"),
            None => "one per line".to_owned(),
        },
        InputKind::Boolean | InputKind::Choice { .. } | InputKind::Secret | InputKind::Host | InputKind::File => {
            return None;
        }
    })
}

fn bounds<T: std::fmt::Display>(min: Option<&T>, max: Option<&T>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!(" from {min} to {max}"),
        (Some(min), None) => format!(", at least {min}"),
        (None, Some(max)) => format!(", at most {max}"),
        (None, None) => String::new(),
    }
}

fn step(phase: &str, step: &Step) -> StepView {
    let changes = step.effect == Effect::Change;
    StepView {
        id: step.id.to_string(),
        title: step.title.clone(),
        phase: phase.to_owned(),
        changes,
        kind: step.action.word().to_owned(),
        notes: step.manner(),
        text: step.action.written(),
        verify: step.verify.as_ref().map(|verify| one_line(&verify.written())),
        way_back: one_line(&step.way_back_written()),
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
