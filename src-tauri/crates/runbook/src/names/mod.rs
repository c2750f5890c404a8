//! Names in templates and conditions: that each is known where it is used, and that late values stand alone.
//!
//! A secret and a captured value are not known when the plan is made. No filter, comparison or loop of
//! a template could see them, so a tag that uses one must be that name and nothing else. What a name's
//! value is, is none of this module's business.

mod condition;
mod locate;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use daytwo_model::{CaptureName, SecretName, StepId};
use indexmap::IndexMap;

use crate::diagnostic::{Found, Place};
use crate::input::{InputKind, InputSpec};
use crate::suggest;
use crate::template::{Template, words};

pub(crate) use walk::{Sections, check};

/// Names that templates know and inputs therefore cannot have, beside those of the template language.
pub(crate) const RESERVED: &[&str] = &[
    "and",
    "captured",
    "defined",
    "elif",
    "else",
    "false",
    "False",
    "for",
    "host",
    "if",
    "in",
    "is",
    "item",
    "loop",
    "none",
    "None",
    "not",
    "or",
    "raw",
    "recursive",
    "run",
    "secrets",
    "self",
    "true",
    "True",
];

/// What is wrong with a name: code, message and what to do.
type Wrong = (&'static str, String, Option<String>);

/// What templates may use at one point of a runbook.
struct Scope<'r> {
    inputs: &'r IndexMap<String, InputSpec>,
    secrets: &'r IndexMap<String, SecretName>,
    /// The variables so far; each with whether it can differ from host to host.
    vars: IndexMap<&'r str, bool>,
    /// What steps before this point capture.
    captured: BTreeMap<CaptureName, CapturedBy>,
    /// Those of them that are there whenever this point is reached.
    sure: BTreeSet<CaptureName>,
    /// Whether the step is done once for each of something.
    item: bool,
    /// Whether there is a host.
    host: bool,
}

/// Where a captured value comes from.
struct CapturedBy {
    step: StepId,
    /// Whether a step that needs this one finds the value: both are in one section, and no check leaves it undone.
    by_need: bool,
}

impl Scope<'_> {
    /// Checks every name of a template, and that late values stand alone.
    fn check(&self, template: &Template, found: &mut Found<'_>) {
        for name in template.names() {
            if found.is_full() {
                return;
            }
            let wrong = self.check_name(name).err().or_else(|| self.check_sure(name));
            if let Some(wrong) = wrong {
                say(wrong, found.locate_name(template.place(), name), found);
            }
        }
        for (_, code, is_expression) in template.tags() {
            let late = words(code).into_iter().find(|word| self.is_late(word));
            if late.is_some() && !(is_expression && stands_alone(code)) {
                let place = found.locate_name(template.place(), code.trim());
                found.error_with(
                    "late-value",
                    place,
                    "a secret or captured value is known only when the step runs, so it can only stand alone",
                    "write {{ captured.name }} or {{ name }} without filters or conditions, and decide in the script or in `when`",
                );
            }
        }
    }

    /// Checks a template whose value becomes a part of the plan itself.
    fn check_known(&self, template: &Template, what: &str, found: &mut Found<'_>) {
        for name in template.names() {
            let root = root_of(name);
            if self.is_late(root) && self.check_name(name).is_ok() {
                let place = found.locate_name(template.place(), name);
                let message = format!("{what} is settled when the plan is made, and `{name}` is known only later");
                found.error_with("late-value", place, message, "use an input, a variable or a label of the host");
            } else if let Err(wrong) = self.check_name(name) {
                say(wrong, found.locate_name(template.place(), name), found);
            }
        }
    }

    /// Whether a name that begins so has no value before the step runs.
    fn is_late(&self, root: &str) -> bool {
        root == "captured" || self.is_secret(root)
    }

    fn is_secret(&self, root: &str) -> bool {
        root == "secrets" || self.inputs.get(root).is_some_and(|input| matches!(input.kind, InputKind::Secret))
    }

    /// Whether the value behind a name can differ from host to host.
    fn differs(&self, name: &str) -> bool {
        let root = root_of(name);
        root == "host" || self.vars.get(root).copied().unwrap_or(false)
    }

    fn check_name(&self, name: &str) -> Result<(), Wrong> {
        let mut path = name.splitn(3, '.');
        let root = path.next().unwrap_or_default();
        let field = path.next();
        let unknown = |message: String, hint: Option<String>| Err(("unknown-name", message, hint));
        let one_of = |known: &[&str]| match field {
            Some(field) if !known.contains(&field) => {
                unknown(format!("`{root}` has no `{field}`"), suggest::hint(field, known))
            }
            Some(_) => Ok(()),
            None => unknown(format!("`{root}` is not a value itself"), suggest::hint("", known)),
        };
        if !self.host && self.differs(name) {
            let message = match root {
                "host" => "there is no host in a step that is done on the console".to_owned(),
                _ => {
                    format!("`{root}` is worked out per host, and there is none in a step that is done on the console")
                }
            };
            let hint = "do the step `on: host` or `on: one`, or make the value an input";
            return Err(("no-host-here", message, Some(hint.to_owned())));
        }
        match root {
            "host" => one_of(&["name", "labels", "vars"]),
            "run" => one_of(&["at", "stamp"]),
            "secrets" => {
                let known: Vec<&str> = self.secrets.keys().map(String::as_str).collect();
                let field = field.unwrap_or_default();
                if known.contains(&field) {
                    return Ok(());
                }
                let hint = suggest::hint(field, &known)
                    .unwrap_or_else(|| "name it at the top: `secrets: { name: the-name-it-is-kept-under }`".to_owned());
                unknown(format!("this runbook names no secret `{field}`"), Some(hint))
            }
            "captured" => {
                let known: Vec<&str> = self.captured.keys().map(CaptureName::as_str).collect();
                let field = field.unwrap_or_default();
                if known.contains(&field) {
                    return Ok(());
                }
                let hint = suggest::hint(field, &known)
                    .unwrap_or_else(|| "an earlier step keeps a value with `capture: { name: stdout }`".to_owned());
                unknown(format!("no step before this one captures `{field}`"), Some(hint))
            }
            "item" if self.item => Ok(()),
            "item" => {
                let hint = "say `for_each: [a, b]` in this step";
                unknown("`item` is known only in a step with `for_each`".to_owned(), Some(hint.to_owned()))
            }
            _ if self.inputs.contains_key(root) || self.vars.contains_key(root) => Ok(()),
            _ => {
                let inputs = self.inputs.keys().map(String::as_str);
                let own = ["captured", "host", "run"];
                let known: Vec<&str> = inputs.chain(self.vars.keys().copied()).chain(own).collect();
                unknown(format!("there is no input or variable `{root}`"), suggest::hint(root, &known))
            }
        }
    }

    /// Whether a captured value that is known here may still be absent.
    fn check_sure(&self, name: &str) -> Option<Wrong> {
        let field = name.strip_prefix("captured.")?.split('.').next()?;
        let (capture, by) = self.captured.iter().find(|(capture, _)| capture.as_str() == field)?;
        if self.sure.contains(capture) {
            return None;
        }
        let step = &by.step;
        let message =
            format!("`captured.{field}` may not be there: the step `{step}` is not always done before this one");
        let need = if by.by_need { format!(", or `needs: [{step}]`") } else { String::new() };
        let hint = format!("say `when: captured.{field} is defined`{need}");
        Some(("maybe-not-captured", message, Some(hint)))
    }
}

fn say((code, message, hint): Wrong, place: Place, found: &mut Found<'_>) {
    match hint {
        Some(hint) => found.error_with(code, place, message, hint),
        None => found.error(code, place, message),
    }
}

/// What a dotted name begins with.
fn root_of(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// `name`, `captured.name`, `secrets.name`, or one of them with `| raw`.
fn stands_alone(code: &str) -> bool {
    let code = code.trim();
    let name = match code.split_once('|') {
        Some((name, filter)) if filter.trim() == "raw" => name.trim(),
        Some(_) => return false,
        None => code,
    };
    let name = name.strip_prefix("captured.").or_else(|| name.strip_prefix("secrets.")).unwrap_or(name);
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}
