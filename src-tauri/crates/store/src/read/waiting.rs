//! Hosts that get their part of a run when they can be reached.
//!
//! A row is made in the transaction that ends the run, becomes `delivered` in the transaction that opens
//! the run that delivers it, and `superseded` in the one that opens a newer run of the same runbook on the
//! host. So of many processes that want to deliver at one time exactly one does, and none is forgotten.

use daytwo_model::{HostName, RunId, RunbookName, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::column::from_word;
use crate::error::Error;
use crate::store::Store;
use crate::writer::Write;

/// Rows that one question returns at most. A fleet of which half waits for each of its ten last runs has
/// fewer; the rest follows when these are settled.
pub const WAITING_PAGE_MAX: u32 = 20_000;

/// Where a host stands that waits for its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitingState {
    /// It is delivered as soon as the host can be reached.
    Waiting,
    /// A run delivers it, or has delivered it.
    Delivered,
    /// Its time has passed.
    Expired,
    /// A newer run of the same runbook has the host.
    Superseded,
    /// A person does not want it any more.
    Withdrawn,
    /// It could be reached, and its part was not sent.
    NotDelivered,
}

/// A host that waits, or waited, for its part of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The run.
    pub run: RunId,
    /// The runbook's name.
    pub runbook: RunbookName,
    /// The runbook's title.
    pub title: String,
    /// The host.
    pub host: HostName,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Where it stands.
    pub state: WaitingState,
    /// When that changed.
    pub changed_at: Timestamp,
    /// Why, where that needs saying.
    pub why: String,
    /// The run that delivers it, or that superseded it.
    pub by_run: Option<RunId>,
}

#[derive(FromRow)]
struct WaitingColumns {
    id: String,
    runbook: String,
    title: String,
    host: String,
    since: i64,
    until: i64,
    state: String,
    changed_at: i64,
    why: String,
    delivered_by: Option<String>,
}

impl WaitingColumns {
    fn waiting(self) -> Result<Waiting, Error> {
        let what = || format!("what waits for {}", self.host);
        Ok(Waiting {
            run: from_word(what, &self.id)?,
            runbook: from_word(what, &self.runbook)?,
            host: from_word(what, &self.host)?,
            since: Timestamp::from_unix_ms(self.since),
            until: Timestamp::from_unix_ms(self.until),
            state: from_word(what, &self.state)?,
            changed_at: Timestamp::from_unix_ms(self.changed_at),
            by_run: self.delivered_by.as_deref().map(|run| from_word(what, run)).transpose()?,
            title: self.title,
            why: self.why,
        })
    }
}

impl Store {
    /// Hosts that wait for their part of any run (`run` is none), or every host that waits or waited for
    /// its part of this one; the oldest first.
    pub async fn waiting(&self, run: Option<RunId>) -> Result<Vec<Waiting>, Error> {
        let rows: Vec<WaitingColumns> = sqlx::query_as(
            "SELECT r.id, r.runbook, r.title, w.host, w.since, w.until, w.state, w.changed_at, w.why, w.delivered_by \
             FROM waiting w JOIN runs r ON r.key = w.run \
             WHERE CASE WHEN ?1 IS NULL THEN w.state = 'waiting' ELSE r.id = ?1 END \
             ORDER BY w.since, w.run, w.host LIMIT ?2",
        )
        .bind(run.map(|run| run.to_string()))
        .bind(i64::from(WAITING_PAGE_MAX))
        .fetch_all(self.readers())
        .await
        .map_err(Error::read)?;
        rows.into_iter().map(WaitingColumns::waiting).collect()
    }

    /// Hosts that no longer wait, settled since `since`: what became of them, the latest first.
    pub async fn waited(&self, since: Timestamp) -> Result<Vec<Waiting>, Error> {
        let rows: Vec<WaitingColumns> = sqlx::query_as(
            "SELECT r.id, r.runbook, r.title, w.host, w.since, w.until, w.state, w.changed_at, w.why, w.delivered_by \
             FROM waiting w JOIN runs r ON r.key = w.run WHERE w.state <> 'waiting' AND w.changed_at >= ?1 \
             ORDER BY w.changed_at DESC, w.run, w.host LIMIT ?2",
        )
        .bind(since.unix_ms())
        .bind(i64::from(WAITING_PAGE_MAX))
        .fetch_all(self.readers())
        .await
        .map_err(Error::read)?;
        rows.into_iter().map(WaitingColumns::waiting).collect()
    }

    /// Settles a host that waits: withdrawn, or not delivered and why. Refused where it does not wait.
    pub async fn settle_waiting(
        &self,
        run: RunId,
        host: &HostName,
        (state, why): (WaitingState, &str),
        at: Timestamp,
    ) -> Result<(), Error> {
        let (host, why) = (host.clone(), why.to_owned());
        self.submit(Write::SettleWaiting { run, host, state, why, at }).await.map(drop)
    }

    /// Settles every host whose time has passed by `now`.
    pub async fn expire_waiting(&self, now: Timestamp) -> Result<(), Error> {
        let due: Option<i64> = sqlx::query_scalar("SELECT min(until) FROM waiting WHERE state = 'waiting'")
            .fetch_one(self.readers())
            .await
            .map_err(Error::read)?;
        // Asked for often, and seldom due.
        match due.filter(|until| *until <= now.unix_ms()) {
            Some(_) => self.submit(Write::ExpireWaiting(now)).await.map(drop),
            None => Ok(()),
        }
    }
}
