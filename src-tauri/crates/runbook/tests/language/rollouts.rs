//! How far a mistake reaches, as a plan has it: budgets, order, gateways, health, and who gets their part late.

use daytwo_model::plan::{Action, Budget, FailurePolicy, Order, PerHost};
use daytwo_model::{Answer, Host, HostName, Plan, Timestamp};
use daytwo_runbook::{PlanRequest, WhenReachable, parse};

use crate::kit::{Around, fleet, now, planned, refused, request, runbook};

/// Every host of the fleet.
const ALL: &str = "host~\"*\"";
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn full() -> daytwo_runbook::Runbook {
    parse("rollouts.yaml", include_str!("../data/valid/rollouts.yaml")).unwrap_or_else(|errors| panic!("{errors}"))
}

fn policies(plan: &Plan) -> Vec<FailurePolicy> {
    plan.steps.iter().map(|step| step.on_failure).collect()
}

#[test]
fn what_a_rollout_says_is_what_the_plan_says() {
    let fleet = fleet();
    let sealed = planned(&full(), &request(&fleet, ALL, &[]));
    let plan = sealed.plan();
    let limits = &plan.limits;
    assert_eq!(plan.hosts.len(), 12);
    assert_eq!(limits.total, Budget { failed_max: 2, unreachable_max: 1 });
    assert_eq!(plan.batches.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 10]);
    let of_batches: Vec<(u32, u32)> =
        limits.batches.iter().map(|budget| (budget.failed_max, budget.unreachable_max)).collect();
    assert_eq!(of_batches, [(0, 3), (0, 3), (2, 3)], "a percentage of a batch is rounded down");
    assert!(!limits.unreachable_canary_stops);
    assert_eq!((limits.order, limits.hold_ms, limits.hosts_at_once_max), (Order::Linear, 30_000, 20));
    assert_eq!(limits.hosts_at_once_per_gateway_max, Some(4));
    assert_eq!(limits.when_reachable_until, Some(Timestamp::from_unix_ms(now().unix_ms() + 3 * DAY_MS)));
    let ask = |within_ms, otherwise| FailurePolicy::Ask { within_ms, otherwise };
    use FailurePolicy::{Continue, Stop, Undo};
    let half_an_hour = ask(1_800_000, Answer::Stop);
    assert_eq!(policies(plan), [Stop, Stop, Continue, Undo, half_an_hour, ask(600_000, Answer::Exclude), half_an_hour]);
    let late: Vec<bool> = plan.steps.iter().map(|step| step.late_ok).collect();
    assert_eq!(late, [true, false, false, true, false, false, false]);
    let said = full().rollout_written().join("\n");
    for line in ["within one batch: stops when more than 25 %", "step by step", "behind one gateway: 4", "for 72 h"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(said.contains("a result of sum(up"), "{said}");
}

#[test]
fn a_rollout_that_says_nothing_counts_over_the_whole_and_stops_for_a_canary_that_cannot_be_reached() {
    let fleet = fleet();
    let sealed = planned(&runbook("steps: [{ id: a, run: a }]"), &request(&fleet, ALL, &[]));
    let limits = &sealed.plan().limits;
    assert!(limits.batches.is_empty() && limits.unreachable_canary_stops && limits.health.is_none());
    assert_eq!((limits.order, limits.when_reachable_until, &sealed.plan().gateways), (Order::Free, None, &None));
}

#[test]
fn a_promql_query_is_the_request_that_a_server_understands_and_must_have_a_result() {
    let fleet = fleet();
    let sealed = planned(&full(), &request(&fleet, ALL, &[("job", "api-2")]));
    let health = sealed.plan().limits.health.clone().unwrap();
    assert_eq!(health.within_ms, 120_000);
    let Action::Http { request } = &health.probe.action else { panic!("{health:?}") };
    assert_eq!(
        request.url.preview(),
        "http://prometheus.example:9090/api/v1/query?query=sum%28up%7Bjob%3D%22api-2%22%7D%29%20%2F%20count%28up%7Bjob%3D%22api-2%22%7D%29%20%3E%3D%200.9"
    );
    assert_eq!(request.headers[0].1.preview(), "Bearer ‹secret prometheus-token›");
    let pattern = regex::Regex::new(health.probe.expect.stdout_matches.as_deref().unwrap()).unwrap();
    let answer =
        |result: &str| format!("{{\"status\":\"success\",\"data\":{{\"resultType\":\"vector\",\"result\":{result}}}}}");
    assert!(pattern.is_match(&answer(r#"[{"metric":{"job":"web"},"value":[1,"3"]}]"#)));
    assert!(pattern.is_match(&answer(" [\n {\"metric\":{},\"value\":[1,\"3\"]}]")));
    for nothing in ["[]", "[1,\"1\"]", r#""[{""#] {
        assert!(!pattern.is_match(&answer(nothing)), "{nothing}");
    }
    // What a label says is a string, whatever it says.
    let hostile = serde_json::json!({ "error": "\"result\":[{" }).to_string();
    assert!(!pattern.is_match(&hostile), "{hostile}");
}

#[test]
fn a_value_that_promql_would_read_as_its_own_is_refused() {
    let fleet = fleet();
    for value in ["a\"} or up{job=\"b", "a b", "a\\", "1 > 0", "(a", "a=b", "a\nb"] {
        let errors = refused(&full(), &request(&fleet, ALL, &[("job", value)]));
        assert!(errors.to_string().contains("the health check: `job` holds"), "{value}: {errors}");
    }
    for value in ["a", "web-1.example:9090", "a_b/c", "größe"] {
        planned(&full(), &request(&fleet, ALL, &[("job", value)]));
    }
}

#[test]
fn health_is_asked_from_this_machine_by_a_script_or_a_request() {
    let fleet = fleet();
    let health = |text: &str, inputs: &[(&str, &str)]| {
        let book = runbook(&format!(
            "inputs: {{ p: {{ type: string, default: x }} }}\nrollout: {{ health: {text} }}\nsteps: [{{ id: a, effect: read, run: id }}]"
        ));
        planned(&book, &request(&fleet, ALL, inputs)).plan().limits.health.clone().unwrap()
    };
    let script = health("{ run: 'check {{ p }}', expect: { stdout: fine } }", &[("p", "a b; reboot")]);
    assert_eq!(script.probe.action.texts().next().unwrap().preview(), "check 'a b; reboot'");
    assert_eq!((script.probe.expect.stdout.unwrap().preview(), script.within_ms), ("fine".to_owned(), 0));
    let http =
        health("{ http: { url: 'http://lb.example/{{ p }}/health' }, expect: { status: 204 }, within: 5s }", &[]);
    assert_eq!((http.probe.expect.status, http.within_ms), (Some(204), 5_000));
    let wrong = runbook(
        "inputs: { url: { type: string, default: nowhere } }\nrollout: { health: { http: { url: '{{ url }}' } } }\nsteps: [{ id: a, effect: read, run: id }]",
    );
    let errors = refused(&wrong, &request(&fleet, ALL, &[]));
    assert!(errors.to_string().contains("the health check: the URL begins with"), "{errors}");
}

#[test]
fn gateways_are_asked_for_only_where_they_are_counted() {
    let fleet = fleet();
    let name = |name: &str| HostName::new(name).unwrap();
    let gateways = [(name("web-ams-1"), "jump-ams".to_owned()), (name("web-ams-2"), "jump-ams".to_owned())];
    let around = Around { gateways: gateways.into(), ..Around::default() };
    let plan = |rollout: &str, fleet: &[Host]| {
        let book = runbook(&format!("rollout: {{ {rollout} }}\nsteps: [{{ id: a, effect: read, run: id }}]"));
        let request = PlanRequest { surroundings: &around, ..request(fleet, "role=web", &[]) };
        planned(&book, &request).plan().gateways.clone()
    };
    assert_eq!(plan("at_once: 3", &fleet), None);
    let jump = || Some("jump-ams".to_owned());
    assert_eq!(plan("at_once_per_gateway: 3", &fleet), Some(PerHost::collect([jump(), jump(), None, None])));
}

#[test]
fn the_operator_chooses_until_when_a_host_gets_its_part_late() {
    let fleet = fleet();
    let until = |when_reachable| {
        let request = PlanRequest { when_reachable, ..request(&fleet, ALL, &[]) };
        planned(&full(), &request).plan().limits.when_reachable_until
    };
    assert_eq!(until(WhenReachable::Never), None);
    let tomorrow = Timestamp::from_unix_ms(now().unix_ms() + DAY_MS);
    assert_eq!(until(WhenReachable::Until(tomorrow)), Some(tomorrow));
    let request = PlanRequest { when_reachable: WhenReachable::Until(now()), ..request(&fleet, ALL, &[]) };
    let errors = refused(&full(), &request);
    assert!(errors.to_string().contains("that is past"), "{errors}");
}
