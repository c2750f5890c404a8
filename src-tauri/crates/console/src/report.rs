//! A run as text for the incident channel: what was done, where, with which outcome, by whom.

use std::fmt::Write as _;

use crate::wire::Mark;
use crate::wire::run::RunView;

/// How many hosts are listed by name for one outcome; the rest is counted.
const NAMES_MAX: usize = 20;

/// The report, in Markdown. It holds no output: output may hold what a channel must not see.
#[must_use]
pub(crate) fn markdown(view: &RunView) -> String {
    let row = &view.row;
    let mut out = format!("## {}: {}\n\n", row.title, row.status);
    let ended = row.ended_at.map_or_else(|| "has not ended".to_owned(), |at| format!("ended {at}"));
    let _ = writeln!(out, "- run `{}` of plan `{}`, runbook `{}`", row.id, row.plan.short(), row.runbook);
    let _ = writeln!(out, "- started {} by {}, {ended}", row.started_at, row.started_by);
    if let Some(of) = row.undo_of {
        let _ = writeln!(out, "- takes back run `{of}`");
    }
    if let Some(by) = row.undone_by {
        let _ = writeln!(out, "- taken back by run `{by}`");
    }
    for (name, value) in &view.inputs {
        let _ = writeln!(out, "- {name}: `{value}`");
    }
    out.push_str("\n| hosts | outcome |\n|---|---|\n");
    for (word, hosts) in &row.standings {
        let names: Vec<&str> = view
            .hosts
            .iter()
            .filter(|host| host.word == *word)
            .take(NAMES_MAX)
            .map(|host| host.name.as_str())
            .collect();
        let more = (*hosts as usize).saturating_sub(names.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _ = writeln!(out, "| {hosts}: {}{more} | {word} |", names.join(", "));
    }
    let reasons: Vec<String> =
        view.hosts
            .iter()
            .flat_map(|host| {
                host.cells.iter().zip(&view.steps).filter(|(cell, _)| is_bad(cell.mark)).map(move |(cell, step)| {
                    format!("- {} · {} · {}: {}\n", host.name, step.title, cell.word, cell.detail)
                })
            })
            .collect();
    if !reasons.is_empty() {
        let _ = write!(out, "\n{}", reasons.concat());
    }
    if !view.decisions.is_empty() {
        out.push('\n');
    }
    for decision in &view.decisions {
        let why = if decision.why.is_empty() { String::new() } else { format!(" ({})", decision.why) };
        let _ = writeln!(out, "- {} {} {}{why}", decision.at, decision.by, decision.what);
    }
    out
}

const fn is_bad(mark: Mark) -> bool {
    matches!(mark, Mark::Failed | Mark::Unknown | Mark::Unreachable | Mark::Changed)
}
