//! What a host says on a job's two streams, in the words of the wrapper that runs there.

use std::collections::VecDeque;

use bytes::Bytes;
use daytwo_engine::ports::ShellEvent;
use daytwo_model::{ProcessIdentity, Stream};

use super::mark::{Found, Scan};
use super::marks::{Marks, Piece};
use crate::host::{End, Line};

/// Standard error may arrive before the start line, which is on standard output. Beyond this it is
/// dropped and counted: a host that sends the line so late is not keeping to the protocol.
const EARLY_BYTES_MAX: usize = 1024 * 1024;

/// What was understood and can be handed on.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) events: VecDeque<ShellEvent>,
    pub(crate) dropped_bytes: u64,
}

/// One of the two wrappers.
#[derive(Debug)]
pub(crate) enum Talk {
    Attached(Box<Attached>),
    Kept(Box<KeptTalk>),
}

impl Talk {
    pub(crate) fn started(&self) -> Option<&ProcessIdentity> {
        match self {
            Self::Attached(talk) => talk.started.as_ref(),
            Self::Kept(talk) => talk.started.as_ref(),
        }
    }

    pub(crate) fn hear(&mut self, stream: Stream, data: Bytes, said: &mut Said) {
        match (self, stream) {
            (Self::Attached(talk), Stream::Stdout) => talk.stdout(data, said),
            (Self::Attached(talk), Stream::Stderr) => talk.stderr(data, said),
            (Self::Kept(talk), stream) => talk.hear(stream, &data, said),
        }
    }

    /// What was printed before the start, for people.
    pub(crate) fn noise(&self) -> String {
        let (out, err) = match self {
            Self::Attached(talk) => (talk.stdout.noise(), talk.stderr.noise()),
            Self::Kept(talk) => (talk.stdout.marks.noise(), talk.stderr.marks.noise()),
        };
        match (out.is_empty(), err.is_empty()) {
            (_, true) => out,
            (true, false) => err,
            (false, false) => format!("{err} {out}"),
        }
    }

    /// Whether the wrapper itself was heard, so that what it was sent may have been done.
    pub(crate) const fn begun(&self) -> bool {
        match self {
            Self::Attached(talk) => talk.started.is_some(),
            Self::Kept(talk) => talk.stdout.marks.begun() || talk.stderr.marks.begun(),
        }
    }

    pub(crate) const fn kept(&self) -> Option<&KeptTalk> {
        match self {
            Self::Attached(_) => None,
            Self::Kept(talk) => Some(talk),
        }
    }
}

/// A script that is attached to the connection: start line, then nothing but its output.
#[derive(Debug)]
pub(crate) struct Attached {
    stdout: Scan,
    stderr: Scan,
    stderr_marked: bool,
    started: Option<ProcessIdentity>,
    early: Early,
}

impl Attached {
    pub(crate) fn new(mark: &str) -> Self {
        Self {
            stdout: Scan::new(mark),
            stderr: Scan::new(mark),
            stderr_marked: false,
            started: None,
            early: Early::default(),
        }
    }

    fn stdout(&mut self, data: Bytes, said: &mut Said) {
        if self.started.is_some() {
            said.events.push_back(ShellEvent::Output(Stream::Stdout, data));
        } else if let Some(Found { line, rest }) = self.stdout.feed(&data)
            && let Some(process) = parse_start(&line)
        {
            self.started = Some(process.clone());
            said.events.push_back(ShellEvent::Started(process));
            self.early.hand_on(said);
            said.events.push_back(ShellEvent::Output(Stream::Stdout, rest));
        }
    }

    fn stderr(&mut self, data: Bytes, said: &mut Said) {
        let data = if self.stderr_marked {
            data
        } else if let Some(Found { rest, .. }) = self.stderr.feed(&data) {
            self.stderr_marked = true;
            rest
        } else {
            return;
        };
        if self.started.is_some() {
            said.events.push_back(ShellEvent::Output(Stream::Stderr, data));
        } else {
            self.early.keep(data, said);
        }
    }
}

/// Reads `pid boot-id ticks`, with `-` for what the host does not have.
fn parse_start(line: &str) -> Option<ProcessIdentity> {
    let mut words = line.split(' ');
    let pid = words.next()?.parse().ok()?;
    let mut optional = || words.next().filter(|word| *word != "-").map(str::to_owned);
    Some(ProcessIdentity { pid, boot_id: optional(), start_ticks: optional(), ..ProcessIdentity::default() })
}

/// Standard error from before the start line.
#[derive(Debug, Default)]
struct Early(Vec<Bytes>);

impl Early {
    fn keep(&mut self, data: Bytes, said: &mut Said) {
        if self.0.iter().map(Bytes::len).sum::<usize>() + data.len() <= EARLY_BYTES_MAX {
            self.0.push(data);
        } else {
            said.dropped_bytes += data.len() as u64;
        }
    }

    fn hand_on(&mut self, said: &mut Said) {
        let early = std::mem::take(&mut self.0);
        said.events.extend(early.into_iter().map(|data| ShellEvent::Output(Stream::Stderr, data)));
    }
}

/// One stream of a kept attempt, and how much of it is handed on.
#[derive(Debug)]
struct Counted {
    marks: Marks,
    /// Bytes of the attempt's stream that were handed on, also by earlier connections.
    have: u64,
    /// From which byte the host goes on.
    at: u64,
    /// The host went on behind what is there: what comes now cannot be used.
    gap: bool,
}

impl Counted {
    fn new(mark: &str, have: u64) -> Self {
        Self { marks: Marks::new(mark), have, at: have, gap: false }
    }

    fn go_on_at(&mut self, at: u64) {
        self.at = at;
        self.gap |= at > self.have;
    }

    /// The part of `data` that is new.
    fn fresh(&mut self, data: Bytes) -> Option<Bytes> {
        let known = self.have.saturating_sub(self.at);
        self.at += data.len() as u64;
        if self.gap || self.at <= self.have {
            return None;
        }
        self.have = self.at;
        let known = usize::try_from(known).unwrap_or(usize::MAX).min(data.len());
        Some(data.slice(known..))
    }
}

/// An attempt that its host keeps: marked lines between its output, and both streams counted.
#[derive(Debug)]
pub(crate) struct KeptTalk {
    stdout: Counted,
    stderr: Counted,
    early: Early,
    started: Option<ProcessIdentity>,
    /// The start is known already and not told again.
    silent_start: bool,
    end: Option<End>,
}

impl KeptTalk {
    /// `have`: what was handed on before of standard output and standard error.
    pub(crate) fn new(mark: &str, have: (u64, u64), silent_start: bool) -> Self {
        Self {
            stdout: Counted::new(mark, have.0),
            stderr: Counted::new(mark, have.1),
            early: Early::default(),
            started: None,
            silent_start,
            end: None,
        }
    }

    /// What the host said of the end.
    pub(crate) const fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// What was handed on of both streams.
    pub(crate) const fn have(&self) -> (u64, u64) {
        (self.stdout.have, self.stderr.have)
    }

    /// The end is known, and all that the host has of both streams was handed on.
    pub(crate) fn is_complete(&self) -> bool {
        self.end.as_ref().is_some_and(|end| self.stdout.have >= end.bytes.0 && self.stderr.have >= end.bytes.1)
    }

    fn hear(&mut self, stream: Stream, data: &Bytes, said: &mut Said) {
        let pieces = match stream {
            Stream::Stdout => self.stdout.marks.feed(data),
            Stream::Stderr => self.stderr.marks.feed(data),
        };
        for piece in pieces {
            match piece {
                Piece::Line(line) => self.take_line(stream, &line, said),
                Piece::Data(data) => self.take_data(stream, data, said),
            }
        }
    }

    fn take_line(&mut self, stream: Stream, line: &str, said: &mut Said) {
        match (stream, Line::parse(line)) {
            (Stream::Stdout, Some(Line::At(at))) => self.stdout.go_on_at(at),
            (Stream::Stderr, Some(Line::At(at))) => self.stderr.go_on_at(at),
            (Stream::Stdout, Some(Line::Start(process))) if self.started.is_none() => {
                self.started = Some(process.clone());
                if !self.silent_start {
                    said.events.push_back(ShellEvent::Started(process));
                }
                self.early.hand_on(said);
            }
            (Stream::Stdout, Some(Line::End(end))) if self.end.is_none() => self.end = Some(end),
            // The mark on standard error has nothing behind it; anything else is not ours.
            _ => {}
        }
    }

    fn take_data(&mut self, stream: Stream, data: Bytes, said: &mut Said) {
        let fresh = match stream {
            Stream::Stdout => self.stdout.fresh(data),
            Stream::Stderr => self.stderr.fresh(data),
        };
        let Some(fresh) = fresh else { return };
        if self.started.is_some() || stream == Stream::Stdout {
            said.events.push_back(ShellEvent::Output(stream, fresh));
        } else {
            self.early.keep(fresh, said);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(talk: &mut KeptTalk, parts: &[(Stream, &str)]) -> (String, String) {
        let mut said = Said::default();
        for (stream, text) in parts {
            talk.hear(*stream, &Bytes::copy_from_slice(text.as_bytes()), &mut said);
        }
        let (mut out, mut err) = (String::new(), String::new());
        for event in said.events {
            match event {
                ShellEvent::Output(Stream::Stdout, data) => out += &String::from_utf8_lossy(&data),
                ShellEvent::Output(Stream::Stderr, data) => err += &String::from_utf8_lossy(&data),
                ShellEvent::Started(_) => {}
            }
        }
        (out, err)
    }

    #[test]
    fn what_the_host_sends_again_is_told_once() {
        use Stream::{Stderr as E, Stdout as O};
        let mut talk = KeptTalk::new("M", (2, 0), true);
        let parts = [
            (E, "M\nw"),
            (O, "M start 7 7 9 b /d\ncdef"),
            (O, "M at 4\nefgh"),
            (E, "M at 0\nwarn"),
            (O, "M end exit 0 8 4 -\n"),
        ];
        assert_eq!(heard(&mut talk, &parts), ("cdefgh".to_owned(), "warn".to_owned()));
        assert!(talk.is_complete());
    }

    #[test]
    fn a_gap_is_seen_and_nothing_behind_it_is_told() {
        use Stream::Stdout as O;
        let mut talk = KeptTalk::new("M", (0, 0), true);
        let (out, _) = heard(&mut talk, &[(O, "M start 7 7 9 b /d\nabM at 3\nd"), (O, "M end exit 0 4 0 -\n")]);
        assert_eq!((out.as_str(), talk.have()), ("ab", (2, 0)));
        assert!(!talk.is_complete());
    }
}
