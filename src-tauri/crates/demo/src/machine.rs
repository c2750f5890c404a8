//! One demo host: booted, kept up, rebooted when it went down, and entered for commands.
//!
//! A supervisor task owns the host's power; everyone else sees it through [`DemoHost`].

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;
use tokio::sync::watch;

use crate::kit::Kit;
use crate::sandbox::{Booted, Sandbox};
use crate::spec::HostSpec;

/// How long a command waits for its host to be up. A boot takes about 0.2 s alone and 3 s among 24.
pub(crate) const UP_DEADLINE: Duration = Duration::from_secs(20);
/// What [`DemoHost::capture`] keeps of each stream.
const CAPTURE_BYTES_MAX: u64 = 1024 * 1024;
/// How long ending a command may take; `hosts/hangup.sh` kills after one second.
const HANGUP_DEADLINE: Duration = Duration::from_secs(5);

/// The state of a host's power.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Power {
    /// Not yet, or going down and up again.
    Down,
    /// Up.
    Up(Arc<Booted>),
    /// The console is stopping it; it does not come back.
    Stopped,
}

/// A host did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostDown {
    /// It is booting, rebooting or stopped.
    #[error("the host is down")]
    Down,
    /// The command did not end in its time, and was killed.
    #[error("the command did not end in {0:?}")]
    Deadline(Duration),
    /// The command could not be started or spoken to.
    #[error("enter the host: {0}")]
    Enter(String),
}

/// What a short command wrote, and how it ended.
#[derive(Debug, Clone)]
pub struct Captured {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output, up to 1 MiB.
    pub stdout: Vec<u8>,
    /// Standard error, up to 1 MiB.
    pub stderr: Vec<u8>,
}

/// A running command with its three streams.
pub(crate) struct Session {
    pub(crate) child: Child,
    /// Its name within the host, by which it is ended.
    pub(crate) number: u64,
    /// The boot that it belongs to.
    pub(crate) booted: Arc<Booted>,
}

/// A demo host, as those see it who execute commands there.
pub struct DemoHost {
    pub(crate) spec: HostSpec,
    pub(crate) kit: Arc<Kit>,
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) power: watch::Sender<Power>,
    commands: AtomicU64,
}

impl std::fmt::Debug for DemoHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DemoHost({})", self.spec.name)
    }
}

impl DemoHost {
    pub(crate) fn new(spec: HostSpec, kit: Arc<Kit>, sandbox: Arc<Sandbox>) -> Self {
        Self { spec, kit, sandbox, power: watch::Sender::new(Power::Down), commands: AtomicU64::new(0) }
    }

    /// The host's boot id; a reboot changes it. `None` while it is down.
    #[must_use]
    pub fn boot_id(&self) -> Option<String> {
        match &*self.power.borrow() {
            Power::Up(booted) => Some(booted.boot_id.clone()),
            Power::Down | Power::Stopped => None,
        }
    }

    /// Waits until the host is up.
    pub(crate) async fn up(&self, deadline: Duration) -> Result<Arc<Booted>, HostDown> {
        let mut power = self.power.subscribe();
        let settled = power.wait_for(|power| *power != Power::Down);
        match tokio::time::timeout(deadline, settled).await {
            Ok(Ok(power)) => match &*power {
                Power::Up(booted) => Ok(Arc::clone(booted)),
                Power::Down | Power::Stopped => Err(HostDown::Down),
            },
            Ok(Err(_)) | Err(_) => Err(HostDown::Down),
        }
    }

    /// Waits until the boot that `booted` names is over.
    pub(crate) async fn gone(&self, booted: &Booted) {
        let mut power = self.power.subscribe();
        let other = |power: &Power| !matches!(power, Power::Up(now) if **now == *booted);
        let _ = power.wait_for(other).await;
    }

    /// Starts a command, as the login shell would: `sh -c COMMAND`.
    pub(crate) async fn start(&self, command: &str) -> Result<Session, HostDown> {
        let booted = self.up(UP_DEADLINE).await?;
        let number = self.commands.fetch_add(1, Ordering::Relaxed);
        let mut process = self.sandbox.enter(&booted, "enter", &[&booted.boot_id, &number.to_string(), command]);
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = process.spawn().map_err(|error| HostDown::Enter(error.to_string()))?;
        Ok(Session { child, number, booted })
    }

    /// Ends a command with its process group: asks, then kills.
    pub(crate) async fn hang_up(&self, session: &Session) {
        let number = session.number.to_string();
        let mut process = self.sandbox.enter(&session.booted, "hangup", &[&number]);
        process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        match tokio::time::timeout(HANGUP_DEADLINE, process.status()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::debug!(host = %self.spec.name, %error, "failed to end a command"),
            Err(_) => tracing::debug!(host = %self.spec.name, "ending a command took too long"),
        }
    }

    /// Executes a short command to its end.
    pub async fn capture(&self, command: &str, stdin: &[u8], deadline: Duration) -> Result<Captured, HostDown> {
        let mut session = self.start(command).await?;
        match tokio::time::timeout(deadline, finish(&mut session.child, stdin)).await {
            Ok(done) => done.map_err(|error| HostDown::Enter(error.to_string())),
            Err(_) => {
                self.hang_up(&session).await;
                Err(HostDown::Deadline(deadline))
            }
        }
    }
}

async fn finish(child: &mut Child, stdin: &[u8]) -> std::io::Result<Captured> {
    let (input, output, error) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut input) = input {
            // A command that does not read its input is no error.
            let _ = input.write_all(stdin).await;
        }
    };
    let mut stdout = Vec::new();
    let mut stderr = Vec::new();
    let read_out = async {
        match output {
            Some(stream) => stream.take(CAPTURE_BYTES_MAX).read_to_end(&mut stdout).await,
            None => Ok(0),
        }
    };
    let read_err = async {
        match error {
            Some(stream) => stream.take(CAPTURE_BYTES_MAX).read_to_end(&mut stderr).await,
            None => Ok(0),
        }
    };
    let ((), out, err) = tokio::join!(feed, read_out, read_err);
    out?;
    err?;
    let status = child.wait().await?;
    Ok(Captured { status, stdout, stderr })
}
