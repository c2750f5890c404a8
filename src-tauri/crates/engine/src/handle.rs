//! What others hold of a run: its state, its news, and the way to cancel it.

use std::sync::{Arc, Mutex, PoisonError};

use daytwo_model::{Answer, AttemptId, CancelDegree, IllegalEvent, Plan, Record, RunId, RunState};
use tokio::sync::{Notify, broadcast, mpsc};

/// News that a reader may be behind with. One that is further behind is told so, and reads the store again.
pub(crate) const NOTICES_MAX: usize = 4096;
/// Requests that may wait: more than people can make while one is being journalled.
pub(crate) const REQUESTS_MAX: usize = 64;

/// News of a run.
#[derive(Debug, Clone)]
pub enum Notice {
    /// The journal has this record.
    Record(Arc<Record>),
    /// There is more output of this attempt to read.
    OutputGrew {
        /// Which attempt.
        attempt: AttemptId,
    },
}

/// What a person asks of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// That it stops, or that some of its hosts do.
    Cancel {
        /// Who.
        by: String,
        /// Why, in their words; may be empty.
        why: String,
        /// How hard.
        degree: CancelDegree,
        /// Indices of the hosts; none: the whole run.
        hosts: Option<Vec<u32>>,
    },
    /// The answer to a question that it asked.
    Answer {
        /// Indices of the hosts that it is for. Those that no longer wait for it are left alone.
        hosts: Vec<u32>,
        /// Index of the step.
        step: u32,
        /// The answer.
        answer: Answer,
        /// Who decided.
        by: String,
        /// Why, in their words; may be empty.
        why: String,
    },
}

/// What is known on disk, and who wants to hear of it.
pub(crate) struct Published {
    run: RunId,
    state: Mutex<Arc<RunState>>,
    notices: broadcast::Sender<Notice>,
    /// Rings when more is on disk.
    grown: Notify,
}

impl Published {
    pub(crate) fn new(run: RunId, plan: &Plan) -> Self {
        Self::of(run, RunState::new(plan))
    }

    /// Of a run that has come to `state` by the records that are on disk.
    pub(crate) fn of(run: RunId, state: RunState) -> Self {
        let notices = broadcast::Sender::new(NOTICES_MAX);
        Self { run, state: Mutex::new(Arc::new(state)), notices, grown: Notify::new() }
    }

    pub(crate) const fn run(&self) -> RunId {
        self.run
    }

    /// The journal has these records: now they may be seen.
    pub(crate) fn publish(&self, records: Vec<Record>) -> Result<(), IllegalEvent> {
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            // Copies only while somebody holds an older snapshot.
            let state = Arc::make_mut(&mut state);
            for record in &records {
                state.apply(&record.event)?;
            }
        }
        self.grown.notify_waiters();
        // Whoever subscribes after this finds the records in the state.
        if self.notices.receiver_count() == 0 {
            return Ok(());
        }
        for record in records {
            // An error means that nobody listens, which is fine.
            let _ = self.notices.send(Notice::Record(Arc::new(record)));
        }
        Ok(())
    }

    /// Waits until something is true by the records that are on disk.
    pub(crate) async fn until(&self, is_so: impl Fn(&RunState) -> bool) {
        loop {
            let grown = self.grown.notified();
            tokio::pin!(grown);
            // Before the look, so that what is written right after it is not missed.
            grown.as_mut().enable();
            if is_so(&self.state.lock().unwrap_or_else(PoisonError::into_inner)) {
                return;
            }
            grown.await;
        }
    }

    pub(crate) fn output_grew(&self, attempt: AttemptId) {
        let _ = self.notices.send(Notice::OutputGrew { attempt });
    }
}

/// A run, seen from outside. Cheap to clone; it does not keep the run alive.
#[derive(Clone)]
pub struct Handle {
    pub(crate) published: Arc<Published>,
    pub(crate) requests: mpsc::Sender<Request>,
}

impl Handle {
    /// The run's id.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.published.run
    }

    /// Asks that the run stop: nothing more of its main phase starts, and what is in flight of that is
    /// ended; steps for the end of a host that was started still run. After the end it changes nothing.
    pub fn cancel(&self, by: String, why: String) {
        self.request(Request::Cancel { by, why, degree: CancelDegree::Terminate, hosts: None });
    }

    /// Asks something of the run. After the end it changes nothing; false where it was not taken, because
    /// too many requests wait or the run is over.
    pub fn request(&self, request: Request) -> bool {
        self.requests.try_send(request).is_ok()
    }

    /// News from now on. A reader that lags is told so, and reads the store again.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.published.notices.subscribe()
    }

    /// What is true by the records that are on disk.
    #[must_use]
    pub fn state(&self) -> Arc<RunState> {
        Arc::clone(&self.published.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("run", &self.published.run).finish_non_exhaustive()
    }
}
