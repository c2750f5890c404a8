//! One call: what is sent, how often, and what its end is called.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::{any, get, post};
use daytwo_engine::ports::{CallBody, Http as _, HttpEnd};
use daytwo_http::{BODY_BYTES_MAX, HttpOptions, HttpTransport};
use daytwo_model::SecretValue;
use daytwo_model::plan::HttpMethod;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{SECRET, answered, call, end, serve};

#[tokio::test]
async fn an_answer_is_given_back_whatever_its_status_and_the_request_is_what_was_asked() {
    async fn echo(request: Request) -> (StatusCode, String) {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1000).await.unwrap();
        let of = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let told = format!(
            "{} {} {:?} {:?} {}",
            parts.method,
            parts.uri,
            of("authorization"),
            of("content-type"),
            String::from_utf8_lossy(&body)
        );
        (StatusCode::IM_A_TEAPOT, told)
    }
    let (base, _life) = serve(Router::new().route("/{*path}", any(echo))).await;
    let mut patch = call(HttpMethod::PATCH, &format!("{base}/key/update?a=b"));
    patch.headers = vec![("Authorization".into(), SecretValue::new(format!("Bearer {SECRET}")))];
    patch.body = Some(CallBody::Json(SecretValue::new(r#"{"tpm_limit":7}"#)));
    assert_eq!(
        end(patch).await,
        answered(
            418,
            &format!(r#"PATCH /key/update?a=b Some("Bearer {SECRET}") Some("application/json") {{"tpm_limit":7}}"#)
        )
    );
    assert_eq!(end(call(HttpMethod::GET, &format!("{base}/x"))).await, answered(418, "GET /x None None "));
    assert_eq!(end(call(HttpMethod::HEAD, &format!("{base}/x"))).await, answered(418, ""));
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    for url in [format!("http://{address}/?key={SECRET}"), format!("http://no-such-host.invalid/?key={SECRET}")] {
        let end = end(call(HttpMethod::POST, &url)).await;
        assert!(matches!(&end, HttpEnd::Unreachable { why } if !why.contains(SECRET)), "{end:?}");
    }
    // A server that accepts no more: the connection hangs until the call's own deadline.
    let mut hanging = call(HttpMethod::POST, "https://127.0.0.1:1/");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    hanging.url = SecretValue::new(format!("https://{}/", silent.local_addr().unwrap()));
    hanging.deadline = Duration::from_millis(300);
    let end = end(hanging).await;
    assert!(matches!(&end, HttpEnd::Unreachable { .. }), "a TLS handshake that never ends sent nothing: {end:?}");
}

#[tokio::test]
async fn a_slow_answer_meets_the_deadline_and_its_end_is_unseen() {
    let (base, _life) = serve(Router::new().route("/", post(std::future::pending::<()>))).await;
    let mut slow = call(HttpMethod::POST, &format!("{base}/?key={SECRET}"));
    slow.deadline = Duration::from_millis(300);
    let start = Instant::now();
    let HttpEnd::Unseen { why } = end(slow).await else { panic!("its end was not seen") };
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(why, format!("{base}: no answer within 0.3 s; the request had been sent"));
}

#[tokio::test]
async fn a_cancel_abandons_the_call_at_once() {
    let (base, _life) = serve(Router::new().route("/", post(std::future::pending::<()>))).await;
    let transport = HttpTransport::new(&HttpOptions::default()).unwrap();
    let before = CancellationToken::new();
    before.cancel();
    let end = transport.call(call(HttpMethod::POST, &base), before).await;
    assert!(matches!(end, HttpEnd::Refused { .. }), "nothing was sent: {end:?}");
    let later = CancellationToken::new();
    let (end, ()) = tokio::join!(transport.call(call(HttpMethod::POST, &base), later.clone()), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        later.cancel();
    });
    assert!(matches!(end, HttpEnd::Unseen { .. }), "{end:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_is_unseen_and_not_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let mut life = JoinSet::new();
    life.spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 1024];
            let _ = socket.read(&mut buffer).await;
            if counter.fetch_add(1, Ordering::SeqCst) == 1 {
                let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
            }
        }
    });
    let HttpEnd::Unseen { .. } = end(call(HttpMethod::GET, &base)).await else { panic!("closed without an answer") };
    assert_eq!(seen.load(Ordering::SeqCst), 1);
    let HttpEnd::Unseen { why } = end(call(HttpMethod::POST, &base)).await else { panic!("half a body") };
    assert!(why.contains("HTTP 200, and the body broke off"), "{why}");
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_body_beyond_the_limit_fails_a_read_and_is_cut_for_a_change() {
    let large = || async { vec![b'x'; BODY_BYTES_MAX + 1] };
    let (base, _life) = serve(Router::new().route("/", get(large).post(large))).await;
    let HttpEnd::Unseen { why } = end(call(HttpMethod::GET, &base)).await else { panic!("too large") };
    assert_eq!(why, format!("{base}: HTTP 200 with a body of more than 4 MiB, which is not taken"));
    let HttpEnd::Answered { status: 200, body, cut: true, .. } = end(call(HttpMethod::POST, &base)).await else {
        panic!("answered")
    };
    assert_eq!(body.len(), BODY_BYTES_MAX);
}

#[tokio::test]
async fn no_redirect_is_followed_and_the_answer_says_where_it_points() {
    let arrived = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&arrived);
    let router = Router::new()
        .route("/end", any(move || async move { counter.fetch_add(1, Ordering::SeqCst).to_string() }))
        .route("/near", any(|| async { Redirect::temporary("/end") }));
    let (base, _life) = serve(router).await;
    for method in [HttpMethod::GET, HttpMethod::HEAD, HttpMethod::POST] {
        let end = end(call(method, &format!("{base}/near"))).await;
        let HttpEnd::Answered { status: 307, headers, .. } = end else { panic!("{end:?}") };
        assert!(headers.contains(&("location".to_owned(), "/end".to_owned())), "{headers:?}");
    }
    assert_eq!(arrived.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_cannot_be_sent_safely_is_refused_and_no_secret_is_told() {
    let good = "http://127.0.0.1:1/";
    let with = |name: &str, value: &str| {
        let mut call = call(HttpMethod::POST, good);
        call.headers = vec![(name.to_owned(), SecretValue::new(value))];
        call
    };
    let mut not_json = call(HttpMethod::POST, good);
    not_json.body = Some(CallBody::Json(SecretValue::new(format!("{{\"key\": {SECRET}}}"))));
    let calls = [
        call(HttpMethod::GET, &format!("file:///etc/{SECRET}")),
        call(HttpMethod::GET, &format!("not a url {SECRET}")),
        call(HttpMethod::GET, &format!("http://user:{SECRET}@:80:80/")),
        with("x-key", &format!("{SECRET}\r\nx-other: 1")),
        with(&format!("bad name {SECRET}"), "1"),
        with("Host", SECRET),
        with("Transfer-Encoding", "chunked"),
        not_json,
    ];
    for call in calls {
        let end = end(call).await;
        assert!(matches!(&end, HttpEnd::Refused { why } if !why.contains(SECRET)), "{end:?}");
    }
    let mut user_info = call(HttpMethod::GET, &format!("http://user:{SECRET}@127.0.0.1:1/{SECRET}"));
    user_info.headers = vec![("x-key".into(), SecretValue::new(SECRET))];
    let end = end(user_info).await;
    assert!(matches!(&end, HttpEnd::Unreachable { why } if !why.contains(SECRET)), "{end:?}");
}

#[test]
fn a_transport_shows_nothing_of_its_proxy() {
    let proxy = |address: &str| {
        HttpTransport::new(&HttpOptions { proxy: Some(SecretValue::new(address)), ..HttpOptions::default() })
    };
    assert_eq!(format!("{:?}", proxy(&format!("http://u:{SECRET}@proxy:3128")).unwrap()), "HttpTransport");
    let error = proxy(&format!("socks5://u:{SECRET}@proxy")).unwrap_err();
    assert_eq!(error.to_string(), "use the proxy: its address is not http://host:port");
}
