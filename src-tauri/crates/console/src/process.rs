//! Other programs on this machine (`git`, `shellcheck`, a runbook's own list of choices), asked in
//! bounded time and with bounded answers. Nothing secret is ever given to them.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

/// How much of what a program complains about is kept.
const COMPLAINT_BYTES_MAX: u64 = 4 * 1024;

/// What a program said.
#[derive(Debug)]
pub(crate) struct Said {
    /// Its exit code; none where a signal ended it.
    pub(crate) code: Option<i32>,
    /// Its standard output.
    pub(crate) stdout: Vec<u8>,
    /// The beginning of its standard error.
    pub(crate) complaint: String,
}

/// Why a program gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Silent {
    /// It is not installed.
    #[error("{0} is not installed")]
    NotInstalled(String),
    /// It could not be started, or spoken to.
    #[error("{0} could not be asked: {1}")]
    Failed(String, String),
    /// It needed too long, and was ended.
    #[error("{0} did not answer within {1} s")]
    TooLate(String, u64),
    /// It wrote more than is taken, and was ended.
    #[error("{0} wrote more than {1} KiB")]
    TooMuch(String, u64),
}

/// Runs `command` with `input` on its standard input until it ends.
///
/// Its whole process group is ended when it is late or writes too much: a shell's children too.
pub(crate) async fn ask(mut command: Command, input: &[u8], wait: Duration, bytes_max: u64) -> Result<Said, Silent> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Silent::NotInstalled(name.clone()),
        _ => Silent::Failed(name.clone(), error.to_string()),
    };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn().map_err(failed)?;
    let mut group = Group::of(&child);
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let talking = async {
        let writing = async {
            if let Some(mut stdin) = stdin {
                // A program that does not read to the end has its reasons; its exit code tells.
                let _ = stdin.write_all(input).await;
            }
        };
        // What is beyond the bound is not read: a program that floods either ends or blocks until it is ended.
        let (_, stdout, complaint) = tokio::join!(writing, upto(stdout, bytes_max + 1), drained(stderr));
        let stdout = stdout?;
        if stdout.len() as u64 > bytes_max {
            return Ok(None);
        }
        let status = child.wait().await?;
        Ok::<_, std::io::Error>(Some(Said { code: status.code(), stdout, complaint }))
    };
    match tokio::time::timeout(wait, talking).await {
        Ok(Ok(Some(said))) => {
            group.has_ended();
            Ok(said)
        }
        Ok(Ok(None)) => Err(Silent::TooMuch(name.clone(), bytes_max / 1024)),
        Ok(Err(error)) => Err(failed(error)),
        Err(_) => Err(Silent::TooLate(name.clone(), wait.as_secs())),
    }
}

async fn upto(from: Option<impl AsyncRead + Unpin>, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(bytes_max).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// Its beginning; the rest is read and dropped, so that a long complaint does not block the program.
async fn drained(from: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut from) = from else { return String::new() };
    let mut bytes = Vec::new();
    let _ = (&mut from).take(COMPLAINT_BYTES_MAX).read_to_end(&mut bytes).await;
    let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&bytes).trim().replace(|c: char| c.is_control() && c != '\n', " ")
}

/// The processes that a program started, with it. They are ended when this is dropped: also when
/// nobody waits for the answer any more.
pub(crate) struct Group(#[cfg(unix)] Option<rustix::process::Pid>);

impl Group {
    #[cfg(unix)]
    pub(crate) fn of(child: &tokio::process::Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(rustix::process::Pid::from_raw))
    }

    #[cfg(not(unix))]
    pub(crate) fn of(_child: &tokio::process::Child) -> Self {
        Self()
    }

    /// The program was seen to end; its number may be another's now.
    pub(crate) fn has_ended(&mut self) {
        #[cfg(unix)]
        {
            self.0 = None;
        }
    }

    /// Asks its processes to end.
    #[cfg(unix)]
    pub(crate) fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Kills its processes.
    #[cfg(unix)]
    pub(crate) fn kill(&self) {
        self.signal(rustix::process::Signal::KILL);
    }

    /// Whether nobody of it is left.
    #[cfg(unix)]
    pub(crate) fn is_gone(&self) -> bool {
        self.0.is_none_or(|group| rustix::process::test_kill_process_group(group).is_err())
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(group) = self.0 {
            // An error means that nobody of it is left.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        self.kill();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn a_program_answers_or_is_ended_with_its_children() {
        let long = Duration::from_secs(20);
        let said = ask(sh("cat; echo no >&2; exit 3"), b"yes", long, 100).await.unwrap();
        assert_eq!((said.code, said.stdout.as_slice(), said.complaint.as_str()), (Some(3), &b"yes"[..], "no"));
        assert_eq!(ask(sh("yes"), b"", long, 1024).await.unwrap_err(), Silent::TooMuch("sh".into(), 1));
        // The child of the shell holds the pipe; only its end lets the answer come.
        let late = ask(sh("sleep 60 & wait"), b"", Duration::from_millis(50), 10).await.unwrap_err();
        assert_eq!(late, Silent::TooLate("sh".into(), 0));
        let none = ask(Command::new("no-such-program-here"), b"", long, 10).await.unwrap_err();
        assert_eq!(none, Silent::NotInstalled("no-such-program-here".into()));
    }
}
