//! What was made of a run, and beside it, since: what plans that are made of it have to know, and what they may not overlook.

use std::collections::{HashMap, HashSet};

use daytwo_model::plan::Intent;
use daytwo_model::{Plan, RunId, RunState, SealedPlan};
use daytwo_runbook::{Past, Since};
use daytwo_store::{Part, RunSummary};

use crate::Console;
use crate::follow::Folded;
use crate::view;
use crate::wire::{Code, UiError};

/// What the family of a run has done since it was opened.
pub(super) struct Kin {
    run: RunId,
    since: Vec<Since>,
    beside: Vec<Since>,
}

impl Kin {
    /// The run with its family, for plans that are made of it.
    pub(super) fn past<'a>(&'a self, plan: &'a Plan, state: &'a RunState) -> Past<'a> {
        Past { run: self.run, plan, state, since: &self.since, beside: &self.beside }
    }

    /// The last of the runs that were made of it.
    pub(super) fn last(&self) -> Option<&Since> {
        self.since.last()
    }
}

impl Console {
    /// The runs that were made since of one or of what that was made of, with what each has come to and what was
    /// made of it in turn.
    pub(super) async fn since(&self, run: RunId) -> Result<Kin, UiError> {
        let made = self.made_since(run).await?;
        let known: HashSet<RunId> = made.iter().map(|made| made.id).chain([run]).collect();
        let mut of: HashMap<RunId, Vec<Since>> = HashMap::new();
        let mut beside = Vec::new();
        // The newest first: what was made of one is at hand when that is looked at.
        for summary in made.iter().rev() {
            let Folded { sealed, state, .. } = self.folded(summary.id).await?;
            let since = of.remove(&summary.id).unwrap_or_default();
            let siblings = match parent(summary).filter(|parent| known.contains(parent)) {
                Some(parent) => of.entry(parent).or_default(),
                None => &mut beside,
            };
            siblings.insert(0, Since { run: summary.id, plan: sealed, state, since });
        }
        Ok(Kin { run, since: of.remove(&run).unwrap_or_default(), beside })
    }

    /// Refuses to plan something of a run while something else of its family goes on: two at one time would
    /// do, or take back, the same steps twice.
    pub(super) async fn check_nothing_goes_on(&self, run: RunId) -> Result<(), UiError> {
        let made = self.made_since(run).await?;
        let Some(going) = made.iter().find(|made| view::run::is_active(made.status)) else { return Ok(()) };
        let message = format!("run {} {}, and is not over", going.id, doing(going));
        let hint =
            format!("wait for its end; where its console is gone, ask its hosts with: daytwo recover {}", going.id);
        Err(UiError::new(Code::Conflict, message).hint(hint))
    }

    /// Refuses to start a plan that was made of a run where something else of its family was opened since: what is
    /// still to be done is not what the plan says. The store refuses it too, whoever is quicker.
    pub(super) async fn check_not_overtaken(&self, plan: &SealedPlan) -> Result<(), UiError> {
        let intent = &plan.plan().intent;
        let Some((of, after)) = intent.made_of() else { return Ok(()) };
        let made = self.made_since(of).await?;
        let is_news = |made: &&RunSummary| match intent {
            Intent::Late { .. } => made.undo_of == Some(of),
            _ => !after.contains(&made.id),
        };
        let Some(other) = made.iter().find(is_news) else { return Ok(()) };
        let since = if other.undo_of.is_some() { "undone" } else { "gone on with" };
        let message = format!(
            "run {} has been {since} since this plan was made, in run {}; nothing was sent",
            parent(other).unwrap_or(of),
            other.id
        );
        let again = match intent {
            Intent::Undo { .. } => format!("plan it again with: daytwo undo {of}"),
            _ => format!("plan it again with: daytwo resume {of}"),
        };
        Err(UiError::new(Code::PlanChanged, message).hint(again))
    }

    async fn made_since(&self, run: RunId) -> Result<Vec<RunSummary>, UiError> {
        self.parts.store.made_since(run).await.map_err(|error| UiError::history(&error))
    }
}

/// The run that another was made of.
fn parent(made: &RunSummary) -> Option<RunId> {
    made.undo_of.or(made.part_of.map(|(of, _)| of))
}

fn doing(made: &RunSummary) -> String {
    let of = parent(made).map(|of| of.to_string()).unwrap_or_default();
    match made.part_of {
        None => format!("is undoing run {of}"),
        Some((_, Part::Late)) => format!("delivers a part of run {of}"),
        Some((_, Part::Resumed(_))) => format!("does a part of run {of} again"),
    }
}
