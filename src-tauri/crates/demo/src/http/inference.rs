//! An inference server as vLLM shows itself: health, metrics, completions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::{Json, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::look;
use crate::machine::DemoHost;

const UNIT: &str = "inference.service";
/// What the running process has read; the file in `/etc` counts from the next start.
const CONFIG: &str = "/run/inference/config.yaml";
/// How long the model takes to load after a start, in seconds of the host's clock.
const LOADING_SECONDS: u64 = 2;
/// Where the configuration has no `max_tokens`.
const MAX_TOKENS: u64 = 2048;

struct Inference {
    host: Arc<DemoHost>,
    prompt_tokens: AtomicU64,
    generation_tokens: AtomicU64,
    stopped: AtomicU64,
    cut: AtomicU64,
    pid: AtomicU64,
}

/// The routes of one host.
pub(super) fn router(host: Arc<DemoHost>) -> Router {
    let zero = || AtomicU64::new(0);
    let state =
        Inference { host, prompt_tokens: zero(), generation_tokens: zero(), stopped: zero(), cut: zero(), pid: zero() };
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/v1/completions", post(complete))
        .with_state(Arc::new(state))
}

impl Inference {
    /// The loaded `max_tokens`; an answer where the server cannot serve. Counters begin with the process.
    async fn ready(&self) -> Result<u64, Response> {
        let seen = look(&self.host, UNIT, &[CONFIG]).await?;
        if self.pid.swap(u64::from(seen.pid), Ordering::Relaxed) != u64::from(seen.pid) {
            for counter in [&self.prompt_tokens, &self.generation_tokens, &self.stopped, &self.cut] {
                counter.store(0, Ordering::Relaxed);
            }
        }
        if seen.now.saturating_sub(seen.since) < LOADING_SECONDS {
            return Err(super::unready("the model is loading"));
        }
        let config = seen.files.first().map(String::as_str).unwrap_or_default();
        Ok(setting(config, "max_tokens").unwrap_or(MAX_TOKENS))
    }
}

/// The number after `key:` on a line of its own.
fn setting(config: &str, key: &str) -> Option<u64> {
    config.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')?.trim().parse().ok())
}

async fn health(State(server): State<Arc<Inference>>) -> Response {
    match server.ready().await {
        Ok(_) => StatusCode::OK.into_response(),
        Err(answer) => answer,
    }
}

async fn metrics(State(server): State<Arc<Inference>>) -> Response {
    if let Err(answer) = server.ready().await {
        return answer;
    }
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let model = "model_name=\"demo-8b-instruct\"";
    let (stopped, cut) = (read(&server.stopped), read(&server.cut));
    let text = format!(
        "# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{{{model}}} 0\n\
         # TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting{{{model}}} 0\n\
         # TYPE vllm:kv_cache_usage_perc gauge\nvllm:kv_cache_usage_perc{{{model}}} 0.{:02}\n\
         # TYPE vllm:prompt_tokens_total counter\nvllm:prompt_tokens_total{{{model}}} {}\n\
         # TYPE vllm:generation_tokens_total counter\nvllm:generation_tokens_total{{{model}}} {}\n\
         # TYPE vllm:request_success_total counter\n\
         vllm:request_success_total{{finished_reason=\"stop\",{model}}} {stopped}\n\
         vllm:request_success_total{{finished_reason=\"length\",{model}}} {cut}\n",
        (stopped + cut) % 100,
        read(&server.prompt_tokens),
        read(&server.generation_tokens),
    );
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

#[derive(Deserialize)]
struct Completion {
    prompt: String,
    max_tokens: Option<u64>,
}

async fn complete(
    State(server): State<Arc<Inference>>,
    body: Result<Json<Completion>, axum::extract::rejection::JsonRejection>,
) -> Response {
    let limit = match server.ready().await {
        Ok(limit) => limit,
        Err(answer) => return answer,
    };
    let Ok(Json(call)) = body else {
        return (StatusCode::BAD_REQUEST, Json(error("the body is not a completion request"))).into_response();
    };
    let wanted = call.max_tokens.unwrap_or(16);
    if wanted > limit {
        let message = format!("max_tokens is {wanted}, and this server allows {limit}");
        return (StatusCode::BAD_REQUEST, Json(error(&message))).into_response();
    }
    const ANSWER: &str = "This is a demo; no model was asked.";
    let whole = ANSWER.split(' ').count() as u64;
    let made = wanted.min(whole);
    let text = ANSWER.split_inclusive(' ').take(usize::try_from(made).unwrap_or(usize::MAX)).collect::<String>();
    let prompt = (call.prompt.len() as u64).div_ceil(4).max(1);
    server.prompt_tokens.fetch_add(prompt, Ordering::Relaxed);
    server.generation_tokens.fetch_add(made, Ordering::Relaxed);
    let (reason, counter) = if made < whole { ("length", &server.cut) } else { ("stop", &server.stopped) };
    counter.fetch_add(1, Ordering::Relaxed);
    Json(json!({
        "id": "cmpl-demo", "object": "text_completion", "model": "demo-8b-instruct",
        "choices": [{ "index": 0, "text": text, "finish_reason": reason }],
        "usage": { "prompt_tokens": prompt, "completion_tokens": made, "total_tokens": prompt + made },
    }))
    .into_response()
}

fn error(message: &str) -> Value {
    json!({ "error": { "message": message, "type": "BadRequestError", "code": 400 } })
}
