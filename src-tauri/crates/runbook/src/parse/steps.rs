//! Steps: what is done, what is kept, what must hold, and how it is taken back.

use std::collections::BTreeSet;

use daytwo_model::plan::{Capture, CaptureFrom, Effect, HttpMethod, On, RunAs, TIMEOUT_MS_DEFAULT, Via};
use daytwo_model::quote::Quote;
use daytwo_model::{CaptureName, StepId};
use serde_json::Value;

use super::fields::{
    Fields, boolean, duration_ms, entries, flawless, items, number, one_of, parsed, scalar, template, text,
};
use super::inputs::brief;
use super::{CAPTURES_MAX, HEADERS_MAX, STEPS_MAX};
use crate::diagnostic::Found;
use crate::input::bounded_regex;
use crate::step::{
    ActionTemplate, ExpectTemplate, HttpTemplate, InverseTemplate, ProbeTemplate, Step, Undo, VerifyTemplate,
};
use crate::template::{JsonTemplate, Template};
use crate::yaml::{Data, Node, Style};

const STEP: &[&str] = &["id", "title", "run", "http", "effect", "timeout", "sudo", "capture", "verify", "undo"];
const VERIFY: &[&str] = &["run", "http", "sudo", "expect", "within"];
const UNDO: &[&str] = &["run", "http", "sudo", "verify"];
const HTTP: &[&str] = &["method", "url", "headers", "json"];
const EXPECT: &[&str] = &["exit_code", "status", "stdout", "stdout_matches", "json"];

const EFFECTS: &[(&str, Effect)] = &[("read", Effect::Read), ("change", Effect::Change)];
const METHODS: &[(&str, HttpMethod)] = &[
    ("GET", HttpMethod::Get),
    ("HEAD", HttpMethod::Head),
    ("POST", HttpMethod::Post),
    ("PUT", HttpMethod::Put),
    ("PATCH", HttpMethod::Patch),
    ("DELETE", HttpMethod::Delete),
];

/// Reads all steps that can be read.
pub(super) fn read(fields: &Fields<'_>, found: &mut Found<'_>) -> Vec<Step> {
    let Some(node) = fields.need("steps", found) else { return Vec::new() };
    let nodes = items(node, "`steps`", found).unwrap_or_default();
    if let Some(node) = nodes.get(STEPS_MAX) {
        found.error("limit", node.place, format!("a runbook has at most {STEPS_MAX} steps"));
    }
    if nodes.is_empty() && matches!(node.data, Data::Seq(_)) {
        found.error("bad-value", node.place, "a runbook without steps does nothing");
    }
    let mut ids = BTreeSet::new();
    let mut steps = Vec::new();
    for node in nodes.iter().take(STEPS_MAX) {
        let Some(step) = read_step(node, found) else { continue };
        if !ids.insert(step.id.clone()) {
            found.error("duplicate-step", step.place, format!("there is a step `{}` before this one", step.id));
        }
        steps.push(step);
    }
    steps
}

fn read_step(node: &Node, found: &mut Found<'_>) -> Option<Step> {
    let fields = Fields::of(node, "a step", STEP, found)?;
    let id_node = fields.need("id", found);
    let id = id_node.and_then(|node| parsed(node, "the step's id", found, |text| StepId::new(text)));
    let title = fields.get("title").and_then(|node| text(node, "the title", found));
    // A step whose author forgot to say so changes something: the safe reading is the default.
    let effect = fields.get("effect").and_then(|node| one_of(node, "the effect", EFFECTS, found));
    let effect = effect.unwrap_or(Effect::Change);
    let timeout = fields.get("timeout").and_then(|node| {
        let ms = duration_ms(node, "the timeout", found)?;
        if ms == 0 {
            found.error("bad-value", node.place, "a step needs some time");
        }
        Some(ms)
    });
    let action = read_action(&fields, false, found);
    let sudo = matches!(&action, Some(ActionTemplate::Run { run_as: RunAs::Root, .. }));
    let captures = fields.get("capture").map(|node| read_captures(node, found)).unwrap_or_default();
    let verify = fields.get("verify").and_then(|node| read_verify(node, sudo, found));
    let undo = fields.get("undo").map_or(Undo::Unsaid, |node| read_undo(node, sudo, found));
    if effect == Effect::Read && !matches!(undo, Undo::Unsaid) {
        found.error_with(
            "undo-of-read",
            fields.place_of("undo"),
            "a step that only reads needs no way back",
            "if it changes something, leave out `effect: read`",
        );
    }
    let id = id?;
    Some(Step {
        title: title.unwrap_or_else(|| id.to_string()),
        id,
        effect,
        on: On::Host,
        needs: Vec::new(),
        when: None,
        for_each: None,
        timeout_ms: timeout.unwrap_or(TIMEOUT_MS_DEFAULT),
        timeout_said: timeout.is_some(),
        retry: None,
        action: action?,
        captures,
        check: None,
        verify,
        undo,
        dead_man_ms: None,
        waivers: indexmap::IndexMap::new(),
        place: id_node.map_or(fields.place, |node| node.place),
    })
}

/// Reads `run` or `http`; exactly one of them is there. `sudo` is what the step around it says.
fn read_action(fields: &Fields<'_>, sudo: bool, found: &mut Found<'_>) -> Option<ActionTemplate> {
    let own_sudo = fields.get("sudo").and_then(|node| boolean(node, "`sudo`", found));
    match (fields.get("run"), fields.get("http")) {
        (Some(run), None) => {
            let script = template(run, "`run`", Quote::Shell, found)?;
            Some(ActionTemplate::Run { script, run_as: if own_sudo.unwrap_or(sudo) { RunAs::Root } else { RunAs::Login } })
        }
        (None, Some(http)) => {
            if own_sudo.is_some() {
                found.error(
                    "unknown-field",
                    fields.place_of("sudo"),
                    "`sudo` is for `run`; a request goes out from the console",
                );
            }
            read_http(http, found).map(Box::new).map(ActionTemplate::Http)
        }
        (Some(_), Some(_)) => {
            found.error(
                "two-actions",
                fields.place_of("http"),
                "there is `run` and `http`, and only one of them can be meant",
            );
            None
        }
        (None, None) => {
            found.error("missing-field", fields.place, "there is neither `run` nor `http`, so nothing would be done");
            None
        }
    }
}

fn read_http(node: &Node, found: &mut Found<'_>) -> Option<HttpTemplate> {
    let fields = Fields::of(node, "`http`", HTTP, found)?;
    let method = fields.get("method").map_or(Some(HttpMethod::Get), |node| one_of(node, "the method", METHODS, found));
    let url = fields.need("url", found).and_then(|node| {
        let text = &scalar(node, "the URL", found)?.text;
        flawless(node, text, Template::url(text, node.place), found)
    });
    let headers = fields.get("headers").map(|node| read_headers(node, found)).unwrap_or_default();
    let json = fields.get("json").and_then(|node| read_json(node, found));
    if method == Some(HttpMethod::Get) && json.is_some() {
        found.error("bad-value", fields.place_of("json"), "a GET request has no body; say which `method` is meant");
    }
    Some(HttpTemplate { method: method?, via: Via::Console, url: url?, headers, json })
}

fn read_headers(node: &Node, found: &mut Found<'_>) -> Vec<(String, Template)> {
    let entries = entries(node, "`headers`", found).unwrap_or_default();
    if let Some((key, _)) = entries.get(HEADERS_MAX) {
        found.error("limit", key.place, format!("a request has at most {HEADERS_MAX} headers"));
    }
    let mut headers = Vec::new();
    for (key, node) in entries.iter().take(HEADERS_MAX) {
        // RFC 9110, section 5.6.2: the characters of a token.
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if key.name.is_empty() || !key.name.chars().all(token) {
            found.error("bad-name", key.place, format!("`{}` cannot name a header", key.name));
        }
        if let Some(value) = template(node, "a header", Quote::None, found) {
            headers.push((key.name.clone(), value));
        }
    }
    headers
}

/// A JSON document. Bounded in depth by the text it comes from.
fn read_json(node: &Node, found: &mut Found<'_>) -> Option<JsonTemplate> {
    match &node.data {
        Data::Seq(items) => {
            let items: Vec<_> = items.iter().map(|item| read_json(item, found)).collect();
            items.into_iter().collect::<Option<Vec<_>>>().map(JsonTemplate::Array)
        }
        Data::Map(entries) => {
            let fields: Vec<_> = entries
                .iter()
                .map(|(key, value)| read_json(value, found).map(|value| (key.name.clone(), value)))
                .collect();
            fields.into_iter().collect::<Option<Vec<_>>>().map(JsonTemplate::Object)
        }
        Data::Scalar(scalar) if scalar.is_null() => Some(JsonTemplate::Literal(Value::Null)),
        Data::Scalar(scalar) if scalar.style == Style::Plain => {
            // What JSON itself would read as a number or boolean is one; `no`, `0777` and `+1` are strings.
            match serde_json::from_str::<Value>(&scalar.text) {
                Ok(value @ (Value::Bool(_) | Value::Number(_))) => Some(JsonTemplate::Literal(value)),
                _ => flawless(node, &scalar.text, JsonTemplate::string(&scalar.text, node.place), found),
            }
        }
        Data::Scalar(scalar) => flawless(node, &scalar.text, JsonTemplate::string(&scalar.text, node.place), found),
    }
}

fn read_captures(node: &Node, found: &mut Found<'_>) -> Vec<Capture> {
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
        }
        let from = match &node.data {
            Data::Map(_) => Fields::of(node, "a capture", &["json"], found)
                .and_then(|fields| fields.need("json", found))
                .and_then(|node| parsed(node, "the pointer", found, pointer))
                .map(CaptureFrom::Json),
            Data::Scalar(_) | Data::Seq(_) => {
                one_of(node, "a capture", &[("stdout", ())], found).map(|()| CaptureFrom::Stdout)
            }
        };
        captures.extend(name.zip(from).map(|(name, from)| Capture { name, from }));
    }
    captures
}

/// RFC 6901: empty for the whole document, otherwise beginning with a slash; `~` only as `~0` and `~1`.
fn pointer(text: &str) -> Result<String, String> {
    let escapes = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    if (text.is_empty() || text.starts_with('/')) && escapes {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is not a JSON pointer; it begins with a slash, as in /info/tpm_limit"))
    }
}

fn read_verify(node: &Node, sudo: bool, found: &mut Found<'_>) -> Option<VerifyTemplate> {
    let fields = Fields::of(node, "`verify`", VERIFY, found)?;
    let action = read_action(&fields, sudo, found);
    let within = fields.get("within").and_then(|node| duration_ms(node, "`within`", found));
    let http = fields.get("http").is_some();
    let expect = match fields.get("expect") {
        Some(node) => read_expect(node, http, found)?,
        None => ExpectTemplate::default(),
    };
    let probe = ProbeTemplate { action: action?, expect };
    Some(VerifyTemplate { probe, within_ms: within.unwrap_or(0), samples: 1, at_least: 1 })
}

fn read_expect(node: &Node, http: bool, found: &mut Found<'_>) -> Option<ExpectTemplate> {
    let fields = Fields::of(node, "`expect`", EXPECT, found)?;
    let (wrong, right) = if http { ("exit_code", "status") } else { ("status", "exit_code") };
    if fields.get(wrong).is_some() {
        let message = format!("`{wrong}` is not what comes back here; `{right}` is");
        found.error("unknown-field", fields.place_of(wrong), message);
    }
    let exit_code = fields.get("exit_code").and_then(|node| number(node, "the exit code", 0..=255, found));
    let status = fields.get("status").and_then(|node| number(node, "the status", 100..=599, found));
    let stdout = fields.get("stdout").and_then(|node| template(node, "`stdout`", Quote::None, found));
    let stdout_matches = fields.get("stdout_matches").and_then(|node| {
        parsed(node, "`stdout_matches`", found, |text| {
            if text.contains("{{") {
                return Err("a regular expression takes no values; compare with `stdout` instead".to_owned());
            }
            bounded_regex(text).map(|_| text.to_owned()).map_err(|error| brief(&error))
        })
    });
    let json = fields.get("json").map(|node| read_expected_json(node, found)).unwrap_or_default();
    Some(ExpectTemplate {
        exit_code: exit_code.and_then(|code| i32::try_from(code).ok()),
        status: status.and_then(|status| u16::try_from(status).ok()),
        stdout,
        stdout_matches,
        json,
    })
}

fn read_expected_json(node: &Node, found: &mut Found<'_>) -> Vec<(String, JsonTemplate)> {
    let entries = entries(node, "`json`", found).unwrap_or_default();
    if let Some((key, _)) = entries.get(HEADERS_MAX) {
        found.error("limit", key.place, format!("an expectation has at most {HEADERS_MAX} pointers"));
    }
    let mut expected = Vec::new();
    for (key, node) in entries.iter().take(HEADERS_MAX) {
        if let Err(message) = pointer(&key.name) {
            found.error("bad-value", key.place, message);
        }
        expected.extend(read_json(node, found).map(|value| (key.name.clone(), value)));
    }
    expected
}

fn read_undo(node: &Node, sudo: bool, found: &mut Found<'_>) -> Undo {
    if let Data::Scalar(_) = &node.data {
        let known = [("none", ())];
        one_of(node, "`undo`", &known, found);
        return Undo::None;
    }
    let Some(fields) = Fields::of(node, "`undo`", UNDO, found) else { return Undo::None };
    let action = read_action(&fields, sudo, found);
    let verify = fields.get("verify").and_then(|node| read_verify(node, sudo, found));
    action.map_or(Undo::None, |action| Undo::Inverse(Box::new(InverseTemplate { action, verify })))
}
