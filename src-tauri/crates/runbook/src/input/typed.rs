//! The way back: what would have to be typed for a value.

use serde_json::Value;

use super::{InputKind, list, written_bytes, written_percent};
use crate::duration;

/// A value of this kind as it would be typed: `check_input` makes the same value of it. A default is
/// shown so in a form, and an input is handed so to a runbook that is called.
#[must_use]
pub fn as_typed(kind: &InputKind, value: &Value) -> String {
    match (kind, value) {
        (InputKind::List { of, .. }, Value::Array(items)) => {
            list::join(&items.iter().map(|item| as_typed(of, item)).collect::<Vec<_>>())
        }
        (InputKind::Duration { .. }, Value::Number(number)) => number.as_f64().map_or_else(String::new, seconds),
        (InputKind::Size { .. }, Value::Number(number)) => number.as_u64().map_or_else(String::new, written_bytes),
        (InputKind::Percentage { .. }, Value::Number(number)) => {
            number.as_f64().map_or_else(String::new, written_percent)
        }
        (_, Value::Null) => String::new(),
        (_, Value::String(text)) => text.clone(),
        _ => value.to_string(),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a duration is from 0 to 30 days")]
fn seconds(seconds: f64) -> String {
    duration::written_ms((seconds * 1000.0).round() as u64)
}
