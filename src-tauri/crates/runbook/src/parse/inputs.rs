//! What a runbook asks for.

use indexmap::IndexMap;
use serde_json::Value;

use daytwo_model::plan::InputValue;

use super::fields::{Fields, boolean, duration_ms, entries, items, parsed, saying, text};
use super::input_shapes::{CHOICES, ITEM};
use super::values::{Named, check_name};
use super::{CHOICES_MAX, INPUTS_MAX, json};
use crate::diagnostic::Found;
use crate::duration;
use crate::input::{
    CHOICES_TIMEOUT_MS_DEFAULT, CHOICES_TIMEOUT_MS_MAX, ChoiceSource, INTEGER_MAX, ITEMS_MAX, InputKind, InputSpec,
    check_input, check_list, parse_bytes, parse_percent, whole_match,
};
use crate::yaml::{Data, Key, Node};

pub(super) use super::input_shapes::INPUT;

/// Reads all inputs, with their places.
pub(super) fn read(node: Option<&Node>, found: &mut Found<'_>) -> Named<InputSpec> {
    let mut specs = IndexMap::new();
    let mut places = IndexMap::new();
    let entries = node.and_then(|node| entries(node, "`inputs`", found)).unwrap_or_default();
    if let Some((key, _)) = entries.get(INPUTS_MAX) {
        found.error("limit", key.place, format!("a runbook has at most {INPUTS_MAX} inputs"));
    }
    for (key, node) in entries.iter().take(INPUTS_MAX) {
        check_name(key, "an input", found);
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

fn read_one(key: &Key, node: &Node, found: &mut Found<'_>) -> Option<InputSpec> {
    let (word, fields) = Fields::tagged(node, &INPUT, found)?;
    let title = fields.get("title").and_then(|node| saying(node, "the title", found));
    let help = fields.get("help").and_then(|node| saying(node, "the help", found));
    let required = fields.get("required").and_then(|node| boolean(node, "`required`", found));
    let kind = read_kind(word, &fields, found)?;
    let default_node = fields.get("default");
    let mut spec = InputSpec {
        kind,
        title: title.unwrap_or_else(|| key.name.clone()),
        help,
        default: None,
        required: required.unwrap_or(default_node.is_none()),
    };
    spec.default = default_node.and_then(|node| read_default(&spec, node, found));
    Some(spec)
}

/// A default is checked as if it had been typed; that of a list is written as a list.
fn read_default(spec: &InputSpec, node: &Node, found: &mut Found<'_>) -> Option<Value> {
    if let InputKind::List { .. } = spec.kind {
        let nodes = items(node, "the default of a list", found)?;
        let texts: Vec<String> = nodes.iter().filter_map(|node| text(node, "an item", found)).collect();
        if texts.len() < nodes.len() {
            return None;
        }
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        return match check_list(&spec.kind, &texts) {
            Ok(value) => Some(value),
            Err(why) => {
                found.error("bad-value", node.place, format!("the default: {why}"));
                None
            }
        };
    }
    // Nothing is no default, except for a text that may be empty.
    let needed =
        InputSpec { required: spec.required || !matches!(spec.kind, InputKind::String { .. }), ..spec.clone() };
    parsed(node, "the default", found, |typed| check_input(&needed, typed)).map(|value| match value {
        InputValue::Value(value) => value,
        InputValue::Secret(name) => Value::String(name.to_string()),
    })
}

/// Reads what an input, or an item of a list, takes. The word is one of the grammar's.
fn read_kind(word: &str, fields: &Fields<'_>, found: &mut Found<'_>) -> Option<InputKind> {
    Some(match word {
        "string" => InputKind::String {
            pattern: fields.get("pattern").and_then(|node| {
                parsed(node, "the pattern", found, |text| {
                    whole_match(text).map(|_| text.to_owned()).map_err(|error| brief(&error))
                })
            }),
        },
        "integer" => {
            let (min, max) = bounds(fields, integer, found);
            InputKind::Integer { min, max }
        }
        "number" => {
            let (min, max) = bounds(fields, finite, found);
            InputKind::Number { min, max }
        }
        "duration" => {
            let (min_ms, max_ms) = bounds(fields, duration::parse_ms, found);
            InputKind::Duration { min_ms, max_ms }
        }
        "size" => {
            let (min, max) = bounds(fields, parse_bytes, found);
            InputKind::Size { min, max }
        }
        "percentage" => {
            let (min, max) = bounds(fields, parse_percent, found);
            if max.is_none() && min.is_some_and(|min| min > 100.0) {
                let message = "the smallest value is larger than 100%, which is the largest where `max` is absent";
                found.error("bad-value", fields.place_of("min"), message);
            }
            InputKind::Percentage { min, max }
        }
        "boolean" => InputKind::Boolean,
        "date-time" => InputKind::DateTime,
        "host" => InputKind::Host,
        "file" => InputKind::File,
        "secret" => InputKind::Secret,
        "choice" => read_choice(fields, found)?,
        "list" => {
            let (min, max) = bounds(fields, count, found);
            let of = fields.need("of", found)?;
            let (word, fields) = Fields::tagged(of, &ITEM, found)?;
            InputKind::List { of: Box::new(read_kind(word, &fields, found)?), min, max }
        }
        _ => return None,
    })
}

fn read_choice(fields: &Fields<'_>, found: &mut Found<'_>) -> Option<InputKind> {
    let node = fields.need("choices", found)?;
    if let Data::Map(_) = node.data {
        // The items of a list name their choices: the grammar has no other form for them.
        if fields.shape().name.starts_with("item") {
            found.error("wrong-type", node.place, "the choices of a list's items are written out as a list");
            return None;
        }
        let from = read_source(node, found)?;
        return Some(InputKind::Choice { choices: Vec::new(), from: Some(from) });
    }
    let nodes = items(node, "`choices`", found)?;
    if nodes.is_empty() {
        found.error("bad-value", node.place, "there is no choice to make");
    }
    if let Some(node) = nodes.get(CHOICES_MAX) {
        found.error("limit", node.place, format!("an input has at most {CHOICES_MAX} choices"));
    }
    let mut choices: Vec<String> = Vec::new();
    for node in nodes.iter().take(CHOICES_MAX) {
        let Some(choice) = text(node, "a choice", found) else { continue };
        if choice.trim().is_empty() || choice.contains('\n') {
            found.error("bad-value", node.place, "a choice is one line of text");
        } else if choices.contains(&choice) {
            found.error("bad-value", node.place, format!("`{choice}` stands here a second time"));
        } else {
            choices.push(choice);
        }
    }
    Some(InputKind::Choice { choices, from: None })
}

/// Who is asked for the choices. They are asked before anything is known, so neither holds a value.
fn read_source(node: &Node, found: &mut Found<'_>) -> Option<ChoiceSource> {
    let fields = Fields::of(node, &CHOICES, found)?;
    let timeout = fields.get("timeout").and_then(|node| {
        let ms = duration_ms(node, "the timeout", found)?;
        if ms == 0 || ms > CHOICES_TIMEOUT_MS_MAX {
            let most = duration::written_ms(CHOICES_TIMEOUT_MS_MAX);
            let message = format!("somebody waits for the choices: the timeout is more than 0s and at most {most}");
            found.error("bad-value", node.place, message);
        }
        Some(ms)
    });
    let timeout_ms = timeout.unwrap_or(CHOICES_TIMEOUT_MS_DEFAULT);
    let json = fields.get("json").and_then(|node| parsed(node, "the pointer", found, json::pointer));
    let (name, node) = fields.the_one(found)?;
    if name == "run" {
        if fields.get("json").is_some() {
            found.error(
                "unknown-field",
                fields.place_of("json"),
                "`json` is for `url`; a command gives one choice per line",
            );
        }
        let run = parsed(node, "the command", found, plain)?;
        return Some(ChoiceSource::Command { run, timeout_ms });
    }
    let url = parsed(node, "the URL", found, |text| plain(text).and_then(|text| web_address(&text)));
    if fields.get("json").is_none() {
        let message = "the choices need a field `json`: where in the document the list stands";
        found.error("missing-field", fields.place, message);
    }
    Some(ChoiceSource::Url { url: url?, json: json?, timeout_ms })
}

fn plain(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.contains("{{") || text.contains("{%") {
        return Err("the choices are asked for before anything is known, so no value can stand here".to_owned());
    }
    Ok(text.to_owned())
}

fn web_address(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let plain = text.chars().all(|c| c.is_ascii_graphic());
    if host.is_empty() || !plain {
        return Err(format!("`{text}` is not an address; write it as in https://gateway.example/models"));
    }
    if host.contains('@') {
        return Err("an address holds no user name and no password".to_owned());
    }
    Ok(text.to_owned())
}

fn integer(text: &str) -> Result<i64, String> {
    let number = text.parse::<i64>().ok().filter(|number| number.unsigned_abs() <= INTEGER_MAX.unsigned_abs());
    number.ok_or_else(|| format!("`{text}` is not a whole number"))
}

fn finite(text: &str) -> Result<f64, String> {
    text.parse::<f64>().ok().filter(|number| number.is_finite()).ok_or_else(|| format!("`{text}` is not a number"))
}

fn count(text: &str) -> Result<u32, String> {
    let number = text.parse::<u32>().ok().filter(|number| *number <= ITEMS_MAX);
    number.ok_or_else(|| format!("`{text}` is not a number of items from 0 to {ITEMS_MAX}"))
}

fn bounds<N: PartialOrd + Copy>(
    fields: &Fields<'_>,
    read: impl Fn(&str) -> Result<N, String>,
    found: &mut Found<'_>,
) -> (Option<N>, Option<N>) {
    let mut bound = |name: &str| fields.get(name).and_then(|node| parsed(node, &format!("`{name}`"), found, &read));
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
