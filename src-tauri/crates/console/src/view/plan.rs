//! A plan as it is shown. Reads the sealed document and nothing else, so that what is shown is what runs.

use daytwo_model::plan::{Action, Effect, Expect, Intent, PerHost, Plan, PlannedStep, Probe, WayBack};
use daytwo_model::{HostName, SealedPlan};

use super::words::{count, duration, percent};
use crate::wire::plan::{PlanBatch, PlanHost, PlanStepView, PlanView, RenderedGroup};

/// The plan to read. `warnings` and `left_out` are known to the caller only.
#[must_use]
pub fn view(sealed: &SealedPlan, warnings: Vec<String>, left_out: Vec<String>, type_to_start_above: u32) -> PlanView {
    let plan = sealed.plan();
    let changing = plan.steps.iter().filter(|step| step.effect == Effect::Change);
    let hosts = count(plan.hosts.len(), "host");
    let verb = match plan.intent {
        Intent::Forward => plan.runbook.title.clone(),
        Intent::Undo { .. } => format!("Undo: {}", plan.runbook.title),
    };
    let many = plan.hosts.len() > type_to_start_above as usize;
    PlanView {
        digest: sealed.digest(),
        runbook: plan.runbook.name.clone(),
        title: plan.runbook.title.clone(),
        undo_of: match plan.intent {
            Intent::Forward => None,
            Intent::Undo { of } => Some(of),
        },
        hosts: plan
            .hosts
            .iter()
            .map(|host| PlanHost {
                name: host.name.clone(),
                address: host.endpoint.describe(),
                labels: host.labels.clone(),
            })
            .collect(),
        changes: as_u32(changing.clone().count()),
        without_way_back: as_u32(changing.filter(|step| step.way_back == WayBack::None).count()),
        batches: batches(plan),
        limits: limits(plan),
        steps: plan.steps.iter().map(|step| step_view(plan, step)).collect(),
        warnings,
        left_out,
        start_words: format!("{verb} on {hosts}"),
        type_to_start: many.then(|| as_u32(plan.hosts.len())),
        planned_at: plan.planned_at,
    }
}

fn as_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn names(plan: &Plan, hosts: &[u32]) -> Vec<HostName> {
    hosts.iter().filter_map(|host| plan.hosts.get(*host as usize)).map(|host| host.name.clone()).collect()
}

fn batches(plan: &Plan) -> Vec<PlanBatch> {
    let of = plan.batches.len();
    (1..)
        .zip(&plan.batches)
        .map(|(number, hosts)| {
            let canary = if number == 1 && of > 1 { ", canary" } else { "" };
            let share = percent(hosts.len(), plan.hosts.len());
            let size = count(hosts.len(), "host");
            PlanBatch {
                hosts: names(plan, hosts),
                words: format!("batch {number} of {of}{canary}: {size}, {share} of the selection"),
            }
        })
        .collect()
}

fn limits(plan: &Plan) -> Vec<String> {
    let limits = &plan.limits;
    let budget = |max: u32, what: &str| match max {
        0 => format!("stops at the first {what} host"),
        max => format!("stops when more than {} are {what}", count(max as usize, "host")),
    };
    let mut lines =
        vec![budget(limits.failed_hosts_max, "failed"), budget(limits.unreachable_hosts_max, "unreachable")];
    lines.push(format!("at most {} at one time", count(limits.hosts_at_once_max as usize, "host")));
    if limits.hold_ms > 0 && plan.batches.len() > 1 {
        lines.push(format!("holds {} after each batch", duration(limits.hold_ms)));
    }
    lines
}

fn step_view(plan: &Plan, step: &PlannedStep) -> PlanStepView {
    let (way_back, inverse) = match &step.way_back {
        WayBack::NotNeeded => ("not needed", Vec::new()),
        WayBack::None => ("no way back", Vec::new()),
        WayBack::Inverse { action, .. } => ("this inverse", groups(plan, action, action_text)),
    };
    PlanStepView {
        id: step.id.to_string(),
        title: step.title.clone(),
        changes: step.effect == Effect::Change,
        timeout: duration(step.timeout_ms),
        actions: groups(plan, &step.action, action_text),
        verify: step.verify.as_ref().map(|verify| groups(plan, &verify.probe, probe_text)).unwrap_or_default(),
        way_back: way_back.to_owned(),
        inverse,
    }
}

fn groups<T>(plan: &Plan, values: &PerHost<T>, text: fn(&T) -> (String, &'static str)) -> Vec<RenderedGroup> {
    values
        .groups()
        .map(|(value, hosts)| {
            let (text, kind) = text(value);
            RenderedGroup { hosts: names(plan, &hosts), text, kind: kind.to_owned() }
        })
        .collect()
}

fn action_text(action: &Action) -> (String, &'static str) {
    match action {
        Action::Run { script, sudo } => (script.preview(), if *sudo { "run as root" } else { "run" }),
        Action::Http { request } => {
            let mut text = format!("{} {}", request.method.as_str(), request.url.preview());
            for (name, value) in &request.headers {
                text.push_str(&format!("\n{name}: {}", value.preview()));
            }
            if let Some(json) = &request.json {
                text.push_str(&format!("\n\n{}", json.preview()));
            }
            (text, "http")
        }
    }
}

fn probe_text(probe: &Probe) -> (String, &'static str) {
    let (text, kind) = action_text(&probe.action);
    (format!("{text}\nexpect: {}", expectation(&probe.expect, kind)), kind)
}

/// What must come back, in one line.
#[must_use]
pub fn expectation(expect: &Expect, kind: &str) -> String {
    let mut parts = Vec::new();
    match (expect.exit_code, expect.status) {
        (Some(code), _) => parts.push(format!("exit {code}")),
        (None, Some(status)) => parts.push(format!("HTTP {status}")),
        (None, None) if kind == "http" => parts.push("HTTP 2xx".to_owned()),
        (None, None) => parts.push("exit 0".to_owned()),
    }
    parts.extend(expect.stdout.iter().map(|text| format!("output is {}", text.preview())));
    parts.extend(expect.stdout_matches.iter().map(|pattern| format!("output matches {pattern}")));
    parts.extend(expect.json.iter().map(|(pointer, value)| format!("{pointer} is {}", value.preview())));
    parts.join(", ")
}
