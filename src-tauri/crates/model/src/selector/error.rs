//! Why a text is not a selector, in words that say what to do.

/// Longest quotation of what was found; a screen has one line for it.
const FOUND_CHARS_MAX: usize = 40;

/// Why a text is not a selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: expected {expected}, found {found}{}", .hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default())]
pub struct SelectorError {
    /// Column of the problem, in characters from 1.
    pub column: usize,
    /// How many characters it is wide; at least 1.
    pub width: usize,
    /// What could stand there.
    pub expected: &'static str,
    /// What does.
    pub found: String,
    /// What to do about it, where that can be told.
    pub hint: Option<String>,
}

impl SelectorError {
    pub(super) fn new(column: usize, width: usize, expected: &'static str, found: String) -> Self {
        Self { column, width: width.max(1), expected, found, hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into().or(self.hint);
        self
    }
}

/// A text as it is shown: quoted, escaped, and not too long.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(FOUND_CHARS_MAX).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("{short:?}{dots}")
}
