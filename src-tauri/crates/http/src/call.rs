//! One call, from its text to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use daytwo_engine::ports::{HttpCall, HttpEnd};
use daytwo_model::SecretValue;
use daytwo_model::plan::HttpMethod;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Client, Method, Response, Url, redirect, retry};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tower::util::MapResponseLayer;

use crate::tell::{causes, is_distrust, origin};
use crate::tls::Trust;
use crate::{BODY_BYTES_MAX, CONNECT_DEADLINE, REDIRECTS_MAX};

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
/// What is told about the client.
const USER_AGENT: &str = concat!("daytwo/", env!("CARGO_PKG_VERSION"));

/// A call whose parts were found to be usable.
struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<String>,
    deadline: Duration,
}

pub(crate) async fn perform(
    tls: &Trust,
    proxy: Option<&reqwest::Proxy>,
    call: HttpCall,
    cancel: CancellationToken,
) -> HttpEnd {
    let mut request = match check(&call) {
        Ok(request) => request,
        Err(why) => return HttpEnd::Refused { why },
    };
    let until = Instant::now() + request.deadline;
    for _ in 0..=REDIRECTS_MAX {
        // Whether a connection was had: before that, nothing can have been sent.
        let connected = Arc::new(AtomicBool::new(false));
        let client = match client(tls, proxy, &request, until, &connected) {
            Ok(client) => client,
            Err(why) => return HttpEnd::Refused { why },
        };
        let from = origin(&request.url);
        let answer = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(stopped(&from, &connected, "it was cancelled", true)),
            answer = timeout_at(until, exchange(&client, &request)) => answer.unwrap_or_else(|_| {
                let why = format!("no answer within {}", seconds(request.deadline));
                Err(stopped(&from, &connected, &why, false))
            }),
        };
        match answer {
            Err(end) => return end,
            Ok((status, Body { bytes: body, cut }, next)) => match next.filter(|next| may_follow(&request, next)) {
                Some(next) => request.url = next,
                None => return HttpEnd::Answered { status, body, cut },
            },
        }
    }
    HttpEnd::Unseen { why: format!("{}: redirected more than {REDIRECTS_MAX} times", origin(&request.url)) }
}

/// How a call ended that was given up.
fn stopped(from: &str, connected: &AtomicBool, why: &str, on_purpose: bool) -> HttpEnd {
    if connected.load(Ordering::SeqCst) {
        HttpEnd::Unseen { why: format!("{from}: {why}; the request had been sent") }
    } else if on_purpose {
        HttpEnd::Refused { why: format!("{from}: {why} before anything was sent") }
    } else {
        HttpEnd::Unreachable { why: format!("{from}: {why}; no connection was had") }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

fn check(call: &HttpCall) -> Result<Request, String> {
    let url = Url::parse(call.url.expose()).map_err(|why| format!("the URL cannot be used: {why}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("the URL is neither http nor https".to_owned());
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &call.headers {
        let (name, value) = header(name, value)?;
        headers.append(name, value);
    }
    let body = call.json.as_ref().map(|json| json.expose().to_owned());
    if let Some(json) = &body {
        // Its error tells a place, never the text.
        serde_json::from_str::<&serde_json::value::RawValue>(json)
            .map_err(|why| format!("the body is not JSON: line {} column {}", why.line(), why.column()))?;
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    }
    Ok(Request { method: method(call.method), url, headers, body, deadline: call.deadline })
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

const fn method(method: HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Delete => Method::DELETE,
    }
}

fn reads_only(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// A client for one call. It keeps no connection, follows nothing and repeats nothing.
fn client(
    tls: &Trust,
    proxy: Option<&reqwest::Proxy>,
    request: &Request,
    until: Instant,
    connected: &Arc<AtomicBool>,
) -> Result<Client, String> {
    let connect_deadline = CONNECT_DEADLINE.min(until.saturating_duration_since(Instant::now()));
    let connected = Arc::clone(connected);
    let mut builder = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .pool_max_idle_per_host(0)
        .connect_timeout(connect_deadline)
        .user_agent(USER_AGENT)
        .referer(false)
        .connector_layer(MapResponseLayer::new(move |connection| {
            connected.store(true, Ordering::SeqCst);
            connection
        }));
    match (tls, request.url.scheme()) {
        (Trust::Rooted(config), _) => builder = builder.tls_backend_preconfigured(config.as_ref().clone()),
        (Trust::Rootless { why }, "https") => {
            return Err(format!("no server can be trusted here, because this machine has no certificates: {why}"));
        }
        // Never used: the call is plain http, and redirects to another scheme are not followed.
        (Trust::Rootless { .. }, _) => {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = rustls::ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(|why| why.to_string())?
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
            builder = builder.tls_backend_preconfigured(config);
        }
    }
    if let Some(proxy) = proxy {
        builder = builder.proxy(proxy.clone());
    }
    builder.build().map_err(|error| causes(&error))
}

/// Sends once and takes the answer: status, body, and where a redirect leads.
async fn exchange(client: &Client, request: &Request) -> Result<(u16, Body, Option<Url>), HttpEnd> {
    let from = origin(&request.url);
    let mut sending = client.request(request.method.clone(), request.url.clone()).headers(request.headers.clone());
    if let Some(body) = &request.body {
        sending = sending.body(body.clone());
    }
    let answer = match sending.send().await {
        Ok(answer) => answer,
        Err(error) if is_distrust(&error) => {
            return Err(HttpEnd::Refused { why: format!("{from} is not trusted: {}", causes(&error)) });
        }
        Err(error) if error.is_connect() => {
            return Err(HttpEnd::Unreachable { why: format!("{from}: {}", causes(&error)) });
        }
        Err(error) if error.is_builder() => {
            return Err(HttpEnd::Refused { why: format!("{from}: the request cannot be made") });
        }
        Err(error) => return Err(HttpEnd::Unseen { why: format!("{from}: {}", causes(&error)) }),
    };
    let status = answer.status();
    let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let next = location.filter(|_| status.is_redirection()).and_then(|location| request.url.join(location).ok());
    let body = body(answer, &from, reads_only(&request.method)).await?;
    Ok((status.as_u16(), body, next))
}

/// A body, as far as it was taken.
struct Body {
    bytes: Bytes,
    cut: bool,
}

/// A read that is not whole is no read. Of a change the status is what counts, and it was seen:
/// its body is cut.
async fn body(mut answer: Response, from: &str, reads_only: bool) -> Result<Body, HttpEnd> {
    let status = answer.status().as_u16();
    let mut body = BytesMut::new();
    loop {
        match answer.chunk().await {
            Ok(None) => return Ok(Body { bytes: body.freeze(), cut: false }),
            Ok(Some(chunk)) => {
                let room = BODY_BYTES_MAX.saturating_sub(body.len());
                if chunk.len() <= room {
                    body.extend_from_slice(&chunk);
                } else if reads_only {
                    let mib = BODY_BYTES_MAX / 1024 / 1024;
                    let why = format!("{from}: HTTP {status} with a body of more than {mib} MiB, which is not taken");
                    return Err(HttpEnd::Unseen { why });
                } else {
                    tracing::warn!(status, "the answer's body is larger than the limit and was cut");
                    body.extend_from_slice(&chunk.slice(..room));
                    return Ok(Body { bytes: body.freeze(), cut: true });
                }
            }
            Err(error) => {
                let why = format!("{from}: HTTP {status}, and the body broke off: {}", causes(&error));
                return Err(HttpEnd::Unseen { why });
            }
        }
    }
}

/// Only a read is sent on, and only to where its secrets go anyway; everything else is answered
/// with the redirect itself, for the runbook to judge.
fn may_follow(request: &Request, next: &Url) -> bool {
    let same_origin = request.url.origin() == next.origin();
    // Nothing that could be a secret goes along: no header of the call, no user name of the URL.
    let bare = request.headers.is_empty() && next.scheme() == request.url.scheme();
    reads_only(&request.method) && request.body.is_none() && (same_origin || bare)
}
