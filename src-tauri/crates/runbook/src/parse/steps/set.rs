//! Members of a JSON document behind an API that are set: which, to what, and how the document is written.

use daytwo_model::plan::HttpMethod;

use super::super::HEADERS_MAX;
use super::super::fields::{Fields, entries, items, one_of, parsed};
use super::super::json;
use super::super::shape::{Shape, Takes, may};
use super::http::{METHOD, method, url};
use crate::diagnostic::{Found, Place};
use crate::request::{FormTemplate, HttpSetTemplate, HttpTemplate};
use crate::template::{JsonTemplate, UrlTemplate};
use crate::yaml::{Data, Node};

pub(crate) static WRITE: Shape = Shape::new(
    "write",
    "`write`",
    "How a document is written of which members are set. Headers, TLS and proxy are those of the request around it.",
    &[
        may(
            "as",
            Takes::Words(&["document", "merge_patch", "fields"]),
            "What is sent: all of the document (`document`, where it is absent), an RFC 7396 patch (`merge_patch`), or \
             only the members (`fields`), where one that is removed is sent as null.",
        ),
        may("method", Takes::Name(METHOD), "`PUT` for `document`, `PATCH` for `merge_patch`, `POST` for `fields`."),
        may("url", Takes::Template, "Where it is written to; where it is read from where this is absent."),
        may("with", Takes::Json, "What else is sent beside `fields`: a mapping, such as the key that is meant."),
    ],
);

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Document,
    MergePatch,
    Fields,
}

const FORMS: &[(&str, Form)] =
    &[("document", Form::Document), ("merge_patch", Form::MergePatch), ("fields", Form::Fields)];

/// What is set, without the request by which the document is read.
pub(super) struct Set {
    members: Vec<(String, Option<JsonTemplate>)>,
    root: String,
    write_method: HttpMethod,
    write_url: Option<UrlTemplate>,
    form: FormTemplate,
}

impl Set {
    pub(super) fn with(self, read: HttpTemplate) -> HttpSetTemplate {
        let Self { members, root, write_method, write_url, form } = self;
        HttpSetTemplate { read, write_method, write_url, form, root, members }
    }
}

/// Reads what a request with `set` or `remove` says beside the request itself.
pub(super) fn read(fields: &Fields<'_>, found: &mut Found<'_>) -> Option<Set> {
    let members = members(fields, found);
    let root = match fields.get("document") {
        Some(node) => parsed(node, "the pointer", found, json::pointer),
        None => Some(String::new()),
    };
    let (form, write_method, write_url) = match fields.get("write") {
        Some(node) => write(node, found)?,
        None => (FormTemplate::Document, HttpMethod::PUT, None),
    };
    Some(Set { members, root: root?, write_method, write_url, form })
}

fn write(node: &Node, found: &mut Found<'_>) -> Option<(FormTemplate, HttpMethod, Option<UrlTemplate>)> {
    let fields = Fields::of(node, &WRITE, found)?;
    let form = fields.get("as").map_or(Some(Form::Document), |node| one_of(node, "`as`", FORMS, found))?;
    let said = fields.get("method").map(|node| method(node, found));
    let write_url = fields.get("url").and_then(|node| url(node, "the URL", found));
    let with = fields.get("with").and_then(|node| {
        if form != Form::Fields {
            let message = "`with` goes beside single fields, and this sends something else";
            found.error_with("unknown-field", fields.place_of("with"), message, "say `as: fields`");
        }
        if !matches!(node.data, Data::Map(_)) {
            found.error("wrong-type", node.place, format!("`with` is a mapping, not {}", node.what()));
            return None;
        }
        json::document(node, found)
    });
    let usual = match form {
        Form::Document => HttpMethod::PUT,
        Form::MergePatch => HttpMethod::PATCH,
        Form::Fields => HttpMethod::POST,
    };
    let method = said.unwrap_or(Some(usual))?;
    if method.is_safe() || !method.takes_body() {
        let message = format!("a {} request writes nothing", method.as_str());
        found.error("bad-value", fields.place_of("method"), message);
    }
    let form = match form {
        Form::Document => FormTemplate::Document,
        Form::MergePatch => FormTemplate::MergePatch,
        Form::Fields => FormTemplate::Fields(with.unwrap_or_else(|| JsonTemplate::Object(Vec::new()))),
    };
    Some((form, method, write_url))
}

fn members(fields: &Fields<'_>, found: &mut Found<'_>) -> Vec<(String, Option<JsonTemplate>)> {
    let mut members = Vec::new();
    let mut places: Vec<Place> = Vec::new();
    if let Some(node) = fields.get("set") {
        let entries = entries(node, "`set`", found).unwrap_or_default();
        if entries.is_empty() && matches!(node.data, Data::Map(_)) {
            found.error("bad-value", node.place, "nothing is set");
        }
        for (key, node) in entries.iter().take(HEADERS_MAX + 1) {
            if let Some(value) = json::document(node, found) {
                members.push((key.name.clone(), Some(value)));
                places.push(key.place);
            }
        }
    }
    for node in fields.get("remove").map(|node| items(node, "`remove`", found).unwrap_or_default()).unwrap_or_default()
    {
        if let Some(pointer) = parsed(node, "the pointer", found, json::pointer) {
            members.push((pointer, None));
            places.push(node.place);
        }
    }
    if let Some(place) = places.get(HEADERS_MAX) {
        found.error("limit", *place, format!("at most {HEADERS_MAX} members are set in one step"));
    }
    for (index, ((pointer, _), place)) in members.iter().zip(&places).enumerate() {
        if pointer.is_empty() {
            let hint = "name its members, or send it with `method: PUT` and `json`";
            found.error_with("bad-value", *place, "this is the whole document", hint);
        } else if let Err(message) = json::pointer(pointer) {
            found.error("bad-value", *place, message);
        }
        let within = |other: &str| {
            let inner =
                |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            inner(pointer, other) || inner(other, pointer)
        };
        let earlier = members.iter().take(index).find(|(other, _)| within(other));
        if let Some((other, _)) = earlier.filter(|(other, _)| !other.is_empty() && !pointer.is_empty()) {
            let message = format!("`{pointer}` and `{other}` are one in the other, and only one of them can be set");
            found.error("bad-value", *place, message);
        }
    }
    members
}
