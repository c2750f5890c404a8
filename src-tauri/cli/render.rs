//! What the window shows, as text for people.

use std::collections::BTreeMap;

use daytwo_console::view::words;
use daytwo_console::wire::fleet::{FactView, FleetView, HostRow, HostVerdict};
use daytwo_console::wire::plan::{PlanAnswer, PlanStepView, PlanView, RenderedGroup, UndecidedHost};
use daytwo_console::wire::run::{OutputGroup, RunRow, RunView};
use daytwo_console::wire::runbook::{Choices, CodePage, InputControl, RunbookRow, RunbookView};
use daytwo_console::wire::settings::KeyRow;
use daytwo_model::{Timestamp, Verdict};

use crate::terminal::{Style, columns, indent, some_names};

/// How many host names stand on one line before "and N more".
const NAMES_SHOWN: usize = 6;
/// How many choices of an input are printed.
const CHOICES_SHOWN: usize = 20;
/// How many different texts of one step are printed; a person compares no more.
const GROUPS_SHOWN: usize = 12;

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

/// What a selector makes of hosts, and why: picked, undecided, not picked.
pub(crate) fn verdicts(style: Style, verdicts: &[&HostVerdict], fleet: &FleetView) -> String {
    let mut out = String::new();
    let count = |verdict| verdicts.iter().filter(|host| host.verdict == verdict).count();
    for (verdict, title) in
        [(Verdict::Picked, "picked"), (Verdict::Undecided, "undecided"), (Verdict::NotPicked, "not picked")]
    {
        let hosts: Vec<_> = verdicts.iter().filter(|host| host.verdict == verdict).collect();
        if hosts.is_empty() {
            continue;
        }
        out.push_str(&format!("{}\n", style.bold(&format!("{title}: {}", words::count(hosts.len(), "host")))));
        let rows: Vec<Vec<String>> = hosts
            .iter()
            .map(|host| {
                let address = fleet.hosts.iter().find(|row| row.name == host.name).map(|row| row.address.clone());
                vec![format!("  {}", host.name), address.unwrap_or_default(), host.why.clone()]
            })
            .collect();
        out.push_str(&format!("{}\n", columns(&rows)));
    }
    if count(Verdict::Undecided) > 0 {
        out.push_str("an undecided host is in no plan: ask it again with `daytwo fleet`, or select it by name\n");
    }
    out
}

/// Hosts of which a selector cannot say whether it picks them.
pub(crate) fn undecided(hosts: &[UndecidedHost]) -> String {
    let mut out = format!("undecided, and left out: {}\n", words::count(hosts.len(), "host"));
    out.extend(hosts.iter().take(NAMES_SHOWN).map(|host| format!("  {}: {}\n", host.name, host.why)));
    if hosts.len() > NAMES_SHOWN {
        out.push_str(&format!("  and {} more\n", hosts.len() - NAMES_SHOWN));
    }
    out
}

/// The facts that selectors can ask for.
pub(crate) fn facts(style: Style, facts: &[FactView]) -> String {
    let mut rows = vec![header(style, &["fact", "compared with", "what it says"])];
    rows.extend(facts.iter().map(|fact| vec![fact.name.clone(), fact.example.clone(), fact.doc.clone()]));
    format!("{}\n", columns(&rows))
}

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

fn phase_title(phase: &str) -> &'static str {
    match phase {
        "on_failure" => "Where a step did not end well",
        "always" => "At the end, whatever happened",
        _ => "Steps",
    }
}

/// Why there is no plan.
pub(crate) fn problems(answer: &PlanAnswer) -> String {
    let undecided = if answer.undecided.is_empty() { String::new() } else { undecided(&answer.undecided) };
    let problems: String = answer
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
            let host = problem.host.as_ref().map(|host| format!("{host}: ")).unwrap_or_default();
            format!("error: {place}{host}{}{hint}\n", problem.message)
        })
        .collect();
    undecided + &problems
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
    if !plan.undecided.is_empty() {
        out.push_str(&format!("{}\n", undecided(&plan.undecided)));
    }
    let mut phase = "main";
    for (number, step) in (1..).zip(&plan.steps) {
        if step.phase != phase {
            phase = &step.phase;
            out.push_str(&format!("{}\n\n", phase_title(phase)));
        }
        out.push_str(&plan_step(style, number, step, plan.hosts.len()));
    }
    out.extend(plan.source.iter().map(|source| format!("runbook {} from {source}\n", plan.runbook)));
    if !plan.calls.is_empty() {
        out.push_str(&format!("calls {}\n", plan.calls.join(", ")));
    }
    out.extend(plan.left_out.iter().map(|line| format!("not undone: {line}\n")));
    out.extend(plan.approvals.iter().map(|line| format!("approval: {line}\n")));
    out.extend(plan.warnings.iter().map(|warning| match warning.hosts.as_slice() {
        [] => format!("warning: {}\n", warning.words),
        hosts => format!("warning: {}: {}\n", warning.words, some_names(hosts, NAMES_SHOWN)),
    }));
    out.extend(plan.cannot_start.iter().map(|line| format!("cannot be started: {line}\n")));
    out
}

fn plan_step(style: Style, number: usize, step: &PlanStepView, of: usize) -> String {
    let changes = if step.changes { "changes the host" } else { "reads" };
    let title = style.bold(&format!("{number}. {}", step.title));
    let mut out = format!("{title}  {changes} · at most {} · way back: {}\n", step.timeout, step.way_back);
    out.extend(step.notes.iter().map(|note| format!("   {note}\n")));
    if !step.not_on.is_empty() {
        out.push_str(&format!("   not on {}\n", some_names(&step.not_on, NAMES_SHOWN)));
    }
    out.push_str(&groups(style, &step.check, of, "only where this does not hold already: "));
    out.extend(
        step.asked.iter().map(|asked| {
            format!("   {} on {}: {}\n", asked.verdict, some_names(&asked.hosts, NAMES_SHOWN), asked.said)
        }),
    );
    out.push_str(&groups(style, &step.actions, of, ""));
    out.push_str(&groups(style, &step.verify, of, "then proved by "));
    out.push_str(&groups(style, &step.inverse, of, "way back: "));
    out.push('\n');
    out
}

/// The different texts with their hosts; `of` is how many hosts the plan has.
fn groups(style: Style, groups: &[RenderedGroup], of: usize, lead: &str) -> String {
    let mut out = String::new();
    for group in groups.iter().take(GROUPS_SHOWN) {
        let on = match group.hosts.len() {
            hosts if hosts == of => "on every host".to_owned(),
            _ => format!("on {}", some_names(&group.hosts, NAMES_SHOWN)),
        };
        out.push_str(&format!("   {}\n", style.dim(&format!("{lead}{} {on}", group.kind))));
        if let Some(meaning) = &group.meaning {
            out.push_str(&format!("     {}\n", style.bold(meaning)));
        }
        out.push_str(&indent(group.text.trim_end(), "     "));
    }
    if groups.len() > GROUPS_SHOWN {
        let more = words::count(groups.len() - GROUPS_SHOWN, "other text");
        out.push_str(&format!("   and {more} on other hosts; --json has them all\n"));
    }
    out
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
