//! A plan as it is shown. Reads the sealed document, so that what is shown is what runs; only how
//! much of the whole fleet a batch takes is looked up in the fleet.

mod action;
mod blast;
mod limits;
mod request;
mod step;

use daytwo_model::plan::{Action, Effect, Intent, Plan, Undecided, WayBack};
use daytwo_model::{Host, HostName, SealedPlan};

pub(in crate::view) use self::action::probe_text;
use super::words::{count, duration, percent};
use crate::wire::plan::{PlanBatch, PlanHost, PlanView, PlanWarning, UndecidedHost};

pub use action::expectation;
pub(super) use step::{done_before, phase};

/// What only the caller knows of a plan.
#[derive(Debug, Default)]
pub struct Beside {
    /// What to think about before the start.
    pub warnings: Vec<PlanWarning>,
    /// For an undo: what stays as it is.
    pub left_out: Vec<String>,
    /// Why it cannot be started.
    pub cannot_start: Vec<String>,
}

/// The plan to read. Above `type_to_start_above` hosts their number has to be typed.
#[must_use]
pub fn view(sealed: &SealedPlan, fleet: &[Host], beside: Beside, type_to_start_above: u32) -> PlanView {
    let plan = sealed.plan();
    // A step that every host has behind it changes nothing.
    let changing =
        plan.steps.iter().filter(|step| step.effect == Effect::Change && step.action.groups().next().is_some());
    let hosts = count(plan.hosts.len(), "host");
    let verb = match plan.intent {
        Intent::Forward => plan.runbook.title.clone(),
        Intent::Undo { .. } => format!("Undo: {}", plan.runbook.title),
        Intent::Resume { .. } => format!("Resume: {}", plan.runbook.title),
        Intent::Late { .. } => format!("Deliver late: {}", plan.runbook.title),
    };
    let many = plan.hosts.len() > type_to_start_above as usize;
    PlanView {
        digest: sealed.digest(),
        runbook: plan.runbook.name.clone(),
        title: plan.runbook.title.clone(),
        undo_of: match plan.intent {
            Intent::Forward | Intent::Resume { .. } | Intent::Late { .. } => None,
            Intent::Undo { of, .. } => Some(of),
        },
        source: plan.runbook.source.clone(),
        calls: plan.called.iter().map(|called| called.name.to_string()).collect(),
        hosts: plan
            .hosts
            .iter()
            .map(|host| PlanHost {
                name: host.name.clone(),
                address: host.endpoint.describe(),
                labels: host.labels.clone(),
            })
            .collect(),
        undecided: undecided(&plan.undecided),
        changes: as_u32(changing.clone().count()),
        without_way_back: as_u32(changing.filter(|step| step.way_back == WayBack::None).count()),
        batches: batches(plan, fleet),
        limits: limits::lines(plan),
        waits: limits::waits(plan),
        steps: plan.steps.iter().map(|step| step::view(plan, step)).collect(),
        warnings: beside.warnings,
        approvals: approvals(plan, many),
        cannot_start: beside.cannot_start,
        left_out: beside.left_out,
        start_words: format!("{verb} on {hosts}"),
        type_to_start: many.then(|| as_u32(plan.hosts.len())),
        planned_at: plan.planned_at,
    }
}

/// Hosts of which a selector cannot say whether they are picked.
#[must_use]
pub fn undecided(hosts: &[Undecided]) -> Vec<UndecidedHost> {
    hosts.iter().map(|host| UndecidedHost { name: host.host.clone(), why: host.why.clone() }).collect()
}

fn as_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn names(plan: &Plan, hosts: &[u32]) -> Vec<HostName> {
    hosts.iter().filter_map(|host| plan.hosts.get(*host as usize)).map(|host| host.name.clone()).collect()
}

fn batches(plan: &Plan, fleet: &[Host]) -> Vec<PlanBatch> {
    let of = plan.batches.len();
    let radius = blast::Radius::of(fleet);
    (1..)
        .zip(&plan.batches)
        .map(|(number, hosts)| {
            let canary = if number == 1 && of > 1 { ", canary" } else { "" };
            let size = count(hosts.len(), "host");
            let share = percent(hosts.len(), plan.hosts.len());
            let picked = hosts.iter().filter_map(|host| plan.hosts.get(*host as usize));
            let reach = radius.words(picked).map(|words| format!("; {words}")).unwrap_or_default();
            PlanBatch {
                hosts: names(plan, hosts),
                words: format!("batch {number} of {of}{canary}: {size}, {share} of the selection{reach}"),
            }
        })
        .collect()
}

/// Where a person will be asked on the way, and what has to be confirmed before.
fn approvals(plan: &Plan, many: bool) -> Vec<String> {
    let typed = many.then(|| format!("the number of hosts, {}, has to be typed to start", plan.hosts.len()));
    let asked = plan.steps.iter().filter_map(|step| {
        let question = step.action.variants().iter().find_map(|action| match action {
            Action::Ask { question, .. } => Some(question.preview()),
            _ => None,
        })?;
        Some(format!("step {} waits for a person's answer: {question}", step.id))
    });
    typed.into_iter().chain(asked).collect()
}
