//! Takes up runs whose process is gone, and runs that ended with something still to be found out: their
//! hosts are asked, and nothing is sent again.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use daytwo_model::{Record, RunId};
use daytwo_store::limits::RECORDS_PAGE_MAX;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Console;
use crate::console::ActiveRun;
use crate::view;
use crate::wire::push::Stale;
use crate::wire::run::Recovered;
use crate::wire::{Code, UiError};

/// How often a window looks for runs whose process has gone since: a command that was killed.
const ORPHANS_PACE: Duration = Duration::from_secs(5);
/// A run that could not be taken up is tried again after this: a full disk is not emptied by asking.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// A run that was taken up.
pub(crate) struct TakenUp {
    run: RunId,
    /// Ends when everything that could be found out is in the journal.
    done: CancellationToken,
}

impl Console {
    /// Takes up every run that nobody drives, and waits for its end: before anything new is sent, everything
    /// that was sent is known, or known to be unknown. With `run`, only that one, also one that is over.
    pub async fn recover(self: &Arc<Self>, run: Option<RunId>) -> Result<Vec<Recovered>, UiError> {
        let taken = match run {
            Some(run) => self.take_up(run).await?.into_iter().collect(),
            None => self.take_up_orphans().await?,
        };
        let mut found = Vec::with_capacity(taken.len());
        for taken in taken {
            taken.done.cancelled().await;
            found.extend(self.recovered_run(taken.run).await?);
        }
        Ok(found)
    }

    /// Asks the hosts of a run what became of attempts whose end is unknown. Returns when they are being asked.
    pub async fn ask_again(self: &Arc<Self>, run: RunId) -> Result<(), UiError> {
        let frame = self.frame(run).await?;
        match self.take_up(run).await? {
            Some(_) => Ok(()),
            None if frame.is_driven() => {
                Err(UiError::new(Code::Conflict, "a running process drives that run, and asks its hosts itself"))
            }
            None => Err(UiError::new(Code::BadRequest, "nothing of that run is unknown, so there is nothing to ask")),
        }
    }

    /// What was found out of runs that were taken up in this process.
    pub(crate) async fn recovered(&self) -> Vec<Recovered> {
        let runs: Vec<RunId> = self.taken_up.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect();
        let mut found = Vec::with_capacity(runs.len());
        for run in runs {
            match self.recovered_run(run).await {
                Ok(one) => found.extend(one),
                // One damaged run must not keep the window from being drawn.
                Err(error) => tracing::error!(%run, %error, causes = ?error.causes, "telling what was found out"),
            }
        }
        found
    }

    async fn recovered_run(&self, run: RunId) -> Result<Option<Recovered>, UiError> {
        let Some(from) = self.taken_up.lock().unwrap_or_else(PoisonError::into_inner).get(&run).copied() else {
            return Ok(None);
        };
        let folded = self.folded(run).await?;
        let mut records = Vec::new();
        loop {
            let page = self.records(run, from + records.len() as u64).await?;
            let complete = page.len() < RECORDS_PAGE_MAX as usize;
            records.extend(page);
            if complete {
                break;
            }
        }
        let plan = folded.sealed.plan();
        Ok(Some(Recovered {
            row: view::run::row(&self.frame(run).await?, &folded.sealed, &folded.state),
            found: view::found::found(plan, &folded.state, &records),
            unknown: view::found::unknown(plan, &folded.state),
            asking: self.is_driven_here(run),
        }))
    }

    /// Runs that this process could not take up, or not drive to their end, with why: nobody drives them, and what
    /// became of them is not known.
    #[must_use]
    pub fn given_up(&self) -> Vec<(RunId, UiError)> {
        let given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.iter().map(|(run, why)| (*run, why.clone())).collect()
    }

    /// Takes up every run that nobody drives. One that cannot be stays as it is, and is among those given up.
    pub(crate) async fn take_up_orphans(self: &Arc<Self>) -> Result<Vec<TakenUp>, UiError> {
        let mut taken = Vec::new();
        for run in self.parts.store.orphans().await.map_err(|error| UiError::history(&error))? {
            match self.take_up(run).await {
                Ok(one) => taken.extend(one),
                // One damaged run must not be in the way of the others.
                Err(error) => {
                    tracing::error!(%run, %error, causes = ?error.causes, "taking up a run");
                    self.given_up.lock().unwrap_or_else(PoisonError::into_inner).insert(run, error);
                }
            }
        }
        Ok(taken)
    }

    /// Takes up a run; none where somebody drives it, or nothing is to be found out. Of many processes that try,
    /// exactly one gets it.
    pub(crate) async fn take_up(self: &Arc<Self>, run: RunId) -> Result<Option<TakenUp>, UiError> {
        if self.is_driven_here(run) {
            return Ok(None);
        }
        let history = |error: daytwo_store::Error| UiError::history(&error);
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
        if let Some(fence) = held {
            self.hand_back(fence).await;
        }
        let Some(fence) = self.parts.store.take_over(run).await.map_err(history)? else { return Ok(None) };
        let prepared = async {
            let plan = self.parts.store.plan_of(run).await.map_err(history)?;
            let records = self.all_records(run).await?;
            let taken = daytwo_engine::take_up(
                plan.clone(),
                &records,
                fence,
                self.profile.actor.clone(),
                self.ports_as_of_now(plan.plan().clone()),
                daytwo_engine::Settings::default(),
            );
            let (driver, handle) = taken.map_err(|error| UiError::history(&error))?;
            Ok::<_, UiError>((plan, records.len() as u64, driver, handle))
        };
        let (plan, records, driver, handle) = match prepared.await {
            Ok(prepared) => prepared,
            Err(error) => {
                // Nobody drives it: the next who can read it may.
                self.hand_back(fence).await;
                return Err(error);
            }
        };
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
        self.taken_up.lock().unwrap_or_else(PoisonError::into_inner).entry(run).or_insert(records);
        let active = ActiveRun::new(handle, plan);
        let done = active.done.clone();
        self.active.lock().unwrap_or_else(PoisonError::into_inner).insert(run, active);
        let console = Arc::clone(self);
        self.spawn(async move { console.drive_taken_up(driver, run, fence).await });
        self.tell_stale(Stale::History);
        Ok(Some(TakenUp { run, done }))
    }

    async fn all_records(&self, run: RunId) -> Result<Vec<Record>, UiError> {
        let mut records: Vec<Record> = Vec::new();
        loop {
            let page = self.records(run, records.len() as u64).await?;
            let complete = page.len() < RECORDS_PAGE_MAX as usize;
            records.extend(page);
            if complete {
                return Ok(records);
            }
        }
    }

    /// Takes up, as long as the window is open, runs whose process has gone since it was opened.
    pub(crate) async fn take_up_orphans_to_come(self: Arc<Self>) {
        let mut tried: HashMap<RunId, Instant> = HashMap::new();
        loop {
            tokio::time::sleep(ORPHANS_PACE).await;
            tried.retain(|_, at| at.elapsed() < AGAIN_AFTER);
            let held: Vec<RunId> = self.held.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect();
            let orphans = match self.parts.store.orphans().await {
                Ok(orphans) => held.into_iter().chain(orphans),
                Err(error) => {
                    tracing::warn!(%error, "looking for runs whose process is gone");
                    continue;
                }
            };
            for run in orphans {
                if self.is_driven_here(run) || tried.contains_key(&run) {
                    continue;
                }
                tried.insert(run, Instant::now());
                if let Err(error) = self.take_up(run).await {
                    tracing::error!(%run, %error, causes = ?error.causes, "taking up a run");
                }
            }
        }
    }
}

/// An error and its causes, in one line for the log.
pub(crate) fn chain(error: &(dyn std::error::Error + Send + Sync)) -> String {
    let first: &dyn std::error::Error = error;
    let causes = std::iter::successors(Some(first), |cause| (*cause).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
