//! Typed steps (`file`, `link`, `service`, `package`), spelled out as POSIX shell scripts.
//!
//! Each kind is a set of constant texts in a folder of `sh/`, beside its Rust: what a person reads there
//! is what a host runs, after a few lines that give the step's values to shell variables. A script
//! reads before it writes, changes nothing where nothing is to be changed, and its inverse takes
//! back only what the step did: where somebody changed it since, it says so and leaves it.
//!
//! No value is ever pasted into a script's text. `words` is the only place that puts one in, as one
//! quoted word behind `name=`. Of all values only a file's content may hold a secret, because every
//! other one is an argument of a command, which all users of the host could see.

mod file;
mod link;
mod package;
mod service;
#[cfg(test)]
mod tests;
mod words;

use daytwo_model::plan::{Action, Capture, CaptureFrom, Expect, Probe, RunAs};
use daytwo_model::quote::Quote;
use daytwo_model::{CaptureName, Digest, StepId, Text};

use crate::diagnostic::Place;
use crate::step::ActionTemplate;
use crate::template::{Rendering, Template};

/// What the names of all captures of typed steps begin with; authors' names must not.
pub(crate) const CAPTURE_PREFIX: &str = "typed_";

/// The longest step id that stands in file names on a host as it is; a longer one by its digest.
const MARK_ID_BYTES_MAX: usize = 40;

/// A typed step of one host, as scripts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spelled {
    /// Read before the change. It writes what was there in one line, which is captured for the
    /// inverse; it fails where the change would be refused.
    pub(crate) before: Text,
    /// What is kept of `before`. The change itself does not need it.
    pub(crate) captures: Vec<Capture>,
    /// The script that changes.
    pub(crate) change: Text,
    /// What it does, in one line for people: `link /srv/app/current to releases/7`.
    pub(crate) meaning: Text,
    /// What must hold afterwards.
    pub(crate) verify: Probe,
    /// The way back; none where there is none, and then `meaning` says why.
    pub(crate) inverse: Option<Inverse>,
}

/// The way back of a typed step.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Inverse {
    /// The script. It ends with exit code 1 and a sentence where somebody changed it since.
    pub(crate) script: Text,
    /// What it does, in one line for people.
    pub(crate) meaning: Text,
    /// What must hold afterwards.
    pub(crate) verify: Probe,
}

/// What went wrong with one value: the line where it stands, and what.
type Flawed = (Option<u32>, String);

/// What every script begins with.
const BEGIN: &str = include_str!("sh/begin.sh");

/// Spells out a typed action for the host of `rendering`.
///
/// Asked once per host whose values differ. `step` is the plan's id of the step, so that two steps
/// of a plan never share a capture or a backup.
pub(crate) fn spell(step: &StepId, action: &ActionTemplate, rendering: &Rendering<'_>) -> Result<Spelled, Flawed> {
    match action {
        ActionTemplate::File(it) => file::spell(step, it, rendering),
        ActionTemplate::Link(it) => link::spell(step, it, rendering),
        ActionTemplate::Service(it) => service::spell(step, it, rendering),
        ActionTemplate::Package(it) => package::spell(step, it, rendering),
        other => Err((None, format!("`{}` is not a typed step", other.word()))),
    }
}

/// Under which name the read before this step's change is captured.
fn captured_as(step: &StepId) -> Result<CaptureName, Flawed> {
    let name = |of: &str| CaptureName::new(format!("{CAPTURE_PREFIX}was_{of}"));
    name(&spelled_id(step))
        .or_else(|_| name(&Digest::of(step.as_str().as_bytes()).to_string()))
        .map_err(|error| (None, error.to_string()))
}

/// Under which name a member of a document is captured before it is set. `_n` is no part of a spelled id.
pub(crate) fn captured_member(step: &StepId, index: usize) -> Result<CaptureName, Flawed> {
    let name = |of: &str| CaptureName::new(format!("{CAPTURE_PREFIX}was_{of}_n{index}"));
    name(&spelled_id(step))
        .or_else(|_| name(&Digest::of(step.as_str().as_bytes()).to_string()))
        .map_err(|error| (None, error.to_string()))
}

/// A step's id with letters, digits and `_` only. Different ids stay different: `a-b` and `a_b` may
/// stand in one plan, and each has a way back of its own.
fn spelled_id(step: &StepId) -> String {
    let mut out = String::new();
    for c in step.as_str().chars() {
        match c {
            '_' => out.push_str("__"),
            '-' => out.push_str("_d"),
            '.' => out.push_str("_p"),
            '/' => out.push_str("_s"),
            other => out.push(other),
        }
    }
    out
}

/// What tells files that a step leaves on a host from those of every other step and plan.
fn mark(step: &StepId, rendering: &Rendering<'_>) -> Result<Text, Flawed> {
    let template = Template::new("{{ run.stamp }}-", Quote::None, Place::START);
    let template = template.map_err(|flaw| (None, flaw.message))?;
    let stamp = template.render(rendering).map_err(|message| (None, message))?;
    let id = spelled_id(step);
    let id = if id.len() > MARK_ID_BYTES_MAX { Digest::of(id.as_bytes()).short() } else { id };
    Ok(words::line(&[&stamp, &Text::plain(id)]))
}

/// The capture of a `before`.
fn capture(name: &CaptureName) -> Vec<Capture> {
    vec![Capture { name: name.clone(), from: CaptureFrom::Stdout }]
}

/// A read that ends with 0 where all is well.
fn probe(script: Text, run_as: &RunAs) -> Probe {
    Probe { action: Action::Run { script, run_as: run_as.clone(), meaning: None }, expect: Expect::default() }
}
