//! The HTTP side of gateways and inference servers follows what happens on the host.

use daytwo_demo::DemoFleet;
use daytwo_model::HostName;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::common::{eventually, fleet, host, out};

/// An answer: status, head in lower case, body.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

/// One HTTP/1.1 exchange, by hand: the only HTTP client of the house is in another crate.
async fn ask(url: &str, method: &str, path: &str, bearer: &str, body: Option<Value>) -> Answer {
    let address = url.strip_prefix("http://").unwrap();
    let body = body.map(|json| json.to_string()).unwrap_or_default();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {bearer}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

fn var(fleet: &DemoFleet, name: &str, var: &str) -> String {
    let name = HostName::new(name).unwrap();
    fleet.hosts().iter().find(|host| host.name == name).unwrap().vars.get(var).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_enforces_token_limits_changes_them_and_takes_them_back() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = fleet(dir.path(), &["gateway-ams-1"]).await;
    let gateway = host(&fleet, "gateway-ams-1");
    out(&gateway, "systemctl is-active gateway").await;
    let url = var(&fleet, "gateway-ams-1", "gateway_url");
    let (name, master) = fleet.secrets().remove(0);
    assert_eq!(name.as_str(), "gateway-master-key");
    let master = master.expose();
    let key = "sk-demo-team-a";
    let update = |fields: Value| ask(&url, "POST", "/key/update", master, Some(fields));
    let chat = || async {
        let body = json!({ "model": "chat-small", "messages": [{ "role": "user", "content": "x".repeat(40) }] });
        ask(&url, "POST", "/v1/chat/completions", key, Some(body)).await
    };

    assert_eq!(ask(&url, "GET", "/health/liveliness", "", None).await.status, 200);
    let info = ask(&url, "GET", &format!("/key/info?key={key}"), master, None).await;
    assert_eq!(info.json()["info"]["tpm_limit"], 600);
    assert_eq!(update(json!({ "key": key, "tpm_limit": 60 })).await.json()["tpm_limit"], 60);

    // 40 characters are 10 tokens, the answer 20.
    let first = chat().await;
    assert_eq!((first.status, first.json()["usage"]["total_tokens"].as_u64()), (200, Some(30)));
    assert!(first.head.contains("x-ratelimit-api_key-remaining-tokens: 30"), "{}", first.head);
    assert_eq!(chat().await.status, 200);
    let refused = chat().await;
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (429, Some("429")));
    assert!(refused.head.contains("retry-after: "), "{}", refused.head);
    assert_eq!(update(json!({ "key": key, "tpm_limit": 600 })).await.status, 200);
    assert_eq!(chat().await.status, 200);
    assert_eq!(
        update(json!({ "key": key, "tpm_limit": null, "rpm_limit": 60 })).await.json()["tpm_limit"],
        Value::Null
    );

    // The state is the host's file, so it is there for commands, too, and after a restart of the process.
    assert_eq!(out(&gateway, "grep -A 3 team-a /var/lib/gateway/keys.json | grep -c '\"tpm_limit\": null'").await, "1");
    assert_eq!(update(json!({ "key": key, "tpm_limit": "many" })).await.status, 422);
    assert_eq!(update(json!({ "key": "sk-nobody", "tpm_limit": 1 })).await.status, 404);
    assert_eq!(ask(&url, "POST", "/key/update", key, Some(json!({ "key": key, "tpm_limit": 1 }))).await.status, 401);
    assert_eq!(ask(&url, "GET", &format!("/key/info?key={key}"), "wrong", None).await.status, 401);

    // A model's limit comes from the configuration, and from the next start.
    let tpm = || async {
        ask(&url, "GET", "/model/info", master, None).await.json()["data"][0]["litellm_params"]["tpm"].clone()
    };
    out(&gateway, "sed -i '0,/tpm: 60000/s//tpm: 90/' /etc/gateway/config.yaml").await;
    assert_eq!(tpm().await, 60000);
    out(&gateway, "systemctl restart gateway").await;
    assert_eq!(tpm().await, 90);
    out(&gateway, "systemctl stop gateway").await;
    assert_eq!(ask(&url, "GET", "/health/liveliness", "", None).await.status, 503);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inference_server_is_healthy_when_its_unit_is_and_obeys_its_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = fleet(dir.path(), &["inference-ams-1"]).await;
    let inference = host(&fleet, "inference-ams-1");
    let url = var(&fleet, "inference-ams-1", "inference_url");
    let health = || async { ask(&url, "GET", "/health", "", None).await.status };
    eventually("the model's loading", || async { health().await == 200 }).await;
    let complete =
        |max: u64| ask(&url, "POST", "/v1/completions", "", Some(json!({ "prompt": "hello", "max_tokens": max })));
    assert_eq!(complete(3).await.json()["choices"][0]["finish_reason"], "length");
    assert_eq!(complete(2048).await.status, 200);
    assert_eq!(complete(4096).await.status, 400);
    let metrics = ask(&url, "GET", "/metrics", "", None).await.body;
    assert!(metrics.contains("vllm:generation_tokens_total{model_name=\"demo-8b-instruct\"} 11"), "{metrics}");

    out(
        &inference,
        "sed -i 's/^max_tokens:.*/max_tokens: 4096/' /etc/inference/config.yaml && systemctl restart inference",
    )
    .await;
    eventually("the model's loading", || async { health().await == 200 }).await;
    assert_eq!(complete(4096).await.status, 200);
    out(&inference, "systemctl stop inference").await;
    assert_eq!(health().await, 503);
    fleet.stop().await;
}
