//! The Fleet place.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use daytwo_model::facts::FactSheet;
use daytwo_model::{Host, HostName};
use tokio::sync::broadcast::error::RecvError;

use crate::wire::fleet::{FactView, FleetView, HostDetail, HostVerdict, SelectionView};
use crate::wire::run::{HistoryFilter, RunRow};
use crate::wire::{Code, UiError};
use crate::{Console, selection, view};

/// How long a command waits for hosts that it asked; a host that needs longer is shown as it was.
const PROBE_WAIT: Duration = Duration::from_secs(20);
/// How many earlier observations a sparkline has.
const SAMPLES_MAX: u32 = 120;

impl Console {
    /// Every host, as it was last seen.
    #[must_use]
    pub fn fleet(&self) -> FleetView {
        let fleet = self.inventory.fleet();
        let seen = self.prober.snapshot();
        let (now, interval) = (self.clock.now(), self.probe_interval());
        let row = |host: &Host| view::fleet::row(host, seen.get(&host.name), now, interval);
        let mut hosts: Vec<_> = fleet.hosts.iter().map(row).collect();
        hosts.sort_by(|a, b| a.name.cmp(&b.name));
        let mut summary = view::fleet::summary(&hosts, &seen, self.is_demo());
        if self.demo_note().is_some() {
            summary.words.push_str(" · simulated, nothing is executed");
        }
        FleetView { index: self.fleet_index(), hosts, summary }
    }

    /// Why the demo's hosts are simulated, where they are: for whoever expects them to be real.
    #[must_use]
    pub fn demo_note(&self) -> Option<&str> {
        self.parts.demo_note.as_deref()
    }

    /// What a selector picks; an empty text picks every host, since it narrows nothing.
    #[must_use]
    pub fn select(&self, selection: &str) -> SelectionView {
        let fleet = self.inventory.fleet();
        let of = u32::try_from(fleet.hosts.len()).unwrap_or(u32::MAX);
        let mut view = SelectionView { hosts: Vec::new(), undecided: Vec::new(), of, error: None };
        if selection.trim().is_empty() {
            view.hosts = fleet.hosts.iter().map(|host| host.name.clone()).collect();
            return view;
        }
        let selector = match selection::read(selection) {
            Ok(selector) => selector,
            Err(error) => {
                view.error = Some(error);
                return view;
            }
        };
        (view.hosts, view.undecided) = selection::deal(&selector, &fleet.hosts, &self.facts_now(), self.clock.now());
        view
    }

    /// Every host with what a selector makes of it, and why.
    pub fn explain_selection(&self, selection: &str) -> Result<Vec<HostVerdict>, UiError> {
        let selector = selection::read(selection).map_err(|error| selection::refused(selection, error))?;
        let (fleet, facts, now) = (self.inventory.fleet(), self.facts_now(), self.clock.now());
        let verdict = |host: &Host| {
            let explanation = selector.explain(host, facts.get(&host.name), now);
            HostVerdict { name: host.name.clone(), verdict: explanation.verdict, why: explanation.saw() }
        };
        let mut verdicts: Vec<HostVerdict> = fleet.hosts.iter().map(verdict).collect();
        verdicts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(verdicts)
    }

    /// The facts that selectors can ask for.
    #[must_use]
    pub fn fact_names() -> Vec<FactView> {
        let view = |fact: &daytwo_fleet::FactName| FactView {
            name: fact.name.to_owned(),
            example: fact.unit.example().to_owned(),
            doc: fact.doc.to_owned(),
        };
        daytwo_fleet::FACT_NAMES.iter().map(view).collect()
    }

    /// What is known of every host, as selectors ask for it.
    pub(crate) fn facts_now(&self) -> HashMap<HostName, FactSheet> {
        let seen = self.prober.snapshot();
        seen.iter().map(|(name, observation)| (name.clone(), daytwo_fleet::fact_sheet(observation))).collect()
    }

    /// One host in full.
    pub async fn host(&self, name: &HostName) -> Result<HostDetail, UiError> {
        let fleet = self.inventory.fleet();
        let host = fleet.hosts.iter().find(|host| host.name == *name).ok_or_else(|| no_such_host(name))?;
        let seen = self.prober.snapshot();
        let row = view::fleet::row(host, seen.get(name), self.clock.now(), self.probe_interval());
        let history = self.parts.store.observations_of(name, SAMPLES_MAX).await.map_err(|e| UiError::history(&e))?;
        let samples = history.iter().rev().map(view::fleet::sample).collect();
        let runs: Vec<RunRow> = self.runs_with_host(name).await?;
        Ok(HostDetail { row, vars: host.vars.clone(), samples, runs })
    }

    /// Has hosts asked soon; all where none are named.
    pub fn probe_now(&self, hosts: Option<Vec<HostName>>) {
        self.prober.probe_now(hosts);
    }

    /// Asks these hosts and waits until each has answered or was given up, within a bound.
    pub async fn probe_and_wait(&self, names: &[HostName]) {
        let mut waiting: BTreeSet<&HostName> = names.iter().collect();
        let mut observed = self.prober.subscribe();
        let fleet = self.inventory.fleet();
        let hosts = fleet.hosts.iter().filter(|host| waiting.contains(&host.name)).cloned().collect();
        self.prober.set_hosts(hosts);
        self.prober.probe_now(Some(names.to_vec()));
        let asked = async {
            while !waiting.is_empty() {
                match observed.recv().await {
                    Ok(name) => {
                        waiting.remove(&name);
                    }
                    // Which ones were missed is not known; the bound ends the waiting.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        };
        if tokio::time::timeout(PROBE_WAIT, asked).await.is_err() {
            tracing::info!(hosts = waiting.len(), "no answer within {PROBE_WAIT:?}");
        }
    }

    /// Waits until one of these hosts was observed.
    pub async fn fleet_changed(&self, names: &[HostName]) {
        let mut observed = self.prober.subscribe();
        loop {
            match observed.recv().await {
                Ok(name) if names.contains(&name) => return,
                Ok(_) => {}
                Err(RecvError::Lagged(_) | RecvError::Closed) => return,
            }
        }
    }

    /// For a person who has no hosts yet; or what is wrong with the files that should name them.
    #[must_use]
    pub fn how_to_add_hosts(&self) -> String {
        let fleet = self.inventory.fleet();
        let errors = fleet.sources.iter().filter_map(|source| {
            let error = source.error.as_ref()?;
            Some(format!("error: cannot use {}\n{}\n", source.path, error.why))
        });
        let errors: String = errors.collect();
        if !errors.is_empty() {
            return errors;
        }
        let file = self.profile.fleet_file();
        format!(
            "no hosts yet. Write {}:\n\n  hosts:\n    web-1: {{ address: 10.0.0.7, user: ops, labels: {{ role: web }} }}\n\n\
             or name hosts in ~/.ssh/config, or look around with: daytwo --demo hosts\n",
            file.display()
        )
    }

    pub(crate) async fn runs_with_host(&self, name: &HostName) -> Result<Vec<RunRow>, UiError> {
        self.list_runs(&HistoryFilter::default(), Some(name.clone())).await
    }
}

fn no_such_host(name: &HostName) -> UiError {
    UiError::new(Code::NotFound, format!("no source names a host {name}"))
}
