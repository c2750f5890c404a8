//! What is sent with a request, and through what.

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::routing::any;
use daytwo_engine::ports::{CallBody, CallProxy, Http as _, HttpCall, HttpEnd};
use daytwo_http::{BODY_BYTES_MAX, HttpOptions, HttpTransport};
use daytwo_model::SecretValue;
use daytwo_model::plan::HttpMethod;
use tokio_util::sync::CancellationToken;

use crate::{SECRET, answered, call, end, pinned, serve};

/// Says what arrived: method, the headers that matter, body.
fn echo() -> Router {
    async fn echo(request: Request) -> String {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1024 * 1024).await.unwrap_or_default();
        let of = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
        let text = if body.len() < 1000 { String::from_utf8_lossy(&body).into_owned() } else { body.len().to_string() };
        format!("{} {} {} {text}", parts.method, of("content-type"), of("content-length"))
    }
    Router::new().fallback(any(echo))
}

fn with(base: &str, body: CallBody) -> HttpCall {
    let mut call = call(HttpMethod::POST, base);
    call.body = Some(body);
    call
}

#[tokio::test]
async fn a_method_that_a_standard_does_not_know_is_sent_as_it_is() {
    let (base, _life) = serve(echo()).await;
    let purge = call(HttpMethod::new("PURGE").unwrap(), &base);
    assert_eq!(end(purge).await, answered(200, "PURGE - - "));
}

#[tokio::test]
async fn each_kind_of_body_arrives_as_it_is_meant_and_a_header_of_the_call_wins() {
    let (base, _life) = serve(echo()).await;
    let secret = |text: &str| SecretValue::new(text);
    let form = CallBody::Form(vec![("user name".into(), secret("maria&co")), ("pw".into(), secret("a+b=ü c"))]);
    assert_eq!(
        end(with(&base, form)).await,
        answered(200, "POST application/x-www-form-urlencoded 44 user%20name=maria%26co&pw=a%2Bb%3D%C3%BC%20c")
    );
    let text = || CallBody::Text { content_type: "application/yaml".into(), text: secret("a: 1\r\n") };
    assert_eq!(end(with(&base, text())).await, answered(200, "POST application/yaml 6 a: 1\r\n"));
    let mut own = with(&base, text());
    own.headers = vec![("content-type".into(), secret("text/x-mine"))];
    assert_eq!(end(own).await, answered(200, "POST text/x-mine 6 a: 1\r\n"));
    let broken = CallBody::Text { content_type: "a\r\nx: y".into(), text: secret("") };
    let end = end(with(&base, broken)).await;
    assert!(matches!(&end, HttpEnd::Refused { why } if why.contains("content type")), "{end:?}");
}

#[tokio::test]
async fn a_file_is_sent_byte_for_byte_if_it_is_the_planned_one() {
    let folder = tempfile::tempdir().unwrap();
    let (base, _life) = serve(echo()).await;
    let large = vec![b'x'; 300_000];
    for (content, arrives) in [(&b"hello"[..], "5 hello"), (&b""[..], "0 "), (&large[..], "300000 300000")] {
        let file = pinned(folder.path(), "body", content);
        let body = CallBody::File { content_type: "application/octet-stream".into(), file };
        let expected = format!("POST application/octet-stream {arrives}");
        assert_eq!(end(with(&base, body)).await, answered(200, &expected));
    }
    let file = pinned(folder.path(), "body", b"planned");
    std::fs::write(&file.path, b"changed").unwrap();
    let body = |file| CallBody::File { content_type: "text/plain".into(), file };
    let changed = end(with(&base, body(file.clone()))).await;
    assert!(matches!(&changed, HttpEnd::Refused { why } if why.ends_with("was changed since the plan was made")));
    std::fs::remove_file(&file.path).unwrap();
    let gone = end(with(&base, body(file))).await;
    assert!(matches!(&gone, HttpEnd::Refused { why } if why.contains("cannot be read")), "{gone:?}");
}

#[tokio::test]
async fn a_call_says_itself_how_long_an_answer_it_takes() {
    let long = || async { vec![b'x'; 2000] };
    let (base, _life) = serve(Router::new().route("/", any(long))).await;
    let taking = |method, bytes| {
        let mut call = call(method, &base);
        call.response_bytes_max = Some(bytes);
        call
    };
    let HttpEnd::Unseen { why } = end(taking(HttpMethod::GET, 1999)).await else { panic!("too long for a read") };
    assert!(why.contains("more than 1999 bytes"), "{why}");
    let HttpEnd::Answered { body, cut: true, .. } = end(taking(HttpMethod::POST, 1999)).await else { panic!("cut") };
    assert_eq!(body.len(), 1999);
    assert!(matches!(end(taking(HttpMethod::GET, 2000)).await, HttpEnd::Answered { cut: false, .. }));
    let more = BODY_BYTES_MAX + 1;
    let (base, _life) = serve(Router::new().route("/", any(move || async move { vec![b'x'; more] }))).await;
    let mut large = call(HttpMethod::GET, &base);
    large.response_bytes_max = Some(more as u64);
    assert!(matches!(end(large).await, HttpEnd::Answered { cut: false, .. }), "more than is taken unasked");
}

#[tokio::test]
async fn a_call_goes_through_the_proxy_that_is_meant() {
    async fn proxy(headers: HeaderMap, request: Request) -> String {
        let known = headers.get("proxy-authorization").is_some();
        format!("proxied {} {known}", request.uri())
    }
    let (through, _life) = serve(Router::new().fallback(any(proxy))).await;
    let (target, _target_life) = serve(echo()).await;
    let transport = |proxy: Option<String>| {
        let proxy = proxy.map(SecretValue::new);
        HttpTransport::new(&HttpOptions { proxy, ..HttpOptions::default() }).unwrap()
    };
    let asked = |url: &str, proxy: CallProxy| {
        let mut call = call(HttpMethod::GET, url);
        call.proxy = proxy;
        call
    };
    let none = CancellationToken::new;
    let elsewhere = "http://api.invalid/x";
    let authorised = through.replace("http://", &format!("http://user:{SECRET}@"));
    let own = transport(None).call(asked(elsewhere, CallProxy::At(SecretValue::new(authorised))), none()).await;
    assert_eq!(own, answered(200, "proxied http://api.invalid/x true"));
    let set = transport(Some(through.clone()));
    let console = set.call(asked(elsewhere, CallProxy::Console), none()).await;
    assert_eq!(console, answered(200, "proxied http://api.invalid/x false"));
    let direct = set.call(asked(elsewhere, CallProxy::None), none()).await;
    assert!(matches!(direct, HttpEnd::Unreachable { .. }), "there is no such host: {direct:?}");
    let here = set.call(asked(&target, CallProxy::Console), none()).await;
    assert_eq!(here, answered(200, "GET - - "), "this machine is not reached through another");
    let wrong = CallProxy::At(SecretValue::new(format!("socks5://u:{SECRET}@proxy")));
    let refused = transport(None).call(asked(elsewhere, wrong), none()).await;
    assert!(matches!(&refused, HttpEnd::Refused { why } if !why.contains(SECRET)), "{refused:?}");
}
