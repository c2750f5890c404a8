//! Inputs: what an operator types, and what it becomes. The same check serves forms, command line and planning.

use daytwo_model::SecretName;
use daytwo_model::plan::InputValue;
use regex::Regex;
use serde::Serialize;
use serde_json::Value;
use ts_rs::TS;

use crate::{duration, suggest};

/// The longest text that an input may hold, in bytes. It becomes part of every host's script.
pub const INPUT_BYTES_MAX: usize = 16 * 1024;

/// The largest magnitude of an integer input: what JSON and JavaScript hold without loss (2^53 - 1).
const INTEGER_MAX: i64 = 9_007_199_254_740_991;

/// One input of a runbook.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct InputSpec {
    /// What it takes.
    pub kind: InputKind,
    /// For the form.
    pub title: String,
    /// More about it, for the form.
    pub help: Option<String>,
    /// What it is when nothing is typed, checked; for a secret, its name.
    #[ts(type = "unknown")]
    pub default: Option<Value>,
    /// Whether something must be typed, or be there by default.
    pub required: bool,
}

/// What an input takes.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum InputKind {
    /// Text, exactly as it was typed.
    String {
        /// A regular expression that the whole text must match.
        pattern: Option<String>,
    },
    /// A whole number.
    Integer {
        /// The smallest.
        #[ts(type = "number | null")]
        min: Option<i64>,
        /// The largest.
        #[ts(type = "number | null")]
        max: Option<i64>,
    },
    /// A number.
    Number {
        /// The smallest.
        min: Option<f64>,
        /// The largest.
        max: Option<f64>,
    },
    /// Yes or no; typed as `true` or `false`.
    Boolean,
    /// One of these.
    Choice {
        /// The choices.
        choices: Vec<String>,
    },
    /// `90s`, `1m30s`; in templates its number of seconds.
    Duration,
    /// The name of a secret; never its value.
    Secret,
}

impl InputKind {
    /// Its word in a runbook.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::String { .. } => "string",
            Self::Integer { .. } => "integer",
            Self::Number { .. } => "number",
            Self::Boolean => "boolean",
            Self::Choice { .. } => "choice",
            Self::Duration => "duration",
            Self::Secret => "secret",
        }
    }
}

/// Checks what was typed. An empty text stands for nothing, except as a string that is not required.
///
/// The error is a sentence for the person who types.
pub fn check_input(spec: &InputSpec, typed: &str) -> Result<InputValue, String> {
    let is_text = matches!(spec.kind, InputKind::String { .. });
    if typed.is_empty() && (spec.required || !is_text) {
        return if spec.required {
            Err("a value is needed here".to_owned())
        } else {
            Ok(InputValue::Value(Value::Null))
        };
    }
    if typed.len() > INPUT_BYTES_MAX {
        return Err(format!("this is longer than {INPUT_BYTES_MAX} bytes"));
    }
    if typed.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err("control characters are not allowed here".to_owned());
    }
    if let InputKind::Secret = spec.kind {
        return SecretName::new(typed).map(InputValue::Secret).map_err(|error| error.to_string());
    }
    check_value(&spec.kind, typed).map(InputValue::Value)
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
            if number.abs() > INTEGER_MAX {
                return Err(format!("this is beyond ±{INTEGER_MAX}"));
            }
            in_bounds(number, *min, *max)?;
            Ok(Value::from(number))
        }
        InputKind::Number { min, max } => {
            let number: f64 = typed.trim().parse().map_err(|_| "this is not a number".to_owned())?;
            if !number.is_finite() {
                return Err("this is not a number".to_owned());
            }
            in_bounds(number, *min, *max)?;
            Ok(Value::from(number))
        }
        InputKind::Boolean => match typed.trim() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err("this is neither true nor false".to_owned()),
        },
        InputKind::Choice { choices } => {
            if choices.iter().any(|choice| choice == typed) {
                return Ok(Value::from(typed));
            }
            let known: Vec<&str> = choices.iter().map(String::as_str).collect();
            let hint = suggest::hint(typed, &known).unwrap_or_default();
            Err(format!("this is not one of the choices; {hint}"))
        }
        InputKind::Duration => {
            let ms = duration::parse_ms(typed)?;
            Ok(if ms % 1000 == 0 { Value::from(ms / 1000) } else { seconds(ms) })
        }
        InputKind::Secret => Err("a secret is given by its name".to_owned()),
    }
}

/// Part of a second, for the rare duration that is not whole; below 30 days this is exact.
#[expect(clippy::cast_precision_loss, reason = "30 days of milliseconds are far below 2^53")]
fn seconds(ms: u64) -> Value {
    Value::from(ms as f64 / 1000.0)
}

fn in_bounds<N: PartialOrd + std::fmt::Display + Copy>(
    number: N,
    min: Option<N>,
    max: Option<N>,
) -> Result<(), String> {
    match (min, max) {
        (Some(min), _) if number < min => Err(format!("this is less than {min}")),
        (_, Some(max)) if number > max => Err(format!("this is more than {max}")),
        _ => Ok(()),
    }
}

/// `pattern` so that it must match the whole text. Regular expressions here take linear time.
pub(crate) fn whole_match(pattern: &str) -> Result<Regex, regex::Error> {
    bounded_regex(&format!("^(?:{pattern})$"))
}

/// A regular expression whose compiled form stays small, whatever its text says.
pub(crate) fn bounded_regex(pattern: &str) -> Result<Regex, regex::Error> {
    const COMPILED_BYTES_MAX: usize = 1 << 20;
    regex::RegexBuilder::new(pattern).size_limit(COMPILED_BYTES_MAX).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(kind: InputKind, required: bool) -> InputSpec {
        InputSpec { kind, title: String::new(), help: None, default: None, required }
    }

    #[test]
    fn what_is_typed_becomes_a_value_of_the_inputs_type_or_a_sentence() {
        let check = |kind: &InputKind, typed: &str| match check_input(&spec(kind.clone(), true), typed) {
            Ok(InputValue::Value(value)) => value.to_string(),
            Ok(InputValue::Secret(name)) => format!("secret {name}"),
            Err(message) => format!("! {message}"),
        };
        let string = InputKind::String { pattern: Some("[a-z.]+|no".into()) };
        let integer = InputKind::Integer { min: Some(1), max: Some(10) };
        let number = InputKind::Number { min: None, max: Some(1.5) };
        let choice = InputKind::Choice { choices: vec!["rolling".into(), "at-once".into()] };
        for (kind, typed, outcome) in [
            (&string, "nginx.service", "\"nginx.service\""),
            (&string, "no", "\"no\""),
            (&string, "nox", "\"nox\""),
            (&string, "no way", "! this does not match [a-z.]+|no"),
            (&string, "", "! a value is needed here"),
            (&InputKind::String { pattern: None }, "0777", "\"0777\""),
            (&InputKind::String { pattern: None }, "a\u{1b}[2J", "! control characters are not allowed here"),
            (&integer, "7", "7"),
            (&integer, "11", "! this is more than 10"),
            (&integer, "1e1", "! this is not a whole number"),
            (&number, "1e0", "1.0"),
            (&number, "nan", "! this is not a number"),
            (&InputKind::Boolean, "true", "true"),
            (&InputKind::Boolean, "no", "! this is neither true nor false"),
            (&choice, "at-once", "\"at-once\""),
            (&choice, "at_once", "! this is not one of the choices; did you mean `at-once`?"),
            (&InputKind::Duration, "1m30s", "90"),
            (&InputKind::Duration, "500ms", "0.5"),
            (&InputKind::Secret, "gateway-master-key", "secret gateway-master-key"),
            (
                &InputKind::Secret,
                "sk 123",
                "! \"sk 123\" is not a valid secret name: it holds a character that is not allowed here",
            ),
        ] {
            assert_eq!(check(kind, typed), outcome, "{kind:?} {typed:?}");
        }
    }
}
