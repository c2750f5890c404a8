//! Output of an attempt, in pages of bytes. Turning bytes into text is the caller's business.

use daytwo_model::digest::Hashing;
use daytwo_model::{AttemptId, Digest, OutputTally, Stream, Timestamp};
use futures::TryStreamExt;
use serde::Serialize;
use sqlx::{FromRow, SqliteConnection};

use crate::column::{from_json, int, length, uint};
use crate::error::Error;
use crate::store::Store;
use crate::writer::facts::stream_column;

/// Bytes that one page holds at most.
pub const OUTPUT_PAGE_BYTES_MAX: u64 = 1024 * 1024;

/// Which output to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    /// One stream; positions count its bytes.
    Only(Stream),
    /// Both, in order of arrival; positions count the bytes of both.
    Both,
}

/// A page of output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutputPage {
    /// Position of its first byte.
    pub from: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Which of them came when and on which stream; in order, and together all of them.
    pub spans: Vec<OutputSpan>,
    /// Where the next page begins; none at the end of what is kept so far.
    pub next: Option<u64>,
    /// How many bytes are kept.
    pub total: u64,
    /// How many newlines these hold.
    pub lines: u64,
}

/// Bytes that came together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OutputSpan {
    /// On which stream.
    pub stream: Stream,
    /// When.
    pub at: Timestamp,
    /// How many.
    pub length: u64,
}

/// What is kept of an attempt's output.
#[derive(FromRow, Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) key: i64,
    pub(crate) stdout_kept: i64,
    pub(crate) stderr_kept: i64,
    stdout_lines: i64,
    stderr_lines: i64,
}

impl Kept {
    async fn find(connection: &mut SqliteConnection, attempt: AttemptId) -> Result<Self, Error> {
        sqlx::query_as("SELECT key, stdout_kept, stderr_kept, stdout_lines, stderr_lines FROM attempts WHERE id = ?1")
            .bind(attempt.to_string())
            .fetch_optional(connection)
            .await
            .map_err(Error::read)?
            .ok_or(Error::NoSuchAttempt(attempt))
    }

    fn bytes(&self, streams: Streams) -> u64 {
        uint(match streams {
            Streams::Only(Stream::Stdout) => self.stdout_kept,
            Streams::Only(Stream::Stderr) => self.stderr_kept,
            Streams::Both => self.stdout_kept + self.stderr_kept,
        })
    }

    fn lines(&self, streams: Streams) -> u64 {
        uint(match streams {
            Streams::Only(Stream::Stdout) => self.stdout_lines,
            Streams::Only(Stream::Stderr) => self.stderr_lines,
            Streams::Both => self.stdout_lines + self.stderr_lines,
        })
    }
}

/// A piece of output with its position in what is read.
#[derive(FromRow)]
struct Piece {
    position: i64,
    stream: i64,
    at: i64,
    bytes: Vec<u8>,
}

/// Reads the page `from..from + max` of what is kept.
pub(crate) async fn page(
    connection: &mut SqliteConnection,
    kept: Kept,
    streams: Streams,
    from: u64,
    max: u64,
) -> Result<OutputPage, Error> {
    let total = kept.bytes(streams);
    let end = total.min(from.saturating_add(max.min(OUTPUT_PAGE_BYTES_MAX)));
    let mut page =
        OutputPage { from, bytes: Vec::new(), spans: Vec::new(), next: None, total, lines: kept.lines(streams) };
    if from >= end {
        return Ok(page);
    }
    // Both begin at the piece that holds the first byte: the last one that begins at or before it.
    let query = match streams {
        Streams::Only(stream) => sqlx::query_as(
            "SELECT start AS position, stream, at, bytes FROM outputs WHERE attempt = ?1 AND stream = ?4 AND start < ?3 \
             AND start >= (SELECT max(start) FROM outputs WHERE attempt = ?1 AND stream = ?4 AND start <= ?2) \
             ORDER BY start",
        )
        .bind(kept.key)
        .bind(int(from))
        .bind(int(end))
        .bind(stream_column(stream)),
        Streams::Both => sqlx::query_as(
            "SELECT position, stream, at, bytes FROM outputs WHERE attempt = ?1 AND position < ?3 \
             AND position >= (SELECT max(position) FROM outputs WHERE attempt = ?1 AND position <= ?2) \
             ORDER BY position",
        )
        .bind(kept.key)
        .bind(int(from))
        .bind(int(end)),
    };
    let mut pieces = query.fetch(connection);
    while let Some(piece) = pieces.try_next().await.map_err(Error::read)? {
        let Piece { position, stream, at, bytes } = piece;
        let within = |byte: u64| usize::try_from(byte.saturating_sub(uint(position))).unwrap_or(usize::MAX);
        let wanted = bytes.get(within(from).min(bytes.len())..within(end).min(bytes.len())).unwrap_or_default();
        page.bytes.extend_from_slice(wanted);
        page.spans.push(OutputSpan {
            stream: if stream == stream_column(Stream::Stdout) { Stream::Stdout } else { Stream::Stderr },
            at: Timestamp::from_unix_ms(at),
            length: length(wanted.len()),
        });
    }
    page.next = (end < total).then_some(end);
    Ok(page)
}

/// Position of the first byte of line `line` (from 0) of a stream; none where it has no such line.
async fn line_start(
    connection: &mut SqliteConnection,
    kept: Kept,
    stream: Stream,
    line: u64,
) -> Result<Option<u64>, Error> {
    if line == 0 {
        return Ok(Some(0));
    }
    if line > kept.lines(Streams::Only(stream)) {
        return Ok(None);
    }
    // The line begins behind the stream's newline number `line`; it is in the last piece that has
    // fewer newlines before it.
    let (start, before, bytes): (i64, i64, Vec<u8>) = sqlx::query_as(
        "SELECT start, lines_before, bytes FROM outputs WHERE attempt = ?1 AND stream = ?2 AND lines_before < ?3 \
         ORDER BY start DESC LIMIT 1",
    )
    .bind(kept.key)
    .bind(stream_column(stream))
    .bind(int(line))
    .fetch_one(connection)
    .await
    .map_err(Error::read)?;
    let nth = usize::try_from(line - uint(before) - 1).unwrap_or(usize::MAX);
    let newline = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(nth);
    Ok(newline.map(|(index, _)| uint(start) + length(index) + 1))
}

impl Store {
    /// How many bytes of standard output and standard error are kept of an attempt, and their digests.
    pub(crate) async fn kept_streams(&self, attempt: AttemptId) -> Result<[(u64, Digest); 2], Error> {
        let mut snapshot = self.snapshot().await?;
        let kept = Kept::find(&mut snapshot, attempt).await?;
        let mut streams = [(0, Digest::of(&[])); 2];
        for (known, stream) in streams.iter_mut().zip([Stream::Stdout, Stream::Stderr]) {
            let bytes = kept.bytes(Streams::Only(stream));
            if bytes == 0 {
                continue;
            }
            let mut hashing = Hashing::default();
            let mut pieces =
                sqlx::query_scalar("SELECT bytes FROM outputs WHERE attempt = ?1 AND stream = ?2 ORDER BY start")
                    .bind(kept.key)
                    .bind(stream_column(stream))
                    .fetch(&mut *snapshot);
            while let Some(piece) = pieces.try_next().await.map_err(Error::read)? {
                let piece: Vec<u8> = piece;
                hashing.update(&piece);
            }
            *known = (bytes, hashing.digest());
        }
        Ok(streams)
    }

    /// At most `max` bytes (and [`OUTPUT_PAGE_BYTES_MAX`]) of an attempt's output, from byte `from` on.
    pub async fn output(&self, attempt: AttemptId, streams: Streams, from: u64, max: u64) -> Result<OutputPage, Error> {
        let mut snapshot = self.snapshot().await?;
        let kept = Kept::find(&mut snapshot, attempt).await?;
        page(&mut snapshot, kept, streams, from, max).await
    }

    /// Bytes of an attempt's output that were counted and not kept; 0 while it is in flight.
    pub async fn dropped_bytes(&self, attempt: AttemptId) -> Result<u64, Error> {
        let tally: Option<String> = sqlx::query_scalar("SELECT tally FROM attempts WHERE id = ?1")
            .bind(attempt.to_string())
            .fetch_optional(self.readers())
            .await
            .map_err(Error::read)?;
        let tally = tally.ok_or(Error::NoSuchAttempt(attempt))?;
        let tally: OutputTally = from_json(|| format!("attempt {attempt}"), &tally)?;
        Ok(tally.dropped_bytes)
    }

    /// At most `max` lines of a stream from line `from` (counted from 0) on; cut at
    /// [`OUTPUT_PAGE_BYTES_MAX`], in which case `next` is where to go on with [`Store::output`].
    pub async fn output_lines(
        &self,
        attempt: AttemptId,
        stream: Stream,
        from: u64,
        max: u64,
    ) -> Result<OutputPage, Error> {
        let mut snapshot = self.snapshot().await?;
        let kept = Kept::find(&mut snapshot, attempt).await?;
        let total = kept.bytes(Streams::Only(stream));
        let start = line_start(&mut snapshot, kept, stream, from).await?.unwrap_or(total);
        let end = line_start(&mut snapshot, kept, stream, from.saturating_add(max)).await?.unwrap_or(total);
        page(&mut snapshot, kept, Streams::Only(stream), start, end.saturating_sub(start)).await
    }
}
