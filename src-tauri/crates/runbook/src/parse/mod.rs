//! Text to runbook. Everything that is wrong with a file is said at once.
//!
//! `shape` is the grammar; each reader here has its shape beside it.

mod fields;
mod head;
mod input_shapes;
mod inputs;
mod json;
mod rehearsal;
mod rollout;
pub(crate) mod shape;
mod steps;
mod values;

use daytwo_model::Digest;
use daytwo_model::plan::Effect;

use crate::diagnostic::{Diagnostics, Found, Place, Source};
use crate::names;
use crate::rollout::Rollout;
use crate::runbook::{Kind, Places, Runbook};
use crate::yaml;
use fields::Fields;
pub(crate) use head::RUNBOOK;
pub(crate) use rehearsal::REHEARSAL;
pub use rehearsal::parse_rehearsal;
use steps::Sections;

/// The most steps in a runbook.
pub const STEPS_MAX: usize = 200;
/// The most inputs of a runbook; a form with more is not filled in at 03:00.
pub const INPUTS_MAX: usize = 50;
/// The most choices that an input writes out.
pub const CHOICES_MAX: usize = 200;
/// The most secrets that a runbook names itself.
pub const SECRETS_MAX: usize = 20;
/// The most variables of a runbook.
pub const VARS_MAX: usize = 50;
/// The most batches of a rollout.
pub const BATCHES_MAX: usize = 50;
/// The most values that one step captures.
pub const CAPTURES_MAX: usize = 20;
/// The most headers of a request, and the most JSON pointers of an expectation.
pub const HEADERS_MAX: usize = 50;

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

/// Reads a runbook from bytes that nobody has looked at yet.
pub fn parse_bytes(file: &str, bytes: &[u8]) -> Result<Runbook, Diagnostics> {
    if bytes.len() > yaml::TEXT_BYTES_MAX {
        let mut found = Found::new(Source { file, text: "" });
        found.error("limit", Place::START, yaml::too_long(bytes.len()));
        return Err(found.into_errors().unwrap_or_else(|| Diagnostics::unreadable(file)));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(file, text),
        Err(error) => Err(not_utf8(file, bytes, error.valid_up_to())),
    }
}

/// Says where the first byte stands that no text has.
fn not_utf8(file: &str, bytes: &[u8], at: usize) -> Diagnostics {
    let text = String::from_utf8_lossy(bytes);
    let before = bytes.get(..at).map(String::from_utf8_lossy).unwrap_or_default();
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let byte = bytes.get(at).copied().unwrap_or_default();
    let mut found = Found::new(Source { file, text: &text });
    let place = Place { line: small(line), column: small(column), width: 1 };
    let message = format!("the file is not UTF-8: the byte 0x{byte:02x} (number {}) belongs to no character", at + 1);
    found.error_with("not-utf8", place, message, "save it as UTF-8");
    found.into_errors().unwrap_or_else(|| Diagnostics::unreadable(file))
}

fn read(found: &mut Found<'_>) -> Option<Runbook> {
    let root = yaml::read(found)?;
    let fields = Fields::of(&root, &RUNBOOK, found)?;
    let head = head::read(&fields, found);
    let (inputs, input_places) = inputs::read(fields.get("inputs"), found);
    let (secrets, secret_places) = values::secrets(fields.get("secrets"), &inputs, found);
    let (vars, var_places) = values::vars(fields.get("vars"), &inputs, &secrets, found);
    let Sections { steps, on_failure, always } = steps::read(&fields, found);
    let all = || steps.iter().chain(&on_failure).chain(&always);
    let changes = all().any(|step| step.effect == Effect::Change);
    let (rollout, health) = match fields.get("rollout") {
        Some(node) => rollout::read(node, changes, found),
        None => (Rollout::default_for(changes), None),
    };
    names::check(
        &names::Sections {
            inputs: &inputs,
            secrets: &secrets,
            vars: &vars,
            health: health.as_ref(),
            steps: &steps,
            on_failure: &on_failure,
            always: &always,
        },
        found,
    );
    let head = head?;
    let places = Places {
        name: head.place,
        reviewed: fields.get("reviewed").map(|node| node.place),
        inputs: input_places,
        secrets: secret_places,
        vars: var_places,
        rollout: fields.get("rollout").map(|node| node.place),
    };
    Some(Runbook {
        name: head.name,
        title: head.title,
        summary: head.summary,
        kind: head.kind.unwrap_or(if changes { Kind::Operation } else { Kind::Diagnostic }),
        owner: head.owner,
        stewardship: head.stewardship,
        reviewed: head.reviewed,
        targets: head.targets,
        inputs,
        secrets,
        vars,
        rollout,
        health,
        rollout_said: fields.get("rollout").is_some(),
        steps,
        on_failure,
        always,
        text: found.source.text.to_owned(),
        digest: Digest::of(found.source.text.as_bytes()),
        file: found.source.file.to_owned(),
        places,
    })
}
