//! Requests, and members of a document that are set by requests (`set`).

use daytwo_model::plan::{HttpMethod, RESPONSE_BYTES_MAX, Via};
use daytwo_model::quote::Quote;

use super::super::HEADERS_MAX;
use super::super::fields::{Fields, entries, flawless, one_of, parsed, saying, scalar, template};
use super::super::json;
use super::super::shape::{Shape, Takes, may, must};
use super::set;
use crate::diagnostic::Found;
use crate::input::parse_bytes;
use crate::request::{BodyTemplate, ClientTemplate, HttpTemplate, KeyTemplate, ProxyTemplate, TlsTemplate};
use crate::step::ActionTemplate;
use crate::template::{Template, UrlTemplate};
use crate::yaml::{Data, Node};

/// The characters of a header's name (RFC 9110, section 5.6.2: a token).
pub(in crate::parse) const HEADER_NAME: &str = "[A-Za-z0-9!#$%&'*+.^_`|~-]+";
/// The characters of a method.
pub(super) const METHOD: &str = "[A-Z0-9_-]+";
const VIAS: &[(&str, Via)] = &[("console", Via::Console), ("host", Via::Host)];
/// What a text is said to be where the runbook does not say.
const TEXT_TYPE: &str = "text/plain; charset=utf-8";
/// The same for a file.
const FILE_TYPE: &str = "application/octet-stream";

pub(crate) static HTTP: Shape = Shape::new(
    "http",
    "`http`",
    "A request, or with `set` and `remove` a change of members of a JSON document behind an API: it is read, compared, \
     written once, and read back; the way back puts back what was there, unless somebody else changed it since. Values \
     are quoted for the URL and for JSON. Redirects are not followed.",
    &[
        may("method", Takes::Name(METHOD), "Any method, in capital letters; `GET` where it is absent."),
        must("url", Takes::Template, "The whole URL; a value at its beginning is taken as it is."),
        may("headers", Takes::Map { key: HEADER_NAME, to: &Takes::Template, max: HEADERS_MAX }, "Headers, in order."),
        may("json", Takes::Json, "A JSON document to send. A string that is one value keeps that value's type."),
        may(
            "form",
            Takes::Map { key: ".+", to: &Takes::Template, max: HEADERS_MAX },
            "The fields of a form to send; they are encoded when they are sent.",
        ),
        may("body", Takes::Template, "Text to send as it is."),
        may("file", Takes::Template, "A local file to send: a path, or an input of type `file`."),
        may(
            "type",
            Takes::Text,
            "The content type of `body` or `file`; text/plain or application/octet-stream where it is absent.",
        ),
        may(
            "set",
            Takes::Map { key: "/.*", to: &Takes::Json, max: HEADERS_MAX },
            "Members of the document by their JSON pointers, and what they are set to.",
        ),
        may(
            "remove",
            Takes::List { of: &Takes::Pointer, min: 1, max: HEADERS_MAX },
            "JSON pointers of members of the document that are not to be there.",
        ),
        may("document", Takes::Pointer, "Where in the answer the document stands; all of it where it is absent."),
        may(
            "write",
            Takes::Shape(&set::WRITE),
            "How the document is written; `PUT` to the same URL where it is absent.",
        ),
        may("via", Takes::Words(&["console", "host"]), "From where it goes out: this machine, or the host itself."),
        may("tls", Takes::Shape(&TLS), "Who is believed, and by what the server knows who asks."),
        may(
            "proxy",
            Takes::OneOf(&[Takes::Words(&["none"]), Takes::Template]),
            "The proxy through which it goes out, or `none`; what the console is set to where it is absent.",
        ),
        may("response_max", Takes::Size, "The longest answer that is taken, at most 64MiB; 4MiB where it is absent."),
    ],
)
.not_both(&[
    ("json", "form"),
    ("json", "body"),
    ("json", "file"),
    ("form", "body"),
    ("form", "file"),
    ("body", "file"),
    ("json", "type"),
    ("form", "type"),
    ("set", "method"),
    ("set", "json"),
    ("set", "form"),
    ("set", "body"),
    ("set", "file"),
    ("remove", "method"),
    ("remove", "json"),
    ("remove", "form"),
    ("remove", "body"),
    ("remove", "file"),
]);

pub(crate) static TLS: Shape = Shape::new(
    "tls",
    "`tls`",
    "Who is believed, and by what the server knows who asks. Files are PEM files on the console: paths, or inputs of \
     type `file`.",
    &[
        may("ca", Takes::Template, "Certificate authorities that are believed instead of the system's."),
        may("cert", Takes::Template, "The client's certificate, with those between it and an authority behind it."),
        may("key", Takes::Template, "Its private key: a secret."),
        may("key_file", Takes::Template, "Its private key: a file."),
    ],
)
.not_both(&[("key", "key_file")]);

/// Reads `http`: a request, or members that are set.
pub(super) fn read(node: &Node, found: &mut Found<'_>) -> Option<ActionTemplate> {
    let fields = Fields::of(node, &HTTP, found)?;
    let request = request(&fields, found);
    if fields.get("set").is_some() || fields.get("remove").is_some() {
        let set = set::read(&fields, found);
        return Some(ActionTemplate::HttpSet(Box::new(set?.with(request?))));
    }
    for field in ["document", "write"].into_iter().filter(|field| fields.get(field).is_some()) {
        let message = format!("`{field}` is about members that are set, and none is");
        found.error_with("missing-field", fields.place_of(field), message, "say `set` or `remove`");
    }
    Some(ActionTemplate::Http(Box::new(request?)))
}

fn request(fields: &Fields<'_>, found: &mut Found<'_>) -> Option<HttpTemplate> {
    let method = match fields.get("method") {
        Some(node) => method(node, found),
        None => Some(HttpMethod::GET),
    };
    let url = fields.need("url", found).and_then(|node| url(node, "the URL", found));
    let headers = fields.get("headers").map(|node| read_headers(node, found)).unwrap_or_default();
    let body = body(fields, found);
    let via = fields.get("via").map_or(Some(Via::Console), |node| one_of(node, "`via`", VIAS, found));
    let tls = fields.get("tls").and_then(|node| tls(node, found)).unwrap_or_default();
    let proxy = fields.get("proxy").and_then(|node| proxy(node, found)).unwrap_or_default();
    let response_bytes_max = fields.get("response_max").and_then(|node| response_max(node, found));
    if let Some(method) = &method
        && !method.takes_body()
        && let Some(field) = ["json", "form", "body", "file"].into_iter().find(|field| fields.get(field).is_some())
    {
        let message = format!("a {} request has no body; say which `method` is meant", method.as_str());
        found.error("bad-value", fields.place_of(field), message);
    }
    Some(HttpTemplate { method: method?, via: via?, url: url?, headers, body, tls, proxy, response_bytes_max })
}

/// A plain `GET` from this machine.
pub(super) fn get(url: UrlTemplate, headers: Vec<(String, Template)>) -> HttpTemplate {
    HttpTemplate {
        method: HttpMethod::GET,
        via: Via::Console,
        url,
        headers,
        body: None,
        tls: TlsTemplate::default(),
        proxy: ProxyTemplate::Console,
        response_bytes_max: None,
    }
}

/// Reads a method.
pub(super) fn method(node: &Node, found: &mut Found<'_>) -> Option<HttpMethod> {
    parsed(node, "the method", found, |text| {
        HttpMethod::new(text).map_err(|why| format!("`{text}` cannot be one; {why}"))
    })
}

/// Reads a URL.
pub(super) fn url(node: &Node, what: &str, found: &mut Found<'_>) -> Option<UrlTemplate> {
    let text = &scalar(node, what, found)?.text;
    flawless(node, text, Template::url(text, node.place), found)
}

pub(super) fn read_headers(node: &Node, found: &mut Found<'_>) -> Vec<(String, Template)> {
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

fn body(fields: &Fields<'_>, found: &mut Found<'_>) -> Option<BodyTemplate> {
    let kind = fields.get("type").and_then(|node| content_type(node, found));
    if fields.get("type").is_some() && fields.get("body").is_none() && fields.get("file").is_none() {
        found.error(
            "missing-field",
            fields.place_of("type"),
            "`type` says what `body` or `file` is, and there is none",
        );
    }
    if let Some(node) = fields.get("json") {
        return json::document(node, found).map(BodyTemplate::Json);
    }
    if let Some(node) = fields.get("form") {
        return Some(BodyTemplate::Form(form(node, found)));
    }
    if let Some(node) = fields.get("body") {
        let text = template(node, "the body", Quote::None, found)?;
        return Some(BodyTemplate::Text { content_type: kind.unwrap_or_else(|| TEXT_TYPE.to_owned()), text });
    }
    let path = fields.get("file").and_then(|node| template(node, "`file`", Quote::None, found))?;
    Some(BodyTemplate::File { content_type: kind.unwrap_or_else(|| FILE_TYPE.to_owned()), path })
}

fn form(node: &Node, found: &mut Found<'_>) -> Vec<(String, Template)> {
    let entries = entries(node, "`form`", found).unwrap_or_default();
    if let Some((key, _)) = entries.get(HEADERS_MAX) {
        found.error("limit", key.place, format!("a form has at most {HEADERS_MAX} fields"));
    }
    let mut fields = Vec::new();
    for (key, node) in entries.iter().take(HEADERS_MAX) {
        if let Some(value) = template(node, "a field", Quote::None, found) {
            fields.push((key.name.clone(), value));
        }
    }
    fields
}

fn content_type(node: &Node, found: &mut Found<'_>) -> Option<String> {
    let text = saying(node, "the content type", found)?;
    let plain = text.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    if !plain || !text.contains('/') || text.contains("{{") {
        let message = "the content type is not one";
        found.error_with("bad-value", node.place, message, "it is fixed, for example application/yaml");
    }
    Some(text)
}

fn tls(node: &Node, found: &mut Found<'_>) -> Option<TlsTemplate> {
    let fields = Fields::of(node, &TLS, found)?;
    let mut path = |name: &str| {
        let node = fields.get(name)?;
        template(node, &format!("`{name}`"), Quote::None, found)
    };
    let (authorities, chain, key_file) = (path("ca"), path("cert"), path("key_file"));
    let key = fields.get("key").and_then(|node| {
        let key = template(node, "`key`", Quote::None, found)?;
        if key.only_name().is_none() {
            let hint = "for example \"{{ client_key }}\"; a path is said as `key_file`";
            found.error_with("bad-value", node.place, "`key` is one secret, and nothing beside it", hint);
        }
        Some(key)
    });
    let key = key.map(KeyTemplate::Text).or_else(|| key_file.map(KeyTemplate::File));
    let has_key = fields.get("key").is_some() || fields.get("key_file").is_some();
    match (fields.get("cert").is_some(), has_key) {
        (true, false) => {
            let hint = "say `key` with a secret, or `key_file`";
            found.error_with(
                "missing-field",
                fields.place_of("cert"),
                "a certificate is of no use without its key",
                hint,
            );
        }
        (false, true) => found.error("missing-field", fields.place, "a key is of no use without its `cert`"),
        _ => {}
    }
    let client = chain.zip(key).map(|(chain, key)| ClientTemplate { chain, key });
    Some(TlsTemplate { authorities, client })
}

fn proxy(node: &Node, found: &mut Found<'_>) -> Option<ProxyTemplate> {
    if let Data::Scalar(scalar) = &node.data
        && scalar.text == "none"
    {
        return Some(ProxyTemplate::None);
    }
    url(node, "the proxy", found).map(|url| ProxyTemplate::At(Box::new(url)))
}

fn response_max(node: &Node, found: &mut Found<'_>) -> Option<u64> {
    parsed(node, "`response_max`", found, |text| match parse_bytes(text) {
        Ok(bytes) if (1..=RESPONSE_BYTES_MAX).contains(&bytes) => Ok(bytes),
        Ok(_) => Err(format!("an answer that is taken has at most {} MiB", RESPONSE_BYTES_MAX / 1024 / 1024)),
        Err(why) => Err(why),
    })
}
