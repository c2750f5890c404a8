//! What is to happen: the end of a run, and the course on each host.

use std::collections::{BTreeMap, BTreeSet};

use daytwo_model::{CaptureName, RunOutcome, StepId};
use serde_json::Value;

use super::{Known, batches, fleet, hosts, replies};
use crate::diagnostic::{Found, Place};
use crate::parse::fields::{Fields, duration_ms, entries, items, one_of, saying, text};
use crate::parse::shape::{ANY_NAME, Field, Shape, TEMPLATE_NAME, Takes, may};
use crate::parse::{BATCHES_MAX, CAPTURES_MAX, STEPS_MAX};
use crate::rehearsal::{
    ENDS, Expected, ExpectedCapture, ExpectedCourse, ExpectedRun, ExpectedStep, ExpectedText, ExpectedUndo, Meant,
    REHEARSAL_HOSTS_MAX, TextMeant,
};
use crate::suggest;
use crate::yaml::{Data, Node, Style};

/// The most steps in the course of a host: those of a plan.
const COURSE_MAX: usize = 1000;
/// The word for a host that nothing is sent to.
const NOTHING: &str = "nothing";
/// More about an end than its word; numbers are written with what they count.
const DETAILS: &[&str] = &[
    "deadline",
    "operator",
    "earlier step",
    "failed budget",
    "unreachable budget",
    "cancelled",
    "not planned",
    "condition",
    "not needed",
    "needs",
    "once failed",
    "no failure",
    "undecidable",
    "unreachable",
    "end unknown",
    "done before",
    "excluded",
    "stopped",
    "undoing",
    "unhealthy",
    "interrupted",
];

const OUTCOMES: &[(&str, RunOutcome)] = &[
    ("succeeded", RunOutcome::Succeeded),
    ("failed", RunOutcome::Failed),
    ("rolled back", RunOutcome::RolledBack),
    ("stuck", RunOutcome::Stuck),
    ("cancelled", RunOutcome::Cancelled),
    ("abandoned", RunOutcome::Abandoned),
];

const HOSTS: Takes = Takes::List { of: &Takes::Text, min: 0, max: REHEARSAL_HOSTS_MAX };
const STEPS: Takes = Takes::List { of: &Takes::Text, min: 0, max: COURSE_MAX };

const OF_A_RUN: &[Field] = &[
    may(
        "end",
        Takes::Words(&["succeeded", "failed", "rolled back", "stuck", "cancelled", "abandoned"]),
        "How the run ends.",
    ),
    may("refused", Takes::Text, "There is no plan, or the engine does not take it, and this stands in the reason."),
    may("batches", Takes::List { of: &HOSTS, min: 1, max: BATCHES_MAX }, "The hosts of each batch."),
    may(
        "course",
        Takes::Map { key: ANY_NAME, to: &Takes::OneOf(&[STEPS, Takes::Words(&[NOTHING])]), max: REHEARSAL_HOSTS_MAX },
        "By host (`web-[1-3]`, `others`), every step in order with its end: `restart verified`, `restart failed (exit \
         1)`, `pull finished (2 attempts)`, `notify skipped (earlier step)`; what is taken back in the run itself as \
         `restart.undo undone`, `stuck` or `left`; or `nothing`, where nothing is sent. \
         Steps that are not for a host, and steps for failures where nothing failed, may be left out.",
    ),
    may(
        "captured",
        Takes::Map {
            key: ANY_NAME,
            to: &Takes::Map { key: TEMPLATE_NAME, to: &Takes::Json, max: CAPTURES_MAX },
            max: REHEARSAL_HOSTS_MAX,
        },
        "By host, what was captured.",
    ),
    may(
        "sent",
        Takes::Map {
            key: ANY_NAME,
            to: &Takes::OneOf(&[SENT, Takes::Map { key: ANY_NAME, to: &SENT, max: REHEARSAL_HOSTS_MAX }]),
            max: 4 * STEPS_MAX,
        },
        "By step as in `replies`, then perhaps by host: the text that is sent, or parts of it, or `nothing`. Secrets stand in it as \
         ‹secret NAME›, requests as `POST URL JSON`.",
    ),
    may("within", Takes::Duration, "The most time that the run may take."),
];
const SENT: Takes = Takes::OneOf(&[Takes::Text, Takes::Shape(&CONTAINS)]);

static CONTAINS: Shape = Shape::new(
    "contains",
    "a text",
    "Parts of a text.",
    &[may(
        "contains",
        Takes::OneOf(&[Takes::Text, Takes::List { of: &Takes::Text, min: 1, max: STEPS_MAX }]),
        "What is in it.",
    )],
);

/// What is to happen in the run.
pub(super) static EXPECT: Shape = Shape::new(
    "rehearsal_expect",
    "an expectation",
    "What is to happen. What is absent is not compared.",
    &[may("undecided", HOSTS, "Hosts of which the selection cannot say whether they are picked.")],
)
.shared(OF_A_RUN)
.exactly_one(&["end", "refused"]);

/// What is to happen in its undo.
pub(super) static UNDO: Shape = Shape::new(
    "rehearsal_undo",
    "an undo",
    "What is to happen when the run is undone.",
    &[may(
        "left_out",
        Takes::Map { key: ANY_NAME, to: &STEPS, max: REHEARSAL_HOSTS_MAX },
        "By host, the steps that are left as they are. All of them.",
    )],
)
.shared(OF_A_RUN)
.exactly_one(&["end", "refused"]);

/// Reads what is to happen.
pub(super) fn expected(node: &Node, known: &Known, found: &mut Found<'_>) -> Option<Expected> {
    let fields = Fields::of(node, &EXPECT, found)?;
    of_fields(&fields, known, found)
}

/// Reads what is to happen in the undo.
pub(super) fn undo(node: &Node, known: &Known, found: &mut Found<'_>) -> Option<ExpectedUndo> {
    let fields = Fields::of(node, &UNDO, found)?;
    let mut left_out = BTreeMap::new();
    let by_host = fields.get("left_out").and_then(|node| entries(node, "`left_out`", found));
    for (key, node) in by_host.unwrap_or_default() {
        let names = fleet::named(&key.name, key.place, known, &[], found).unwrap_or_default();
        for node in items(node, "the steps that are left out", found).unwrap_or_default() {
            let step = crate::parse::fields::parsed(node, "a step", found, |text| StepId::new(text));
            left_out.extend(
                step.iter().flat_map(|step| names.iter().map(|host| ((host.clone(), step.clone()), node.place))),
            );
        }
    }
    Some(ExpectedUndo { place: node.place, expect: of_fields(&fields, known, found)?, left_out })
}

fn of_fields(fields: &Fields<'_>, known: &Known, found: &mut Found<'_>) -> Option<Expected> {
    let (name, node) = fields.the_one(found)?;
    if name == "refused" {
        let text = saying(node, "`refused`", found)?;
        for other in ["batches", "course", "captured", "sent", "within", "undecided"] {
            if fields.get(other).is_some() {
                let message = format!("nothing runs where the plan is refused, so there is no `{other}`");
                found.error("two-fields", fields.place_of(other), message);
            }
        }
        return Some(Expected::Refused { place: node.place, text });
    }
    let end = one_of(node, "the end of a run", OUTCOMES, found).map(|end| (node.place, end));
    let batches = fields.get("batches").map(|node| (node.place, batches(node, known, found)));
    let undecided = fields.get("undecided").map(|node| (node.place, hosts(node, known, found)));
    let courses = fields.get("course").map(|node| courses(node, known, found)).unwrap_or_default();
    let captured = fields.get("captured").map(|node| captured(node, known, found)).unwrap_or_default();
    let sent = fields.get("sent").map(|node| sent(node, known, found)).unwrap_or_default();
    let within = fields.get("within").and_then(|node| duration_ms(node, "`within`", found).map(|ms| (node.place, ms)));
    Some(Expected::Run(Box::new(ExpectedRun { end: end?, batches, undecided, courses, captured, sent, within })))
}

fn courses(node: &Node, known: &Known, found: &mut Found<'_>) -> Vec<ExpectedCourse> {
    let mut courses: Vec<ExpectedCourse> = Vec::new();
    let mut seen = BTreeSet::new();
    for (key, node) in entries(node, "`course`", found).unwrap_or_default() {
        let Some(hosts) = fleet::meant(&key.name, key.place, known, &[], found) else { continue };
        if let Meant::These(hosts) = &hosts {
            if let Some(twice) = hosts.iter().find(|host| seen.contains(*host)) {
                found.error("duplicate", key.place, format!("there is a course of {twice} already"));
            }
            seen.extend(hosts.iter().cloned());
        }
        let steps = match &node.data {
            Data::Scalar(scalar) if scalar.text == NOTHING => None,
            Data::Scalar(_) | Data::Seq(_) | Data::Map(_) => {
                let nodes = items(node, "a course", found).unwrap_or_default();
                Some(nodes.iter().take(COURSE_MAX).filter_map(|node| step(node, found)).collect())
            }
        };
        courses.push(ExpectedCourse { place: key.place, hosts, steps });
    }
    courses
}

/// `restart not verified (exit 1)`
fn step(node: &Node, found: &mut Found<'_>) -> Option<ExpectedStep> {
    let text = text(node, "a step of a course", found)?;
    let mut parts = text.trim().split(" (");
    let (id, end) = parts.next()?.trim().split_once(' ').map(|(id, end)| (id, end.trim())).or_else(|| {
        let message = "a step of a course is its id and its end, as in `restart verified`";
        found.error("bad-value", node.place, message);
        None
    })?;
    let Some(known) = ENDS.iter().find(|known| **known == end) else {
        let hint = suggest::hint(end, ENDS).unwrap_or_default();
        found.error_with("bad-value", node.place, format!("a step does not end `{end}`"), hint);
        return None;
    };
    let mut details = Vec::new();
    for part in parts {
        let detail = part.trim_end().trim_end_matches(')');
        if !part.trim_end().ends_with(')') || !is_detail(detail) {
            let message = format!("`({detail})` says nothing about the end of a step");
            let more = format!("one of exit 1, SIGTERM, HTTP 500, 2 attempts, {}", DETAILS.join(", "));
            let hint = suggest::nearest(detail, DETAILS.iter().copied());
            found.error_with(
                "bad-value",
                node.place,
                message,
                hint.map_or(more, |near| format!("did you mean `{near}`?")),
            );
            return None;
        }
        details.push(detail.to_owned());
    }
    match StepId::new(id) {
        Ok(step) => Some(ExpectedStep { place: node.place, step, end: known, details }),
        Err(error) => {
            found.error("bad-value", node.place, error.to_string());
            None
        }
    }
}

fn is_detail(text: &str) -> bool {
    let is_number = |text: &str| text.parse::<i32>().is_ok();
    DETAILS.contains(&text)
        || text.strip_prefix("exit ").is_some_and(is_number)
        || text.strip_prefix("HTTP ").is_some_and(is_number)
        || text.strip_suffix(" attempts").is_some_and(is_number)
        || text.strip_prefix("SIG").is_some_and(|name| !name.is_empty())
}

fn captured(node: &Node, known: &Known, found: &mut Found<'_>) -> Vec<ExpectedCapture> {
    let mut list = Vec::new();
    for (key, node) in entries(node, "`captured`", found).unwrap_or_default() {
        let Some(hosts) = fleet::meant(&key.name, key.place, known, &[], found) else { continue };
        for (key, node) in entries(node, "what was captured", found).unwrap_or_default() {
            match CaptureName::new(key.name.clone()) {
                Ok(name) => {
                    let value = value(node);
                    list.push(ExpectedCapture { place: key.place, hosts: hosts.clone(), name, value });
                }
                Err(error) => found.error("bad-value", key.place, error.to_string()),
            }
        }
    }
    list
}

fn sent(node: &Node, known: &Known, found: &mut Found<'_>) -> Vec<ExpectedText> {
    let mut list = Vec::new();
    for (key, node) in entries(node, "`sent`", found).unwrap_or_default() {
        let Some(question) = replies::question(&key.name, key.place, found) else { continue };
        let mut add =
            |place: Place, hosts, text| list.push(ExpectedText { place, question: question.clone(), hosts, text });
        match &node.data {
            Data::Map(by_host) if !by_host.iter().any(|(key, _)| CONTAINS.has(&key.name)) => {
                for (key, node) in by_host {
                    let hosts = fleet::meant(&key.name, key.place, known, &["contains"], found);
                    if let (Some(hosts), Some(text)) = (hosts, text_meant(node, found)) {
                        add(key.place, hosts, text);
                    }
                }
            }
            Data::Map(_) | Data::Scalar(_) | Data::Seq(_) => {
                if let Some(text) = text_meant(node, found) {
                    add(key.place, Meant::All, text);
                }
            }
        }
    }
    list
}

fn text_meant(node: &Node, found: &mut Found<'_>) -> Option<TextMeant> {
    if let Data::Scalar(scalar) = &node.data {
        if scalar.text == NOTHING {
            return Some(TextMeant::Nothing);
        }
        return saying(node, "the text that is sent", found).map(TextMeant::Exactly);
    }
    let fields = Fields::of(node, &CONTAINS, found)?;
    let node = fields.need("contains", found)?;
    let nodes = match &node.data {
        Data::Seq(nodes) => nodes.as_slice(),
        Data::Scalar(_) | Data::Map(_) => std::slice::from_ref(node),
    };
    Some(TextMeant::Contains(nodes.iter().filter_map(|node| saying(node, "a part of the text", found)).collect()))
}

/// JSON as it was written. Bounded in depth by the text it comes from.
pub(super) fn value(node: &Node) -> Value {
    match &node.data {
        Data::Seq(items) => items.iter().map(value).collect(),
        Data::Map(entries) => {
            Value::Object(entries.iter().map(|(key, node)| (key.name.clone(), value(node))).collect())
        }
        Data::Scalar(scalar) if scalar.is_null() => Value::Null,
        Data::Scalar(scalar) if scalar.style == Style::Plain => match serde_json::from_str::<Value>(&scalar.text) {
            Ok(value @ (Value::Bool(_) | Value::Number(_))) => value,
            _ => Value::String(scalar.text.clone()),
        },
        Data::Scalar(scalar) => Value::String(scalar.text.clone()),
    }
}
