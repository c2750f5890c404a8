//! A call whose parts were found to be usable. Nothing is sent here.

use bytes::Bytes;
use daytwo_engine::ports::{CallBody, CallIdentity, CallKey, CallProxy, HttpCall};
use daytwo_model::SecretValue;
use daytwo_model::plan::RESPONSE_BYTES_MAX;
use daytwo_model::quote;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Proxy, Url};

use crate::BODY_BYTES_MAX;
use crate::file::{self, Checked};
use crate::tls::{Identity, Trust, certificates, private_key};

/// Headers by which one request could be made to look like two, or go elsewhere than its URL says.
const RESERVED_HEADERS: &[&str] = &[
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// A call, ready to be sent.
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Whether it only reads, so that an answer which is not whole is none.
    pub(crate) reads_only: bool,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Sending,
    /// The authorities that are believed instead of the transport's.
    pub(crate) trust: Option<Trust>,
    pub(crate) identity: Option<Identity>,
    pub(crate) route: Route,
    pub(crate) response_bytes_max: usize,
}

/// What is sent as a body.
pub(crate) enum Sending {
    Nothing,
    Bytes(Bytes),
    File(Checked),
}

/// Through what it goes out.
pub(crate) enum Route {
    Console,
    Direct,
    Through(Box<Proxy>),
}

/// Checks a call and reads its files; the error says why it cannot be sent, without its secrets.
pub(crate) async fn prepare(call: HttpCall) -> Result<Request, String> {
    let url = Url::parse(call.url.expose()).map_err(|why| format!("the URL cannot be used: {why}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("the URL is neither http nor https".to_owned());
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &call.headers {
        let (name, value) = header(name, value)?;
        headers.append(name, value);
    }
    let body = body(call.body, &mut headers).await?;
    let trust = match &call.authorities {
        None => None,
        Some(pem) => {
            let of_file = |why| format!("the certificate authorities in {} cannot be used: {why}", pem.path);
            Some(Trust::only(&file::pinned(pem).await?).map_err(of_file)?)
        }
    };
    let identity = match call.identity {
        None => None,
        Some(identity) => Some(read_identity(identity).await?),
    };
    let route = match &call.proxy {
        CallProxy::Console => Route::Console,
        CallProxy::None => Route::Direct,
        CallProxy::At(address) => {
            let proxy = proxy(address).ok_or("the proxy's address is not http://host:port")?;
            Route::Through(Box::new(proxy))
        }
    };
    let response_bytes_max = call
        .response_bytes_max
        .map_or(BODY_BYTES_MAX, |asked| usize::try_from(asked.min(RESPONSE_BYTES_MAX)).unwrap_or(BODY_BYTES_MAX));
    let method = Method::from_bytes(call.method.as_str().as_bytes()).map_err(|_| "the method cannot be used")?;
    let reads_only = call.method.is_safe();
    Ok(Request { method, reads_only, url, headers, body, trust, identity, route, response_bytes_max })
}

/// A proxy for all calls that go through it.
pub(crate) fn proxy(address: &SecretValue) -> Option<Proxy> {
    let url = Url::parse(address.expose()).ok()?;
    let usable = matches!(url.scheme(), "http" | "https") && url.has_host();
    if usable { Proxy::all(url).ok() } else { None }
}

fn header(name: &str, value: &SecretValue) -> Result<(HeaderName, HeaderValue), String> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "a header has no usable name".to_owned())?;
    if RESERVED_HEADERS.contains(&parsed.as_str()) {
        return Err(format!("the header {parsed} is set by the console itself"));
    }
    let mut value = HeaderValue::from_bytes(value.expose().as_bytes())
        .map_err(|_| format!("the value of the header {parsed} holds a line break or control character"))?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

async fn body(body: Option<CallBody>, headers: &mut HeaderMap) -> Result<Sending, String> {
    let mut kind = |of: &str| {
        let value = HeaderValue::from_str(of).map_err(|_| "the body's content type cannot be used".to_owned())?;
        headers.entry(CONTENT_TYPE).or_insert(value);
        Ok::<(), String>(())
    };
    Ok(match body {
        None => Sending::Nothing,
        Some(CallBody::Json(json)) => {
            // Its error tells a place, never the text.
            serde_json::from_str::<serde_json::Value>(json.expose())
                .map_err(|why| format!("the body is not JSON: line {} column {}", why.line(), why.column()))?;
            kind("application/json")?;
            Sending::Bytes(Bytes::copy_from_slice(json.expose().as_bytes()))
        }
        Some(CallBody::Form(fields)) => {
            kind("application/x-www-form-urlencoded")?;
            let pairs =
                fields.iter().map(|(name, value)| format!("{}={}", quote::url(name), quote::url(value.expose())));
            Sending::Bytes(Bytes::from(pairs.collect::<Vec<_>>().join("&")))
        }
        Some(CallBody::Text { content_type, text }) => {
            kind(&content_type)?;
            Sending::Bytes(Bytes::copy_from_slice(text.expose().as_bytes()))
        }
        Some(CallBody::File { content_type, file }) => {
            kind(&content_type)?;
            let checked = file::checked(file).await?;
            headers.insert(CONTENT_LENGTH, HeaderValue::from(checked.bytes()));
            Sending::File(checked)
        }
    })
}

async fn read_identity(identity: CallIdentity) -> Result<Identity, String> {
    let of_file = |why| format!("the client certificate in {} cannot be used: {why}", identity.chain.path);
    let chain = certificates(&file::pinned(&identity.chain).await?).map_err(of_file)?;
    let key = match identity.key {
        CallKey::Text(text) => private_key(text.expose().as_bytes())?,
        CallKey::File(path) => private_key(&file::small(path).await?)?,
    };
    Ok(Identity { chain, key })
}
