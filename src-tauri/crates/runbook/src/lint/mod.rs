//! What a runbook may do and should not: warnings, each with a stable code and a rule of its own.
//!
//! A rule speaks only where it is certain. Whoever has weighed a warning says so on the step, with the
//! reason (`waive`), and the rule is silent there; a waiver that silences nothing is itself a warning.

mod commands;
mod flat;
mod head;
mod health;
mod pieces;
mod policies;
mod scripts;
mod secrets;
mod shell;
mod spot;
mod steps;
mod unused;
mod waivers;

use daytwo_model::Timestamp;

use crate::diagnostic::{Diagnostic, Place, Severity, Source, printable};
use crate::runbook::Runbook;
use crate::step::Step;
use crate::template::Template;
pub use head::{REVIEW_DAYS_MAX, review_problem};
pub use scripts::{ScriptFinding, ScriptInFile, scripts};

/// How many warnings of one runbook are kept. A person repairs the first few; the rest is noise and memory.
const WARNINGS_MAX: usize = 100;

/// One rule: what it looks for, under its code.
type Rule = for<'r> fn(&Subject<'r>, &mut Report<'r>);

/// Every rule. What they find is sorted by place afterwards, so their order has no meaning.
const RULES: &[(&str, Rule)] = &[
    ("change-without-undo", steps::change_without_undo),
    ("change-without-verify", steps::change_without_verify),
    ("late-change", policies::late_change),
    ("missing-timeout", steps::missing_timeout),
    ("needless-sudo", commands::needless_sudo),
    ("never-reviewed", head::never_reviewed),
    ("no-canary", head::no_canary),
    ("no-owner", head::no_owner),
    ("promql-without-comparison", health::promql_without_comparison),
    ("raw", steps::raw),
    ("retry-not-idempotent", steps::retry_not_idempotent),
    ("review-overdue", head::review_overdue),
    ("secret-in-record", secrets::secret_in_record),
    ("undo-without-way-back", policies::undo_without_way_back),
    ("unquoted-variable", commands::unquoted_variable),
    ("unused-capture", unused::unused_capture),
    ("unused-input", unused::unused_input),
    ("unused-secret", unused::unused_secret),
    ("unused-var", unused::unused_var),
];

/// Looks for what should not stay so. `now` decides whether a review is out of date.
#[must_use]
pub fn lint(runbook: &Runbook, now: Timestamp) -> Vec<Diagnostic> {
    let subject = Subject { runbook, now, lines: runbook.text.lines().collect() };
    let mut report = Report { code: "", found: Vec::new() };
    for (code, rule) in RULES {
        report.code = code;
        rule(&subject, &mut report);
    }
    let mut found = waivers::apply(&subject, report.found);
    found.sort_by_key(|finding| (finding.place, finding.code));
    found.truncate(WARNINGS_MAX);
    let source = Source { file: &runbook.file, text: &runbook.text };
    let diagnostic =
        |it: Finding<'_>| source.diagnostic(it.severity, it.code, it.place, printable(&it.message), Some(it.hint));
    found.into_iter().map(diagnostic).collect()
}

/// What the rules look at.
struct Subject<'r> {
    runbook: &'r Runbook,
    now: Timestamp,
    /// The runbook's lines, so that a place is found without reading all of it again.
    lines: Vec<&'r str>,
}

impl Subject<'_> {
    /// Where characters of a template stand in the file.
    fn spot(&self, template: &Template, start: usize, end: usize) -> Place {
        spot::spot(&self.lines, &template.written(), template.place(), start, end)
    }

    /// Where a field of a step stands: the first line below the step's beginning that has it for a key.
    fn field(&self, step: &Step, path: &[&str]) -> Place {
        spot::field(&self.lines, step.place, self.next_step(step), path)
    }

    /// The line where the step after this one begins.
    fn next_step(&self, step: &Step) -> u32 {
        let lines = self.runbook.all_steps().map(|other| other.place.line);
        lines.filter(|line| *line > step.place.line).min().unwrap_or(u32::MAX)
    }
}

/// What one rule found in one place.
struct Finding<'r> {
    code: &'static str,
    severity: Severity,
    place: Place,
    message: String,
    hint: String,
    /// The step that may waive it.
    step: Option<&'r Step>,
}

/// Collects what the rules find.
struct Report<'r> {
    /// The rule that is at work.
    code: &'static str,
    found: Vec<Finding<'r>>,
}

impl<'r> Report<'r> {
    fn warn(
        &mut self,
        step: impl Into<Option<&'r Step>>,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let code = self.code;
        let (message, hint, step) = (message.into(), hint.into(), step.into());
        self.found.push(Finding { code, severity: Severity::Warning, place, message, hint, step });
    }
}
