//! What people ask of runs that another process drives: kept here until that process takes it.

use daytwo_engine::Request;
use daytwo_model::{Answer, CancelDegree, RunId, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::column::{from_json, int, json, uint};
use crate::error::Error;
use crate::store::Store;
use crate::writer::Write;

/// Requests that may wait for one run's driver: what a driver takes at one time. More than people
/// make between two looks of it; a driver that is alive and takes none is in trouble.
pub const REQUESTS_OPEN_MAX: u32 = 64;

/// A request as its row keeps it; who asked has a column of its own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
enum Kept {
    Cancel { why: String, degree: CancelDegree, hosts: Option<Vec<u32>> },
    Answer { hosts: Vec<u32>, step: u32, answer: Answer, why: String },
}

impl Kept {
    fn of(request: &Request) -> (&str, Self) {
        match request {
            Request::Cancel { by, why, degree, hosts } => {
                (by, Self::Cancel { why: why.clone(), degree: *degree, hosts: hosts.clone() })
            }
            Request::Answer { hosts, step, answer, by, why } => {
                (by, Self::Answer { hosts: hosts.clone(), step: *step, answer: *answer, why: why.clone() })
            }
        }
    }

    fn by(self, by: String) -> Request {
        match self {
            Self::Cancel { why, degree, hosts } => Request::Cancel { by, why, degree, hosts },
            Self::Answer { hosts, step, answer, why } => Request::Answer { hosts, step, answer, by, why },
        }
    }
}

/// A request that waits for the driver of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRequest {
    /// Its number, which grows.
    pub number: u64,
    /// When it was made.
    pub at: Timestamp,
    /// What is asked.
    pub request: Request,
}

#[derive(FromRow)]
struct RequestColumns {
    key: i64,
    at: i64,
    by: String,
    request: String,
}

impl Store {
    /// Keeps a request for the process that drives the run. Refused where the run is over.
    pub async fn ask(&self, run: RunId, at: Timestamp, request: &Request) -> Result<(), Error> {
        let (by, kept) = Kept::of(request);
        let (by, request) = (by.to_owned(), json("a request", &kept)?);
        self.submit(Write::Request { run, at, by, request }).await.map(drop)
    }

    /// What was asked of a run and not taken yet, oldest first; at most [`REQUESTS_OPEN_MAX`].
    pub async fn requests(&self, run: RunId) -> Result<Vec<OpenRequest>, Error> {
        let rows: Vec<RequestColumns> = sqlx::query_as(
            "SELECT q.key, q.at, q.by, q.request FROM requests q \
             WHERE q.run = (SELECT key FROM runs WHERE id = ?1) AND q.taken_at IS NULL ORDER BY q.key LIMIT ?2",
        )
        .bind(run.to_string())
        .bind(i64::from(REQUESTS_OPEN_MAX))
        .fetch_all(self.readers())
        .await
        .map_err(Error::read)?;
        rows.into_iter()
            .map(|row| {
                let kept: Kept = from_json(|| format!("request {}", row.key), &row.request)?;
                let at = Timestamp::from_unix_ms(row.at);
                Ok(OpenRequest { number: uint(row.key), at, request: kept.by(row.by) })
            })
            .collect()
    }

    /// Notes that the driver of a run has this request. One that was taken twice changes nothing: a run
    /// that is being cancelled stays so, and a question that was answered is no question.
    pub async fn taken(&self, number: u64, at: Timestamp) -> Result<(), Error> {
        self.submit(Write::RequestTaken { number: int(number), at }).await.map(drop)
    }
}
