//! The undo of a run: its recorded inverses, in reverse, where the change may have happened.
//!
//! Conditions and needs are not carried over: whether a step was done is known by now. Every inverse
//! is filled with what had been captured when its own step was done, not with what came later. A run that was
//! undone in part is undone again for the rest: what an earlier undo took back is behind its host.

use std::collections::BTreeMap;

use daytwo_model::plan::{Action, Budget, Effect, Intent, Limits, On, PerHost, Phase, PlannedStep, Probe, WayBack};
use daytwo_model::run::Trace;
use daytwo_model::{CaptureName, SealedPlan, Text, Timestamp};
use serde_json::Value;

use crate::derived::{LeftOut, Made, Subset, captured_by, captured_once, with_probe};
use crate::past::{Back, Past};
use crate::plan::{PlanError, PlanErrors, seal};

/// The undo of a run, and what it leaves as it is.
#[derive(Debug, Clone)]
pub struct UndoPlan {
    /// What will happen.
    pub plan: SealedPlan,
    /// What will not, and why; a person looks after these.
    pub left_out: Vec<LeftOut>,
    /// What an earlier undo has taken back, and in which run; it is not taken back again.
    pub undone_before: Vec<LeftOut>,
    /// What an earlier undo has tried to take back, and is tried again; with how that ended.
    pub again: Vec<LeftOut>,
}

/// One step's inverse, for each host that has one.
struct Inverted<'p> {
    step: &'p PlannedStep,
    ways: Vec<Way>,
}

/// What is done about a step on a host.
enum Way {
    /// Nothing was changed there, or nothing can be done about it.
    Nothing,
    /// An earlier undo took it back.
    Undone,
    /// It is taken back so.
    Inverse { action: Box<Action>, probe: Option<Box<Probe>> },
}

/// What is told of a plan beside it.
#[derive(Default)]
struct Told {
    left_out: Vec<LeftOut>,
    undone_before: Vec<LeftOut>,
    again: Vec<LeftOut>,
}

/// Plans the undo of a run.
///
/// The same hosts, the same batches, in the same order; every host is tried, because stopping an
/// undo half way leaves a fleet in two states. An undo is not undone: run the runbook again.
pub fn plan_undo(past: &Past<'_>, by: String, at: Timestamp) -> Result<UndoPlan, PlanErrors> {
    let plan = past.plan;
    if let Intent::Undo { of, .. } = plan.intent {
        let error = PlanError::new(format!("this run is itself the undo of run {of}, and an undo has no way back"));
        return Err(error.with_hint("run the runbook again to get its change back").into());
    }
    past.check_over()?;
    let mut told = Told::default();
    let mut steps = Vec::new();
    // The plan's order is the order in which things were done, the phases one after the other.
    for (index, step) in (0_u32..).zip(&plan.steps).collect::<Vec<_>>().into_iter().rev() {
        if step.effect == Effect::Change {
            steps.push(invert(past, index, step, &mut told));
        }
    }
    let concerned: Vec<u32> = (0_u32..)
        .zip(&plan.hosts)
        .map(|(host, _)| host)
        .filter(|host| steps.iter().any(|step| step.does(*host)))
        .collect();
    if concerned.is_empty() {
        return Err(nothing_to_undo(&told));
    }
    let subset = Subset::new(plan, concerned);
    let steps = steps.into_iter().filter(|step| subset.hosts().iter().any(|host| step.does(*host)));
    let steps = steps.map(|inverted| undo_step(inverted, &subset)).collect();
    let intent = Intent::Undo { of: past.run, after: past.known() };
    let mut plan = subset.plan(Made { intent, steps, by, at });
    // Every host is tried, and nobody is waited for: a fleet in two states is worse than a failure more.
    plan.limits = Limits {
        total: Budget { failed_max: subset.len(), unreachable_max: subset.len() },
        hosts_at_once_per_gateway_max: plan.limits.hosts_at_once_per_gateway_max,
        unreachable_canary_stops: false,
        ..Limits::strict(plan.limits.hosts_at_once_max)
    };
    let Told { left_out, undone_before, again } = told;
    Ok(UndoPlan { plan: seal(plan)?, left_out, undone_before, again })
}

impl Inverted<'_> {
    fn does(&self, host: u32) -> bool {
        matches!(self.ways.get(host as usize), Some(Way::Inverse { .. }))
    }

    fn is_undone(&self, host: u32) -> bool {
        matches!(self.ways.get(host as usize), Some(Way::Undone))
    }

    fn action(&self, host: u32) -> Option<Action> {
        match self.ways.get(host as usize)? {
            Way::Inverse { action, .. } => Some(action.as_ref().clone()),
            Way::Nothing | Way::Undone => None,
        }
    }

    fn probe(&self, host: u32) -> Option<Probe> {
        match self.ways.get(host as usize)? {
            Way::Inverse { probe, .. } => probe.as_deref().cloned(),
            Way::Nothing | Way::Undone => None,
        }
    }
}

fn invert<'p>(past: &Past<'p>, index: u32, step: &'p PlannedStep, told: &mut Told) -> Inverted<'p> {
    let shared = captured_once(past.plan, past.state, |once| once <= index);
    let hosts = (0_u32..).zip(&past.plan.hosts).map(|(host, _)| host);
    let ways = hosts.map(|host| {
        let say = |why: String| LeftOut::new(past.plan, (host, index), why);
        let inverse = match inverse_on(past, (host, index), step, &shared) {
            Ok(None) => return Way::Nothing,
            Ok(Some(inverse)) => inverse,
            Err(why) => {
                told.left_out.extend(say(why));
                return Way::Nothing;
            }
        };
        match past.back(host, &step.id) {
            Back::Open => {}
            Back::Done(run) => {
                told.undone_before.extend(say(format!("undone before, in run {run}")));
                return Way::Undone;
            }
            Back::Unclear(run, why) => {
                told.left_out.extend(say(format!("its undo was sent in run {run}: {why}")));
                return Way::Nothing;
            }
            Back::Again(run, why) => told.again.extend(say(format!("tried before, in run {run}: {why}"))),
        }
        let (action, probe) = inverse;
        Way::Inverse { action: Box::new(action), probe: probe.map(Box::new) }
    });
    Inverted { step, ways: ways.collect() }
}

/// The inverse of a step on a host, filled; none where nothing was changed; the error says why it is left out.
fn inverse_on(
    past: &Past<'_>,
    (host, index): (u32, u32),
    step: &PlannedStep,
    shared: &BTreeMap<CaptureName, Value>,
) -> Result<Option<(Action, Option<Probe>)>, String> {
    let (plan, state) = (past.plan, past.state);
    match state.trace(host, index) {
        Trace::Nothing => return Ok(None),
        Trace::Unclear(why) => return Err(why),
        Trace::Ended => {}
    }
    if step.way_back != WayBack::NotNeeded {
        if let Some(later) = past.stands_on(host) {
            return Err(format!("run {later} went on here, and what it did has to be undone first"));
        }
        // What was done here, or may have been, keeps its own words.
        let would_be_sent = matches!(past.back(host, &step.id), Back::Open | Back::Again(..));
        if let Some(run) = past.may_still_run_on(host).filter(|_| would_be_sent) {
            let ask = format!("ask the host with: daytwo recover {run}");
            return Err(format!("something of run {run} may still be running here; {ask}"));
        }
        if let Some(run) = past.undone_below(host).filter(|_| would_be_sent) {
            return Err(format!("what it was done on was taken back in run {run}, or tried to be; look at the host"));
        }
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
    let step = inverted.step;
    let verify = match &step.way_back {
        WayBack::Inverse { verify, .. } => verify.as_ref(),
        WayBack::None | WayBack::NotNeeded => None,
    };
    let hosts = || subset.hosts().iter().copied();
    let probe = PerHost::collect(hosts().map(|host| inverted.probe(host)));
    let undone = (0_u32..).zip(hosts()).filter(|(_, host)| inverted.is_undone(*host));
    let of_phase = match step.phase {
        Phase::Main => "",
        Phase::OnFailure => " (done after a failure)",
        Phase::Always => " (done at the end)",
    };
    PlannedStep {
        title: format!("Undo: {}{of_phase}", step.title),
        on: if step.on == On::Console { On::Console } else { On::Host },
        timeout_ms: step.timeout_ms,
        done_before: undone.map(|(index, _)| index).collect(),
        verify: verify.map(|verify| with_probe(verify, probe)),
        ..PlannedStep::new(step.id.clone(), PerHost::collect(hosts().map(|host| inverted.action(host))))
    }
}

/// How many of the reasons are told when there is nothing to undo.
const REASONS_MAX: usize = 10;

fn nothing_to_undo(told: &Told) -> PlanErrors {
    let mut errors = vec![PlanError::new(match told.undone_before.is_empty() {
        true => "there is nothing that this run's undo could take back",
        false => "there is nothing more that this run's undo could take back",
    })];
    errors.extend(told.left_out.iter().chain(&told.undone_before).take(REASONS_MAX).map(|left| PlanError {
        step: Some(left.step.clone()),
        host: Some(left.host.clone()),
        ..PlanError::new(left.why.clone())
    }));
    PlanErrors(errors)
}
