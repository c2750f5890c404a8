//! What a runbook may do and should not: warnings, each with a stable code.

use std::collections::BTreeSet;

use daytwo_model::Timestamp;
use daytwo_model::plan::Effect;

use crate::diagnostic::{Diagnostic, Place, Severity, Source};
use crate::runbook::Runbook;
use crate::step::{Step, Undo};
use crate::template::words;

/// After how many days a review is out of date.
pub const REVIEW_DAYS_MAX: i64 = 365;

/// Looks for what should not stay so. `now` decides whether a review is out of date.
#[must_use]
pub fn lint(runbook: &Runbook, now: Timestamp) -> Vec<Diagnostic> {
    let mut lint = Lint { runbook, warnings: Vec::new() };
    lint.owner();
    lint.review(now);
    lint.unused_inputs();
    for step in &runbook.steps {
        lint.step(step);
    }
    lint.warnings.sort_by_key(|warning| warning.place);
    lint.warnings
}

struct Lint<'r> {
    runbook: &'r Runbook,
    warnings: Vec<Diagnostic>,
}

impl Lint<'_> {
    fn warn(&mut self, code: &'static str, place: Place, message: String, hint: &str) {
        let source = Source { file: &self.runbook.file, text: &self.runbook.text };
        self.warnings.push(source.diagnostic(Severity::Warning, code, place, message, Some(hint.to_owned())));
    }

    fn owner(&mut self) {
        if self.runbook.owner.is_none() {
            let message = "nobody answers for this runbook".to_owned();
            self.warn("no-owner", self.runbook.places.name, message, "name a team with `owner:`");
        }
    }

    fn review(&mut self, now: Timestamp) {
        let hint = "read it, run it on one host, and set `reviewed:` to that day";
        let Some((reviewed, place)) = self.runbook.reviewed.as_deref().zip(self.runbook.places.reviewed) else {
            let message = "nobody has said when this runbook was last reviewed".to_owned();
            return self.warn("never-reviewed", self.runbook.places.name, message, hint);
        };
        let today =
            jiff::Timestamp::from_millisecond(now.unix_ms()).map(|now| now.to_zoned(jiff::tz::TimeZone::UTC).date());
        let (Ok(reviewed), Ok(today)) = (reviewed.parse::<jiff::civil::Date>(), today) else { return };
        let days = i64::from(today.since(reviewed).map_or(0, |span| span.get_days()));
        if days > REVIEW_DAYS_MAX {
            let message = format!("the last review was {days} days ago");
            self.warn("review-overdue", place, message, hint);
        }
    }

    fn unused_inputs(&mut self) {
        let steps = self.runbook.steps.iter();
        let used: BTreeSet<String> = steps
            .flat_map(Step::templates)
            .flat_map(|template| template.tags().flat_map(|(_, code, _)| words(code)).collect::<Vec<_>>())
            .collect();
        for (name, place) in &self.runbook.places.inputs {
            if !used.contains(name) {
                let message = format!("no step uses the input `{name}`");
                self.warn("unused-input", *place, message, "leave it out, or use it as {{ name }}");
            }
        }
    }

    fn step(&mut self, step: &Step) {
        if step.effect == Effect::Change {
            let hint = "if it only reads, say `effect: read`";
            if step.verify.is_none() {
                let message = format!("step `{}` changes something and nothing checks that it worked", step.id);
                self.warn("change-without-verify", step.place, message, &format!("add `verify:`; {hint}"));
            }
            if matches!(step.undo, Undo::Unsaid) {
                let message = format!("step `{}` changes something and does not say how to take it back", step.id);
                self.warn("change-without-undo", step.place, message, &format!("add `undo:`, or `undo: none`; {hint}"));
            }
        }
        for template in step.templates() {
            if template.first_raw().is_some() {
                let message = format!("step `{}` puts a value in without quoting (`| raw`)", step.id);
                self.warn("raw", template.place(), message, "leave out `| raw`; a value is then always one word");
            }
        }
    }
}
