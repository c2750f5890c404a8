//! One condition of a selector, and what it makes of one host.
//!
//! Nothing here allocates: ten thousand hosts are asked in one go.

use std::cmp::Ordering;

use super::pattern::Pattern;
use super::quantity::Quantity;
use crate::facts::{Fact, FactSheet, FactValue};
use crate::host::Host;
use crate::time::Timestamp;

/// A condition: a name, and what must hold of it.
#[derive(Debug, Clone)]
pub(super) struct Term {
    /// As it was written.
    pub(super) text: Box<str>,
    pub(super) key: Key,
    /// Whether it holds where the test does not: `!=`, `not in`.
    pub(super) negated: bool,
    pub(super) test: Test,
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    Host,
    Label(Box<str>),
    Fact { name: Box<str>, age_ms_max: u64 },
}

/// What is asked of it.
#[derive(Debug, Clone)]
pub(super) enum Test {
    /// It is one of these.
    OneOf(Vec<Value>),
    Like(Pattern),
    Order {
        sign: Sign,
        than: Quantity,
    },
}

/// A value as it was written, and as a number where it is one.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) text: Box<str>,
    pub(super) quantity: Option<Quantity>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Sign {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::More => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

/// What a condition looked at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Seen<'a> {
    Text(&'a str),
    NoLabel,
    Fact(&'a Fact),
    NoFact,
}

/// Why a condition can neither be said to hold nor not to hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Doubt {
    /// Nobody knows the fact.
    NoFact,
    TooOld {
        age_ms: u64,
        age_ms_max: u64,
    },
    /// The value cannot be compared with what was written.
    OtherKind,
    /// A label's text is not a number with a unit.
    NotANumber,
    /// A share of nothing, or a number that is none.
    NoValue,
}

/// What one look at a host gave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) seen: Seen<'a>,
    pub(super) holds: Result<bool, Doubt>,
}

impl Term {
    pub(super) fn look<'a>(&self, host: &'a Host, facts: Option<&'a FactSheet>, now: Timestamp) -> Look<'a> {
        let (seen, holds) = match &self.key {
            Key::Host => self.look_at_text(Some(host.name.as_str())),
            Key::Label(label) => self.look_at_text(host.labels.get(&**label).map(String::as_str)),
            Key::Fact { name, age_ms_max } => match facts.and_then(|facts| facts.get(name)) {
                None => (Seen::NoFact, Err(Doubt::NoFact)),
                Some(fact) => {
                    let age_ms = now.ms_since(fact.at);
                    let old = age_ms > *age_ms_max;
                    let too_old = Doubt::TooOld { age_ms, age_ms_max: *age_ms_max };
                    (Seen::Fact(fact), if old { Err(too_old) } else { self.test.of_fact(&fact.value) })
                }
            },
        };
        Look { seen, holds: holds.map(|holds| holds != self.negated) }
    }

    /// What a host does not have equals nothing, and is neither less nor more than anything.
    fn look_at_text<'a>(&self, have: Option<&'a str>) -> (Seen<'a>, Result<bool, Doubt>) {
        match have {
            Some(have) => (Seen::Text(have), self.test.of_text(have)),
            None => (Seen::NoLabel, Ok(false)),
        }
    }
}

impl Test {
    fn of_text(&self, have: &str) -> Result<bool, Doubt> {
        match self {
            Self::OneOf(values) => Ok(values.iter().any(|value| *value.text == *have)),
            Self::Like(pattern) => Ok(pattern.is_match(have)),
            Self::Order { sign, than } => {
                let have = Quantity::parse(have).ok_or(Doubt::NotANumber)?;
                have.compare(*than).map(|order| sign.holds(order))
            }
        }
    }

    fn of_fact(&self, have: &FactValue) -> Result<bool, Doubt> {
        match (self, have) {
            (Self::OneOf(values), FactValue::Text(have)) => Ok(values.iter().any(|value| *value.text == **have)),
            (Self::OneOf(values), FactValue::Flag(have)) => any(values, |value| match &*value.text {
                "true" => Ok(*have),
                "false" => Ok(!*have),
                _ => Err(Doubt::OtherKind),
            }),
            (Self::OneOf(values), have) => {
                any(values, |value| compare(have, value.quantity.ok_or(Doubt::OtherKind)?).map(Ordering::is_eq))
            }
            (Self::Like(pattern), FactValue::Text(have)) => Ok(pattern.is_match(have)),
            (Self::Like(_), _) => Err(Doubt::OtherKind),
            (Self::Order { sign, than }, have) => compare(have, *than).map(|order| sign.holds(order)),
        }
    }
}

/// Whether any value is met; a doubt about one counts only where no other is met.
fn any(values: &[Value], mut met: impl FnMut(&Value) -> Result<bool, Doubt>) -> Result<bool, Doubt> {
    let mut doubt = None;
    for value in values {
        match met(value) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(why) => doubt = Some(why),
        }
    }
    doubt.map_or(Ok(false), Err)
}

fn compare(have: &FactValue, than: Quantity) -> Result<Ordering, Doubt> {
    match (have, than) {
        (FactValue::Number(have), than) => Quantity::Number(*have).compare(than),
        (FactValue::Seconds(have), than) => Quantity::Seconds(*have).compare(than),
        (FactValue::Bytes(have), than) => Quantity::Bytes(*have as f64).compare(than),
        (FactValue::Share { total: 0, .. }, Quantity::Percent(_)) => Err(Doubt::NoValue),
        // Multiplied, not divided: a tenth is then exactly 10 %.
        (FactValue::Share { amount, total }, Quantity::Percent(percent)) => {
            order(*amount as f64 * 100.0, percent * *total as f64)
        }
        (FactValue::Share { amount, .. }, than) => Quantity::Bytes(*amount as f64).compare(than),
        (FactValue::Text(_) | FactValue::Flag(_), _) => Err(Doubt::OtherKind),
    }
}

fn order(have: f64, than: f64) -> Result<Ordering, Doubt> {
    have.partial_cmp(&than).ok_or(Doubt::NoValue)
}

impl Quantity {
    fn compare(self, than: Self) -> Result<Ordering, Doubt> {
        match (self, than) {
            (Self::Number(have), Self::Number(than))
            | (Self::Percent(have), Self::Percent(than))
            | (Self::Bytes(have), Self::Bytes(than))
            | (Self::Seconds(have), Self::Seconds(than)) => order(have, than),
            _ => Err(Doubt::OtherKind),
        }
    }
}
