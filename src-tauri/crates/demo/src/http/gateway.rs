//! A token gateway as LiteLLM shows itself: keys, models, completions, limits that hold.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Json, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use daytwo_model::SecretValue;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::limits::{Exceeded, Left, Limits, Meter};
use super::{LOOK_DEADLINE, Look, look, unready};
use crate::machine::DemoHost;

/// The name of the secret that the gateways' administrator key is kept under.
pub(crate) const MASTER_KEY: &str = "gateway-master-key";

const UNIT: &str = "gateway.service";
/// What the running process has read; the file in `/etc` counts from the next start.
const CONFIG: &str = "/run/gateway/config.yaml";
const KEYS: &str = "/var/lib/gateway/keys.json";
/// What a completion costs that asks for no other length, as LiteLLM's mock answers do.
const COMPLETION_TOKENS: u64 = 20;
/// Writing by rename: a host that goes down meanwhile has the old keys or the new ones.
const WRITE_KEYS: &str =
    "cat >/var/lib/gateway/keys.json.new && mv /var/lib/gateway/keys.json.new /var/lib/gateway/keys.json";

struct Gateway {
    host: Arc<DemoHost>,
    master_key: SecretValue,
    /// Counters, and the process that they belong to.
    meter: Mutex<(u32, Meter)>,
    /// Held over read, change and write of the keys.
    keys: tokio::sync::Mutex<()>,
}

#[derive(Debug, Deserialize)]
struct Config {
    model_list: Vec<Model>,
}

#[derive(Debug, Deserialize)]
struct Model {
    model_name: String,
    litellm_params: ModelParams,
}

#[derive(Debug, Deserialize)]
struct ModelParams {
    model: String,
    tpm: Option<u64>,
    rpm: Option<u64>,
}

type Keys = Map<String, Value>;

/// The routes of one host.
pub(super) fn router(host: Arc<DemoHost>, master_key: SecretValue) -> Router {
    let gateway = Gateway { host, master_key, meter: Mutex::default(), keys: tokio::sync::Mutex::new(()) };
    Router::new()
        .route("/health/liveliness", get(liveliness))
        .route("/health/readiness", get(liveliness))
        .route("/key/info", get(key_info))
        .route("/key/update", post(key_update))
        .route("/model/info", get(model_info))
        .route("/v1/chat/completions", post(complete))
        .with_state(Arc::new(gateway))
}

impl Gateway {
    async fn look(&self) -> Result<(Look, Config, Keys), Response> {
        let seen = look(&self.host, UNIT, &[CONFIG, KEYS]).await?;
        let file = |index: usize| seen.files.get(index).map(String::as_str).unwrap_or_default();
        let config = serde_saphyr::from_str(file(0)).map_err(|_| unready("the configuration is not valid"))?;
        let keys = serde_json::from_str(file(1)).map_err(|_| unready("the keys cannot be read"))?;
        let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
        if meter.0 != seen.pid {
            meter.0 = seen.pid;
            meter.1.clear();
        }
        drop(meter);
        Ok((seen, config, keys))
    }

    fn is_master(&self, token: &str) -> bool {
        token == self.master_key.expose()
    }

    fn is_administrator(&self, headers: &HeaderMap) -> bool {
        bearer(headers).is_some_and(|token| self.is_master(token))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn fault(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = json!({ "error": { "message": message, "type": kind, "param": null, "code": status.as_str() } });
    (status, Json(body)).into_response()
}

fn unauthorised() -> Response {
    fault(StatusCode::UNAUTHORIZED, "auth_error", "Authentication Error, invalid or missing key")
}

async fn liveliness(State(gateway): State<Arc<Gateway>>) -> Response {
    match gateway.look().await {
        Ok(_) => Json("I'm alive!").into_response(),
        Err(answer) => answer,
    }
}

#[derive(Deserialize)]
struct KeyQuery {
    key: String,
}

async fn key_info(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    query: Result<Query<KeyQuery>, QueryRejection>,
) -> Response {
    let answer = async {
        let (_, _, keys) = gateway.look().await?;
        if !gateway.is_administrator(&headers) {
            return Err(unauthorised());
        }
        let Ok(Query(KeyQuery { key })) = query else {
            return Err(unprocessable("missing", "key", "Field required", &Value::Null));
        };
        let info = keys.get(&key).ok_or_else(unknown_key)?;
        Ok(Json(json!({ "key": key, "info": info })).into_response())
    };
    answer.await.unwrap_or_else(|refusal: Response| refusal)
}

fn unknown_key() -> Response {
    fault(StatusCode::NOT_FOUND, "not_found_error", "Key not found in database")
}

/// A refusal in the form that FastAPI gives it.
fn unprocessable(kind: &str, field: &str, message: &str, input: &Value) -> Response {
    let detail = json!({ "detail": [{ "type": kind, "loc": ["body", field], "msg": message, "input": input }] });
    (StatusCode::UNPROCESSABLE_ENTITY, Json(detail)).into_response()
}

async fn key_update(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    body: Result<Json<Map<String, Value>>, JsonRejection>,
) -> Response {
    let answer = async {
        let _turn = gateway.keys.lock().await;
        let (_, _, mut keys) = gateway.look().await?;
        if !gateway.is_administrator(&headers) {
            return Err(unauthorised());
        }
        let Ok(Json(mut fields)) = body else {
            return Err(unprocessable("json_invalid", "body", "JSON decode error", &Value::Null));
        };
        let Some(Value::String(key)) = fields.remove("key") else {
            return Err(unprocessable("missing", "key", "Field required", &Value::Object(fields)));
        };
        for (field, value) in &fields {
            if field.ends_with("_limit") && !value.is_null() && !value.is_u64() {
                return Err(unprocessable("int_parsing", field, "Input should be a valid integer", value));
            }
        }
        // Only what was sent is changed; null takes a limit away.
        let info = keys.get_mut(&key).and_then(Value::as_object_mut).ok_or_else(unknown_key)?;
        info.extend(fields);
        let mut answer = info.clone();
        answer.insert("key".to_owned(), Value::String(key));
        let text = serde_json::to_vec_pretty(&keys).map_err(|_| unready("the keys cannot be written"))?;
        match gateway.host.capture(WRITE_KEYS, &text, LOOK_DEADLINE).await {
            Ok(written) if written.status.success() => Ok(Json(answer).into_response()),
            Ok(_) => Err(fault(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "the keys could not be written")),
            Err(error) => Err(unready(&error.to_string())),
        }
    };
    answer.await.unwrap_or_else(|refusal: Response| refusal)
}

async fn model_info(State(gateway): State<Arc<Gateway>>, headers: HeaderMap) -> Response {
    let answer = async {
        let (_, config, keys) = gateway.look().await?;
        let known = bearer(&headers).is_some_and(|token| gateway.is_master(token) || keys.contains_key(token));
        if !known {
            return Err(unauthorised());
        }
        let models = config.model_list.iter().map(|model| {
            let ModelParams { model: deployed, tpm, rpm } = &model.litellm_params;
            json!({
                "model_name": model.model_name,
                "litellm_params": { "model": deployed, "tpm": tpm, "rpm": rpm },
                "model_info": { "id": model.model_name, "db_model": false },
            })
        });
        Ok(Json(json!({ "data": models.collect::<Vec<_>>() })).into_response())
    };
    answer.await.unwrap_or_else(|refusal: Response| refusal)
}

#[derive(Deserialize)]
struct Chat {
    model: String,
    #[serde(default)]
    messages: Vec<Message>,
    max_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Message {
    content: String,
}

async fn complete(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    body: Result<Json<Chat>, JsonRejection>,
) -> Response {
    let answer = async {
        let (seen, config, keys) = gateway.look().await?;
        let token = bearer(&headers).ok_or_else(unauthorised)?;
        let key_limits = match keys.get(token) {
            Some(info) => Limits { tokens: limit(info, "tpm_limit"), requests: limit(info, "rpm_limit") },
            None if gateway.is_master(token) => Limits::default(),
            None => return Err(unauthorised()),
        };
        let Ok(Json(chat)) = body else {
            return Err(fault(StatusCode::BAD_REQUEST, "invalid_request_error", "the body is not a chat request"));
        };
        let model = config.model_list.iter().find(|model| model.model_name == chat.model).ok_or_else(|| {
            fault(StatusCode::BAD_REQUEST, "invalid_request_error", "Invalid model name passed in model")
        })?;
        let model_limits = Limits { tokens: model.litellm_params.tpm, requests: model.litellm_params.rpm };
        let prompt = chat.messages.iter().map(|message| message.content.len() as u64).sum::<u64>().div_ceil(4).max(1);
        let completion = chat.max_tokens.unwrap_or(COMPLETION_TOKENS).min(COMPLETION_TOKENS);

        let (key_subject, model_subject, now) =
            (format!("key {token}"), format!("model {}", chat.model), Instant::now());
        let mut meter = gateway.meter.lock().unwrap_or_else(PoisonError::into_inner);
        let meter = &mut meter.1;
        meter.check(&key_subject, key_limits, now).map_err(|over| too_many("api_key", over))?;
        meter.check(&model_subject, model_limits, now).map_err(|over| too_many("model", over))?;
        let left = meter.count(&key_subject, key_limits, prompt + completion, now);
        let model_left = meter.count(&model_subject, model_limits, prompt + completion, now);

        let mut response = Json(json!({
            "id": "chatcmpl-demo", "object": "chat.completion", "created": seen.now, "model": chat.model,
            "choices": [{
                "index": 0, "finish_reason": "stop",
                "message": { "role": "assistant", "content": "This is a demo; no model was asked." },
            }],
            "usage": { "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion },
        }))
        .into_response();
        tell("api_key", key_limits, left, response.headers_mut());
        tell("model", model_limits, model_left, response.headers_mut());
        Ok(response)
    };
    answer.await.unwrap_or_else(|refusal: Response| refusal)
}

fn limit(info: &Value, field: &str) -> Option<u64> {
    info.get(field).and_then(Value::as_u64)
}

/// LiteLLM's headers, for example `x-ratelimit-api_key-remaining-tokens`.
fn tell(subject: &str, limits: Limits, left: Left, headers: &mut HeaderMap) {
    let entries = [
        ("limit-tokens", limits.tokens),
        ("remaining-tokens", left.tokens),
        ("limit-requests", limits.requests),
        ("remaining-requests", left.requests),
    ];
    for (what, value) in entries {
        let name = HeaderName::try_from(format!("x-ratelimit-{subject}-{what}"));
        if let (Ok(name), Some(value)) = (name, value) {
            headers.insert(name, HeaderValue::from(value));
        }
    }
}

fn too_many(subject: &str, over: Exceeded) -> Response {
    let message = format!(
        "Rate limit exceeded for {subject}. Limit type: {}. Current limit: {}, Remaining: 0.",
        over.kind, over.limit
    );
    let mut response = fault(StatusCode::TOO_MANY_REQUESTS, "throttling_error", &message);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(over.retry_after_seconds));
    let limits = match over.kind {
        "tokens" => Limits { tokens: Some(over.limit), requests: None },
        _ => Limits { tokens: None, requests: Some(over.limit) },
    };
    let left = Left { tokens: limits.tokens.map(|_| 0), requests: limits.requests.map(|_| 0) };
    tell(subject, limits, left, response.headers_mut());
    response
}
