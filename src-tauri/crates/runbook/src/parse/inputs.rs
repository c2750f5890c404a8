//! What a runbook asks for.

use daytwo_model::plan::InputValue;
use indexmap::IndexMap;
use serde_json::Value;

use super::fields::{Fields, boolean, entries, items, parsed, text};
use super::{INPUTS_MAX, fields};
use crate::diagnostic::{Found, Place};
use crate::input::{InputKind, InputSpec, check_input, whole_match};
use crate::names::RESERVED;
use crate::yaml::{Key, Node};

const FIELDS: &[&str] = &["type", "title", "help", "default", "required", "pattern", "min", "max", "choices"];

/// The fields that only some types have.
const ONLY_FOR: &[(&str, &[&str])] = &[
    ("pattern", &["string"]),
    ("min", &["integer", "number"]),
    ("max", &["integer", "number"]),
    ("choices", &["choice"]),
];

#[derive(Clone, Copy)]
enum Word {
    String,
    Integer,
    Number,
    Boolean,
    Choice,
    Duration,
    Secret,
}

const TYPES: &[(&str, Word)] = &[
    ("string", Word::String),
    ("integer", Word::Integer),
    ("number", Word::Number),
    ("boolean", Word::Boolean),
    ("choice", Word::Choice),
    ("duration", Word::Duration),
    ("secret", Word::Secret),
];

/// Reads all inputs, with their places.
pub(super) fn read(
    node: Option<&Node>,
    found: &mut Found<'_>,
) -> (IndexMap<String, InputSpec>, IndexMap<String, Place>) {
    let mut specs = IndexMap::new();
    let mut places = IndexMap::new();
    let entries = node.and_then(|node| entries(node, "`inputs`", found)).unwrap_or_default();
    if let Some((key, _)) = entries.get(INPUTS_MAX) {
        found.error("limit", key.place, format!("a runbook has at most {INPUTS_MAX} inputs"));
    }
    for (key, node) in entries.iter().take(INPUTS_MAX) {
        check_name(key, found);
        // An input whose description is wrong still exists, so that its uses are not called unknown.
        let spec = read_one(key, node, found).unwrap_or_else(|| InputSpec {
            kind: InputKind::String { pattern: None },
            title: key.name.clone(),
            help: None,
            default: None,
            required: true,
        });
        specs.insert(key.name.clone(), spec);
        places.insert(key.name.clone(), key.place);
    }
    (specs, places)
}

fn check_name(key: &Key, found: &mut Found<'_>) {
    let name = key.name.as_str();
    let well_formed = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !well_formed {
        let message = format!("`{name}` cannot name an input: letters, digits and _ can, beginning with a letter");
        found.error("bad-name", key.place, message);
    } else if RESERVED.contains(&name) {
        found.error("bad-name", key.place, format!("`{name}` has a meaning of its own in templates"));
    }
}

fn read_one(key: &Key, node: &Node, found: &mut Found<'_>) -> Option<InputSpec> {
    let fields = Fields::of(node, "an input", FIELDS, found)?;
    let word = fields.need("type", found).and_then(|node| fields::one_of(node, "an input's type", TYPES, found));
    let title = fields.get("title").and_then(|node| text(node, "the title", found));
    let help = fields.get("help").and_then(|node| text(node, "the help", found));
    let required = fields.get("required").and_then(|node| boolean(node, "`required`", found));
    let kind = read_kind(&fields, word?, found)?;
    for (field, types) in ONLY_FOR {
        if fields.get(field).is_some() && !types.contains(&kind.word()) {
            let message = format!("`{field}` is for inputs of type {}", types.join(" and "));
            found.error("unknown-field", fields.place_of(field), message);
        }
    }
    let default_node = fields.get("default");
    let mut spec = InputSpec {
        kind,
        title: title.unwrap_or_else(|| key.name.clone()),
        help: help.map(|help| help.trim().to_owned()),
        default: None,
        required: required.unwrap_or(default_node.is_none()),
    };
    if let Some(node) = default_node {
        spec.default = parsed(node, "the default", found, |typed| check_input(&spec, typed)).map(|value| match value {
            InputValue::Value(value) => value,
            InputValue::Secret(name) => Value::String(name.to_string()),
        });
    }
    Some(spec)
}

fn read_kind(fields: &Fields<'_>, word: Word, found: &mut Found<'_>) -> Option<InputKind> {
    Some(match word {
        Word::String => InputKind::String {
            pattern: fields.get("pattern").and_then(|node| {
                parsed(node, "the pattern", found, |text| {
                    whole_match(text).map(|_| text.to_owned()).map_err(|e| brief(&e))
                })
            }),
        },
        Word::Integer => {
            let (min, max) = bounds::<i64>(fields, "a whole number", found);
            InputKind::Integer { min, max }
        }
        Word::Number => {
            let (min, max) = bounds::<f64>(fields, "a number", found);
            InputKind::Number { min, max }
        }
        Word::Boolean => InputKind::Boolean,
        Word::Duration => InputKind::Duration,
        Word::Secret => InputKind::Secret,
        Word::Choice => {
            let node = fields.need("choices", found)?;
            let choices: Vec<String> =
                items(node, "`choices`", found)?.iter().filter_map(|node| text(node, "a choice", found)).collect();
            if choices.is_empty() {
                found.error("bad-value", node.place, "there is no choice to make");
            }
            InputKind::Choice { choices }
        }
    })
}

fn bounds<N: std::str::FromStr + PartialOrd + Copy>(
    fields: &Fields<'_>,
    what: &str,
    found: &mut Found<'_>,
) -> (Option<N>, Option<N>) {
    let mut bound = |name: &str| {
        let node = fields.get(name)?;
        parsed(node, name, found, |text| text.parse::<N>().map_err(|_| format!("`{text}` is not {what}")))
    };
    let (min, max) = (bound("min"), bound("max"));
    if let (Some(low), Some(high)) = (min, max)
        && low > high
    {
        found.error("bad-value", fields.place_of("min"), "the smallest value is larger than the largest");
    }
    (min, max)
}

/// The last line of a regular expression's error, which says what is wrong.
pub(super) fn brief(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
    format!("it is not a regular expression: {last}")
}
