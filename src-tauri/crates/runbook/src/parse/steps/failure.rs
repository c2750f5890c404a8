//! What becomes of a host on which a step does not end well (`if_failed`), and whether a step may be done
//! late (`late_ok`). The phase `on_failure` of a runbook is something else: steps for a host's end.

use daytwo_model::Answer;
use daytwo_model::plan::{Effect, FailurePolicy};

use super::super::fields::{Fields, boolean, one_of};
use super::super::shape::{Shape, Takes, may, must};
use super::flow::{ANSWER_MS_DEFAULT, positive};
use crate::diagnostic::Found;
use crate::yaml::{Data, Node};

/// What a person decides where nobody says more: in half an hour, and the host stops otherwise.
const ASK: FailurePolicy = FailurePolicy::Ask { within_ms: ANSWER_MS_DEFAULT, otherwise: Answer::Stop };

const POLICIES: &[(&str, FailurePolicy)] = &[
    ("stop", FailurePolicy::Stop),
    ("continue", FailurePolicy::Continue),
    ("undo", FailurePolicy::Undo),
    ("ask", ASK),
];

/// What no answer can mean. To try again is not among them: without a person it would be tried for ever.
const OTHERWISES: &[(&str, Answer)] =
    &[("stop", Answer::Stop), ("skip", Answer::Skip), ("exclude", Answer::Exclude), ("undo", Answer::Undo)];

pub(crate) static ASKED: Shape = Shape::new(
    "if_failed_ask",
    "`ask`",
    "A person decides about the host: try again, leave the step and go on, leave the host out, take back what was \
     done on it, or stop the run.",
    &[
        may("within", Takes::Duration, "How long an answer may take; 30m where it is absent."),
        may(
            "otherwise",
            Takes::Words(&["stop", "skip", "exclude", "undo"]),
            "What no answer means; `stop` where it is absent.",
        ),
    ],
);

pub(crate) static IF_FAILED: Shape = Shape::new(
    "if_failed",
    "`if_failed`",
    "A person decides, and this says for how long and what no answer means.",
    &[must("ask", Takes::Shape(&ASKED), "How long an answer may take, and what none means.")],
);

/// What `if_failed` can be.
pub(super) const POLICY: Takes =
    Takes::OneOf(&[Takes::Words(&["stop", "continue", "undo", "ask"]), Takes::Shape(&IF_FAILED)]);

/// Reads `if_failed`, in its short form or its long one.
pub(super) fn read(node: &Node, found: &mut Found<'_>) -> Option<FailurePolicy> {
    if matches!(node.data, Data::Scalar(_)) {
        return one_of(node, "`if_failed`", POLICIES, found);
    }
    let fields = Fields::of(node, &IF_FAILED, found)?;
    let fields = Fields::of(fields.need("ask", found)?, &ASKED, found)?;
    let within = match fields.get("within") {
        Some(node) => positive(node, "`within`", found),
        None => Some(ANSWER_MS_DEFAULT),
    };
    let otherwise = match fields.get("otherwise") {
        Some(node) => one_of(node, "`otherwise`", OTHERWISES, found),
        None => Some(Answer::Stop),
    };
    Some(FailurePolicy::Ask { within_ms: within?, otherwise: otherwise? })
}

/// Says so where a step that is done when a host comes to its end has a policy: nothing follows that it could stop.
pub(super) fn refuse_at_the_end(node: &Node, section: &str, found: &mut Found<'_>) {
    let Data::Map(entries) = &node.data else { return };
    let Some((key, _)) = entries.iter().find(|(key, _)| key.name == "if_failed") else { return };
    let message = format!("`if_failed` is for `steps`; what is done in `{section}` ends the host's part in any case");
    found.error_with("unknown-field", key.place, message, "leave it out; a failure here is shown, and counts");
}

/// Reads `late_ok`.
pub(super) fn late_ok(node: &Node, effect: Effect, found: &mut Found<'_>) -> Option<bool> {
    let late_ok = boolean(node, "`late_ok`", found)?;
    if !late_ok && effect == Effect::Read {
        let message = "a step that only reads changes nothing, so it is done late too";
        found.error_with("bad-value", node.place, message, "leave it out");
    }
    Some(late_ok)
}
