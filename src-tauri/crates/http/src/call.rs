//! One call, from its text to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use daytwo_engine::ports::{HttpCall, HttpEnd};
use reqwest::header::HeaderMap;
use reqwest::{Client, Response, redirect, retry};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tower::util::MapResponseLayer;

use crate::request::{Request, Route, Sending, prepare};
use crate::tell::{Verdict, causes, origin, verdict};
use crate::tls::Trust;
use crate::{CONNECT_DEADLINE, HEADERS_BYTES_MAX};

/// What is told about the client.
const USER_AGENT: &str = concat!("daytwo/", env!("CARGO_PKG_VERSION"));

pub(crate) async fn perform(
    trust: &Trust,
    proxy: Option<&reqwest::Proxy>,
    call: HttpCall,
    cancel: CancellationToken,
) -> HttpEnd {
    let deadline = call.deadline;
    let until = Instant::now() + deadline;
    // Reads files, and sends nothing.
    let prepared = tokio::select! {
        biased;
        () = cancel.cancelled() => Err("it was cancelled before anything was sent".to_owned()),
        prepared = timeout_at(until, prepare(call)) => {
            prepared.unwrap_or_else(|_| Err("what it needs could not be read in time".to_owned()))
        }
    };
    let mut request = match prepared {
        Ok(request) => request,
        Err(why) => return HttpEnd::Refused { why },
    };
    // Whether a connection was had: before that, nothing can have been sent.
    let connected = Arc::new(AtomicBool::new(false));
    let client = match client(trust, proxy, &mut request, until, &connected) {
        Ok(client) => client,
        Err(why) => return HttpEnd::Refused { why },
    };
    let from = origin(&request.url);
    tokio::select! {
        biased;
        () = cancel.cancelled() => stopped(&from, &connected, "it was cancelled", true),
        answer = timeout_at(until, exchange(&client, request)) => answer.unwrap_or_else(|_| {
            let why = format!("no answer within {} s", deadline.as_secs_f64());
            stopped(&from, &connected, &why, false)
        }),
    }
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

/// A client for one call. It keeps no connection, follows nothing and repeats nothing.
fn client(
    trust: &Trust,
    proxy: Option<&reqwest::Proxy>,
    request: &mut Request,
    until: Instant,
    connected: &Arc<AtomicBool>,
) -> Result<Client, String> {
    let connect_deadline = CONNECT_DEADLINE.min(until.saturating_duration_since(Instant::now()));
    let connected = Arc::clone(connected);
    let trust = request.trust.as_ref().unwrap_or(trust);
    let config = trust.config(request.url.scheme() == "https", request.identity.take())?;
    let builder = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .pool_max_idle_per_host(0)
        .connect_timeout(connect_deadline)
        .user_agent(USER_AGENT)
        .referer(false)
        .tls_backend_preconfigured(config)
        .connector_layer(MapResponseLayer::new(move |connection| {
            connected.store(true, Ordering::SeqCst);
            connection
        }));
    let proxy = match &request.route {
        Route::Console => proxy,
        Route::Direct => None,
        Route::Through(proxy) => Some(proxy.as_ref()),
    };
    let builder = match proxy {
        Some(proxy) => builder.proxy(proxy.clone()),
        None => builder,
    };
    builder.build().map_err(|error| causes(&error))
}

/// Sends once and takes the answer.
async fn exchange(client: &Client, request: Request) -> HttpEnd {
    let from = origin(&request.url);
    let sending = client.request(request.method, request.url).headers(request.headers);
    let sending = match request.body {
        Sending::Nothing => sending,
        Sending::Bytes(bytes) => sending.body(bytes),
        Sending::File(file) => sending.body(reqwest::Body::wrap_stream(file.stream())),
    };
    let answer = match sending.send().await {
        Ok(answer) => answer,
        Err(error) => return unanswered(&from, &error),
    };
    let (status, headers) = (answer.status().as_u16(), texts(answer.headers()));
    match body(answer, &from, request.reads_only, request.response_bytes_max).await {
        Ok((body, cut)) => HttpEnd::Answered { status, headers, body, cut },
        Err(end) => end,
    }
}

fn unanswered(from: &str, error: &reqwest::Error) -> HttpEnd {
    let why = format!("{from}: {}", causes(error));
    match verdict(error) {
        Some(Verdict::NotTrusted) => HttpEnd::Refused { why: format!("{from} is not trusted: {}", causes(error)) },
        Some(Verdict::ClientRefused) => HttpEnd::Refused {
            why: format!("{from} did not accept the client certificate, or asks for one: {}", causes(error)),
        },
        None if error.is_connect() => HttpEnd::Unreachable { why },
        None if error.is_builder() => HttpEnd::Refused { why: format!("{from}: the request cannot be made") },
        None => HttpEnd::Unseen { why },
    }
}

/// The headers that are text, up to the bound.
fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut room = HEADERS_BYTES_MAX;
    let mut texts = Vec::new();
    for (name, value) in headers {
        let Ok(value) = value.to_str() else { continue };
        let Some(left) = room.checked_sub(name.as_str().len() + value.len()) else { break };
        room = left;
        texts.push((name.as_str().to_owned(), value.to_owned()));
    }
    texts
}

/// The body and whether it is cut. A read that is not whole is no read. Of a change the status is what
/// counts, and it was seen: its body is cut.
async fn body(mut answer: Response, from: &str, reads_only: bool, bytes_max: usize) -> Result<(Bytes, bool), HttpEnd> {
    let status = answer.status().as_u16();
    let mut body = BytesMut::new();
    loop {
        match answer.chunk().await {
            Ok(None) => return Ok((body.freeze(), false)),
            Ok(Some(chunk)) => {
                let room = bytes_max.saturating_sub(body.len());
                if chunk.len() <= room {
                    body.extend_from_slice(&chunk);
                } else if reads_only {
                    let limit = size(bytes_max);
                    let why = format!("{from}: HTTP {status} with a body of more than {limit}, which is not taken");
                    return Err(HttpEnd::Unseen { why });
                } else {
                    tracing::warn!(status, "the answer's body is larger than the limit and was cut");
                    body.extend_from_slice(&chunk.slice(..room));
                    return Ok((body.freeze(), true));
                }
            }
            Err(error) => {
                let why = format!("{from}: HTTP {status}, and the body broke off: {}", causes(&error));
                return Err(HttpEnd::Unseen { why });
            }
        }
    }
}

fn size(bytes: usize) -> String {
    const MIB: usize = 1024 * 1024;
    if bytes >= MIB && bytes.is_multiple_of(MIB) { format!("{} MiB", bytes / MIB) } else { format!("{bytes} bytes") }
}
