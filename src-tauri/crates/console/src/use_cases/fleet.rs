//! The Fleet place.

use std::collections::BTreeSet;
use std::time::Duration;

use daytwo_model::{Host, HostName, Selector};
use tokio::sync::broadcast::error::RecvError;

use crate::Console;
use crate::view;
use crate::wire::fleet::{FleetView, HostDetail, SelectionError, SelectionView};
use crate::wire::run::{HistoryFilter, RunRow};
use crate::wire::{Code, UiError};

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
        let names = |keep: &dyn Fn(&Host) -> bool| {
            fleet.hosts.iter().filter(|host| keep(host)).map(|host| host.name.clone()).collect()
        };
        if selection.trim().is_empty() {
            return SelectionView { hosts: names(&|_| true), of, error: None };
        }
        match Selector::parse(selection) {
            Ok(selector) => SelectionView { hosts: names(&|host| selector.matches(host)), of, error: None },
            Err(error) => {
                let column = u32::try_from(error.column).unwrap_or(u32::MAX);
                let error = Some(SelectionError { column, message: error.to_string() });
                SelectionView { hosts: Vec::new(), of, error }
            }
        }
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
