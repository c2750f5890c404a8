//! Rows that are computed and not yet inserted. They go in together: one statement for many rows
//! is several times faster than one for each.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use bytes::Bytes;
use daytwo_model::{AttemptId, Digest, Stream, Timestamp};
use sqlx::SqliteConnection;

use super::outputs::PendingOutput;
use super::rows::ManyRows;
use crate::column::int;
use crate::read::decisions::Decision;

/// A row of the journal.
pub(super) struct RecordRow {
    pub(super) run: i64,
    pub(super) index: u64,
    pub(super) at: i64,
    pub(super) event: String,
    pub(super) hash: Digest,
}

/// Where a step on a host stands: run's key, step, host.
pub(super) type Place = (i64, u32, u32);

/// A row of `attempts`: a step that was retried on a host has one for each attempt.
type AttemptKey = (Place, Option<AttemptId>);

/// A row of `attempts`, as of its last event.
pub(super) struct AttemptRow {
    pub(super) id: Option<AttemptId>,
    pub(super) word: &'static str,
    pub(super) state: String,
    pub(super) captured: String,
    pub(super) tally: String,
    pub(super) sent_at: Option<i64>,
    pub(super) changed_at: i64,
    pub(super) inverse: bool,
    /// Something of it may still be running, or whether it is so is not known.
    pub(super) unclear: bool,
    /// None while it is in flight.
    pub(super) ended_at: Option<i64>,
}

/// What changes in a row of `runs`.
pub(super) struct RunChange {
    pub(super) status: &'static str,
    pub(super) outcome: Option<String>,
    pub(super) ended_at: Option<i64>,
    pub(super) head_index: u64,
    pub(super) head_hash: Digest,
    /// Counted at the ends of batches and of the run only: it looks at every host.
    pub(super) standings: Option<String>,
    /// It ends: nobody drives it any more.
    pub(super) ends: bool,
}

/// All of them.
#[derive(Default)]
pub(super) struct Pending {
    records: Vec<RecordRow>,
    attempts: BTreeMap<AttemptKey, AttemptRow>,
    attempt_ids: HashSet<AttemptId>,
    runs: HashMap<i64, RunChange>,
    decisions: Vec<Decision>,
    output: PendingOutput,
}

impl Pending {
    pub(super) fn push_record(&mut self, row: RecordRow) {
        self.records.push(row);
    }

    pub(super) fn extend_decisions(&mut self, decisions: impl IntoIterator<Item = Decision>) {
        self.decisions.extend(decisions);
    }

    pub(super) fn put_attempt(&mut self, place: Place, mut row: AttemptRow) {
        if let Some(before) = self.attempts.get(&(place, row.id)) {
            row.sent_at = before.sent_at.or(row.sent_at);
            row.ended_at = row.ended_at.map(|ended_at| before.ended_at.unwrap_or(ended_at));
        }
        self.attempt_ids.extend(row.id);
        self.attempts.insert((place, row.id), row);
    }

    pub(super) fn put_run(&mut self, key: i64, mut change: RunChange) {
        if let Some(before) = self.runs.remove(&key) {
            change.standings = change.standings.or(before.standings);
            change.ends |= before.ends;
        }
        self.runs.insert(key, change);
    }

    /// Output of an attempt whose row is among these or was inserted before.
    pub(super) fn push_output(&mut self, attempt: AttemptId, stream: Stream, at: Timestamp, bytes: &Bytes) {
        self.output.push(attempt, stream, at, bytes);
    }

    /// Whether an attempt's row is among them.
    pub(super) fn holds(&self, attempt: AttemptId) -> bool {
        self.attempt_ids.contains(&attempt)
    }

    /// Inserts everything and forgets it.
    pub(super) async fn flush(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        insert_records(connection, &std::mem::take(&mut self.records)).await?;
        let attempts: Vec<_> = std::mem::take(&mut self.attempts).into_iter().collect();
        self.attempt_ids.clear();
        upsert_attempts(connection, &attempts).await?;
        self.output.flush(connection).await?;
        for (key, change) in self.runs.drain() {
            sqlx::query(
                "UPDATE runs SET status = ?2, outcome = ?3, ended_at = coalesce(ended_at, ?4), head_index = ?5, head_hash = ?6, \
                 standings = coalesce(?7, standings), owner = iif(?8, NULL, owner) WHERE key = ?1",
            )
            .bind(key)
            .bind(change.status)
            .bind(change.outcome)
            .bind(change.ended_at)
            .bind(int(change.head_index))
            .bind(change.head_hash.to_string())
            .bind(change.standings)
            .bind(change.ends)
            .execute(&mut *connection)
            .await?;
        }
        for decision in std::mem::take(&mut self.decisions) {
            super::facts::insert_decision(connection, &decision).await?;
        }
        Ok(())
    }
}

static INSERT_RECORDS: LazyLock<ManyRows> =
    LazyLock::new(|| ManyRows::new("INSERT INTO records (run, idx, at, event, hash) ", 5, ""));

async fn insert_records(connection: &mut SqliteConnection, rows: &[RecordRow]) -> Result<(), sqlx::Error> {
    for (text, rows) in INSERT_RECORDS.over(rows) {
        let mut insert = sqlx::query(text);
        for row in rows {
            insert = insert
                .bind(row.run)
                .bind(int(row.index))
                .bind(row.at)
                .bind(row.event.as_str())
                .bind(row.hash.to_string());
        }
        insert.execute(&mut *connection).await?;
    }
    Ok(())
}

// An attempt that is running again (it was unknown before) has no end; one that gets its verdict keeps the end
// that it has. An id of another run's attempt violates NOT NULL, and so fails instead of changing that other run;
// by a column that is in no index, because every index of a column that is set is written again.
static UPSERT_ATTEMPTS: LazyLock<ManyRows> = LazyLock::new(|| {
    ManyRows::new(
        "INSERT INTO attempts (run, step, host, id, word, state, captured, tally, sent_at, changed_at, ended_at, \
         inverse, unclear) ",
        13,
        " ON CONFLICT (id) DO UPDATE SET \
         word = CASE WHEN attempts.run = excluded.run THEN excluded.word END, state = excluded.state, \
         captured = excluded.captured, tally = excluded.tally, unclear = excluded.unclear, \
         changed_at = excluded.changed_at, ended_at = CASE WHEN excluded.ended_at IS NULL THEN NULL \
         ELSE coalesce(attempts.ended_at, excluded.ended_at) END",
    )
});

async fn upsert_attempts(
    connection: &mut SqliteConnection,
    rows: &[(AttemptKey, AttemptRow)],
) -> Result<(), sqlx::Error> {
    for (text, rows) in UPSERT_ATTEMPTS.over(rows) {
        let mut upsert = sqlx::query(text);
        for (((run, step, host), _), row) in rows {
            upsert = upsert
                .bind(*run)
                .bind(i64::from(*step))
                .bind(i64::from(*host))
                .bind(row.id.map(|id| id.to_string()))
                .bind(row.word)
                .bind(row.state.as_str())
                .bind(row.captured.as_str())
                .bind(row.tally.as_str())
                .bind(row.sent_at)
                .bind(row.changed_at)
                .bind(row.ended_at)
                .bind(row.inverse)
                .bind(row.unclear);
        }
        upsert.execute(&mut *connection).await?;
    }
    Ok(())
}
