//! How a step is taken back: by an inverse that is written down, and, armed beforehand, by the host alone.

use daytwo_model::plan::{Effect, On};

use super::super::fields::{Fields, duration_ms, one_of};
use super::super::shape::{Shape, Takes, may};
use super::action::{self, Around};
use super::probe;
use crate::diagnostic::Found;
use crate::step::{ActionTemplate, InverseTemplate, Undo};
use crate::yaml::{Data, Node};

/// The shortest time after which a host may take a step back alone, in milliseconds: below it, a slow link is a failed change.
const DEAD_MAN_MS_MIN: u64 = 5_000;
/// The longest, in milliseconds: a switch that nobody remembers is no safety.
const DEAD_MAN_MS_MAX: u64 = 24 * 60 * 60 * 1000;

pub(crate) static UNDO: Shape = Shape::new(
    "undo",
    "`undo`",
    "The way back, recorded before the way forward.",
    &[
        action::RUN,
        action::SCRIPT,
        action::FILE,
        action::LINK,
        action::SERVICE,
        action::PACKAGE,
        action::HTTP,
        action::SUDO,
        action::BECOME,
        may("verify", Takes::Shape(&probe::VERIFY), "What must hold afterwards."),
    ],
)
.exactly_one(&["run", "script", "file", "link", "service", "package", "http"])
.not_both(&[("sudo", "become")]);

/// What `undo` can be.
pub(super) const UNDONE: Takes = Takes::OneOf(&[Takes::Words(&["none"]), Takes::Shape(&UNDO)]);

/// Reads `undo`. What could not be read counts as said, so that nothing further is missed because of it.
pub(super) fn read(node: &Node, around: &Around, found: &mut Found<'_>) -> Undo {
    if let Data::Scalar(_) = &node.data {
        one_of(node, "`undo`", &[("none", ())], found);
        return Undo::None;
    }
    let Some(fields) = Fields::of(node, &UNDO, found) else { return Undo::None };
    let action = action::read(&fields, around, found);
    if let Some(action) = &action {
        action::no_set(action, &fields, found);
    }
    let around = Around {
        run_as: action.as_ref().and_then(ActionTemplate::run_as).unwrap_or(&around.run_as).clone(),
        on: around.on,
    };
    let verify = fields.get("verify").and_then(|node| probe::verify(node, &around, found));
    action.map_or(Undo::None, |action| Undo::Inverse(Box::new(InverseTemplate { action, verify })))
}

/// Reads `dead_man`. The host holds the inverse as a script before the step begins, so it must be one,
/// and nothing may be missing in it by then.
pub(super) fn dead_man(node: &Node, step: &Armed<'_>, found: &mut Found<'_>) -> Option<u64> {
    let ms = duration_ms(node, "`dead_man`", found)?;
    if !(DEAD_MAN_MS_MIN..=DEAD_MAN_MS_MAX).contains(&ms) {
        found.error("dead-man", node.place, "a dead-man switch waits from 5s to 24h");
    }
    let problem = match (step.effect, step.action, step.undo) {
        _ if step.on == On::Console => Some(("there is no host that could take it back", "leave out `dead_man`")),
        (Effect::Read, ..) => Some(("a step that only reads leaves nothing to take back", "leave out `dead_man`")),
        (_, Some(ActionTemplate::HttpSet(_)), Undo::Unsaid) => NO_REQUEST,
        (_, Some(action), Undo::Unsaid) if action.is_typed() => None,
        (_, _, Undo::Unsaid | Undo::None) => NO_WAY_BACK,
        (_, _, Undo::Inverse(inverse)) if matches!(inverse.action, ActionTemplate::Http(_)) => NO_REQUEST,
        (_, _, Undo::Inverse(_)) => None,
    };
    if let Some((message, hint)) = problem {
        found.error_with("dead-man", node.place, message, hint);
    }
    Some(ms)
}

const NO_REQUEST: Option<(&str, &str)> = Some(("a host cannot send a request alone", "write the undo as a script"));
const NO_WAY_BACK: Option<(&str, &str)> =
    Some(("there is no way back that the host could take alone", "write an `undo` that is a script"));

/// The step around a `dead_man`.
pub(super) struct Armed<'s> {
    pub(super) effect: Effect,
    pub(super) on: On,
    pub(super) action: Option<&'s ActionTemplate>,
    pub(super) undo: &'s Undo,
}
