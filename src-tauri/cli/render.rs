//! What the window shows, as text for people.

use daytwo_console::view::words;
use daytwo_console::wire::fleet::{FleetView, HostRow};
use daytwo_console::wire::plan::{PlanAnswer, PlanView, RenderedGroup};
use daytwo_console::wire::run::{OutputGroup, RunRow, RunView};
use daytwo_console::wire::runbook::{InputControl, RunbookRow, RunbookView};
use daytwo_console::wire::settings::KeyRow;
use daytwo_model::Timestamp;

use crate::terminal::{Style, columns, indent, some_names};

/// How many host names stand on one line before "and N more".
const NAMES_SHOWN: usize = 6;

/// The fleet: state, age and facts of each host.
pub(crate) fn fleet(style: Style, view: &FleetView, now: Timestamp) -> String {
    let mut rows = vec![header(style, &["", "host", "state", "as of", "load", "disk", "up", "version", "where"])];
    rows.extend(view.hosts.iter().map(|host| fleet_row(style, host, now)));
    format!("{}\n{}\n", columns(&rows), view.summary.words)
}

fn header(style: Style, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| style.dim(name)).collect()
}

fn fleet_row(style: Style, host: &HostRow, now: Timestamp) -> Vec<String> {
    let facts = host.facts.clone().unwrap_or_default();
    let number =
        |value: Option<f64>, unit: &str| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}{unit}"));
    let age = host.as_of.map_or_else(|| "never".to_owned(), |at| words::age(now, at));
    let word = match &host.why {
        Some(why) => format!("{} ({why})", host.word),
        None => host.word.clone(),
    };
    vec![
        style.mark(host.mark),
        host.name.to_string(),
        word,
        if host.stale { style.dim(&age) } else { age },
        number(facts.load1, ""),
        number(facts.disk_used_percent, " %"),
        facts.uptime_s.map_or_else(
            || "–".to_owned(),
            |s| words::age(Timestamp::from_unix_ms(s.cast_signed() * 1_000), Timestamp::EPOCH),
        ),
        facts.version.unwrap_or_else(|| "–".to_owned()),
        host.address.clone(),
    ]
}

/// Hosts with their labels.
pub(crate) fn hosts(style: Style, hosts: &[&HostRow]) -> String {
    let mut rows = vec![header(style, &["host", "where", "labels", "source"])];
    rows.extend(hosts.iter().map(|host| {
        let labels: Vec<String> = host.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        vec![host.name.to_string(), host.address.clone(), labels.join(" "), host.source.clone()]
    }));
    format!("{}\n{}\n", columns(&rows), words::count(hosts.len(), "host"))
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
pub(crate) fn runbook(style: Style, view: &RunbookView) -> String {
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
    }
    out.push_str(&format!("{}\n", style.bold("Steps")));
    for step in &view.steps {
        let changes = if step.changes { "changes the host" } else { "reads" };
        out.push_str(&format!("  {} · {changes} · way back: {}\n", style.bold(&step.id), step.way_back));
        out.push_str(&indent(&step.text, "      "));
        if let Some(verify) = &step.verify {
            out.push_str(&format!("    proved by: {verify}\n"));
        }
    }
    let targets = view.targets.clone().unwrap_or_else(|| "whatever is selected".to_owned());
    out.push_str(&format!("\n{}\n  hosts: {targets}\n", style.bold("Rollout")));
    out.extend(view.rollout.iter().map(|line| format!("  {line}\n")));
    out.extend(view.warnings.iter().map(|line| format!("warning: {line}\n")));
    out
}

/// Why there is no plan.
pub(crate) fn problems(answer: &PlanAnswer) -> String {
    answer
        .problems
        .iter()
        .map(|problem| {
            let place = problem
                .input
                .as_ref()
                .map(|input| format!("input {input}: "))
                .or_else(|| problem.step.as_ref().map(|step| format!("step {step}: ")))
                .unwrap_or_default();
            let hint = problem.hint.as_ref().map(|hint| format!("\n  {hint}")).unwrap_or_default();
            format!("error: {place}{}{hint}\n", problem.message)
        })
        .collect()
}

/// The plan: what will happen, exactly.
pub(crate) fn plan(style: Style, plan: &PlanView) -> String {
    let mut out = format!(
        "{}\n{} · {} · {} without a way back · plan {}\n\n",
        style.bold(&plan.title),
        words::count(plan.hosts.len(), "host"),
        words::count(plan.changes as usize, "changing step"),
        plan.without_way_back,
        plan.digest.short(),
    );
    for batch in &plan.batches {
        out.push_str(&format!("  {}\n    {}\n", batch.words, some_names(&batch.hosts, NAMES_SHOWN)));
    }
    out.push_str(&format!("  {}\n\n", plan.limits.join("; ")));
    for (number, step) in (1..).zip(&plan.steps) {
        let changes = if step.changes { "changes the host" } else { "reads" };
        out.push_str(&format!(
            "{}  {changes} · at most {} · way back: {}\n",
            style.bold(&format!("{number}. {}", step.title)),
            step.timeout,
            step.way_back
        ));
        out.push_str(&groups(style, &step.actions, ""));
        out.push_str(&groups(style, &step.verify, "then proved by "));
        out.push_str(&groups(style, &step.inverse, "way back: "));
        out.push('\n');
    }
    out.extend(plan.left_out.iter().map(|line| format!("not undone: {line}\n")));
    out.extend(plan.warnings.iter().map(|line| format!("warning: {line}\n")));
    out
}

fn groups(style: Style, groups: &[RenderedGroup], lead: &str) -> String {
    groups
        .iter()
        .map(|group| {
            let on = if groups.len() == 1 {
                "on every host".to_owned()
            } else {
                format!("on {}", some_names(&group.hosts, NAMES_SHOWN))
            };
            format!(
                "   {}\n{}",
                style.dim(&format!("{lead}{} {on}", group.kind)),
                indent(group.text.trim_end(), "     ")
            )
        })
        .collect()
}

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
pub(crate) fn short(id: &daytwo_model::RunId) -> String {
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

const fn is_news(mark: daytwo_console::wire::Mark) -> bool {
    use daytwo_console::wire::Mark;
    matches!(mark, Mark::Failed | Mark::Unknown | Mark::Unreachable | Mark::Changed)
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

/// Host keys and what is known of them.
pub(crate) fn keys(style: Style, keys: &[KeyRow]) -> String {
    let mut rows = vec![header(style, &["host", "where", "status", "key"])];
    rows.extend(keys.iter().map(|key| {
        let detail = key.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
        vec![
            key.host.to_string(),
            key.address.clone(),
            format!("{}{detail}", key.status),
            key.fingerprint.clone().unwrap_or_default(),
        ]
    }));
    columns(&rows)
}
