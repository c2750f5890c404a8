//! Everything that a step does, in its own words: the step itself, its check, its verification, its way back.

use crate::diagnostic::Place;
use crate::step::{ActionTemplate, ScriptSource, Step, Undo, WaitTemplate};
use crate::template::Template;

/// An action of a step.
pub(super) struct Piece<'r> {
    /// Which: for people, after the step's name.
    pub(super) part: Part,
    pub(super) action: &'r ActionTemplate,
}

/// For what a step has an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Action,
    Check,
    Verify,
    Undo,
    UndoVerify,
    Until,
}

/// Everything that a step does.
pub(super) fn pieces(step: &Step) -> Vec<Piece<'_>> {
    let mut pieces = vec![Piece { part: Part::Action, action: &step.action }];
    let mut add = |part, action| pieces.push(Piece { part, action });
    if let ActionTemplate::Wait(wait) = &step.action
        && let WaitTemplate::Until { probe, .. } = wait.as_ref()
    {
        add(Part::Until, &probe.action);
    }
    if let Some(check) = &step.check {
        add(Part::Check, &check.action);
    }
    if let Some(verify) = &step.verify {
        add(Part::Verify, &verify.probe.action);
    }
    if let Undo::Inverse(inverse) = &step.undo {
        add(Part::Undo, &inverse.action);
        if let Some(verify) = &inverse.verify {
            add(Part::UndoVerify, &verify.probe.action);
        }
    }
    pieces
}

/// A shell script's template, and its shell.
pub(super) fn shell_script(action: &ActionTemplate) -> Option<(&Template, &str)> {
    match action {
        ActionTemplate::Run { script, .. } => Some((script, "sh")),
        ActionTemplate::Script(it) => match &it.source {
            ScriptSource::Shell(text) => Some((text, shell_name(&it.interpreter)?)),
            ScriptSource::Text { .. } | ScriptSource::File { .. } => None,
        },
        _ => None,
    }
}

/// A script that stands in the runbook without templates, and its shell.
pub(super) fn plain_script(action: &ActionTemplate) -> Option<(&str, Place, &str)> {
    let ActionTemplate::Script(it) = action else { return None };
    match &it.source {
        ScriptSource::Text { text, place } => Some((text, *place, shell_name(&it.interpreter)?)),
        ScriptSource::Shell(_) | ScriptSource::File { .. } => None,
    }
}

/// The shell that an interpreter is, by the last part of its path; none for what is no POSIX shell.
fn shell_name(interpreter: &str) -> Option<&str> {
    let name = interpreter.rsplit('/').next().unwrap_or_default();
    ["sh", "bash", "dash", "ksh"].into_iter().find(|shell| *shell == name)
}
