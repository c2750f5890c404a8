//! What can go wrong with the history, in words that say what to do where something can be done.

use std::path::PathBuf;
use std::sync::Arc;

use daytwo_engine::ports::PortError;
use daytwo_fleet::ports::KeepError;
use daytwo_model::digest::InvalidDigest;
use daytwo_model::event::BrokenChain;
use daytwo_model::plan::InvalidPlan;
use daytwo_model::{AttemptId, Digest, IllegalEvent, RunId, Timestamp};

/// Why the history could not be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder or a file in it cannot be made or locked.
    #[error("prepare {path}")]
    Prepare {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// SQLite cannot open the file.
    #[error("open the history {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: Arc<sqlx::Error>,
    },
    /// The file is not readable as a database.
    #[error(
        "read the history {path}: the file is damaged ({what}). Nothing in it was changed. Restore it from a backup, or \
         move it away to begin a new history; `sqlite3 {path} .recover` may save what is still readable"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        what: String,
    },
    /// The file is a database of something else.
    #[error("open the history {path}: it is a database of another program, and was not changed")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version.
    #[error(
        "open the history {path}: a newer version of Daytwo wrote it (its schema is {found}, this version knows {known}). \
         It was not changed. Use that version or a newer one"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its newest migration.
        found: i64,
        /// The newest migration that this code has.
        known: i64,
    },
    /// The schema could not be brought up to date.
    #[error("bring the history {path} up to date")]
    Migrate {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: Box<sqlx::migrate::MigrateError>,
    },
    /// A write did not reach the disk. Nothing of it is visible.
    #[error("write to the history, and nothing of it was kept")]
    Write(#[source] Arc<sqlx::Error>),
    /// No free space. Nothing of the write is visible.
    #[error("write to the history: the disk or the history's own size limit is full, and nothing of it was kept")]
    Full,
    /// A read failed.
    #[error("read from the history")]
    Read(#[source] Arc<sqlx::Error>),
    /// The store is closed, or its writer has ended.
    #[error("write to the history: it is closed")]
    Closed,
    /// The disk did not answer in time.
    #[error("write to the history: the disk did not confirm it in time, so whether it was kept is not known")]
    Deadline,
    /// Another process has taken the run over, or it was handed back.
    #[error("write the journal of run {run}: it was taken over (fence {held} was superseded by {current})")]
    Fenced {
        /// The run.
        run: RunId,
        /// The token that the caller has.
        held: u64,
        /// The token that counts.
        current: u64,
    },
    /// Records do not continue the journal, or the journal on disk does not fit together.
    #[error("follow the journal of run {run}")]
    Chain {
        /// The run.
        run: RunId,
        /// Where it breaks.
        #[source]
        source: BrokenChain,
    },
    /// Another record is already the predecessor: two writers, or a wrong one.
    #[error("write record {index} of run {run}: it does not follow the record that is there")]
    Forked {
        /// The run.
        run: RunId,
        /// The index of the refused record.
        index: u64,
    },
    /// The journal's last records are missing or do not have the hash that was noted for them.
    #[error("follow the journal of run {run}: it should end with record {expected}, and that record is not there")]
    Tail {
        /// The run.
        run: RunId,
        /// The index of the last record that was accepted.
        expected: u64,
    },
    /// A record that cannot have happened.
    #[error("follow the journal of run {run} at record {index}")]
    Illegal {
        /// The run.
        run: RunId,
        /// The record.
        index: u64,
        /// Why it cannot have happened.
        #[source]
        source: IllegalEvent,
    },
    /// Records of one call belong to different runs, or a run is opened with something else than its opening.
    #[error("write the journal of run {run}: {why}")]
    Misused {
        /// The run.
        run: RunId,
        /// What is wrong with the call.
        why: &'static str,
    },
    /// Something that this version wrote cannot be read back.
    #[error("read {what} of the history: its content was changed or damaged")]
    Unreadable {
        /// What it is.
        what: String,
        /// What was found.
        #[source]
        source: serde_json::Error,
    },
    /// A kept digest is not one.
    #[error("read {what} of the history: its content was changed or damaged")]
    Undigested {
        /// What it is.
        what: String,
        /// What was found.
        #[source]
        source: InvalidDigest,
    },
    /// A kept plan is not what was sealed.
    #[error("read plan {digest} of the history")]
    Plan {
        /// The plan.
        digest: Digest,
        /// What is wrong.
        #[source]
        source: InvalidPlan,
    },
    /// A value cannot be written as JSON.
    #[error("write {what} as JSON")]
    Unwritable {
        /// What it is.
        what: &'static str,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// There is no such run.
    #[error("find run {0}: the history has none")]
    NoSuchRun(RunId),
    /// There is already such a run.
    #[error("open run {0}: the history already has it")]
    RunExists(RunId),
    /// A plan is executed once, and was.
    #[error("open a run of plan {plan}: run {run} executed it already")]
    Executed {
        /// The plan.
        plan: Digest,
        /// The run that executed it.
        run: RunId,
    },
    /// Another run of the same family was opened since this one was planned, so that its plan is not true any more.
    #[error(
        "open a run that is made of run {run}: run {by} was made of it or beside it since this was planned; plan it again"
    )]
    Overtaken {
        /// The run that it was to be made of.
        run: RunId,
        /// The other one.
        by: RunId,
        /// When that was opened.
        at: Timestamp,
    },
    /// A run is made of another only when that, and all that was made of it or beside it before, is over.
    #[error("open a run that is made of run {run}: run {made} is not over")]
    NotOver {
        /// The run that it is made of.
        run: RunId,
        /// That run, or one of its family.
        made: RunId,
    },
    /// Nothing can be asked of a run that has ended.
    #[error("ask something of run {0}: it has ended")]
    RunIsOver(RunId),
    /// Its driver takes none of the requests that wait.
    #[error("ask something of run {0}: too many requests wait for the process that drives it")]
    TooManyRequests(RunId),
    /// The host does not wait (any more) for its part of a run.
    #[error("settle what waits for {host} of run {run}: it does not wait any more")]
    NotWaiting {
        /// The run.
        run: RunId,
        /// The host.
        host: String,
    },
    /// There is no such plan.
    #[error("find plan {0}: the history has none")]
    NoSuchPlan(Digest),
    /// There is no such attempt.
    #[error("find attempt {0}: the journal has none")]
    NoSuchAttempt(AttemptId),
}

impl Error {
    /// What a failed read means.
    pub(crate) fn read(source: sqlx::Error) -> Self {
        Self::Read(Arc::new(source))
    }

    /// What a failed write means; one failure may concern many callers.
    pub(crate) fn write(source: &Arc<sqlx::Error>) -> Self {
        match primary_code(source) {
            Some(SQLITE_FULL) => Self::Full,
            _ => Self::Write(Arc::clone(source)),
        }
    }

    /// The whole story in one line: a port's error has no source to look into.
    fn told(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(source) = cause {
            text.push_str(": ");
            text.push_str(&source.to_string());
            cause = source.source();
        }
        text
    }
}

impl From<Error> for PortError {
    fn from(error: Error) -> Self {
        Self(error.told())
    }
}

impl From<Error> for KeepError {
    fn from(error: Error) -> Self {
        Self(error.told())
    }
}

/// Primary result codes of SQLite, from <https://sqlite.org/rescode.html>.
pub(crate) const SQLITE_BUSY: u8 = 5;
/// See [`SQLITE_BUSY`].
pub(crate) const SQLITE_READONLY: u8 = 8;
/// See [`SQLITE_BUSY`].
pub(crate) const SQLITE_IOERR: u8 = 10;
/// See [`SQLITE_BUSY`].
pub(crate) const SQLITE_CORRUPT: u8 = 11;
/// See [`SQLITE_BUSY`].
pub(crate) const SQLITE_FULL: u8 = 13;
/// See [`SQLITE_BUSY`].
pub(crate) const SQLITE_CANTOPEN: u8 = 14;
/// See [`SQLITE_BUSY`].
pub(crate) const SQLITE_NOTADB: u8 = 26;

/// The primary result code behind an error; extended codes have it in their low byte.
pub(crate) fn primary_code(error: &sqlx::Error) -> Option<u8> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    u8::try_from(code & 0xff).ok()
}
