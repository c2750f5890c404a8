//! One transaction: each write is checked against what the ones before it have done.

use std::collections::HashMap;

use daytwo_engine::ports::Fence;
use daytwo_model::event::BrokenChain;
use daytwo_model::{Event, RunId, RunState, RunStatus, Timestamp};
use sqlx::SqliteConnection;

use super::facts;
use super::live::Live;
use super::pending::{AttemptRow, Pending, RecordRow, RunChange};
use super::{NewRun, Sealed, Write};
use crate::column::{int, json, status_columns, uint};
use crate::error::Error;
use crate::owner::Owner;
use crate::read::decisions::{Decision, DecisionKind};
use crate::read::journal::{self, RunRow};

/// The token of a run's first owner.
const FIRST_FENCE: u64 = 1;

/// Why a write did not succeed.
pub(super) enum Failure {
    /// It alone; the transaction goes on.
    Refused(Error),
    /// The transaction.
    Broken(sqlx::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Broken(error)
    }
}

/// A transaction in the making.
pub(super) struct Group<'a> {
    connection: &'a mut SqliteConnection,
    live: &'a mut HashMap<RunId, Live>,
    owner: &'a Owner,
    /// Rows of `runs` as they were read in this transaction: nobody else can change them now.
    rows: HashMap<RunId, RunRow>,
    pending: Pending,
}

impl<'a> Group<'a> {
    pub(super) fn new(
        connection: &'a mut SqliteConnection,
        live: &'a mut HashMap<RunId, Live>,
        owner: &'a Owner,
    ) -> Self {
        Self { connection, live, owner, rows: HashMap::new(), pending: Pending::default() }
    }

    pub(super) async fn flush(&mut self) -> Result<(), sqlx::Error> {
        self.pending.flush(self.connection).await
    }

    pub(super) async fn apply(&mut self, write: &Write) -> Result<Option<Fence>, Failure> {
        match write {
            Write::Open(new) => return self.open(new).await.map(Some),
            Write::TakeOver(run) => return self.take_over(*run).await,
            Write::Append { fence, records } => self.append(*fence, records).await?,
            Write::HandBack(fence) => self.hand_back(*fence).await?,
            Write::Output { attempt, stream, at, bytes } => {
                if self.pending.holds(*attempt) {
                    self.flush().await?;
                }
                facts::insert_output(self.connection, *attempt, *stream, *at, bytes).await?;
            }
            Write::OutputDigests(digests) => facts::keep_digests(self.connection, digests).await?,
            Write::Observations(rows) => {
                for row in rows {
                    facts::put_observation(self.connection, row).await?;
                }
            }
            Write::Decision(decision) => facts::insert_decision(self.connection, decision).await?,
            Write::Setting { name, value } => facts::put_setting(self.connection, name, value.as_deref()).await?,
        }
        Ok(None)
    }

    async fn open(&mut self, new: &NewRun) -> Result<Fence, Failure> {
        let run = new.first.record.run;
        if journal::find(self.connection, run).await?.is_some() {
            return Err(Error::RunExists(run).into());
        }
        let mut state = new.state.clone();
        check(&mut state, None, run, &new.first)?;
        let plan = insert_plan(self.connection, new).await?;
        let record = &new.first.record;
        let (status, outcome) = status_columns(RunStatus::Running)?;
        let key = sqlx::query(
            "INSERT INTO runs (id, plan, runbook, title, undo_of, hosts, opened_at, opened_by, owner, fence, status, \
             outcome, standings, head_index, head_hash) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )
        .bind(run.to_string())
        .bind(plan)
        .bind(&new.runbook)
        .bind(&new.title)
        .bind(new.undo_of.map(|of| of.to_string()))
        .bind(int(new.hosts))
        .bind(record.at.unix_ms())
        .bind(&new.by)
        .bind(self.owner.id())
        .bind(int(FIRST_FENCE))
        .bind(status)
        .bind(outcome)
        .bind(json("standings", &state.standings())?)
        .bind(int(record.index))
        .bind(record.hash.to_string())
        .execute(&mut *self.connection)
        .await?
        .last_insert_rowid();
        self.stage(key, &new.first)?;
        self.live.insert(run, Live { state, head: record.clone() });
        Ok(Fence { run, token: FIRST_FENCE })
    }

    async fn append(&mut self, fence: Fence, records: &[Sealed]) -> Result<(), Failure> {
        let run = fence.run;
        let row = self.row(run).await?;
        if row.fence != int(fence.token) {
            return Err(Error::Fenced { run, held: fence.token, current: uint(row.fence) }.into());
        }
        let appended = self.extend(run, &row, records).await;
        if appended.is_err() {
            // Some of the records may have been applied to the state, so it is folded afresh next
            // time; what earlier writes of this transaction did must then be there to be read.
            self.flush().await?;
            self.live.remove(&run);
        }
        appended
    }

    /// Checks all records before any of them is staged.
    async fn extend(&mut self, run: RunId, row: &RunRow, records: &[Sealed]) -> Result<(), Failure> {
        // What another process wrote in between (it had taken the run over, and this one took it
        // back) is not in the state at hand.
        let is_current = self.live.get(&run).is_some_and(|live| live.head.hash == row.head_hash);
        if !is_current {
            let live = Live::load(self.connection, row).await?;
            self.live.insert(run, live);
        }
        let live = self.live.get_mut(&run).ok_or(Error::NoSuchRun(run))?;
        let mut attempts = Vec::with_capacity(records.len());
        for sealed in records {
            check(&mut live.state, Some(&live.head), run, sealed)?;
            attempts.push(attempt_row(&live.state, sealed)?);
            live.head = sealed.record.clone();
        }
        let Some(last) = records.last() else { return Ok(()) };
        let change = run_change(&live.state, last, records)?;
        if let Some(row) = self.rows.get_mut(&run) {
            row.head_index = int(change.head_index);
            row.head_hash = change.head_hash;
            change.status.clone_into(&mut row.status);
        }
        self.pending.put_run(row.key, change);
        for (sealed, attempt) in records.iter().zip(attempts) {
            self.stage(row.key, sealed)?;
            if let Some((host, step, attempt)) = attempt {
                self.pending.put_attempt((row.key, step, host), attempt);
            }
        }
        Ok(())
    }

    /// Puts a checked record among the pending rows, and what it says of people's decisions.
    fn stage(&mut self, key: i64, sealed: &Sealed) -> Result<(), Error> {
        let record = &sealed.record;
        self.pending.push_record(RecordRow {
            run: key,
            index: record.index,
            at: record.at.unix_ms(),
            event: sealed.event.clone(),
            hash: record.hash,
        });
        let (kind, by, why) = match &record.event {
            Event::RunOpened { by, .. } => (DecisionKind::RunStarted, by, ""),
            Event::CancelRequested { by, why, .. } => (DecisionKind::CancelRequested, by, why.as_str()),
            Event::RunInterrupted { found_by } => (DecisionKind::RunFoundInterrupted, found_by, ""),
            _ => return Ok(()),
        };
        self.pending.push_decision(Decision {
            at: record.at,
            by: by.clone(),
            kind,
            run: Some(record.run),
            subject: record.run.to_string(),
            why: why.to_owned(),
        });
        Ok(())
    }

    /// Gives the run to this process if its owner is gone. The write lock is held, so of many
    /// processes that try at one time exactly one finds it free.
    async fn take_over(&mut self, run: RunId) -> Result<Option<Fence>, Failure> {
        self.flush().await?;
        self.rows.remove(&run);
        let row = self.row(run).await?;
        let is_open = matches!(row.status.as_str(), "running" | "cancelling");
        if !is_open || row.owner.as_deref().is_some_and(|owner| self.owner.is_alive(owner)) {
            return Ok(None);
        }
        let token = uint(row.fence) + 1;
        self.change_owner(run, row.key, Some(self.owner.id()), token).await?;
        tracing::info!(%run, token, "took over a run whose process is gone");
        Ok(Some(Fence { run, token }))
    }

    async fn hand_back(&mut self, fence: Fence) -> Result<(), Failure> {
        self.flush().await?;
        let row = self.row(fence.run).await?;
        if row.fence != int(fence.token) {
            return Err(Error::Fenced { run: fence.run, held: fence.token, current: uint(row.fence) }.into());
        }
        self.change_owner(fence.run, row.key, None, fence.token + 1).await?;
        Ok(())
    }

    async fn change_owner(&mut self, run: RunId, key: i64, owner: Option<&str>, token: u64) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE runs SET owner = ?2, fence = ?3 WHERE key = ?1")
            .bind(key)
            .bind(owner)
            .bind(int(token))
            .execute(&mut *self.connection)
            .await?;
        self.rows.remove(&run);
        Ok(())
    }

    async fn row(&mut self, run: RunId) -> Result<RunRow, Failure> {
        if let Some(row) = self.rows.get(&run) {
            return Ok(row.clone());
        }
        let row = journal::find(self.connection, run).await?.ok_or(Error::NoSuchRun(run))?;
        self.rows.insert(run, row.clone());
        Ok(row)
    }
}

/// Checks that a record follows `head` and is legal, and applies it.
fn check(state: &mut RunState, head: Option<&daytwo_model::Record>, run: RunId, sealed: &Sealed) -> Result<(), Error> {
    let record = &sealed.record;
    if record.run != run {
        return Err(Error::Misused { run, why: "a record of another run is among them" });
    }
    if record.at != Timestamp::from_unix_ms(record.at.unix_ms()) {
        // Its hash could not be computed again from what is kept.
        return Err(Error::Misused { run, why: "a record's time is finer than a millisecond" });
    }
    record.check(head).map_err(|source| match (source, head) {
        (BrokenChain::Altered { .. }, Some(head)) if record.previous != head.hash => {
            Error::Forked { run, index: record.index }
        }
        (source, _) => Error::Chain { run, source },
    })?;
    state.apply(&record.event).map_err(|source| Error::Illegal { run, index: record.index, source })
}

/// The row of the attempt that a record is about, after it was applied.
fn attempt_row(state: &RunState, sealed: &Sealed) -> Result<Option<(u32, u32, AttemptRow)>, Error> {
    let record = &sealed.record;
    let Some((host, step)) = state.place_of(&record.event) else { return Ok(None) };
    let Some(attempt) = state.attempt(host, step) else { return Ok(None) };
    let at = record.at.unix_ms();
    let row = AttemptRow {
        id: attempt.id,
        word: attempt.state.word(),
        state: json("an attempt's state", &attempt.state)?,
        captured: json("captured values", &attempt.captured)?,
        tally: json("an output tally", &attempt.output)?,
        sent_at: matches!(record.event, Event::AttemptSent { .. }).then_some(at),
        changed_at: at,
        ended_at: (!attempt.state.is_in_flight()).then_some(at),
    };
    Ok(Some((host, step, row)))
}

/// What `records`, which end with `last`, change in the row of their run.
fn run_change(state: &RunState, last: &Sealed, records: &[Sealed]) -> Result<RunChange, Error> {
    let (status, outcome) = status_columns(state.status().unwrap_or(RunStatus::Running))?;
    let is_due = records.iter().any(|sealed| {
        matches!(sealed.record.event, Event::BatchEnded { .. } | Event::RunInterrupted { .. } | Event::RunEnded { .. })
    });
    Ok(RunChange {
        status,
        ended_at: outcome.is_some().then(|| last.record.at.unix_ms()),
        outcome,
        head_index: last.record.index,
        head_hash: last.record.hash,
        standings: is_due.then(|| json("standings", &state.standings())).transpose()?,
    })
}

/// The key of the new run's plan, which is inserted unless an earlier run had the same one.
async fn insert_plan(connection: &mut SqliteConnection, new: &NewRun) -> Result<i64, Failure> {
    let digest = new.plan.to_string();
    let known: Option<i64> = sqlx::query_scalar("SELECT key FROM plans WHERE digest = ?1")
        .bind(&digest)
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(key) = known {
        return Ok(key);
    }
    let key = sqlx::query("INSERT INTO plans (digest, document) VALUES (?1, ?2)")
        .bind(&digest)
        .bind(&new.document)
        .execute(&mut *connection)
        .await?
        .last_insert_rowid();
    sqlx::query("INSERT INTO plan_hosts (plan, host, name) SELECT ?1, key, value FROM json_each(?2)")
        .bind(key)
        .bind(&new.host_names)
        .execute(&mut *connection)
        .await?;
    for (step, (id, title)) in (0_i64..).zip(&new.steps) {
        sqlx::query("INSERT INTO plan_steps (plan, step, id, title) VALUES (?1, ?2, ?3, ?4)")
            .bind(key)
            .bind(step)
            .bind(id)
            .bind(title)
            .execute(&mut *connection)
            .await?;
    }
    Ok(key)
}
