//! Plans for the tests of this crate.

use daytwo_model::plan::{Action, Intent, Limits, PLAN_FORMAT, PerHost, Plan, PlannedRunbook, PlannedStep};
use daytwo_model::{Digest, Endpoint, Host, HostName, RunbookName, StepId, Text, Timestamp};

/// A plan of this many changing steps on one host.
pub(crate) fn plan_of_steps(steps: u32) -> Plan {
    let step = |step| {
        PlannedStep::new(
            StepId::new(format!("s{step}")).unwrap(),
            PerHost::same(Action::script(Text::plain("true")), 1),
        )
    };
    Plan {
        format: PLAN_FORMAT,
        runbook: PlannedRunbook {
            name: RunbookName::new("example").unwrap(),
            title: "Example".into(),
            digest: Digest::ZERO,
            text: String::new(),
            source: None,
        },
        called: Vec::new(),
        intent: Intent::Forward,
        inputs: Default::default(),
        selection: String::new(),
        secrets: std::collections::BTreeSet::new(),
        undecided: Vec::new(),
        hosts: vec![Host {
            name: HostName::new("a").unwrap(),
            endpoint: Endpoint::Simulated,
            labels: Default::default(),
            vars: Default::default(),
            source: "test".into(),
        }],
        host_keys: Default::default(),
        gateways: None,
        batches: vec![vec![0]],
        limits: Limits::strict(1),
        steps: (0..steps).map(step).collect(),
        planned_at: Timestamp::EPOCH,
        planned_by: "test".into(),
    }
}
