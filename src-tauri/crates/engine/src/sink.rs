//! Where an attempt's output goes: masked, bounded, written before the attempt's end is journalled.

use std::sync::Arc;

use bytes::Bytes;
use daytwo_model::{AttemptId, Event, OutputTally, ProcessIdentity, Stream};
use tokio::time::timeout;

use crate::capture::Kept;
use crate::follow::Listener;
use crate::redact::{Ending, MaskStream};
use crate::unit::Context;

/// Takes the output of one attempt.
pub(crate) struct Sink {
    context: Arc<Context>,
    attempt: AttemptId,
    stdout: MaskStream,
    stderr: MaskStream,
    tally: OutputTally,
    room_bytes: u64,
    /// Past the limit, or the store failed: a gap in the middle would read as if nothing was missing.
    cut: bool,
    kept: Option<Kept>,
}

impl Sink {
    /// `keep`: the beginning of standard output is also kept in memory, to capture from.
    pub(crate) fn new(context: Arc<Context>, attempt: AttemptId, keep: bool) -> Self {
        Self {
            stdout: context.mask.stream(),
            stderr: context.mask.stream(),
            tally: OutputTally::default(),
            room_bytes: context.settings.output_bytes_max,
            cut: false,
            kept: keep.then(Kept::default),
            context,
            attempt,
        }
    }

    pub(crate) async fn write(&mut self, stream: Stream, bytes: &[u8]) {
        let bytes_len = bytes.len() as u64;
        match stream {
            Stream::Stdout => self.tally.stdout_bytes += bytes_len,
            Stream::Stderr => self.tally.stderr_bytes += bytes_len,
        }
        if let (Stream::Stdout, Some(kept)) = (stream, &mut self.kept) {
            kept.push(bytes);
        }
        if self.cut {
            self.tally.dropped_bytes += bytes_len;
            return;
        }
        let fits_bytes = bytes_len.min(self.room_bytes);
        self.room_bytes -= fits_bytes;
        self.tally.dropped_bytes += bytes_len - fits_bytes;
        let fitting = usize::try_from(fits_bytes).ok().and_then(|fits| bytes.get(..fits)).unwrap_or(bytes);
        let shown = self.masked(stream).push(fitting);
        self.append(stream, shown).await;
        self.cut |= fits_bytes < bytes_len;
    }

    /// Writes what was held back, and gives the tally and what was kept.
    pub(crate) async fn finish(mut self, ending: Ending) -> (OutputTally, Kept) {
        let ending = if self.cut { Ending::CutOff } else { ending };
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = self.masked(stream).finish(ending);
            self.append(stream, rest).await;
        }
        (self.tally, self.kept.unwrap_or_default())
    }

    fn masked(&mut self, stream: Stream) -> &mut MaskStream {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    async fn append(&mut self, stream: Stream, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let bytes_len = bytes.len() as u64;
        let ports = &self.context.ports;
        let write = ports.outputs.append(self.attempt, stream, ports.clock.now(), Bytes::from(bytes));
        match timeout(self.context.settings.output_wait, write).await {
            Ok(Ok(())) => self.context.published.output_grew(self.attempt),
            Ok(Err(error)) => self.lose(bytes_len, &error.to_string()),
            Err(_) => self.lose(bytes_len, "the store did not answer in time"),
        }
    }

    fn lose(&mut self, bytes_len: u64, why: &str) {
        self.tally.dropped_bytes += bytes_len;
        if !self.cut {
            tracing::warn!(attempt = %self.attempt, why, "output of this attempt is not kept from here on");
        }
        self.cut = true;
    }
}

impl Listener for Sink {
    async fn started(&mut self, process: ProcessIdentity) {
        let event = Event::AttemptRunning { attempt: self.attempt, process };
        // Closed only when the dispatcher is gone, and this task with it.
        let _ = self.context.reports.send(event).await;
    }

    async fn output(&mut self, stream: Stream, bytes: Bytes) {
        self.write(stream, &bytes).await;
    }
}
