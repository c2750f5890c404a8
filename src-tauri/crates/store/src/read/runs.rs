//! Runs: the list, one of them, and who drives it.

use std::collections::BTreeMap;

use daytwo_model::plan::ResumePart;
use daytwo_model::run::HostStanding;
use daytwo_model::{AttemptId, Digest, HostName, RunId, RunOutcome, RunStatus, RunbookName, Timestamp};
use serde::Serialize;
use sqlx::FromRow;

use crate::column::{self, digest, from_json, from_word, moment, uint};
use crate::error::Error;
use crate::owner::Owner;
use crate::store::Store;

/// Runs that one question returns at most.
pub const RUNS_PAGE_MAX: u32 = 500;

/// Longest text to search for; nothing that is searched is longer.
pub const FILTER_TEXT_BYTES_MAX: usize = 1024;

/// Runs that an ambiguous prefix names at most.
const AMBIGUOUS_MAX: i64 = 10;

/// Orphans that are listed at one time; the rest follow when these have been taken over.
const ORPHANS_MAX: i64 = 1_000;

/// Attempts of ended runs with something to be found out that are listed at one time, the newest runs first.
const UNSETTLED_MAX: i64 = 10_000;

/// Which part of an earlier run another run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// What a person chose to resume.
    Resumed(ResumePart),
    /// What hosts get now that they can be reached.
    Late,
}

impl Part {
    pub(crate) fn column(self) -> Result<String, Error> {
        match self {
            Self::Resumed(part) => column::word("a part of a run", &part),
            Self::Late => Ok("late".to_owned()),
        }
    }

    fn of_column(run: &str, word: &str) -> Result<Self, Error> {
        match word {
            "late" => Ok(Self::Late),
            word => from_word(|| format!("the part of run {run}"), word).map(Self::Resumed),
        }
    }
}

/// Which runs to list, newest first. What is absent does not restrict.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Found, without regard to the case of ASCII letters, in runbook, title, operator or id.
    pub text: Option<String>,
    /// Where they stand.
    pub status: Option<RunStatus>,
    /// Of this runbook.
    pub runbook: Option<RunbookName>,
    /// Whose plan has this host.
    pub host: Option<HostName>,
    /// That undo this run.
    pub undo_of: Option<RunId>,
    /// That do a part of this run.
    pub part_of: Option<RunId>,
    /// That execute this plan.
    pub plan: Option<Digest>,
    /// Older than this run: the last of the page before.
    pub before: Option<RunId>,
    /// How many at most; [`RUNS_PAGE_MAX`] where it is absent or more.
    pub limit: Option<u32>,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// The runbook's name.
    pub runbook: RunbookName,
    /// The runbook's title.
    pub title: String,
    /// The plan that it executes.
    pub plan: Digest,
    /// The run that it undoes, if it is an undo.
    pub undo_of: Option<RunId>,
    /// The run of which it does a part again or late, and which.
    pub part_of: Option<(RunId, Part)>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// By whom.
    pub opened_by: String,
    /// Where it stands.
    pub status: RunStatus,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How many hosts its plan has.
    pub hosts: u64,
    /// How many hosts stand where, as of the end of the last batch, of an interruption, or of the run.
    pub standings: BTreeMap<HostStanding, u32>,
    /// How many records its journal has.
    pub records: u64,
    /// Who drives it.
    pub driven: Driven,
}

/// Who drives a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Driven {
    /// This process.
    Here,
    /// Another process, which is alive.
    Elsewhere,
    /// Nobody, and it has not ended: an orphan, until somebody takes it over.
    Orphaned,
    /// Nobody, and nobody has to: it has ended.
    Over,
}

/// An attempt of which something is still to be found out, of a run that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unsettled {
    /// The run.
    pub run: RunId,
    /// The host's name.
    pub host: HostName,
    /// Index of the step in the plan.
    pub step: u32,
    /// The attempt.
    pub attempt: AttemptId,
}

/// The run that a part of its id names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// This one.
    One(RunId),
    /// No run.
    None,
    /// These and perhaps more.
    Ambiguous(Vec<RunId>),
}

#[derive(FromRow)]
pub(super) struct SummaryColumns {
    id: String,
    digest: String,
    runbook: String,
    title: String,
    undo_of: Option<String>,
    part_of: Option<String>,
    part: Option<String>,
    hosts: i64,
    opened_at: i64,
    opened_by: String,
    owner: Option<String>,
    status: String,
    outcome: Option<String>,
    ended_at: Option<i64>,
    standings: String,
    records: i64,
}

impl SummaryColumns {
    pub(super) fn summary(self, owner: &Owner) -> Result<RunSummary, Error> {
        let what = || format!("run {}", self.id);
        let status = column::status(&self.id, &self.status, self.outcome.as_deref())?;
        let driven = match (status, self.owner.as_deref()) {
            (RunStatus::Ended { .. }, _) => Driven::Over,
            (_, Some(id)) if id == owner.id() => Driven::Here,
            (_, Some(id)) if owner.is_alive(id) => Driven::Elsewhere,
            _ => Driven::Orphaned,
        };
        Ok(RunSummary {
            id: from_word(what, &self.id)?,
            runbook: from_word(what, &self.runbook)?,
            plan: digest(what, &self.digest)?,
            undo_of: self.undo_of.as_deref().map(|of| from_word(what, of)).transpose()?,
            part_of: match (&self.part_of, &self.part) {
                (Some(of), Some(part)) => Some((from_word(what, of)?, Part::of_column(&self.id, part)?)),
                _ => None,
            },
            opened_at: Timestamp::from_unix_ms(self.opened_at),
            status,
            ended_at: moment(self.ended_at),
            hosts: uint(self.hosts),
            standings: from_json(what, &self.standings)?,
            records: uint(self.records),
            driven,
            title: self.title,
            opened_by: self.opened_by,
        })
    }
}

impl Store {
    /// The runs that pass the filter, newest first.
    pub async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunSummary>, Error> {
        if filter.text.as_ref().is_some_and(|text| text.len() > FILTER_TEXT_BYTES_MAX) {
            return Ok(Vec::new());
        }
        let (status, outcome) = match filter.status.map(column::status_columns).transpose()? {
            Some((status, outcome)) => (Some(status), outcome),
            None => (None, None),
        };
        let limit = filter.limit.unwrap_or(RUNS_PAGE_MAX).min(RUNS_PAGE_MAX);
        let rows: Vec<SummaryColumns> = sqlx::query_as(
            "SELECT * FROM run_summaries s WHERE \
             (?1 IS NULL OR instr(lower(concat_ws(char(10), runbook, title, opened_by, id)), lower(?1)) > 0) \
             AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR outcome = ?3) AND (?4 IS NULL OR runbook = ?4) \
             AND (?5 IS NULL OR EXISTS (SELECT 1 FROM plan_hosts h WHERE h.name = ?5 AND h.plan = s.plan)) \
             AND (?6 IS NULL OR undo_of = ?6) \
             AND (?7 IS NULL OR (opened_at, key) < (SELECT opened_at, key FROM runs WHERE id = ?7)) \
             AND (?9 IS NULL OR digest = ?9) AND (?10 IS NULL OR part_of = ?10) \
             ORDER BY opened_at DESC, key DESC LIMIT ?8",
        )
        .bind(filter.text.as_deref())
        .bind(status)
        .bind(outcome)
        .bind(filter.runbook.as_ref().map(RunbookName::as_str))
        .bind(filter.host.as_ref().map(HostName::as_str))
        .bind(filter.undo_of.map(|run| run.to_string()))
        .bind(filter.before.map(|run| run.to_string()))
        .bind(i64::from(limit))
        .bind(filter.plan.map(|plan| plan.to_string()))
        .bind(filter.part_of.map(|run| run.to_string()))
        .fetch_all(self.readers())
        .await
        .map_err(Error::read)?;
        rows.into_iter().map(|row| row.summary(self.owner())).collect()
    }

    /// One run; none where there is no such run.
    pub async fn run(&self, run: RunId) -> Result<Option<RunSummary>, Error> {
        let row: Option<SummaryColumns> = sqlx::query_as("SELECT * FROM run_summaries WHERE id = ?1")
            .bind(run.to_string())
            .fetch_optional(self.readers())
            .await
            .map_err(Error::read)?;
        row.map(|row| row.summary(self.owner())).transpose()
    }

    /// The run whose id begins or ends like this. Ids of one minute begin alike; their ends differ.
    pub async fn find_run(&self, part: &str) -> Result<Found, Error> {
        let part = part.trim().to_ascii_lowercase();
        if part.is_empty() || !part.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
            return Ok(Found::None);
        }
        // `g` sorts behind every character of an id.
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT id FROM runs WHERE (id >= ?1 AND id < ?1 || 'g') OR substr(id, -length(?1)) = ?1 \
                 ORDER BY id LIMIT ?2",
        )
        .bind(part)
        .bind(AMBIGUOUS_MAX)
        .fetch_all(self.readers())
        .await
        .map_err(Error::read)?;
        let ids = ids.iter().map(|id| from_word(|| format!("run {id}"), id)).collect::<Result<Vec<RunId>, _>>()?;
        Ok(match ids.as_slice() {
            [] => Found::None,
            [one] => Found::One(*one),
            [_, _, ..] => Found::Ambiguous(ids),
        })
    }

    /// The runs that undo this one, newest first.
    pub async fn undo_runs_of(&self, run: RunId) -> Result<Vec<RunSummary>, Error> {
        self.runs(&RunFilter { undo_of: Some(run), ..RunFilter::default() }).await
    }

    /// The last run of a runbook; with an outcome, the last that ended so ("last green run").
    pub async fn last_run_of(
        &self,
        runbook: &RunbookName,
        outcome: Option<RunOutcome>,
    ) -> Result<Option<RunSummary>, Error> {
        let filter = RunFilter {
            runbook: Some(runbook.clone()),
            status: outcome.map(|outcome| RunStatus::Ended { outcome }),
            limit: Some(1),
            ..RunFilter::default()
        };
        Ok(self.runs(&filter).await?.pop())
    }

    /// Attempts of runs that have ended of which something is still to be found out: their end, or what became of
    /// their dead-man switch. Their hosts may still be asked.
    pub async fn unsettled(&self, run: Option<RunId>) -> Result<Vec<Unsettled>, Error> {
        let rows: Vec<(String, String, i64, String)> = sqlx::query_as(
            "SELECT r.id, h.name, a.step, a.id FROM attempts a JOIN runs r ON r.key = a.run \
             JOIN plan_hosts h ON h.plan = r.plan AND h.host = a.host \
             WHERE a.unclear = 1 AND a.id IS NOT NULL AND r.status = 'ended' AND (?1 IS NULL OR r.id = ?1) \
             ORDER BY r.key DESC, a.host LIMIT ?2",
        )
        .bind(run.map(|run| run.to_string()))
        .bind(UNSETTLED_MAX)
        .fetch_all(self.readers())
        .await
        .map_err(Error::read)?;
        let what = |run: &str| format!("an attempt of run {run}");
        rows.into_iter()
            .map(|(run, host, step, attempt)| {
                Ok(Unsettled {
                    run: from_word(|| what(&run), &run)?,
                    host: from_word(|| what(&run), &host)?,
                    step: column::index(step),
                    attempt: from_word(|| what(&run), &attempt)?,
                })
            })
            .collect()
    }

    /// Runs that have not ended and whose process is gone, oldest first.
    pub async fn orphans(&self) -> Result<Vec<RunId>, Error> {
        let open: Vec<(String, Option<String>)> = sqlx::query_as(
            "SELECT id, owner FROM runs WHERE status IN ('running', 'cancelling', 'interrupted') ORDER BY key LIMIT ?1",
        )
        .bind(ORPHANS_MAX)
        .fetch_all(self.readers())
        .await
        .map_err(Error::read)?;
        open.into_iter()
            .filter(|(_, owner)| !owner.as_deref().is_some_and(|owner| self.owner().is_alive(owner)))
            .map(|(id, _)| from_word(|| format!("run {id}"), &id))
            .collect()
    }
}
