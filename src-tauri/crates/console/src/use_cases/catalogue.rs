//! The Runbooks place, up to the plan.

use daytwo_model::{RunOutcome, RunbookName, Timestamp};

use crate::Console;
use crate::catalogue::Entry;
use crate::view;
use crate::wire::runbook::{RunbookRow, RunbookView};
use crate::wire::{Code, UiError};

impl Console {
    /// Every runbook at hand.
    pub async fn catalogue(&self) -> Result<Vec<RunbookRow>, UiError> {
        let catalogue = self.catalogue_now();
        let mut rows = Vec::new();
        for entry in catalogue.entries() {
            rows.push(view::runbook::row(entry, self.last_green(&entry.name).await?, self.clock.now()));
        }
        Ok(rows)
    }

    /// One runbook in full.
    pub async fn runbook(&self, name: &RunbookName) -> Result<RunbookView, UiError> {
        let catalogue = self.catalogue_now();
        let entry = catalogue.get(name).ok_or_else(|| self.no_such_runbook(name))?;
        let runbook = entry.runbook.as_ref().map_err(|why| broken(entry, why))?;
        let row = view::runbook::row(entry, self.last_green(name).await?, self.clock.now());
        let source = match &entry.path {
            Some(path) => crate::revision::of(path).await,
            None => None,
        };
        let editing = crate::editing::editing(entry, Some(runbook));
        Ok(view::runbook::view(row, runbook, self.findings(runbook), editing, source))
    }

    /// The error for a name that no runbook has, with the nearest ones that exist.
    pub(crate) fn no_such_runbook(&self, name: &RunbookName) -> UiError {
        let catalogue = self.catalogue_now();
        let names: Vec<&str> = catalogue.entries().map(|entry| entry.name.as_str()).collect();
        let error = UiError::new(Code::NotFound, format!("there is no runbook {name}"));
        error.hint(format!("there are: {}", names.join(", ")))
    }

    async fn last_green(&self, name: &RunbookName) -> Result<Option<Timestamp>, UiError> {
        let run = self.parts.store.last_run_of(name, Some(RunOutcome::Succeeded)).await;
        Ok(run.map_err(|error| UiError::history(&error))?.map(|run| run.opened_at))
    }
}

/// The error for a file in the catalogue that is not a runbook.
pub(crate) fn broken(entry: &Entry, why: &str) -> UiError {
    UiError::new(Code::BadRequest, format!("{} is not a runbook that can be used:\n{why}", entry.file))
}
