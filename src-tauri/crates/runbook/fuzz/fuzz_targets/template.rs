//! A template and an input's value, in each language that values are put into, up to the sealed plan.
//!
//! The first byte chooses the language; a line feed ends the value, and the template is the rest.

#![no_main]

use std::sync::LazyLock;

use daytwo_model::plan::{Action, Body};
use daytwo_model::text::Part;
use daytwo_model::{Endpoint, Host, HostName, Text, Timestamp};
use daytwo_runbook::{Nowhere, PlanRequest, WhenReachable, parse, plan};
use libfuzzer_sys::fuzz_target;

static FLEET: LazyLock<Vec<Host>> = LazyLock::new(|| {
    let host = |name: &str| {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        Some(Host {
            name: HostName::new(name).ok()?,
            endpoint: Endpoint::Simulated,
            labels: [pair("role", "web"), pair("site", name)].into(),
            vars: [pair("api_url", "http://127.0.0.1:4000/"), pair("odd", "it's $HOME `id` \"x\" \\ %2f\n{{ x }}")]
                .into(),
            source: "fuzz".to_owned(),
        })
    };
    ["web-1", "web-2"].into_iter().filter_map(host).collect()
});

fuzz_target!(|input: &str| {
    let mut chars = input.chars();
    let language = chars.next().unwrap_or('s');
    let (value, template) = chars.as_str().split_once('\n').unwrap_or(("x", chars.as_str()));
    // A JSON string is a double-quoted YAML string.
    let quoted = serde_json::Value::from(template).to_string();
    let action = match language {
        'j' => format!("http: {{ method: POST, url: 'http://a/', json: {{ a: {quoted}, b: [{quoted}] }} }}"),
        'u' => format!("http: {{ url: {quoted} }}"),
        'f' => format!("file: {{ path: '/etc/x', content: {quoted} }}"),
        'w' => format!("when: {quoted}\n    run: id {{{{ x }}}}"),
        'e' => format!("for_each: [{quoted}, b]\n    run: id {{{{ item }}}}"),
        _ => format!("run: {quoted}"),
    };
    let text = format!(
        "runbook: fuzz\ntitle: Fuzz\nsummary: Fuzz.\nkind: operation\n\
         inputs: {{ x: {{ type: string, required: false }}, k: {{ type: secret, default: key }} }}\n\
         vars: {{ v: \"/srv/{{{{ x }}}}\" }}\nsteps:\n  - id: before\n    run: id\n    capture: {{ c: stdout }}\n  - id: it\n    {action}\n"
    );
    let Ok(runbook) = parse("fuzz.yaml", &text) else { return };
    let request = PlanRequest {
        inputs: [("x".to_owned(), value.to_owned())].into(),
        selection: None,
        fleet: &FLEET,
        surroundings: &Nowhere,
        source: None,
        by: "fuzz".to_owned(),
        at: Timestamp::from_unix_ms(1_795_230_245_678),
        when_reachable: WhenReachable::default(),
    };
    let Ok(sealed) = plan(&runbook, &request) else { return };
    let raw = template.contains("raw");
    for action in sealed.plan().steps.iter().flat_map(|step| step.action.variants()) {
        let Action::Http { request } = action else { continue };
        if let Some(Body::Json(json)) = request.body.as_ref().filter(|_| !raw)
            && let Some(known) = known(json)
        {
            assert!(
                serde_json::from_str::<serde_json::Value>(&known).is_ok(),
                "a value broke out of its JSON: {known}"
            );
        }
        if let Some(url) = known(&request.url).filter(|_| !raw && !template.contains(char::is_whitespace)) {
            assert!(
                !url.contains(|c: char| c.is_whitespace() || c.is_control()),
                "a value broke out of its URL: {url}"
            );
        }
    }
});

/// The text, where nothing in it is known only later.
fn known(text: &Text) -> Option<String> {
    let part = |part: &Part| match part {
        Part::Plain(text) => Some(text.clone()),
        Part::Late { .. } => None,
    };
    text.parts().iter().map(part).collect()
}
