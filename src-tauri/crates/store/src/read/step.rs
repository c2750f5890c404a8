//! Output of one step on every host, so that identical output can be shown once.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use daytwo_model::{AttemptId, AttemptState, Digest, HostName, RunId, Stream};
use futures::TryStreamExt;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use sqlx::{FromRow, SqliteConnection};

use super::output::{OutputPage, Streams, page};
use crate::column::{digest, from_json, from_word, index, uint};
use crate::error::Error;
use crate::store::Store;
use crate::writer::OutputDigest;
use crate::writer::facts::stream_column;

/// Bytes of each different output that are returned with the groups.
pub const OUTPUT_HEAD_BYTES_MAX: u64 = 4 * 1024;

/// The outputs of one step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepOutputs {
    /// The last attempt on each host on which the step was sent, in the plan's order.
    pub hosts: Vec<HostOutput>,
    /// The beginning of each different output, by digest.
    pub heads: BTreeMap<Digest, OutputHead>,
}

/// What a step wrote on one host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HostOutput {
    /// Index of the host in the plan.
    pub host: u32,
    /// The host's name.
    pub host_name: HostName,
    /// The attempt.
    pub attempt: AttemptId,
    /// What is known of it.
    pub state: AttemptState,
    /// Equal for equal output on both streams.
    pub digest: Digest,
    /// Bytes of standard output that are kept.
    pub stdout_kept: u64,
    /// Bytes of standard error that are kept.
    pub stderr_kept: u64,
}

/// The beginning of an output, both streams in order of arrival on the first host that wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutputHead {
    /// At most [`OUTPUT_HEAD_BYTES_MAX`] of it.
    pub page: OutputPage,
    /// The attempt that it was read from.
    pub attempt: AttemptId,
}

#[derive(FromRow)]
struct OutputColumns {
    #[sqlx(flatten)]
    kept: super::output::Kept,
    id: String,
    host: i64,
    host_name: String,
    state: String,
    output_digest: Option<String>,
}

/// A digest over both streams. Their lengths go first, so that what moved from one stream to the
/// other is not equal.
async fn compute(connection: &mut SqliteConnection, kept: super::output::Kept) -> Result<Digest, Error> {
    let mut hasher = Sha256::new();
    hasher.update(uint(kept.stdout_kept).to_le_bytes());
    hasher.update(uint(kept.stderr_kept).to_le_bytes());
    if kept.stdout_kept + kept.stderr_kept > 0 {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let mut pieces =
                sqlx::query_scalar("SELECT bytes FROM outputs WHERE attempt = ?1 AND stream = ?2 ORDER BY start")
                    .bind(kept.key)
                    .bind(stream_column(stream))
                    .fetch(&mut *connection);
            while let Some(bytes) = pieces.try_next().await.map_err(Error::read)? {
                let bytes: Vec<u8> = bytes;
                hasher.update(&bytes);
            }
        }
    }
    digest(|| "an output".to_owned(), &format!("{:x}", hasher.finalize()))
}

impl Store {
    /// What the last attempt of a step (not of its inverse) wrote on each host, with a digest to group by.
    ///
    /// Digests of attempts that have ended are computed once and kept; of those in flight, each time.
    pub async fn outputs_of_step(&self, run: RunId, step: u32) -> Result<StepOutputs, Error> {
        let mut snapshot = self.snapshot().await?;
        let rows: Vec<OutputColumns> = sqlx::query_as(
            "SELECT a.key, a.stdout_kept, a.stderr_kept, a.stdout_lines, a.stderr_lines, a.id, a.host, \
             h.name AS host_name, a.state, a.output_digest \
             FROM runs r JOIN attempts a ON a.run = r.key AND a.step = ?2 \
             JOIN plan_hosts h ON h.plan = r.plan AND h.host = a.host \
             WHERE r.id = ?1 AND a.id IS NOT NULL AND a.key = (SELECT max(b.key) FROM attempts b \
             WHERE b.run = a.run AND b.step = a.step AND b.host = a.host AND b.inverse = 0) ORDER BY a.host",
        )
        .bind(run.to_string())
        .bind(i64::from(step))
        .fetch_all(&mut *snapshot)
        .await
        .map_err(Error::read)?;

        let mut outputs = StepOutputs { hosts: Vec::with_capacity(rows.len()), heads: BTreeMap::new() };
        let mut computed = Vec::new();
        for row in rows {
            let what = || format!("the output on {}", row.host_name);
            let state: AttemptState = from_json(what, &row.state)?;
            let digest = match &row.output_digest {
                Some(known) => digest(what, known)?,
                None => {
                    let digest = compute(&mut snapshot, row.kept).await?;
                    if !state.is_in_flight() {
                        computed.push(OutputDigest {
                            attempt_key: row.kept.key,
                            stdout_kept: row.kept.stdout_kept,
                            stderr_kept: row.kept.stderr_kept,
                            digest,
                        });
                    }
                    digest
                }
            };
            let attempt = from_word(what, &row.id)?;
            if let Entry::Vacant(head) = outputs.heads.entry(digest) {
                let page = page(&mut snapshot, row.kept, Streams::Both, 0, OUTPUT_HEAD_BYTES_MAX).await?;
                head.insert(OutputHead { page, attempt });
            }
            outputs.hosts.push(HostOutput {
                host: index(row.host),
                host_name: from_word(what, &row.host_name)?,
                attempt,
                state,
                digest,
                stdout_kept: uint(row.kept.stdout_kept),
                stderr_kept: uint(row.kept.stderr_kept),
            });
        }
        self.keep_digests(computed);
        Ok(outputs)
    }
}
