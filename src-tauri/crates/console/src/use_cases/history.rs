//! The History place: runs as the journal tells them, driven by whomever.

use std::sync::Arc;

use daytwo_model::{HostName, Record, RunId, RunOutcome, RunStatus, SealedPlan};
use daytwo_store::limits::RECORDS_PAGE_MAX;
use daytwo_store::{Driven, Found, RunFilter, RunSummary};

use crate::Console;
use crate::follow::Folded;
use crate::report;
use crate::view;
use crate::view::run::RunFrame;
use crate::wire::run::{HistoryFilter, RunRow, RunView, WaitingHost};
use crate::wire::{Code, UiError};

/// A page of history.
const HISTORY_PAGE_MAX: u32 = 100;

impl Console {
    /// A run in full.
    pub async fn run(&self, run: RunId) -> Result<RunView, UiError> {
        let folded = self.folded(run).await?;
        Ok(folded.view(&self.frame(run).await?))
    }

    /// The run whose id begins or ends like this.
    pub async fn find_run(&self, part: &str) -> Result<RunId, UiError> {
        match self.parts.store.find_run(part).await.map_err(|error| UiError::history(&error))? {
            Found::One(run) => Ok(run),
            Found::None => Err(UiError::new(Code::NotFound, format!("no run's id begins or ends with {part:?}"))
                .hint("daytwo runs lists them")),
            Found::Ambiguous(runs) => {
                let ids: Vec<String> = runs.iter().map(ToString::to_string).collect();
                Err(UiError::new(Code::BadRequest, format!("several runs match {part:?}: {}", ids.join(", "))))
            }
        }
    }

    /// Runs, newest first.
    pub async fn history(&self, filter: HistoryFilter) -> Result<Vec<RunRow>, UiError> {
        self.list_runs(&filter, None).await
    }

    /// A run as text for the incident channel.
    pub async fn report(&self, run: RunId) -> Result<String, UiError> {
        Ok(report::markdown(&self.run(run).await?))
    }

    pub(crate) async fn list_runs(
        &self,
        filter: &HistoryFilter,
        host: Option<HostName>,
    ) -> Result<Vec<RunRow>, UiError> {
        let status =
            match filter.status.as_str() {
                "" => None,
                word => Some(status_of_word(word).ok_or_else(|| {
                    UiError::new(Code::BadRequest, format!("no run is ever {word:?}")).hint(STATUS_HINT)
                })?),
            };
        let filter = RunFilter {
            text: Some(filter.text.trim().to_owned()).filter(|text| !text.is_empty()),
            status,
            host,
            before: filter.before,
            limit: Some(HISTORY_PAGE_MAX),
            ..RunFilter::default()
        };
        let summaries = self.parts.store.runs(&filter).await.map_err(|error| UiError::history(&error))?;
        let mut rows = Vec::new();
        for summary in summaries {
            rows.push(self.summary_row(summary).await?);
        }
        Ok(rows)
    }

    async fn summary_row(&self, summary: RunSummary) -> Result<RunRow, UiError> {
        if view::run::is_active(summary.status) {
            // Where its records are damaged, what the summary says is all that can be said.
            match self.run(summary.id).await {
                Ok(view) => return Ok(view.row),
                Err(error) => tracing::error!(run = %summary.id, %error, causes = ?error.causes, "reading an open run"),
            }
        }
        let (mark, word) = view::attempt::status(summary.status);
        let undo = summary.undo_of.is_some();
        Ok(RunRow {
            undone_by: self.undone_by(summary.id).await?,
            id: summary.id,
            runbook: summary.runbook,
            title: summary.title,
            plan: summary.plan,
            undo_of: summary.undo_of,
            mark,
            status: word.to_owned(),
            active: false,
            started_at: summary.opened_at,
            started_by: summary.opened_by,
            ended_at: summary.ended_at,
            hosts: u32::try_from(summary.hosts).unwrap_or(u32::MAX),
            standings: view::run::in_words(summary.standings, undo),
        })
    }

    /// The run that undid this one, wholly; none where an undo got stuck or is under way.
    async fn undone_by(&self, run: RunId) -> Result<Option<RunId>, UiError> {
        let undos = self.parts.store.undo_runs_of(run).await.map_err(|error| UiError::history(&error))?;
        let rolled_back = RunStatus::Ended { outcome: RunOutcome::RolledBack };
        Ok(undos.into_iter().find(|undo| undo.status == rolled_back).map(|undo| undo.id))
    }

    /// What is known of a run beside its events.
    pub(crate) async fn frame(&self, run: RunId) -> Result<RunFrame, UiError> {
        let summary = self.parts.store.run(run).await.map_err(|error| UiError::history(&error))?;
        let summary = summary.ok_or_else(|| UiError::new(Code::NotFound, format!("there is no run {run}")))?;
        Ok(RunFrame {
            id: run,
            started_at: summary.opened_at,
            started_by: summary.opened_by,
            ended_at: summary.ended_at,
            undone_by: self.undone_by(run).await?,
            driven: summary.driven,
            waiting: self.waiting_of(run).await?,
            resumed_by: self.resumed_by(run).await?,
        })
    }

    async fn waiting_of(&self, run: RunId) -> Result<Vec<WaitingHost>, UiError> {
        let rows = self.parts.store.waiting(Some(run)).await.map_err(|error| UiError::history(&error))?;
        Ok(rows.into_iter().map(view::run::waiting).collect())
    }

    /// The runs that did a part of this one again or late, oldest first.
    async fn resumed_by(&self, run: RunId) -> Result<Vec<RunId>, UiError> {
        let filter = RunFilter { part_of: Some(run), ..RunFilter::default() };
        let parts = self.parts.store.runs(&filter).await.map_err(|error| UiError::history(&error))?;
        Ok(parts.into_iter().rev().map(|part| part.id).collect())
    }

    /// Whether the run has not ended and nobody drives it, or this process has it and gave it up.
    pub(crate) async fn is_undriven(&self, run: RunId) -> Result<bool, UiError> {
        let summary = self.parts.store.run(run).await.map_err(|error| UiError::history(&error))?;
        Ok(summary.is_some_and(|summary| match summary.driven {
            Driven::Orphaned => true,
            Driven::Here => self.notices(run).is_none(),
            Driven::Elsewhere | Driven::Over => false,
        }))
    }

    pub(crate) async fn plan_of(&self, run: RunId) -> Result<Arc<SealedPlan>, UiError> {
        let plan = self.parts.store.plan_of(run).await.map_err(|error| UiError::history(&error))?;
        Ok(Arc::new(plan))
    }

    /// A run, read from the journal to its last record.
    pub(crate) async fn folded(&self, run: RunId) -> Result<Folded, UiError> {
        self.frame(run).await?;
        let mut folded = Folded::new(self.plan_of(run).await?);
        self.read_records(run, &mut folded, None).await?;
        Ok(folded)
    }

    /// Reads on, up to the record with index `last` or to the end.
    pub(crate) async fn read_records(&self, run: RunId, folded: &mut Folded, last: Option<u64>) -> Result<(), UiError> {
        loop {
            let records = self.records(run, folded.next_index()).await?;
            let complete = records.len() < RECORDS_PAGE_MAX as usize;
            for record in records {
                if last.is_some_and(|last| record.index > last) {
                    return Ok(());
                }
                folded.take(record)?;
            }
            if complete {
                return Ok(());
            }
        }
    }

    /// A page of records.
    pub(crate) async fn records(&self, run: RunId, from: u64) -> Result<Vec<Record>, UiError> {
        self.parts.store.records(run, from, RECORDS_PAGE_MAX).await.map_err(|error| UiError::history(&error))
    }
}

/// Every word by which a run's status is known.
const STATUS_HINT: &str =
    "one of: running, cancelling, interrupted, succeeded, failed, rolled back, stuck, cancelled, abandoned";

fn status_of_word(word: &str) -> Option<RunStatus> {
    use RunOutcome as O;
    let ended = [O::Succeeded, O::Failed, O::RolledBack, O::Stuck, O::Cancelled, O::Abandoned];
    let ended = ended.into_iter().map(|outcome| RunStatus::Ended { outcome });
    let open = [RunStatus::Running, RunStatus::Cancelling, RunStatus::Interrupted];
    open.into_iter().chain(ended).find(|status| view::attempt::status(*status).1 == word)
}
