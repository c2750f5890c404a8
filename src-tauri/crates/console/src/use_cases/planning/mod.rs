//! From a request to a plan that can be read, and to its start.

mod document;
mod surroundings;
mod warnings;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use daytwo_model::{Digest, Host, HostName, Plan, RunId, SealedPlan};
use daytwo_runbook::{LeftOut, PlanErrors, Runbook, WhenReachable};

use self::surroundings::Asked;
use super::catalogue::broken;
use super::runs::start_error;
use crate::follow::Folded;
use crate::view::plan::Beside;
use crate::wire::plan::{PlanAnswer, PlanProblem, PlanRequest, PlanView, PlanWarning};
use crate::wire::{Code, UiError};
use crate::{Console, selection, view};

pub use document::{PLAN_FILE_BYTES_MAX, PlanDocument};

impl Console {
    /// Plans; sends nothing to any host.
    pub async fn plan(&self, request: PlanRequest) -> Result<PlanAnswer, UiError> {
        let runbook = match &request.text {
            // A text that is being edited: what is wrong with it stands beside it, not here.
            Some(text) => match daytwo_runbook::parse(&self.file_of(&request.runbook), text) {
                Ok(runbook) => Arc::new(runbook),
                Err(_) => return Ok(refused(vec![problem("the runbook cannot be read yet")])),
            },
            None => self.runbook_named(&request.runbook)?,
        };
        let selection = match Some(request.selection.trim()).filter(|text| !text.is_empty()).map(selection::read) {
            None => None,
            Some(Ok(selector)) => Some(selector),
            Some(Err(error)) => {
                let input = Some("selection".to_owned());
                return Ok(refused(vec![PlanProblem { input, hint: error.hint, ..problem(&error.message) }]));
            }
        };
        if let Some((message, hint)) = runbook.targets.as_ref().and_then(selection::unknown) {
            return Ok(refused(vec![PlanProblem { hint: Some(hint), ..problem(&format!("targets: {message}")) }]));
        }
        let at = self.clock.now();
        let when_reachable = match WhenReachable::typed(request.when_reachable.as_deref().unwrap_or_default(), at) {
            Ok(when_reachable) => when_reachable,
            Err(message) => {
                let input = Some("when_reachable".to_owned());
                return Ok(refused(vec![PlanProblem { input, ..problem(&message) }]));
            }
        };
        let asked = Asked { inputs: request.inputs, selection: selection.clone(), when_reachable, at };
        let planned = self.planned(Arc::clone(&runbook), asked).await?;
        match planned {
            Ok(sealed) if request.text.is_some() => {
                let mut view = self.shown(&sealed, Beside::default()).await?;
                view.cannot_start = vec!["this text is not saved yet".to_owned()];
                Ok(answer(&sealed, view))
            }
            Ok(sealed) => self.offer(sealed, Beside::default()).await,
            Err(errors) => {
                let (selected, undecided) = self.counted(&runbook, selection);
                Ok(PlanAnswer { plan: None, problems: problems(&errors), selected, undecided })
            }
        }
    }

    /// Plans the undo of a run that has ended or was interrupted.
    pub async fn plan_undo(&self, run: RunId) -> Result<PlanAnswer, UiError> {
        let folded = self.ended(run, "what is to be undone").await?;
        self.check_nothing_goes_on(run).await?;
        let since = self.since(run).await?;
        let (by, at) = (self.profile.actor.clone(), self.clock.now());
        let (plan, mut warnings) = self.with_hosts_of_today(folded.sealed.plan());
        let past = since.past(&plan, &folded.state);
        match daytwo_runbook::plan_undo(&past, by, at) {
            Ok(undo) => {
                warnings.extend(tried_again(&undo.again));
                let left_out = undo.left_out.iter().chain(&undo.undone_before);
                let left_out = left_out.map(|left| format!("{} · {}: {}", left.host, left.step, left.why));
                let beside = Beside { warnings, left_out: left_out.collect(), ..Beside::default() };
                self.offer(undo.plan, beside).await
            }
            Err(errors) => Ok(refused(problems(&errors))),
        }
    }

    /// A run that is over: until then, what is to be made of it is not known.
    pub(in crate::use_cases) async fn ended(&self, run: RunId, what: &str) -> Result<Folded, UiError> {
        let folded = self.folded(run).await?;
        if folded.state.status().is_some_and(|status| !view::run::is_active(status)) {
            return Ok(folded);
        }
        let message = format!("the run has not ended, so {what} is not known yet");
        let hint = match self.frame(run).await?.is_driven() {
            true => "cancel it, or wait for its end".to_owned(),
            false => format!("nobody drives it: ask its hosts what became of it with: daytwo recover {run}"),
        };
        Err(UiError::new(Code::BadRequest, message).hint(hint))
    }

    /// Asks the checks of a plan that was shown, and offers it anew with their answers. Nothing is
    /// changed on any host, and the run asks again.
    pub async fn ask_checks(&self, digest: Digest) -> Result<PlanAnswer, UiError> {
        let sealed = self.shown_plan(digest)?;
        let settings = daytwo_engine::Settings::default();
        let asking = daytwo_engine::ask_checks(&sealed, &self.parts.ports, settings, self.closing());
        let asked = asking.await.map_err(|error| start_error(&error))?;
        let sealed = SealedPlan::seal(asked)
            .map_err(|error| UiError::new(Code::Internal, "the plan cannot be sealed").because(&error))?;
        self.offer(sealed, Beside::default()).await
    }

    /// A runbook of the catalogue that can be used.
    pub(crate) fn runbook_named(&self, name: &daytwo_model::RunbookName) -> Result<Arc<Runbook>, UiError> {
        let catalogue = self.catalogue_now();
        let entry = catalogue.get(name).ok_or_else(|| self.no_such_runbook(name))?;
        entry.runbook.as_ref().map(Arc::clone).map_err(|why| broken(entry, why))
    }

    /// What messages call a runbook's file, also of one that is not saved yet: what stands beside it is found by that.
    fn file_of(&self, name: &daytwo_model::RunbookName) -> String {
        let known = self.catalogue_now().get(name).map(|entry| entry.file.clone());
        known.unwrap_or_else(|| self.profile.runbooks_dir().join(format!("{name}.yaml")).display().to_string())
    }

    /// The plan with each host as its source describes it now, and a warning for each whose address
    /// has changed since: it may be another machine. A host that no source names is kept as it was.
    pub(in crate::use_cases) fn with_hosts_of_today(&self, plan: &Plan) -> (Plan, Vec<PlanWarning>) {
        let fleet = self.inventory.fleet();
        let today: HashMap<&HostName, &Host> = fleet.hosts.iter().map(|host| (&host.name, host)).collect();
        let (mut plan, mut moved) = (plan.clone(), Vec::new());
        for host in &mut plan.hosts {
            if let Some(now) = today.get(&host.name) {
                // The demo's addresses are new in each process, and its hosts are the same.
                if now.endpoint != host.endpoint && !self.is_demo() {
                    let (was, is) = (host.endpoint.describe(), now.endpoint.describe());
                    let words = format!(
                        "{} was changed at {was} and is at {is} now: make sure that it is the same machine",
                        host.name
                    );
                    moved.push(PlanWarning { words, hosts: vec![host.name.clone()] });
                }
                *host = (*now).clone();
            }
        }
        (plan, moved)
    }

    /// Puts a plan on the shelf, from which alone it can be started, and shows it.
    pub(in crate::use_cases) async fn offer(&self, sealed: SealedPlan, beside: Beside) -> Result<PlanAnswer, UiError> {
        let answer = answer(&sealed, self.shown(&sealed, beside).await?);
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner).put(sealed);
        Ok(answer)
    }

    /// A plan with everything that is known beside it.
    async fn shown(&self, sealed: &SealedPlan, mut beside: Beside) -> Result<PlanView, UiError> {
        beside.warnings.extend(self.plan_warnings(sealed.plan()).await?);
        beside.cannot_start = daytwo_engine::unsupported(sealed.plan());
        let fleet = self.inventory.fleet();
        Ok(view::plan::view(sealed, &fleet.hosts, beside, self.settings_now().type_to_start_above))
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

/// Ways back that an earlier undo has tried: the same of many hosts is one warning.
fn tried_again(again: &[LeftOut]) -> Vec<PlanWarning> {
    let mut warnings: Vec<PlanWarning> = Vec::new();
    for left in again {
        let words = format!("the way back of {} was {}", left.step, left.why);
        match warnings.iter_mut().find(|warning| warning.words == words) {
            Some(warning) => warning.hosts.push(left.host.clone()),
            None => warnings.push(PlanWarning { words, hosts: vec![left.host.clone()] }),
        }
    }
    warnings
}

fn answer(sealed: &SealedPlan, view: PlanView) -> PlanAnswer {
    let selected = u32::try_from(sealed.plan().hosts.len()).unwrap_or(u32::MAX);
    let undecided = view.undecided.clone();
    PlanAnswer { plan: Some(view), problems: Vec::new(), selected, undecided }
}

pub(in crate::use_cases) fn refused(problems: Vec<PlanProblem>) -> PlanAnswer {
    PlanAnswer { plan: None, problems, selected: 0, undecided: Vec::new() }
}

fn problem(message: &str) -> PlanProblem {
    PlanProblem { input: None, step: None, host: None, message: message.to_owned(), hint: None }
}

pub(in crate::use_cases) fn problems(errors: &PlanErrors) -> Vec<PlanProblem> {
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
