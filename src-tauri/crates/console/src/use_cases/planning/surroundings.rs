//! What planning sees: the fleet with its facts, trusted keys, choices, and the folder's revision.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use daytwo_model::{RunbookName, SealedPlan, Selector, Timestamp};
use daytwo_runbook::{ChoiceSource, InputKind, PlanErrors, Runbook, WhenReachable};

use crate::catalogue::Catalogue;
use crate::surroundings::Snapshot;
use crate::view::words::ago;
use crate::wire::plan::UndecidedHost;
use crate::wire::{Code, UiError};
use crate::{Console, choices, revision, selection};

/// What an operator chose, and when.
pub(super) struct Asked {
    /// As typed; absent ones take their defaults.
    pub(super) inputs: BTreeMap<String, String>,
    /// Narrows the runbook's targets.
    pub(super) selection: Option<Selector>,
    /// How long hosts that cannot be reached wait for their part.
    pub(super) when_reachable: WhenReachable,
    /// The moment of the plan.
    pub(super) at: Timestamp,
}

impl Console {
    /// Makes the plan, away from the threads that keep the window alive.
    pub(super) async fn planned(
        &self,
        runbook: Arc<Runbook>,
        asked: Asked,
    ) -> Result<Result<SealedPlan, PlanErrors>, UiError> {
        let surroundings = self.snapshot(&runbook).await?;
        let source = self.revision_of(&runbook).await;
        let fleet = self.inventory.fleet();
        let by = self.profile.actor.clone();
        let Asked { inputs, selection, when_reachable, at } = asked;
        let planning = tokio::task::spawn_blocking(move || {
            let request = daytwo_runbook::PlanRequest {
                inputs,
                selection,
                fleet: &fleet.hosts,
                surroundings: &surroundings,
                source,
                by,
                at,
                when_reachable,
            };
            daytwo_runbook::plan(&runbook, &request)
        });
        planning.await.map_err(|error| UiError::new(Code::Internal, "planning failed").because(&error))
    }

    async fn snapshot(&self, runbook: &Runbook) -> Result<Snapshot, UiError> {
        let catalogue = self.catalogue_now();
        let mut known = HashMap::new();
        for (book, input, _) in asked_inputs(&catalogue, runbook) {
            let values = choices::last_known(&self.parts.store, &book, &input).await?;
            if !values.is_empty() {
                known.insert((book, input), values);
            }
        }
        let host_keys = match &self.parts.ssh {
            Some(ssh) => ssh.known_keys(&self.inventory.fleet().hosts).await,
            None => HashMap::new(),
        };
        let gateways = match &self.parts.ssh {
            // The answer takes a program for each host that ssh_config names.
            Some(ssh) if runbook.rollout.at_once_per_gateway.is_some() => {
                ssh.gateways(&self.inventory.fleet().hosts).await
            }
            _ => HashMap::new(),
        };
        Ok(Snapshot { facts: self.facts_now(), host_keys, gateways, choices: known, catalogue })
    }

    /// Reads anew the choices that a plan needs: of inputs that were given, or that have a default,
    /// and of runbooks that are called. What could not be read is told, one sentence each.
    ///
    /// This runs the runbooks' own commands on this machine. It is for a command that names a runbook
    /// of the catalogue; a window reads choices when somebody opens a form.
    pub async fn read_choices(&self, name: &RunbookName, given: &BTreeSet<String>) -> Result<Vec<String>, UiError> {
        let runbook = self.runbook_named(name)?;
        let is_needed = |book: &RunbookName, input: &str| {
            book != name
                || given.contains(input)
                || runbook.inputs.get(input).is_some_and(|spec| spec.default.is_some())
        };
        let asked = asked_inputs(&self.catalogue_now(), &runbook);
        let needed: Vec<_> = asked.into_iter().filter(|(book, input, _)| is_needed(book, input)).collect();
        let read = needed.iter().map(|(book, input, source)| self.choices_of(book, input, source));
        let answers = futures::future::join_all(read).await;
        let mut told = Vec::new();
        for ((book, input, _), answer) in needed.iter().zip(answers) {
            let answer = answer?;
            told.extend(answer.problem.map(|problem| {
                let age = match answer.as_of {
                    Some(at) => format!("those of {} are used", ago(self.clock.now(), at)),
                    None => "and they never were".to_owned(),
                };
                format!("input {input} of {book}: {problem}; {age}")
            }));
        }
        Ok(told)
    }

    async fn revision_of(&self, runbook: &Runbook) -> Option<String> {
        let path = self.catalogue_now().get(&runbook.name)?.path.clone()?;
        revision::of(&path).await
    }

    /// How many hosts the runbook's targets and a selection pick, and those of which they cannot say.
    pub(super) fn counted(&self, runbook: &Runbook, selection: Option<Selector>) -> (u32, Vec<UndecidedHost>) {
        let selector = match (&runbook.targets, selection) {
            (None, None) => return (0, Vec::new()),
            (Some(targets), None) => targets.clone(),
            (None, Some(selection)) => selection,
            (Some(targets), Some(selection)) => targets.narrowed_by(&selection),
        };
        let fleet = self.inventory.fleet();
        let (picked, undecided) = selection::deal(&selector, &fleet.hosts, &self.facts_now(), self.clock.now());
        (u32::try_from(picked.len()).unwrap_or(u32::MAX), undecided)
    }
}

/// Every input whose choices are asked for: of a runbook, and of those that it calls, and those that they call.
fn asked_inputs(catalogue: &Catalogue, runbook: &Runbook) -> Vec<(RunbookName, String, ChoiceSource)> {
    let mut asked = Vec::new();
    let mut seen = BTreeSet::from([runbook.name.clone()]);
    let mut books = vec![runbook];
    while let Some(book) = books.pop() {
        asked.extend(book.inputs.iter().filter_map(|(name, spec)| match &spec.kind {
            InputKind::Choice { from: Some(source), .. } => Some((book.name.clone(), name.clone(), source.clone())),
            _ => None,
        }));
        for name in book.calls().filter(|name| seen.insert((*name).clone())).collect::<Vec<_>>() {
            books.extend(catalogue.get(name).and_then(|entry| entry.runbook.as_deref().ok()));
        }
    }
    asked
}
