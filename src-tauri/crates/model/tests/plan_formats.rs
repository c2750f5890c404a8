//! Plans that the last version with format 2 wrote: read as what they mean today, and never rewritten.

#![cfg(test)]

use daytwo_model::SealedPlan;
use daytwo_model::plan::{Action, Budget, FailurePolicy, Intent, InvalidPlan, On, Order, Phase, Via, WayBack};
use serde_json::{Value, json};

/// One step of each kind that format 2 had, for four hosts in three batches.
const EVERY: &str = include_str!("data/plan-format-2-every.json");
/// The shipped runbook for a gateway's token limit.
const HTTP: &str = include_str!("data/plan-format-2-http.json");

fn read(text: &str) -> SealedPlan {
    SealedPlan::from_json(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_plan_of_format_2_keeps_its_document_and_digest_and_can_be_written_as_one_of_today() {
    for text in [EVERY, HTTP] {
        let sealed = read(text);
        let written: Value = serde_json::from_str(text).unwrap();
        assert_eq!(json!(sealed.digest()), written["digest"]);
        assert_eq!(sealed.to_json().unwrap(), text, "what is on record was rewritten");
        assert!(sealed.is_of_an_earlier_version());
        let today = SealedPlan::seal(sealed.plan().clone()).unwrap();
        assert_eq!(read(&today.to_json().unwrap()), today);
        assert!(!today.is_of_an_earlier_version());
    }
}

#[test]
fn budgets_order_and_failures_mean_what_they_meant() {
    let sealed = read(EVERY);
    let plan = sealed.plan();
    assert_eq!((plan.hosts.len(), plan.batches.clone()), (4, vec![vec![0], vec![1], vec![2, 3]]));
    assert_eq!((&plan.intent, &plan.gateways), (&Intent::Forward, &None));
    let limits = &plan.limits;
    assert_eq!(limits.total, Budget { failed_max: 1, unreachable_max: 2 });
    assert!(limits.batches.is_empty() && limits.health.is_none() && limits.when_reachable_until.is_none());
    assert_eq!((limits.order, limits.hold_ms, limits.hosts_at_once_max), (Order::Free, 5_000, 7));
    assert_eq!((limits.hosts_at_once_per_gateway_max, limits.unreachable_canary_stops), (None, true));
    for step in &plan.steps {
        assert_eq!((step.on_failure, step.late_ok), (FailurePolicy::Stop, false), "{}", step.id);
        assert!(step.done_before.is_empty());
    }
}

#[test]
fn steps_are_carried_over_whole() {
    let sealed = read(EVERY);
    let written: Value = serde_json::from_str(EVERY).unwrap();
    let before = written["plan"]["steps"].as_array().unwrap();
    let steps = &sealed.plan().steps;
    assert_eq!(steps.len(), before.len());
    for (step, before) in steps.iter().zip(before) {
        let after = serde_json::to_value(step).unwrap();
        for field in ["id", "title", "phase", "effect", "on", "needs", "when", "condition", "timeout_ms", "retry"] {
            assert_eq!(after[field], before[field], "{field} of {}", step.id);
        }
        for field in ["captures", "asked", "dead_man_ms"] {
            assert_eq!(after[field], before[field], "{field} of {}", step.id);
        }
        // A script, a wait, a question and a file are today what they were.
        if !before["action"].to_string().contains("\"kind\":\"http\"") {
            assert_eq!(after["action"], before["action"], "{}", step.id);
        }
    }
    let step = |id: &str| steps.iter().find(|step| step.id.as_str() == id).unwrap();
    assert_eq!((step("pick").on, step("local").on, step("note").phase), (On::One, On::Console, Phase::OnFailure));
    let Some(Action::Http { request }) = step("tell").action.get(2) else { panic!("{:?}", step("tell")) };
    assert_eq!((request.url.preview(), request.via), ("http://127.0.0.1:8000/hosts/web-fra-1".to_owned(), Via::Host));
    let all = serde_json::to_string(&request).unwrap();
    assert!(all.contains("nginx.service"), "its body is there: {all}");
    let verify = step("tell").verify.as_ref().unwrap().probe.get(0).unwrap().expect.clone();
    assert_eq!((verify.status, verify.json[0].1.preview()), (Some(200), "\"nginx.service\"".to_owned()));
    let WayBack::Inverse { action, verify: Some(verify) } = &step("each.2").way_back else { panic!("no way back") };
    assert_eq!((verify.samples, verify.at_least), (4, 3));
    let Some(Action::Run { script, .. }) = action.get(3) else { panic!("no inverse") };
    assert_eq!(script.preview(), "reset b ‹captured old›");
}

#[test]
fn an_altered_or_mixed_document_of_format_2_is_refused_for_what_it_is() {
    for text in [EVERY, HTTP] {
        let altered = text.replacen("\"hold_ms\":", "\"hold_ms\":1", 1);
        assert!(matches!(SealedPlan::from_json(&altered), Err(InvalidPlan::Altered { .. })));
        let mixed = text.replacen("\"format\":2", "\"format\":3", 1);
        assert!(matches!(SealedPlan::from_json(&mixed), Err(InvalidPlan::Shape(_))));
        // The other way round: words of today under an older number.
        let today = SealedPlan::seal(read(text).plan().clone()).unwrap().to_json().unwrap();
        let older = today.replacen("\"format\":3", "\"format\":2", 1);
        assert!(SealedPlan::from_json(&older).is_err());
    }
}
