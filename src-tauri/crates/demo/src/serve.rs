//! What a demo host's SSH server does with a command: runs it in the host.
//!
//! Behaves as OpenSSH does where that can be told apart: a command whose client is gone goes on, a
//! host that goes down breaks its connections without an exit status.

use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use daytwo_ssh::server::{ExecEnd, ExecIo, ServeExec};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Notify;

use crate::machine::{DemoHost, HostDown, Session};
use crate::sandbox::signal;
use crate::spec::Quirk;

/// How long output is still read after a command's end, where something that it left behind in the
/// background holds its output open.
const LINGER: Duration = Duration::from_millis(300);
/// How long it may take from a process being killed until its host is known to be down.
const DOWN_SEEN: Duration = Duration::from_secs(2);
/// OpenSSH's client ends with this code when it is the connection that failed.
const NOT_EXECUTED: u8 = 255;

/// Executes commands in one demo host.
pub(crate) struct HostExec {
    pub(crate) host: Arc<DemoHost>,
    /// Asks that the host's connections be cut.
    pub(crate) cut: Arc<Notify>,
    pub(crate) commands: AtomicU64,
}

#[async_trait]
impl ServeExec for HostExec {
    async fn exec(&self, command: String, mut io: ExecIo) -> ExecEnd {
        if let Quirk::SlowExec(delay) = self.host.spec.quirk {
            tokio::time::sleep(delay).await;
        }
        let mut session = match self.host.start(&command).await {
            Ok(session) => session,
            Err(error) => return self.not_started(&error, &mut io).await,
        };
        let cancelled = io.cancelled.clone();
        let Some(status) = cancelled.run_until_cancelled(pump(&mut session, io)).await else {
            return ExecEnd::Code(NOT_EXECUTED);
        };
        let killed = status.as_ref().is_ok_and(|status| signal(*status) == Some(9));
        let down = killed && tokio::time::timeout(DOWN_SEEN, self.host.gone(&session.booted)).await.is_ok();
        if down || self.breaks() {
            self.cut.notify_one();
            cancelled.cancelled().await;
        }
        match status {
            Ok(status) => end(status),
            Err(_) => ExecEnd::Code(NOT_EXECUTED),
        }
    }
}

impl HostExec {
    /// A host that is down has no SSH server: the connection breaks.
    async fn not_started(&self, error: &HostDown, io: &mut ExecIo) -> ExecEnd {
        if *error == HostDown::Down {
            self.cut.notify_one();
            io.cancelled.cancelled().await;
        }
        let _ = io.stderr.write_all(format!("{error}\n").as_bytes()).await;
        ExecEnd::Code(NOT_EXECUTED)
    }

    /// Whether this is the one of so many commands whose end a flaky link swallows.
    fn breaks(&self) -> bool {
        let before = self.commands.fetch_add(1, Ordering::Relaxed);
        matches!(self.host.spec.quirk, Quirk::Flaky { every } if (before + 1).is_multiple_of(every))
    }
}

/// Carries the three streams until the command has ended.
async fn pump(session: &mut Session, io: ExecIo) -> std::io::Result<ExitStatus> {
    let ExecIo { stdin, stdout, stderr, .. } = io;
    let (input, output, errors) =
        (session.child.stdin.take(), session.child.stdout.take(), session.child.stderr.take());
    let feed = carry(Some(stdin), input);
    let drain = async {
        tokio::join!(carry(output, Some(stdout)), carry(errors, Some(stderr)));
    };
    tokio::pin!(feed, drain);
    let (mut fed, mut drained) = (false, false);
    let status = loop {
        tokio::select! {
            status = session.child.wait() => break status?,
            () = &mut feed, if !fed => fed = true,
            () = &mut drain, if !drained => drained = true,
        }
    };
    if !drained {
        let _ = tokio::time::timeout(LINGER, drain).await;
    }
    Ok(status)
}

/// One direction. An end that is gone ends it, and nothing else.
async fn carry(from: Option<impl AsyncRead + Unpin>, to: Option<impl AsyncWrite + Unpin>) {
    if let (Some(mut from), Some(mut to)) = (from, to) {
        let _ = tokio::io::copy(&mut from, &mut to).await;
        let _ = to.flush().await;
    }
}

fn end(status: ExitStatus) -> ExecEnd {
    if let Some(number) = signal(status) {
        return ExecEnd::Signal(signal_name(number));
    }
    ExecEnd::Code(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(NOT_EXECUTED))
}

/// A signal's name without `SIG`; those that RFC 4254 names and a few more.
fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        6 => "ABRT",
        7 => "BUS",
        8 => "FPE",
        9 => "KILL",
        10 => "USR1",
        11 => "SEGV",
        12 => "USR2",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        24 => "XCPU",
        25 => "XFSZ",
        31 => "SYS",
        other => return other.to_string(),
    };
    name.to_owned()
}
