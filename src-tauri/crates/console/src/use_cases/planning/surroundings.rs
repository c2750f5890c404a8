//! What planning sees: the fleet with its facts, trusted keys, choices, and the folder's revision.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use daytwo_model::{Selector, Verdict};
use daytwo_runbook::{InputKind, PlanErrors, Runbook};
use daytwo_model::SealedPlan;

use crate::surroundings::Snapshot;
use crate::wire::plan::UndecidedHost;
use crate::wire::{Code, UiError};
use crate::{Console, choices, revision};

impl Console {
    /// Makes the plan, away from the threads that keep the window alive.
    pub(super) async fn planned(
        &self,
        runbook: Arc<Runbook>,
        inputs: BTreeMap<String, String>,
        selection: Option<Selector>,
    ) -> Result<Result<SealedPlan, PlanErrors>, UiError> {
        let surroundings = self.snapshot(&runbook).await?;
        let source = self.revision_of(&runbook).await;
        let fleet = self.inventory.fleet();
        let (by, at) = (self.profile.actor.clone(), self.clock.now());
        let planning = tokio::task::spawn_blocking(move || {
            let request = daytwo_runbook::PlanRequest {
                inputs,
                selection,
                fleet: &fleet.hosts,
                surroundings: &surroundings,
                source,
                by,
                at,
            };
            daytwo_runbook::plan(&runbook, &request)
        });
        planning.await.map_err(|error| UiError::new(Code::Internal, "planning failed").because(&error))
    }

    async fn snapshot(&self, runbook: &Runbook) -> Result<Snapshot, UiError> {
        let catalogue = self.catalogue_now();
        let mut known = HashMap::new();
        let called = runbook.calls().filter_map(|name| catalogue.get(name)?.runbook.as_ref().ok().map(Arc::as_ref));
        for book in std::iter::once(runbook).chain(called) {
            for (input, spec) in &book.inputs {
                if matches!(&spec.kind, InputKind::Choice { from: Some(_), .. }) {
                    let values = choices::last_known(&self.parts.store, &book.name, input).await?;
                    if !values.is_empty() {
                        known.insert((book.name.clone(), input.clone()), values);
                    }
                }
            }
        }
        let host_keys = match &self.parts.ssh {
            Some(ssh) => ssh.known_keys(&self.inventory.fleet().hosts).await,
            None => HashMap::new(),
        };
        Ok(Snapshot { facts: self.facts_now(), host_keys, choices: known, catalogue })
    }

    async fn revision_of(&self, runbook: &Runbook) -> Option<String> {
        let path = self.catalogue_now().get(&runbook.name)?.path.clone()?;
        revision::of(&path).await
    }

    /// How many hosts the runbook's targets and a selection pick, and those of which they cannot say.
    pub(super) fn counted(&self, runbook: &Runbook, selection: Option<&Selector>) -> (u32, Vec<UndecidedHost>) {
        let selector = match (&runbook.targets, selection) {
            (None, None) => return (0, Vec::new()),
            (Some(one), None) => one.clone(),
            (None, Some(one)) => one.clone(),
            (Some(targets), Some(selection)) => targets.narrowed_by(selection),
        };
        let (fleet, facts, now) = (self.inventory.fleet(), self.facts_now(), self.clock.now());
        let (mut picked, mut undecided) = (0, Vec::new());
        for host in &fleet.hosts {
            let facts = facts.get(&host.name);
            match selector.verdict(host, facts, now) {
                Verdict::Picked => picked += 1,
                Verdict::NotPicked => {}
                Verdict::Undecided => {
                    let why = crate::view::fleet::saw(&selector.explain(host, facts, now));
                    undecided.push(UndecidedHost { name: host.name.clone(), why });
                }
            }
        }
        (picked, undecided)
    }
}
