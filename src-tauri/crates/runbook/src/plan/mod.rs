//! A runbook, inputs and hosts become a plan: checked, rendered for every host, dealt into batches, sealed.

mod inputs;
mod render;

use std::collections::BTreeMap;
use std::fmt;

use daytwo_model::plan::{Effect, Intent, Limits, PLAN_FORMAT, PlannedRunbook, PlannedStep, WayBack};
use daytwo_model::{Host, HostName, Plan, SealedPlan, Selector, StepId, Timestamp};
use serde::Serialize;
use ts_rs::TS;

use crate::rollout::Rollout;
use crate::runbook::Runbook;
use crate::step::{Step, Undo};
use crate::surroundings::Surroundings;
use crate::select::select;
use render::Hosts;

/// The most hosts that one plan holds.
pub const HOSTS_MAX: usize = 100_000;

/// How many errors of one plan are kept; the same mistake on ten thousand hosts is one mistake.
const PLAN_ERRORS_MAX: usize = 50;

/// What a plan is asked for.
#[derive(Clone)]
pub struct PlanRequest<'a> {
    /// Inputs as they were typed; for secrets, their names. What is absent takes its default.
    pub inputs: BTreeMap<String, String>,
    /// What the operator picked; narrows the runbook's targets.
    pub selection: Option<Selector>,
    /// Every host that is known.
    pub fleet: &'a [Host],
    /// What planning may ask: facts, other runbooks, local files, trusted host keys.
    pub surroundings: &'a dyn Surroundings,
    /// The revision of the folder that the runbook was read from, for people.
    pub source: Option<String>,
    /// Who asks.
    pub by: String,
    /// When. Templates read it as `run.at`.
    pub at: Timestamp,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct PlanError {
    /// The input that it is about.
    pub input: Option<String>,
    /// The step that it is about.
    pub step: Option<StepId>,
    /// The first host that it is about.
    pub host: Option<HostName>,
    /// The line of the runbook that it is about, from 1.
    pub line: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl PlanError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { input: None, step: None, host: None, line: None, message: message.into(), hint: None }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(input) = &self.input {
            write!(f, "input {input}: ")?;
        }
        match (&self.step, self.line) {
            (Some(step), Some(line)) => write!(f, "step {step} (line {line}): ")?,
            (Some(step), None) => write!(f, "step {step}: ")?,
            (None, _) => {}
        }
        if let Some(host) = &self.host {
            write!(f, "{host}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

/// Everything that stands in the way of a plan. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS, thiserror::Error)]
pub struct PlanErrors(pub Vec<PlanError>);

impl fmt::Display for PlanErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index > 0 { "\n" } else { "" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl From<PlanError> for PlanErrors {
    fn from(error: PlanError) -> Self {
        Self(vec![error])
    }
}

/// Makes the plan: what will happen, exactly.
pub fn plan(runbook: &Runbook, request: &PlanRequest<'_>) -> Result<SealedPlan, PlanErrors> {
    let mut errors = Vec::new();
    let values = inputs::resolve(runbook, &request.inputs, &mut errors);
    let selected = select(request.fleet, runbook.targets.as_ref(), request.selection.as_ref());
    let (picked, selection) = selected.unwrap_or_else(|(message, hint)| {
        errors.push(PlanError { hint, ..PlanError::new(message) });
        (Vec::new(), String::new())
    });
    if picked.len() > HOSTS_MAX {
        errors.push(PlanError::new(format!("{} hosts are picked; a plan holds at most {HOSTS_MAX}", picked.len())));
    }
    if !errors.is_empty() {
        return Err(PlanErrors(errors));
    }
    let mut hosts = Hosts::new(&picked, &values, request.at);
    let steps: Vec<PlannedStep> =
        runbook.steps.iter().filter_map(|step| plan_step(step, &mut hosts, &mut errors)).collect();
    if !errors.is_empty() {
        return Err(PlanErrors(errors));
    }
    let hosts: Vec<Host> = picked.into_iter().cloned().collect();
    let rollout = &runbook.rollout;
    seal(Plan {
        format: PLAN_FORMAT,
        runbook: PlannedRunbook {
            name: runbook.name.clone(),
            title: runbook.title.clone(),
            digest: runbook.digest,
            text: runbook.text.clone(),
            source: request.source.clone(),
        },
        called: Vec::new(),
        intent: Intent::Forward,
        inputs: values,
        selection,
        undecided: Vec::new(),
        host_keys: BTreeMap::new(),
        batches: rollout.deal(&spread_values(rollout, &hosts)),
        limits: limits(rollout, hosts.len()),
        hosts,
        steps,
        planned_at: request.at,
        planned_by: request.by.clone(),
    })
}

pub(crate) fn seal(plan: Plan) -> Result<SealedPlan, PlanErrors> {
    SealedPlan::seal(plan).map_err(|error| PlanError::new(format!("the plan cannot be sealed: {error}")).into())
}

fn limits(rollout: &Rollout, hosts: usize) -> Limits {
    let hosts = u32::try_from(hosts).unwrap_or(u32::MAX);
    Limits {
        failed_hosts_max: rollout.max_failed.of(hosts),
        unreachable_hosts_max: rollout.max_unreachable.of(hosts),
        hosts_at_once_max: rollout.at_once,
        hold_ms: rollout.hold_ms,
    }
}

fn spread_values<'h>(rollout: &Rollout, hosts: &'h [Host]) -> Vec<Option<&'h str>> {
    let label = rollout.spread.as_deref();
    hosts.iter().map(|host| host.labels.get(label?).map(String::as_str)).collect()
}

fn plan_step(step: &Step, hosts: &mut Hosts<'_>, errors: &mut Vec<PlanError>) -> Option<PlannedStep> {
    let action = hosts.action(step, &step.action, errors);
    let verify = match &step.verify {
        Some(verify) => Some(hosts.verify(step, verify, errors)?),
        None => None,
    };
    let way_back = match (&step.undo, step.effect) {
        (_, Effect::Read) => WayBack::NotNeeded,
        (Undo::Unsaid | Undo::None, Effect::Change) => WayBack::None,
        (Undo::Inverse(inverse), Effect::Change) => {
            let action = hosts.action(step, &inverse.action, errors)?;
            let verify = match &inverse.verify {
                Some(verify) => Some(hosts.verify(step, verify, errors)?),
                None => None,
            };
            WayBack::Inverse { action, verify }
        }
    };
    Some(PlannedStep {
        title: step.title.clone(),
        effect: step.effect,
        timeout_ms: step.timeout_ms,
        captures: step.captures.clone(),
        verify,
        way_back,
        ..PlannedStep::new(step.id.clone(), action?)
    })
}
