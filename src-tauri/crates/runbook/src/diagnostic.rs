//! What is wrong with a runbook, where, and what to do about it. Rendering is plain text: colour is the caller's.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use ts_rs::TS;

/// How many diagnostics of one file are kept. A person repairs the first few; the rest is noise and memory.
const DIAGNOSTICS_MAX: usize = 100;

/// The longest excerpt of a source line, in characters; longer lines are cut around the marker.
const EXCERPT_CHARS_MAX: usize = 160;

/// The longest message and the longest hint, in characters: a name of half a megabyte is not repeated.
const MESSAGE_CHARS_MAX: usize = 1000;

/// A place in a runbook's text. Line and column count from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, TS)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
    /// How many characters are meant; at least 1.
    pub width: u32,
}

impl Place {
    /// The beginning of the file.
    pub const START: Self = Self { line: 1, column: 1, width: 1 };
}

/// Whether a runbook can be used in spite of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, and should not stay so.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct Diagnostic {
    /// Stable, for machines and for looking it up: `unknown-field`.
    #[ts(type = "string")]
    pub code: Cow<'static, str>,
    /// Error or warning.
    pub severity: Severity,
    /// The file's label as the caller gave it.
    pub file: String,
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The source line, with everything that could move a terminal's cursor replaced; cut when it is long.
    pub excerpt: String,
    /// Where in `excerpt` the marker starts, in characters from 0.
    pub marker: u32,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let Place { line, column, width } = self.place;
        writeln!(f, "{}:{line}:{column}: {severity}[{}]: {}", self.file, self.code, self.message)?;
        let gutter = line.to_string().len();
        writeln!(f, " {line} | {}", self.excerpt)?;
        let room = self.excerpt.chars().count().saturating_sub(self.marker as usize).max(1);
        let marks = "^".repeat((width as usize).clamp(1, room));
        write!(f, " {:gutter$} | {:marker$}{marks}", "", "", marker = self.marker as usize)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n {:gutter$} = {hint}", "")?;
        }
        Ok(())
    }
}

/// Everything that is wrong with a file, in the order of its lines. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS, thiserror::Error)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// For a file of which nothing can be said but that.
    pub(crate) fn unreadable(file: &str) -> Self {
        let message = "this file cannot be read as a runbook".to_owned();
        Self(vec![Source { file, text: "" }.diagnostic(Severity::Error, "unreadable", Place::START, message, None)])
    }

    /// The diagnostics, in the order of their lines.
    #[must_use]
    pub fn list(&self) -> &[Diagnostic] {
        &self.0
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}

/// The text that is being read, with its label.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'t> {
    pub(crate) file: &'t str,
    pub(crate) text: &'t str,
}

impl Source<'_> {
    pub(crate) fn line(&self, line: u32) -> &str {
        self.text.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default()
    }

    pub(crate) fn diagnostic(
        &self,
        severity: Severity,
        code: impl Into<Cow<'static, str>>,
        place: Place,
        message: String,
        hint: Option<String>,
    ) -> Diagnostic {
        let (excerpt, marker) = excerpt(self.line(place.line), place.column.saturating_sub(1));
        Diagnostic { code: code.into(), severity, file: printable(self.file), place, message, hint, excerpt, marker }
    }
}

/// Cuts a long line around the marker, and replaces what could move a terminal's cursor.
fn excerpt(line: &str, marker: u32) -> (String, u32) {
    // No further than needed: a hostile file is one line of 100 MB.
    let marker = line.chars().take(marker as usize).count();
    let length = line.chars().take(marker + EXCERPT_CHARS_MAX + 1).count();
    let skip = if length > EXCERPT_CHARS_MAX { marker.saturating_sub(EXCERPT_CHARS_MAX / 2) } else { 0 };
    let shown = line.chars().skip(skip).take(EXCERPT_CHARS_MAX).collect::<String>();
    (printable(&shown), u32::try_from(marker - skip).unwrap_or(0))
}

/// A message or hint as it may reach a terminal: it can quote what the file says.
fn sayable(text: &str) -> String {
    let cut: String = text.chars().take(MESSAGE_CHARS_MAX).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    format!("{}{dots}", printable(&cut))
}

/// `text` with control characters replaced one for one, so that columns stay what they are.
pub(crate) fn printable(text: &str) -> String {
    let hidden = |c: char| c.is_control() || turns_direction(c);
    text.chars()
        .map(|c| {
            if c == '\t' {
                ' '
            } else if hidden(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// The characters that make text run in another direction than it is written.
pub(crate) fn turns_direction(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Collects what is wrong while a file is read, so that all of it can be said at once.
#[derive(Debug)]
pub(crate) struct Found<'t> {
    pub(crate) source: Source<'t>,
    list: Vec<Diagnostic>,
}

impl<'t> Found<'t> {
    pub(crate) const fn new(source: Source<'t>) -> Self {
        Self { source, list: Vec::new() }
    }

    pub(crate) fn error(&mut self, code: &'static str, place: Place, message: impl Into<String>) {
        self.push(code, place, message.into(), None);
    }

    pub(crate) fn error_with(
        &mut self,
        code: &'static str,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(code, place, message.into(), Some(hint.into()));
    }

    /// Whether nothing further is kept.
    pub(crate) const fn is_full(&self) -> bool {
        self.list.len() >= DIAGNOSTICS_MAX
    }

    fn push(&mut self, code: &'static str, place: Place, message: String, hint: Option<String>) {
        if !self.is_full() {
            let (message, hint) = (sayable(&message), hint.map(|hint| sayable(&hint)));
            self.list.push(self.source.diagnostic(Severity::Error, code, place, message, hint));
        }
    }

    /// The errors; none when nothing was wrong.
    pub(crate) fn into_errors(mut self) -> Option<Diagnostics> {
        self.list.sort_by_key(|diagnostic| diagnostic.place);
        (!self.list.is_empty()).then_some(Diagnostics(self.list))
    }
}
