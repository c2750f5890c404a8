//! What the engine asks of HTTP: one request, one answer.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use daytwo_model::SecretValue;
use daytwo_model::plan::{HttpMethod, PinnedFile};
use tokio_util::sync::CancellationToken;

/// An HTTP request with everything filled in. Parts may hold secrets.
#[derive(Debug, Clone)]
pub struct HttpCall {
    /// The method.
    pub method: HttpMethod,
    /// The whole URL.
    pub url: SecretValue,
    /// Header names and values.
    pub headers: Vec<(String, SecretValue)>,
    /// What is sent with it.
    pub body: Option<CallBody>,
    /// The certificate authorities that are believed instead of the system's, as a PEM file.
    pub authorities: Option<PinnedFile>,
    /// By what the server knows who asks.
    pub identity: Option<CallIdentity>,
    /// Through what it goes out.
    pub proxy: CallProxy,
    /// The longest answer that is taken, in bytes; the adapter's own limit where it is absent.
    pub response_bytes_max: Option<u64>,
    /// How long the whole exchange may take.
    pub deadline: Duration,
}

impl HttpCall {
    /// A call of nothing but a method and a URL.
    #[must_use]
    pub const fn new(method: HttpMethod, url: SecretValue, deadline: Duration) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: None,
            authorities: None,
            identity: None,
            proxy: CallProxy::Console,
            response_bytes_max: None,
            deadline,
        }
    }
}

/// What is sent with a call. What it is said to be is the adapter's to say in a header, unless the call has one.
#[derive(Debug, Clone)]
pub enum CallBody {
    /// A JSON document.
    Json(SecretValue),
    /// The fields of a form, not yet encoded.
    Form(Vec<(String, SecretValue)>),
    /// Text as it is.
    Text {
        /// Of what kind.
        content_type: String,
        /// The text.
        text: SecretValue,
    },
    /// A local file. It is sent only if it holds what it held when the plan was made.
    File {
        /// Of what kind.
        content_type: String,
        /// The file.
        file: PinnedFile,
    },
}

/// A certificate by which a server knows who asks, with its private key.
#[derive(Debug, Clone)]
pub struct CallIdentity {
    /// The certificate and those between it and an authority, as a PEM file.
    pub chain: PinnedFile,
    /// Its key.
    pub key: CallKey,
}

/// Where a private key comes from.
#[derive(Debug, Clone)]
pub enum CallKey {
    /// A PEM file on this machine, by its path.
    File(String),
    /// PEM text.
    Text(SecretValue),
}

/// Through what a call goes out.
#[derive(Debug, Clone, Default)]
pub enum CallProxy {
    /// What the adapter is set to.
    #[default]
    Console,
    /// Nothing.
    None,
    /// This proxy, as `http://[user:password@]host:port`.
    At(SecretValue),
}

/// How an HTTP call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpEnd {
    /// An answer, with its body up to the call's limit.
    Answered {
        /// The status.
        status: u16,
        /// Its headers that are text, names in lower case.
        headers: Vec<(String, String)>,
        /// The body.
        body: Bytes,
        /// The body was longer than is taken, and this is its beginning.
        cut: bool,
    },
    /// No connection; nothing was sent.
    Unreachable {
        /// What was tried and how it failed.
        why: String,
    },
    /// It was sent and no answer was seen.
    Unseen {
        /// Why not.
        why: String,
    },
    /// Refused before anything was sent: not a URL, TLS name wrong, body not JSON, a file that was changed.
    Refused {
        /// Why.
        why: String,
    },
}

impl HttpEnd {
    /// An answer without headers.
    #[must_use]
    pub fn answered(status: u16, body: impl Into<Bytes>) -> Self {
        Self::Answered { status, headers: Vec::new(), body: body.into(), cut: false }
    }
}

/// Makes HTTP calls from the console.
#[async_trait]
pub trait Http: Send + Sync {
    /// Makes the call, once: nothing is tried again, and no redirect is followed. Dropping the future, or
    /// `cancel`, abandons it.
    async fn call(&self, call: HttpCall, cancel: CancellationToken) -> HttpEnd;
}
