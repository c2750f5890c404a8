//! Running a job as the engine does, and keeping what it told.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use daytwo_engine::ports::{Cancel, DeadMan, Keep, Kept, SHELL_EVENTS_MAX, Shell, ShellEnd, ShellEvent, ShellJob};
use daytwo_model::plan::RunAs;
use daytwo_model::{AttemptId, Exit, Host, ProcessIdentity, SecretValue, Stream};
use daytwo_ssh::SshTransport;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::sshd::PATIENCE;

pub(crate) const FINE: ShellEnd = ShellEnd::Exited(Exit::Code(0));

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
        Self::begin_job(transport, host, ShellJob::read(SecretValue::new(script), run_as))
    }

    /// A script that its host keeps.
    pub(crate) fn deliver(transport: &Arc<SshTransport>, host: &Host, attempt: AttemptId, script: &str) -> Self {
        Self::begin_job(transport, host, kept_job(attempt, script, RunAs::Login, None))
    }

    pub(crate) fn begin_job(transport: &Arc<SshTransport>, host: &Host, job: ShellJob) -> Self {
        let (transport, host) = (Arc::clone(transport), host.clone());
        Self::begin_with(|events, cancel| async move { transport.run(&host, job, events, cancel).await })
    }

    pub(crate) fn reattach(transport: &Arc<SshTransport>, host: &Host, kept: Kept) -> Self {
        let (transport, host) = (Arc::clone(transport), host.clone());
        Self::begin_with(|events, cancel| async move { transport.reattach(&host, kept, events, cancel).await })
    }

    fn begin_with<F>(work: impl FnOnce(mpsc::Sender<ShellEvent>, Cancel) -> F) -> Self
    where
        F: Future<Output = ShellEnd> + Send + 'static,
    {
        let (sender, events) = mpsc::channel(SHELL_EVENTS_MAX);
        let cancel = Cancel::new();
        let mut running = JoinSet::new();
        running.spawn(work(sender, cancel.clone()));
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

/// An id that nothing else has, and that sorts by time like the console's own: a host that has removed old
/// attempts does not take it for one of those.
pub(crate) fn new_attempt() -> AttemptId {
    let file = tempfile::NamedTempFile::new().unwrap();
    let now = file.as_file().metadata().unwrap().modified().unwrap();
    let millis = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let mut random = [0_u8; 10];
    getrandom::fill(&mut random).unwrap();
    let (time, hex) = (format!("{millis:012x}"), hex::encode(random));
    format!("{}-{}-7{}-8{}-{}", &time[..8], &time[8..], &hex[..3], &hex[3..6], &hex[6..18]).parse().unwrap()
}

pub(crate) fn kept_job(
    attempt: AttemptId,
    script: &str,
    run_as: RunAs,
    dead_man: Option<(Duration, &str)>,
) -> ShellJob {
    let dead_man = dead_man.map(|(after, script)| DeadMan { after, script: SecretValue::new(script) });
    let (by, what) = ("ada@desk".to_owned(), "restart / stop it (run 0198)".to_owned());
    let keep = Keep { attempt, by, what, lease: Duration::from_secs(60), dead_man };
    ShellJob { script: SecretValue::new(script), run_as, keep: Some(keep) }
}

/// What a console knows of an attempt that was sent a moment ago, and of which it has heard `job`.
pub(crate) fn kept(attempt: AttemptId, job: Option<&Job>) -> Kept {
    Kept {
        attempt,
        run_as: RunAs::Login,
        process: job.and_then(|job| job.started.clone()),
        attached: false,
        have: job.map_or((0, 0), |job| (job.stdout.len() as u64, job.stderr.len() as u64)),
        sent_ago: Duration::from_secs(1),
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

/// What a script does to wait for a file: as long as any of this may take, and not for ever.
pub(crate) fn wait_for(gate: &Path) -> String {
    let gate = gate.display();
    format!("n=0; while [ ! -e {gate} ] && [ $n -lt 600 ]; do n=$((n + 1)); sleep 0.05; done")
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, is_so: impl FnMut() -> bool) {
    until_within(PATIENCE, what, is_so).await;
}

pub(crate) async fn until_within(patience: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + patience;
    while !is_so() {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
