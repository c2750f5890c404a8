//! Calls across runbooks: that the other one is there, takes these inputs, and does not come back.
//!
//! A file on its own cannot say that, so this is not a part of parsing. Planning asks again for what
//! depends on values; here is only what is wrong for all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use daytwo_model::RunbookName;

use crate::diagnostic::{Diagnostic, Diagnostics, Found, Source};
use crate::input::{InputKind, check_input};
use crate::plan::CALL_DEPTH_MAX;
use crate::runbook::Runbook;
use crate::step::{ActionTemplate, CallTemplate};
use crate::suggest;
use crate::template::Template;

/// Finds a runbook of the catalogue.
type Lookup<'l> = &'l dyn Fn(&RunbookName) -> Option<Arc<Runbook>>;

/// Checks every call of a runbook, and what it leads to. Each runbook that it reaches is looked at once.
#[must_use]
pub fn check_calls(runbook: &Runbook, lookup: Lookup<'_>) -> Vec<Diagnostic> {
    let mut found = Found::new(Source { file: &runbook.file, text: &runbook.text });
    let mut heights = BTreeMap::new();
    for step in runbook.all_steps() {
        let ActionTemplate::Call(call) = &step.action else { continue };
        let mut path = vec![runbook.name.clone()];
        match height(&call.runbook, &mut path, &mut heights, lookup) {
            Ok(_) => {}
            Err(Trouble::Cycle(path)) => {
                let message = format!("this call never ends: {path}");
                found.error("call-cycle", call.place, message);
                continue;
            }
            Err(Trouble::TooDeep) => {
                let message = format!("this call leads through more than {CALL_DEPTH_MAX} runbooks");
                found.error_with(
                    "call-depth",
                    call.place,
                    message,
                    "nobody keeps more than that in mind; call the last ones directly",
                );
            }
        }
        match lookup(&call.runbook) {
            Some(called) => check_inputs(runbook, call, &called, &mut found),
            None => {
                let message = format!("there is no runbook `{}` to call", call.runbook);
                match nearby(&call.runbook, lookup) {
                    Some(near) => {
                        found.error_with("unknown-runbook", call.place, message, format!("did you mean `{near}`?"))
                    }
                    None => found.error("unknown-runbook", call.place, message),
                }
            }
        }
    }
    found.into_errors().as_ref().map(Diagnostics::list).unwrap_or_default().to_vec()
}

enum Trouble {
    /// The way back to where it began, in words.
    Cycle(String),
    TooDeep,
}

/// How many runbooks deep the calls of this one go, itself counted. One that is not there ends the way; its own
/// caller is told so where it is checked itself.
fn height(
    name: &RunbookName,
    path: &mut Vec<RunbookName>,
    heights: &mut BTreeMap<RunbookName, usize>,
    lookup: Lookup<'_>,
) -> Result<usize, Trouble> {
    if let Some(start) = path.iter().position(|other| other == name) {
        let way: Vec<&str> = path.iter().skip(start).chain([name]).map(RunbookName::as_str).collect();
        return Err(Trouble::Cycle(way.join(" → ")));
    }
    let known = heights.get(name).copied().unwrap_or(1);
    // The path holds the runbook that calls first, which is not itself called.
    if path.len() + known > CALL_DEPTH_MAX + 1 {
        return Err(Trouble::TooDeep);
    }
    if heights.contains_key(name) {
        return Ok(known);
    }
    path.push(name.clone());
    let mut highest = 0;
    let runbook = lookup(name);
    for called in runbook.iter().flat_map(|runbook| runbook.calls()) {
        highest = highest.max(height(called, path, heights, lookup)?);
    }
    path.pop();
    heights.insert(name.clone(), highest + 1);
    Ok(highest + 1)
}

fn check_inputs(caller: &Runbook, call: &CallTemplate, called: &Runbook, found: &mut Found<'_>) {
    for (name, value) in &call.inputs {
        let Some(spec) = called.inputs.get(name) else {
            let place = found.locate_name(call.place, name);
            let message = format!("`{}` has no input `{name}`", called.name);
            let known: Vec<&str> = called.inputs.keys().map(String::as_str).collect();
            let hint = suggest::hint(name, &known).unwrap_or_else(|| "it has no inputs".to_owned());
            found.error_with("unknown-input", place, message, hint);
            continue;
        };
        if value.tags().next().is_none() {
            // What is written here is checked as if it had been typed.
            if let Err(why) = check_input(spec, &value.written()) {
                found.error("bad-value", value.place(), format!("the input `{name}` of `{}`: {why}", called.name));
            }
            continue;
        }
        let secret = hands_on_secret(caller, value);
        if secret && spec.kind != InputKind::Secret {
            let message = format!("`{name}` of `{}` is not a secret: what it is given is recorded", called.name);
            found.error_with(
                "secret-input",
                value.place(),
                message,
                "give it something else, or make that input `type: secret`",
            );
        } else if !secret && spec.kind == InputKind::Secret {
            let message = format!("`{name}` of `{}` takes a secret, and this is none", called.name);
            let hint = "write the name of a secret, or hand on one of this runbook: \"{{ secrets.name }}\"";
            found.error_with("secret-input", value.place(), message, hint);
        }
    }
    let missing = called
        .inputs
        .iter()
        .filter(|(name, spec)| spec.required && spec.default.is_none() && !call.inputs.contains_key(*name));
    for (name, spec) in missing {
        let message = format!("`{}` needs its input `{name}` ({})", called.name, spec.title);
        found.error_with("missing-input", call.place, message, format!("write `inputs: {{ {name}: … }}`"));
    }
}

/// Whether the value is a secret of the runbook that calls.
fn hands_on_secret(caller: &Runbook, value: &Template) -> bool {
    value.names().iter().any(|name| {
        let root = name.split('.').next().unwrap_or(name);
        root == "secrets" || caller.inputs.get(root).is_some_and(|input| input.kind == InputKind::Secret)
    })
}

/// A runbook whose name differs by one slip of a finger. The catalogue is only asked by name, so the slips are tried.
fn nearby(name: &RunbookName, lookup: Lookup<'_>) -> Option<RunbookName> {
    /// A longer name is not mistyped by one letter, and each letter costs some eighty questions.
    const CHARS_MAX: usize = 48;
    let chars: Vec<char> = name.as_str().chars().collect();
    if chars.len() > CHARS_MAX {
        return None;
    }
    let letters = || ('a'..='z').chain('0'..='9').chain(['-', '_', '.']);
    let spliced = |at: usize, skip: usize, new: &[char]| -> String {
        chars.iter().take(at).chain(new).chain(chars.iter().skip(at + skip)).collect()
    };
    let swapped = chars.windows(2).enumerate().map(|(at, pair)| match pair {
        [a, b] => spliced(at, 2, &[*b, *a]),
        _ => String::new(),
    });
    let separated = ["-", "_", "."].into_iter().map(|mark| name.as_str().replace(['-', '_', '.'], mark));
    let fewer = (0..chars.len()).map(|at| spliced(at, 1, &[]));
    let other = (0..chars.len()).flat_map(|at| letters().map(move |letter| (at, letter)));
    let other = other.map(|(at, letter)| spliced(at, 1, &[letter]));
    let more = (0..=chars.len()).flat_map(|at| letters().map(move |letter| (at, letter)));
    let more = more.map(|(at, letter)| spliced(at, 0, &[letter]));
    let lower = std::iter::once(name.as_str().to_lowercase());
    let slips = lower.chain(separated).chain(swapped).chain(fewer).chain(other).chain(more);
    slips.filter_map(|slip| RunbookName::new(slip).ok()).find(|slip| slip != name && lookup(slip).is_some())
}
