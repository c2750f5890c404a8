//! The one task that writes. It takes everything that is queued into one transaction, so that many
//! callers share one fsync, and answers each of them only after the commit.
//!
//! A write that is refused (a stale fence, a gap) fails alone. A transaction that fails is rolled
//! back whole: nothing of it was visible to anybody, and everybody in it is told.

mod decided;
pub(crate) mod facts;
mod group;
mod late;
mod live;
mod made_of;
mod outputs;
mod pending;
mod rows;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use daytwo_engine::ports::Fence;
use daytwo_model::{AttemptId, Digest, HostName, Record, RunId, RunState, Stream, Timestamp};
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::column::{json, length};
use crate::database::Database;
use crate::error::{
    Error, SQLITE_BUSY, SQLITE_CANTOPEN, SQLITE_CORRUPT, SQLITE_FULL, SQLITE_IOERR, SQLITE_NOTADB, SQLITE_READONLY,
    primary_code,
};
use crate::owner::Owner;
use crate::read::decisions::Decision;
use crate::read::runs::Part;
use crate::read::waiting::WaitingState;
use facts::ObservationRow;
use group::{Failure, Group};
use live::Live;

/// Writes that may wait for the disk. With pieces of at most [`OUTPUT_PIECE_BYTES_MAX`] this
/// bounds the queue's memory to 32 MiB; beyond it the callers, and so the hosts, wait.
pub const WRITES_QUEUED_MAX: usize = 512;

/// A piece of output is stored in rows of at most this many bytes, so that a page never has to
/// read much more than it returns.
pub const OUTPUT_PIECE_BYTES_MAX: usize = 64 * 1024;

/// A write that is not confirmed within this time has an unknown fate, and its run must stop. Beyond
/// all the tries to get the database's lock, so only a hanging disk gets here; below the engine's
/// own wait for its journal, so that this error, which says more, is the one that is seen.
pub const WRITE_DEADLINE: Duration = Duration::from_secs(25);

/// Observations that are kept of one host besides the last one.
pub const OBSERVATIONS_PER_HOST_MAX: u32 = 500;

/// How often the database's write lock is asked for, each time for the connection's busy timeout.
const BEGIN_TRIES_MAX: u32 = 3;

/// Runs whose state is kept at hand. One that is not is folded from its records again.
const LIVE_RUNS_MAX: usize = 64;

/// A run that begins; made by the caller, so that the writer has little left to compute.
pub(crate) struct NewRun {
    pub(crate) plan: Digest,
    pub(crate) document: String,
    /// JSON array of the hosts' names.
    pub(crate) host_names: String,
    pub(crate) hosts: u64,
    /// Id and title of each step.
    pub(crate) steps: Vec<(String, String)>,
    pub(crate) runbook: String,
    pub(crate) title: String,
    pub(crate) undo_of: Option<RunId>,
    pub(crate) part_of: Option<(RunId, Part)>,
    /// The runs that had been made of the same run when this one was planned.
    pub(crate) after: Vec<RunId>,
    /// Until when hosts that could not be reached wait for their part.
    pub(crate) wait_until: Option<Timestamp>,
    pub(crate) by: String,
    pub(crate) first: Sealed,
    /// The state before the first record.
    pub(crate) state: RunState,
}

/// A record that is as it was sealed, with its event as text. All that can be found out of one record alone is
/// found out by whoever brings it, so that the one task that writes has little left to compute.
pub(crate) struct Sealed {
    record: Record,
    event: String,
}

impl Sealed {
    pub(crate) fn new(record: &Record) -> Result<Self, Error> {
        let run = record.run;
        if record.at != Timestamp::from_unix_ms(record.at.unix_ms()) {
            // Its hash could not be computed again from what is kept.
            return Err(Error::Misused { run, why: "a record's time is finer than a millisecond" });
        }
        record.check_hash().map_err(|source| Error::Chain { run, source })?;
        Ok(Self { record: record.clone(), event: json("an event", &record.event)? })
    }
}

/// A digest of everything that an attempt had written when it was computed.
pub(crate) struct OutputDigest {
    pub(crate) attempt_key: i64,
    pub(crate) stdout_kept: i64,
    pub(crate) stderr_kept: i64,
    pub(crate) digest: Digest,
}

/// What can be written.
pub(crate) enum Write {
    Open(Box<NewRun>),
    Append { fence: Fence, records: Vec<Sealed> },
    TakeOver(RunId),
    HandBack(Fence),
    Output { attempt: AttemptId, stream: Stream, at: Timestamp, bytes: Bytes },
    OutputDigests(Vec<OutputDigest>),
    Observations(Vec<ObservationRow>),
    Decision(Decision),
    Setting { name: String, value: Option<String> },
    Request { run: RunId, at: Timestamp, by: String, request: String },
    RequestTaken { number: i64, at: Timestamp },
    SettleWaiting { run: RunId, host: HostName, state: WaitingState, why: String, at: Timestamp },
    ExpireWaiting(Timestamp),
}

/// A write and whoever waits for it. The answer is the fence that the write gave, if it gave one.
pub(crate) struct Job {
    pub(crate) write: Write,
    pub(crate) reply: oneshot::Sender<Result<Option<Fence>, Error>>,
}

/// What the writer did since the store was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// Transactions that were committed; each is one fsync.
    pub commits: u64,
    /// Writes in them.
    pub writes: u64,
    /// Journal records in them.
    pub records: u64,
    /// Bytes of output in them.
    pub output_bytes: u64,
    /// Transactions that failed and were rolled back.
    pub rollbacks: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counting {
    commits: AtomicU64,
    writes: AtomicU64,
    records: AtomicU64,
    output_bytes: AtomicU64,
    rollbacks: AtomicU64,
}

impl Counting {
    pub(crate) fn now(&self) -> Counters {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            commits: of(&self.commits),
            writes: of(&self.writes),
            records: of(&self.records),
            output_bytes: of(&self.output_bytes),
            rollbacks: of(&self.rollbacks),
        }
    }

    fn add_commit(&self, jobs: &[Job], results: &[Result<Option<Fence>, Error>]) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        for job in jobs.iter().zip(results).filter_map(|(job, result)| result.is_ok().then_some(job)) {
            self.writes.fetch_add(1, Ordering::Relaxed);
            match &job.write {
                Write::Open(_) => self.records.fetch_add(1, Ordering::Relaxed),
                Write::Append { records, .. } => self.records.fetch_add(length(records.len()), Ordering::Relaxed),
                Write::Output { bytes, .. } => self.output_bytes.fetch_add(length(bytes.len()), Ordering::Relaxed),
                Write::TakeOver(_)
                | Write::HandBack(_)
                | Write::OutputDigests(_)
                | Write::Observations(_)
                | Write::Decision(_)
                | Write::Setting { .. }
                | Write::Request { .. }
                | Write::RequestTaken { .. }
                | Write::SettleWaiting { .. }
                | Write::ExpireWaiting(_) => continue,
            };
        }
    }
}

/// The writing task.
pub(crate) struct Writer {
    pub(crate) database: Database,
    pub(crate) owner: Arc<Owner>,
    pub(crate) queue: mpsc::Receiver<Job>,
    pub(crate) counting: Arc<Counting>,
    /// None after a failure: SQLite may have ended the transaction by itself, and a new connection
    /// is the one state that is surely clean.
    pub(crate) connection: Option<SqliteConnection>,
    pub(crate) live: HashMap<RunId, Live>,
}

impl Writer {
    /// Writes until every sender is gone or `cancel`; what is queued by then is still written.
    pub(crate) async fn run(mut self, cancel: CancellationToken) {
        let mut jobs = Vec::with_capacity(WRITES_QUEUED_MAX);
        loop {
            let received = tokio::select! {
                biased;
                () = cancel.cancelled(), if !self.queue.is_closed() => {
                    self.queue.close();
                    continue;
                }
                received = self.queue.recv_many(&mut jobs, WRITES_QUEUED_MAX) => received,
            };
            if received == 0 {
                break;
            }
            self.commit(std::mem::take(&mut jobs)).await;
        }
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the history was not closed cleanly; the next start recovers it");
        }
    }

    async fn commit(&mut self, jobs: Vec<Job>) {
        let source = match self.transact(&jobs).await {
            Ok(results) => return answer(jobs.into_iter().zip(results)),
            Err(source) => source,
        };
        self.roll_back(&source).await;
        if jobs.len() == 1 || !concerns_one_write(&source) {
            return answer(jobs.into_iter().map(|job| (job, Err(Error::write(&source)))));
        }
        // One of them broke the transaction. Alone, only that one fails.
        for job in jobs {
            let job = vec![job];
            match self.transact(&job).await {
                Ok(results) => answer(job.into_iter().zip(results)),
                Err(source) => {
                    self.roll_back(&source).await;
                    answer(job.into_iter().map(|job| (job, Err(Error::write(&source)))));
                }
            }
        }
    }

    async fn roll_back(&mut self, source: &sqlx::Error) {
        self.counting.rollbacks.fetch_add(1, Ordering::Relaxed);
        tracing::error!(error = %source, "a write to the history failed and was rolled back");
        self.live.clear();
        if let Some(connection) = self.connection.take() {
            // Errors here say what the failed transaction has said already.
            drop(connection.close().await);
        }
    }

    /// All of `jobs` in one transaction: each one's own result, or none of them.
    async fn transact(&mut self, jobs: &[Job]) -> Result<Vec<Result<Option<Fence>, Error>>, Arc<sqlx::Error>> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.database.writer().await?),
        };
        let mut tries = 1;
        let mut transaction = loop {
            match connection.begin_with("BEGIN IMMEDIATE").await {
                Err(error) if primary_code(&error) == Some(SQLITE_BUSY) && tries < BEGIN_TRIES_MAX => tries += 1,
                begun => break begun?,
            }
        };
        let mut results = Vec::with_capacity(jobs.len());
        let mut group = Group::new(&mut transaction, &mut self.live, &self.owner);
        for job in jobs {
            match group.apply(&job.write).await {
                Ok(fence) => results.push(Ok(fence)),
                Err(Failure::Refused(error)) => results.push(Err(error)),
                Err(Failure::Broken(source)) => return Err(Arc::new(source)),
            }
        }
        group.flush().await?;
        transaction.commit().await?;
        self.counting.add_commit(jobs, &results);
        self.live.retain(|_, live| live.is_open());
        while self.live.len() > LIVE_RUNS_MAX
            && let Some(run) = self.live.keys().next().copied()
        {
            self.live.remove(&run);
        }
        Ok(results)
    }
}

fn answer(results: impl Iterator<Item = (Job, Result<Option<Fence>, Error>)>) {
    for (job, result) in results {
        // A caller that went away does not undo its write.
        drop(job.reply.send(result));
    }
}

/// Whether a failure may be the fault of one write: everything that is not the disk's or the file's.
fn concerns_one_write(error: &sqlx::Error) -> bool {
    !matches!(
        primary_code(error),
        None | Some(
            SQLITE_BUSY
                | SQLITE_READONLY
                | SQLITE_IOERR
                | SQLITE_CORRUPT
                | SQLITE_FULL
                | SQLITE_CANTOPEN
                | SQLITE_NOTADB
        )
    )
}
