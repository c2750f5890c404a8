//! What is kept of a step's answer.

use daytwo_model::CaptureName;
use daytwo_model::plan::{Capture, CaptureFrom};

use super::super::fields::{Fields, entries, one_of, parsed};
use super::super::shape::{Shape, Takes, may};
use super::super::{CAPTURES_MAX, json};
use super::http::HEADER_NAME;
use super::probe::regex;
use crate::diagnostic::Found;
use crate::step::ActionTemplate;
use crate::typed::CAPTURE_PREFIX;
use crate::yaml::{Data, Node};

pub(crate) static CAPTURE: Shape = Shape::new(
    "capture",
    "a capture",
    "A part of standard output, or of the body.",
    &[
        may("json", Takes::Pointer, "The value at this JSON pointer."),
        may("header", Takes::Name(HEADER_NAME), "The answer's header of this name."),
        may("regex", Takes::Regex, "What this regular expression finds first: its first group, or all of it."),
    ],
)
.exactly_one(&["json", "header", "regex"]);

/// What a captured value can be.
pub(super) const CAPTURED: Takes = Takes::OneOf(&[Takes::Words(&["stdout", "exit_code"]), Takes::Shape(&CAPTURE)]);

/// Reads `capture`.
pub(super) fn read(node: &Node, action: Option<&ActionTemplate>, found: &mut Found<'_>) -> Vec<Capture> {
    let entries = entries(node, "`capture`", found).unwrap_or_default();
    if let Some((key, _)) = entries.get(CAPTURES_MAX) {
        found.error("limit", key.place, format!("a step captures at most {CAPTURES_MAX} values"));
    }
    let mut captures = Vec::new();
    for (key, node) in entries.iter().take(CAPTURES_MAX) {
        let well_formed = key.name.starts_with(|c: char| c.is_ascii_alphabetic())
            && key.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let name = CaptureName::new(key.name.clone()).ok().filter(|_| well_formed);
        if name.is_none() {
            let message = format!("`{}` cannot name a captured value: letters, digits and _ can", key.name);
            found.error("bad-name", key.place, message);
        } else if key.name.starts_with(CAPTURE_PREFIX) {
            let message =
                format!("names that begin with {CAPTURE_PREFIX} are kept for what typed steps capture themselves");
            found.error("bad-name", key.place, message);
        }
        let from = from(node, found);
        if matches!(from, Some(CaptureFrom::Header(_))) && !matches!(action, None | Some(ActionTemplate::Http(_))) {
            found.error("bad-value", node.place, "only the answer to a request has headers");
        }
        captures.extend(name.zip(from).map(|(name, from)| Capture { name, from }));
    }
    captures
}

fn from(node: &Node, found: &mut Found<'_>) -> Option<CaptureFrom> {
    if !matches!(node.data, Data::Map(_)) {
        let words = [("stdout", CaptureFrom::Stdout), ("exit_code", CaptureFrom::ExitCode)];
        let words: Vec<(&str, &CaptureFrom)> = words.iter().map(|(word, from)| (*word, from)).collect();
        return one_of(node, "a capture", &words, found).cloned();
    }
    let fields = Fields::of(node, &CAPTURE, found)?;
    let (word, node) = fields.the_one(found)?;
    if word == "json" {
        return parsed(node, "the pointer", found, json::pointer).map(CaptureFrom::Json);
    }
    if word == "header" {
        return parsed(node, "the header", found, header).map(CaptureFrom::Header);
    }
    let instead = "capture more, and decide in the script that uses it";
    parsed(node, "the regular expression", found, |text| regex(text, instead)).map(CaptureFrom::Regex)
}

fn header(name: &str) -> Result<String, String> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.chars().all(token) { Ok(name.to_owned()) } else { Err(format!("`{name}` cannot name a header")) }
}
