//! Requests as a plan holds them, and members of a document that are set by comparing first.
//!
//! Everything that decides what is sent, and to whom, stands here: the local files by their digests, secrets
//! by their names. What a request means on the wire is the business of the `http` crate.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::action::LocalFile;
use crate::text::Text;

/// The longest method. The longest registered one has 17 characters.
const METHOD_BYTES_MAX: usize = 32;

/// The largest file that is sent as a body. It is read twice: once to see that it is the planned one, once to be sent.
pub const BODY_FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// The largest file of certificates or keys.
pub const PEM_BYTES_MAX: u64 = 1024 * 1024;
/// The longest answer that a request may ask to be taken.
pub const RESPONSE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// An HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct HttpRequest {
    /// The method.
    pub method: HttpMethod,
    /// The whole URL, `http` or `https`.
    pub url: Text,
    /// Header names and values, in order.
    pub headers: Vec<(String, Text)>,
    /// What is sent with it.
    pub body: Option<Body>,
    /// From where it goes out.
    pub via: Via,
    /// The certificate authorities that are believed instead of the system's, as a PEM file.
    pub authorities: Option<PinnedFile>,
    /// By what the server knows who asks.
    pub client: Option<ClientCertificate>,
    /// Through what it goes out.
    pub proxy: Proxy,
    /// The longest answer that is taken, in bytes; the console's own limit where it is absent.
    #[ts(type = "number | null")]
    pub response_bytes_max: Option<u64>,
}

/// What is sent with a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Body {
    /// A JSON document.
    Json(Text),
    /// The fields of a form, in order; encoded when they are sent.
    Form(Vec<(String, Text)>),
    /// Text as it is.
    Text {
        /// Of what kind.
        content_type: String,
        /// The text.
        text: Text,
    },
    /// A local file, byte for byte.
    File {
        /// Of what kind.
        content_type: String,
        /// The file.
        file: PinnedFile,
    },
}

/// A local file with what it held when the plan was made. One that holds something else is not used.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct PinnedFile {
    /// Its path on the console.
    pub path: String,
    /// What it held.
    pub content: LocalFile,
}

/// A certificate by which a server knows who asks, with its private key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificate {
    /// The certificate and those between it and an authority, as a PEM file.
    pub chain: PinnedFile,
    /// Its key. Only the key that belongs to the certificate is taken, so it needs no digest.
    pub key: ClientKey,
}

/// Where a private key comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ClientKey {
    /// A PEM file on the console, by its path.
    File(String),
    /// PEM text: a secret.
    Text(Text),
}

/// Through what a request goes out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Proxy {
    /// What the console is set to: a proxy, or none.
    #[default]
    Console,
    /// None, whatever the console is set to.
    None,
    /// This one, as `http://[user:password@]host:port`.
    At(Text),
}

/// From where a request goes out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// From this machine.
    #[default]
    Console,
    /// From the host, through its SSH connection.
    Host,
}

impl HttpRequest {
    /// A request from this machine with nothing but a method and a URL.
    #[must_use]
    pub const fn new(method: HttpMethod, url: Text) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: None,
            via: Via::Console,
            authorities: None,
            client: None,
            proxy: Proxy::Console,
            response_bytes_max: None,
        }
    }

    /// The local files that it sends or relies on.
    pub fn files(&self) -> impl Iterator<Item = &PinnedFile> {
        let body = match &self.body {
            Some(Body::File { file, .. }) => Some(file),
            _ => None,
        };
        body.into_iter().chain(&self.authorities).chain(self.client.as_ref().map(|client| &client.chain))
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &Text> {
        let body: Vec<&Text> = match &self.body {
            Some(Body::Json(text) | Body::Text { text, .. }) => vec![text],
            Some(Body::Form(fields)) => fields.iter().map(|(_, value)| value).collect(),
            Some(Body::File { .. }) | None => Vec::new(),
        };
        let key = self.client.as_ref().and_then(|client| match &client.key {
            ClientKey::Text(text) => Some(text),
            ClientKey::File(_) => None,
        });
        let proxy = match &self.proxy {
            Proxy::At(text) => Some(text),
            Proxy::Console | Proxy::None => None,
        };
        let headers = self.headers.iter().map(|(_, value)| value);
        std::iter::once(&self.url).chain(headers).chain(body).chain(key).chain(proxy)
    }

    pub(super) fn try_map<E>(&self, fill: &impl Fn(&Text) -> Result<Text, E>) -> Result<Self, E> {
        let pairs = |pairs: &[(String, Text)]| {
            pairs.iter().map(|(name, value)| Ok((name.clone(), fill(value)?))).collect::<Result<Vec<_>, E>>()
        };
        let body = self.body.as_ref().map(|body| {
            Ok(match body {
                Body::Json(text) => Body::Json(fill(text)?),
                Body::Form(fields) => Body::Form(pairs(fields)?),
                Body::Text { content_type, text } => {
                    Body::Text { content_type: content_type.clone(), text: fill(text)? }
                }
                Body::File { .. } => body.clone(),
            })
        });
        let client = self.client.as_ref().map(|client| {
            let key = match &client.key {
                ClientKey::Text(text) => ClientKey::Text(fill(text)?),
                ClientKey::File(_) => client.key.clone(),
            };
            Ok(ClientCertificate { chain: client.chain.clone(), key })
        });
        Ok(Self {
            method: self.method.clone(),
            url: fill(&self.url)?,
            headers: pairs(&self.headers)?,
            body: body.transpose()?,
            client: client.transpose()?,
            proxy: match &self.proxy {
                Proxy::At(text) => Proxy::At(fill(text)?),
                other @ (Proxy::Console | Proxy::None) => other.clone(),
            },
            via: self.via,
            authorities: self.authorities.clone(),
            response_bytes_max: self.response_bytes_max,
        })
    }
}

/// Members of a JSON document behind an API: read, compared, written if they still are what they were
/// seen to be, and never otherwise.
///
/// Where the API gives an `ETag` that can be compared byte for byte, the write carries it as `If-Match`, and
/// nothing can come between. Where it gives none, reading and writing are two calls, and what somebody
/// changes between them is overwritten.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct HttpSet {
    /// How the document is read.
    pub read: HttpRequest,
    /// Where in the answer it stands, as a JSON pointer; empty where it is the whole answer.
    pub root: String,
    /// How it is written; its body is made from the document.
    pub write: HttpRequest,
    /// What the body says.
    pub form: WriteForm,
    /// The members that are set.
    pub members: Vec<SetMember>,
    /// Whether it changes something, or takes that back.
    pub direction: Direction,
}

/// What the body of a write says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum WriteForm {
    /// The whole document, with the members as they are to be.
    Document,
    /// A merge patch (RFC 7396): only the members; `null` removes one.
    MergePatch,
    /// Only the members, beside these others; one that is to be absent is sent as `null`.
    Fields {
        /// A JSON object: what else the API wants to be told, such as which key is meant.
        with: Text,
    },
}

/// One member. Both texts are JSON arrays: `[value]`, or `[]` where there is no such member.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct SetMember {
    /// Where it stands in the document, as a JSON pointer.
    pub pointer: String,
    /// What must be there for anything to be written.
    pub from: Text,
    /// What is there afterwards.
    pub to: Text,
}

/// Whether a change is made or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// It is made.
    Forward,
    /// It is taken back.
    Back,
}

impl HttpSet {
    pub(super) fn texts(&self) -> impl Iterator<Item = &Text> {
        let with = match &self.form {
            WriteForm::Fields { with } => Some(with),
            WriteForm::Document | WriteForm::MergePatch => None,
        };
        let members = self.members.iter().flat_map(|member| [&member.from, &member.to]);
        self.read.texts().chain(self.write.texts()).chain(with).chain(members)
    }

    pub(super) fn try_map<E>(&self, fill: &impl Fn(&Text) -> Result<Text, E>) -> Result<Self, E> {
        let members = self.members.iter().map(|member| {
            Ok(SetMember { pointer: member.pointer.clone(), from: fill(&member.from)?, to: fill(&member.to)? })
        });
        Ok(Self {
            read: self.read.try_map(fill)?,
            root: self.root.clone(),
            write: self.write.try_map(fill)?,
            form: match &self.form {
                WriteForm::Fields { with } => WriteForm::Fields { with: fill(with)? },
                other @ (WriteForm::Document | WriteForm::MergePatch) => other.clone(),
            },
            members: members.collect::<Result<_, E>>()?,
            direction: self.direction,
        })
    }
}

/// An HTTP method: a token of capital letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(try_from = "String", into = "String")]
#[ts(type = "string")]
pub struct HttpMethod(Cow<'static, str>);

/// A text is no method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMethod {
    /// It holds other characters, or too many.
    #[error("a method is written in capital letters, such as GET or PATCH")]
    Token,
    /// It asks for a tunnel, which is no request to an API.
    #[error("this asks for a tunnel, which is no request")]
    Connect,
}

#[expect(missing_docs, reason = "the names are the standard's")]
impl HttpMethod {
    pub const GET: Self = Self(Cow::Borrowed("GET"));
    pub const HEAD: Self = Self(Cow::Borrowed("HEAD"));
    pub const POST: Self = Self(Cow::Borrowed("POST"));
    pub const PUT: Self = Self(Cow::Borrowed("PUT"));
    pub const PATCH: Self = Self(Cow::Borrowed("PATCH"));
    pub const DELETE: Self = Self(Cow::Borrowed("DELETE"));
}

impl HttpMethod {
    /// Checks that it is one.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidMethod> {
        let text = text.into();
        let known = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if text.is_empty() || text.len() > METHOD_BYTES_MAX || !text.chars().all(known) {
            return Err(InvalidMethod::Token);
        }
        if text == "CONNECT" { Err(InvalidMethod::Connect) } else { Ok(Self(Cow::Owned(text))) }
    }

    /// The method as it stands in a request.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it only reads, by its definition in a standard.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        matches!(self.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PROPFIND" | "QUERY" | "REPORT" | "SEARCH")
    }

    /// Whether twice does no more than once, by its definition in a standard. What is not known is not.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        self.is_safe() || matches!(self.as_str(), "PUT" | "DELETE")
    }

    /// Whether a body has a meaning in its requests.
    #[must_use]
    pub fn takes_body(&self) -> bool {
        !matches!(self.as_str(), "GET" | "HEAD" | "TRACE")
    }
}

impl TryFrom<String> for HttpMethod {
    type Error = InvalidMethod;

    fn try_from(text: String) -> Result<Self, InvalidMethod> {
        Self::new(text)
    }
}

impl From<HttpMethod> for String {
    fn from(method: HttpMethod) -> Self {
        method.0.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_a_token_and_what_is_not_known_of_it_is_not_assumed() {
        for text in ["", "get", "GET /x", "GET\r\nX", "CONNECT", &"A".repeat(33)] {
            assert!(HttpMethod::new(text).is_err(), "{text:?}");
        }
        let of = |text: &str| {
            let method = HttpMethod::new(text).unwrap();
            (method.is_safe(), method.is_idempotent(), method.takes_body())
        };
        assert_eq!(of("GET"), (true, true, false));
        assert_eq!(of("PUT"), (false, true, true));
        assert_eq!(of("PATCH"), (false, false, true));
        assert_eq!(of("PURGE"), (false, false, true));
        assert_eq!(HttpMethod::new("GET").unwrap(), HttpMethod::GET);
    }

    #[test]
    fn every_text_of_a_request_is_filled() {
        let text = |name: &str| Text::plain(name);
        let file = PinnedFile { path: "c.pem".into(), content: LocalFile { digest: crate::Digest::ZERO, bytes: 1 } };
        let request = HttpRequest {
            headers: vec![("a".into(), text("header"))],
            body: Some(Body::Form(vec![("b".into(), text("field"))])),
            client: Some(ClientCertificate { chain: file.clone(), key: ClientKey::Text(text("key")) }),
            authorities: Some(file),
            proxy: Proxy::At(text("proxy")),
            ..HttpRequest::new(HttpMethod::POST, text("url"))
        };
        let set = HttpSet {
            read: request.clone(),
            root: String::new(),
            write: HttpRequest { body: Some(Body::Json(text("json"))), ..request },
            form: WriteForm::Fields { with: text("with") },
            members: vec![SetMember { pointer: "/a".into(), from: text("from"), to: text("to") }],
            direction: Direction::Forward,
        };
        let shout = |text: &Text| Ok::<_, ()>(Text::plain(text.preview().to_uppercase()));
        let filled = set.try_map(&shout).unwrap();
        let before: Vec<String> = set.texts().map(|text| text.preview().to_uppercase()).collect();
        assert_eq!(filled.texts().map(Text::preview).collect::<Vec<_>>(), before);
        assert_eq!(before.len(), 5 + 5 + 1 + 2);
        let json = serde_json::to_string(&filled).unwrap();
        assert_eq!(serde_json::from_str::<HttpSet>(&json).unwrap(), filled);
        assert!(!json.contains("\"header\""), "a text was missed: {json}");
    }
}
