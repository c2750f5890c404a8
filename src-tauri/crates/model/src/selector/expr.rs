//! Conditions put together, by Kleene's logic of three values: what is not known stays not known
//! unless the rest decides without it.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::term::Term;

/// Whether a condition holds of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody can say: a fact is unknown, too old, or of another kind.
    Undecided,
}

impl Truth {
    pub(super) const fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Undecided => Self::Undecided,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Term(Term),
}

impl Expr {
    /// The truth, asking `look` for each condition that is needed, at most once each.
    pub(super) fn truth(&self, look: &mut impl FnMut(&Term) -> Truth) -> Truth {
        match self {
            Self::And(all) => joined(all, Truth::False, look),
            Self::Or(any) => joined(any, Truth::True, look),
            Self::Not(expr) => expr.truth(look).not(),
            Self::Term(term) => look(term),
        }
    }

    /// The truth, and the conditions that made it so: of an `and` that fails, those that fail.
    pub(super) fn decided<'e>(&'e self, look: &mut impl FnMut(&'e Term) -> Truth) -> (Truth, Vec<&'e Term>) {
        let (parts, decisive) = match self {
            Self::And(all) => (all, Truth::False),
            Self::Or(any) => (any, Truth::True),
            Self::Not(expr) => {
                let (truth, terms) = expr.decided(look);
                return (truth.not(), terms);
            }
            Self::Term(term) => return (look(term), vec![term]),
        };
        let parts: Vec<_> = parts.iter().map(|part| part.decided(look)).collect();
        let has = |wanted| parts.iter().any(|(truth, _)| *truth == wanted);
        let truth = [decisive, Truth::Undecided].into_iter().find(|truth| has(*truth)).unwrap_or(decisive.not());
        (truth, parts.into_iter().filter(|(part, _)| *part == truth).flat_map(|(_, terms)| terms).collect())
    }

    /// All conditions, from left to right.
    pub(super) fn terms<'e>(&'e self, each: &mut impl FnMut(&'e Term)) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.terms(each)),
            Self::Not(expr) => expr.terms(each),
            Self::Term(term) => each(term),
        }
    }
}

/// The first decisive part decides; else an undecided one leaves all undecided.
fn joined(parts: &[Expr], decisive: Truth, look: &mut impl FnMut(&Term) -> Truth) -> Truth {
    let mut truth = decisive.not();
    for part in parts {
        match part.truth(look) {
            part if part == decisive => return decisive,
            Truth::Undecided => truth = Truth::Undecided,
            Truth::True | Truth::False => {}
        }
    }
    truth
}
