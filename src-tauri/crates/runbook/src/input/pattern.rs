//! Regular expressions that a runbook holds. They take linear time and little memory, whatever their text says.

use regex::Regex;

/// `pattern` so that it must match the whole text.
pub(crate) fn whole_match(pattern: &str) -> Result<Regex, regex::Error> {
    // On its own first: `a)(b` is not a pattern, although it is one between parentheses.
    bounded_regex(pattern)?;
    bounded_regex(&format!("^(?:{pattern})$"))
}

/// A regular expression whose compiled form stays small, whatever its text says.
pub(crate) fn bounded_regex(pattern: &str) -> Result<Regex, regex::Error> {
    const COMPILED_BYTES_MAX: usize = 1 << 20;
    regex::RegexBuilder::new(pattern).size_limit(COMPILED_BYTES_MAX).build()
}
