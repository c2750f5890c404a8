//! Scripts on this machine: steps that are done `on: console`, and health checks.
//!
//! A script reaches its shell on standard input, never in an argument list or an environment, and runs only
//! if all of it arrived. It runs attached: when this process ends, so does the script.

use async_trait::async_trait;
use daytwo_engine::ports::{Cancel, Shell, ShellEnd, ShellEvent, ShellJob};
use daytwo_model::Host;
use tokio::sync::mpsc;

/// Runs scripts on this machine, as the person who runs this program.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LocalShell;

#[async_trait]
impl Shell for LocalShell {
    async fn run(&self, host: &Host, job: ShellJob, events: mpsc::Sender<ShellEvent>, cancel: Cancel) -> ShellEnd {
        #[cfg(unix)]
        return attached::run(host, job, events, cancel).await;
        #[cfg(not(unix))]
        {
            let _ = (host, job, events, cancel);
            ShellEnd::Refused {
                why: "this machine has no POSIX shell, so nothing can be run on it; run it on a host instead"
                    .to_owned(),
            }
        }
    }
}

#[cfg(unix)]
mod attached {
    use std::io;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{ExitStatus, Stdio};
    use std::time::Duration;

    use bytes::Bytes;
    use daytwo_engine::ports::{Cancel, ShellEnd, ShellEvent, ShellJob};
    use daytwo_model::plan::RunAs;
    use daytwo_model::{Exit, Host, ProcessIdentity, Stream};
    use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::process::{Child, Command};
    use tokio::sync::mpsc;
    use tokio::time::{Instant, sleep, timeout};

    use crate::process::Group;

    /// The shell reads all of its input, and runs what stands before the mark only if the mark is there.
    const WHOLE: &str = r#"s=$(cat) && case $s in *"
#daytwo: whole") eval "$s" </dev/null ;; *) exit 127 ;; esac"#;
    /// The last line of what it reads.
    const MARK: &[u8] = b"\n#daytwo: whole\n";
    /// How long the shell may take to read its script, which is a matter of milliseconds.
    const DELIVERY_WAIT: Duration = Duration::from_secs(10);
    /// What is read of the output at one time.
    const PIECE_BYTES: usize = 16 * 1024;
    /// After the shell's end, its output is awaited for so long: a child that it left behind may hold the pipe.
    const OUTPUT_WAIT: Duration = Duration::from_secs(2);
    /// From asking processes to end until they are killed.
    const TERM_WAIT: Duration = Duration::from_secs(5);
    /// How long killed processes are looked for. The system needs no more than an instant.
    const LOOK_WAIT: Duration = Duration::from_secs(3);
    /// Between two looks.
    const LOOK_PAUSE: Duration = Duration::from_millis(20);

    pub(super) async fn run(host: &Host, job: ShellJob, events: mpsc::Sender<ShellEvent>, cancel: Cancel) -> ShellEnd {
        if job.run_as != RunAs::Login {
            let why = "on this machine scripts run as the person who runs daytwo, and as nobody else";
            return ShellEnd::Refused { why: why.to_owned() };
        }
        let mut child = match spawn(host) {
            Ok(child) => child,
            Err(error) => return ShellEnd::Refused { why: format!("no shell could be started here: {error}") },
        };
        let mut group = Group::of(&child);
        let pid = child.id().unwrap_or_default();
        let delivered = timeout(DELIVERY_WAIT, deliver(&mut child, job.script.expose().as_bytes())).await;
        if !matches!(delivered, Ok(Ok(()))) {
            // Without its last line nothing of it runs, so nothing was started.
            group.kill();
            return ShellEnd::Refused { why: "the shell here did not take its script".to_owned() };
        }
        // An error means that nobody listens: the end is told all the same.
        let _ = events.send(ShellEvent::Started(ProcessIdentity { pid, ..ProcessIdentity::default() })).await;
        let ended = {
            let following = follow(&mut child, &events);
            tokio::pin!(following);
            tokio::select! {
                biased;
                ended = &mut following => Some(ended),
                () = cancel.cancelled() => {
                    if !cancel.is_kill() {
                        group.terminate();
                        // What it still writes is read on: a full pipe would keep it from ending.
                        tokio::select! {
                            _ = timeout(TERM_WAIT, &mut following) => {}
                            () = cancel.killed() => {}
                        }
                    }
                    None
                }
            }
        };
        match ended {
            Some(Ok(status)) => {
                group.has_ended();
                ShellEnd::Exited(exit(status))
            }
            Some(Err(error)) => ShellEnd::Unseen { why: format!("the shell here could not be followed: {error}") },
            None => kill_and_look(&mut child, &mut group).await,
        }
    }

    fn spawn(host: &Host) -> io::Result<Child> {
        let mut command = Command::new("sh");
        command.args(["-c", WHOLE]).env("DAYTWO_HOST", host.name.as_str());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).process_group(0);
        command.spawn()
    }

    async fn deliver(child: &mut Child, script: &[u8]) -> io::Result<()> {
        let Some(mut stdin) = child.stdin.take() else { return Err(io::ErrorKind::BrokenPipe.into()) };
        stdin.write_all(script).await?;
        stdin.write_all(MARK).await?;
        stdin.shutdown().await
    }

    /// Hands its output on until it has ended.
    async fn follow(child: &mut Child, events: &mpsc::Sender<ShellEvent>) -> io::Result<ExitStatus> {
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let output = async {
            tokio::join!(pump(stdout, Stream::Stdout, events), pump(stderr, Stream::Stderr, events));
        };
        tokio::pin!(output);
        tokio::select! {
            () = &mut output => child.wait().await,
            status = child.wait() => {
                // What it wrote is told before its end; what it left behind may hold the pipe for ever.
                let _ = timeout(OUTPUT_WAIT, output).await;
                status
            }
        }
    }

    async fn pump(from: Option<impl AsyncRead + Unpin>, stream: Stream, events: &mpsc::Sender<ShellEvent>) {
        let Some(mut from) = from else { return };
        let mut piece = vec![0; PIECE_BYTES];
        // A pipe that cannot be read has ended.
        while let Ok(read @ 1..) = from.read(&mut piece).await {
            let bytes = Bytes::copy_from_slice(piece.get(..read).unwrap_or_default());
            // Nobody listens any more: it is read on, so that a full pipe does not keep it from ending.
            let _ = events.send(ShellEvent::Output(stream, bytes)).await;
        }
    }

    async fn kill_and_look(child: &mut Child, group: &mut Group) -> ShellEnd {
        group.kill();
        let until = Instant::now() + LOOK_WAIT;
        // The shell is this process's child: until it is waited for, it counts as there.
        let _ = timeout(LOOK_WAIT, child.wait()).await;
        while !group.is_gone() {
            if Instant::now() > until {
                let why = "it was killed here, and some of its processes are still there".to_owned();
                return ShellEnd::Unseen { why };
            }
            sleep(LOOK_PAUSE).await;
        }
        group.has_ended();
        ShellEnd::Killed
    }

    fn exit(status: ExitStatus) -> Exit {
        match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, Some(signal)) => Exit::Signal(signal_name(signal)),
            (None, None) => Exit::Code(-1),
        }
    }

    /// The name without `SIG`, of those that end a process by themselves.
    fn signal_name(signal: i32) -> String {
        use rustix::process::Signal as S;
        let names = [
            (S::HUP, "HUP"),
            (S::INT, "INT"),
            (S::QUIT, "QUIT"),
            (S::ILL, "ILL"),
            (S::ABORT, "ABRT"),
            (S::BUS, "BUS"),
            (S::FPE, "FPE"),
            (S::KILL, "KILL"),
            (S::SEGV, "SEGV"),
            (S::PIPE, "PIPE"),
            (S::ALARM, "ALRM"),
            (S::TERM, "TERM"),
        ];
        let known = names.into_iter().find(|(known, _)| known.as_raw() == signal);
        known.map_or_else(|| signal.to_string(), |(_, name)| name.to_owned())
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use daytwo_engine::ports::SHELL_EVENTS_MAX;
    use daytwo_model::plan::RunAs;
    use daytwo_model::{Endpoint, Exit, HostName, SecretValue, Stream};

    fn host() -> Host {
        Host {
            name: HostName::new("web-1").unwrap(),
            endpoint: Endpoint::Simulated,
            labels: Default::default(),
            vars: Default::default(),
            source: "test".into(),
        }
    }

    struct Ran {
        end: ShellEnd,
        stdout: String,
        stderr: String,
    }

    /// Runs a script; once it has written `until`, `then` is done to it.
    async fn run_and(script: &str, run_as: RunAs, until: &str, then: impl Fn(&Cancel)) -> Ran {
        let (events, mut told) = mpsc::channel(SHELL_EVENTS_MAX);
        let cancel = Cancel::new();
        let job = ShellJob { run_as, ..ShellJob::read(SecretValue::new(script), RunAs::Login) };
        let host = host();
        let running = LocalShell.run(&host, job, events, cancel.clone());
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let listening = async {
            while let Some(event) = told.recv().await {
                match event {
                    ShellEvent::Output(Stream::Stdout, bytes) => stdout.extend_from_slice(&bytes),
                    ShellEvent::Output(Stream::Stderr, bytes) => stderr.extend_from_slice(&bytes),
                    ShellEvent::Started(process) => assert!(process.pid > 0),
                }
                if !until.is_empty() && String::from_utf8_lossy(&stdout).contains(until) {
                    then(&cancel);
                }
            }
        };
        let (end, ()) =
            tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(running, listening) }).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { end, stdout: text(stdout), stderr: text(stderr) }
    }

    async fn run(script: &str) -> Ran {
        run_and(script, RunAs::Login, "", |_| {}).await
    }

    #[tokio::test]
    async fn a_script_runs_whole_with_its_output_and_its_exit_told_and_nothing_of_it_in_a_process_list() {
        let ran =
            run("secret=s3cr3t-value\ntr '\\0' ' ' </proc/$$/cmdline; env; echo out; echo err >&2; read x; exit 3\n")
                .await;
        assert_eq!(ran.end, ShellEnd::Exited(Exit::Code(3)), "{}", ran.stderr);
        assert!(ran.stdout.ends_with("out\n") && ran.stdout.contains("DAYTWO_HOST=web-1"), "{}", ran.stdout);
        assert!(!ran.stdout.contains("s3cr3t"), "{}", ran.stdout);
        assert_eq!(ran.stderr, "err\n");
        assert_eq!(run("kill -TERM $$").await.end, ShellEnd::Exited(Exit::Signal("TERM".into())));
    }

    #[tokio::test]
    async fn a_cancel_ends_the_shell_and_its_children_and_killed_is_said_when_they_are_gone() {
        // Softly: what it does at its end is still read.
        let script = "trap 'echo bye; kill %1; exit 1' TERM; sleep 600 & echo on; wait";
        let ran = run_and(script, RunAs::Login, "on", Cancel::terminate).await;
        assert_eq!((ran.end, ran.stdout.as_str()), (ShellEnd::Killed, "on\nbye\n"));
        // Hard: nothing that it would do at its end is done.
        let ran = run_and("trap '' TERM; sleep 600 & echo on; wait; wait", RunAs::Login, "on", Cancel::kill).await;
        assert_eq!((ran.end, ran.stdout.as_str()), (ShellEnd::Killed, "on\n"));
    }

    #[tokio::test]
    async fn nobody_else_is_asked_to_run_a_script_here() {
        let ran = run_and("echo no", RunAs::Root, "", |_| {}).await;
        assert!(matches!(ran.end, ShellEnd::Refused { .. }) && ran.stdout.is_empty(), "{:?}", ran.end);
    }
}
