//! What hosts and APIs answer: by step, then perhaps by host, once or one after the other.

use daytwo_model::StepId;

use super::{Known, fleet};
use crate::diagnostic::{Found, Place};
use crate::parse::fields::{Fields, duration_ms, entries, number, one_of, text};
use crate::parse::shape::{ANY_NAME, Shape, Takes, may};
use crate::parse::steps::HEADER_NAME;
use crate::parse::{HEADERS_MAX, STEPS_MAX};
use crate::rehearsal::{CancelEffect, Meant, Part, Question, REHEARSAL_HOSTS_MAX, REPLIES_MAX, Recording, Reply, Says};
use crate::suggest;
use crate::yaml::{Data, Node, Style};

/// Replies by question.
pub(super) const REPLIES: Takes = Takes::Map {
    key: ANY_NAME,
    to: &Takes::OneOf(&[
        ONE,
        MANY,
        Takes::Map { key: ANY_NAME, to: &Takes::OneOf(&[ONE, MANY]), max: REHEARSAL_HOSTS_MAX },
    ]),
    max: 4 * STEPS_MAX,
};
const ONE: Takes = Takes::OneOf(&[Takes::Shape(&REPLY), Takes::Words(WORDS)]);
const MANY: Takes = Takes::List { of: &ONE, min: 1, max: REPLIES_MAX };

const WORDS: &[&str] = &["ok", "unreachable", "refused", "lost", "reboot", "never", "not started"];
const ENDS: &[(&str, Ending)] = &[
    ("ok", Ending::Ok),
    ("unreachable", Ending::Unreachable),
    ("refused", Ending::Refused),
    ("lost", Ending::Lost),
    ("reboot", Ending::Reboot),
    ("never", Ending::Never),
    ("not started", Ending::NotStarted),
];
const CANCELS: &[(&str, CancelEffect)] = &[("killed", CancelEffect::Killed), ("unseen", CancelEffect::Unseen)];

#[derive(Clone, Copy)]
enum Ending {
    Ok,
    Unreachable,
    Refused,
    Lost,
    Reboot,
    Never,
    NotStarted,
}

/// One answer.
static REPLY: Shape = Shape::new(
    "reply",
    "a reply",
    "What a host or an API answers. A mapping, or one word: `ok`, `unreachable`, `refused`, `lost`, `reboot`, `never`, \
     `not started`.",
    &[
        may("stdout", Takes::Text, "What the process writes on standard output."),
        may("stderr", Takes::Text, "What it writes on standard error."),
        may("exit", Takes::Integer { min: -1, max: 255 }, "Its exit code; 0 where it is absent."),
        may("signal", Takes::Text, "The signal that ends it, without SIG."),
        may("status", Takes::Integer { min: 100, max: 599 }, "The status of an HTTP answer; 200 where it is absent."),
        may("json", Takes::Json, "The body of an HTTP answer, as JSON."),
        may("body", Takes::Text, "The body of an HTTP answer, as text."),
        may(
            "headers",
            Takes::Map { key: HEADER_NAME, to: &Takes::AnyText, max: HEADERS_MAX },
            "The headers of an HTTP answer that matter.",
        ),
        may(
            "ends",
            Takes::Words(WORDS),
            "How it ends otherwise: `unreachable` and `refused` start nothing; `lost` starts it, and its end is not \
             seen; `reboot` starts it, and the host is started anew meanwhile; with `not started` the link is lost \
             before anything begins; `never` goes on until somebody ends it.",
        ),
        may("after", Takes::Duration, "How long it takes; no time at all where it is absent."),
        may(
            "cancel",
            Takes::Words(&["killed", "unseen"]),
            "What a cancel or the end of the step's time does: `killed`, or nobody sees whether it is dead (`unseen`).",
        ),
    ],
)
.not_both(&[
    ("exit", "signal"),
    ("json", "body"),
    ("stdout", "status"),
    ("stdout", "json"),
    ("stdout", "body"),
    ("stdout", "headers"),
    ("stderr", "status"),
    ("stderr", "json"),
    ("stderr", "body"),
    ("exit", "status"),
    ("exit", "json"),
    ("exit", "body"),
    ("exit", "headers"),
    ("signal", "status"),
    ("signal", "json"),
    ("signal", "body"),
    ("ends", "exit"),
    ("ends", "signal"),
    ("ends", "status"),
    ("ends", "json"),
    ("ends", "body"),
    ("ends", "headers"),
]);

/// Reads replies by question.
pub(super) fn read(node: &Node, known: &Known, found: &mut Found<'_>) -> Vec<Recording> {
    let mut recordings = Vec::new();
    for (key, node) in entries(node, "`replies`", found).unwrap_or_default() {
        let Some(question) = question(&key.name, key.place, found) else { continue };
        let mut add = |place, hosts, replies: Vec<Reply>| {
            if !replies.is_empty() {
                recordings.push(Recording { place, question: question.clone(), hosts, replies });
            }
        };
        match by_host(node) {
            Some(hosts) => {
                for (key, node) in hosts {
                    if let Some(hosts) = fleet::meant(&key.name, key.place, known, &REPLY.names(), found) {
                        add(key.place, hosts, replies(node, found));
                    }
                }
            }
            None => add(key.place, Meant::All, replies(node, found)),
        }
    }
    recordings
}

/// The entries of a mapping that has not one field of a reply: its keys are hosts.
fn by_host(node: &Node) -> Option<&[(crate::yaml::Key, Node)]> {
    match &node.data {
        Data::Map(entries) if !entries.iter().any(|(key, _)| REPLY.has(&key.name)) => Some(entries),
        Data::Map(_) | Data::Scalar(_) | Data::Seq(_) => None,
    }
}

/// `restart.undo.verify`
pub(super) fn question(text: &str, place: Place, found: &mut Found<'_>) -> Option<Question> {
    let (rest, part) = match text {
        text if text.ends_with(".check") => (text.trim_end_matches(".check"), Part::Check),
        text if text.ends_with(".read") => (text.trim_end_matches(".read"), Part::Read),
        text if text.ends_with(".verify") => (text.trim_end_matches(".verify"), Part::Verify),
        text => (text, Part::Action),
    };
    let (step, undo) = rest.strip_suffix(".undo").map_or((rest, false), |step| (step, true));
    match StepId::new(step) {
        Ok(step) => Some(Question { step, undo, part }),
        Err(error) => {
            found.error("bad-value", place, error.to_string());
            None
        }
    }
}

fn replies(node: &Node, found: &mut Found<'_>) -> Vec<Reply> {
    let nodes = match &node.data {
        Data::Seq(nodes) => nodes.as_slice(),
        Data::Scalar(_) | Data::Map(_) => std::slice::from_ref(node),
    };
    if nodes.is_empty() || nodes.len() > REPLIES_MAX {
        found.error("limit", node.place, format!("there are from 1 to {REPLIES_MAX} replies, one after the other"));
    }
    nodes.iter().take(REPLIES_MAX).filter_map(|node| reply(node, found)).collect()
}

fn reply(node: &Node, found: &mut Found<'_>) -> Option<Reply> {
    let place = node.place;
    if let Data::Scalar(scalar) = &node.data {
        let Some((_, ending)) = ENDS.iter().find(|(word, _)| *word == scalar.text) else {
            let message = format!("a reply is a mapping of stdout, exit, after, …, or a word, not `{}`", scalar.text);
            let hint = suggest::hint(&scalar.text, WORDS).unwrap_or_default();
            found.error_with("bad-value", place, message, hint);
            return None;
        };
        return Some(Reply { place, after_ms: 0, says: said(*ending), cancel: CancelEffect::default() });
    }
    let fields = Fields::of(node, &REPLY, found)?;
    let after = fields.get("after").and_then(|node| duration_ms(node, "`after`", found));
    let cancel = fields.get("cancel").and_then(|node| one_of(node, "`cancel`", CANCELS, found));
    let says = says(&fields, found);
    Some(Reply { place, after_ms: after.unwrap_or(0), says, cancel: cancel.unwrap_or_default() })
}

fn says(fields: &Fields<'_>, found: &mut Found<'_>) -> Says {
    let mut written = |name: &str| fields.get(name).and_then(|node| text_or_nothing(node, &format!("`{name}`"), found));
    let (stdout, stderr, signal, body) = (written("stdout"), written("stderr"), written("signal"), written("body"));
    let exit = fields.get("exit").and_then(|node| number(node, "`exit`", -1..=255, found));
    let status = fields.get("status").and_then(|node| number(node, "`status`", 100..=599, found));
    let json = fields.get("json").map(|node| super::course::value(node).to_string());
    if let Some(ending) = fields.get("ends").and_then(|node| one_of(node, "`ends`", ENDS, found)) {
        return said(ending);
    }
    let headers = fields.get("headers").map(|node| headers(node, found));
    if status.is_some() || json.is_some() || body.is_some() || headers.is_some() {
        let status = status.and_then(|status| u16::try_from(status).ok()).unwrap_or(200);
        let (headers, body) = (headers.unwrap_or_default(), json.or(body).unwrap_or_default());
        return Says::Answer { status, headers, body };
    }
    if stdout.is_none() && stderr.is_none() && signal.is_none() && exit.is_none() {
        return Says::Fine;
    }
    let exit = exit.and_then(|exit| i32::try_from(exit).ok()).unwrap_or(0);
    let end = signal.map_or(Ok(exit), |signal| Err(signal.trim_start_matches("SIG").to_owned()));
    Says::Process { stdout: stdout.unwrap_or_default(), stderr: stderr.unwrap_or_default(), end }
}

/// Header names and values.
fn headers(node: &Node, found: &mut Found<'_>) -> Vec<(String, String)> {
    let entries = entries(node, "`headers`", found).unwrap_or_default();
    let each = entries.iter().take(HEADERS_MAX);
    each.filter_map(|(key, node)| Some((key.name.clone(), text_or_nothing(node, "a header", found)?))).collect()
}

/// A text that may be empty.
fn text_or_nothing(node: &Node, what: &str, found: &mut Found<'_>) -> Option<String> {
    match &node.data {
        Data::Scalar(scalar) if scalar.style != Style::Plain || !scalar.is_null() => Some(scalar.text.clone()),
        Data::Scalar(_) => Some(String::new()),
        Data::Seq(_) | Data::Map(_) => text(node, what, found),
    }
}

const fn said(ending: Ending) -> Says {
    match ending {
        Ending::Ok => Says::Fine,
        Ending::Unreachable => Says::Unreachable,
        Ending::Refused => Says::Refused,
        Ending::Lost => Says::Lost,
        Ending::Reboot => Says::Reboot,
        Ending::Never => Says::Never,
        Ending::NotStarted => Says::NotStarted,
    }
}
