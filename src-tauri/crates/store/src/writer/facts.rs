//! Writes that are not journal: output, observations, decisions, settings.

use daytwo_fleet::observation::Observation;
use daytwo_model::{AttemptId, Stream, Timestamp};
use sqlx::SqliteConnection;

use super::{OBSERVATIONS_PER_HOST_MAX, OutputDigest};
use crate::column::{json, word};
use crate::error::Error;
use crate::read::decisions::Decision;
use crate::writer::group::Failure;

/// Between changes, one observation in this time goes into a host's history.
const OBSERVATION_PAUSE_MS: u64 = 5 * 60 * 1000;

/// A stream as a column.
pub(crate) const fn stream_column(stream: Stream) -> i64 {
    match stream {
        Stream::Stdout => 0,
        Stream::Stderr => 1,
    }
}

/// Fails where no attempt has this id.
pub(super) async fn check_attempt(connection: &mut SqliteConnection, attempt: AttemptId) -> Result<(), Failure> {
    let known: Option<i64> = sqlx::query_scalar("SELECT key FROM attempts WHERE id = ?1")
        .bind(attempt.to_string())
        .fetch_optional(connection)
        .await?;
    if known.is_some() { Ok(()) } else { Err(Error::NoSuchAttempt(attempt).into()) }
}

/// Keeps digests that a reader computed, where nothing was written since.
pub(super) async fn keep_digests(
    connection: &mut SqliteConnection,
    digests: &[OutputDigest],
) -> Result<(), sqlx::Error> {
    for known in digests {
        sqlx::query("UPDATE attempts SET output_digest = ?4 WHERE key = ?1 AND stdout_kept = ?2 AND stderr_kept = ?3")
            .bind(known.attempt_key)
            .bind(known.stdout_kept)
            .bind(known.stderr_kept)
            .bind(known.digest.to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn insert_decision(connection: &mut SqliteConnection, decision: &Decision) -> Result<(), sqlx::Error> {
    // A unit variant of an enum that derives its own JSON cannot fail to be written.
    let kind = word("a decision", &decision.kind).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query("INSERT INTO decisions (at, by, kind, run, subject, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        .bind(decision.at.unix_ms())
        .bind(&decision.by)
        .bind(kind)
        .bind(decision.run.map(|run| run.to_string()))
        .bind(&decision.subject)
        .bind(&decision.why)
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn put_setting(
    connection: &mut SqliteConnection,
    name: &str,
    value: Option<&str>,
) -> Result<(), sqlx::Error> {
    let statement = match value {
        Some(value) => sqlx::query(
            "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value),
        None => sqlx::query("DELETE FROM settings WHERE name = ?1").bind(name),
    };
    statement.execute(connection).await?;
    Ok(())
}

/// An observation as its rows will be; made by the caller, so that all of a batch is known to be
/// writable before any of it is written.
pub(crate) struct ObservationRow {
    host: String,
    at: Timestamp,
    mark: String,
    document: String,
}

impl ObservationRow {
    pub(crate) fn of(observation: &Observation) -> Result<Self, Error> {
        Ok(Self {
            host: observation.host.as_str().to_owned(),
            at: observation.at,
            mark: mark(observation),
            document: json("an observation", observation)?,
        })
    }
}

pub(super) async fn put_observation(
    connection: &mut SqliteConnection,
    row: &ObservationRow,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO observations (host, document) VALUES (?1, ?2) \
         ON CONFLICT (host) DO UPDATE SET document = excluded.document",
    )
    .bind(&row.host)
    .bind(&row.document)
    .execute(&mut *connection)
    .await?;

    let last: Option<(i64, String)> =
        sqlx::query_as("SELECT at, mark FROM observation_history WHERE host = ?1 ORDER BY key DESC LIMIT 1")
            .bind(&row.host)
            .fetch_optional(&mut *connection)
            .await?;
    let is_news = last.is_none_or(|(at, before)| {
        before != row.mark || row.at.ms_since(Timestamp::from_unix_ms(at)) >= OBSERVATION_PAUSE_MS
    });
    if !is_news {
        return Ok(());
    }
    sqlx::query("INSERT INTO observation_history (host, at, mark, document) VALUES (?1, ?2, ?3, ?4)")
        .bind(&row.host)
        .bind(row.at.unix_ms())
        .bind(&row.mark)
        .bind(&row.document)
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "DELETE FROM observation_history WHERE host = ?1 AND key <= \
         (SELECT key FROM observation_history WHERE host = ?1 ORDER BY key DESC LIMIT 1 OFFSET ?2)",
    )
    .bind(&row.host)
    .bind(i64::from(OBSERVATIONS_PER_HOST_MAX))
    .execute(connection)
    .await?;
    Ok(())
}

/// What makes an observation news: the host answers otherwise, was booted, or runs another version.
fn mark(observation: &Observation) -> String {
    let facts = observation.known.as_ref().map(|known| &known.facts);
    let boot = facts.and_then(|facts| facts.boot_id.as_deref()).unwrap_or_default();
    let version = facts.and_then(|facts| facts.app_version.as_deref()).unwrap_or_default();
    let word = observation.reachability.word();
    format!("{word}\n{boot}\n{version}")
}
