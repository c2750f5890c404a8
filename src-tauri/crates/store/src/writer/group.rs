//! One transaction: each write is checked against what the ones before it have done.

use std::collections::HashMap;

use daytwo_engine::ports::Fence;
use daytwo_model::event::BrokenChain;
use daytwo_model::{AttemptId, Event, RunId, RunState, RunStatus, Timestamp};
use sqlx::SqliteConnection;

use super::decided::decided;
use super::live::Live;
use super::pending::{AttemptRow, Pending, RecordRow, RunChange};
use super::{NewRun, Sealed, Write};
use super::{facts, late, made_of};
use crate::column::{from_word, int, json, status_columns, uint};
use crate::error::Error;
use crate::owner::Owner;
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
                if !self.knows(*attempt) {
                    facts::check_attempt(self.connection, *attempt).await?;
                }
                self.pending.push_output(*attempt, *stream, *at, bytes);
            }
            Write::OutputDigests(digests) => facts::keep_digests(self.connection, digests).await?,
            Write::Observations(rows) => {
                for row in rows {
                    facts::put_observation(self.connection, row).await?;
                }
            }
            Write::Decision(decision) => facts::insert_decision(self.connection, decision).await?,
            Write::Setting { name, value } => facts::put_setting(self.connection, name, value.as_deref()).await?,
            Write::Request { run, at, by, request } => {
                let row = self.row(*run).await?;
                late::request(self.connection, &row, *at, (by, request)).await?;
            }
            Write::RequestTaken { number, at } => late::taken(self.connection, *number, *at).await?,
            Write::SettleWaiting { run, host, state, why, at } => {
                late::settle(self.connection, (*run, host), (*state, why), *at).await?;
            }
            Write::ExpireWaiting(now) => late::expire(self.connection, *now).await?,
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
        if let Some(by) = executed_by(self.connection, new).await? {
            return Err(Error::Executed { plan: new.plan, run: by }.into());
        }
        made_of::check(self.connection, new).await?;
        late::check_they_wait(self.connection, new).await?;
        let plan = insert_plan(self.connection, new).await?;
        let record = &new.first.record;
        let (status, outcome) = status_columns(RunStatus::Running)?;
        let key = sqlx::query(
            "INSERT INTO runs (id, plan, runbook, title, undo_of, hosts, opened_at, opened_by, owner, fence, status, \
             outcome, standings, head_index, head_hash, executes, part_of, part, wait_until) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?2, ?16, ?17, ?18)",
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
        .bind(new.part_of.map(|(of, _)| of.to_string()))
        .bind(new.part_of.map(|(_, part)| part.column()).transpose()?)
        .bind(new.wait_until.map(Timestamp::unix_ms))
        .execute(&mut *self.connection)
        .await?
        .last_insert_rowid();
        late::settle_by_opening(self.connection, new).await?;
        self.stage(key, &new.first)?;
        self.live.insert(run, Live { state, head: record.clone() });
        Ok(Fence { run, token: FIRST_FENCE })
    }

    /// Whether an attempt has a row, or has one among the pending, without asking the database.
    fn knows(&self, attempt: AttemptId) -> bool {
        self.pending.holds(attempt) || self.live.values().any(|live| live.state.place(attempt).is_some())
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
        let mut head = &live.head;
        for sealed in records {
            check(&mut live.state, Some(head), run, sealed)?;
            attempts.push(attempt_row(&live.state, sealed)?);
            head = &sealed.record;
        }
        let Some(last) = records.last() else { return Ok(()) };
        live.head = last.record.clone();
        let change = run_change(&live.state, last, records)?;
        if let Some(row) = self.rows.get_mut(&run) {
            row.head_index = int(change.head_index);
            row.head_hash = change.head_hash;
            change.status.clone_into(&mut row.status);
        }
        if let (true, Some(until)) = (change.ends, row.wait_until) {
            late::wait_after_the_end(self.connection, (row, until), &live.state, last.record.at).await?;
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
        self.pending.extend_decisions(decided(record)?);
        Ok(())
    }

    /// Gives the run to this process if its owner is gone. The write lock is held, so of many
    /// processes that try at one time exactly one finds it free.
    async fn take_over(&mut self, run: RunId) -> Result<Option<Fence>, Failure> {
        self.flush().await?;
        self.rows.remove(&run);
        let row = self.row(run).await?;
        let is_worth_while = row.status != "ended" || is_unclear(self.connection, row.key).await?;
        if !is_worth_while || row.owner.as_deref().is_some_and(|owner| self.owner.is_alive(owner)) {
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
    record.check_place(head).map_err(|source| match (source, head) {
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
    let attempt = match &record.event {
        // A question and a way back that is not taken are about a step, and no attempt.
        Event::QuestionAsked { .. } | Event::QuestionWithdrawn { .. } | Event::InverseSkipped { .. } => None,
        Event::AttemptSent { inverse: true, .. } => state.inverse(host, step),
        Event::AttemptSent { .. } | Event::StepSkipped { .. } => state.attempt(host, step),
        event => event.attempt().and_then(|attempt| state.find(attempt)),
    };
    let Some(attempt) = attempt else { return Ok(None) };
    let at = record.at.unix_ms();
    let row = AttemptRow {
        id: attempt.id,
        word: attempt.state.word(),
        state: json("an attempt's state", &attempt.state)?,
        captured: json("captured values", &attempt.captured)?,
        tally: json("an output tally", &attempt.output)?,
        sent_at: matches!(record.event, Event::AttemptSent { .. }).then_some(at),
        changed_at: at,
        inverse: attempt.id.is_some_and(|attempt| state.is_inverse(attempt)),
        unclear: attempt.may_still_run(),
        ended_at: (!attempt.state.is_in_flight()).then_some(at),
    };
    Ok(Some((host, step, row)))
}

/// What `records`, which end with `last`, change in the row of their run.
fn run_change(state: &RunState, last: &Sealed, records: &[Sealed]) -> Result<RunChange, Error> {
    let (status, outcome) = status_columns(state.status().unwrap_or(RunStatus::Running))?;
    // What is found out after the end changes where hosts stand.
    let is_due = outcome.is_some()
        || records.iter().any(|sealed| {
            matches!(
                sealed.record.event,
                Event::BatchEnded { .. } | Event::RunInterrupted { .. } | Event::RunEnded { .. }
            )
        });
    Ok(RunChange {
        status,
        ended_at: outcome.is_some().then(|| last.record.at.unix_ms()),
        outcome,
        head_index: last.record.index,
        head_hash: last.record.hash,
        standings: is_due.then(|| json("standings", &state.standings())).transpose()?,
        ends: records.iter().any(|sealed| matches!(sealed.record.event, Event::RunEnded { .. })),
    })
}

/// Whether something is still to be found out of an attempt of the run: its end, or its dead-man switch.
async fn is_unclear(connection: &mut SqliteConnection, run: i64) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM attempts WHERE run = ?1 AND unclear = 1)")
        .bind(run)
        .fetch_one(connection)
        .await
}

/// The run that executed the plan of a new one.
async fn executed_by(connection: &mut SqliteConnection, new: &NewRun) -> Result<Option<RunId>, Failure> {
    let run: Option<String> =
        sqlx::query_scalar("SELECT id FROM runs WHERE executes = (SELECT key FROM plans WHERE digest = ?1)")
            .bind(new.plan.to_string())
            .fetch_optional(connection)
            .await?;
    Ok(run.map(|run| from_word(|| format!("run {run}"), &run)).transpose()?)
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
