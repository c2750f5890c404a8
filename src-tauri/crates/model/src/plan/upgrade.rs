//! Plans that an earlier version wrote, read as plans of today.
//!
//! The history keeps the documents that were executed, byte for byte, and their digests are in its
//! records. So nothing is rewritten there: a document is checked as it was written, and understood
//! as what it means today. What does not look like the older format is left as it is, and reading
//! it as a plan then says what is wrong.

use serde_json::{Map, Value, json};

use super::PLAN_FORMAT;

/// The oldest format that is read: `0.1.0`'s.
pub(super) const FORMAT_OLDEST: u32 = 1;

/// A plan of an older format in the words of today.
pub(super) fn upgraded(format: u32, mut plan: Value) -> Value {
    if format < 2 {
        plan = from_format_1(plan);
    }
    from_format_2(plan)
}

/// Format 2 had budgets for the whole run only, one order, no policy for failures, and no gateways.
fn from_format_2(mut plan: Value) -> Value {
    let Some(fields) = plan.as_object_mut() else { return plan };
    fields.insert("format".to_owned(), json!(PLAN_FORMAT));
    add(fields, &[("gateways", Value::Null)]);
    if let Some(limits) = object(fields, "limits") {
        let mut take = |name: &str| limits.remove(name).unwrap_or(Value::Null);
        let total = json!({ "failed_max": take("failed_hosts_max"), "unreachable_max": take("unreachable_hosts_max") });
        add(limits, &[("total", total), ("batches", json!([])), ("unreachable_canary_stops", json!(true))]);
        add(limits, &[("hosts_at_once_per_gateway_max", Value::Null), ("order", json!("free"))]);
        add(limits, &[("health", Value::Null), ("when_reachable_until", Value::Null)]);
    }
    for step in fields.get_mut("steps").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(step) = step.as_object_mut() {
            add(step, &[("on_failure", json!({ "policy": "stop" })), ("late_ok", json!(false))]);
            add(step, &[("done_before", json!([]))]);
        }
        requests(step);
    }
    plan
}

/// Format 2 knew JSON bodies only, the system's certificate authorities, and no proxy; wherever in a step a
/// request or an expectation stands.
fn requests(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(requests),
        Value::Object(fields) => {
            if fields.get("kind") == Some(&json!("http"))
                && let Some(request) = object(fields, "request")
            {
                let body = match request.remove("json") {
                    None | Some(Value::Null) => Value::Null,
                    Some(text) => json!({ "json": text }),
                };
                add(request, &[("body", body), ("authorities", Value::Null), ("client", Value::Null)]);
                add(request, &[("proxy", json!("console")), ("response_bytes_max", Value::Null)]);
                return;
            }
            if let Some(expect) = object(fields, "expect") {
                add(expect, &[("members", json!([]))]);
            }
            fields.values_mut().for_each(requests);
        }
        _ => {}
    }
}

/// Format 1 knew one phase, steps on each host, scripts as the login user or as root, and requests
/// from the console; it asked nothing about facts and kept no host keys.
fn from_format_1(mut plan: Value) -> Value {
    let Some(fields) = plan.as_object_mut() else { return plan };
    add(fields, &[("called", json!([])), ("secrets", json!([])), ("undecided", json!([])), ("host_keys", json!({}))]);
    if let Some(runbook) = object(fields, "runbook") {
        add(runbook, &[("source", Value::Null)]);
    }
    for step in fields.get_mut("steps").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(step) = step.as_object_mut() {
            upgrade_step(step);
        }
    }
    plan
}

fn upgrade_step(step: &mut Map<String, Value>) {
    add(step, &[("phase", json!("main")), ("on", json!("host")), ("needs", json!([]))]);
    for absent in ["when", "condition", "retry", "check", "asked", "dead_man_ms"] {
        add(step, &[(absent, Value::Null)]);
    }
    per_host(step.get_mut("action"), action);
    verify(step.get_mut("verify"));
    if let Some(way_back) = object(step, "way_back") {
        per_host(way_back.get_mut("action"), action);
        verify(way_back.get_mut("verify"));
    }
}

fn verify(verify: Option<&mut Value>) {
    let Some(verify) = verify.and_then(Value::as_object_mut) else { return };
    add(verify, &[("samples", json!(1)), ("at_least", json!(1))]);
    per_host(verify.get_mut("probe"), |probe| {
        if let Some(asked) = probe.get_mut("action") {
            action(asked);
        }
    });
}

fn action(action: &mut Value) {
    let Some(fields) = action.as_object_mut() else { return };
    if let Some(sudo) = fields.remove("sudo") {
        fields.insert("run_as".to_owned(), json!(if sudo == json!(true) { "root" } else { "login" }));
        add(fields, &[("meaning", Value::Null)]);
    }
    if let Some(request) = object(fields, "request") {
        add(request, &[("via", json!("console"))]);
    }
}

/// The value of each host, and which host has which, in today's shorter spelling where all share one.
fn per_host(values: Option<&mut Value>, mut each: impl FnMut(&mut Value)) {
    let Some(values) = values.and_then(Value::as_object_mut) else { return };
    let variants = values.get_mut("variants").and_then(Value::as_array_mut);
    let only_one = variants.as_ref().is_some_and(|variants| variants.len() == 1);
    variants.into_iter().flatten().for_each(&mut each);
    let Some(of_host) = values.get_mut("of_host") else { return };
    let Some(indices) = of_host.as_array() else { return };
    let is_shared = only_one && indices.iter().all(|index| *index == json!(0));
    *of_host = if is_shared { json!({ "all": indices.len() }) } else { json!({ "each": indices }) };
}

fn object<'v>(fields: &'v mut Map<String, Value>, name: &str) -> Option<&'v mut Map<String, Value>> {
    fields.get_mut(name)?.as_object_mut()
}

/// Fields that the older format did not have.
fn add(fields: &mut Map<String, Value>, new: &[(&str, Value)]) {
    fields.extend(new.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Action, Body, InvalidPlan, Proxy, RunAs, SealedPlan, Via, WayBack};

    /// Written by the last version with format 1, on its demo fleet.
    const RUN: &str = include_str!("../../tests/data/plan-format-1-run.json");
    const HTTP: &str = include_str!("../../tests/data/plan-format-1-http.json");

    #[test]
    fn a_plan_of_format_1_means_what_it_meant_and_keeps_its_document_and_digest() {
        for text in [RUN, HTTP] {
            let sealed = SealedPlan::from_json(text).unwrap();
            let written: Value = serde_json::from_str(text).unwrap();
            assert_eq!(json!(sealed.digest()), written["digest"]);
            assert_eq!(sealed.to_json().unwrap(), text, "what is on record was rewritten");
            assert!(sealed.is_of_an_earlier_version());
            for (step, before) in sealed.plan().steps.iter().zip(written["plan"]["steps"].as_array().unwrap()) {
                let of_host = before["action"]["of_host"].as_array().unwrap();
                for (host, variant) in (0_u32..).zip(of_host) {
                    let there = step.action.get(host).map(|action| serde_json::to_value(action).unwrap());
                    let mut expected = variant.as_u64().map(|at| before["action"]["variants"][at as usize].clone());
                    expected.iter_mut().for_each(|expected| {
                        action(expected);
                        requests(expected);
                    });
                    assert_eq!(there, expected, "{} on host {host}", step.id);
                }
            }
            // It is a plan like any other of today: it can be sealed, written and read as one.
            let today = SealedPlan::seal(sealed.plan().clone()).unwrap();
            assert_eq!(SealedPlan::from_json(&today.to_json().unwrap()).unwrap(), today);
        }
    }

    #[test]
    fn sudo_post_conditions_and_the_way_back_are_carried_over() {
        let sealed = SealedPlan::from_json(RUN).unwrap();
        let step = &sealed.plan().steps[2];
        assert!(matches!(step.action.get(0), Some(Action::Run { run_as: RunAs::Root, .. })), "{step:?}");
        let verify = step.verify.as_ref().unwrap();
        assert_eq!((verify.samples, verify.at_least, verify.within_ms), (1, 1, 60_000));
        assert!(matches!(verify.probe.get(1).unwrap().action, Action::Run { run_as: RunAs::Login, .. }));
        let WayBack::Inverse { action, verify: Some(_) } = &step.way_back else { panic!("{:?}", step.way_back) };
        assert!(matches!(action.get(1), Some(Action::Run { run_as: RunAs::Root, .. })));
        let http = SealedPlan::from_json(HTTP).unwrap();
        let Some(Action::Http { request }) = http.plan().steps[0].action.get(3) else { panic!("{http:?}") };
        assert_eq!(request.via, Via::Console);
        assert_eq!((&request.proxy, &request.authorities, &request.client), (&Proxy::Console, &None, &None));
        let updates = http.plan().steps.iter().flat_map(|step| step.action.variants()).flat_map(Action::requests);
        let bodies: Vec<_> = updates.filter_map(|request| request.body.as_ref()).collect();
        assert!(!bodies.is_empty() && bodies.iter().all(|body| matches!(body, Body::Json(_))), "{bodies:?}");
    }

    #[test]
    fn an_altered_truncated_or_unknown_document_is_refused_for_what_it_is() {
        for text in [RUN, HTTP] {
            let altered = text.replacen("role=", "rule=", 1);
            assert!(matches!(SealedPlan::from_json(&altered), Err(InvalidPlan::Altered { .. })));
            let cut = text.get(..text.len() / 2).unwrap();
            assert!(matches!(SealedPlan::from_json(cut), Err(InvalidPlan::Shape(_))));
            let newer = text.replacen("\"format\":1", "\"format\":4", 1);
            assert!(matches!(SealedPlan::from_json(&newer), Err(InvalidPlan::Format(4))));
            // The words of today in a document of yesterday: the digest is not of what would be read.
            let mixed = text.replacen("\"format\":1", "\"format\":3", 1);
            assert!(matches!(SealedPlan::from_json(&mixed), Err(InvalidPlan::Shape(_))));
        }
    }
}
