//! Names in a `when`: of all late values only captured ones can decide, and only by a comparison or by
//! being there; a text that a host printed is otherwise true whatever it says.

use std::collections::BTreeSet;

use super::{Scope, root_of, say};
use crate::diagnostic::Found;
use crate::expression::{Expression, Operand, Term};

impl Scope<'_> {
    /// Checks every name of a condition.
    pub(super) fn check_when(&self, when: &Expression, found: &mut Found<'_>) {
        self.check_term(&when.root, &BTreeSet::new(), when, found);
    }

    /// `defined` are the captured names that are known to be there when this part is asked.
    fn check_term(&self, term: &Term, defined: &BTreeSet<&str>, when: &Expression, found: &mut Found<'_>) {
        match term {
            Term::All(terms) | Term::Any(terms) => {
                let all = matches!(term, Term::All(_));
                let mut defined = defined.clone();
                for part in terms {
                    self.check_term(part, &defined, when, found);
                    defined.extend(settles(part, all));
                }
            }
            Term::Not(inner) => self.check_term(inner, defined, when, found),
            Term::Compare { left, right, .. } => {
                for side in [left, right] {
                    if let Operand::List(_) = side {
                        self.check_list(side, when, found);
                    } else {
                        self.check_operand(side, defined, when, found);
                    }
                }
            }
            Term::Defined(name) => {
                if let Err(wrong) = self.check_name(name) {
                    say(wrong, found.locate_name(when.place, name), found);
                }
            }
            Term::Truthy(Operand::Name(name)) if root_of(name) == "captured" => {
                let place = found.locate_name(when.place, name);
                let message = format!("`{name}` is text that a host printed, and any text but an empty one is true");
                found.error_with("late-value", place, message, format!("compare it: `{name} == 'yes'`"));
            }
            Term::Truthy(operand) => self.check_operand(operand, defined, when, found),
        }
    }

    fn check_operand(&self, operand: &Operand, defined: &BTreeSet<&str>, when: &Expression, found: &mut Found<'_>) {
        operand.each_name(&mut |name| {
            let place = found.locate_name(when.place, name);
            if self.is_secret(root_of(name)) {
                let hint = "decide in the script, where the secret is";
                found.error_with("late-value", place, "a secret cannot decide whether a step is done", hint);
                return;
            }
            let wrong = self.check_name(name).err();
            let wrong = wrong.or_else(|| if defined.contains(name) { None } else { self.check_sure(name) });
            if let Some((code, message, hint)) = wrong {
                let guarded = || Some(format!("ask first: `{name} is defined and …`"));
                let hint = if code == "maybe-not-captured" { guarded() } else { hint };
                say((code, message, hint), place, found);
            }
        });
    }

    /// A list is a part of the plan, so that nothing in it is known only later.
    fn check_list(&self, list: &Operand, when: &Expression, found: &mut Found<'_>) {
        list.each_name(&mut |name| {
            let place = found.locate_name(when.place, name);
            if self.is_late(root_of(name)) {
                let hint = "compare with each on its own: `a == x or a == y`";
                found.error_with("late-value", place, "a list holds only what is known when the plan is made", hint);
            } else if let Err(wrong) = self.check_name(name) {
                say(wrong, place, found);
            }
        });
    }
}

/// The names that are there for the parts behind this one: after `and` it held, after `or` it did not.
fn settles(term: &Term, held: bool) -> Vec<&str> {
    match term {
        Term::Defined(name) if held => vec![name],
        Term::Not(inner) => settles(inner, !held),
        Term::All(terms) if held => terms.iter().flat_map(|term| settles(term, true)).collect(),
        Term::Any(terms) if !held => terms.iter().flat_map(|term| settles(term, false)).collect(),
        _ => Vec::new(),
    }
}
