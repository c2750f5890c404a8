//! The undo of a run: its recorded inverses, in reverse, where the change may have happened.

use std::collections::BTreeMap;

use daytwo_model::plan::{
    Action, Effect, Intent, Limits, PerHost, PlannedStep, Probe, Verify, WayBack,
};
use daytwo_model::{
    AttemptState, CaptureName, HostName, Plan, RunId, RunState, RunStatus, SealedPlan, StepId, Text, Timestamp,
};
use serde::Serialize;
use serde_json::Value;
use ts_rs::TS;

use crate::plan::{PlanError, PlanErrors, seal};

/// The undo of a run, and what it leaves as it is.
#[derive(Debug, Clone)]
pub struct UndoPlan {
    /// What will happen.
    pub plan: SealedPlan,
    /// What will not, and why; a person looks after these.
    pub left_out: Vec<LeftOut>,
}

/// A step on a host that something was sent for, and that is not taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct LeftOut {
    /// The host.
    pub host: HostName,
    /// The step.
    pub step: StepId,
    /// Why it is left as it is.
    pub why: String,
}

/// What an attempt means for its undo.
enum Trace {
    /// Nothing was changed by it.
    Nothing,
    /// It may have changed something, and its end was seen.
    Ended,
    /// It may have half happened; what an inverse would meet is not known.
    Unclear(String),
}

/// Plans the undo of a run of `plan` that has come to `state`.
///
/// The same hosts, the same batches, in the same order; every host is tried, because stopping an
/// undo half way leaves a fleet in two states. An undo is not undone: run the runbook again.
pub fn plan_undo(plan: &Plan, state: &RunState, run: RunId, by: String, at: Timestamp) -> Result<UndoPlan, PlanErrors> {
    if let Intent::Undo { of } = plan.intent {
        let error = PlanError::new(format!("this run is itself the undo of run {of}, and an undo has no way back"));
        let hint = Some("run the runbook again to get its change back".to_owned());
        return Err(PlanError { hint, ..error }.into());
    }
    if matches!(state.status(), Some(RunStatus::Running | RunStatus::Cancelling)) {
        let hint = Some("cancel it or wait for its end".to_owned());
        return Err(PlanError { hint, ..PlanError::new("the run is still going") }.into());
    }
    let mut left_out = Vec::new();
    let mut steps = Vec::new();
    for (index, step) in (0_u32..).zip(&plan.steps).collect::<Vec<_>>().into_iter().rev() {
        if step.effect == Effect::Change {
            steps.push(invert(plan, state, index, step, &mut left_out));
        }
    }
    let concerned: Vec<u32> = (0_u32..)
        .zip(&plan.hosts)
        .map(|(host, _)| host)
        .filter(|host| steps.iter().any(|step| step.does(*host)))
        .collect();
    if concerned.is_empty() {
        return Err(nothing_to_undo(&left_out));
    }
    let plan = seal(undo_plan(plan, steps, &concerned, run, by, at))?;
    Ok(UndoPlan { plan, left_out })
}

/// An inverted step, for the hosts of the forward plan.
struct Inverted<'p> {
    step: &'p PlannedStep,
    actions: Vec<Option<Action>>,
    probes: Vec<Option<Probe>>,
    within_ms: Option<u64>,
}

impl Inverted<'_> {
    fn does(&self, host: u32) -> bool {
        self.actions.get(host as usize).is_some_and(Option::is_some)
    }
}

fn invert<'p>(
    plan: &Plan,
    state: &RunState,
    index: u32,
    step: &'p PlannedStep,
    left_out: &mut Vec<LeftOut>,
) -> Inverted<'p> {
    let mut inverted = Inverted { step, actions: Vec::new(), probes: Vec::new(), within_ms: None };
    for (host, entry) in (0_u32..).zip(&plan.hosts) {
        let mut leave = |why: String| {
            left_out.push(LeftOut { host: entry.name.clone(), step: step.id.clone(), why });
            None
        };
        let trace = state.attempt(host, index).map_or(Trace::Nothing, |attempt| trace(&attempt.state));
        let inverse = match trace {
            Trace::Nothing => None,
            Trace::Unclear(why) => leave(why),
            Trace::Ended => match &step.way_back {
                WayBack::NotNeeded => None,
                WayBack::None => leave("the runbook says that there is no way back".to_owned()),
                WayBack::Inverse { action, verify } => {
                    let captured = state.captured(host);
                    let probe = verify.as_ref().and_then(|verify| verify.probe.get(host));
                    inverted.within_ms = verify.as_ref().map(|verify| verify.within_ms);
                    match action.get(host).map(|action| filled(action, probe, &captured)) {
                        Some(Ok(inverse)) => Some(inverse),
                        Some(Err(missing)) => {
                            leave(format!("its inverse needs what was captured as {missing}, and nothing was"))
                        }
                        None => leave("the plan has no inverse for this host".to_owned()),
                    }
                }
            },
        };
        let (action, probe) = inverse.map_or((None, None), |(action, probe)| (Some(action), probe));
        inverted.actions.push(action);
        inverted.probes.push(probe);
    }
    inverted
}

fn trace(state: &AttemptState) -> Trace {
    use AttemptState as S;
    match state {
        S::Finished { .. } | S::Verified { .. } | S::NotVerified { .. } => Trace::Ended,
        S::Sent | S::Running { .. } => Trace::Unclear("it was still in flight".to_owned()),
        S::Lost { why } => Trace::Unclear(format!("it was lost and may have half happened: {why}")),
        S::Unknown { why } => Trace::Unclear(format!("whether it happened is not known: {why}")),
        S::Cancelled { .. } => Trace::Unclear("it was cancelled and may have half happened".to_owned()),
        S::Unreachable { .. } | S::Refused { .. } | S::Skipped { .. } | S::Undone | S::Stuck { .. } => Trace::Nothing,
    }
}

/// An inverse with the captured values in it; the error is the name of one that is not there.
fn filled(
    action: &Action,
    probe: Option<&Probe>,
    captured: &BTreeMap<CaptureName, Value>,
) -> Result<(Action, Option<Probe>), CaptureName> {
    let fill = |text: &Text| {
        let text = text.with_captures(|name| captured.get(name).cloned());
        match text.captures().into_iter().next() {
            Some(missing) => Err(missing),
            None => Ok(text),
        }
    };
    let action = action.try_map(&fill)?;
    let probe = probe.map(|probe| probe.try_map(&fill)).transpose()?;
    Ok((action, probe))
}

fn undo_plan(plan: &Plan, steps: Vec<Inverted<'_>>, concerned: &[u32], run: RunId, by: String, at: Timestamp) -> Plan {
    // The undo holds only the hosts that it touches, so the forward plan's indices are renumbered.
    let renumbered: BTreeMap<u32, u32> = concerned.iter().copied().zip(0_u32..).collect();
    let batches =
        plan.batches.iter().map(|batch| batch.iter().filter_map(|host| renumbered.get(host).copied()).collect());
    let picked = |host: &u32| *host as usize;
    let steps = steps.into_iter().filter(|step| concerned.iter().any(|host| step.does(*host)));
    let hosts = u32::try_from(concerned.len()).unwrap_or(u32::MAX);
    Plan {
        format: plan.format,
        runbook: plan.runbook.clone(),
        called: plan.called.clone(),
        intent: Intent::Undo { of: run },
        inputs: plan.inputs.clone(),
        selection: plan.selection.clone(),
        undecided: Vec::new(),
        host_keys: BTreeMap::new(),
        hosts: concerned.iter().filter_map(|host| plan.hosts.get(picked(host)).cloned()).collect(),
        batches: batches.filter(|batch: &Vec<u32>| !batch.is_empty()).collect(),
        limits: Limits {
            failed_hosts_max: hosts,
            unreachable_hosts_max: hosts,
            hosts_at_once_max: plan.limits.hosts_at_once_max,
            hold_ms: 0,
        },
        steps: steps
            .map(|inverted| {
                let pick_action = |host: &u32| inverted.actions.get(picked(host)).cloned().flatten();
                let pick_probe = |host: &u32| inverted.probes.get(picked(host)).cloned().flatten();
                let action = PerHost::collect(concerned.iter().map(pick_action));
                PlannedStep {
                    title: format!("Undo: {}", inverted.step.title),
                    timeout_ms: inverted.step.timeout_ms,
                    verify: inverted
                        .within_ms
                        .map(|within_ms| Verify::once(PerHost::collect(concerned.iter().map(pick_probe)), within_ms)),
                    ..PlannedStep::new(inverted.step.id.clone(), action)
                }
            })
            .collect(),
        planned_at: at,
        planned_by: by,
    }
}

/// How many of the reasons are told when there is nothing to undo.
const REASONS_MAX: usize = 10;

fn nothing_to_undo(left_out: &[LeftOut]) -> PlanErrors {
    let mut errors = vec![PlanError::new("there is nothing that this run's undo could take back")];
    errors.extend(left_out.iter().take(REASONS_MAX).map(|left| PlanError {
        step: Some(left.step.clone()),
        host: Some(left.host.clone()),
        ..PlanError::new(left.why.clone())
    }));
    PlanErrors(errors)
}
