//! Follows one run, whoever drives it: what the journal holds is read, folded and told as deltas.
//!
//! There is one way for a run of this process and for one of another: records are read from the
//! store after they are on disk. A notice of the engine only says that reading is worth while.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use daytwo_engine::Notice;
use daytwo_model::{AttemptId, Event, Record, RunId, RunState, SealedPlan};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;

use crate::Console;
use crate::view;
use crate::view::run::{RunFrame, Told};
use crate::wire::UiError;
use crate::wire::run::{RunDelta, RunView};

/// At most thirty deltas a second: a screen shows no more, and a fast run is read in few pieces.
const PACE: Duration = Duration::from_millis(33);
/// How often a run that another process drives is looked at.
const POLL: Duration = Duration::from_millis(500);

/// What a follower tells.
#[derive(Debug)]
pub enum Change {
    /// The run changed.
    Delta(Box<RunDelta>),
    /// These attempts wrote more output.
    Output(Vec<AttemptId>),
}

/// What is known of a run: the fold of its records up to an index.
pub(crate) struct Folded {
    /// Its plan.
    pub sealed: Arc<SealedPlan>,
    /// What the records say.
    pub state: RunState,
    /// The last record.
    pub last: Option<Record>,
    /// What the records tell beside that.
    pub told: Told,
}

impl Folded {
    /// Nothing read yet.
    #[must_use]
    pub(crate) fn new(sealed: Arc<SealedPlan>) -> Self {
        Self { state: RunState::new(sealed.plan()), sealed, last: None, told: Told::default() }
    }

    /// Takes the next record: checks that it follows, and folds it.
    pub(crate) fn take(&mut self, record: Record) -> Result<(), UiError> {
        record.check(self.last.as_ref()).map_err(|error| UiError::history(&error))?;
        self.state.apply(&record.event).map_err(|error| UiError::history(&error))?;
        self.told.take(self.sealed.plan(), &record);
        self.last = Some(record);
        Ok(())
    }

    /// The index of the next record to read.
    #[must_use]
    pub(crate) fn next_index(&self) -> u64 {
        self.last.as_ref().map_or(0, |record| record.index + 1)
    }

    /// Hosts on which a step failed and is to be tried again.
    fn hosts_to_try_again(&self) -> Vec<u32> {
        let plan = self.sealed.plan();
        let steps = || (0_u32..).zip(&plan.steps).filter(|(_, step)| step.retry.is_some());
        let waits = |host: &u32| steps().any(|(step, _)| self.state.retry_is_due(*host, step));
        if steps().next().is_none() {
            Vec::new()
        } else {
            (0_u32..).zip(&plan.hosts).map(|(host, _)| host).filter(waits).collect()
        }
    }

    /// As it is shown.
    #[must_use]
    pub(crate) fn view(&self, frame: &RunFrame) -> RunView {
        let index = self.last.as_ref().map_or(0, |record| record.index);
        view::run::view(frame, &self.sealed, &self.state, index, &self.told)
    }
}

/// Follows one run to its end.
pub struct Follow {
    console: Arc<Console>,
    run: RunId,
    folded: Folded,
    notices: Option<broadcast::Receiver<Notice>>,
    grown: BTreeSet<AttemptId>,
    told_at: Instant,
    /// It lost its driver while it was followed, and was taken up here.
    taken_up: bool,
}

impl Follow {
    /// Follows from the record after `index`, which a [`RunView`] gave.
    pub async fn new(console: &Arc<Console>, run: RunId, index: u64) -> Result<Self, UiError> {
        // Subscribed before reading: what is recorded in between is noticed, not missed.
        let notices = console.notices(run);
        let mut folded = Folded::new(console.plan_of(run).await?);
        console.read_records(run, &mut folded, Some(index)).await?;
        Ok(Self {
            console: Arc::clone(console),
            run,
            folded,
            notices,
            grown: BTreeSet::new(),
            told_at: Instant::now(),
            taken_up: false,
        })
    }

    /// The next change; none when the run has ended and everything was told. An error also where this process could
    /// not drive the run to its end. Safe to drop and call again.
    pub async fn next(&mut self) -> Result<Option<Change>, UiError> {
        loop {
            tokio::time::sleep_until(self.told_at + PACE).await;
            self.drain();
            if let Some(delta) = self.catch_up().await? {
                self.told_at = Instant::now();
                return Ok(Some(Change::Delta(Box::new(delta))));
            }
            if !self.grown.is_empty() {
                self.told_at = Instant::now();
                return Ok(Some(Change::Output(std::mem::take(&mut self.grown).into_iter().collect())));
            }
            // One that is over and was taken up may still have its epilogue written.
            let goes_on = self.folded.state.status().is_some_and(view::run::is_active);
            if !goes_on && !self.console.is_driven_here(self.run) {
                return Ok(None);
            }
            if self.is_given_up().await? {
                return self.console.why_given_up(self.run).map_or(Ok(None), Err);
            }
            self.wait().await;
        }
    }

    /// A run whose driver is gone is brought to the truth; where that fails, nothing more will be told.
    async fn is_given_up(&mut self) -> Result<bool, UiError> {
        if self.notices.is_some() || !self.console.is_undriven(self.run).await? {
            return Ok(false);
        }
        // Once: a full disk does not become empty by being asked twice a second.
        if std::mem::replace(&mut self.taken_up, true) {
            return Ok(true);
        }
        self.console.take_up(self.run).await?;
        self.console.is_undriven(self.run).await
    }

    /// Takes what has already been noticed, without waiting.
    fn drain(&mut self) {
        let Some(notices) = &mut self.notices else { return };
        while let Ok(notice) = notices.try_recv() {
            if let Notice::OutputGrew { attempt } = notice {
                self.grown.insert(attempt);
            }
        }
    }

    async fn wait(&mut self) {
        let Some(notices) = &mut self.notices else {
            tokio::time::sleep(POLL).await;
            return;
        };
        match tokio::time::timeout(POLL, notices.recv()).await {
            Ok(Ok(Notice::OutputGrew { attempt })) => {
                self.grown.insert(attempt);
            }
            // A notice that was missed is no loss: the journal is read anyway.
            Ok(Ok(Notice::Record(_)) | Err(RecvError::Lagged(_))) | Err(_) => {}
            Ok(Err(RecvError::Closed)) => self.notices = None,
        }
    }

    async fn catch_up(&mut self) -> Result<Option<RunDelta>, UiError> {
        let from = self.folded.next_index();
        let records = self.console.records(self.run, from).await?;
        let mut hosts = BTreeSet::new();
        for record in records {
            match self.folded.state.place_of(&record.event) {
                Some((host, _)) => _ = hosts.insert(host),
                // A stop is news of each host that waited for another attempt.
                None => hosts.extend(self.folded.hosts_to_try_again()),
            }
            hosts.extend(concerned(&record.event));
            self.folded.take(record)?;
        }
        let index = self.folded.next_index();
        if index == from {
            return Ok(None);
        }
        let frame = self.console.frame(self.run).await?;
        let plan = self.folded.sealed.plan();
        let state = &self.folded.state;
        Ok(Some(RunDelta {
            run: self.run,
            from,
            index: index - 1,
            row: view::run::row(&frame, &self.folded.sealed, state),
            hosts: hosts.into_iter().filter_map(|host| Some((host, view::run::run_host(plan, state, host)?))).collect(),
            batches: view::run::batches(plan, state),
            budgets: view::run::budgets(plan, state),
            pace: frame.is_driven().then(|| view::pace::pace(plan, state, &self.folded.told)).flatten(),
            decisions: self.folded.told.decisions.clone(),
            offers: view::run::offers(&frame, plan, state),
            questions: view::run::questions(&frame, plan, state, &self.folded.told),
            waiting: frame.waiting,
        }))
    }
}

/// Hosts of which an event tells something beside the step that it is about.
fn concerned(event: &Event) -> Vec<u32> {
    match event {
        Event::QuestionAnswered { hosts, .. } | Event::CancelRequested { hosts: Some(hosts), .. } => hosts.clone(),
        Event::UndoStarted { host } => vec![*host],
        _ => Vec::new(),
    }
}
