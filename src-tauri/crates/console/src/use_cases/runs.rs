//! The Runs and History places: start, follow, cancel, look back.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use daytwo_engine::ports::Fence;
use daytwo_engine::{Driver, Notice, RunError};
use daytwo_model::{AttemptId, Digest, HostName, Record, RunId, RunOutcome, RunStatus, SealedPlan};
use daytwo_store::limits::RECORDS_PAGE_MAX;
use daytwo_store::{Driven, Found, OutputPage as StoredPage, RunFilter, RunSummary, Streams};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::Console;
use crate::compose::Parts;
use crate::console::ActiveRun;
use crate::follow::Folded;
use crate::report;
use crate::view;
use crate::view::attempt::StepTraits;
use crate::view::output::visible;
use crate::view::run::RunFrame;
use crate::wire::push::Stale;
use crate::wire::run::{HistoryFilter, OutputGroup, OutputPage, OutputPiece, RunRow, RunView};
use crate::wire::{Code, Mark, StartInfo, UiError};

/// A page of output on its way to a screen.
const PAGE_BYTES_MAX: u64 = 64 * 1024;
/// A page of history.
const HISTORY_PAGE_MAX: u32 = 100;
/// A run that this process opened has the first fence.
const FIRST_FENCE: u64 = 1;

impl Console {
    /// What a window needs before it can draw anything.
    pub async fn start_info(&self) -> Result<StartInfo, UiError> {
        let mut interrupted = Vec::new();
        for run in &self.interrupted {
            interrupted.push(self.run(*run).await?.row);
        }
        Ok(StartInfo {
            settings: self.settings_now(),
            demo: self.is_demo(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            interrupted,
            first_start: self.inventory.fleet().hosts.is_empty(),
        })
    }

    /// Starts a plan that was shown. `typed` is the number of hosts, where it had to be typed.
    ///
    /// Returns when the run is in the journal; nothing was sent before that.
    pub async fn start(self: &Arc<Self>, digest: Digest, typed: Option<u32>) -> Result<RunId, UiError> {
        let plan = self.shown_plan(digest)?;
        self.check_typed(&plan, typed)?;
        self.check_keys(&plan).await?;
        let plan = self.take_plan(digest)?;
        let (driver, handle) = daytwo_engine::open(
            plan.clone(),
            self.profile.actor.clone(),
            self.parts.ports.clone(),
            daytwo_engine::Settings::default(),
        );
        let run = handle.id();
        let notices = handle.subscribe();
        let active = ActiveRun { handle, plan: Arc::new(plan) };
        self.active.lock().unwrap_or_else(PoisonError::into_inner).insert(run, active);
        let (opened, answer) = tokio::sync::oneshot::channel();
        let console = Arc::clone(self);
        self.spawn(async move { console.drive(driver, run, notices, opened).await });
        let started = answer.await.unwrap_or_else(|_| Err(UiError::new(Code::Internal, "the console is closing")));
        started.map(|()| run)
    }

    fn check_typed(&self, plan: &SealedPlan, typed: Option<u32>) -> Result<(), UiError> {
        let hosts = plan.plan().hosts.len();
        let needed = hosts > self.settings_now().type_to_start_above as usize;
        match typed {
            Some(number) if number as usize == hosts => Ok(()),
            Some(number) => {
                Err(UiError::new(Code::BadRequest, format!("{number} was typed, and the plan has {hosts} hosts")))
            }
            None if needed => {
                Err(UiError::new(Code::BadRequest, format!("type the number of hosts, {hosts}, to start")))
            }
            None => Ok(()),
        }
    }

    async fn check_keys(&self, plan: &SealedPlan) -> Result<(), UiError> {
        // A host that answered the prober has shown a key that is known.
        let live = self.fleet();
        let is_live = |name: &HostName| live.hosts.iter().any(|row| row.name == *name && row.mark == Mark::Ok);
        let to_ask = plan.plan().hosts.iter().filter(|host| !is_live(&host.name)).cloned().collect::<Vec<_>>();
        let unknown = self.unknown_keys(&to_ask).await;
        if unknown == 0 {
            return Ok(());
        }
        let what = view::words::count(unknown, "host key");
        Err(UiError::new(Code::KeysToReview, format!("{what} not known yet; nothing was sent"))
            .hint("compare the fingerprints with what the hosts' owners say, then accept them"))
    }

    /// Drives a run to its end, whatever that is, and tells who waits for its start.
    async fn drive(
        self: Arc<Self>,
        driver: Driver,
        run: RunId,
        mut notices: Receiver<Notice>,
        opened: tokio::sync::oneshot::Sender<Result<(), UiError>>,
    ) {
        // A task of its own, so that a panic in the driver is an end that is seen.
        let mut driving = tokio::task::JoinSet::new();
        driving.spawn(driver.run());
        let first = tokio::select! {
            biased;
            // One that was missed was a notice too: the run is in the journal.
            notice = notices.recv() => !matches!(notice, Err(RecvError::Closed)),
            ended = driving.join_next() => {
                let error = match &ended {
                    Some(Ok(Err(error))) => start_error(error),
                    _ => UiError::new(Code::Internal, "the run ended before it was opened; nothing was sent"),
                };
                let _ = opened.send(Err(error));
                // A write that was not answered in time may still have come to be: then nobody drives that run.
                if let Some(Ok(Err(error @ RunError::Open(_)))) = &ended {
                    self.give_up(run, error).await;
                }
                self.forget(run);
                return;
            }
        };
        if first {
            // An error means that nobody waits any more; the run goes on.
            let _ = opened.send(Ok(()));
        }
        drop(notices);
        self.tell_stale(Stale::History);
        match driving.join_next().await {
            Some(Ok(Ok(outcome))) => tracing::info!(%run, ?outcome, "run ended"),
            Some(Ok(Err(error))) => self.give_up(run, &error).await,
            Some(Err(panic)) => self.give_up(run, &panic).await,
            None => {}
        }
        self.forget(run);
        self.tell_stale(Stale::History);
        self.tell_stale(Stale::Catalogue);
    }

    /// The driver failed: what was in flight is unknown now, and the journal is to say so if it can.
    async fn give_up(&self, run: RunId, error: &(dyn std::error::Error + Send + Sync)) {
        tracing::error!(%run, error = %chain(error), "the run could not be driven to its end");
        if let Err(error) = self.parts.store.hand_back(Fence { run, token: FIRST_FENCE }).await {
            tracing::error!(%run, %error, "handing the run back");
        }
        if let Err(error) = recover_orphans(&self.parts, &self.profile.actor).await {
            tracing::error!(%run, %error, "recovering the run");
        }
    }

    fn forget(&self, run: RunId) {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
    }

    /// Runs that have not ended, here or in another process.
    pub async fn runs_active(&self) -> Result<Vec<RunRow>, UiError> {
        let mut rows = Vec::new();
        for status in [RunStatus::Running, RunStatus::Cancelling] {
            let filter = RunFilter { status: Some(status), ..RunFilter::default() };
            for summary in self.parts.store.runs(&filter).await.map_err(|error| UiError::history(&error))? {
                let id = summary.id;
                let row = match self.driven_row(id).await {
                    Ok(None) => self.run(id).await.map(|view| view.row),
                    Ok(Some(row)) => Ok(row),
                    Err(error) => Err(error),
                };
                match row {
                    Ok(row) => rows.push(row),
                    // One damaged run must not be in the way of planning others; the history shows it.
                    Err(error) => tracing::error!(run = %id, %error, causes = ?error.causes, "reading an open run"),
                }
            }
        }
        Ok(rows)
    }

    /// Runs that this process drives: they would be left if it ended now.
    #[must_use]
    pub fn drives(&self) -> Vec<RunId> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// The row of a run that this process drives, from memory: it is asked for again and again.
    async fn driven_row(&self, run: RunId) -> Result<Option<RunRow>, UiError> {
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner).get(&run).cloned();
        let Some(active) = active else { return Ok(None) };
        let frame = self.frame(run).await?;
        Ok(Some(view::run::row(&frame, &active.plan, &active.handle.state())))
    }

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

    /// Asks that a run stop.
    pub fn cancel(&self, run: RunId, why: String) -> Result<(), UiError> {
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        match active.get(&run) {
            Some(run) => {
                run.handle.cancel(self.profile.actor.clone(), why);
                Ok(())
            }
            None => Err(UiError::new(Code::BadRequest, "this process does not drive that run, so it cannot cancel it")
                .hint("cancel it where it was started; if it has ended, there is nothing to cancel")),
        }
    }

    /// A page of an attempt's output, from the position that the page before named, or its last page.
    pub async fn output(&self, attempt: AttemptId, from: u64, from_end: bool) -> Result<OutputPage, UiError> {
        let read = |from| self.parts.store.output(attempt, Streams::Both, from, PAGE_BYTES_MAX);
        let history = |error: daytwo_store::Error| UiError::history(&error);
        let mut page = read(from).await.map_err(history)?;
        if from_end && page.total > from + PAGE_BYTES_MAX {
            page = read(page.total - PAGE_BYTES_MAX).await.map_err(history)?;
        }
        let dropped_bytes = self.parts.store.dropped_bytes(attempt).await.map_err(history)?;
        Ok(OutputPage {
            attempt,
            next: page.from + page.bytes.len() as u64,
            more: page.next.is_some(),
            pieces: pieces(&page),
            dropped_bytes,
        })
    }

    /// What a step wrote, grouped by hosts that wrote the same and ended the same.
    pub async fn output_groups(&self, run: RunId, step: u32) -> Result<Vec<OutputGroup>, UiError> {
        let sealed = self.plan_of(run).await?;
        let planned = sealed.plan().steps.get(step as usize);
        let planned = planned.ok_or_else(|| UiError::new(Code::NotFound, "the run has no such step"))?;
        let traits = StepTraits {
            changes: planned.effect == daytwo_model::plan::Effect::Change,
            verifies: planned.verify.is_some(),
        };
        let outputs = self.parts.store.outputs_of_step(run, step).await.map_err(|error| UiError::history(&error))?;
        let mut groups: BTreeMap<(Mark, String, Digest), OutputGroup> = BTreeMap::new();
        for host in outputs.hosts {
            let (mark, word, detail) = view::attempt::describe(&host.state, traits);
            let words = if detail.is_empty() { word.to_owned() } else { format!("{word} · {detail}") };
            let group = groups.entry((mark, words.clone(), host.digest)).or_insert_with(|| {
                let head = outputs.heads.get(&host.digest);
                OutputGroup {
                    hosts: Vec::new(),
                    attempt: host.attempt,
                    mark,
                    words,
                    head: head.map(|head| pieces(&head.page)).unwrap_or_default(),
                    whole: head.is_none_or(|head| head.page.next.is_none()),
                }
            });
            group.hosts.push(host.host_name);
        }
        let mut groups: Vec<OutputGroup> = groups.into_values().collect();
        // Bad news first, then what most hosts say.
        groups.sort_by_key(|group| (group.mark, std::cmp::Reverse(group.hosts.len())));
        Ok(groups)
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
        let standings = summary.standings.into_iter();
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
            standings: standings.map(|(at, hosts)| (view::attempt::standing(at, undo).1.to_owned(), hosts)).collect(),
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
            ours: summary.driven == Driven::Here,
        })
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

/// Brings every run whose process is gone to the truth: what was in flight is unknown.
pub(crate) async fn recover_orphans(parts: &Parts, found_by: &str) -> Result<Vec<RunId>, UiError> {
    let mut recovered = Vec::new();
    for run in parts.store.orphans().await.map_err(|error| UiError::history(&error))? {
        match recover_orphan(parts, run, found_by).await {
            Ok(true) => recovered.push(run),
            Ok(false) => {}
            // One damaged run must not keep the console shut; it stays as it is and is shown so.
            Err(error) => tracing::error!(%run, error = %chain(&*error), "recovering a run"),
        }
    }
    Ok(recovered)
}

/// False where another process was quicker: exactly one gets the fence.
async fn recover_orphan(
    parts: &Parts,
    run: RunId,
    found_by: &str,
) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    let Some(fence) = parts.store.take_over(run).await? else { return Ok(false) };
    let plan = parts.store.plan_of(run).await?;
    let mut records: Vec<Record> = Vec::new();
    loop {
        let page = parts.store.records(run, records.len() as u64, RECORDS_PAGE_MAX).await?;
        let complete = page.len() < RECORDS_PAGE_MAX as usize;
        records.extend(page);
        if complete {
            break;
        }
    }
    daytwo_engine::recover(&plan, &records, fence, found_by.to_owned(), &parts.ports).await?;
    Ok(true)
}

fn chain(error: &(dyn std::error::Error + Send + Sync)) -> String {
    let first: &dyn std::error::Error = error;
    let causes = std::iter::successors(Some(first), |cause| (*cause).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn start_error(error: &RunError) -> UiError {
    match error {
        RunError::SecretMissing(name) => {
            UiError::new(Code::SecretMissing, format!("secret {name} has no value; nothing was sent"))
                .hint(format!("keep one under Settings, or with: daytwo secret set {name}"))
        }
        RunError::Secret { name, source } => {
            UiError::new(Code::SecretMissing, format!("secret {name} cannot be read; nothing was sent"))
                .hint("unlock the place where secrets are kept")
                .because(source)
        }
        RunError::Open(source) => {
            UiError::new(Code::History, "the run could not be journalled; nothing was sent").because(source)
        }
        other => UiError::new(Code::Internal, "the run could not be started").because(other),
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

/// A stored page as pieces of safe text, each as it arrived.
fn pieces(page: &StoredPage) -> Vec<OutputPiece> {
    let mut start = 0_usize;
    page.spans
        .iter()
        .filter_map(|span| {
            let end = start.saturating_add(usize::try_from(span.length).unwrap_or(usize::MAX));
            let bytes = page.bytes.get(start..end.min(page.bytes.len()))?;
            start = end;
            let stderr = span.stream == daytwo_model::Stream::Stderr;
            Some(OutputPiece { stderr, at: span.at, text: visible(bytes) })
        })
        .collect()
}
