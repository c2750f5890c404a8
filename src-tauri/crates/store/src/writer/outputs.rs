//! Output that is not yet inserted: many pieces of many attempts go in with two statements.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use daytwo_model::{AttemptId, Stream, Timestamp};
use sqlx::SqliteConnection;

use super::OUTPUT_PIECE_BYTES_MAX;
use super::facts::stream_column;
use super::rows::ManyRows;
use crate::column::{int, length};

/// A piece. Its places count from what its attempt's row says when it is inserted.
struct Piece {
    attempt: String,
    stream: i64,
    position: i64,
    start: i64,
    lines_before: i64,
    at: i64,
    bytes: Bytes,
}

/// How much an attempt's row has to grow, by stream.
#[derive(Default, Clone, Copy)]
struct Grown {
    bytes: [i64; 2],
    lines: [i64; 2],
}

/// Pieces, in the order in which they arrived.
#[derive(Default)]
pub(super) struct PendingOutput {
    pieces: Vec<Piece>,
    grown: BTreeMap<AttemptId, Grown>,
}

impl PendingOutput {
    pub(super) fn push(&mut self, attempt: AttemptId, stream: Stream, at: Timestamp, bytes: &Bytes) {
        let grown = self.grown.entry(attempt).or_default();
        let of = usize::from(stream == Stream::Stderr);
        for begin in (0..bytes.len()).step_by(OUTPUT_PIECE_BYTES_MAX) {
            let bytes = bytes.slice(begin..bytes.len().min(begin + OUTPUT_PIECE_BYTES_MAX));
            let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
            let [start, lines_before] = [grown.bytes, grown.lines].map(|counts| counts.get(of).copied().unwrap_or(0));
            self.pieces.push(Piece {
                attempt: attempt.to_string(),
                stream: stream_column(stream),
                position: grown.bytes.iter().sum(),
                start,
                lines_before,
                at: at.unix_ms(),
                bytes: bytes.clone(),
            });
            for (counts, more) in [(&mut grown.bytes, bytes.len()), (&mut grown.lines, lines)] {
                if let Some(count) = counts.get_mut(of) {
                    *count += int(length(more));
                }
            }
        }
    }

    /// Inserts everything and forgets it. The rows of the attempts have to be there.
    pub(super) async fn flush(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        insert(connection, &std::mem::take(&mut self.pieces)).await?;
        let grown: Vec<(AttemptId, Grown)> = std::mem::take(&mut self.grown).into_iter().collect();
        grow(connection, &grown).await
    }
}

// A cross join keeps its order: each piece looks its attempt up, and they go in as they came.
static INSERT: LazyLock<ManyRows> = LazyLock::new(|| {
    ManyRows::new(
        "WITH piece (id, stream, position, start, lines_before, at, bytes) AS (",
        7,
        ") INSERT INTO outputs (attempt, position, stream, start, lines_before, at, bytes) \
         SELECT a.key, a.stdout_kept + a.stderr_kept + piece.position, piece.stream, \
         iif(piece.stream = 0, a.stdout_kept, a.stderr_kept) + piece.start, \
         iif(piece.stream = 0, a.stdout_lines, a.stderr_lines) + piece.lines_before, piece.at, piece.bytes \
         FROM piece CROSS JOIN attempts AS a ON a.id = piece.id",
    )
});

async fn insert(connection: &mut SqliteConnection, pieces: &[Piece]) -> Result<(), sqlx::Error> {
    for (text, pieces) in INSERT.over(pieces) {
        let mut insert = sqlx::query(text);
        for piece in pieces {
            insert = insert
                .bind(piece.attempt.as_str())
                .bind(piece.stream)
                .bind(piece.position)
                .bind(piece.start)
                .bind(piece.lines_before)
                .bind(piece.at)
                .bind(piece.bytes.as_ref());
        }
        insert.execute(&mut *connection).await?;
    }
    Ok(())
}

static GROW: LazyLock<ManyRows> = LazyLock::new(|| {
    ManyRows::new(
        "WITH grown (id, stdout, stderr, stdout_lines, stderr_lines) AS (",
        5,
        ") UPDATE attempts SET output_digest = NULL, \
         stdout_kept = stdout_kept + grown.stdout, stderr_kept = stderr_kept + grown.stderr, \
         stdout_lines = attempts.stdout_lines + grown.stdout_lines, \
         stderr_lines = attempts.stderr_lines + grown.stderr_lines \
         FROM grown WHERE attempts.id = grown.id",
    )
});

async fn grow(connection: &mut SqliteConnection, grown: &[(AttemptId, Grown)]) -> Result<(), sqlx::Error> {
    for (text, grown) in GROW.over(grown) {
        let mut update = sqlx::query(text);
        for (attempt, grown) in grown {
            let [stdout, stderr] = grown.bytes;
            let [stdout_lines, stderr_lines] = grown.lines;
            update = update.bind(attempt.to_string()).bind(stdout).bind(stderr).bind(stdout_lines).bind(stderr_lines);
        }
        update.execute(&mut *connection).await?;
    }
    Ok(())
}
