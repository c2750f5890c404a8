//! The catalogue, a runbook to be read, and the pages about codes.

use std::collections::BTreeMap;

use daytwo_console::view::words;
use daytwo_console::wire::runbook::{Choices, CodePage, InputControl, RunbookRow, RunbookView};
use daytwo_model::Timestamp;

use super::{header, phase_title};
use crate::terminal::{Style, columns, indent};

/// How many choices of an input are printed.
const CHOICES_SHOWN: usize = 20;

/// Every code with its title.
pub(crate) fn pages(style: Style, pages: &[CodePage]) -> String {
    let mut rows = vec![header(style, &["code", "what it means"])];
    rows.extend(pages.iter().map(|page| vec![page.code.clone(), page.title.clone()]));
    format!("{}\n", columns(&rows))
}

/// The catalogue.
pub(crate) fn catalogue(style: Style, runbooks: &[RunbookRow], now: Timestamp) -> String {
    let mut rows = vec![header(style, &["runbook", "kind", "owner", "reviewed", "last green", "title"])];
    rows.extend(runbooks.iter().map(|runbook| {
        let green = runbook.last_green.map_or_else(|| "never".to_owned(), |at| words::age(now, at));
        vec![
            runbook.name.to_string(),
            runbook.kind.clone(),
            runbook.owner.clone().unwrap_or_else(|| "nobody".to_owned()),
            runbook.reviewed.clone().unwrap_or_else(|| "never".to_owned()),
            green,
            runbook.broken.as_ref().map_or_else(|| runbook.title.clone(), |why| format!("broken: {why}")),
        ]
    }));
    columns(&rows)
}

/// One runbook, to be read.
pub(crate) fn runbook(style: Style, view: &RunbookView, choices: &BTreeMap<String, Choices>, now: Timestamp) -> String {
    let mut out = format!("{}\n{}\n", style.bold(&view.row.title), indent(view.row.summary.trim(), "  "));
    if !view.inputs.is_empty() {
        out.push_str(&format!("{}\n", style.bold("Inputs")));
        let rows: Vec<Vec<String>> = view
            .inputs
            .iter()
            .map(|input| {
                let kind = match &input.control {
                    InputControl::Text { expects } => expects.clone().unwrap_or_else(|| "text".to_owned()),
                    InputControl::Switch => "true or false".to_owned(),
                    InputControl::Choice { choices } => choices.join(" | "),
                    InputControl::Secret => "the name of a secret".to_owned(),
                    InputControl::AskedChoice => "one of what its source offers, below".to_owned(),
                    InputControl::List { expects, .. } => expects.clone().unwrap_or_else(|| "one per line".to_owned()),
                    InputControl::Host => "a host of the fleet".to_owned(),
                    InputControl::File => "a file on this machine".to_owned(),
                };
                let default = match (&input.default, input.required) {
                    (Some(default), _) => format!("default {default}"),
                    (None, true) => "required".to_owned(),
                    (None, false) => "optional".to_owned(),
                };
                vec![format!("  {}", input.name), kind, default, input.title.clone()]
            })
            .collect();
        out.push_str(&format!("{}\n", columns(&rows)));
        out.extend(choices.iter().map(|(name, choices)| offered(name, choices, now)));
    }
    let mut phase = "";
    for step in &view.steps {
        if step.phase != phase {
            phase = &step.phase;
            out.push_str(&format!("{}\n", style.bold(phase_title(phase))));
        }
        let changes = if step.changes { "changes the host" } else { "reads" };
        out.push_str(&format!("  {} · {changes} · way back: {}\n", style.bold(&step.id), step.way_back));
        out.extend(step.notes.iter().map(|note| format!("    {note}\n")));
        out.push_str(&indent(&step.text, "      "));
        if let Some(verify) = &step.verify {
            out.push_str(&format!("    proved by: {verify}\n"));
        }
    }
    let targets = view.targets.clone().unwrap_or_else(|| "whatever is selected".to_owned());
    out.push_str(&format!("\n{}\n  hosts: {targets}\n", style.bold("Rollout")));
    out.extend(view.rollout.iter().map(|line| format!("  {line}\n")));
    if let Some(source) = &view.source {
        out.push_str(&format!("  read from: {} ({source})\n", view.row.file));
    }
    out.extend(view.findings.iter().map(|finding| {
        let severity = if finding.error { "error" } else { "warning" };
        format!("{severity}[{}]: line {}: {}\n", finding.code, finding.line, finding.message)
    }));
    out
}

/// What an input offers, and how old that is where nobody could be asked.
fn offered(name: &str, choices: &Choices, now: Timestamp) -> String {
    let mut out = String::new();
    if !choices.values.is_empty() {
        let age = match (&choices.problem, choices.as_of) {
            (Some(_), Some(at)) => format!(", as they were {}", words::ago(now, at)),
            _ => String::new(),
        };
        let mut shown: Vec<&str> = choices.values.iter().take(CHOICES_SHOWN).map(String::as_str).collect();
        let more = format!("and {} more; --json has them all", choices.values.len().saturating_sub(CHOICES_SHOWN));
        if choices.values.len() > CHOICES_SHOWN {
            shown.push(&more);
        }
        out.push_str(&format!("  {name} is one of{age}: {}\n", shown.join(", ")));
    }
    out.extend(choices.problem.iter().map(|problem| format!("  {name}: {problem}\n")));
    out + "\n"
}
