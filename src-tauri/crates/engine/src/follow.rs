//! Follows one shell job to its end, in bounded time whatever the host and its adapter do.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use daytwo_model::event::Note;
use daytwo_model::{ProcessIdentity, Stream};
use tokio::pin;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::cancel::Cancel;
use crate::pace::later;
use crate::ports::{SHELL_EVENTS_MAX, ShellEnd, ShellEvent};
use crate::silence::Silence;

/// What a job tells while it runs.
pub(crate) trait Listener {
    fn started(&mut self, process: ProcessIdentity) -> impl Future<Output = ()> + Send;
    fn output(&mut self, stream: Stream, bytes: Bytes) -> impl Future<Output = ()> + Send;
    fn noted(&mut self, note: Note) -> impl Future<Output = ()> + Send;
}

/// How long a job may take.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) deadline: Duration,
    /// How long it may take to stop it after that, or after a cancel. None: it is not stopped, only
    /// followed no longer.
    pub(crate) grace: Option<Duration>,
}

/// How a job ended.
pub(crate) struct Followed {
    pub(crate) end: ShellEnd,
    /// It gave a sign of life, so "nothing was started" cannot be true.
    pub(crate) heard: bool,
}

/// Follows what `start` begins; `silence` watches for a job that writes nothing, where somebody wants to know.
pub(crate) async fn follow<F>(
    start: impl FnOnce(mpsc::Sender<ShellEvent>, Cancel) -> F,
    patience: Patience,
    cancel: &Cancel,
    mut silence: Option<Silence<'_>>,
    listener: &mut (impl Listener + Send),
) -> Followed
where
    F: Future<Output = ShellEnd> + Send,
{
    let stop = cancel.child();
    let (sender, mut events) = mpsc::channel(SHELL_EVENTS_MAX);
    let run = start(sender, stop.clone());
    // First the deadline; once the job was told to stop, the end of the grace.
    let timer = sleep(patience.deadline);
    pin!(run, timer);
    let (mut told, mut open, mut heard) = (false, true, false);
    let end = loop {
        // In this order: a job that writes without end must not outrun its own deadline.
        tokio::select! {
            biased;
            () = stop.cancelled(), if !told => {
                told = true;
                let Some(grace) = patience.grace else { break let_go() };
                timer.as_mut().reset(later(Instant::now(), grace));
            }
            () = &mut timer => match patience.grace {
                None => break let_go(),
                Some(grace) if told => {
                    let why = format!("it was told to stop, and was not seen dead within {} s", grace.as_secs());
                    break ShellEnd::Unseen { why };
                }
                Some(_) => stop.terminate(),
            },
            event = events.recv(), if open => match event {
                Some(event) => hear(event, &mut heard, silence.as_mut(), listener).await,
                None => open = false,
            },
            end = &mut run => break end,
            note = noticed(&mut silence), if !told => listener.noted(note).await,
        }
    };
    events.close();
    while let Ok(event) = events.try_recv() {
        hear(event, &mut heard, None, listener).await;
    }
    Followed { end, heard }
}

fn let_go() -> ShellEnd {
    ShellEnd::Unseen { why: "it still went on when the time to ask for it was over".to_owned() }
}

async fn noticed(silence: &mut Option<Silence<'_>>) -> Note {
    match silence {
        Some(silence) => silence.next().await,
        None => std::future::pending().await,
    }
}

async fn hear(
    event: ShellEvent,
    heard: &mut bool,
    silence: Option<&mut Silence<'_>>,
    listener: &mut (impl Listener + Send),
) {
    match event {
        // Only the first sign of life is a start.
        ShellEvent::Started(process) if !*heard => {
            if let Some(silence) = silence {
                silence.started(&process);
            }
            listener.started(process).await;
        }
        ShellEvent::Started(_) => {}
        ShellEvent::Output(stream, bytes) => {
            if silence.is_some_and(Silence::is_broken) {
                listener.noted(Note::InSight).await;
            }
            listener.output(stream, bytes).await;
        }
    }
    *heard = true;
}
