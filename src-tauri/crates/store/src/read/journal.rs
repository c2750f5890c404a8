//! Plans and records: what is kept, checked while it is read.

use daytwo_model::event::BrokenChain;
use daytwo_model::{Digest, Event, Record, RunId, RunState, SealedPlan, Timestamp};
use sqlx::{FromRow, SqliteConnection};

use crate::column::{digest, int, uint};
use crate::error::Error;
use crate::store::Store;

/// Records that one question returns at most; also how many are in memory while a run is folded.
pub const RECORDS_PAGE_MAX: u32 = 5_000;

/// What the journal needs to know of a run.
#[derive(Debug, Clone)]
pub(crate) struct RunRow {
    pub(crate) key: i64,
    pub(crate) id: RunId,
    pub(crate) plan: i64,
    pub(crate) owner: Option<String>,
    pub(crate) fence: i64,
    pub(crate) status: String,
    pub(crate) head_index: i64,
    pub(crate) head_hash: Digest,
    /// Until when hosts that could not be reached wait for their part.
    pub(crate) wait_until: Option<i64>,
}

#[derive(FromRow)]
struct RunColumns {
    key: i64,
    plan: i64,
    owner: Option<String>,
    fence: i64,
    status: String,
    head_index: i64,
    head_hash: String,
    wait_until: Option<i64>,
}

#[derive(FromRow)]
struct RecordColumns {
    idx: i64,
    at: i64,
    event: String,
    hash: String,
}

/// The run's row, if there is such a run.
pub(crate) async fn find(connection: &mut SqliteConnection, run: RunId) -> Result<Option<RunRow>, Error> {
    let columns: Option<RunColumns> = sqlx::query_as(
        "SELECT key, plan, owner, fence, status, head_index, head_hash, wait_until FROM runs WHERE id = ?1",
    )
    .bind(run.to_string())
    .fetch_optional(connection)
    .await
    .map_err(Error::read)?;
    let Some(RunColumns { key, plan, owner, fence, status, head_index, head_hash, wait_until }) = columns else {
        return Ok(None);
    };
    let head_hash = digest(|| format!("the head of run {run}"), &head_hash)?;
    Ok(Some(RunRow { key, id: run, plan, owner, fence, status, head_index, head_hash, wait_until }))
}

/// Reads every record of a run, checks that they are one unbroken chain up to the noted head, and
/// folds them.
pub(crate) async fn fold(connection: &mut SqliteConnection, row: &RunRow) -> Result<(RunState, Record), Error> {
    let plan = plan_by_key(connection, row.plan).await?;
    let mut state = RunState::new(plan.plan());
    let mut head: Option<Record> = None;
    loop {
        let page = page(connection, row, head.as_ref(), RECORDS_PAGE_MAX).await?;
        let Some(last) = page.last().cloned() else { break };
        for record in page {
            state.apply(&record.event).map_err(|source| Error::Illegal { run: row.id, index: record.index, source })?;
        }
        head = Some(last);
    }
    let expected = uint(row.head_index);
    match head {
        Some(head) if head.index == expected && head.hash == row.head_hash => Ok((state, head)),
        Some(_) | None => Err(Error::Tail { run: row.id, expected }),
    }
}

/// The records after `previous`, each checked against the one before it.
async fn page(
    connection: &mut SqliteConnection,
    row: &RunRow,
    previous: Option<&Record>,
    limit: u32,
) -> Result<Vec<Record>, Error> {
    let from = previous.map_or(0, |record| record.index + 1);
    let mut records: Vec<Record> = Vec::new();
    for columns in columns(connection, row, from, limit).await? {
        let previous = records.last().or(previous);
        let before = previous.map_or(Digest::ZERO, |record| record.hash);
        let record = rebuild(row.id, columns, before)?;
        record.check(previous).map_err(|source| Error::Chain { run: row.id, source })?;
        records.push(record);
    }
    Ok(records)
}

async fn columns(
    connection: &mut SqliteConnection,
    row: &RunRow,
    from: u64,
    limit: u32,
) -> Result<Vec<RecordColumns>, Error> {
    sqlx::query_as("SELECT idx, at, event, hash FROM records WHERE run = ?1 AND idx >= ?2 ORDER BY idx LIMIT ?3")
        .bind(row.key)
        .bind(int(from))
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await
        .map_err(Error::read)
}

/// A record from its columns. What it says of its predecessor is not kept: it is `previous`, or
/// its hash does not fit.
fn rebuild(run: RunId, columns: RecordColumns, previous: Digest) -> Result<Record, Error> {
    let index = uint(columns.idx);
    let Ok(event) = serde_json::from_str::<Event>(&columns.event) else {
        // The text that was written was an event, so this one was changed.
        return Err(Error::Chain { run, source: BrokenChain::Altered { index } });
    };
    let Ok(hash) = columns.hash.parse() else {
        return Err(Error::Chain { run, source: BrokenChain::Altered { index } });
    };
    Ok(Record { run, index, at: Timestamp::from_unix_ms(columns.at), event, previous, hash })
}

async fn plan_by_key(connection: &mut SqliteConnection, key: i64) -> Result<SealedPlan, Error> {
    let (stated, document): (String, String) = sqlx::query_as("SELECT digest, document FROM plans WHERE key = ?1")
        .bind(key)
        .fetch_one(connection)
        .await
        .map_err(Error::read)?;
    unseal(digest(|| "a plan".to_owned(), &stated)?, &document)
}

fn unseal(stated: Digest, document: &str) -> Result<SealedPlan, Error> {
    let plan = SealedPlan::from_json(document).map_err(|source| Error::Plan { digest: stated, source })?;
    if plan.digest() == stated {
        return Ok(plan);
    }
    let source = daytwo_model::plan::InvalidPlan::Altered { stated, actual: plan.digest() };
    Err(Error::Plan { digest: stated, source })
}

impl Store {
    /// The plan with this digest; an error where it is not (any more) what was sealed.
    pub async fn plan(&self, digest: Digest) -> Result<SealedPlan, Error> {
        let document: Option<String> = sqlx::query_scalar("SELECT document FROM plans WHERE digest = ?1")
            .bind(digest.to_string())
            .fetch_optional(self.readers())
            .await
            .map_err(Error::read)?;
        unseal(digest, &document.ok_or(Error::NoSuchPlan(digest))?)
    }

    /// The plan that a run executes.
    pub async fn plan_of(&self, run: RunId) -> Result<SealedPlan, Error> {
        let mut snapshot = self.snapshot().await?;
        let row = find(&mut snapshot, run).await?.ok_or(Error::NoSuchRun(run))?;
        plan_by_key(&mut snapshot, row.plan).await
    }

    /// At most `limit` records (and [`RECORDS_PAGE_MAX`]) from index `from` on. Checked among
    /// themselves and against the record before the first: a break is an error with its index.
    pub async fn records(&self, run: RunId, from: u64, limit: u32) -> Result<Vec<Record>, Error> {
        let mut snapshot = self.snapshot().await?;
        let row = find(&mut snapshot, run).await?.ok_or(Error::NoSuchRun(run))?;
        let limit = limit.min(RECORDS_PAGE_MAX);
        if from == 0 {
            return page(&mut snapshot, &row, None, limit).await;
        }
        let before = columns(&mut snapshot, &row, from - 1, 1).await?.pop();
        let Some(before) = before.filter(|before| uint(before.idx) == from - 1) else {
            let found = from;
            let is_past_the_end = uint(row.head_index) + 1 < from;
            let source = BrokenChain::Gap { expected: from - 1, found };
            return if is_past_the_end { Ok(Vec::new()) } else { Err(Error::Chain { run, source }) };
        };
        // Its own predecessor does not matter here; its hash is what the next one must name.
        let before = rebuild(run, before, Digest::ZERO)?;
        page(&mut snapshot, &row, Some(&before), limit).await
    }

    /// What is true of a run: all its records, checked and folded.
    ///
    /// A journal that does not fit together is an error that names the record; nothing is skipped.
    pub async fn state_of(&self, run: RunId) -> Result<RunState, Error> {
        let mut snapshot = self.snapshot().await?;
        let row = find(&mut snapshot, run).await?.ok_or(Error::NoSuchRun(run))?;
        Ok(fold(&mut snapshot, &row).await?.0)
    }
}
