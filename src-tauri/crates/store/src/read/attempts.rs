//! Attempts as their records tell them.

use std::collections::BTreeMap;

use daytwo_model::{AttemptId, AttemptState, CaptureName, HostName, OutputTally, RunId, StepId, Timestamp};
use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;

use crate::column::{from_json, from_word, index, moment, uint};
use crate::error::Error;
use crate::store::Store;

/// Attempts that one question returns at most.
pub const ATTEMPTS_PAGE_MAX: u32 = 10_000;

/// What is known of a step on a host, with names.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredAttempt {
    /// Its id; none for a step that was skipped.
    pub id: Option<AttemptId>,
    /// Index of the host in the plan.
    pub host: u32,
    /// The host's name.
    pub host_name: HostName,
    /// Index of the step in the plan.
    pub step: u32,
    /// The step's id.
    pub step_id: StepId,
    /// It is the step's recorded inverse that was sent, in the same run.
    pub inverse: bool,
    /// What is known.
    pub state: AttemptState,
    /// What it captured.
    pub captured: BTreeMap<CaptureName, Value>,
    /// How much it wrote, whether kept or not.
    pub tally: OutputTally,
    /// When its intent was recorded; none for a step that was skipped.
    pub sent_at: Option<Timestamp>,
    /// When its end was recorded; none while it is in flight.
    pub ended_at: Option<Timestamp>,
    /// When anything was last recorded of it.
    pub changed_at: Timestamp,
    /// Bytes of standard output that are kept.
    pub stdout_kept: u64,
    /// Bytes of standard error that are kept.
    pub stderr_kept: u64,
}

#[derive(FromRow)]
struct AttemptColumns {
    id: Option<String>,
    host: i64,
    host_name: String,
    step: i64,
    step_id: String,
    inverse: bool,
    state: String,
    captured: String,
    tally: String,
    sent_at: Option<i64>,
    ended_at: Option<i64>,
    changed_at: i64,
    stdout_kept: i64,
    stderr_kept: i64,
}

impl AttemptColumns {
    const fn place(&self) -> (i64, i64) {
        (self.step, self.host)
    }

    fn attempt(self) -> Result<StoredAttempt, Error> {
        let what = || format!("the attempt of step {} on {}", self.step_id, self.host_name);
        Ok(StoredAttempt {
            id: self.id.as_deref().map(|id| from_word(what, id)).transpose()?,
            host: index(self.host),
            host_name: from_word(what, &self.host_name)?,
            step: index(self.step),
            step_id: from_word(what, &self.step_id)?,
            inverse: self.inverse,
            state: from_json(what, &self.state)?,
            captured: from_json(what, &self.captured)?,
            tally: from_json(what, &self.tally)?,
            sent_at: moment(self.sent_at),
            ended_at: moment(self.ended_at),
            changed_at: Timestamp::from_unix_ms(self.changed_at),
            stdout_kept: uint(self.stdout_kept),
            stderr_kept: uint(self.stderr_kept),
        })
    }
}

impl Store {
    /// The run of an attempt; none where this history does not know it.
    pub async fn run_of_attempt(&self, attempt: AttemptId) -> Result<Option<RunId>, Error> {
        let run: Option<String> =
            sqlx::query_scalar("SELECT r.id FROM attempts a JOIN runs r ON r.key = a.run WHERE a.id = ?1")
                .bind(attempt.to_string())
                .fetch_optional(self.readers())
                .await
                .map_err(Error::read)?;
        run.map(|run| from_word(|| format!("the run of attempt {attempt}"), &run)).transpose()
    }

    /// A run's attempts and skipped steps, by step and then by host, after the given step and host;
    /// at most [`ATTEMPTS_PAGE_MAX`]. A step that was tried again on a host has each of its attempts
    /// there, oldest first, and a page never ends between them: only an empty one is the last.
    pub async fn attempts_of(&self, run: RunId, after: Option<(u32, u32)>) -> Result<Vec<StoredAttempt>, Error> {
        let (step, host) = after.map_or((-1, -1), |(step, host)| (i64::from(step), i64::from(host)));
        let mut rows: Vec<AttemptColumns> = sqlx::query_as(
            "SELECT a.id, a.host, h.name AS host_name, a.step, s.id AS step_id, a.inverse, a.state, a.captured, a.tally, \
             a.sent_at, a.ended_at, a.changed_at, a.stdout_kept, a.stderr_kept \
             FROM runs r JOIN attempts a ON a.run = r.key \
             JOIN plan_hosts h ON h.plan = r.plan AND h.host = a.host \
             JOIN plan_steps s ON s.plan = r.plan AND s.step = a.step \
             WHERE r.id = ?1 AND (a.step, a.host) > (?2, ?3) ORDER BY a.step, a.host, a.key LIMIT ?4",
        )
        .bind(run.to_string())
        .bind(step)
        .bind(host)
        .bind(i64::from(ATTEMPTS_PAGE_MAX))
        .fetch_all(self.readers())
        .await
        .map_err(Error::read)?;
        if rows.len() == ATTEMPTS_PAGE_MAX as usize {
            leave_out_last_place(&mut rows);
        }
        rows.into_iter().map(AttemptColumns::attempt).collect()
    }
}

/// Of a full page: the rest of its last place may be on the next one. A step that was tried that
/// often on one host stands for itself.
fn leave_out_last_place(rows: &mut Vec<AttemptColumns>) {
    let Some(last) = rows.last().map(AttemptColumns::place) else { return };
    let whole = rows.partition_point(|row| row.place() < last);
    if whole > 0 {
        rows.truncate(whole);
    }
}
