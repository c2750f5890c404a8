//! Follows one shell job to its end, in bounded time whatever the host and its adapter do.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use daytwo_model::{Host, ProcessIdentity, Stream};
use tokio::pin;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::cancel::Cancel;
use crate::ports::{SHELL_EVENTS_MAX, Shell, ShellEnd, ShellEvent, ShellJob};

/// What a job tells while it runs.
pub(crate) trait Listener {
    fn started(&mut self, process: ProcessIdentity) -> impl Future<Output = ()> + Send;
    fn output(&mut self, stream: Stream, bytes: Bytes) -> impl Future<Output = ()> + Send;
}

/// How long a job may take, and how long it may take to stop it.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) deadline: Duration,
    pub(crate) grace: Duration,
}

/// How a job ended.
pub(crate) struct Followed {
    pub(crate) end: ShellEnd,
    /// It gave a sign of life, so "nothing was started" cannot be true.
    pub(crate) heard: bool,
}

pub(crate) async fn follow(
    shell: &dyn Shell,
    host: &Host,
    job: ShellJob,
    patience: Patience,
    cancel: &Cancel,
    listener: &mut (impl Listener + Send),
) -> Followed {
    let stop = cancel.child();
    let (sender, mut events) = mpsc::channel(SHELL_EVENTS_MAX);
    let run = shell.run(host, job, sender, stop.clone());
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
                timer.as_mut().reset(Instant::now() + patience.grace);
            }
            () = &mut timer => {
                if told {
                    let why = format!("it was told to stop, and was not seen dead within {} s", patience.grace.as_secs());
                    break ShellEnd::Unseen { why };
                }
                stop.terminate();
            }
            event = events.recv(), if open => match event {
                Some(event) => hear(event, &mut heard, listener).await,
                None => open = false,
            },
            end = &mut run => break end,
        }
    };
    events.close();
    while let Ok(event) = events.try_recv() {
        hear(event, &mut heard, listener).await;
    }
    Followed { end, heard }
}

async fn hear(event: ShellEvent, heard: &mut bool, listener: &mut (impl Listener + Send)) {
    match event {
        // Only the first sign of life is a start.
        ShellEvent::Started(process) if !*heard => listener.started(process).await,
        ShellEvent::Started(_) => {}
        ShellEvent::Output(stream, bytes) => listener.output(stream, bytes).await,
    }
    *heard = true;
}
