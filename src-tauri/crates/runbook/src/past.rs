//! A run that is over, with every run that was made of it since: what of it still stands.
//!
//! Undo, resume and late delivery are made from what a run did. What an earlier undo took back is not taken back
//! again, and what another run has gone on with is that run's: nobody's work is done twice, or undone from below.
//! A run that was itself made of one stands on that: so its past is what was done since by all its family.

use std::sync::Arc;

use daytwo_model::plan::{Action, Effect, Intent, PerHost, PlannedStep, WayBack};
use daytwo_model::run::{Attempt, Trace};
use daytwo_model::{
    AttemptState, CancelReason, HostName, Plan, RunId, RunState, RunStatus, SealedPlan, SkipReason, StepId,
};

use crate::plan::{PlanError, PlanErrors};

/// A run, and the runs that were made of it.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    /// Its id.
    pub run: RunId,
    /// Its plan.
    pub plan: &'a Plan,
    /// What it has come to.
    pub state: &'a RunState,
    /// The runs that undo it or do a part of it again, the oldest first.
    pub since: &'a [Since],
    /// The runs that were opened after it and made, like it, of what it was made of; the oldest first. An undo
    /// among them took back what this run stands on.
    pub beside: &'a [Since],
}

/// A run that was made of an earlier one, and those that were made of it in turn.
#[derive(Debug)]
pub struct Since {
    /// Its id.
    pub run: RunId,
    /// Its plan.
    pub plan: Arc<SealedPlan>,
    /// What it has come to.
    pub state: RunState,
    /// The runs that were made of it, the oldest first.
    pub since: Vec<Since>,
}

/// What became, in earlier undos of a run, of the way back of a step on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Back {
    /// Nothing was sent.
    Open,
    /// It was taken back in this run.
    Done(RunId),
    /// It was sent in this run and its end was seen to be a bad one, or it compares before it sets: it may be
    /// sent again, because a person asks for it and the plan says so.
    Again(RunId, String),
    /// It was sent in this run, and what an inverse would meet now is not known.
    Unclear(RunId, String),
}

impl<'a> Past<'a> {
    /// A run of which nothing was made since.
    #[must_use]
    pub const fn alone(run: RunId, plan: &'a Plan, state: &'a RunState) -> Self {
        Self { run, plan, state, since: &[], beside: &[] }
    }

    /// Refuses what is not over: until then nobody knows what is to be undone, or done again.
    pub(crate) fn check_over(&self) -> Result<(), PlanErrors> {
        self.check_itself_over()?;
        self.all_since().try_for_each(|since| check_over(since.run, &since.state))
    }

    /// As for [`Self::check_over`], whatever is made of it at this time.
    pub(crate) fn check_itself_over(&self) -> Result<(), PlanErrors> {
        check_over(self.run, self.state)
    }

    /// Every run of its family that was opened after it.
    pub(crate) fn known(&self) -> Vec<RunId> {
        let mut known: Vec<RunId> = self.all_since().map(|since| since.run).collect();
        known.sort_unstable();
        known
    }

    /// What was made of it and beside it, directly or not.
    fn all_since(&self) -> impl Iterator<Item = &'a Since> {
        let mut open: Vec<&Since> = self.since.iter().chain(self.beside).rev().collect();
        std::iter::from_fn(move || {
            let next = open.pop()?;
            open.extend(next.since.iter().rev());
            Some(next)
        })
    }

    /// Its undos, the oldest first.
    pub(crate) fn undos(&self) -> impl Iterator<Item = &'a Since> {
        self.since.iter().filter(|since| since.is_undo())
    }

    /// What became of the way back of a step on a host.
    pub(crate) fn back(&self, host: u32, step: &StepId) -> Back {
        let Some(host) = self.plan.hosts.get(host as usize) else { return Back::Open };
        let told = self.undos().filter_map(|undo| undo.back(&host.name, step));
        told.last().unwrap_or(Back::Open)
    }

    /// The newest run that started something on a host to undo what was done there.
    pub(crate) fn undone_on(&self, host: u32) -> Option<RunId> {
        let name = &self.plan.hosts.get(host as usize)?.name;
        self.undos().filter(|undo| undo.started_on(name)).last().map(|undo| undo.run)
    }

    /// The newest run that started something on a host to undo what had been done there before this run: what this
    /// run found there is not there any more.
    pub(crate) fn undone_below(&self, host: u32) -> Option<RunId> {
        let name = &self.plan.hosts.get(host as usize)?.name;
        self.undos_below().filter(|undo| undo.started_on(name)).last().map(|undo| undo.run)
    }

    /// The newest run that took back, on any host, what a step had done before this run for all hosts.
    pub(crate) fn once_undone_below(&self, step: &StepId) -> Option<RunId> {
        let took_back = |undo: &&Since| undo.plan.plan().hosts.iter().any(|host| undo.back(&host.name, step).is_some());
        self.undos_below().filter(took_back).last().map(|undo| undo.run)
    }

    /// What was undone beside it is older than it: an undo of what is newer stands below that.
    fn undos_below(&self) -> impl Iterator<Item = &'a Since> {
        self.beside.iter().filter(|since| since.is_undo())
    }

    /// The newest run that has gone on with a host: what is there now is that run's.
    pub(crate) fn gone_on(&self, host: u32) -> Option<RunId> {
        let name = &self.plan.hosts.get(host as usize)?.name;
        self.all_since().filter(|since| !since.is_undo() && since.started_on(name)).map(|since| since.run).max()
    }

    /// A run that has gone on with a host and changed something there that nobody has tried to take back: what was
    /// done first is taken back last.
    pub(crate) fn stands_on(&self, host: u32) -> Option<RunId> {
        let name = &self.plan.hosts.get(host as usize)?.name;
        stands_on(self.since, name).or_else(|| stands_on(self.beside, name))
    }

    /// A run of its family of which a script may still be running on a host: nothing is begun beside it.
    pub(crate) fn may_still_run_on(&self, host: u32) -> Option<RunId> {
        let name = &self.plan.hosts.get(host as usize)?.name;
        self.all_since().find(|since| since.may_still_run_on(name)).map(|since| since.run)
    }
}

fn stands_on(since: &[Since], host: &HostName) -> Option<RunId> {
    since.iter().rev().filter(|since| !since.is_undo()).find_map(|since| {
        let own = || {
            // An undo that left the host out will not come to it either; one that did not get there still may.
            let tried = |undo: &Since| undo.is_undo() && (undo.host(host).is_none() || undo.started_on(host));
            let undone = since.since.iter().any(tried);
            (!undone && since.changed(host)).then_some(since.run)
        };
        stands_on(&since.since, host).or_else(own)
    })
}

fn check_over(run: RunId, state: &RunState) -> Result<(), PlanErrors> {
    let error = match state.status() {
        Some(RunStatus::Ended { .. }) => return Ok(()),
        Some(RunStatus::Interrupted) => {
            let error = format!("run {run} was interrupted, and what became of it was not found out yet");
            PlanError::new(error).with_hint(format!("ask its hosts with: daytwo recover {run}"))
        }
        None | Some(RunStatus::Running | RunStatus::Cancelling) => {
            let hint = format!(
                "cancel it or wait for its end; where its console is gone, ask its hosts with: daytwo recover {run}"
            );
            PlanError::new(format!("run {run} is still going")).with_hint(hint)
        }
    };
    Err(error.into())
}

impl Since {
    fn is_undo(&self) -> bool {
        matches!(self.plan.plan().intent, Intent::Undo { .. })
    }

    fn host(&self, name: &HostName) -> Option<u32> {
        let hosts = (0_u32..).zip(&self.plan.plan().hosts);
        hosts.into_iter().find(|(_, host)| host.name == *name).map(|(index, _)| index)
    }

    fn steps(&self) -> impl Iterator<Item = (u32, &PlannedStep)> {
        (0_u32..).zip(&self.plan.plan().steps)
    }

    /// The last attempt of each step on a host, and every inverse that was sent there.
    fn attempts_on(&self, name: &HostName) -> impl Iterator<Item = &Attempt> {
        let of = move |host: u32| {
            self.steps().flat_map(move |(step, _)| [self.state.attempt(host, step), self.state.inverse(host, step)])
        };
        self.host(name).into_iter().flat_map(of).flatten()
    }

    /// Whether something was sent to a host and not merely refused, or not delivered.
    fn started_on(&self, name: &HostName) -> bool {
        self.attempts_on(name).any(|attempt| attempt.id.is_some() && attempt.trace() != Trace::Nothing)
            || self
                .attempts_on(name)
                .any(|attempt| matches!(attempt.state, AttemptState::Undone | AttemptState::Stuck { .. }))
    }

    /// A request is over by now, whether or not its answer was seen.
    fn may_still_run_on(&self, name: &HostName) -> bool {
        let Some(host) = self.host(name) else { return false };
        let is_script = |action: &PerHost<Action>| matches!(action.get(host), Some(Action::Run { .. }));
        self.steps().any(|(index, step)| {
            let runs = |attempt: Option<&Attempt>| attempt.is_some_and(Attempt::may_still_run);
            let inverse = matches!(&step.way_back, WayBack::Inverse { action, .. } if is_script(action));
            (step.effect == Effect::Change && is_script(&step.action) && runs(self.state.attempt(host, index)))
                || (inverse && runs(self.state.inverse(host, index)))
        })
    }

    /// Whether it changed something on a host that could be taken back.
    fn changed(&self, name: &HostName) -> bool {
        let Some(host) = self.host(name) else { return false };
        let may_be_undone = |step: &PlannedStep| {
            let inverse = matches!(&step.way_back, WayBack::Inverse { action, .. } if action.get(host).is_some());
            step.effect == Effect::Change && inverse
        };
        self.steps().any(|(index, step)| may_be_undone(step) && self.state.trace(host, index) != Trace::Nothing)
    }

    /// What became of a way back in this undo; none where nothing was sent for it.
    fn back(&self, name: &HostName, step: &StepId) -> Option<Back> {
        use AttemptState as S;
        let host = self.host(name)?;
        let (index, planned) = self.steps().find(|(_, planned)| planned.id == *step)?;
        let attempt = self.state.attempt(host, index)?;
        let compares = planned.action.get(host).is_some_and(Action::compares_before_it_sets);
        let unless_it_compares = |why: String| match compares {
            true => Back::Again(self.run, format!("{why}; it compares before it sets")),
            false => Back::Unclear(self.run, why),
        };
        Some(match &attempt.state {
            S::Skipped { why: SkipReason::DoneBefore } => return None,
            S::Undone => Back::Done(self.run),
            S::Finished { exit } if exit.is_success() && planned.verify.is_none() => Back::Done(self.run),
            S::Verified { .. } => Back::Done(self.run),
            S::Finished { exit } if exit.is_success() => {
                Back::Unclear(self.run, format!("it ended with {exit}, and was not verified"))
            }
            S::Finished { exit } => Back::Again(self.run, exit.to_string()),
            S::Stuck { why } | S::NotVerified { why, .. } => Back::Again(self.run, why.clone()),
            S::Cancelled { reason: CancelReason::Deadline } => {
                Back::Again(self.run, "it ran longer than the step allows, and was killed".to_owned())
            }
            S::Cancelled { reason: CancelReason::Operator | CancelReason::DeadMan } => {
                unless_it_compares("it was killed and may have half happened".to_owned())
            }
            S::Lost { why } => unless_it_compares(format!("it was lost and may have half happened: {why}")),
            // A script may still be running there, and nothing is sent beside it; a request is over by now.
            S::Unknown { why }
                if planned.action.get(host).is_some_and(|action| matches!(action, Action::HttpSet { .. })) =>
            {
                unless_it_compares(format!("whether it happened is not known: {why}"))
            }
            S::Sent | S::Running { .. } | S::Unknown { .. } => Back::Unclear(
                self.run,
                format!("whether it happened is not known; ask the host with: daytwo recover {}", self.run),
            ),
            S::Unreachable { .. } | S::Refused { .. } | S::NotStarted { .. } | S::Skipped { .. } => {
                return (attempt.trace() != Trace::Nothing)
                    .then(|| Back::Again(self.run, "its first attempt failed".to_owned()));
            }
        })
    }
}
