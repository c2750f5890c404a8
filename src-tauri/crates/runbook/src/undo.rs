//! The undo of a run: its recorded inverses, in reverse, where the change may have happened.
//!
//! Conditions and needs are not carried over: whether a step was done is known by now. Every inverse
//! is filled with what had been captured when its own step was done, not with what came later.

use std::collections::BTreeMap;

use daytwo_model::plan::{
    Action, Budget, Effect, Intent, Limits, On, PerHost, Phase, PlannedStep, Probe, Verify, WayBack,
};
use daytwo_model::run::Attempt;
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

/// One step's inverse, for each host that has one.
struct Inverted<'p> {
    step: &'p PlannedStep,
    actions: Vec<Option<Action>>,
    probes: Vec<Option<Probe>>,
}

/// Plans the undo of a run of `plan` that has come to `state`.
///
/// The same hosts, the same batches, in the same order; every host is tried, because stopping an
/// undo half way leaves a fleet in two states. An undo is not undone: run the runbook again.
pub fn plan_undo(plan: &Plan, state: &RunState, run: RunId, by: String, at: Timestamp) -> Result<UndoPlan, PlanErrors> {
    if let Intent::Undo { of } = plan.intent {
        let error = PlanError::new(format!("this run is itself the undo of run {of}, and an undo has no way back"));
        return Err(error.with_hint("run the runbook again to get its change back").into());
    }
    if matches!(state.status(), Some(RunStatus::Running | RunStatus::Cancelling)) {
        return Err(PlanError::new("the run is still going").with_hint("cancel it or wait for its end").into());
    }
    let mut left_out = Vec::new();
    let mut steps = Vec::new();
    // The plan's order is the order in which things were done, the phases one after the other.
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

impl Inverted<'_> {
    fn does(&self, host: u32) -> bool {
        self.actions.get(host as usize).is_some_and(Option::is_some)
    }
}

fn invert<'p>(
    plan: &'p Plan,
    state: &RunState,
    index: u32,
    step: &'p PlannedStep,
    left_out: &mut Vec<LeftOut>,
) -> Inverted<'p> {
    let mut inverted = Inverted { step, actions: Vec::new(), probes: Vec::new() };
    let shared = captured_once(plan, state, index);
    for (host, entry) in (0_u32..).zip(&plan.hosts) {
        let inverse = match inverse_on(plan, state, (host, index), step, &shared) {
            Ok(inverse) => inverse,
            Err(why) => {
                left_out.push(LeftOut { host: entry.name.clone(), step: step.id.clone(), why });
                None
            }
        };
        let (action, probe) = inverse.map_or((None, None), |(action, probe)| (Some(action), probe));
        inverted.actions.push(action);
        inverted.probes.push(probe);
    }
    inverted
}

/// The inverse of a step on a host, filled; none where nothing was changed; the error says why it is left out.
fn inverse_on(
    plan: &Plan,
    state: &RunState,
    (host, index): (u32, u32),
    step: &PlannedStep,
    shared: &BTreeMap<CaptureName, Value>,
) -> Result<Option<(Action, Option<Probe>)>, String> {
    match state.attempt(host, index).map_or(Trace::Nothing, trace) {
        Trace::Nothing => return Ok(None),
        Trace::Unclear(why) => return Err(why),
        Trace::Ended => {}
    }
    let (action, verify) = match &step.way_back {
        WayBack::NotNeeded => return Ok(None),
        WayBack::None => return Err("the runbook says that there is no way back".to_owned()),
        WayBack::Inverse { action, verify } => (action, verify),
    };
    let Some(action) = action.get(host) else {
        return Err("the plan has no inverse for this host".to_owned());
    };
    let probe = verify.as_ref().and_then(|verify| verify.probe.get(host));
    let mut captured = shared.clone();
    captured.extend(captured_until(plan, state, host, index));
    filled(action, probe, &captured)
        .map(Some)
        .map_err(|missing| format!("its inverse needs what was captured as {missing}, and nothing was"))
}

/// What a host had captured when this step was done there, by itself too. A later step may have
/// captured another value under the same name: it says nothing about this one.
fn captured_until(plan: &Plan, state: &RunState, host: u32, index: u32) -> BTreeMap<CaptureName, Value> {
    let until = (0_u32..).zip(&plan.steps).map(|(step, _)| step).take_while(|step| *step <= index);
    until.filter_map(|step| state.attempt(host, step)).flat_map(|attempt| attempt.captured.clone()).collect()
}

/// What had been captured once for all hosts.
fn captured_once(plan: &Plan, state: &RunState, index: u32) -> BTreeMap<CaptureName, Value> {
    let once = (0_u32..).zip(&plan.steps).take_while(|(step, _)| *step <= index);
    once.filter(|(_, step)| matches!(step.on, On::One | On::Console))
        .filter_map(|(step, _)| state.attempt(state.home(), step))
        .flat_map(|attempt| attempt.captured.clone())
        .collect()
}

fn trace(attempt: &Attempt) -> Trace {
    use AttemptState as S;
    match &attempt.state {
        // It was made again after it had failed, and the first time it may have changed something.
        S::Unreachable { .. } | S::Refused { .. } | S::NotStarted { .. } if attempt.attempts > 1 => Trace::Ended,
        S::Finished { .. } | S::Verified { .. } | S::NotVerified { .. } => Trace::Ended,
        S::Sent | S::Running { .. } => Trace::Unclear("it was still in flight".to_owned()),
        S::Lost { why } => Trace::Unclear(format!("it was lost and may have half happened: {why}")),
        S::Unknown { why } => Trace::Unclear(format!("whether it happened is not known: {why}")),
        S::Cancelled { .. } => Trace::Unclear("it was cancelled and may have half happened".to_owned()),
        S::Unreachable { .. }
        | S::Refused { .. }
        | S::NotStarted { .. }
        | S::Skipped { .. }
        | S::Undone
        | S::Stuck { .. } => Trace::Nothing,
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
    let steps = steps.into_iter().filter(|step| concerned.iter().any(|host| step.does(*host)));
    let hosts: Vec<_> = concerned.iter().filter_map(|host| plan.hosts.get(*host as usize).cloned()).collect();
    let keys = hosts.iter().filter_map(|host| plan.host_keys.get_key_value(&host.name));
    let count = u32::try_from(concerned.len()).unwrap_or(u32::MAX);
    Plan {
        format: plan.format,
        runbook: plan.runbook.clone(),
        called: plan.called.clone(),
        intent: Intent::Undo { of: run },
        inputs: plan.inputs.clone(),
        secrets: plan.secrets.clone(),
        selection: plan.selection.clone(),
        undecided: Vec::new(),
        host_keys: keys.map(|(name, keys)| (name.clone(), keys.clone())).collect(),
        hosts,
        batches: batches.filter(|batch: &Vec<u32>| !batch.is_empty()).collect(),
        limits: Limits {
            total: Budget { failed_max: count, unreachable_max: count },
            hosts_at_once_per_gateway_max: plan.limits.hosts_at_once_per_gateway_max,
            ..Limits::strict(plan.limits.hosts_at_once_max)
        },
        gateways: None,
        steps: steps.map(|inverted| undo_step(inverted, concerned)).collect(),
        planned_at: at,
        planned_by: by,
    }
}

/// An inverse as a step. It is done on each host that has it, also where the step was done once for
/// all: the plan's first host may be another one now.
fn undo_step(inverted: Inverted<'_>, concerned: &[u32]) -> PlannedStep {
    let Inverted { step, actions, probes } = inverted;
    let pick = |host: &u32| *host as usize;
    let verify = match &step.way_back {
        WayBack::Inverse { verify, .. } => verify.as_ref(),
        WayBack::None | WayBack::NotNeeded => None,
    };
    let probe = PerHost::collect(concerned.iter().map(|host| probes.get(pick(host)).cloned().flatten()));
    let of_phase = match step.phase {
        Phase::Main => "",
        Phase::OnFailure => " (done after a failure)",
        Phase::Always => " (done at the end)",
    };
    PlannedStep {
        title: format!("Undo: {}{of_phase}", step.title),
        on: if step.on == On::Console { On::Console } else { On::Host },
        timeout_ms: step.timeout_ms,
        verify: verify.map(|verify| Verify { probe, ..verify.clone() }),
        ..PlannedStep::new(
            step.id.clone(),
            PerHost::collect(concerned.iter().map(|host| actions.get(pick(host)).cloned().flatten())),
        )
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
