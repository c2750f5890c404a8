//! Hosts and requests for the tests of this crate.

use std::collections::BTreeMap;

use daytwo_model::{Endpoint, Host, HostName, SealedPlan, Selector, Timestamp};
use daytwo_runbook::{PlanErrors, PlanRequest, Runbook, parse, plan};

/// 2026-11-21T03:04:05.678Z.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_ms(1_795_230_245_678)
}

pub(crate) fn host(name: &str, labels: &[(&str, &str)], vars: &[(&str, &str)]) -> Host {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Host {
        name: HostName::new(name).unwrap(),
        endpoint: Endpoint::Simulated,
        labels: map(labels),
        vars: map(vars),
        source: "test".to_owned(),
    }
}

/// A few hosts that follow the demo fleet's conventions.
pub(crate) fn fleet() -> Vec<Host> {
    let mut hosts = Vec::new();
    for (role, count) in [("web", 2), ("database", 1), ("inference", 2), ("gateway", 1)] {
        for site in ["ams", "fra"] {
            for n in 1..=count {
                let vars: &[(&str, &str)] = match role {
                    "gateway" => &[("gateway_url", "http://127.0.0.1:4000/")],
                    "inference" => &[("inference_url", "http://127.0.0.1:8000")],
                    _ => &[],
                };
                hosts.push(host(&format!("{role}-{site}-{n}"), &[("role", role), ("site", site)], vars));
            }
        }
    }
    hosts
}

pub(crate) fn request<'a>(fleet: &'a [Host], selection: &str, inputs: &[(&str, &str)]) -> PlanRequest<'a> {
    PlanRequest {
        inputs: inputs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>(),
        selection: (!selection.is_empty()).then(|| Selector::parse(selection).unwrap()),
        fleet,
        surroundings: &daytwo_runbook::Nowhere,
        source: None,
        by: "test".to_owned(),
        at: now(),
    }
}

/// A runbook with these lines after its head.
pub(crate) fn runbook(rest: &str) -> Runbook {
    let text = format!(
        "runbook: test\ntitle: Test\nsummary: A test.\nkind: operation\nowner: us\nreviewed: 2026-11-01\n{rest}"
    );
    parse("test.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A runbook with one step that runs this script.
pub(crate) fn script(inputs: &str, script: &str) -> Runbook {
    let script: String = script.lines().map(|line| format!("      {line}\n")).collect();
    runbook(&format!("{inputs}steps:\n  - id: one\n    effect: read\n    run: |\n{script}"))
}

pub(crate) fn planned(runbook: &Runbook, request: &PlanRequest<'_>) -> SealedPlan {
    plan(runbook, request).unwrap_or_else(|errors| panic!("{errors}"))
}

pub(crate) fn refused(runbook: &Runbook, request: &PlanRequest<'_>) -> PlanErrors {
    plan(runbook, request).map_or_else(|errors| errors, |_| panic!("a plan was made"))
}
