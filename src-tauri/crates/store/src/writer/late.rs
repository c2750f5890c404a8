//! Hosts that wait for their part of a run, and requests to runs, as rows.

use daytwo_model::run::HostStanding;
use daytwo_model::{AttemptState, HostName, RunId, RunState, SkipReason, Timestamp};
use sqlx::SqliteConnection;

use super::NewRun;
use super::group::Failure;
use crate::column::{index, json, word};
use crate::error::Error;
use crate::read::journal::RunRow;
use crate::read::requests::REQUESTS_OPEN_MAX;
use crate::read::runs::Part;
use crate::read::waiting::WaitingState;

/// Whether the hosts that a new run delivers to still wait for it; asked before anything is written.
pub(super) async fn check_they_wait(connection: &mut SqliteConnection, new: &NewRun) -> Result<(), Failure> {
    let Some((of, Part::Late)) = new.part_of else { return Ok(()) };
    let gone: Option<String> = sqlx::query_scalar(
        "SELECT value FROM json_each(?2) WHERE value NOT IN (SELECT host FROM waiting \
         WHERE run = (SELECT key FROM runs WHERE id = ?1) AND state = 'waiting') LIMIT 1",
    )
    .bind(of.to_string())
    .bind(&new.host_names)
    .fetch_optional(connection)
    .await?;
    match gone {
        Some(host) => Err(Error::NotWaiting { run: of, host }.into()),
        None => Ok(()),
    }
}

/// A run that was opened delivers, or supersedes, what its hosts waited for.
pub(super) async fn settle_by_opening(connection: &mut SqliteConnection, new: &NewRun) -> Result<(), sqlx::Error> {
    let (run, at) = (new.first.record.run.to_string(), new.first.record.at.unix_ms());
    let settled = match new.part_of {
        Some((of, Part::Late)) => sqlx::query(
            "UPDATE waiting SET state = 'delivered', changed_at = ?1, delivered_by = ?2 WHERE state = 'waiting' \
             AND host IN (SELECT value FROM json_each(?3)) AND run = (SELECT key FROM runs WHERE id = ?4)",
        )
        .bind(at)
        .bind(run)
        .bind(&new.host_names)
        .bind(of.to_string()),
        _ => sqlx::query(
            "UPDATE waiting SET state = 'superseded', changed_at = ?1, delivered_by = ?2 WHERE state = 'waiting' \
             AND host IN (SELECT value FROM json_each(?3)) AND run IN (SELECT key FROM runs WHERE runbook = ?4)",
        )
        .bind(at)
        .bind(run)
        .bind(&new.host_names)
        .bind(&new.runbook),
    };
    settled.execute(connection).await?;
    Ok(())
}

/// A run has ended: the hosts that could not be reached wait, if its plan says so.
pub(super) async fn wait_after_the_end(
    connection: &mut SqliteConnection,
    (row, until): (&RunRow, i64),
    state: &RunState,
    at: Timestamp,
) -> Result<(), Failure> {
    let (hosts, steps): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM plan_hosts WHERE plan = ?1), (SELECT count(*) FROM plan_steps WHERE plan = ?1)",
    )
    .bind(row.plan)
    .fetch_one(&mut *connection)
    .await?;
    let waiting: Vec<u32> =
        (0..index(hosts)).filter(|host| was_not_reached_at_all(state, *host, index(steps))).collect();
    if waiting.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO waiting (run, host, since, until, state, changed_at, why) \
         SELECT ?1, name, ?3, ?4, 'waiting', ?3, '' FROM plan_hosts \
         WHERE plan = ?2 AND host IN (SELECT value FROM json_each(?5)) ON CONFLICT DO NOTHING",
    )
    .bind(row.key)
    .bind(row.plan)
    .bind(at.unix_ms())
    .bind(until)
    .bind(json("host indices", &waiting)?)
    .execute(&mut *connection)
    .await?;
    supersede_by_newer(connection, row.key, at).await?;
    Ok(())
}

/// What was begun after this run, and before its hosts waited, is newer than their part all the same.
async fn supersede_by_newer(connection: &mut SqliteConnection, run: i64, at: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE waiting SET state = 'superseded', changed_at = ?2, delivered_by = newer.id \
         FROM (SELECT n.id, h.name FROM runs n JOIN plan_hosts h ON h.plan = n.plan WHERE n.key > ?1 \
         AND n.runbook = (SELECT runbook FROM runs WHERE key = ?1) AND n.part IS NOT 'late' ORDER BY n.key) AS newer \
         WHERE waiting.run = ?1 AND waiting.host = newer.name AND waiting.state = 'waiting'",
    )
    .bind(run)
    .bind(at.unix_ms())
    .execute(connection)
    .await?;
    Ok(())
}

/// Not reached, and nothing was started there: all of its part is still to be done.
fn was_not_reached_at_all(state: &RunState, host: u32, steps: u32) -> bool {
    let nothing_started = (0..steps).filter_map(|step| state.attempt(host, step)).all(|attempt| {
        matches!(
            attempt.state,
            AttemptState::Skipped { .. } | AttemptState::Unreachable { .. } | AttemptState::NotStarted { .. }
        )
    });
    let not_reached = || {
        (0..steps).filter_map(|step| state.attempt(host, step)).any(|attempt| {
            matches!(
                attempt.state,
                AttemptState::Unreachable { .. }
                    | AttemptState::NotStarted { .. }
                    | AttemptState::Skipped { why: SkipReason::Unreachable { .. } }
            )
        })
    };
    nothing_started && state.standing(host) == HostStanding::Unreachable && not_reached()
}

/// Settles a host that waits; refused where it does not.
pub(super) async fn settle(
    connection: &mut SqliteConnection,
    (run, host): (RunId, &HostName),
    (state, why): (WaitingState, &str),
    at: Timestamp,
) -> Result<(), Failure> {
    let settled = sqlx::query(
        "UPDATE waiting SET state = ?3, why = ?4, changed_at = ?5 \
         WHERE run = (SELECT key FROM runs WHERE id = ?1) AND host = ?2 AND state = 'waiting'",
    )
    .bind(run.to_string())
    .bind(host.as_str())
    .bind(word("a waiting state", &state)?)
    .bind(why)
    .bind(at.unix_ms())
    .execute(connection)
    .await?;
    match settled.rows_affected() {
        0 => Err(Error::NotWaiting { run, host: host.to_string() }.into()),
        _ => Ok(()),
    }
}

/// Settles every host whose time has passed.
pub(super) async fn expire(connection: &mut SqliteConnection, now: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE waiting SET state = 'expired', changed_at = ?1 WHERE state = 'waiting' AND until <= ?1")
        .bind(now.unix_ms())
        .execute(connection)
        .await?;
    Ok(())
}

/// Keeps a request for the driver of a run.
pub(super) async fn request(
    connection: &mut SqliteConnection,
    row: &RunRow,
    at: Timestamp,
    (by, request): (&str, &str),
) -> Result<(), Failure> {
    if row.status == "ended" {
        return Err(Error::RunIsOver(row.id).into());
    }
    let open: i64 = sqlx::query_scalar("SELECT count(*) FROM requests WHERE run = ?1 AND taken_at IS NULL")
        .bind(row.key)
        .fetch_one(&mut *connection)
        .await?;
    if open >= i64::from(REQUESTS_OPEN_MAX) {
        return Err(Error::TooManyRequests(row.id).into());
    }
    sqlx::query("INSERT INTO requests (run, at, by, request) VALUES (?1, ?2, ?3, ?4)")
        .bind(row.key)
        .bind(at.unix_ms())
        .bind(by)
        .bind(request)
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes that a request was taken.
pub(super) async fn taken(connection: &mut SqliteConnection, number: i64, at: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE requests SET taken_at = ?2 WHERE key = ?1 AND taken_at IS NULL")
        .bind(number)
        .bind(at.unix_ms())
        .execute(connection)
        .await?;
    Ok(())
}
