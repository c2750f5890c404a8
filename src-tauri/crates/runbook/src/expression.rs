//! Expressions: what a `when` says. A small part of the template language's own syntax, read here
//! because part of it may be answered only on the way, by captured values.

use daytwo_model::plan::Comparison;
use serde_json::Value;

use crate::diagnostic::Place;

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
    Compare { left: Operand, op: Comparison, right: Operand },
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
