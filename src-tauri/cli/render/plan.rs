//! A plan, or why there is none.

use daytwo_console::view::words;
use daytwo_console::wire::plan::{PlanAnswer, PlanStepView, PlanView, RenderedGroup};

use super::{NAMES_SHOWN, phase_title, undecided};
use crate::terminal::{Style, indent, some_names};

/// How many different texts of one step are printed; a person compares no more.
const GROUPS_SHOWN: usize = 12;

/// Whether the scripts that a typed step stands for are printed. They are long and always the same;
/// the line above them says what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scripts {
    /// Only what they mean.
    Folded,
    /// In full.
    Full,
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
pub(crate) fn plan(style: Style, plan: &PlanView, scripts: Scripts) -> String {
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
    out.push_str(&format!("  {}\n", plan.limits.join("; ")));
    if let Some(waits) = &plan.waits {
        out.push_str(&format!("  hosts wait until {}: {}\n", waits.until, waits.words.join("; ")));
    }
    out.push('\n');
    if !plan.undecided.is_empty() {
        out.push_str(&format!("{}\n", undecided(&plan.undecided)));
    }
    let mut phase = "main";
    for (number, step) in (1..).zip(&plan.steps) {
        if step.phase != phase {
            phase = &step.phase;
            out.push_str(&format!("{}\n\n", phase_title(phase)));
        }
        out.push_str(&plan_step(style, number, step, Groups { of: plan.hosts.len(), scripts }));
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

fn plan_step(style: Style, number: usize, step: &PlanStepView, groups: Groups) -> String {
    let changes = if step.changes { "changes the host" } else { "reads" };
    let title = style.bold(&format!("{number}. {}", step.title));
    let mut out = format!("{title}  {changes} · at most {} · way back: {}\n", step.timeout, step.way_back);
    out.extend(step.notes.iter().map(|note| format!("   {note}\n")));
    if !step.not_on.is_empty() {
        out.push_str(&format!("   not on {}\n", some_names(&step.not_on, NAMES_SHOWN)));
    }
    out.push_str(&groups.text(style, &step.check, "only where this does not hold already: "));
    out.extend(
        step.asked.iter().map(|asked| {
            format!("   {} on {}: {}\n", asked.verdict, some_names(&asked.hosts, NAMES_SHOWN), asked.said)
        }),
    );
    out.push_str(&groups.text(style, &step.actions, ""));
    out.push_str(&groups.text(style, &step.verify, "then proved by "));
    out.push_str(&groups.text(style, &step.inverse, "way back: "));
    out.push('\n');
    out
}

/// How the different texts of a step are printed.
#[derive(Clone, Copy)]
struct Groups {
    /// How many hosts the plan has.
    of: usize,
    scripts: Scripts,
}

impl Groups {
    /// The different texts with their hosts.
    fn text(self, style: Style, groups: &[RenderedGroup], lead: &str) -> String {
        let mut out = String::new();
        for group in groups.iter().take(GROUPS_SHOWN) {
            let on = match group.hosts.len() {
                hosts if hosts == self.of => "on every host".to_owned(),
                _ => format!("on {}", some_names(&group.hosts, NAMES_SHOWN)),
            };
            out.push_str(&format!("   {}\n", style.dim(&format!("{lead}{} {on}", group.kind))));
            let text = group.text.trim_end();
            match (&group.meaning, self.scripts) {
                (Some(meaning), Scripts::Folded) => {
                    let lines = words::count(text.lines().count(), "line");
                    let folded = style.dim(&format!("({lines} of sh; --full prints them)"));
                    out.push_str(&format!("     {} {folded}\n", style.bold(meaning)));
                }
                (Some(meaning), Scripts::Full) => {
                    out.push_str(&format!("     {}\n", style.bold(meaning)));
                    out.push_str(&indent(text, "     "));
                }
                (None, _) => out.push_str(&indent(text, "     ")),
            }
        }
        if groups.len() > GROUPS_SHOWN {
            let more = words::count(groups.len() - GROUPS_SHOWN, "other text");
            out.push_str(&format!("   and {more} on other hosts; --json has them all\n"));
        }
        out
    }
}
