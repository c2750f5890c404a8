//! Compares what came back with what must come back. Pure.

use std::sync::Arc;

use daytwo_model::plan::Expect;
use daytwo_model::{Exit, SecretValue, Text};
use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::capture::Kept;
use crate::http::points_to;
use crate::redact::Mask;

/// Memory for one compiled pattern; a pattern that needs more is a mistake.
const PATTERN_BYTES_MAX: usize = 1024 * 1024;
/// Characters of a value that are shown when it is not the expected one.
const SHOWN_CHARS_MAX: usize = 160;

/// What must come back, with late values filled in. May hold secrets.
pub struct Expected {
    exit_code: Option<i32>,
    status: Option<u16>,
    stdout: Option<SecretValue>,
    pattern: Option<Regex>,
    json: Vec<(String, Value)>,
    members: Vec<(String, Option<Value>)>,
}

/// What came back.
pub struct Answer {
    /// How the read ended.
    pub exit: Exit,
    /// Standard output, or the body.
    pub stdout: Kept,
}

impl Expected {
    /// Fills late values in with `fill`, and compiles the pattern.
    pub fn new(expect: &Expect, fill: impl Fn(&Text) -> Result<SecretValue, String>) -> Result<Self, String> {
        let pattern = expect.stdout_matches.as_deref().map(pattern);
        let json = expect.json.iter().map(|(pointer, text)| {
            let text = fill(text)?;
            let value = serde_json::from_str(text.expose());
            value
                .map(|value| (pointer.clone(), value))
                .map_err(|_| format!("what is expected at {pointer:?} is not a JSON value"))
        });
        let members = expect.members.iter().map(|(pointer, text)| Ok((pointer.clone(), member(fill(text)?.expose())?)));
        Ok(Self {
            members: members.collect::<Result<_, String>>()?,
            exit_code: expect.exit_code,
            status: expect.status,
            stdout: expect.stdout.as_ref().map(&fill).transpose()?,
            pattern: pattern.transpose()?,
            json: json.collect::<Result<_, String>>()?,
        })
    }

    /// Whether all of it came back; if not, the first difference, without secrets.
    pub fn check(&self, answer: &Answer, mask: &Arc<Mask>) -> Result<(), String> {
        self.check_exit(answer)?;
        let name = if matches!(answer.exit, Exit::Status(_)) { "the body" } else { "stdout" };
        if let Some(expected) = &self.stdout {
            let (saw, expected) = (answer.stdout.whole()?, expected.expose().trim());
            if saw.trim() != expected {
                return Err(format!("{name} was {}, expected {}", shown(saw.trim(), mask), shown(expected, mask)));
            }
        }
        if let Some(pattern) = &self.pattern {
            let saw = answer.stdout.whole()?;
            if !pattern.is_match(&saw) {
                let pattern = shown(pattern.as_str(), mask);
                return Err(format!("{name} was {}, expected a match of {pattern}", shown(saw.trim(), mask)));
            }
        }
        if self.json.is_empty() && self.members.is_empty() {
            return Ok(());
        }
        let document = answer.stdout.json()?;
        for (pointer, expected) in &self.json {
            let Some(saw) = document.pointer(pointer) else {
                return Err(format!("{name} has no value at {pointer:?}, expected {}", bare(expected, mask)));
            };
            if !same(saw, expected) {
                let (saw, expected) = (bare(saw, mask), bare(expected, mask));
                return Err(format!("{name} had {saw} at {pointer:?}, expected {expected}"));
            }
        }
        for (pointer, expected) in &self.members {
            match (document.pointer(pointer), expected) {
                (None, None) => {}
                (Some(saw), Some(expected)) if same(saw, expected) => {}
                (saw, expected) => {
                    let told = |value: Option<&Value>| value.map_or("nothing".to_owned(), |value| bare(value, mask));
                    let (saw, expected) = (told(saw), told(expected.as_ref()));
                    return Err(format!("{name} had {saw} at {pointer:?}, expected {expected}"));
                }
            }
        }
        Ok(())
    }

    fn check_exit(&self, answer: &Answer) -> Result<(), String> {
        let exit = &answer.exit;
        match (exit, self.exit_code, self.status) {
            (Exit::Code(code), expected, _) if *code == expected.unwrap_or(0) => Ok(()),
            (Exit::Code(_) | Exit::Signal(_), expected, _) => {
                Err(format!("it ended with {exit}, expected exit {}", expected.unwrap_or(0)))
            }
            (Exit::Status(status), _, Some(expected)) if *status == expected => Ok(()),
            (Exit::Status(_), _, Some(expected)) => Err(format!("the answer was {exit}, expected HTTP {expected}")),
            (Exit::Status(_), _, None) if exit.is_success() => Ok(()),
            (Exit::Status(status), _, None) => {
                let to = points_to(*status, answer.stdout.headers());
                let to = to.map(|to| format!(", which points to {to}")).unwrap_or_default();
                Err(format!("the answer was {exit}{to}, expected HTTP 2xx"))
            }
        }
    }
}

/// Compiles a pattern within a bound.
pub(crate) fn pattern(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text)
        .size_limit(PATTERN_BYTES_MAX)
        .build()
        .map_err(|_| format!("{text:?} is not a usable regular expression"))
}

/// What a member is, or is not: `[value]` or `[]`.
pub(crate) fn member(text: &str) -> Result<Option<Value>, String> {
    let mut values: Vec<Value> =
        serde_json::from_str(text).map_err(|_| "what a member is to be is not `[value]` or `[]`".to_owned())?;
    match (values.pop(), values.is_empty()) {
        (value, true) => Ok(value),
        (_, false) => Err("a member cannot be several values".to_owned()),
    }
}

/// JSON numbers by value: `60` is `60.0`.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => a == b || x.as_f64() == y.as_f64() && x.is_f64() != y.is_f64(),
        _ => a == b,
    }
}

fn shown(text: &str, mask: &Arc<Mask>) -> String {
    format!("{:?}", shortened(&mask.text(text), SHOWN_CHARS_MAX))
}

fn bare(value: &Value, mask: &Arc<Mask>) -> String {
    shortened(&mask.value(value.clone()).to_string(), SHOWN_CHARS_MAX)
}

/// The first `chars_max` characters, with `…` where there are more.
pub(crate) fn shortened(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
