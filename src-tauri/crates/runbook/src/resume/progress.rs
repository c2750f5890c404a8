//! How far each host came in an earlier run: what it has behind it, what is still to do, and what nobody knows.

use std::collections::BTreeMap;

use daytwo_model::plan::{Effect, On, Phase, PlannedStep};
use daytwo_model::run::{Attempt, HostStanding, Trace};
use daytwo_model::{Answer, AttemptState, CaptureName, Plan, RunState, SkipReason};
use serde_json::Value;

use crate::derived::{captured_by, captured_once};

/// Where a step stands on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is behind the host: done, found done, or left by a person's decision.
    Done,
    /// There was nothing to do.
    Nothing,
    /// It is still to do, or to be done again.
    Open,
    /// It changes something, and what became of it is not known.
    Unclear(String),
}

/// How far one host came.
pub(super) struct Course {
    pub(super) host: u32,
    /// By step. What is done once for all hosts is looked at on the host where it was done.
    pub(super) steps: Vec<Progress>,
    /// The first step of the main phase that is still to do.
    pub(super) first_open: Option<u32>,
    /// Something was started there.
    pub(super) begun: bool,
    pub(super) standing: HostStanding,
}

impl Course {
    pub(super) fn of(plan: &Plan, state: &RunState, host: u32) -> Self {
        let of_step = |(index, step): (u32, &PlannedStep)| {
            progress(state, if step.on == On::Host { host } else { state.home() }, index, step)
        };
        let mut steps: Vec<Progress> = (0_u32..).zip(&plan.steps).map(of_step).collect();
        let main = |index: u32| plan.steps.get(index as usize).is_some_and(|step| step.phase == Phase::Main);
        let first_open =
            (0_u32..).zip(&steps).find(|(index, it)| main(*index) && **it == Progress::Open).map(|(index, _)| index);
        for (index, progress) in (0_u32..).zip(&mut steps) {
            // What was not due behind a step that failed may be due once that is done; and what is done at
            // a host's end, is done at the end of this run too.
            let settled = main(index) && first_open.is_none_or(|first| index < first);
            if (*progress == Progress::Nothing && !settled) || (*progress == Progress::Done && !main(index)) {
                *progress = Progress::Open;
            }
        }
        let own = (0_u32..).zip(&plan.steps).filter_map(|(index, _)| state.attempt(host, index));
        Self { host, steps, first_open, begun: own.into_iter().any(was_started), standing: state.standing(host) }
    }

    /// The first step of which nobody knows what became of it, and what is known.
    pub(super) fn unclear(&self) -> Option<(u32, &str)> {
        (0_u32..).zip(&self.steps).find_map(|(index, progress)| match progress {
            Progress::Unclear(why) => Some((index, why.as_str())),
            Progress::Done | Progress::Nothing | Progress::Open => None,
        })
    }

    /// Whether everything planned here came to a good end.
    pub(super) fn succeeded(&self) -> bool {
        self.first_open.is_none() && self.standing == HostStanding::Succeeded
    }

    pub(super) fn is_done(&self, step: u32) -> bool {
        self.steps.get(step as usize) == Some(&Progress::Done)
    }

    pub(super) fn is_open(&self, step: u32) -> bool {
        self.steps.get(step as usize) == Some(&Progress::Open)
    }

    /// The same host with everything still to do, except what was done once for all.
    pub(super) fn anew(mut self, plan: &Plan) -> Self {
        for (step, progress) in plan.steps.iter().zip(&mut self.steps) {
            if step.on == On::Host || *progress != Progress::Done {
                *progress = Progress::Open;
            }
        }
        self
    }

    /// What was captured in the steps that the host has behind it: nobody captures it again.
    pub(super) fn captured(&self, plan: &Plan, state: &RunState) -> BTreeMap<CaptureName, Value> {
        let mut captured = captured_once(plan, state, |step| self.is_done(step));
        captured.extend(captured_by(plan, state, self.host, |index, step| step.on == On::Host && self.is_done(index)));
        captured
    }
}

fn progress(state: &RunState, host: u32, index: u32, step: &PlannedStep) -> Progress {
    let Some(attempt) = state.attempt(host, index) else { return Progress::Open };
    let killed = matches!(attempt.state, AttemptState::Cancelled { .. });
    if step.effect == Effect::Change {
        match state.trace(host, index) {
            // Somebody saw it dead, no way back of it is due, and whoever resumes has asked for it to be done again.
            Trace::Unclear(_) if killed && attempt.may_be_made_again() && state.inverse(host, index).is_none() => {
                return Progress::Open;
            }
            Trace::Unclear(why) => return Progress::Unclear(why),
            // It was taken back in the run itself.
            Trace::Nothing if attempt.trace() != Trace::Nothing => return Progress::Open,
            Trace::Nothing | Trace::Ended => {}
        }
    }
    let answer = state.decision(host, index).map(|decision| decision.answer);
    match &attempt.state {
        AttemptState::Skipped { why: SkipReason::NotNeeded | SkipReason::DoneBefore } => Progress::Done,
        AttemptState::Skipped { why } if why.is_harmless() => Progress::Nothing,
        _ if state.is_good(host, index) || answer == Some(Answer::Skip) => Progress::Done,
        _ => Progress::Open,
    }
}

/// Whether something of it began on the host.
fn was_started(attempt: &Attempt) -> bool {
    use AttemptState as S;
    match &attempt.state {
        S::Unreachable { .. } | S::NotStarted { .. } | S::Refused { .. } => attempt.attempts > 1,
        S::Skipped { .. } => false,
        _ => attempt.id.is_some(),
    }
}
