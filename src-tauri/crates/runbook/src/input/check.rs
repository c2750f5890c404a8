//! What was typed, checked against what is taken.

use daytwo_model::plan::InputValue;
use daytwo_model::{HostName, SecretName};
use serde_json::Value;

use super::{
    INPUT_BYTES_MAX, INTEGER_MAX, ITEMS_MAX, InputKind, InputSpec, list, parse_bytes, parse_percent, whole_match,
    written_bytes, written_percent,
};
use crate::diagnostic::{printable, turns_direction};
use crate::{duration, suggest};

/// The longest path that Linux and macOS take, in bytes.
const PATH_BYTES_MAX: usize = 4096;

/// Checks what was typed. An empty text stands for nothing, except as a string or a list that is not required.
///
/// The error is a sentence for the person who types.
pub fn check_input(spec: &InputSpec, typed: &str) -> Result<InputValue, String> {
    if typed.is_empty() {
        return match (&spec.kind, spec.required) {
            (_, true) => Err("a value is needed here".to_owned()),
            (InputKind::String { .. }, false) => check_value(&spec.kind, typed).map(InputValue::Value),
            (InputKind::List { .. }, false) => Ok(InputValue::Value(Value::Array(Vec::new()))),
            (_, false) => Ok(InputValue::Value(Value::Null)),
        };
    }
    safe(typed)?;
    match &spec.kind {
        InputKind::Secret => SecretName::new(typed).map(InputValue::Secret).map_err(|error| error.to_string()),
        InputKind::List { of, min, max } => {
            let items = list::split(typed);
            let value = check_items(of, *min, *max, &items)?;
            // White space alone is nothing that was typed.
            if spec.required && items.is_empty() {
                return Err("a value is needed here".to_owned());
            }
            Ok(InputValue::Value(value))
        }
        kind => check_value(kind, typed).map(InputValue::Value),
    }
}

/// Checks the items of a list one by one, for a default that is written as a list.
pub(crate) fn check_list(kind: &InputKind, items: &[&str]) -> Result<Value, String> {
    let InputKind::List { of, min, max } = kind else { return Err("this is not a list".to_owned()) };
    let bytes: usize = items.iter().map(|item| item.len()).sum();
    if bytes > INPUT_BYTES_MAX {
        return Err(format!("this is longer than {INPUT_BYTES_MAX} bytes"));
    }
    items.iter().try_for_each(|item| safe(item))?;
    check_items(of, *min, *max, items)
}

/// What no input may hold, whatever it is for: it would move a cursor, or show another script than the one that runs.
fn safe(typed: &str) -> Result<(), String> {
    if typed.len() > INPUT_BYTES_MAX {
        return Err(format!("this is longer than {INPUT_BYTES_MAX} bytes"));
    }
    if typed.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err("control characters are not allowed here".to_owned());
    }
    if typed.chars().any(turns_direction) {
        return Err("characters that turn the direction of text are not allowed here".to_owned());
    }
    Ok(())
}

fn check_items(of: &InputKind, min: Option<u32>, max: Option<u32>, items: &[&str]) -> Result<Value, String> {
    let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
    let max = max.unwrap_or(ITEMS_MAX).min(ITEMS_MAX);
    match min {
        Some(min) if count < min => return Err(format!("there are {count} items, and at least {min} are needed")),
        _ if count > max => return Err(format!("there are {count} items, and at most {max} are allowed")),
        _ => {}
    }
    let mut values = Vec::new();
    for (number, item) in (1..).zip(items) {
        let item = item.trim();
        if item.is_empty() {
            return Err(format!("item {number} is empty"));
        }
        if item.contains('\n') {
            return Err(format!("item {number} has more than one line"));
        }
        let value = check_value(of, item).map_err(|why| format!("item {number}, `{}`: {why}", short(item)))?;
        values.push(value);
    }
    Ok(Value::Array(values))
}

fn check_value(kind: &InputKind, typed: &str) -> Result<Value, String> {
    match kind {
        InputKind::String { pattern } => {
            if let Some(pattern) = pattern {
                let whole = whole_match(pattern).map_err(|_| format!("its pattern {pattern} cannot be used"))?;
                if !whole.is_match(typed) {
                    return Err(format!("this does not match {pattern}"));
                }
            }
            Ok(Value::from(typed))
        }
        InputKind::Integer { min, max } => {
            let number: i64 = typed.trim().parse().map_err(|_| "this is not a whole number".to_owned())?;
            if number.unsigned_abs() > INTEGER_MAX.unsigned_abs() {
                return Err(format!("this is beyond ±{INTEGER_MAX}"));
            }
            within(number, *min, *max, |bound| bound.to_string())?;
            Ok(Value::from(number))
        }
        InputKind::Number { min, max } => {
            let number: f64 = typed.trim().parse().map_err(|_| "this is not a number".to_owned())?;
            if !number.is_finite() {
                return Err("this is not a number".to_owned());
            }
            within(number, *min, *max, |bound| bound.to_string())?;
            Ok(Value::from(number))
        }
        InputKind::Boolean => match typed.trim() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err("this is neither true nor false".to_owned()),
        },
        InputKind::Choice { choices, from } => check_choice(choices, from.is_some(), typed),
        InputKind::Duration { min_ms, max_ms } => {
            let ms = duration::parse_ms(typed)?;
            within(ms, *min_ms, *max_ms, duration::written_ms)?;
            Ok(if ms % 1000 == 0 { Value::from(ms / 1000) } else { seconds(ms) })
        }
        InputKind::Size { min, max } => {
            let bytes = parse_bytes(typed)?;
            within(bytes, *min, *max, written_bytes)?;
            Ok(Value::from(bytes))
        }
        InputKind::Percentage { min, max } => {
            let percent = parse_percent(typed)?;
            within(percent, Some(min.unwrap_or(0.0)), Some(max.unwrap_or(100.0)), written_percent)?;
            Ok(whole_or_not(percent))
        }
        InputKind::DateTime => moment(typed.trim()),
        InputKind::Host => {
            HostName::new(typed.trim()).map(|name| Value::from(name.as_str())).map_err(|error| error.to_string())
        }
        InputKind::File => path(typed),
        InputKind::List { .. } => Err("a list cannot be an item of a list".to_owned()),
        InputKind::Secret => Err("a secret is given by its name".to_owned()),
    }
}

/// One of the choices where they are known; anything on one line where somebody has yet to be asked.
fn check_choice(choices: &[String], asked: bool, typed: &str) -> Result<Value, String> {
    if asked {
        let fits = !typed.trim().is_empty() && !typed.contains('\n');
        return if fits { Ok(Value::from(typed)) } else { Err("a choice is one line of text".to_owned()) };
    }
    if choices.iter().any(|choice| choice == typed) {
        return Ok(Value::from(typed));
    }
    let known: Vec<&str> = choices.iter().map(String::as_str).collect();
    let hint = suggest::hint(typed, &known).unwrap_or_default();
    Err(format!("this is not one of the choices; {hint}"))
}

/// RFC 3339 with its offset, in UTC. The looser forms that are around are not: `11/12` is two days.
fn moment(typed: &str) -> Result<Value, String> {
    let wrong = || {
        let shown = short(typed);
        format!("`{shown}` is not a date and time; write it as in 2026-11-20T03:00:00Z or 2026-11-20T04:00:00+01:00")
    };
    let plain = |c: char| c.is_ascii_digit() || "-:.+TZ".contains(c);
    if !typed.chars().all(plain) || typed.get(10..11) != Some("T") {
        return Err(wrong());
    }
    let moment: jiff::Timestamp = typed.parse().map_err(|_| wrong())?;
    Ok(Value::from(moment.to_string()))
}

/// The shape of a path only; planning asks whether there is such a file.
fn path(typed: &str) -> Result<Value, String> {
    if typed.trim().is_empty() || typed.contains(['\n', '\t']) {
        return Err("a path is one line of text".to_owned());
    }
    if typed.len() > PATH_BYTES_MAX {
        return Err(format!("a path has at most {PATH_BYTES_MAX} bytes"));
    }
    if typed.ends_with('/') {
        return Err("this is a folder, and a file is needed".to_owned());
    }
    Ok(Value::from(typed))
}

/// An item as a message names it.
fn short(item: &str) -> String {
    /// A screen has one line for the message.
    const CHARS_MAX: usize = 40;
    let cut: String = item.chars().take(CHARS_MAX).collect();
    let dots = if cut.len() < item.len() { "…" } else { "" };
    format!("{}{dots}", printable(&cut))
}

/// Part of a second, for the rare duration that is not whole; below 30 days this is exact.
#[expect(clippy::cast_precision_loss, reason = "30 days of milliseconds are far below 2^53")]
fn seconds(ms: u64) -> Value {
    Value::from(ms as f64 / 1000.0)
}

/// A number as JSON writes it: without a point where it is whole.
#[expect(clippy::cast_possible_truncation, reason = "whole, and far below 2^53 by the bounds of a percentage")]
fn whole_or_not(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e15 { Value::from(number as i64) } else { Value::from(number) }
}

fn within<N: PartialOrd + Copy>(
    number: N,
    min: Option<N>,
    max: Option<N>,
    written: impl Fn(N) -> String,
) -> Result<(), String> {
    match (min, max) {
        (Some(min), _) if number < min => Err(format!("this is less than {}", written(min))),
        (_, Some(max)) if number > max => Err(format!("this is more than {}", written(max))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ChoiceSource, as_typed};
    use super::*;

    fn spec(kind: InputKind, required: bool) -> InputSpec {
        InputSpec { kind, title: String::new(), help: None, default: None, required }
    }

    fn string(pattern: &str) -> InputKind {
        InputKind::String { pattern: Some(pattern.to_owned()) }
    }

    fn list(of: InputKind, min: u32, max: u32) -> InputKind {
        InputKind::List { of: Box::new(of), min: Some(min), max: Some(max) }
    }

    /// The value as JSON, or the sentence after an exclamation mark; what is accepted also survives its way back.
    fn outcome(kind: &InputKind, text: &str) -> String {
        let spec = spec(kind.clone(), true);
        match check_input(&spec, text) {
            Ok(InputValue::Value(value)) => {
                let again = check_input(&spec, &as_typed(kind, &value));
                assert_eq!(again, Ok(InputValue::Value(value.clone())), "{kind:?} {text:?}");
                value.to_string()
            }
            Ok(InputValue::Secret(name)) => format!("secret {name}"),
            Err(message) => format!("! {message}"),
        }
    }

    #[test]
    fn a_string_stays_the_string_that_was_typed() {
        let kind = string("[a-z.]+|no");
        for (kind, typed, expected) in [
            (&kind, "nginx.service", "\"nginx.service\""),
            (&kind, "no", "\"no\""),
            (&kind, "nox", "\"nox\""),
            (&kind, "no way", "! this does not match [a-z.]+|no"),
            (&kind, "a\n", "! this does not match [a-z.]+|no"),
            (&kind, "", "! a value is needed here"),
            (&InputKind::String { pattern: None }, "0777", "\"0777\""),
            (&InputKind::String { pattern: None }, " 1e3 ", "\" 1e3 \""),
            (&InputKind::String { pattern: None }, "a\u{1b}[2J", "! control characters are not allowed here"),
            (
                &InputKind::String { pattern: None },
                "a\u{202e}b",
                "! characters that turn the direction of text are not allowed here",
            ),
        ] {
            assert_eq!(outcome(kind, typed), expected, "{kind:?} {typed:?}");
        }
    }

    #[test]
    fn numbers_and_quantities_keep_to_their_bounds() {
        let integer = InputKind::Integer { min: Some(1), max: Some(10) };
        let anything = InputKind::Integer { min: None, max: None };
        let number = InputKind::Number { min: None, max: Some(1.5) };
        let duration = InputKind::Duration { min_ms: Some(500), max_ms: Some(90_000) };
        let size = InputKind::Size { min: Some(1 << 20), max: None };
        let share = InputKind::Percentage { min: Some(1.0), max: Some(50.0) };
        let any_share = InputKind::Percentage { min: None, max: None };
        for (kind, typed, expected) in [
            (&integer, "7", "7"),
            (&integer, "11", "! this is more than 10"),
            (&integer, "1e1", "! this is not a whole number"),
            (&anything, "-9223372036854775808", "! this is beyond ±9007199254740991"),
            (&number, "1e0", "1.0"),
            (&number, "nan", "! this is not a number"),
            (&duration, "1m30s", "90"),
            (&duration, "500ms", "0.5"),
            (&duration, "2m", "! this is more than 1m30s"),
            (&size, "2GiB", "2147483648"),
            (&size, "1MB", "! this is less than 1MiB"),
            (&size, "5G", "! `5G` is not a size; write it with its unit, as in 512KiB, 500MB or 2GiB"),
            (&share, "10%", "10"),
            (&share, "2.5", "2.5"),
            (&share, "51%", "! this is more than 50%"),
            (&any_share, "101", "! this is more than 100%"),
        ] {
            assert_eq!(outcome(kind, typed), expected, "{kind:?} {typed:?}");
        }
    }

    #[test]
    fn words_moments_hosts_files_and_secrets_have_their_shapes() {
        let choice = InputKind::Choice { choices: vec!["rolling".into(), "at-once".into()], from: None };
        let source = ChoiceSource::Command { run: "git tag".into(), timeout_ms: 1000 };
        let asked = InputKind::Choice { choices: Vec::new(), from: Some(source) };
        let moment = "! `2026-11-20 03:00Z` is not a date and time; write it as in 2026-11-20T03:00:00Z or \
                      2026-11-20T04:00:00+01:00";
        for (kind, typed, expected) in [
            (&InputKind::Boolean, "true", "true"),
            (&InputKind::Boolean, "no", "! this is neither true nor false"),
            (&choice, "at-once", "\"at-once\""),
            (&choice, "at_once", "! this is not one of the choices; did you mean `at-once`?"),
            (&asked, "v1.2", "\"v1.2\""),
            (&asked, " ", "! a choice is one line of text"),
            (&InputKind::DateTime, "2026-11-20T04:00:00.5+01:00", "\"2026-11-20T03:00:00.5Z\""),
            (&InputKind::DateTime, "2026-11-20T03:00:00Z", "\"2026-11-20T03:00:00Z\""),
            (&InputKind::DateTime, "2026-11-20 03:00Z", moment),
            (&InputKind::Host, "web-01.ams", "\"web-01.ams\""),
            (
                &InputKind::Host,
                "web 01",
                "! \"web 01\" is not a valid host name: it holds a character that is not allowed here",
            ),
            (&InputKind::File, "~/site.conf", "\"~/site.conf\""),
            (&InputKind::File, "/etc/", "! this is a folder, and a file is needed"),
            (&InputKind::File, "a\nb", "! a path is one line of text"),
            (&InputKind::Secret, "gateway-master-key", "secret gateway-master-key"),
            (
                &InputKind::Secret,
                "sk 123",
                "! \"sk 123\" is not a valid secret name: it holds a character that is not allowed here",
            ),
        ] {
            assert_eq!(outcome(kind, typed), expected, "{kind:?} {typed:?}");
        }
        for bad in ["2026-11-20", "2026-11-20T03:00:00", "2026-13-20T03:00:00Z", "2026-11-20T03:00:00Z[UTC]", "T", "é"]
        {
            assert!(outcome(&InputKind::DateTime, bad).starts_with('!'), "{bad}");
        }
    }

    #[test]
    fn every_item_of_a_list_is_checked_and_the_error_names_it() {
        let units = list(string("[a-z.]+"), 1, 3);
        let sizes = list(InputKind::Size { min: None, max: None }, 0, 5);
        for (kind, typed, expected) in [
            (&units, "a.service, b.service", r#"["a.service","b.service"]"#),
            (&units, "a\nb\n", r#"["a","b"]"#),
            (&units, "a,,b", "! item 2 is empty"),
            (&units, "a, B", "! item 2, `B`: this does not match [a-z.]+"),
            (&units, "a,b,c,d", "! there are 4 items, and at most 3 are allowed"),
            (&units, " ", "! there are 0 items, and at least 1 are needed"),
            (&sizes, " \t", "! a value is needed here"),
            (&sizes, "1KiB, 2MB", "[1024,2000000]"),
            (&list(InputKind::String { pattern: None }, 1, 1), "a,b\n", r#"["a,b"]"#),
        ] {
            assert_eq!(outcome(kind, typed), expected, "{kind:?} {typed:?}");
        }
        let many = vec!["a"; 101].join(",");
        let unbounded = InputKind::List { of: Box::new(string("a")), min: None, max: None };
        assert_eq!(outcome(&unbounded, &many), "! there are 101 items, and at most 100 are allowed");
    }

    #[test]
    fn nothing_typed_is_nothing_an_empty_text_or_an_empty_list() {
        for (kind, value) in [
            (InputKind::String { pattern: None }, Value::from("")),
            (list(InputKind::Boolean, 0, 3), Value::Array(Vec::new())),
            (InputKind::DateTime, Value::Null),
            (InputKind::Secret, Value::Null),
        ] {
            assert_eq!(check_input(&spec(kind.clone(), false), ""), Ok(InputValue::Value(value)));
            assert!(check_input(&spec(kind, true), "").is_err());
        }
    }
}
