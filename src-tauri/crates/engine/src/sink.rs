//! Where an attempt's output goes: masked, bounded, written before the attempt's end is journalled.

use std::sync::Arc;

use bytes::Bytes;
use daytwo_model::event::Note;
use daytwo_model::{AttemptId, Event, OutputTally, ProcessIdentity, Stream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::capture::Kept;
use crate::follow::Listener;
use crate::ports::KeptOutput;
use crate::redact::{Ending, MaskStream};
use crate::seam::Seam;
use crate::shell::Earlier;
use crate::unit::Context;

/// Takes what one attempt tells: its start, its output, what is noted of it.
pub(crate) struct Sink {
    context: Arc<Context>,
    attempt: AttemptId,
    stdout: Side,
    stderr: Side,
    tally: OutputTally,
    room_bytes: u64,
    /// Past the limit, or the store failed: a gap in the middle would read as if nothing was missing.
    cut: bool,
    kept: Option<Kept>,
    sight: Sight,
    process: Option<ProcessIdentity>,
    /// Its host cannot keep it.
    attached: bool,
    /// Its start is in the journal, or on the way there.
    running: bool,
    /// Held until the host has answered: so many are asked at one time.
    permit: Option<OwnedSemaphorePermit>,
}

/// One stream on its way to the store.
struct Side {
    mask: MaskStream,
    /// What the store has of it already, from an earlier process.
    seam: Option<Seam>,
}

/// Whether the attempt is followed at the moment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    In,
    Out,
    /// The run is over: the journal takes ends, and nothing less.
    EndsOnly,
}

impl Sink {
    /// `keep`: the beginning of standard output is also kept in memory, to capture from.
    pub(crate) fn new(context: Arc<Context>, attempt: AttemptId, keep: bool) -> Self {
        let side = || Side { mask: context.mask.stream(), seam: None };
        Self {
            stdout: side(),
            stderr: side(),
            tally: OutputTally::default(),
            room_bytes: context.settings.output_bytes_max,
            // What cannot be masked is not kept, in the store or anywhere else.
            cut: !context.masks_all,
            kept: (keep && context.masks_all).then(Kept::default),
            sight: Sight::In,
            process: None,
            attached: false,
            running: false,
            permit: None,
            context,
            attempt,
        }
    }

    /// For an attempt that an earlier process followed: all of its output comes again, because a part of
    /// a stream can be neither masked nor captured from; what the store has is not stored twice.
    pub(crate) fn again(mut self, kept: KeptOutput, earlier: &Earlier) -> Self {
        self.stdout.seam = Seam::behind(kept.stdout);
        self.stderr.seam = Seam::behind(kept.stderr);
        self.running = earlier.process.is_some();
        self.process.clone_from(&earlier.process);
        self.attached = earlier.attached;
        self
    }

    /// Nothing but the end is told.
    pub(crate) fn telling_ends_only(mut self) -> Self {
        self.sight = Sight::EndsOnly;
        self
    }

    /// Stores nothing: what the store has cannot be read, so more would not fit behind it.
    pub(crate) fn storing_nothing(mut self) -> Self {
        self.cut = true;
        self
    }

    /// Gives the permit back as soon as the host has answered.
    pub(crate) fn asking_with(mut self, permit: Option<OwnedSemaphorePermit>) -> Self {
        self.permit = permit;
        self
    }

    /// The process, where its start was confirmed.
    pub(crate) const fn process(&self) -> Option<&ProcessIdentity> {
        self.process.as_ref()
    }

    /// Its host cannot keep it: what became of it is seen only as long as its connection stands.
    pub(crate) fn is_attached(&self) -> bool {
        self.attached || self.process.as_ref().is_some_and(|process| process.place.is_none())
    }

    /// Tells that it is going to run attached, and waits until that is on disk.
    pub(crate) async fn attach(&mut self, why: &str) {
        self.attached = true;
        self.report(Note::Attached { why: self.context.reason(why) }).await;
        let attempt = self.attempt;
        self.context.published.until(|state| state.find(attempt).is_some_and(|known| known.attached)).await;
    }

    /// How many bytes of standard output and standard error have come, as the host wrote them.
    pub(crate) const fn have(&self) -> (u64, u64) {
        (self.tally.stdout_bytes, self.tally.stderr_bytes)
    }

    /// The connection is lost.
    pub(crate) async fn lose_sight(&mut self, why: &str) {
        self.permit = None;
        if self.sight == Sight::In {
            self.sight = Sight::Out;
            self.report(Note::OutOfSight { why: self.context.reason(why) }).await;
        }
    }

    async fn regain_sight(&mut self) {
        self.permit = None;
        if self.sight == Sight::Out {
            self.sight = Sight::In;
            self.report(Note::InSight).await;
        }
    }

    async fn report(&self, note: Note) {
        self.tell(Event::AttemptNoted { attempt: self.attempt, note }).await;
    }

    async fn tell(&self, event: Event) {
        if self.sight != Sight::EndsOnly {
            // Closed only when the dispatcher is gone, and this task with it.
            let _ = self.context.reports.send(event).await;
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
        let shown = self.side(stream).mask.push(fitting);
        self.append(stream, shown).await;
        self.cut |= fits_bytes < bytes_len;
    }

    /// Writes what was held back, and gives the tally and what was kept.
    pub(crate) async fn finish(mut self, ending: Ending) -> (OutputTally, Kept) {
        let ending = if self.cut { Ending::CutOff } else { ending };
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = self.side(stream).mask.finish(ending);
            self.append(stream, rest).await;
        }
        (self.tally, self.kept.unwrap_or_default())
    }

    /// The tally alone, of an attempt that may be found again: what was held back then comes once more, and
    /// what is stored stays the beginning of it.
    pub(crate) const fn leave(&self) -> OutputTally {
        self.tally
    }

    fn side(&mut self, stream: Stream) -> &mut Side {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    async fn append(&mut self, stream: Stream, bytes: Vec<u8>) {
        let bytes = match &mut self.side(stream).seam {
            Some(seam) => seam.pass(bytes),
            None => bytes,
        };
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
        self.regain_sight().await;
        self.process = Some(process.clone());
        if !std::mem::replace(&mut self.running, true) {
            self.tell(Event::AttemptRunning { attempt: self.attempt, process }).await;
        }
    }

    async fn output(&mut self, stream: Stream, bytes: Bytes) {
        self.regain_sight().await;
        self.write(stream, &bytes).await;
    }

    async fn noted(&mut self, note: Note) {
        let note = match note {
            Note::Silent { ms, known } => Note::Silent { ms, known: self.context.reason(&known) },
            Note::OutOfSight { .. } | Note::InSight | Note::Attached { .. } => note,
        };
        self.report(note).await;
    }
}
