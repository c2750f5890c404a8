//! Runs: the list, one in full, its output.

use daytwo_console::view::words;
use daytwo_console::wire::Mark;
use daytwo_console::wire::run::{OutputGroup, RunRow, RunView};
use daytwo_model::Timestamp;

use super::{NAMES_SHOWN, header};
use crate::terminal::{Style, columns, indent, some_names};

/// A list of runs.
pub(crate) fn runs(style: Style, runs: &[RunRow], now: Timestamp) -> String {
    if runs.is_empty() {
        return "no runs yet; start one with: daytwo run RUNBOOK\n".to_owned();
    }
    let mut rows = vec![header(style, &["", "run", "when", "status", "hosts", "runbook", "by"])];
    rows.extend(runs.iter().map(|run| {
        let note = match (&run.undo_of, &run.undone_by) {
            (Some(of), _) => format!("{} (undo of {})", run.runbook, short(of)),
            (None, Some(by)) => format!("{} (undone by {})", run.runbook, short(by)),
            (None, None) => run.runbook.to_string(),
        };
        vec![
            style.mark(run.mark),
            short(&run.id),
            words::age(now, run.started_at),
            run.status.clone(),
            standings(run),
            note,
            run.started_by.clone(),
        ]
    }));
    columns(&rows)
}

/// The last twelve digits of an id: version 7 ids of one minute share their first ones.
fn short(id: &daytwo_model::RunId) -> String {
    let text = id.to_string();
    text.get(text.len().saturating_sub(12)..).unwrap_or(&text).to_owned()
}

fn standings(run: &RunRow) -> String {
    let parts: Vec<String> = run.standings.iter().map(|(word, hosts)| format!("{hosts} {word}")).collect();
    parts.join(", ")
}

/// A run in full.
pub(crate) fn run(style: Style, view: &RunView) -> String {
    let row = &view.row;
    let mut out = format!(
        "{} {}  {}\nrun {} · started {} by {} · {}\n\n",
        style.mark(row.mark),
        style.bold(&row.title),
        row.status,
        row.id,
        row.started_at,
        row.started_by,
        standings(row),
    );
    let mut rows = vec![header(
        style,
        &[&["", "host", "stands"], &*view.steps.iter().map(|step| step.id.as_str()).collect::<Vec<_>>()].concat(),
    )];
    rows.extend(view.hosts.iter().map(|host| {
        let mut cells = vec![style.mark(host.mark), host.name.to_string(), host.word.clone()];
        cells.extend(host.cells.iter().map(|cell| format!("{} {}", style.mark(cell.mark), cell.word)));
        cells
    }));
    out.push_str(&columns(&rows));
    let reasons: Vec<String> = view
        .hosts
        .iter()
        .flat_map(|host| {
            host.cells.iter().zip(&view.steps).filter(|(cell, _)| is_news(cell.mark)).map(move |(cell, step)| {
                format!("{} {} · {} · {}: {}\n", style.mark(cell.mark), host.name, step.id, cell.word, cell.detail)
            })
        })
        .collect();
    if !reasons.is_empty() {
        out.push_str(&format!("\n{}", reasons.concat()));
    }
    out.push_str(&format!("\n{}\n", view.budgets.join(" · ")));
    out.extend(view.decisions.iter().map(|decision| {
        let why = if decision.why.is_empty() { String::new() } else { format!(": {}", decision.why) };
        format!("{} {} {}{why}\n", decision.at, decision.by, decision.what)
    }));
    out
}

/// The output of one step, grouped where identical.
pub(crate) fn output_groups(style: Style, groups: &[OutputGroup]) -> String {
    groups
        .iter()
        .map(|group| {
            let text: String = group.head.iter().map(|piece| piece.text.as_str()).collect();
            let more = if group.whole { "" } else { "  … (the whole output: daytwo --json show)\n" };
            format!(
                "{} {} · {}\n{}\n{}{more}\n",
                style.mark(group.mark),
                style.bold(&words::count(group.hosts.len(), "host")),
                group.words,
                style.dim(&some_names(&group.hosts, NAMES_SHOWN)),
                indent(text.trim_end_matches('\n'), "  "),
            )
        })
        .collect()
}

const fn is_news(mark: Mark) -> bool {
    matches!(mark, Mark::Failed | Mark::Unknown | Mark::Unreachable | Mark::Changed)
}
