//! What people decided: who started, who cancelled, who trusted a key.

use daytwo_model::{RunId, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::column::{from_word, uint};
use crate::error::Error;
use crate::store::Store;
use crate::writer::Write;

/// Decisions that one question returns at most.
pub const DECISIONS_PAGE_MAX: u32 = 500;

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionKind {
    /// A run was started. Recorded by the store itself, from the journal.
    RunStarted,
    /// A run was asked to stop. Recorded by the store itself, from the journal.
    CancelRequested,
    /// A question that a run asked was answered. Recorded by the store itself, from the journal.
    QuestionAnswered,
    /// A run was found without its process. Recorded by the store itself, from the journal.
    RunFoundInterrupted,
    /// A host's key was accepted.
    KeyTrusted,
    /// A host's key was removed from the known ones.
    KeyForgotten,
    /// A host is not to get its part of a run any more.
    WaitingWithdrawn,
}

/// Who decided what, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What.
    pub kind: DecisionKind,
    /// The run that it is about, if it is about one.
    pub run: Option<RunId>,
    /// What it is about, for people: a run's id, a host and the fingerprint of its key.
    pub subject: String,
    /// Why, in their words; may be empty.
    pub why: String,
}

/// A decision with its number, which grows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordedDecision {
    /// Its number.
    pub number: u64,
    /// The decision.
    pub decision: Decision,
}

#[derive(FromRow)]
struct DecisionColumns {
    key: i64,
    at: i64,
    by: String,
    kind: String,
    run: Option<String>,
    subject: String,
    why: String,
}

impl DecisionColumns {
    fn decision(self) -> Result<RecordedDecision, Error> {
        let what = || format!("decision {}", self.key);
        let decision = Decision {
            at: Timestamp::from_unix_ms(self.at),
            kind: from_word(what, &self.kind)?,
            run: self.run.as_deref().map(|run| from_word(what, run)).transpose()?,
            by: self.by,
            subject: self.subject,
            why: self.why,
        };
        Ok(RecordedDecision { number: uint(self.key), decision })
    }
}

impl Store {
    /// Keeps a decision that no journal tells of.
    pub async fn decide(&self, decision: Decision) -> Result<(), Error> {
        self.submit(Write::Decision(decision)).await.map(drop)
    }

    /// The last decisions before number `before`, newest first; of one run or of all.
    pub async fn decisions(&self, run: Option<RunId>, before: Option<u64>) -> Result<Vec<RecordedDecision>, Error> {
        let rows: Vec<DecisionColumns> = sqlx::query_as(
            "SELECT key, at, by, kind, run, subject, why FROM decisions \
             WHERE (?1 IS NULL OR run = ?1) AND (?2 IS NULL OR key < ?2) ORDER BY key DESC LIMIT ?3",
        )
        .bind(run.map(|run| run.to_string()))
        .bind(before.map(crate::column::int))
        .bind(i64::from(DECISIONS_PAGE_MAX))
        .fetch_all(self.readers())
        .await
        .map_err(Error::read)?;
        rows.into_iter().map(DecisionColumns::decision).collect()
    }
}
