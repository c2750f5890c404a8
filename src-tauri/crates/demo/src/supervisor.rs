//! The power supply of one demo host: boots it, notices that it went down, keeps its state.
//!
//! A host goes down by itself (`reboot`, a wiped disk, a watchdog) or because the console stops; in
//! both cases it writes its state to the console as its last act.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::machine::{DemoHost, Power};
use crate::sandbox::{Booted, Hold};

/// From the start of the guard to "up". Measured: 0.2 s alone, 3 s for the last of 24 on two cores.
const BOOT_DEADLINE: Duration = Duration::from_secs(30);
/// From letting go of a host to the end of its guard, which kills after six seconds.
const STOP_DEADLINE: Duration = Duration::from_secs(10);
/// The largest archive that is kept: a host's whole disk, and a margin for the archive's own framing.
const STATE_BYTES_MAX: u64 = 20 * 1024 * 1024;
/// Longest line that a host writes before its archive.
const LINE_BYTES_MAX: u64 = 64;
/// What a guard may say on standard error before the rest is dropped.
const SAID_BYTES_MAX: u64 = 4096;
/// How long a host stays off that was powered off, until somebody is there to push the button.
const POWER_OFF: Duration = Duration::from_secs(30);
/// Pause after a boot that failed.
const BOOT_AGAIN: Duration = Duration::from_secs(5);

/// Exit codes of `hosts/init.sh`.
const POWERED_OFF: i32 = 3;
const WIPED: i32 = 4;

/// What a supervisor is given.
pub(crate) struct Supervisor {
    pub(crate) host: Arc<DemoHost>,
    /// Where the state is kept between two runs of the console.
    pub(crate) state: PathBuf,
    /// From down to booting again.
    pub(crate) reboot_delay: Duration,
    /// How many hosts may boot at one time.
    pub(crate) boots: Arc<Semaphore>,
}

/// One boot of a host.
struct Running {
    child: Child,
    /// Held, not used: its end is what stops the host.
    hold: Hold,
    output: BufReader<ChildStdout>,
}

impl Supervisor {
    /// Keeps the host up until `cancel`, then stops it and keeps its state.
    pub(crate) async fn run(self, cancel: CancellationToken) {
        let name = self.host.spec.name.clone();
        while !cancel.is_cancelled() {
            let pause = match self.boot(&cancel).await {
                Ok(Some(running)) => self.attend(running, &cancel).await,
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(host = %name, %error, "failed to boot a demo host");
                    BOOT_AGAIN
                }
            };
            tokio::select! {
                () = cancel.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.host.power.send_replace(Power::Stopped);
    }

    /// Boots; `None` when the console stops meanwhile.
    async fn boot(&self, cancel: &CancellationToken) -> io::Result<Option<Running>> {
        let _turn = tokio::select! {
            () = cancel.cancelled() => return Ok(None),
            turn = self.boots.acquire() => turn.map_err(io::Error::other)?,
        };
        let (mut command, hold) = self.host.sandbox.boot(&self.host.kit, &self.host.spec)?;
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        // It holds the host's end of the hold.
        drop(command);
        let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(io::Error::other("the guard has no streams"));
        };
        let mut running = Running { child, hold, output: BufReader::new(output) };
        match tokio::time::timeout(BOOT_DEADLINE, first_line(&mut running.output)).await {
            Ok(Ok(Some(booted))) => {
                tracing::debug!(host = %self.host.spec.name, init = booted.init, "demo host is up");
                self.host.power.send_replace(Power::Up(Arc::new(booted)));
                Ok(Some(running))
            }
            Ok(Ok(None)) => Err(io::Error::other(said(errors).await)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it did not come up in time")),
        }
    }

    /// Waits until the host is down, and keeps its state. Returns the pause before the next boot.
    async fn attend(&self, running: Running, cancel: &CancellationToken) -> Duration {
        let Running { mut child, hold, mut output } = running;
        let mut archive = Vec::new();
        let mut limited = (&mut output).take(STATE_BYTES_MAX + 1);
        // All that a host writes after "up" is its archive; the stream ends with its last process.
        let read = limited.read_to_end(&mut archive);
        tokio::pin!(read);
        let mut ended = None;
        tokio::select! {
            end = &mut read => ended = Some(end),
            () = cancel.cancelled() => {}
        }
        drop(hold);
        self.host.power.send_replace(Power::Down);
        let end = match ended {
            Some(end) => Ok(end),
            None => tokio::time::timeout(STOP_DEADLINE, &mut read).await,
        };
        let status = tokio::time::timeout(STOP_DEADLINE, child.wait()).await;
        let name = self.host.spec.name.as_str();
        let code = match (end, status) {
            (Ok(Ok(_)), Ok(Ok(status))) => status.code(),
            _ => {
                tracing::warn!(host = name, "a demo host did not stop in order; its last changes are lost");
                return self.reboot_delay;
            }
        };
        let kept = match code {
            Some(WIPED) => self.keep(None).await,
            Some(0 | POWERED_OFF) if !archive.is_empty() && archive.len() as u64 <= STATE_BYTES_MAX => {
                self.keep(Some(archive)).await
            }
            // Killed from outside: what was kept before is the best that there is.
            _ => Ok(()),
        };
        if let Err(error) = kept {
            tracing::warn!(host = name, %error, "failed to keep the state of a demo host");
        }
        if code == Some(POWERED_OFF) { POWER_OFF } else { self.reboot_delay }
    }

    /// Keeps the archive for the next boot, in this process and in the next one.
    async fn keep(&self, archive: Option<Vec<u8>>) -> io::Result<()> {
        let host = Arc::clone(&self.host);
        let path = self.state.clone();
        let task = tokio::task::spawn_blocking(move || {
            host.kit.put_state(host.spec.name.as_str(), archive.as_deref())?;
            match archive {
                Some(bytes) => replace(&path, &bytes),
                None => match std::fs::remove_file(&path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                    other => other,
                },
            }
        });
        task.await.map_err(io::Error::other)?
    }
}

/// By rename, so that a console that is killed meanwhile leaves the old archive or the new one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    std::fs::write(&new, bytes)?;
    std::fs::rename(new, path)
}

/// `up PID BOOT_ID`, or `None` at the end of the stream.
async fn first_line(output: &mut BufReader<ChildStdout>) -> io::Result<Option<Booted>> {
    let mut line = Vec::new();
    output.take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
    let text = String::from_utf8_lossy(&line);
    let mut words = text.split_whitespace();
    match (words.next(), words.next().and_then(|pid| pid.parse().ok()), words.next()) {
        (Some("up"), Some(init), Some(boot_id)) => Ok(Some(Booted { init, boot_id: boot_id.to_owned() })),
        (None, ..) => Ok(None),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "it said something else than that it is up")),
    }
}

/// What the guard wrote before it gave up.
async fn said(errors: ChildStderr) -> String {
    let mut bytes = Vec::new();
    let mut limited = errors.take(SAID_BYTES_MAX);
    let read = limited.read_to_end(&mut bytes);
    match tokio::time::timeout(STOP_DEADLINE, read).await {
        Ok(Ok(_)) if !bytes.is_empty() => String::from_utf8_lossy(&bytes).trim().to_owned(),
        _ => "it ended without a word".to_owned(),
    }
}
