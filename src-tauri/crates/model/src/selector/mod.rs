//! Selectors: boolean expressions over labels and facts that pick hosts.
//!
//! ```text
//! role=web and site in (ams, fra) and not host~"*-canary" and disk.root.free < 10%
//! web-[01-20] - web-07               a bare pattern stands for host~PATTERN
//! (role=web | role=db) & site=ams    sets: & is and, | is or, A - B is A and not B
//! ```
//!
//! # Grammar
//!
//! ```text
//! or       = and { ("or" | "|") and }
//! and      = without { ("and" | "&") without }
//! without  = not { "-" not }                        a "-" that stands alone; web-01 is a word
//! not      = "not" not | "(" or ")" | term
//! term     = pattern
//!          | name ("=" | "!=") value
//!          | name "~" pattern
//!          | name ["not"] "in" "(" value { "," value } ")"
//!          | name ("<" | "<=" | ">" | ">=") quantity
//!          each of the last four, of a fact, with: [ "within" duration ]
//! name     = "host" | a word without a dot: a label | a word with a dot: a fact
//!          | "label." (word | quoted) | "fact." (word | quoted) | quoted: a label
//! value    = word | quoted
//! pattern  = value with * ? [a-z] [!a] {a,b} [01-20] [1,3,7-9] and \ before what is meant as it is
//! quantity = ["-"] number [unit]      unit: % | B kB MB GB TB PB KiB MiB GiB TiB PiB | a duration's
//! duration = number ("w" | "d" | "h" | "m" | "s" | "ms") { … }      2h30m, longest unit first
//! word     = letters, digits and _ - . : / @ * ? [ ] { } + %        quoted = "…" or '…'
//! ```
//!
//! # Three values
//!
//! A condition holds, does not hold, or is *undecided*; `and`, `or` and `not` join them as Kleene
//! does. So a host is picked or left out only if no value of what is unknown could change that.
//!
//! - Labels are known in full. A label that a host does not have equals nothing and is neither less
//!   nor more than anything: `site=ams` and `tier<3` are false there, `not site=ams` is true.
//! - `=`, `in` and `~` compare a label as text (`1.0` is not `1`). `<` and the like read it as a
//!   number with its unit; a label that is none leaves the condition undecided.
//! - A fact that is not known, or is older than [`FACT_AGE_MAX`] (or what `within` says), leaves the
//!   condition undecided; so does a comparison in another unit (`os.uptime < 10%`).
//! - Brackets that hold only digits, commas and hyphens are numbers, as in a fleet file.
//! - A value without quotes may not look like a pattern: `role!=w*` would silently pick every host.
//!
//! Nothing here widens a selector: [`Selector::narrowed_by`] joins what was parsed, never texts.

mod error;
mod explain;
mod expr;
mod parse;
mod pattern;
mod quantity;
mod term;
#[cfg(test)]
mod tests;
mod token;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::facts::FactSheet;
use crate::host::Host;
use crate::time::Timestamp;
pub use error::SelectorError;
pub use explain::{Explanation, Reason};
use expr::Expr;
pub use expr::Truth;
use term::{Key, Term};

/// The longest selector, in bytes. An operator types it, or a runbook holds it.
pub const SELECTOR_BYTES_MAX: usize = 4096;
/// The deepest nesting of parentheses and `not`: bounds the recursion of parser and evaluation.
pub const SELECTOR_DEPTH_MAX: usize = 64;
/// Most conditions of one selector; an explanation names each at most once.
pub const SELECTOR_TERMS_MAX: usize = 512;
/// How old a fact may be where a condition does not say `within`. Probes come far more often than
/// that; a disk that was full an hour ago may be anything now.
pub const FACT_AGE_MAX: Duration = Duration::from_secs(60 * 60);

/// A parsed selector. Keeps its text, which is what people and plans see.
#[derive(Debug, Clone)]
pub struct Selector {
    text: String,
    expr: Expr,
}

/// What a selector makes of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is one of the hosts.
    Picked,
    /// It is not, whatever is unknown.
    NotPicked,
    /// That depends on a fact that is unknown, too old, or of another kind. Never in, never out:
    /// listed apart.
    Undecided,
}

impl Verdict {
    /// The verdict's word, for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Picked => "picked",
            Self::NotPicked => "not picked",
            Self::Undecided => "undecided",
        }
    }

    const fn of(truth: Truth) -> Self {
        match truth {
            Truth::True => Self::Picked,
            Truth::False => Self::NotPicked,
            Truth::Undecided => Self::Undecided,
        }
    }
}

impl Selector {
    /// Parses an expression.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        Ok(Self { text: text.trim().to_owned(), expr: parse::parse(text)? })
    }

    /// What this selector makes of a host, going by its facts as they are `now`. Allocates nothing.
    #[must_use]
    pub fn verdict(&self, host: &Host, facts: Option<&FactSheet>, now: Timestamp) -> Verdict {
        Verdict::of(self.expr.truth(&mut |term| truth_of(term.look(host, facts, now).holds)))
    }

    /// The verdict, and the conditions that made it so.
    #[must_use]
    pub fn explain(&self, host: &Host, facts: Option<&FactSheet>, now: Timestamp) -> Explanation {
        let (truth, terms) = self.expr.decided(&mut |term| truth_of(term.look(host, facts, now).holds));
        let mut because: Vec<Reason> = Vec::with_capacity(terms.len());
        for term in terms {
            let look = term.look(host, facts, now);
            let saw = explain::sentence(term, look, now);
            let reason = Reason { term: term.text.to_string(), truth: truth_of(look.holds), saw };
            if !because.contains(&reason) {
                because.push(reason);
            }
        }
        Explanation { verdict: Verdict::of(truth), because }
    }

    /// Whether the host is picked by its name and labels alone. A host for which a fact must be
    /// known is not: whoever has facts asks [`Self::verdict`], and shows who is undecided.
    #[must_use]
    pub fn matches(&self, host: &Host) -> bool {
        self.verdict(host, None, Timestamp::EPOCH) == Verdict::Picked
    }

    /// Whether any condition is about a fact.
    #[must_use]
    pub fn uses_facts(&self) -> bool {
        !self.fact_names().is_empty()
    }

    /// The names of the facts that are asked for, in the order in which they are written; none twice.
    #[must_use]
    pub fn fact_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        self.expr.terms(&mut |term: &Term| {
            if let Key::Fact { name, .. } = &term.key
                && !names.contains(&&**name)
            {
                names.push(name);
            }
        });
        names
    }

    /// The selector that picks what both pick. It joins what was parsed and not the texts, so
    /// nothing that is written in `other` can pick a host that `self` does not. Its text is for
    /// people and plans; two long ones make one that [`Self::parse`] would call too long.
    #[must_use]
    pub fn narrowed_by(&self, other: &Self) -> Self {
        let text = format!("({}) and ({})", self.text, other.text);
        Self { text, expr: Expr::And(vec![self.expr.clone(), other.expr.clone()]) }
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn truth_of(holds: Result<bool, term::Doubt>) -> Truth {
    match holds {
        Ok(true) => Truth::True,
        Ok(false) => Truth::False,
        Err(_) => Truth::Undecided,
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
