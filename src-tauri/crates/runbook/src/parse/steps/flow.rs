//! Steps that touch no host themselves: `wait`, `ask`, `call` and `notify`.

use daytwo_model::RunbookName;
use daytwo_model::plan::{On, Otherwise, RunAs};
use daytwo_model::quote::Quote;
use indexmap::IndexMap;

use super::super::INPUTS_MAX;
use super::super::fields::{Fields, duration_ms, entries, one_of, parsed, scalar, template};
use super::super::head::RUNBOOK_NAME;
use super::super::shape::{Shape, TEMPLATE_NAME, Takes, may, must};
use super::action::Around;
use super::probe;
use crate::diagnostic::Found;
use crate::duration;
use crate::step::{AskTemplate, CallTemplate, NotifyTemplate, WaitTemplate};
use crate::yaml::{Data, Node};

/// How long an answer may take where the runbook does not say, in milliseconds: a coffee, not a night.
pub(super) const ANSWER_MS_DEFAULT: u64 = 30 * 60 * 1000;

const OTHERWISES: &[(&str, Otherwise)] = &[("stop", Otherwise::Stop), ("continue", Otherwise::Continue)];

pub(crate) static WAIT: Shape = Shape::new(
    "wait",
    "`wait`",
    "Nothing for a while, or until something holds.",
    &[
        may("for", Takes::OneOf(&[Takes::Duration, Takes::Template]), "So long; a duration or a `duration` input."),
        may("until", Takes::Shape(&probe::UNTIL), "Until this holds."),
        may("within", Takes::Duration, "How long `until` may take."),
    ],
)
.exactly_one(&["for", "until"]);

pub(crate) static ASK: Shape = Shape::new(
    "ask",
    "`ask`",
    "A person decides whether the run goes on.",
    &[
        must("question", Takes::Template, "The question."),
        may("within", Takes::Duration, "How long an answer may take; 30m where it is absent."),
        may("otherwise", Takes::Words(&["stop", "continue"]), "What no answer means; `stop` where it is absent."),
    ],
);

pub(crate) static CALL: Shape = Shape::new(
    "call",
    "`call`",
    "Another runbook's steps, in this place.",
    &[
        must("runbook", Takes::Name(RUNBOOK_NAME), "Its name."),
        may(
            "inputs",
            Takes::Map { key: TEMPLATE_NAME, to: &Takes::Template, max: INPUTS_MAX },
            "Its inputs, each as if it had been typed.",
        ),
    ],
);

pub(crate) static NOTIFY: Shape = Shape::new(
    "notify",
    "`notify`",
    "A message to somebody.",
    &[
        must("to", Takes::Name("[A-Za-z0-9_][A-Za-z0-9_.@-]*"), "The name of a receiver in the settings."),
        must("text", Takes::Template, "What is said."),
    ],
);

/// What `wait` can be: its short form, or its long one.
pub(super) const WAITED: Takes = Takes::OneOf(&[Takes::Duration, Takes::Template, Takes::Shape(&WAIT)]);

/// Reads `wait`, in its short form or its long one.
pub(super) fn wait(node: &Node, found: &mut Found<'_>) -> Option<WaitTemplate> {
    if matches!(node.data, Data::Scalar(_)) {
        return wait_for(node, found);
    }
    let fields = Fields::of(node, &WAIT, found)?;
    let within = fields.get("within").and_then(|node| positive(node, "`within`", found));
    let (word, node) = fields.the_one(found)?;
    if word == "for" {
        if fields.get("within").is_some() {
            found.error(
                "unknown-field",
                fields.place_of("within"),
                "`within` is for `until`; `for` says itself how long",
            );
        }
        return wait_for(node, found);
    }
    fields.need("within", found);
    let around = Around { run_as: RunAs::Login, on: On::Host };
    let probe = probe::read(node, &probe::UNTIL, &around, found);
    Some(WaitTemplate::Until { probe: probe?, within_ms: within? })
}

fn wait_for(node: &Node, found: &mut Found<'_>) -> Option<WaitTemplate> {
    let text = &scalar(node, "how long to wait", found)?.text;
    let duration = template(node, "how long to wait", Quote::None, found)?;
    let mut tags = duration.tags();
    match (tags.next(), tags.next()) {
        (None, _) => {
            if let Err(message) = duration::parse_ms(text) {
                found.error("bad-value", node.place, message);
            }
        }
        (Some((_, _, true)), None) if text.trim().starts_with("{{") && text.trim().ends_with("}}") => {}
        _ => {
            let hint = "write `30s`, or \"{{ name }}\" of a `duration` input";
            found.error_with("bad-value", node.place, "this is neither a duration nor one value that is", hint);
        }
    }
    drop(tags);
    Some(WaitTemplate::For { duration })
}

/// Reads `ask`.
pub(super) fn ask(node: &Node, found: &mut Found<'_>) -> Option<AskTemplate> {
    let fields = Fields::of(node, &ASK, found)?;
    let question = fields.need("question", found).and_then(|node| template(node, "the question", Quote::None, found));
    let within = match fields.get("within") {
        Some(node) => positive(node, "`within`", found),
        None => Some(ANSWER_MS_DEFAULT),
    };
    let otherwise = match fields.get("otherwise") {
        Some(node) => one_of(node, "`otherwise`", OTHERWISES, found),
        None => Some(Otherwise::Stop),
    };
    Some(AskTemplate { question: question?, within_ms: within?, otherwise: otherwise? })
}

/// Reads `call`. Whether the other runbook is there and takes these inputs is asked by [`crate::calls`].
pub(super) fn call(node: &Node, found: &mut Found<'_>) -> Option<CallTemplate> {
    let fields = Fields::of(node, &CALL, found)?;
    let name_node = fields.need("runbook", found);
    let runbook = name_node.and_then(|node| parsed(node, "the runbook's name", found, |text| RunbookName::new(text)));
    let given = fields.get("inputs").and_then(|node| entries(node, "`inputs`", found)).unwrap_or_default();
    if let Some((key, _)) = given.get(INPUTS_MAX) {
        found.error("limit", key.place, format!("a runbook has at most {INPUTS_MAX} inputs"));
    }
    let mut inputs = IndexMap::new();
    for (key, node) in given.iter().take(INPUTS_MAX) {
        if let Some(value) = template(node, "an input", Quote::None, found) {
            inputs.insert(key.name.clone(), value);
        }
    }
    Some(CallTemplate { runbook: runbook?, inputs, place: name_node.map_or(fields.place, |node| node.place) })
}

/// Reads `notify`.
pub(super) fn notify(node: &Node, found: &mut Found<'_>) -> Option<NotifyTemplate> {
    let fields = Fields::of(node, &NOTIFY, found)?;
    let to = fields.need("to", found).and_then(|node| {
        parsed(node, "the receiver", found, |text| {
            let known = |c: char| c.is_ascii_alphanumeric() || "_.@-".contains(c);
            let named = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && text.chars().all(known);
            if named { Ok(text.to_owned()) } else { Err(format!("`{text}` cannot name a receiver")) }
        })
    });
    let text = fields.need("text", found).and_then(|node| template(node, "the text", Quote::None, found));
    Some(NotifyTemplate { to: to?, text: text? })
}

/// A duration that is not nothing.
pub(in crate::parse) fn positive(node: &Node, what: &str, found: &mut Found<'_>) -> Option<u64> {
    let ms = duration_ms(node, what, found)?;
    if ms == 0 {
        found.error("bad-value", node.place, format!("{what} needs some time"));
    }
    Some(ms)
}
