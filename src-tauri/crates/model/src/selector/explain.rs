//! Why a host is picked, left out or undecided, in sentences for people.

use std::fmt;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Verdict;
use super::expr::Truth;
use super::quantity::Quantity;
use super::term::{Doubt, Key, Look, Seen, Term, Test};
use crate::facts::{Fact, FactValue};
use crate::time::Timestamp;

/// A verdict, and the conditions that made it so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Explanation {
    /// What the selector makes of the host.
    pub verdict: Verdict,
    /// The conditions that decided, in the order in which they are written; none twice.
    pub because: Vec<Reason>,
}

/// One condition that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// The condition as it was written: `disk.root.free < 10%`.
    pub term: String,
    /// Whether it holds.
    pub truth: Truth,
    /// What was seen: `disk.root.free is 7 % (as of 12 min ago)`.
    pub saw: String,
}

impl Explanation {
    /// What was seen, in one sentence. Two conditions on one fact saw the same: it is told once.
    #[must_use]
    pub fn saw(&self) -> String {
        let mut told: Vec<&str> = Vec::new();
        for saw in self.because.iter().map(|reason| reason.saw.as_str()) {
            if !told.contains(&saw) {
                told.push(saw);
            }
        }
        told.join("; ")
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let saw = self.saw();
        let separator = if saw.is_empty() { "" } else { ": " };
        write!(f, "{}{separator}{saw}", self.verdict.word())
    }
}

/// The sentence for what a condition looked at.
pub(super) fn sentence(term: &Term, look: Look<'_>, now: Timestamp) -> String {
    let name = match &term.key {
        Key::Host => "host",
        Key::Label(label) => label,
        Key::Fact { name, .. } => name,
    };
    match (look.seen, look.holds) {
        (Seen::NoLabel, _) => format!("no label {name}"),
        (Seen::NoFact, _) => format!("no fact {name}"),
        (Seen::Text(text), Err(Doubt::NotANumber)) => format!("{name} is {text:?}, which is not a number"),
        (Seen::Text(text), Err(_)) => {
            format!("{name} is {text:?}, which cannot be compared with {}", asked(&term.test))
        }
        (Seen::Text(text), Ok(_)) => format!("{name} is {text:?}"),
        (Seen::Fact(_), Err(Doubt::TooOld { age_ms, age_ms_max })) => {
            let parts = if span(age_ms, 2) == span(age_ms_max, 2) { 4 } else { 2 };
            format!("{name} is {} old; it may be {}", span(age_ms, parts), span(age_ms_max, 2))
        }
        (Seen::Fact(fact), holds) => {
            let age_ms = now.ms_since(fact.at);
            let as_of = if age_ms < 1000 { "now".to_owned() } else { format!("{} ago", span(age_ms, 1)) };
            let seen = format!("{name} is {} (as of {as_of})", shown(fact, &term.test));
            match holds {
                Ok(_) => seen,
                Err(Doubt::NoValue) => format!("{seen}, and that cannot be compared with anything"),
                Err(_) => format!("{seen}; {}", mismatch(&fact.value, &term.test)),
            }
        }
    }
}

/// Why a fact cannot be compared, and with what it can be.
fn mismatch(have: &FactValue, test: &Test) -> String {
    let with = match have {
        FactValue::Text(_) => "a text, with = ~ or in",
        FactValue::Number(_) => "a plain number, for example 3.5",
        FactValue::Flag(_) => "true or false, with =",
        FactValue::Bytes(_) => "a size, for example 5GiB",
        FactValue::Seconds(_) => "a duration, for example 2h30m",
        FactValue::Share { .. } => "a share or a size, for example 10% or 5GiB",
    };
    format!("it cannot be compared with {}, only with {with}", asked(test))
}

/// What a value was to be compared with.
fn asked(test: &Test) -> &'static str {
    match test {
        Test::Like(_) => "a pattern",
        Test::OneOf(_) => "what is written",
        Test::Order { than, .. } => match than {
            Quantity::Number(_) => "a plain number",
            Quantity::Percent(_) => "a percentage",
            Quantity::Bytes(_) => "a size",
            Quantity::Seconds(_) => "a duration",
        },
    }
}

/// A fact's value, in the unit in which it is asked for.
fn shown(fact: &Fact, test: &Test) -> String {
    let than = match test {
        Test::Order { than, .. } => Some(*than),
        Test::OneOf(values) => values.first().and_then(|value| value.quantity),
        Test::Like(_) => None,
    };
    let beside = |pick: fn(Quantity) -> Option<f64>| than.and_then(pick);
    let bytes = beside(|than| if let Quantity::Bytes(bytes) = than { Some(bytes) } else { None });
    match &fact.value {
        FactValue::Text(text) => format!("{text:?}"),
        FactValue::Flag(flag) => flag.to_string(),
        FactValue::Number(have) => {
            number(*have, beside(|than| if let Quantity::Number(number) = than { Some(number) } else { None }))
        }
        FactValue::Bytes(have) => size(*have, bytes),
        FactValue::Seconds(have) => {
            let sign = if *have < 0.0 { "-" } else { "" };
            format!("{sign}{}", span((have.abs() * 1000.0) as u64, 4))
        }
        FactValue::Share { amount, total } => {
            let percent = *amount as f64 * 100.0 / *total as f64;
            let of = beside(|than| if let Quantity::Percent(percent) = than { Some(percent) } else { None });
            match (of, *total) {
                (_, 0) | (None, _) => format!("{} of {}", size(*amount, bytes), size(*total, None)),
                (of, _) => format!("{} %", number(percent, of)),
            }
        }
    }
}

/// A number as short as it may be: it looks like the one that it is compared with only if it is that.
fn number(have: f64, beside: Option<f64>) -> String {
    let rounded = |digits: usize| {
        let text = format!("{have:.digits$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    };
    let misleads = |text: &String| beside.is_some_and(|beside| (beside == have) != (text.parse() == Ok(beside)));
    [1, 3].into_iter().map(rounded).find(|text| !misleads(text)).unwrap_or_else(|| have.to_string())
}

fn size(bytes: u64, beside: Option<f64>) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let (mut have, mut beside, mut units) = (bytes as f64, beside, UNITS.into_iter());
    let mut unit = units.next().unwrap_or_default();
    while have >= 1024.0 {
        let Some(next) = units.next() else { break };
        (have, beside, unit) = (have / 1024.0, beside.map(|beside| beside / 1024.0), next);
    }
    format!("{} {unit}", number(have, beside))
}

/// A span of time, in at most so many units.
fn span(ms: u64, parts: usize) -> String {
    let seconds = ms / 1000;
    if seconds == 0 {
        return if ms == 0 { "0 s".to_owned() } else { format!("{ms} ms") };
    }
    [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")]
        .into_iter()
        .skip_while(|(count, _)| *count == 0)
        .take(parts)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect::<Vec<_>>()
        .join(" ")
}
