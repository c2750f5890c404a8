//! What may be known of a host beside its labels: facts, each with its own age.
//!
//! A sheet is only what somebody saw at some time. Nothing here says that a fact still holds: who
//! compares it with something decides how old it may be (see [`crate::selector`]).

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::time::Timestamp;

/// What a fact says, in a unit that cannot be mistaken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case", deny_unknown_fields)]
pub enum FactValue {
    /// A text, for example a kernel release.
    Text(String),
    /// A number without a unit, for example a load average.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// A size in bytes.
    Bytes(#[ts(type = "number")] u64),
    /// A span of time in seconds.
    Seconds(f64),
    /// A part of something, in bytes: comparable with a share (`10%`) and with a size (`5GiB`).
    Share {
        /// The part.
        #[ts(type = "number")]
        amount: u64,
        /// The whole.
        #[ts(type = "number")]
        total: u64,
    },
}

impl FactValue {
    /// What kind of value it is, for people: "a size".
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Number(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::Bytes(_) => "a size",
            Self::Seconds(_) => "a span of time",
            Self::Share { .. } => "a share",
        }
    }
}

/// One fact, and when it was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// What it says.
    pub value: FactValue,
    /// When the host said so.
    pub at: Timestamp,
}

/// The facts of one host, by dotted name (`disk.root.free`).
///
/// Sorted by name in one block of memory: a selector asks ten thousand sheets for a few names each,
/// and a binary search over neighbours costs it nothing to hash and nothing to allocate. The names
/// that the program itself gives are borrowed: all sheets share them, and so does the processor's cache.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<String, Fact>", into = "BTreeMap<String, Fact>")]
pub struct FactSheet(Vec<(Cow<'static, str>, Fact)>);

impl FactSheet {
    /// A sheet on which nothing is known.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The fact of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Fact> {
        self.place(name).ok().and_then(|index| self.0.get(index)).map(|(_, fact)| fact)
    }

    /// Notes a fact, in place of what was known under that name.
    pub fn insert(&mut self, name: impl Into<Cow<'static, str>>, fact: Fact) {
        let name = name.into();
        match self.place(&name) {
            Ok(index) => {
                if let Some((_, known)) = self.0.get_mut(index) {
                    *known = fact;
                }
            }
            Err(index) => self.0.insert(index, (name, fact)),
        }
    }

    /// All facts, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Fact)> {
        self.0.iter().map(|(name, fact)| (&**name, fact))
    }

    /// How many facts are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(name))
    }
}

impl<N: Into<Cow<'static, str>>> FromIterator<(N, Fact)> for FactSheet {
    fn from_iter<I: IntoIterator<Item = (N, Fact)>>(facts: I) -> Self {
        let mut sheet = Self::new();
        for (name, fact) in facts {
            sheet.insert(name, fact);
        }
        sheet
    }
}

impl From<BTreeMap<String, Fact>> for FactSheet {
    fn from(facts: BTreeMap<String, Fact>) -> Self {
        // A map is sorted as the sheet is.
        Self(facts.into_iter().map(|(name, fact)| (Cow::Owned(name), fact)).collect())
    }
}

impl From<FactSheet> for BTreeMap<String, Fact> {
    fn from(sheet: FactSheet) -> Self {
        sheet.0.into_iter().map(|(name, fact)| (name.into_owned(), fact)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_finds_what_was_noted_last_and_survives_being_written_down() {
        let fact = |value| Fact { value, at: Timestamp::from_unix_ms(1_000) };
        let mut sheet: FactSheet =
            [("os.name", FactValue::Text("Debian".into())), ("load.one", FactValue::Number(1.0))]
                .map(|(name, value)| (name, fact(value)))
                .into_iter()
                .collect();
        sheet.insert("load.one", fact(FactValue::Number(2.0)));
        sheet.insert("disk.root.free", fact(FactValue::Share { amount: 1, total: 4 }));
        assert_eq!(sheet.get("load.one").map(|fact| &fact.value), Some(&FactValue::Number(2.0)));
        assert_eq!(sheet.get("load"), None);
        assert_eq!(sheet.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["disk.root.free", "load.one", "os.name"]);
        let text = serde_json::to_string(&sheet).unwrap();
        assert!(
            text.starts_with(r#"{"disk.root.free":{"value":{"kind":"share","value":{"amount":1,"total":4}},"at":"#)
        );
        assert_eq!(serde_json::from_str::<FactSheet>(&text).unwrap(), sheet);
    }
}
