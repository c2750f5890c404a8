//! What the engine needs from the world, as narrow questions. Adapters answer them.

mod http;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use daytwo_model::plan::RunAs;
use daytwo_model::{
    AttemptId, Digest, Exit, Host, ProcessIdentity, Record, RunId, SealedPlan, SecretName, SecretValue, Stream,
    Timestamp,
};
use tokio::sync::mpsc;

pub use self::http::{CallBody, CallIdentity, CallKey, CallProxy, Http, HttpCall, HttpEnd};
pub use crate::cancel::Cancel;

/// Events that a shell job may have on their way to the engine. Small: when the engine (and the
/// disk behind it) is slow, the host's socket is to feel it.
pub const SHELL_EVENTS_MAX: usize = 16;

/// The time of day, and new ids. Sleeping goes through `tokio::time`, which tests can pause.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
    /// A new run id.
    fn new_run(&self) -> RunId;
    /// A new attempt id.
    fn new_attempt(&self) -> AttemptId;
}

/// A port could not do what was asked; the text says what and why, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PortError(pub String);

/// The right to write one run's journal. A token that has been superseded writes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// The run.
    pub run: RunId,
    /// Grows each time that a process takes the run over.
    pub token: u64,
}

/// The journal. Whatever it accepted is on disk when it returns.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Creates the run with its plan and its first record, and gives the right to write it.
    async fn open(&self, plan: &SealedPlan, first: &Record) -> Result<Fence, PortError>;
    /// Appends records, all or none. Many calls at one time share one fsync.
    async fn append(&self, fence: Fence, records: &[Record]) -> Result<(), PortError>;
}

/// Where output goes. Written before the end of its attempt is journalled.
#[async_trait]
pub trait Outputs: Send + Sync {
    /// Appends bytes, already redacted, to a stream of an attempt.
    async fn append(&self, attempt: AttemptId, stream: Stream, at: Timestamp, bytes: Bytes) -> Result<(), PortError>;

    /// What an earlier process kept of an attempt's output. Nothing, of a store that forgets.
    async fn kept(&self, attempt: AttemptId) -> Result<KeptOutput, PortError> {
        let _ = attempt;
        Ok(KeptOutput::default())
    }
}

/// What is kept of an attempt's output, as it was appended: redacted, so that its length says nothing of
/// how much the host wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names of the streams say it")]
pub struct KeptOutput {
    pub stdout: KeptStream,
    pub stderr: KeptStream,
}

/// What is kept of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptStream {
    /// How many bytes.
    pub bytes: u64,
    /// Of these bytes.
    pub digest: Digest,
}

impl Default for KeptStream {
    fn default() -> Self {
        Self { bytes: 0, digest: Digest::of(&[]) }
    }
}

/// Reads secrets.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The value; `Ok(None)` where no value is kept under this name.
    async fn read(&self, name: &SecretName) -> Result<Option<SecretValue>, PortError>;
}

/// A script for a host's shell.
#[derive(Debug)]
pub struct ShellJob {
    /// The whole script; it reaches the host on standard input, never in an argument list.
    pub script: SecretValue,
    /// As whom; another user than the one who logs in is had through `sudo -n`.
    pub run_as: RunAs,
    /// What is kept of it on the host, so that it outlives the connection; none for reads.
    pub keep: Option<Keep>,
}

impl ShellJob {
    /// A script of which nothing is kept on the host: a read.
    #[must_use]
    pub const fn read(script: SecretValue, run_as: RunAs) -> Self {
        Self { script, run_as, keep: None }
    }
}

/// What the host keeps of an attempt.
#[derive(Debug)]
pub struct Keep {
    /// The attempt: the name of its folder there, and the lock against a second delivery.
    pub attempt: AttemptId,
    /// Who asked, and for what, for others who look at the host. One line each, without secrets.
    pub by: String,
    /// Run, runbook and step: `restart-service / restart (run 0198c1d2)`.
    pub what: String,
    /// For how long others are told that somebody works here.
    pub lease: Duration,
    /// What the host does alone unless it is told in time that all is well.
    pub dead_man: Option<DeadMan>,
}

/// A way back that the host takes alone.
#[derive(Debug)]
pub struct DeadMan {
    /// How long it waits, from the start of the script.
    pub after: Duration,
    /// The inverse.
    pub script: SecretValue,
}

/// An attempt that was sent earlier, and may still go on.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Which.
    pub attempt: AttemptId,
    /// As whom it runs.
    pub run_as: RunAs,
    /// The process, where its start was confirmed.
    pub process: Option<ProcessIdentity>,
    /// The host could not keep it, so it was sent to run attached. That such a host holds no trace of it does not
    /// mean that it was never begun.
    pub attached: bool,
    /// How many bytes of standard output and standard error are known already: it is followed from there.
    pub have: (u64, u64),
    /// How long ago it was sent. A host that runs for a shorter time has been started since.
    pub sent_ago: Duration,
}

/// What became of a dead-man switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadManEnd {
    /// The host was told in time.
    Disarmed,
    /// It had taken the step back already; the exit of that, or none where it will never be known.
    Fired(Option<Exit>),
    /// It was not told in time, and did not take the step back.
    Failed {
        /// What is known.
        why: String,
        /// Nothing of the step runs any more; otherwise a later answer may be that.
        over: bool,
    },
    /// The host could not be asked, or does not know it yet.
    Unknown {
        /// Why not.
        why: String,
    },
    /// There is no host that could be asked, so asking again is of no use.
    Unaskable {
        /// Why not.
        why: String,
    },
}

/// What a running job tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShellEvent {
    /// The host confirmed the start. At most once, before any output.
    Started(ProcessIdentity),
    /// It wrote something.
    Output(Stream, Bytes),
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShellEnd {
    /// Its end was seen.
    Exited(Exit),
    /// It was cancelled, and the host was asked afterwards: its process group is gone.
    Killed,
    /// Its dead-man switch fired, and the host ended its shell. Whether all of it could be ended, and what came of
    /// the way back, is the switch's to say.
    DeadMan,
    /// The host was asked: the process is gone without an exit code, or the host has been started since.
    Lost {
        /// What was seen.
        why: String,
    },
    /// The host was asked: nothing of it began, and it will be refused should it still arrive.
    NotStarted {
        /// Why it did not begin.
        why: String,
    },
    /// It was sent and its end was not seen: link lost, or cancelled and not seen dead.
    Unseen {
        /// Why not.
        why: String,
    },
    /// Its end was not seen, and asking again is of no use: there is no host that could be asked.
    Unaskable {
        /// Why not.
        why: String,
    },
    /// No connection; nothing was started.
    Unreachable {
        /// What was tried and how it failed.
        why: String,
    },
    /// The host has no way to keep it, and nothing was started. Only of a job with [`Keep`]; it may be sent again
    /// without, and is then attached to its connection.
    CannotKeep {
        /// What the host lacks.
        why: String,
    },
    /// The host answered and the job was refused before it started: host key, authentication, no shell.
    Refused {
        /// By whom, why, and what to do.
        why: String,
    },
}

/// Runs scripts on hosts.
#[async_trait]
pub trait Shell: Send + Sync {
    /// Runs the job to its end.
    ///
    /// `cancel` asks for the process group to be terminated, then killed, then looked for. The
    /// call returns in bounded time after that, whatever the host does.
    async fn run(&self, host: &Host, job: ShellJob, events: mpsc::Sender<ShellEvent>, cancel: Cancel) -> ShellEnd;

    /// Asks what became of an attempt that was sent with [`Keep`], and follows it to its end where it
    /// still runs. `Unseen` where the host cannot be asked, or keeps nothing.
    async fn reattach(&self, host: &Host, kept: Kept, events: mpsc::Sender<ShellEvent>, cancel: Cancel) -> ShellEnd {
        let _ = (kept, events, cancel);
        ShellEnd::Unseen { why: format!("{} keeps nothing of it", host.endpoint.describe()) }
    }

    /// Tells a host that all is well with an attempt whose dead-man switch is armed.
    async fn disarm(&self, host: &Host, kept: &Kept) -> DeadManEnd {
        let _ = kept;
        DeadManEnd::Unknown { why: format!("{} keeps nothing of it", host.endpoint.describe()) }
    }

    /// What the host says of an attempt's processes now, in one line: how many live, and whether one waits
    /// for a terminal or a password. None where it cannot be asked.
    async fn look(&self, host: &Host, kept: &Kept) -> Option<String> {
        let _ = (host, kept);
        None
    }
}

/// Everything that a run needs.
#[derive(Clone)]
#[expect(missing_docs, reason = "the names of the ports say it")]
pub struct Ports {
    pub clock: std::sync::Arc<dyn Clock>,
    pub journal: std::sync::Arc<dyn Journal>,
    pub outputs: std::sync::Arc<dyn Outputs>,
    pub secrets: std::sync::Arc<dyn Secrets>,
    pub shell: std::sync::Arc<dyn Shell>,
    /// Scripts on this machine. The host that it is given is the one that the step is done for.
    pub local: std::sync::Arc<dyn Shell>,
    pub http: std::sync::Arc<dyn Http>,
}

/// Secrets by name, read once at the start of a run and dropped at its end.
pub type SecretMap = BTreeMap<SecretName, SecretValue>;
