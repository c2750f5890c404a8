//! The Runs place: start and drive.

use std::sync::{Arc, PoisonError};

use daytwo_engine::ports::Fence;
use daytwo_engine::{Driver, Notice, RunError};
use daytwo_model::plan::InputValue;
use daytwo_model::{Digest, HostName, Plan, RunId, RunOutcome, RunStatus, SealedPlan};
use daytwo_secrets::{Backend, VaultState};
use daytwo_store::RunFilter;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::{JoinError, JoinSet};

use crate::Console;
use crate::console::ActiveRun;
use crate::recover::chain;
use crate::view;
use crate::wire::push::Stale;
use crate::wire::run::RunRow;
use crate::wire::{Code, Mark, StartInfo, UiError};

/// A run that this process opened has the first fence.
const FIRST_FENCE: u64 = 1;

impl Console {
    /// What a window needs before it can draw anything.
    pub async fn start_info(&self) -> Result<StartInfo, UiError> {
        Ok(StartInfo {
            settings: self.settings_now(),
            demo: self.is_demo(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            recovered: self.recovered().await,
            first_start: self.inventory.fleet().hosts.is_empty(),
        })
    }

    /// Starts a plan that was shown. `typed` is the number of hosts, where it had to be typed.
    ///
    /// Returns when the run is in the journal; nothing was sent before that.
    pub async fn start(self: &Arc<Self>, digest: Digest, typed: Option<u32>) -> Result<RunId, UiError> {
        let plan = self.shown_plan(digest)?;
        check_supported(&plan)?;
        self.check_typed(&plan, typed)?;
        self.check_not_executed(digest).await?;
        self.check_not_overtaken(&plan).await?;
        self.check_keys(&plan).await?;
        self.check_unlocked(&plan)?;
        let plan = self.take_plan(digest)?;
        match self.start_plan(plan.clone()).await {
            // Another process may have been quicker, with the same plan file or another plan that is made of the
            // same run: its run says more than the refusal.
            Err(error) if error.code == Code::History => {
                self.check_not_executed(digest).await?;
                self.check_not_overtaken(&plan).await?;
                Err(error)
            }
            started => started,
        }
    }

    /// Starts a plan. Returns when the run is in the journal; nothing was sent before that.
    pub(super) async fn start_plan(self: &Arc<Self>, plan: SealedPlan) -> Result<RunId, UiError> {
        let (driver, handle) = daytwo_engine::open(
            plan.clone(),
            self.profile.actor.clone(),
            self.parts.ports.clone(),
            daytwo_engine::Settings::default(),
        )
        .map_err(|error| start_error(&error))?;
        let run = handle.id();
        let notices = handle.subscribe();
        let active = ActiveRun::new(handle, plan);
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

    /// A locked vault is told before the plan is taken from the shelf, so that it can be unlocked and started.
    pub(super) fn check_unlocked(&self, plan: &SealedPlan) -> Result<(), UiError> {
        match self.parts.secrets.status() {
            Backend::Vault { state: VaultState::Locked, .. } if reads_secrets(plan.plan()) => {
                Err(UiError::new(Code::SecretMissing, "the file of secrets is locked; nothing was sent")
                    .hint("unlock it under Settings, Secrets, then start again"))
            }
            _ => Ok(()),
        }
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
        let mut driving = JoinSet::new();
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
                self.forget(run);
                // A write that was not answered in time may still have come to be: then nobody drives that run.
                if let Some(Ok(Err(error @ RunError::Open(_)))) = &ended {
                    self.give_up(run, error).await;
                }
                return;
            }
        };
        if first {
            // An error means that nobody waits any more; the run goes on.
            let _ = opened.send(Ok(()));
        }
        drop(notices);
        self.tell_stale(Stale::History);
        let ended = self.drive_on(&mut driving, run).await;
        self.forget(run);
        match ended {
            Some(Ok(Ok(outcome))) => tracing::info!(%run, ?outcome, "run ended"),
            Some(Ok(Err(error))) => self.give_up(run, &error).await,
            Some(Err(panic)) => self.give_up(run, &panic).await,
            None => {}
        }
        self.tell_stale(Stale::History);
        self.tell_stale(Stale::Catalogue);
    }

    /// Drives a run that was taken up. What cannot be found out now stays unknown, and can be asked again.
    pub(crate) async fn drive_taken_up(self: Arc<Self>, driver: Driver, run: RunId, fence: Fence) {
        let mut driving = JoinSet::new();
        driving.spawn(driver.run());
        match self.drive_on(&mut driving, run).await {
            Some(Ok(Ok(outcome))) => {
                tracing::info!(%run, ?outcome, "what became of the run is known as far as it can be")
            }
            Some(Ok(Err(error))) => self.not_found_out(run, &error),
            Some(Err(panic)) => self.not_found_out(run, &panic),
            None => {}
        }
        self.hand_back(fence).await;
        self.forget(run);
        self.tell_stale(Stale::History);
    }

    fn not_found_out(&self, run: RunId, error: &(dyn std::error::Error + Send + Sync)) {
        tracing::error!(%run, error = %chain(error), "the run could not be taken up");
        let why = UiError::new(Code::History, "what became of it could not be found out").because(error);
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).insert(run, why);
    }

    /// Waits for the end of a driver, and hands it what other processes ask of its run meanwhile.
    async fn drive_on(
        &self,
        driving: &mut JoinSet<Result<RunOutcome, RunError>>,
        run: RunId,
    ) -> Option<Result<Result<RunOutcome, RunError>, JoinError>> {
        tokio::select! {
            ended = driving.join_next() => ended,
            () = self.take_requests(run) => driving.join_next().await,
        }
    }

    /// The driver failed: what is in flight is found out anew, if the journal takes it by now.
    async fn give_up(self: &Arc<Self>, run: RunId, error: &(dyn std::error::Error + Send + Sync)) {
        tracing::error!(%run, error = %chain(error), "the run could not be driven to its end");
        let why = UiError::new(
            Code::History,
            "the run could not be driven to its end: nothing more is sent, and what runs on its hosts goes on there",
        );
        let why = why.hint("when the cause is gone, find out what happened with: daytwo recover").because(error);
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).insert(run, why);
        self.hand_back(Fence { run, token: FIRST_FENCE }).await;
        if let Err(error) = self.take_up(run).await {
            tracing::error!(%run, %error, causes = ?error.causes, "taking the run up");
        }
    }

    /// Gives up the right to write a run's journal. Where the history takes that neither, it is done before the run
    /// is taken up again: until then the run would count as driven, and nobody could ask what became of it.
    pub(crate) async fn hand_back(&self, fence: Fence) {
        if let Err(error) = self.parts.store.hand_back(fence).await {
            tracing::warn!(run = %fence.run, %error, "handing a run back");
            if !matches!(error, daytwo_store::Error::Fenced { .. }) {
                self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(fence.run, fence);
            }
        }
    }

    /// Why this process could not drive a run to its end.
    pub(crate) fn why_given_up(&self, run: RunId) -> Option<UiError> {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner).get(&run).cloned()
    }

    fn forget(&self, run: RunId) {
        if let Some(run) = self.active.lock().unwrap_or_else(PoisonError::into_inner).remove(&run) {
            run.done.cancel();
        }
    }

    /// Runs that have not ended, here or in another process.
    pub async fn runs_active(&self) -> Result<Vec<RunRow>, UiError> {
        let mut rows = Vec::new();
        for (id, _) in self.open_runs().await? {
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
        Ok(rows)
    }

    /// Runs that have not ended and that this process does not drive, as the journal's index has them.
    pub(crate) async fn open_elsewhere(&self) -> Result<Vec<(RunId, RunStatus)>, UiError> {
        let mut open = self.open_runs().await?;
        open.retain(|(run, _)| !self.is_driven_here(*run));
        Ok(open)
    }

    async fn open_runs(&self) -> Result<Vec<(RunId, RunStatus)>, UiError> {
        let mut open = Vec::new();
        for status in [RunStatus::Running, RunStatus::Cancelling, RunStatus::Interrupted] {
            let filter = RunFilter { status: Some(status), ..RunFilter::default() };
            let runs = self.parts.store.runs(&filter).await.map_err(|error| UiError::history(&error))?;
            open.extend(runs.into_iter().map(|summary| (summary.id, status)));
        }
        Ok(open)
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
}

/// What this version cannot do yet is told before anybody is asked for anything.
pub(super) fn check_supported(plan: &SealedPlan) -> Result<(), UiError> {
    match daytwo_engine::unsupported(plan.plan()) {
        sentences if sentences.is_empty() => Ok(()),
        sentences => Err(start_error(&RunError::Unsupported(sentences))),
    }
}

/// Whether a run of the plan reads secrets: to send them, or only to mask what prints them.
fn reads_secrets(plan: &Plan) -> bool {
    let of_input = plan.inputs.values().any(|input| matches!(input, InputValue::Secret(_)));
    of_input || !daytwo_engine::secrets_needed(plan).is_empty()
}

pub(super) fn start_error(error: &RunError) -> UiError {
    match error {
        RunError::Unsupported(sentences) => {
            UiError::new(Code::BadRequest, format!("{}; nothing was sent", sentences.join("; ")))
        }
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
