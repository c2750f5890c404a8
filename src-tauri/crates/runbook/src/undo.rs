//! The undo of a run: its recorded inverses, in reverse, where the change may have happened.
//!
//! Conditions and needs are not carried over: whether a step was done is known by now. Every inverse
//! is filled with what had been captured when its own step was done, not with what came later.

use std::collections::BTreeMap;

use daytwo_model::plan::{Action, Budget, Effect, Intent, Limits, On, PerHost, Phase, PlannedStep, Probe, WayBack};
use daytwo_model::run::Trace;
use daytwo_model::{CaptureName, Plan, RunId, RunState, RunStatus, SealedPlan, Text, Timestamp};
use serde_json::Value;

use crate::derived::{LeftOut, Made, Subset, captured_by, captured_once, with_probe};
use crate::plan::{PlanError, PlanErrors, seal};

/// The undo of a run, and what it leaves as it is.
#[derive(Debug, Clone)]
pub struct UndoPlan {
    /// What will happen.
    pub plan: SealedPlan,
    /// What will not, and why; a person looks after these.
    pub left_out: Vec<LeftOut>,
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
    let subset = Subset::new(plan, concerned);
    let steps = steps.into_iter().filter(|step| subset.hosts().iter().any(|host| step.does(*host)));
    let steps = steps.map(|inverted| undo_step(inverted, &subset)).collect();
    let mut plan = subset.plan(Made { intent: Intent::Undo { of: run }, steps, by, at });
    // Every host is tried, and nobody is waited for: a fleet in two states is worse than a failure more.
    plan.limits = Limits {
        total: Budget { failed_max: subset.len(), unreachable_max: subset.len() },
        hosts_at_once_per_gateway_max: plan.limits.hosts_at_once_per_gateway_max,
        unreachable_canary_stops: false,
        ..Limits::strict(plan.limits.hosts_at_once_max)
    };
    let plan = seal(plan)?;
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
    let shared = captured_once(plan, state, |once| once <= index);
    for (host, _) in (0_u32..).zip(&plan.hosts) {
        let inverse = match inverse_on(plan, state, (host, index), step, &shared) {
            Ok(inverse) => inverse,
            Err(why) => {
                left_out.extend(LeftOut::new(plan, (host, index), why));
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
    match state.trace(host, index) {
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
    // A later step may have captured another value under the same name: it says nothing about this one.
    captured.extend(captured_by(plan, state, host, |step, _| step <= index));
    filled(action, probe, &captured)
        .map(Some)
        .map_err(|missing| format!("its inverse needs what was captured as {missing}, and nothing was"))
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

/// An inverse as a step. It is done on each host that has it, also where the step was done once for
/// all: the plan's first host may be another one now.
fn undo_step(inverted: Inverted<'_>, subset: &Subset<'_>) -> PlannedStep {
    let Inverted { step, actions, probes } = inverted;
    let pick = |host: &u32| *host as usize;
    let verify = match &step.way_back {
        WayBack::Inverse { verify, .. } => verify.as_ref(),
        WayBack::None | WayBack::NotNeeded => None,
    };
    let hosts = || subset.hosts().iter();
    let probe = PerHost::collect(hosts().map(|host| probes.get(pick(host)).cloned().flatten()));
    let of_phase = match step.phase {
        Phase::Main => "",
        Phase::OnFailure => " (done after a failure)",
        Phase::Always => " (done at the end)",
    };
    PlannedStep {
        title: format!("Undo: {}{of_phase}", step.title),
        on: if step.on == On::Console { On::Console } else { On::Host },
        timeout_ms: step.timeout_ms,
        verify: verify.map(|verify| with_probe(verify, probe)),
        ..PlannedStep::new(
            step.id.clone(),
            PerHost::collect(hosts().map(|host| actions.get(pick(host)).cloned().flatten())),
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
