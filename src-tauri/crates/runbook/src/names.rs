//! Names in templates: that each is known where it is used, and that late values stand alone.
//!
//! A secret and a captured value are not known when the plan is made. No filter, comparison or loop
//! could see them, so a tag that uses one must be that name and nothing else.

use std::collections::BTreeSet;

use daytwo_model::CaptureName;
use indexmap::IndexMap;

use crate::diagnostic::{Found, Place};
use crate::input::{InputKind, InputSpec};
use crate::suggest;
use crate::template::Template;
use crate::template::words;

/// Names that templates know and inputs therefore cannot have, beside those of the template language.
pub(crate) const RESERVED: &[&str] = &[
    "and",
    "captured",
    "defined",
    "elif",
    "else",
    "false",
    "False",
    "for",
    "host",
    "if",
    "in",
    "is",
    "loop",
    "none",
    "None",
    "not",
    "or",
    "raw",
    "recursive",
    "run",
    "secrets",
    "self",
    "true",
    "True",
];

/// What templates may use at one point of a runbook.
pub(crate) struct Scope<'r> {
    pub(crate) inputs: &'r IndexMap<String, InputSpec>,
    pub(crate) captured: BTreeSet<CaptureName>,
}

impl Scope<'_> {
    /// Checks every name of a template.
    pub(crate) fn check(&self, template: &Template, found: &mut Found<'_>) {
        for name in template.names() {
            if let Err((message, hint)) = self.check_name(name) {
                let place = found.locate_name(template.place(), name);
                match hint {
                    Some(hint) => found.error_with("unknown-name", place, message, hint),
                    None => found.error("unknown-name", place, message),
                }
            }
        }
        for (_, code, is_expression) in template.tags() {
            let late = words(code).into_iter().find(|word| self.is_late(word));
            if late.is_some() && !(is_expression && stands_alone(code)) {
                let place = found.locate_name(template.place(), code.trim());
                found.error_with(
                    "late-value",
                    place,
                    "a secret or captured value is known only when the step runs, so it can only stand alone",
                    "write {{ captured.name }} or {{ name }} without filters or conditions, and decide in the script",
                );
            }
        }
    }

    fn is_late(&self, word: &str) -> bool {
        word == "captured" || self.inputs.get(word).is_some_and(|input| matches!(input.kind, InputKind::Secret))
    }

    fn check_name(&self, name: &str) -> Result<(), (String, Option<String>)> {
        let mut path = name.splitn(3, '.');
        let root = path.next().unwrap_or_default();
        let field = path.next();
        let one_of = |known: &[&str]| match field {
            Some(field) if !known.contains(&field) => {
                Err((format!("`{root}` has no `{field}`"), suggest::hint(field, known)))
            }
            Some(_) => Ok(()),
            None => Err((format!("`{root}` is not a value itself"), suggest::hint("", known))),
        };
        match root {
            "host" => one_of(&["name", "labels", "vars"]),
            "run" => one_of(&["at", "stamp"]),
            "captured" => {
                let known: Vec<&str> = self.captured.iter().map(CaptureName::as_str).collect();
                let field = field.unwrap_or_default();
                if known.contains(&field) {
                    return Ok(());
                }
                let hint = suggest::hint(field, &known)
                    .unwrap_or_else(|| "an earlier step keeps a value with `capture: { name: stdout }`".to_owned());
                Err((format!("no step before this one captures `{field}`"), Some(hint)))
            }
            _ if self.inputs.contains_key(root) => Ok(()),
            _ => {
                let known: Vec<&str> =
                    self.inputs.keys().map(String::as_str).chain(["captured", "host", "run"]).collect();
                Err((format!("there is no input `{root}`"), suggest::hint(root, &known)))
            }
        }
    }
}

/// `name`, `captured.name`, or one of them with `| raw`.
fn stands_alone(code: &str) -> bool {
    let code = code.trim();
    let name = match code.split_once('|') {
        Some((name, filter)) if filter.trim() == "raw" => name.trim(),
        Some(_) => return false,
        None => code,
    };
    let name = name.strip_prefix("captured.").unwrap_or(name);
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

impl Found<'_> {
    /// The first place at or after `from` where `name` stands; `from` itself when it is not found.
    pub(crate) fn locate_name(&self, from: Place, name: &str) -> Place {
        let needle = name.lines().next().unwrap_or(name);
        self.locate(from, needle, 0)
    }

    /// The place of the `skip`-th next occurrence of `needle` at or after `from`.
    pub(crate) fn locate(&self, from: Place, needle: &str, skip: usize) -> Place {
        /// A template is not longer than this many lines, or its messages point to its beginning.
        const LINES_MAX: usize = 2000;
        if needle.is_empty() {
            return from;
        }
        let mut left = skip;
        let first = from.line.saturating_sub(1) as usize;
        for (index, line) in self.source.text.lines().enumerate().skip(first).take(LINES_MAX) {
            let start = if index == first { from.column.saturating_sub(1) as usize } else { 0 };
            let start = line.char_indices().nth(start).map_or(line.len(), |(byte, _)| byte);
            for (byte, _) in line.get(start..).unwrap_or_default().match_indices(needle) {
                if left > 0 {
                    left -= 1;
                    continue;
                }
                let column = line.get(..start + byte).unwrap_or_default().chars().count() + 1;
                let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
                return Place { line: small(index + 1), column: small(column), width: small(needle.chars().count()) };
            }
        }
        from
    }
}
