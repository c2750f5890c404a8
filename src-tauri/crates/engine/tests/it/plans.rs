//! Plans to run.

use std::collections::BTreeMap;

use daytwo_model::plan::{
    Action, Capture, CaptureFrom, Comparison, Condition, Expect, HttpMethod, HttpRequest, Intent, Limits, Operand,
    PLAN_FORMAT, PerHost, Phase, PlannedRunbook, PlannedStep, Probe, Retry, Verify,
};
use daytwo_model::{
    CaptureName, Digest, Endpoint, Host, HostName, Plan, RunId, RunbookName, SealedPlan, StepId, Text, Timestamp,
};
use serde_json::Value;
use uuid::Uuid;

/// A plan over hosts `h0`, `h1`, …; each step `n` runs `do n`.
pub(crate) fn plan(hosts: u32, batches: &[u32], steps: Vec<PlannedStep>) -> Plan {
    let mut next = 0;
    let batches = batches.iter().map(|size| {
        let batch = (next..next + size).collect();
        next += size;
        batch
    });
    let plan = Plan {
        format: PLAN_FORMAT,
        runbook: PlannedRunbook {
            name: RunbookName::new("test").unwrap(),
            title: "Test".into(),
            digest: Digest::ZERO,
            text: String::new(),
            source: None,
        },
        called: Vec::new(),
        intent: Intent::Forward,
        inputs: BTreeMap::new(),
        secrets: std::collections::BTreeSet::new(),
        selection: "all".into(),
        undecided: Vec::new(),
        hosts: (0..hosts).map(host).collect(),
        host_keys: BTreeMap::new(),
        gateways: None,
        batches: batches.collect(),
        limits: Limits::strict(100),
        steps,
        planned_at: Timestamp::EPOCH,
        planned_by: "test".into(),
    };
    assert_eq!(next, hosts, "batches hold every host");
    plan
}

fn host(index: u32) -> Host {
    Host {
        name: HostName::new(format!("h{index}")).unwrap(),
        endpoint: Endpoint::Simulated,
        labels: BTreeMap::new(),
        vars: BTreeMap::new(),
        source: "test".into(),
    }
}

pub(crate) fn script(text: Text) -> Action {
    Action::script(text)
}

pub(crate) fn request(url: Text) -> Action {
    let request = Box::new(HttpRequest::new(HttpMethod::POST, url));
    Action::Http { request }
}

pub(crate) fn step_of(id: &str, hosts: u32, action: Action) -> PlannedStep {
    PlannedStep::new(StepId::new(id).unwrap(), PerHost::same(action, hosts))
}

/// Steps `s0`, `s1`, … that run `do 0`, `do 1`, ….
pub(crate) fn steps(hosts: u32, count: u32) -> Vec<PlannedStep> {
    (0..count).map(|step| step_of(&format!("s{step}"), hosts, script(Text::plain(format!("do {step}"))))).collect()
}

pub(crate) fn capturing(mut step: PlannedStep, captures: Vec<Capture>) -> PlannedStep {
    step.captures = captures;
    step
}

/// With a check that runs `check` and expects `active`.
pub(crate) fn verified(mut step: PlannedStep, hosts: u32, within_ms: u64) -> PlannedStep {
    let expect = Expect { stdout: Some(Text::plain("active")), ..Expect::default() };
    let probe = Probe { action: script(Text::plain("check")), expect };
    step.verify = Some(Verify::once(PerHost::same(probe, hosts), within_ms));
    step
}

/// A check that runs `check`, and finds the step done where it says `done`.
pub(crate) fn checked(mut step: PlannedStep, hosts: u32) -> PlannedStep {
    let expect = Expect { stdout: Some(Text::plain("done")), ..Expect::default() };
    step.check = Some(PerHost::same(Probe { action: script(Text::plain("check")), expect }, hosts));
    step
}

pub(crate) fn in_phase(mut step: PlannedStep, phase: Phase) -> PlannedStep {
    step.phase = phase;
    step
}

pub(crate) fn retried(mut step: PlannedStep, attempts_max: u32) -> PlannedStep {
    let exit_codes = Vec::new();
    step.retry = Some(Retry { attempts_max, delay_ms: 1_000, backoff_percent: 200, delay_ms_max: 60_000, exit_codes });
    step
}

pub(crate) fn capture(name: &str, from: CaptureFrom) -> Capture {
    Capture { name: CaptureName::new(name).unwrap(), from }
}

/// Done where what was captured under this name is `value`.
pub(crate) fn when(mut step: PlannedStep, hosts: u32, name: &str, value: impl Into<Value>) -> PlannedStep {
    let left = Operand::Captured(CaptureName::new(name).unwrap());
    let right = Operand::Value(value.into());
    step.condition = Some(PerHost::same(Condition::Compare { left, op: Comparison::Equal, right }, hosts));
    step
}

pub(crate) fn undo(mut plan: Plan) -> Plan {
    plan.intent = Intent::Undo { of: RunId::from_uuid(Uuid::nil()), after: Vec::new() };
    plan
}

pub(crate) fn seal(plan: Plan) -> SealedPlan {
    SealedPlan::seal(plan).unwrap()
}
