//! The transport against real servers on loopback.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests, with helpers that the test exemption does not cover"
)]

mod calls;
mod sending;
mod setting;
mod trust;
mod world;

use std::path::Path;
use std::time::Duration;

use axum::Router;
use daytwo_engine::ports::{Http as _, HttpCall, HttpEnd};
use daytwo_http::{HttpOptions, HttpTransport};
use daytwo_model::plan::{HttpMethod, LocalFile, PinnedFile};
use daytwo_model::{Digest, SecretValue};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const SECRET: &str = "sk-do-not-show-me";

async fn serve(router: Router) -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let mut life = JoinSet::new();
    life.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (base, life)
}

fn call(method: HttpMethod, url: &str) -> HttpCall {
    HttpCall::new(method, SecretValue::new(url), Duration::from_secs(20))
}

/// The end of a call; headers of answers, which servers choose, are left out.
async fn end(call: HttpCall) -> HttpEnd {
    let transport = HttpTransport::new(&HttpOptions::default()).unwrap();
    transport.call(call, CancellationToken::new()).await
}

/// Like an answer with this status and body, whatever its headers.
#[derive(Debug)]
struct Answered(u16, String);

fn answered(status: u16, body: &str) -> Answered {
    Answered(status, body.to_owned())
}

impl PartialEq<Answered> for HttpEnd {
    fn eq(&self, expected: &Answered) -> bool {
        matches!(self, Self::Answered { status, body, cut: false, .. }
            if *status == expected.0 && body[..] == *expected.1.as_bytes())
    }
}

/// A file as a plan names it.
fn pinned(folder: &Path, name: &str, content: &[u8]) -> PinnedFile {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    let content = LocalFile { digest: Digest::of(content), bytes: content.len() as u64 };
    PinnedFile { path: path.to_str().unwrap().to_owned(), content }
}
