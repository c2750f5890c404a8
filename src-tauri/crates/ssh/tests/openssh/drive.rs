//! Running a job as the engine does, and keeping what it told.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use daytwo_engine::ports::{Cancel, SHELL_EVENTS_MAX, Shell, ShellEnd, ShellEvent, ShellJob};
use daytwo_model::plan::RunAs;
use daytwo_model::{Host, ProcessIdentity, SecretValue, Stream};
use daytwo_ssh::SshTransport;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::sshd::PATIENCE;

/// A job that is under way.
pub(crate) struct Job {
    pub(crate) cancel: Cancel,
    events: mpsc::Receiver<ShellEvent>,
    running: JoinSet<ShellEnd>,
    pub(crate) started: Option<ProcessIdentity>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Job {
    pub(crate) fn begin(transport: &Arc<SshTransport>, host: &Host, script: &str) -> Self {
        Self::begin_as(transport, host, script, RunAs::Login)
    }

    pub(crate) fn begin_as(transport: &Arc<SshTransport>, host: &Host, script: &str, run_as: RunAs) -> Self {
        let (sender, events) = mpsc::channel(SHELL_EVENTS_MAX);
        let cancel = Cancel::new();
        let mut running = JoinSet::new();
        let (transport, host, token) = (Arc::clone(transport), host.clone(), cancel.clone());
        let job = ShellJob::read(SecretValue::new(script), run_as);
        running.spawn(async move { transport.run(&host, job, sender, token).await });
        Self { cancel, events, running, started: None, stdout: Vec::new(), stderr: Vec::new() }
    }

    fn take(&mut self, event: ShellEvent) {
        match event {
            ShellEvent::Started(process) => {
                assert!(self.started.is_none(), "started twice");
                assert!(self.stdout.is_empty() && self.stderr.is_empty(), "output before the start");
                self.started = Some(process);
            }
            ShellEvent::Output(Stream::Stdout, bytes) => self.stdout.extend_from_slice(&bytes),
            ShellEvent::Output(Stream::Stderr, bytes) => self.stderr.extend_from_slice(&bytes),
        }
    }

    /// Reads on until standard output holds `text`.
    pub(crate) async fn until_stdout_has(&mut self, text: &str) {
        bounded(async {
            while !self.out().contains(text) {
                match self.events.recv().await {
                    Some(event) => self.take(event),
                    None => panic!("ended before {text:?}: {:?} {:?}", self.out(), self.running.join_next().await),
                }
            }
        })
        .await;
    }

    /// Reads everything to the end.
    pub(crate) async fn end(&mut self) -> ShellEnd {
        bounded(async {
            while let Some(event) = self.events.recv().await {
                self.take(event);
            }
            self.running.join_next().await.unwrap().unwrap()
        })
        .await
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The numbers on standard output.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.out().split_whitespace().filter_map(|word| word.parse().ok()).collect()
    }
}

/// Runs a script to its end.
pub(crate) async fn run(transport: &Arc<SshTransport>, host: &Host, script: &str) -> (ShellEnd, Job) {
    let mut job = Job::begin(transport, host, script);
    let end = job.end().await;
    (end, job)
}

pub(crate) async fn bounded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it took longer than any of this may")
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
