//! One job's channel: the script goes in, start, output and end come out, in this order.
//!
//! The pump reads from the channel only while it has nothing to hand on, so a slow consumer stops
//! the reading, and russh's small buffer behind it stops the socket. Every wait here can be dropped
//! and taken up again ([`Pump::step`] is cancel-safe): its caller brings deadlines and cancellation.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use daytwo_engine::ports::ShellEvent;
use daytwo_model::{Exit, ProcessIdentity, SecretValue, Stream};
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf};
use tokio::sync::mpsc;

use super::talk::{KeptTalk, Said, Talk};
use crate::ask::{CloseOnDrop, exit_code, exit_signal};

/// What may wait to be handed on while a job is being cancelled, when reading must go on whether or
/// not anybody takes the output. Beyond it, output is dropped and counted.
const BACKLOG_BYTES_MAX: usize = 1024 * 1024;

/// russh's number for standard error among extended data (RFC 4254, 5.2).
const EXTENDED_STDERR: u32 = 1;

/// How far the script got on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Its last line was not handed over: the host cannot have run any of it.
    Part,
    /// All of it.
    All,
    /// The connection ended before its last line was handed over.
    Cut,
}

/// How the channel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// The host closed it, after all that it had to say.
    ByHost,
    /// The connection is gone.
    WithLink,
}

enum Happened {
    HandedOn,
    Sent(Result<(), russh::Error>),
    Heard(Option<ChannelMsg>),
}

type Sending = Pin<Box<dyn Future<Output = Result<(), russh::Error>> + Send>>;

pub(crate) struct Pump {
    reader: ChannelReadHalf,
    writer: Arc<CloseOnDrop>,
    events: mpsc::Sender<ShellEvent>,
    sending: Option<Sending>,
    last_line: Option<Sending>,
    sent: Sent,
    talk: Talk,
    queue: VecDeque<ShellEvent>,
    queue_bytes: usize,
    exit: Option<Exit>,
    denied: bool,
    ended: Option<Closed>,
    /// Read on even if nobody takes the output.
    lossy: bool,
    dropped_bytes: u64,
    consumer_gone: bool,
}

impl Pump {
    /// Prepares to run `command` with `mark` and `script` on its standard input.
    pub(crate) fn new(
        channel: Channel<Msg>,
        command: Cow<'static, str>,
        mark: &str,
        script: &SecretValue,
        talk: Talk,
        events: mpsc::Sender<ShellEvent>,
    ) -> Self {
        let (reader, writer) = channel.split();
        let writer = Arc::new(CloseOnDrop(writer));
        let first = Bytes::from(format!("{mark}\n{}\n", script.expose()));
        let last = Bytes::from(mark.to_owned());
        let (to_first, to_last) = (Arc::clone(&writer), Arc::clone(&writer));
        let sending: Sending = Box::pin(async move {
            to_first.0.exec(true, command.into_owned()).await?;
            to_first.0.data_bytes(first).await
        });
        let last_line: Sending = Box::pin(async move {
            to_last.0.data_bytes(last).await?;
            to_last.0.eof().await
        });
        Self {
            reader,
            writer,
            events,
            sending: Some(sending),
            last_line: Some(last_line),
            sent: Sent::Part,
            talk,
            queue: VecDeque::new(),
            queue_bytes: 0,
            exit: None,
            denied: false,
            ended: None,
            lossy: false,
            dropped_bytes: 0,
            consumer_gone: false,
        }
    }

    pub(crate) const fn sent(&self) -> Sent {
        self.sent
    }

    pub(crate) fn started(&self) -> Option<&ProcessIdentity> {
        self.talk.started()
    }

    /// What the host said of an attempt that it keeps.
    pub(crate) const fn kept(&self) -> Option<&KeptTalk> {
        self.talk.kept()
    }

    /// An exit was seen, or the host said how an attempt ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.exit.is_some() || self.kept().is_some_and(|talk| talk.end().is_some())
    }

    /// The end of a kept attempt is known, and all of its output was handed on.
    pub(crate) fn is_complete(&self) -> bool {
        self.queue.is_empty() && self.kept().is_some_and(KeptTalk::is_complete)
    }

    /// Whether the program on the host was heard.
    pub(crate) const fn begun(&self) -> bool {
        self.talk.begun()
    }

    pub(crate) const fn exit(&self) -> Option<&Exit> {
        self.exit.as_ref()
    }

    pub(crate) const fn denied(&self) -> bool {
        self.denied
    }

    /// The channel is read, not an event handed on: silence now is the host's.
    pub(crate) fn is_listening(&self) -> bool {
        self.queue.is_empty()
    }

    /// What was printed before the start, for people.
    pub(crate) fn noise(&self) -> String {
        self.talk.noise()
    }

    /// From now on reading goes on whether or not the output is taken.
    pub(crate) fn be_lossy(&mut self) {
        self.lossy = true;
    }

    /// Bytes of output that were read and not handed on.
    pub(crate) const fn dropped_bytes(&self) -> u64 {
        self.dropped_bytes
    }

    /// Asks for the channel to be closed. What is still on its way is not waited for.
    pub(crate) fn close(&self) -> impl Future<Output = ()> + Send + use<> {
        let writer = Arc::clone(&self.writer);
        async move {
            // A connection that is gone has closed it already.
            let _ = writer.0.close().await;
        }
    }

    /// Waits for one thing to happen. `Some` when the channel has ended and all was handed on.
    pub(crate) async fn step(&mut self) -> Option<Closed> {
        let handing_on = !self.queue.is_empty();
        if self.ended.is_some() && !handing_on {
            return self.ended;
        }
        let reading = self.ended.is_none() && (self.lossy || !handing_on);
        let happened = tokio::select! {
            permit = self.events.reserve(), if handing_on => {
                // Nobody listening any more does not end the job; its end still counts.
                self.consumer_gone |= permit.is_err();
                if let (Ok(permit), Some(event)) = (permit, self.queue.pop_front()) {
                    self.queue_bytes = self.queue_bytes.saturating_sub(size(&event));
                    permit.send(event);
                }
                Happened::HandedOn
            }
            sent = poll(&mut self.sending), if self.sent == Sent::Part => Happened::Sent(sent),
            message = self.reader.wait(), if reading => Happened::Heard(message),
        };
        match happened {
            Happened::HandedOn => {}
            Happened::Sent(sent) => self.advance(sent),
            Happened::Heard(message) => self.take(message),
        }
        if self.consumer_gone {
            self.queue.clear();
            self.queue_bytes = 0;
        }
        self.ended.filter(|_| self.queue.is_empty())
    }

    fn advance(&mut self, sent: Result<(), russh::Error>) {
        match (sent, self.last_line.take()) {
            (Err(_), Some(_)) => {
                self.sent = Sent::Cut;
                self.sending = None;
            }
            // From here on the host may have all of it, whatever becomes of the sending.
            (Ok(()), Some(last)) => self.sending = Some(last),
            (_, None) => {
                self.sent = Sent::All;
                self.sending = None;
            }
        }
    }

    /// Whether the last line may have left this process.
    pub(crate) const fn may_have_started(&self) -> bool {
        self.last_line.is_none() && !matches!(self.sent, Sent::Cut)
    }

    fn take(&mut self, message: Option<ChannelMsg>) {
        match message {
            Some(ChannelMsg::Data { data }) => self.hear(Stream::Stdout, data),
            Some(ChannelMsg::ExtendedData { data, ext: EXTENDED_STDERR }) => self.hear(Stream::Stderr, data),
            Some(ChannelMsg::ExitStatus { exit_status }) => self.exit = Some(exit_code(exit_status)),
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => self.exit = Some(exit_signal(&signal_name)),
            Some(ChannelMsg::Failure) => self.denied = true,
            Some(ChannelMsg::Close) => self.ended = Some(Closed::ByHost),
            None => self.ended = Some(Closed::WithLink),
            Some(_) => {}
        }
    }

    fn hear(&mut self, stream: Stream, data: Bytes) {
        let mut said = Said::default();
        self.talk.hear(stream, data, &mut said);
        self.dropped_bytes += said.dropped_bytes;
        for event in said.events {
            self.put(event);
        }
    }

    fn put(&mut self, event: ShellEvent) {
        let bytes = size(&event);
        if matches!(&event, ShellEvent::Output(_, data) if data.is_empty()) || self.consumer_gone {
            return;
        }
        if self.lossy && self.queue_bytes + bytes > BACKLOG_BYTES_MAX {
            self.dropped_bytes += bytes as u64;
            return;
        }
        self.queue_bytes += bytes;
        self.queue.push_back(event);
    }
}

async fn poll(sending: &mut Option<Sending>) -> Result<(), russh::Error> {
    match sending {
        Some(sending) => sending.await,
        None => std::future::pending().await,
    }
}

fn size(event: &ShellEvent) -> usize {
    match event {
        ShellEvent::Started(_) => 0,
        ShellEvent::Output(_, data) => data.len(),
    }
}
