//! Journal, history, outputs and observations on disk; the only crate that knows sqlx.
//!
//! One SQLite database holds everything. What was accepted by a write is on disk when the call
//! returns; the journal's records are the truth and every other table about runs is computed from
//! them in the same transaction. Several processes may have the database open at one time: SQLite's
//! write lock orders their writes, a fence per run decides who may write it, and a locked file per
//! process tells who is still alive.
//!
//! Not to be done here: deciding what an event means (that is `daytwo_model::RunState`), reading
//! the clock, reading the environment, handing out a type of sqlx, or "repairing" a journal that
//! does not fit together. Output arrives redacted; nothing here could redact it.

mod column;
mod database;
mod error;
mod owner;
mod ports;
mod read;
mod store;
mod writer;

pub use database::DATABASE_FILE;
pub use error::Error;
pub use read::attempts::StoredAttempt;
pub use read::decisions::{Decision, DecisionKind, RecordedDecision};
pub use read::output::{OutputPage, OutputSpan, Streams};
pub use read::requests::OpenRequest;
pub use read::runs::{Driven, Found, Part, RunFilter, RunSummary, Unsettled};
pub use read::step::{HostOutput, OutputHead, StepOutputs};
pub use read::waiting::{Waiting, WaitingState};
pub use store::{Options, Store};
pub use writer::Counters;

/// The bounds of what one question may ask and of what is kept.
pub mod limits {
    pub use crate::read::attempts::ATTEMPTS_PAGE_MAX;
    pub use crate::read::decisions::DECISIONS_PAGE_MAX;
    pub use crate::read::journal::RECORDS_PAGE_MAX;
    pub use crate::read::observations::OBSERVATIONS_PAGE_MAX;
    pub use crate::read::output::OUTPUT_PAGE_BYTES_MAX;
    pub use crate::read::requests::REQUESTS_OPEN_MAX;
    pub use crate::read::runs::{FILTER_TEXT_BYTES_MAX, RUNS_PAGE_MAX};
    pub use crate::read::step::OUTPUT_HEAD_BYTES_MAX;
    pub use crate::read::waiting::WAITING_PAGE_MAX;
    pub use crate::writer::{OBSERVATIONS_PER_HOST_MAX, OUTPUT_PIECE_BYTES_MAX, WRITE_DEADLINE, WRITES_QUEUED_MAX};
}
