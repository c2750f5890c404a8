//! Text to runbook. Everything that is wrong with a file is said at once.

mod fields;
mod head;
mod inputs;
mod rollout;
mod steps;

use std::collections::BTreeSet;

use daytwo_model::Digest;
use daytwo_model::plan::Effect;

use crate::diagnostic::{Diagnostics, Found, Source};
use crate::names::Scope;
use crate::rollout::Rollout;
use crate::runbook::{Places, Runbook};
use crate::step::{Step, Undo};
use crate::yaml;
use fields::Fields;

/// The most steps in a runbook.
pub const STEPS_MAX: usize = 200;
/// The most inputs of a runbook; a form with more is not filled in at 03:00.
pub const INPUTS_MAX: usize = 50;
/// The most batches of a rollout.
pub const BATCHES_MAX: usize = 50;
/// The most values that one step captures.
pub const CAPTURES_MAX: usize = 20;
/// The most headers of a request, and the most JSON pointers of an expectation.
pub const HEADERS_MAX: usize = 50;

const FIELDS: &[&str] = &[
    "runbook",
    "title",
    "summary",
    "kind",
    "owner",
    "stewardship",
    "reviewed",
    "targets",
    "inputs",
    "rollout",
    "steps",
];

/// Reads a runbook. `file` is what messages call it.
pub fn parse(file: &str, text: &str) -> Result<Runbook, Diagnostics> {
    let mut found = Found::new(Source { file, text });
    let runbook = read(&mut found);
    match (runbook, found.into_errors()) {
        (Some(runbook), None) => Ok(runbook),
        (_, Some(errors)) => Err(errors),
        // Every path that reads nothing says why; this keeps the promise even if one forgets.
        (None, None) => Err(Diagnostics::unreadable(file)),
    }
}

fn read(found: &mut Found<'_>) -> Option<Runbook> {
    let root = yaml::read(found)?;
    let fields = Fields::of(&root, "a runbook", FIELDS, found)?;
    let head = head::read(&fields, found);
    let (inputs, input_places) = inputs::read(fields.get("inputs"), found);
    let steps = steps::read(&fields, found);
    let changes = steps.iter().any(|step| step.effect == Effect::Change);
    let rollout = match fields.get("rollout") {
        Some(node) => rollout::read(node, changes, found),
        None => Rollout::default_for(changes),
    };
    check_names(&inputs, &steps, found);
    let head = head?;
    let places =
        Places {
            name: head.place,
            reviewed: fields.get("reviewed").map(|node| node.place),
            inputs: input_places,
            secrets: indexmap::IndexMap::new(),
            vars: indexmap::IndexMap::new(),
            rollout: fields.get("rollout").map(|node| node.place),
        };
    Some(Runbook {
        name: head.name,
        title: head.title,
        summary: head.summary,
        kind: head.kind,
        owner: head.owner,
        stewardship: head.stewardship,
        reviewed: head.reviewed,
        targets: head.targets,
        inputs,
        secrets: indexmap::IndexMap::new(),
        vars: indexmap::IndexMap::new(),
        rollout,
        rollout_said: fields.get("rollout").is_some(),
        steps,
        on_failure: Vec::new(),
        always: Vec::new(),
        text: found.source.text.to_owned(),
        digest: Digest::of(found.source.text.as_bytes()),
        file: found.source.file.to_owned(),
        places,
    })
}

/// Checks that every name in a template is known where it stands.
///
/// An action sees what earlier steps captured; a verification and an inverse also what their own step captured.
fn check_names(inputs: &indexmap::IndexMap<String, crate::input::InputSpec>, steps: &[Step], found: &mut Found<'_>) {
    let mut scope = Scope { inputs, captured: BTreeSet::new() };
    for step in steps {
        for template in step.action.templates() {
            scope.check(template, found);
        }
        for capture in &step.captures {
            if !scope.captured.insert(capture.name.clone()) {
                let message = format!("`{}` is captured a second time", capture.name);
                found.error_with("duplicate-capture", step.place, message, "a captured name stands for one value");
            }
        }
        let verify = step.verify.iter().flat_map(|verify| verify.probe.templates());
        let undo = match &step.undo {
            Undo::Inverse(inverse) => inverse.templates(),
            Undo::Unsaid | Undo::None => Vec::new(),
        };
        for template in verify.chain(undo) {
            scope.check(template, found);
        }
    }
}
