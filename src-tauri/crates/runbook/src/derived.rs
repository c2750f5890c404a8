//! Plans that are made from the plan of an earlier run: some of its hosts, in their batches, with the values
//! that were captured then. What such a plan does is the business of `undo` and `resume`.

use std::collections::{BTreeMap, BTreeSet};

use daytwo_model::plan::{Action, Condition, Intent, Limits, On, Operand, PerHost, PlannedStep, Probe, Verify};
use daytwo_model::{CaptureName, HostName, Plan, RunState, StepId, Text, Timestamp};
use serde::Serialize;
use serde_json::Value;
use ts_rs::TS;

/// A step on a host that a derived plan leaves as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct LeftOut {
    /// The host.
    pub host: HostName,
    /// The step.
    pub step: StepId,
    /// Why it is left as it is.
    pub why: String,
}

impl LeftOut {
    pub(crate) fn new(plan: &Plan, (host, step): (u32, u32), why: String) -> Option<Self> {
        let host = plan.hosts.get(host as usize)?.name.clone();
        Some(Self { host, step: plan.steps.get(step as usize)?.id.clone(), why })
    }
}

/// Some hosts of a plan, by their index there and in their order.
pub(crate) struct Subset<'p> {
    plan: &'p Plan,
    hosts: Vec<u32>,
}

/// What a derived plan is, beside its hosts.
pub(crate) struct Made {
    pub(crate) intent: Intent,
    pub(crate) steps: Vec<PlannedStep>,
    pub(crate) by: String,
    pub(crate) at: Timestamp,
}

impl<'p> Subset<'p> {
    pub(crate) fn new(plan: &'p Plan, hosts: Vec<u32>) -> Self {
        Self { plan, hosts }
    }

    /// The hosts' indices in the plan that they are of, in the order of the derived plan.
    pub(crate) fn hosts(&self) -> &[u32] {
        &self.hosts
    }

    /// Their number.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.hosts.len()).unwrap_or(u32::MAX)
    }

    /// The host on which the derived plan does what is done once, by its index in the plan that it is of.
    pub(crate) fn home(&self) -> Option<u32> {
        let of_it: BTreeSet<u32> = self.hosts.iter().copied().collect();
        self.plan.batches.iter().flatten().copied().find(|host| of_it.contains(host))
    }

    /// The values of these hosts.
    pub(crate) fn pick<T: Clone>(&self, values: &PerHost<T>) -> PerHost<T> {
        values.pick(self.hosts.iter().copied().map(Some))
    }

    /// The derived plan: the same batches without the others' hosts, with the budgets that they had.
    pub(crate) fn plan(&self, made: Made) -> Plan {
        let plan = self.plan;
        let renumbered: BTreeMap<u32, u32> = self.hosts.iter().copied().zip(0_u32..).collect();
        let mut batches = Vec::new();
        let mut budgets = Vec::new();
        for (index, batch) in plan.batches.iter().enumerate() {
            let left: Vec<u32> = batch.iter().filter_map(|host| renumbered.get(host).copied()).collect();
            if !left.is_empty() {
                batches.push(left);
                budgets.extend(plan.limits.batches.get(index));
            }
        }
        let hosts: Vec<_> = self.hosts.iter().filter_map(|host| plan.hosts.get(*host as usize).cloned()).collect();
        let keys = hosts.iter().filter_map(|host| plan.host_keys.get_key_value(&host.name));
        let until = plan.limits.when_reachable_until.filter(|until| *until > made.at);
        Plan {
            format: plan.format,
            runbook: plan.runbook.clone(),
            called: plan.called.clone(),
            intent: made.intent,
            inputs: plan.inputs.clone(),
            secrets: plan.secrets.clone(),
            selection: plan.selection.clone(),
            undecided: Vec::new(),
            host_keys: keys.map(|(name, keys)| (name.clone(), keys.clone())).collect(),
            hosts,
            gateways: plan.gateways.as_ref().map(|gateways| self.pick(gateways)),
            batches,
            limits: Limits { batches: budgets, when_reachable_until: until, ..plan.limits.clone() },
            steps: made.steps,
            planned_at: made.at,
            planned_by: made.by,
        }
    }
}

/// What a host itself had captured in the steps of which `counts` holds. A name stands for one value in a run.
pub(crate) fn captured_by(
    plan: &Plan,
    state: &RunState,
    host: u32,
    counts: impl Fn(u32, &PlannedStep) -> bool,
) -> BTreeMap<CaptureName, Value> {
    let steps = (0_u32..).zip(&plan.steps).filter(|(index, step)| counts(*index, step));
    let attempts = steps.filter_map(|(index, _)| state.attempt(host, index));
    attempts.flat_map(|attempt| attempt.captured.clone()).collect()
}

/// What was captured for all hosts, in the steps that are done once and of which `counts` holds.
pub(crate) fn captured_once(
    plan: &Plan,
    state: &RunState,
    counts: impl Fn(u32) -> bool,
) -> BTreeMap<CaptureName, Value> {
    captured_by(plan, state, state.home(), |index, step| step.on != On::Host && counts(index))
}

/// Values that were captured in the earlier run, to be put in where they are named.
pub(crate) struct Values(pub(crate) BTreeMap<CaptureName, Value>);

impl Values {
    pub(crate) fn text(&self, text: &Text) -> Text {
        text.with_captures(|name| self.0.get(name).cloned())
    }

    pub(crate) fn action(&self, action: &Action) -> Action {
        infallible(action.try_map(&|text: &Text| Ok(self.text(text))))
    }

    pub(crate) fn probe(&self, probe: &Probe) -> Probe {
        infallible(probe.try_map(&|text: &Text| Ok(self.text(text))))
    }

    pub(crate) fn condition(&self, condition: &Condition) -> Condition {
        let each = |all: &[Condition]| all.iter().map(|condition| self.condition(condition)).collect();
        match condition {
            Condition::All(all) => Condition::All(each(all)),
            Condition::Any(any) => Condition::Any(each(any)),
            Condition::Not(condition) => Condition::Not(Box::new(self.condition(condition))),
            Condition::Truthy(operand) => Condition::Truthy(self.operand(operand)),
            // Every one of none holds.
            Condition::Defined(name) if self.0.contains_key(name) => Condition::All(Vec::new()),
            Condition::Defined(name) => Condition::Defined(name.clone()),
            Condition::Compare { left, op, right } => {
                Condition::Compare { left: self.operand(left), op: *op, right: self.operand(right) }
            }
        }
    }

    fn operand(&self, operand: &Operand) -> Operand {
        match operand {
            Operand::Captured(name) => match self.0.get(name) {
                Some(value) => Operand::Value(value.clone()),
                None => operand.clone(),
            },
            Operand::Value(_) => operand.clone(),
        }
    }
}

fn infallible<T>(result: Result<T, std::convert::Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// A post-condition with other probes.
pub(crate) fn with_probe(verify: &Verify, probe: PerHost<Probe>) -> Verify {
    Verify { probe, within_ms: verify.within_ms, samples: verify.samples, at_least: verify.at_least }
}
