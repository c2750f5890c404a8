//! Requests.

use daytwo_model::plan::{HttpMethod, Via};
use daytwo_model::quote::Quote;

use super::super::HEADERS_MAX;
use super::super::fields::{Fields, entries, flawless, one_of, scalar, template};
use super::super::json;
use super::super::shape::{Shape, Takes, may, must};
use super::action::has_body;
use crate::diagnostic::Found;
use crate::step::HttpTemplate;
use crate::template::Template;
use crate::yaml::Node;

const METHODS: &[(&str, HttpMethod)] = &[
    ("GET", HttpMethod::Get),
    ("HEAD", HttpMethod::Head),
    ("POST", HttpMethod::Post),
    ("PUT", HttpMethod::Put),
    ("PATCH", HttpMethod::Patch),
    ("DELETE", HttpMethod::Delete),
];
const VIAS: &[(&str, Via)] = &[("console", Via::Console), ("host", Via::Host)];

pub(crate) static HTTP: Shape = Shape::new(
    "http",
    "`http`",
    "A request. Values are quoted for the URL and for JSON.",
    &[
        may("method", Takes::Words(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]), "`GET` where it is absent."),
        must("url", Takes::Template, "The whole URL; a value at its beginning is taken as it is."),
        may(
            "headers",
            Takes::Map { key: "[A-Za-z0-9!#$%&'*+.^_`|~-]+", to: &Takes::Template, max: HEADERS_MAX },
            "Headers, in order.",
        ),
        may("json", Takes::Json, "A JSON document to send. A string that is one value keeps that value's type."),
        may("via", Takes::Words(&["console", "host"]), "From where it goes out: this machine, or the host itself."),
    ],
);

/// Reads `http`.
pub(super) fn read(node: &Node, found: &mut Found<'_>) -> Option<HttpTemplate> {
    let fields = Fields::of(node, &HTTP, found)?;
    let method = fields.get("method").map_or(Some(HttpMethod::Get), |node| one_of(node, "the method", METHODS, found));
    let url = fields.need("url", found).and_then(|node| {
        let text = &scalar(node, "the URL", found)?.text;
        flawless(node, text, Template::url(text, node.place), found)
    });
    let headers = fields.get("headers").map(|node| read_headers(node, found)).unwrap_or_default();
    let json = fields.get("json").and_then(|node| json::document(node, found));
    let via = fields.get("via").map_or(Some(Via::Console), |node| one_of(node, "`via`", VIAS, found));
    if let Some(method) = method
        && !has_body(method)
        && fields.get("json").is_some()
    {
        let message = format!("a {} request has no body; say which `method` is meant", method.as_str());
        found.error("bad-value", fields.place_of("json"), message);
    }
    Some(HttpTemplate { method: method?, via: via?, url: url?, headers, json })
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
