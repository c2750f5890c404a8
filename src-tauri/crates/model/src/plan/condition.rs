//! What is left of a step's `when` once everything that a plan knows has been put in: a question
//! about captured values, answered when the step is due.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use crate::id::CaptureName;

/// A condition over captured values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Each of these holds.
    All(Vec<Condition>),
    /// At least one of these holds.
    Any(Vec<Condition>),
    /// This does not hold.
    Not(Box<Condition>),
    /// The value itself is neither empty, zero, `false` nor `null`.
    Truthy(Operand),
    /// The step that captures it has run here.
    Defined(CaptureName),
    /// Two values compared.
    Compare {
        /// The left side.
        left: Operand,
        /// How.
        op: Comparison,
        /// The right side.
        right: Operand,
    },
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Operand {
    /// Known when the plan was made.
    Value(#[ts(type = "unknown")] Value),
    /// Captured by an earlier step on the same host.
    Captured(CaptureName),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// `==`; a number equals its own digits, because what a host prints is text.
    Equal,
    /// `!=`
    NotEqual,
    /// `<`, by number.
    Less,
    /// `<=`, by number.
    LessOrEqual,
    /// `>`, by number.
    Greater,
    /// `>=`, by number.
    GreaterOrEqual,
    /// `in`: an item of the list, or a part of the text.
    In,
}

/// Why a condition has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecidable {
    /// Nothing was captured under that name on this host.
    #[error("no value was captured as {0} on this host")]
    NotCaptured(CaptureName),
    /// Compared by size, and one of them is not a number.
    #[error("{0} is not a number, and it is compared by size")]
    NotANumber(String),
    /// The right side of `in` holds nothing.
    #[error("{0} is neither a list nor a text that something could be in")]
    NotAContainer(String),
}

impl Condition {
    /// Whether it holds for what was captured.
    pub fn holds(&self, captured: &BTreeMap<CaptureName, Value>) -> Result<bool, Undecidable> {
        match self {
            Self::All(all) => {
                for condition in all {
                    if !condition.holds(captured)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Any(any) => {
                for condition in any {
                    if condition.holds(captured)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(condition) => Ok(!condition.holds(captured)?),
            Self::Truthy(operand) => Ok(truthy(operand.value(captured)?)),
            Self::Defined(name) => Ok(captured.contains_key(name)),
            Self::Compare { left, op, right } => compare(left.value(captured)?, *op, right.value(captured)?),
        }
    }
}

impl Operand {
    fn value<'v>(&'v self, captured: &'v BTreeMap<CaptureName, Value>) -> Result<&'v Value, Undecidable> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Captured(name) => captured.get(name).ok_or_else(|| Undecidable::NotCaptured(name.clone())),
        }
    }
}

/// Whether a value counts as true.
#[must_use]
pub fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// Compares two known values, by the rules that hold at planning and on the host alike.
pub fn compare(left: &Value, op: Comparison, right: &Value) -> Result<bool, Undecidable> {
    let by_size = |holds: fn(&f64, &f64) -> bool| Ok(holds(&number(left)?, &number(right)?));
    match op {
        Comparison::Equal => Ok(equal(left, right)),
        Comparison::NotEqual => Ok(!equal(left, right)),
        Comparison::Less => by_size(|a, b| a < b),
        Comparison::LessOrEqual => by_size(|a, b| a <= b),
        Comparison::Greater => by_size(|a, b| a > b),
        Comparison::GreaterOrEqual => by_size(|a, b| a >= b),
        Comparison::In => match right {
            Value::Array(items) => Ok(items.iter().any(|item| equal(left, item))),
            Value::String(text) => Ok(text.contains(&crate::quote::plain(left))),
            other => Err(Undecidable::NotAContainer(other.to_string())),
        },
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        // What a host printed is text; the runbook may write the number.
        (Value::Number(_), Value::String(text)) => number(left).ok() == text.trim().parse().ok(),
        (Value::String(_), Value::Number(_)) => equal(right, left),
        _ => left == right,
    }
}

fn number(value: &Value) -> Result<f64, Undecidable> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    };
    number.ok_or_else(|| Undecidable::NotANumber(value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_from_a_host_compares_with_what_the_runbook_wrote() {
        use Comparison as C;
        for (left, op, right, expected) in [
            (json!("7"), C::Equal, json!(7), Ok(true)),
            (json!(" 7 "), C::Less, json!(8), Ok(true)),
            (json!("active"), C::In, json!(["active", "activating"]), Ok(true)),
            (json!("x"), C::In, json!("xyz"), Ok(true)),
            (json!("7"), C::NotEqual, json!("7.0"), Ok(true)),
            (json!("seven"), C::Greater, json!(1), Err(())),
            (json!(1), C::In, json!(1), Err(())),
        ] {
            assert_eq!(compare(&left, op, &right).map_err(|_| ()), expected, "{left} {op:?} {right}");
        }
    }

    #[test]
    fn a_value_that_was_not_captured_is_never_taken_for_false() {
        let name = CaptureName::new("state").unwrap();
        let operand = Operand::Captured(name.clone());
        let asks = Condition::Truthy(operand);
        assert_eq!(asks.holds(&BTreeMap::new()), Err(Undecidable::NotCaptured(name.clone())));
        assert_eq!(Condition::Not(Box::new(asks)).holds(&BTreeMap::new()), Err(Undecidable::NotCaptured(name.clone())));
        assert_eq!(Condition::Defined(name).holds(&BTreeMap::new()), Ok(false));
    }
}
