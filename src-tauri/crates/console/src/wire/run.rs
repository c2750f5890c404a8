//! The Runs and History places.

use std::collections::BTreeMap;

use daytwo_model::{AttemptId, Digest, HostName, RunId, RunbookName, Timestamp};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::mark::Mark;

/// One run in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// The runbook's name.
    pub runbook: RunbookName,
    /// The runbook's title.
    pub title: String,
    /// The digest of its plan.
    pub plan: Digest,
    /// Set when this run undoes another.
    pub undo_of: Option<RunId>,
    /// Set when another run undid this one.
    pub undone_by: Option<RunId>,
    /// The worst that is known.
    pub mark: Mark,
    /// `running`, `succeeded`, `failed`, `rolled back`, `stuck`, `cancelled`, `abandoned`, `interrupted`.
    pub status: String,
    /// Whether it still runs (here or in another process).
    pub active: bool,
    /// When and by whom it was started.
    pub started_at: Timestamp,
    /// Who started it.
    pub started_by: String,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How many hosts it has.
    pub hosts: u32,
    /// How many hosts stand where, in words: `succeeded`, `failed`, `unknown`, `no answer`, `waiting`, …
    pub standings: BTreeMap<String, u32>,
}

/// A run in full: a snapshot from which deltas continue.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct RunView {
    /// As in the list.
    pub row: RunRow,
    /// The index of the last record in this snapshot; the next delta begins right after it.
    #[ts(type = "number")]
    pub index: u64,
    /// Steps, in order: the columns of the matrix.
    pub steps: Vec<RunStep>,
    /// Batches, in order: the bands of the matrix; each lists indices into `hosts`.
    pub batches: Vec<RunBatch>,
    /// Hosts, in the plan's order: the rows of the matrix.
    pub hosts: Vec<RunHost>,
    /// Budgets in words: `failed 1 of at most 2`, one line each.
    pub budgets: Vec<String>,
    /// The inputs, secrets by name.
    pub inputs: BTreeMap<String, String>,
    /// What people decided: who, when, what, why.
    pub decisions: Vec<Decision>,
    /// What can be done now: `cancel`, `undo`.
    pub offers: Vec<Offer>,
}

/// A column of the matrix.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[expect(missing_docs, reason = "names say it")]
pub struct RunStep {
    pub id: String,
    pub title: String,
    /// `main`, `on_failure` or `always`.
    pub phase: String,
    pub changes: bool,
}

/// A band of the matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RunBatch {
    /// Indices into the run's hosts.
    pub hosts: Vec<u32>,
    /// `waiting`, `running`, `ended`.
    pub state: String,
}

/// A row of the matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RunHost {
    /// Its name.
    pub name: HostName,
    /// Its mark.
    pub mark: Mark,
    /// Where it stands, in words.
    pub word: String,
    /// One cell per step.
    pub cells: Vec<Cell>,
}

/// A cell of the matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Cell {
    /// Its mark.
    pub mark: Mark,
    /// The state's word: `planned`, `running`, `verified`, …
    pub word: String,
    /// What is known beyond that: exit code, reason.
    pub detail: String,
    /// The attempt, whose output can be read; none when nothing was sent.
    pub attempt: Option<AttemptId>,
}

/// What a person decided.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[expect(missing_docs, reason = "names say it")]
pub struct Decision {
    pub at: Timestamp,
    pub by: String,
    pub what: String,
    pub why: String,
}

/// What can be done with a run now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Offer {
    /// Stop it: it runs in this process.
    Cancel,
    /// Plan its undo.
    Undo,
}

/// What changed in a run since the record before `from`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct RunDelta {
    /// The run.
    pub run: RunId,
    /// The first record in it; a gap to the last known index means: ask for the snapshot again.
    #[ts(type = "number")]
    pub from: u64,
    /// The last record in it.
    #[ts(type = "number")]
    pub index: u64,
    /// The row as it is now.
    pub row: RunRow,
    /// The hosts that changed, by index.
    pub hosts: Vec<(u32, RunHost)>,
    /// The batches as they are now.
    pub batches: Vec<RunBatch>,
    /// The budgets as they are now.
    pub budgets: Vec<String>,
    /// Everything decided so far.
    pub decisions: Vec<Decision>,
    /// What can be done now.
    pub offers: Vec<Offer>,
}

/// A page of an attempt's output.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct OutputPage {
    /// The attempt.
    pub attempt: AttemptId,
    /// Pieces in the order in which they arrived.
    pub pieces: Vec<OutputPiece>,
    /// Where the next page begins: give it back to read on.
    #[ts(type = "number")]
    pub next: u64,
    /// Whether there is more right now.
    pub more: bool,
    /// Bytes that were counted and not kept.
    #[ts(type = "number")]
    pub dropped_bytes: u64,
}

/// A piece of output. Control characters are already made visible, and it is valid Unicode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OutputPiece {
    /// Standard error rather than standard output.
    pub stderr: bool,
    /// When it arrived.
    pub at: Timestamp,
    /// The text.
    pub text: String,
}

/// Hosts whose output of one step is the same.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct OutputGroup {
    /// The hosts.
    pub hosts: Vec<HostName>,
    /// The attempt to page through for the whole text.
    pub attempt: AttemptId,
    /// The group's mark.
    pub mark: Mark,
    /// The state's word and detail: `verified · exit 0`.
    pub words: String,
    /// The beginning of the output.
    pub head: Vec<OutputPiece>,
    /// Whether the head is all of it.
    pub whole: bool,
}

/// What to list in History.
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct HistoryFilter {
    /// Words in runbook, title, host or person.
    pub text: String,
    /// A status word; empty: all.
    pub status: String,
    /// Runs older than this one, the last of the page before.
    pub before: Option<RunId>,
}
