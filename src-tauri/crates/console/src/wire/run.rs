//! The Runs and History places.

use std::collections::BTreeMap;

use daytwo_model::plan::ResumePart;
use daytwo_model::{Answer, AttemptId, Digest, HostName, RunId, RunbookName, Timestamp};
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
    /// What the run waits for between two batches; none while it works.
    pub pace: Option<Pace>,
    /// The inputs, secrets by name.
    pub inputs: BTreeMap<String, String>,
    /// What people decided: who, when, what, why.
    pub decisions: Vec<Decision>,
    /// What can be done now: `cancel`, `undo`.
    pub offers: Vec<Offer>,
    /// What a person has to decide, groups of identical questions, the oldest first.
    pub questions: Vec<RunQuestion>,
    /// Hosts that get their part when they can be reached.
    pub waiting: Vec<WaitingHost>,
    /// The run that this one resumes or delivers late, and which part of it, in words; none for other runs.
    pub part_of: Option<PartOf>,
    /// The runs that resumed this one or delivered parts of it, oldest first.
    pub resumed_by: Vec<RunId>,
}

/// The same question about several hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RunQuestion {
    /// Index of the step.
    pub step: u32,
    /// Indices of the hosts that wait, in the plan's order.
    pub hosts: Vec<u32>,
    /// What is asked, in one sentence: `exit 3 on restart` or the step's own question.
    pub text: String,
    /// What can be answered, in the order in which it is offered.
    pub answers: Vec<AnswerOffer>,
    /// What no answer means.
    pub otherwise: Answer,
    /// Until when: the earliest among these hosts.
    pub until: Timestamp,
    /// Since when: the earliest among these hosts.
    pub since: Timestamp,
    /// An attempt of one of them, whose output can be read.
    pub attempt: Option<AttemptId>,
}

/// An answer with its words: `Retry restart`, and what it means for the hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct AnswerOffer {
    /// The answer.
    pub answer: Answer,
    /// The button's words.
    pub label: String,
    /// What it means, in one sentence.
    pub means: String,
}

/// A host that gets its part of a run when it can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct WaitingHost {
    /// The run.
    pub run: RunId,
    /// The runbook's title.
    pub title: String,
    /// The host.
    pub host: HostName,
    /// Since when it waits.
    pub since: Timestamp,
    /// Until when it is tried.
    pub until: Timestamp,
    /// Where it stands: `waiting`, `delivered`, `expired`, `superseded`, `withdrawn`, `not delivered`.
    pub state: String,
    /// Why, where that needs saying; may be empty.
    pub why: String,
    /// The run that delivered it.
    pub delivered_by: Option<RunId>,
}

/// Of which run this one is a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PartOf {
    /// That run.
    pub run: RunId,
    /// Which part, in words: `failed hosts from their failed step`.
    pub part: String,
}

/// One of the ways in which a run can be resumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ResumeChoice {
    /// Which.
    pub part: ResumePart,
    /// Its name: `Failed hosts, from their failed step`.
    pub title: String,
    /// What it does, in one sentence with numbers: `3 hosts; 2 steps are not done again`.
    pub means: String,
    /// The hosts.
    pub hosts: Vec<HostName>,
    /// Why it cannot be chosen; none where it can.
    pub not_now: Option<String>,
}

/// What can be resumed of a run, and what has changed since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ResumeChoices {
    /// The three choices, in their order.
    pub choices: Vec<ResumeChoice>,
    /// Hosts of which an attempt's end is not known: they are in none of the first two.
    pub unknown: Vec<HostName>,
    /// What differs between the runbook now and the one that ran, one line each; empty: nothing. What is
    /// resumed is what ran then.
    pub changed: Vec<String>,
}

/// A run that was found without its process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Recovered {
    /// The run.
    pub row: RunRow,
    /// What was found out, one sentence each: `restart on web-3 finished with exit 0`.
    pub found: Vec<String>,
    /// What is still unknown, one sentence each.
    pub unknown: Vec<String>,
    /// Whether the hosts are still being asked.
    pub asking: bool,
}

/// What was done on a host, by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Touch {
    /// When it began, by the host's clock.
    pub at: Timestamp,
    /// Who asked, as they said.
    pub by: String,
    /// As whom it ran there.
    pub user: String,
    /// What: runbook, step and run.
    pub what: String,
    /// Its state's mark.
    pub mark: Mark,
    /// Its state in words: `running, lease until 03:12`, `exit 0`, `lost`.
    pub state: String,
    /// Whether this console's history knows the attempt, and then its run.
    pub run: Option<RunId>,
}

/// Who touched a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Touches {
    /// The host.
    pub host: HostName,
    /// When it was asked.
    pub at: Timestamp,
    /// What it said, newest first.
    pub touches: Vec<Touch>,
    /// What could not be read, in one sentence; may be empty: folders of other users without sudo.
    pub unread: String,
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

/// What a run waits for between two batches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Pace {
    /// In words: `waiting 10 min after batch 2`, `checking health after batch 2: GET … answers 200`.
    pub words: String,
    /// Until when at most, where that is known.
    pub until: Option<Timestamp>,
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
    /// What is known beside the state, while it is in flight: `silent for 2 min, 1 process alive`; may be empty.
    pub note: String,
    /// The inverse of the same step, where it was sent in this run; as far as it got.
    pub inverse: Option<Box<Cell>>,
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
    /// Start nothing more; what is in flight goes to its end.
    CancelStarts,
    /// End what is in flight of the main phase.
    Cancel,
    /// Kill everything in flight at once.
    Kill,
    /// Plan its undo.
    Undo,
    /// Choose what of it is done again.
    Resume,
    /// Ask its hosts what became of attempts whose end is unknown.
    AskAgain,
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
    /// What the run waits for now.
    pub pace: Option<Pace>,
    /// Everything decided so far.
    pub decisions: Vec<Decision>,
    /// What can be done now.
    pub offers: Vec<Offer>,
    /// What a person has to decide now.
    pub questions: Vec<RunQuestion>,
    /// Hosts that get their part when they can be reached.
    pub waiting: Vec<WaitingHost>,
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
