//! From a request to a plan that can be read, and to its start.

use std::collections::{BTreeSet, HashMap};
use std::sync::PoisonError;

use daytwo_model::plan::Intent;
use daytwo_model::{Digest, Host, HostName, Plan, RunId, SealedPlan, Selector};
use daytwo_runbook::PlanErrors;

use super::catalogue::broken;
use crate::Console;
use crate::view;
use crate::view::words::count;
use crate::wire::plan::{PlanAnswer, PlanProblem, PlanRequest};
use crate::wire::{Code, Mark, UiError};

/// How many host names a warning lists.
const WARNING_NAMES_MAX: usize = 8;

impl Console {
    /// Plans; sends nothing to any host.
    pub async fn plan(&self, request: PlanRequest) -> Result<PlanAnswer, UiError> {
        let catalogue = self.catalogue_now();
        let entry = catalogue.get(&request.runbook).ok_or_else(|| self.no_such_runbook(&request.runbook))?;
        let runbook = entry.runbook.as_ref().map_err(|why| broken(entry, why))?;
        let fleet = self.inventory.fleet();
        let selected = self.select(&request.selection);
        let in_targets = fleet.hosts.iter().filter(|host| {
            let targeted = runbook.targets.as_ref().is_none_or(|targets| targets.matches(host));
            targeted && selected.hosts.contains(&host.name)
        });
        let selected_now = u32::try_from(in_targets.count()).unwrap_or(u32::MAX);
        let selection = match Some(request.selection.trim()).filter(|text| !text.is_empty()).map(Selector::parse) {
            None => None,
            Some(Ok(selector)) => Some(selector),
            Some(Err(error)) => {
                let problem = PlanProblem {
                    input: Some("selection".to_owned()),
                    step: None,
                    host: None,
                    message: error.to_string(),
                    hint: None,
                };
                return Ok(PlanAnswer { plan: None, problems: vec![problem], selected: 0 });
            }
        };
        let planned = daytwo_runbook::plan(
            runbook,
            &daytwo_runbook::PlanRequest {
                inputs: request.inputs,
                selection,
                fleet: &fleet.hosts,
                by: self.profile.actor.clone(),
                at: self.clock.now(),
            },
        );
        match planned {
            Ok(sealed) => self.offer(sealed, Vec::new(), Vec::new(), selected_now).await,
            Err(errors) => Ok(PlanAnswer { plan: None, problems: problems(&errors), selected: selected_now }),
        }
    }

    /// Plans the undo of a run that has ended or was interrupted.
    pub async fn plan_undo(&self, run: RunId) -> Result<PlanAnswer, UiError> {
        let folded = self.folded(run).await?;
        if folded.state.status().is_none_or(view::run::is_active) {
            let error =
                UiError::new(Code::BadRequest, "the run has not ended, so what is to be undone is not known yet");
            return Err(error.hint("cancel it, or wait for its end"));
        }
        let undone = self.parts.store.undo_runs_of(run).await.map_err(|error| UiError::history(&error))?;
        if let Some(done) = undone.iter().find(|undo| {
            undo.status == (daytwo_model::RunStatus::Ended { outcome: daytwo_model::RunOutcome::RolledBack })
        }) {
            return Err(UiError::new(Code::BadRequest, format!("run {} has undone it already", done.id)));
        }
        let (by, at) = (self.profile.actor.clone(), self.clock.now());
        let (plan, moved) = self.with_hosts_of_today(folded.sealed.plan());
        match daytwo_runbook::plan_undo(&plan, &folded.state, run, by, at) {
            Ok(undo) => {
                let left_out = undo.left_out.iter().map(|left| format!("{} · {}: {}", left.host, left.step, left.why));
                let selected = u32::try_from(undo.plan.plan().hosts.len()).unwrap_or(u32::MAX);
                let left_out = left_out.collect();
                self.offer(undo.plan, moved, left_out, selected).await
            }
            Err(errors) => Ok(PlanAnswer { plan: None, problems: problems(&errors), selected: 0 }),
        }
    }

    /// The plan with each host as its source describes it now, and a warning for each whose address
    /// has changed since: it may be another machine. A host that no source names is kept as it was.
    fn with_hosts_of_today(&self, plan: &Plan) -> (Plan, Vec<String>) {
        let fleet = self.inventory.fleet();
        let today: HashMap<&HostName, &Host> = fleet.hosts.iter().map(|host| (&host.name, host)).collect();
        let (mut plan, mut moved) = (plan.clone(), Vec::new());
        for host in &mut plan.hosts {
            if let Some(now) = today.get(&host.name) {
                // The demo's addresses are new in each process, and its hosts are the same.
                if now.endpoint != host.endpoint && !self.is_demo() {
                    let (was, is) = (host.endpoint.describe(), now.endpoint.describe());
                    moved.push(format!(
                        "{} was changed at {was} and is at {is} now: make sure that it is the same machine",
                        host.name
                    ));
                }
                *host = (*now).clone();
            }
        }
        (plan, moved)
    }

    /// Puts a plan on the shelf, from which alone it can be started, and shows it.
    async fn offer(
        &self,
        sealed: SealedPlan,
        mut warnings: Vec<String>,
        left_out: Vec<String>,
        selected: u32,
    ) -> Result<PlanAnswer, UiError> {
        warnings.extend(self.plan_warnings(&sealed).await?);
        let view = view::plan::view(&sealed, warnings, left_out, self.settings_now().type_to_start_above);
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner).put(sealed);
        Ok(PlanAnswer { plan: Some(view), problems: Vec::new(), selected })
    }

    /// What to think about before this plan starts.
    async fn plan_warnings(&self, sealed: &SealedPlan) -> Result<Vec<String>, UiError> {
        let plan = sealed.plan();
        let names: BTreeSet<&HostName> = plan.hosts.iter().map(|host| &host.name).collect();
        let fleet = self.fleet();
        let mut silent = Vec::new();
        let mut stale = Vec::new();
        for row in fleet.hosts.iter().filter(|row| names.contains(&row.name)) {
            match row.mark {
                Mark::Unreachable | Mark::Failed => silent.push(&row.name),
                Mark::Unknown | Mark::Waiting => stale.push(&row.name),
                _ => {}
            }
        }
        let mut warnings = Vec::new();
        let mut warn = |hosts: &[&HostName], what: &str| {
            if !hosts.is_empty() {
                let shown: Vec<&str> = hosts.iter().take(WARNING_NAMES_MAX).map(|name| name.as_str()).collect();
                let more = hosts.len().saturating_sub(shown.len());
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                warnings.push(format!("{} {what}: {}{more}", count(hosts.len(), "host"), shown.join(", ")));
            }
        };
        warn(&silent, "did not answer, or refused, when last asked");
        warn(&stale, "not looked at recently");
        for run in self.runs_active().await? {
            let others: BTreeSet<HostName> =
                self.plan_of(run.id).await?.plan().hosts.iter().map(|host| host.name.clone()).collect();
            let shared: Vec<&HostName> = names.iter().filter(|name| others.contains(**name)).copied().collect();
            if !shared.is_empty() {
                let hosts = count(shared.len(), "of these host");
                warnings.push(format!("another run of {} is active on {hosts}", run.runbook));
            }
        }
        if let Intent::Undo { .. } = plan.intent {
            warnings.push(
                "an undo changes hosts as any run does; it is planned for what is known to have happened".to_owned(),
            );
        }
        Ok(warnings)
    }

    /// Looks at a plan that was shown.
    pub(crate) fn shown_plan(&self, digest: Digest) -> Result<SealedPlan, UiError> {
        let shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.get(digest).cloned().ok_or_else(not_shown)
    }

    /// Takes a plan that was shown, to start it.
    pub(crate) fn take_plan(&self, digest: Digest) -> Result<SealedPlan, UiError> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner).take(digest).ok_or_else(not_shown)
    }
}

fn not_shown() -> UiError {
    let error = UiError::new(Code::PlanChanged, "this plan is not one that was shown and not yet started");
    error.hint("plan again, and start what is shown then")
}

fn problems(errors: &PlanErrors) -> Vec<PlanProblem> {
    errors
        .0
        .iter()
        .map(|error| PlanProblem {
            input: error.input.clone(),
            step: error.step.as_ref().map(ToString::to_string),
            host: error.host.clone(),
            message: error.message.clone(),
            hint: error.hint.clone(),
        })
        .collect()
}
