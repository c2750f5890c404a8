//! Scripts for an external checker, and the way back from its findings to the runbook's own lines.
//!
//! A value becomes a quoted variable of the same width, which is what it is to a shell: one word that
//! nobody knows. So every line and column of the text is a line and column of the template.

use std::borrow::Cow;
use std::ops::Range;

use super::flat::{Branch, flat};
use super::pieces::{Part, pieces, plain_script, shell_script};
use super::{spot, waivers};
use crate::diagnostic::{Diagnostic, Place, Severity, Source, printable};
use crate::runbook::Runbook;
use crate::step::Step;
use crate::template::Template;

/// The external checker's numbers for what is `unquoted-variable` here.
const QUOTING: &[u32] = &[2046, 2048, 2068, 2086];

/// A script of a runbook, as a checker for shell scripts reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptInFile {
    /// The step that it is part of.
    pub step: daytwo_model::StepId,
    /// Which script of the step: `run`, `check`, `verify`, `undo`, …
    pub part: &'static str,
    /// Its shell: `sh`, `bash`, `dash` or `ksh`.
    pub shell: String,
    /// Its text, with a quoted variable of the same width where a value stands.
    pub text: String,
    /// Where each of its lines stands in the runbook: its beginning and its width.
    pub lines: Vec<Place>,
    values: Vec<Value>,
}

/// Where a value stands in a script: line and columns, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Value {
    line: usize,
    columns: Range<usize>,
}

/// What a checker said about a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptFinding {
    /// Its number at the checker: 2086.
    pub code: u32,
    /// How bad it is.
    pub severity: Severity,
    /// Line and column in the script, from 1.
    pub line: u32,
    /// See there.
    pub column: u32,
    /// The column behind its end, where that is in the same line.
    pub end_column: Option<u32>,
    /// What is wrong.
    pub message: String,
}

/// Every shell script that stands in a runbook.
#[must_use]
pub fn scripts(runbook: &Runbook) -> Vec<ScriptInFile> {
    let lines: Vec<&str> = runbook.text.lines().collect();
    let mut scripts = Vec::new();
    for step in runbook.all_steps() {
        for piece in pieces(step) {
            let part = word_of(piece.part, piece.action.word());
            let script = if let Some((template, shell)) = shell_script(piece.action) {
                let (text, values) = neutral(template);
                Some((template.written(), text, values, template.place(), shell))
            } else {
                plain_script(piece.action)
                    .map(|(text, place, shell)| (text.to_owned(), text.to_owned(), Vec::new(), place, shell))
            };
            let Some((written, text, values, place, shell)) = script else { continue };
            scripts.push(ScriptInFile {
                step: step.id.clone(),
                part,
                shell: shell.to_owned(),
                values,
                lines: places_of_lines(&lines, &written, place),
                text,
            });
        }
    }
    scripts
}

impl ScriptInFile {
    /// A finding in this script as one of the runbook; none where the step waives it, or where it is
    /// about what stands there in place of a value.
    #[must_use]
    pub fn diagnostic(&self, runbook: &Runbook, finding: &ScriptFinding) -> Option<Diagnostic> {
        let code = format!("{}{:04}", waivers::SHELLCHECK, finding.code);
        let step: &Step = runbook.all_steps().find(|step| step.id == self.step)?;
        let on_a_value =
            |value: &Value| value.line == finding.line as usize && value.columns.contains(&(finding.column as usize));
        // What both checkers find is weighed once.
        let quoting = QUOTING.contains(&finding.code) && step.waives("unquoted-variable");
        if quoting || step.waives(&code) || self.values.iter().any(on_a_value) {
            return None;
        }
        let start = self.lines.get(finding.line.checked_sub(1)? as usize)?;
        let width = finding.end_column.map_or(1, |end| end.saturating_sub(finding.column)).max(1);
        // A line that could not be found in the file is only pointed to as a whole.
        let place = if finding.column <= start.width {
            Place { column: start.column + finding.column.saturating_sub(1), width, ..*start }
        } else {
            *start
        };
        let source = Source { file: &runbook.file, text: &runbook.text };
        let message = format!("{} of step `{}`: {}", self.part, self.step, printable(&finding.message));
        let hint = format!("https://www.shellcheck.net/wiki/SC{:04}; or `waive: {{ '{code}': why }}`", finding.code);
        Some(source.diagnostic(finding.severity, Cow::Owned(code), place, message, Some(hint)))
    }
}

const fn word_of(part: Part, action: &'static str) -> &'static str {
    match part {
        Part::Action => action,
        Part::Check => "check",
        Part::Verify => "verify",
        Part::Undo => "undo",
        Part::UndoVerify => "the undo's verify",
        Part::Until => "until",
    }
}

/// Where each line of a text stands; of no width where it does not stand in the file as it reads.
fn places_of_lines(lines: &[&str], written: &str, place: Place) -> Vec<Place> {
    let mut from = 0;
    let mut places = Vec::new();
    for (row, line) in written.split('\n').enumerate() {
        let length = line.chars().count();
        places.push(if spot::line_start(lines, line, place, row).is_some() {
            spot::spot(lines, written, place, from, from + length)
        } else {
            Place { width: 0, ..place }
        });
        from += length + 1;
    }
    places
}

/// The script with a quoted variable where a value stands, of the same width; the first branch of each `{% if %}`.
fn neutral(template: &Template) -> (String, Vec<Value>) {
    let flat = flat(template, Branch::First, &|_| false);
    let mut chars = flat.chars;
    let mut values = Vec::new();
    for tag in &flat.tags {
        let raw = tag.code.trim_end().ends_with("raw") && tag.code.contains('|');
        let length = tag.end - tag.start;
        for (index, c) in chars.iter_mut().skip(tag.start).take(length).enumerate() {
            *c = match index {
                _ if raw => 'V',
                0 => '"',
                1 => '$',
                _ if index + 1 == length => '"',
                _ => 'V',
            };
        }
        let before = chars.get(..tag.start).unwrap_or_default();
        let line = before.iter().filter(|c| **c == '\n').count() + 1;
        let column = before.iter().rev().take_while(|c| **c != '\n').count() + 1;
        values.push(Value { line, columns: column..column + length });
    }
    (chars.into_iter().collect(), values)
}
