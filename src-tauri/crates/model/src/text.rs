//! Rendered text whose last values are known only when it is sent.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use crate::id::{CaptureName, SecretName};
use crate::quote::Quote;
use crate::secret::SecretValue;

/// Text of a plan: what is known is plain, what must not or cannot be known yet is named.
///
/// A plan therefore holds no secret, and a captured value is quoted by the same rules as any other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(transparent)]
pub struct Text(Vec<Part>);

/// A piece of a [`Text`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Stands as it is.
    Plain(String),
    /// Is put in when the text is sent.
    Late {
        /// Which value.
        value: Late,
        /// How it is quoted.
        quote: Quote,
    },
}

/// A value that a plan names and does not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Late {
    /// Read from the keyring when it is needed.
    Secret(SecretName),
    /// Captured on the same host by an earlier step of the run.
    Capture(CaptureName),
}

/// A late value was not there when the text was to be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// The secret has no value at hand.
    #[error("secret {0} has no value")]
    Secret(SecretName),
    /// No earlier step captured it on this host.
    #[error("nothing was captured as {0} on this host")]
    Capture(CaptureName),
}

impl Text {
    /// Joins neighbouring plain parts, so that equal texts are equal values.
    #[must_use]
    pub fn new(parts: impl IntoIterator<Item = Part>) -> Self {
        let mut joined: Vec<Part> = Vec::new();
        for part in parts {
            match (joined.last_mut(), part) {
                (_, Part::Plain(text)) if text.is_empty() => {}
                (Some(Part::Plain(before)), Part::Plain(text)) => before.push_str(&text),
                (_, part) => joined.push(part),
            }
        }
        Self(joined)
    }

    /// A text in which everything is known.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self::new([Part::Plain(text.into())])
    }

    /// The pieces, in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// For people: late values as `‹secret NAME›` and `‹captured NAME›`.
    #[must_use]
    pub fn preview(&self) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Plain(text) => text.clone(),
                Part::Late { value: Late::Secret(name), .. } => format!("‹secret {name}›"),
                Part::Late { value: Late::Capture(name), .. } => format!("‹captured {name}›"),
            })
            .collect()
    }

    /// The secrets that it needs.
    #[must_use]
    pub fn secrets(&self) -> BTreeSet<SecretName> {
        self.late()
            .filter_map(|late| match late {
                Late::Secret(name) => Some(name.clone()),
                Late::Capture(_) => None,
            })
            .collect()
    }

    /// The captured values that it needs.
    #[must_use]
    pub fn captures(&self) -> BTreeSet<CaptureName> {
        self.late()
            .filter_map(|late| match late {
                Late::Capture(name) => Some(name.clone()),
                Late::Secret(_) => None,
            })
            .collect()
    }

    fn late(&self) -> impl Iterator<Item = &Late> {
        self.0.iter().filter_map(|part| match part {
            Part::Late { value, .. } => Some(value),
            Part::Plain(_) => None,
        })
    }

    /// Puts the late values in. The result may hold secrets and is treated as one.
    pub fn fill(
        &self,
        secret: impl Fn(&SecretName) -> Option<SecretValue>,
        captured: impl Fn(&CaptureName) -> Option<Value>,
    ) -> Result<SecretValue, Missing> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Plain(text) => out.push_str(text),
                Part::Late { value: Late::Secret(name), quote } => {
                    let value = secret(name).ok_or_else(|| Missing::Secret(name.clone()))?;
                    out.push_str(&quote.apply(&Value::String(value.expose().to_owned())));
                }
                Part::Late { value: Late::Capture(name), quote } => {
                    let value = captured(name).ok_or_else(|| Missing::Capture(name.clone()))?;
                    out.push_str(&quote.apply(&value));
                }
            }
        }
        Ok(SecretValue::new(out))
    }

    /// Replaces captured values that are known now; the rest stays late. Used when an undo is planned.
    #[must_use]
    pub fn with_captures(&self, captured: impl Fn(&CaptureName) -> Option<Value>) -> Self {
        Self::new(self.0.iter().map(|part| match part {
            Part::Late { value: Late::Capture(name), quote } => {
                captured(name).map_or_else(|| part.clone(), |value| Part::Plain(quote.apply(&value)))
            }
            other @ (Part::Plain(_) | Part::Late { .. }) => other.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_values_are_quoted_when_they_are_put_in() {
        let key = SecretName::new("gateway-key").unwrap();
        let pid = CaptureName::new("old_pid").unwrap();
        let text = Text::new([
            Part::Plain("curl -H ".into()),
            Part::Late { value: Late::Secret(key.clone()), quote: Quote::Shell },
            Part::Plain(" ".into()),
            Part::Late { value: Late::Capture(pid.clone()), quote: Quote::Shell },
        ]);
        assert_eq!(text.preview(), "curl -H ‹secret gateway-key› ‹captured old_pid›");
        let filled = text.fill(|_| Some(SecretValue::new("a'b")), |_| Some(Value::from(7))).unwrap();
        assert_eq!(filled.expose(), r"curl -H 'a'\''b' 7");
        assert_eq!(text.fill(|_| None, |_| None).unwrap_err(), Missing::Secret(key));
        assert_eq!(text.with_captures(|_| Some(Value::from("x y"))).preview(), "curl -H ‹secret gateway-key› 'x y'");
    }
}
