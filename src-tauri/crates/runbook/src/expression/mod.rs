//! Expressions: what a `when` says. A small part of the template language's own syntax, read here
//! because part of it may be answered only on the way, by captured values.

mod evaluate;
mod parse;
mod token;

use std::collections::BTreeSet;

use daytwo_model::plan::Comparison;
use serde_json::Value;

pub(crate) use parse::parse;

use crate::diagnostic::Place;
pub(crate) use evaluate::{Folded, Meaning};

/// A `when`.
#[derive(Debug, Clone)]
pub struct Expression {
    /// As it was written.
    pub text: String,
    pub(crate) root: Term,
    pub(crate) place: Place,
}

/// A part of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Term {
    All(Vec<Term>),
    Any(Vec<Term>),
    Not(Box<Term>),
    Compare {
        left: Operand,
        op: Comparison,
        right: Operand,
    },
    /// `name is defined`
    Defined(String),
    Truthy(Operand),
}

/// A value in an expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    Literal(Value),
    /// `['a', 'b']`
    List(Vec<Operand>),
    /// A dotted name: `host.labels.role`, `captured.state`, `item`.
    Name(String),
}

impl Expression {
    /// The names that it uses, dotted: `host.labels.role`, `captured.state`.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        self.root.each_name(&mut |name| {
            names.insert(name);
        });
        names
    }

    /// Whether it cannot hold where the step that captures this name did not run: the name is asked
    /// for by `is defined` in a part that must hold.
    pub(crate) fn needs_defined(&self, name: &str) -> bool {
        self.root.needs_defined(name)
    }
}

impl Term {
    fn each_name<'t>(&'t self, see: &mut impl FnMut(&'t str)) {
        match self {
            Self::All(terms) | Self::Any(terms) => terms.iter().for_each(|term| term.each_name(see)),
            Self::Not(term) => term.each_name(see),
            Self::Compare { left, right, .. } => {
                left.each_name(see);
                right.each_name(see);
            }
            Self::Defined(name) => see(name),
            Self::Truthy(operand) => operand.each_name(see),
        }
    }

    fn needs_defined(&self, name: &str) -> bool {
        match self {
            Self::Defined(defined) => defined == name,
            Self::All(terms) => terms.iter().any(|term| term.needs_defined(name)),
            Self::Any(terms) => terms.iter().all(|term| term.needs_defined(name)),
            Self::Not(_) | Self::Compare { .. } | Self::Truthy(_) => false,
        }
    }
}

impl Operand {
    pub(crate) fn each_name<'t>(&'t self, see: &mut impl FnMut(&'t str)) {
        match self {
            Self::Literal(_) => {}
            Self::List(items) => items.iter().for_each(|item| item.each_name(see)),
            Self::Name(name) => see(name),
        }
    }
}
