//! What a `when` comes to once everything that a plan knows has been put in.
//!
//! Known parts are decided here, by the very rules that hold on the host later
//! ([`daytwo_model::plan::compare`]); what depends on captured values is left as a [`Condition`].

use daytwo_model::CaptureName;
use daytwo_model::plan::{self, Comparison, Condition, compare, truthy};
use serde_json::Value;

use super::{Expression, Operand, Term};

/// What a name in an expression stands for.
pub(crate) enum Meaning {
    /// Known now.
    Known(Value),
    /// Known when the step is due.
    Captured(CaptureName),
    /// Not there on this host.
    Absent,
    /// Never to be looked at.
    Secret,
}

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Folded {
    Known(bool),
    /// Left to be asked when the step is due.
    Open(Condition),
}

/// One side of a comparison, looked up.
enum Side {
    One(plan::Operand),
    /// A list with something captured in it.
    Many(Vec<plan::Operand>),
}

impl Expression {
    /// What it comes to; the error is a sentence.
    pub(crate) fn fold(&self, meaning: &dyn Fn(&str) -> Meaning) -> Result<Folded, String> {
        fold(&self.root, meaning)
    }
}

fn fold(term: &Term, meaning: &dyn Fn(&str) -> Meaning) -> Result<Folded, String> {
    match term {
        Term::All(terms) => join(terms, false, meaning),
        Term::Any(terms) => join(terms, true, meaning),
        Term::Not(term) => Ok(match fold(term, meaning)? {
            Folded::Known(holds) => Folded::Known(!holds),
            Folded::Open(Condition::Not(condition)) => Folded::Open(*condition),
            Folded::Open(condition) => Folded::Open(Condition::Not(Box::new(condition))),
        }),
        Term::Defined(name) => match meaning(name) {
            Meaning::Known(_) | Meaning::Secret => Ok(Folded::Known(true)),
            Meaning::Absent => Ok(Folded::Known(false)),
            Meaning::Captured(name) => Ok(Folded::Open(Condition::Defined(name))),
        },
        Term::Truthy(operand) => match side(operand, meaning)? {
            Side::One(plan::Operand::Value(value)) => Ok(Folded::Known(truthy(&value))),
            Side::One(operand @ plan::Operand::Captured(_)) => Ok(Folded::Open(Condition::Truthy(operand))),
            // A list with something in it counts as true, whatever that is.
            Side::Many(_) => Ok(Folded::Known(true)),
        },
        Term::Compare { left, op, right } => comparison(left, *op, right, meaning),
    }
}

/// `and` and `or`. What decides alone (`decisive`) ends them, so that a name after it need not be there.
fn join(terms: &[Term], decisive: bool, meaning: &dyn Fn(&str) -> Meaning) -> Result<Folded, String> {
    let mut open = Vec::new();
    for term in terms {
        match fold(term, meaning)? {
            Folded::Known(holds) if holds == decisive => return Ok(Folded::Known(decisive)),
            Folded::Known(_) => {}
            Folded::Open(Condition::All(inner)) if !decisive => open.extend(inner),
            Folded::Open(Condition::Any(inner)) if decisive => open.extend(inner),
            Folded::Open(condition) => open.push(condition),
        }
    }
    Ok(match (open.len(), decisive) {
        (0, _) => Folded::Known(!decisive),
        (1, _) => open.pop().map_or(Folded::Known(!decisive), Folded::Open),
        (_, true) => Folded::Open(Condition::Any(open)),
        (_, false) => Folded::Open(Condition::All(open)),
    })
}

fn comparison(
    left: &Operand,
    op: Comparison,
    right: &Operand,
    meaning: &dyn Fn(&str) -> Meaning,
) -> Result<Folded, String> {
    let Side::One(left) = side(left, meaning)? else {
        return Err("a list that holds a captured value can only stand after `in`".to_owned());
    };
    match (left, side(right, meaning)?) {
        (plan::Operand::Value(left), Side::One(plan::Operand::Value(right))) => {
            compare(&left, op, &right).map(Folded::Known).map_err(|error| error.to_string())
        }
        (left, Side::One(right)) => Ok(Folded::Open(Condition::Compare { left, op, right })),
        // A plan's list holds known values only, so each item is a question of its own.
        (left, Side::Many(items)) if op == Comparison::In => {
            let mut open = Vec::new();
            for right in items {
                match (&left, &right) {
                    (plan::Operand::Value(a), plan::Operand::Value(b)) => {
                        if compare(a, Comparison::Equal, b).map_err(|error| error.to_string())? {
                            return Ok(Folded::Known(true));
                        }
                    }
                    _ => open.push(Condition::Compare { left: left.clone(), op: Comparison::Equal, right }),
                }
            }
            Ok(Folded::Open(if open.len() > 1 {
                Condition::Any(open)
            } else {
                open.pop().unwrap_or(Condition::Any(open))
            }))
        }
        (_, Side::Many(_)) => Err("a list that holds a captured value can only stand after `in`".to_owned()),
    }
}

fn side(operand: &Operand, meaning: &dyn Fn(&str) -> Meaning) -> Result<Side, String> {
    Ok(match operand {
        Operand::Literal(value) => Side::One(plan::Operand::Value(value.clone())),
        Operand::Name(name) => Side::One(match meaning(name) {
            Meaning::Known(value) => plan::Operand::Value(value),
            Meaning::Captured(name) => plan::Operand::Captured(name),
            Meaning::Absent => {
                return Err(format!("`{name}` is not there, and `when` needs it; `{name} is defined` asks for it"));
            }
            Meaning::Secret => return Err(format!("`{name}` is a secret, and nothing is decided by one")),
        }),
        Operand::List(items) => {
            let mut sides = Vec::with_capacity(items.len());
            for item in items {
                match side(item, meaning)? {
                    Side::One(one) => sides.push(one),
                    Side::Many(_) => return Err("a list cannot hold a list with a captured value".to_owned()),
                }
            }
            let known = |operand: &plan::Operand| match operand {
                plan::Operand::Value(value) => Some(value.clone()),
                plan::Operand::Captured(_) => None,
            };
            match sides.iter().map(known).collect::<Option<Vec<_>>>() {
                Some(values) => Side::One(plan::Operand::Value(Value::Array(values))),
                None => Side::Many(sides),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use daytwo_model::plan::Comparison as C;
    use serde_json::json;

    use super::*;

    fn name(name: &str) -> Operand {
        Operand::Name(name.to_owned())
    }

    fn equals(left: &str, right: Value) -> Term {
        Term::Compare { left: name(left), op: C::Equal, right: Operand::Literal(right) }
    }

    fn meaning(name: &str) -> Meaning {
        match name {
            "env" => Meaning::Known(json!("prod")),
            "captured.state" => Meaning::Captured(CaptureName::new("state").unwrap()),
            "key" => Meaning::Secret,
            _ => Meaning::Absent,
        }
    }

    fn come_to(term: &Term) -> Result<Folded, String> {
        fold(term, &meaning)
    }

    #[test]
    fn what_is_known_is_decided_and_only_the_rest_is_left_open() {
        let state = || plan::Operand::Captured(CaptureName::new("state").unwrap());
        let open = Condition::Compare { left: state(), op: C::Equal, right: plan::Operand::Value(json!("up")) };
        let late = || equals("captured.state", json!("up"));
        let (yes, no) = (|| equals("env", json!("prod")), || equals("env", json!("test")));
        for (term, expected) in [
            (Term::All(vec![yes(), late()]), Folded::Open(open.clone())),
            (Term::All(vec![late(), no()]), Folded::Known(false)),
            (Term::Any(vec![late(), yes()]), Folded::Known(true)),
            (Term::Any(vec![no(), late()]), Folded::Open(open.clone())),
            (Term::Not(Box::new(Term::Not(Box::new(late())))), Folded::Open(open.clone())),
            (Term::All(vec![]), Folded::Known(true)),
            (Term::Any(vec![no(), no()]), Folded::Known(false)),
            (
                Term::All(vec![late(), Term::All(vec![late(), yes()])]),
                Folded::Open(Condition::All(vec![open.clone(), open.clone()])),
            ),
            (Term::Defined("rack".into()), Folded::Known(false)),
            (
                Term::Compare {
                    left: Operand::Literal(json!("up")),
                    op: C::In,
                    right: Operand::List(vec![Operand::Literal(json!("down")), name("captured.state")]),
                },
                Folded::Open(Condition::Compare {
                    left: plan::Operand::Value(json!("up")),
                    op: C::Equal,
                    right: state(),
                }),
            ),
        ] {
            assert_eq!(come_to(&term), Ok(expected), "{term:?}");
        }
    }

    #[test]
    fn a_name_that_is_not_there_is_an_error_unless_nothing_depends_on_it() {
        assert!(come_to(&equals("rack", json!("a"))).unwrap_err().contains("`rack is defined`"));
        let guarded = Term::All(vec![Term::Defined("rack".into()), equals("rack", json!("a"))]);
        assert_eq!(come_to(&guarded), Ok(Folded::Known(false)));
        assert!(come_to(&Term::Truthy(name("key"))).unwrap_err().contains("secret"));
    }
}
