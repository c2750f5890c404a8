//! The transport against the in-process server: what a real server cannot be made to do on demand.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic as tests may")]

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use daytwo_engine::ports::{Cancel, SHELL_EVENTS_MAX, Shell as _, ShellEnd, ShellEvent, ShellJob};
use daytwo_fleet::ports::{NoAnswer, Reach as _};
use daytwo_model::plan::RunAs;
use daytwo_model::{Endpoint, Exit, Host, HostName, SecretValue, Stream};
use daytwo_ssh::server::{Behaviour, ExecEnd, ExecIo, ServeExec, ServerOptions, SshServer};
use daytwo_ssh::{ClientKey, Deadlines, HostKey, Pinned, SshOptions, SshTransport};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(30);

/// Executes with the local shell, as the demo fleet does.
struct LocalShell;

#[async_trait]
impl ServeExec for LocalShell {
    async fn exec(&self, command: String, mut io: ExecIo) -> ExecEnd {
        let mut child = Command::new("sh")
            // As most login shells do; one that stays in between turns signals into codes.
            .args(["-c", &format!("exec {command}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (mut stdin, mut stdout, mut stderr) =
            (child.stdin.take().unwrap(), child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let streams = async {
            let input = async {
                let _ = tokio::io::copy(&mut io.stdin, &mut stdin).await;
                drop(stdin);
            };
            let output = tokio::io::copy(&mut stdout, &mut io.stdout);
            let errors = tokio::io::copy(&mut stderr, &mut io.stderr);
            let _ = tokio::join!(input, output, errors);
        };
        let ended = io.cancelled.run_until_cancelled(streams).await;
        if ended.is_none() {
            let _ = child.kill().await;
        }
        use std::os::unix::process::ExitStatusExt as _;
        let status = child.wait().await.unwrap();
        match (status.code(), status.signal()) {
            (Some(code), _) => ExecEnd::Code(u8::try_from(code).unwrap()),
            (None, Some(15)) => ExecEnd::Signal("TERM".into()),
            (None, signal) => ExecEnd::Signal(format!("{signal:?}")),
        }
    }
}

/// Confirms the start of a job and then prints without end. Other commands go to the shell.
struct Flood {
    written: Arc<AtomicU64>,
}

#[async_trait]
impl ServeExec for Flood {
    async fn exec(&self, command: String, mut io: ExecIo) -> ExecEnd {
        if !command.contains("daytwo_s") {
            return LocalShell.exec(command, io).await;
        }
        let mut mark = String::new();
        BufReader::new(&mut io.stdin).read_line(&mut mark).await.unwrap();
        let mark = mark.trim();
        io.stderr.write_all(format!("{mark}\n").as_bytes()).await.unwrap();
        io.stdout.write_all(format!("{mark} 4711 not-this-boot 1\n").as_bytes()).await.unwrap();
        let flooding = async {
            while io.stdout.write_all(&[b'x'; 32 * 1024]).await.is_ok() {
                self.written.fetch_add(32 * 1024, Ordering::SeqCst);
            }
        };
        io.cancelled.run_until_cancelled(flooding).await;
        ExecEnd::Code(0)
    }
}

struct Bench {
    server: SshServer,
    transport: Arc<SshTransport>,
    host: Host,
    pinned: Pinned,
}

async fn bench(handler: Arc<dyn ServeExec>, behaviour: Behaviour) -> Bench {
    let client_key = ClientKey::generate().unwrap();
    let authorized = vec![client_key.public()];
    let server = SshServer::start(ServerOptions { host_key: None, authorized, handler, behaviour }).await.unwrap();
    let port = server.addr().port();
    let pinned = Pinned { address: "127.0.0.1".into(), port, host_key: server.public_host_key().clone(), client_key };
    let deadlines = Deadlines {
        handshake: Duration::from_secs(2),
        channel: Duration::from_secs(1),
        terminate: Duration::from_millis(300),
        ..Deadlines::default()
    };
    let options = SshOptions { user: "demo".into(), pinned: vec![pinned.clone()], deadlines, ..SshOptions::default() };
    let host = Host {
        name: HostName::new("demo-1").unwrap(),
        endpoint: Endpoint::Ssh { address: "127.0.0.1".into(), port, user: None, identity_file: None },
        labels: Default::default(),
        vars: Default::default(),
        source: "test".into(),
    };
    Bench { server, transport: SshTransport::new(options), host, pinned }
}

impl Bench {
    /// Starts a job; its events, its end, and what cancels it.
    fn begin(&self, script: &str) -> (mpsc::Receiver<ShellEvent>, JoinSet<ShellEnd>, Cancel) {
        let (sender, events) = mpsc::channel(SHELL_EVENTS_MAX);
        let cancel = Cancel::new();
        let (transport, host, token) = (Arc::clone(&self.transport), self.host.clone(), cancel.clone());
        let job = ShellJob::read(SecretValue::new(script), RunAs::Login);
        let mut running = JoinSet::new();
        running.spawn(async move { transport.run(&host, job, sender, token).await });
        (events, running, cancel)
    }

    async fn run(&self, script: &str) -> (ShellEnd, String) {
        let (mut events, mut running, _cancel) = self.begin(script);
        let mut out = Vec::new();
        bounded(async {
            while let Some(event) = events.recv().await {
                if let ShellEvent::Output(Stream::Stdout, bytes) = event {
                    out.extend_from_slice(&bytes);
                }
            }
        })
        .await;
        (ended(&mut running).await, String::from_utf8(out).unwrap())
    }
}

async fn bounded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it took longer than any of this may")
}

async fn ended(running: &mut JoinSet<ShellEnd>) -> ShellEnd {
    bounded(running.join_next()).await.unwrap().unwrap()
}

/// Reads events until standard output has `text`; returns all of it.
async fn until_stdout_has(events: &mut mpsc::Receiver<ShellEvent>, text: &str) -> String {
    bounded(async {
        let mut out = String::new();
        while !out.contains(text) {
            if let ShellEvent::Output(Stream::Stdout, bytes) = events.recv().await.expect("the job goes on") {
                out.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        out
    })
    .await
}

#[tokio::test]
async fn a_pinned_endpoint_works_without_any_file_and_carries_code_signal_and_streams() {
    let bench = bench(Arc::new(LocalShell), Behaviour::default()).await;
    assert_eq!(bench.run("echo out; exit 5").await, (ShellEnd::Exited(Exit::Code(5)), "out\n".to_owned()));
    assert_eq!(bench.run("kill -TERM $$").await.0, ShellEnd::Exited(Exit::Signal("TERM".into())));
    let big = "head -c 5000000 /dev/zero | tr '\\0' x";
    assert_eq!(bench.run(big).await.1.len(), 5_000_000);
    assert_eq!(bench.transport.read(&bench.host, "echo hello", PATIENCE).await, Ok("hello\n".to_owned()));
    bounded(bench.server.stop()).await;
    let gone = bench.run("exit 0").await.0;
    assert!(matches!(gone, ShellEnd::Unreachable { .. }), "{gone:?}");
}

#[tokio::test]
async fn cancel_reaches_a_process_that_does_not_lead_a_group_by_itself() {
    let bench = bench(Arc::new(LocalShell), Behaviour::default()).await;
    let (mut events, mut running, cancel) = bench.begin("sleep 1000 & echo $! up; wait");
    let out = until_stdout_has(&mut events, "up\n").await;
    cancel.terminate();
    assert_eq!(ended(&mut running).await, ShellEnd::Killed);
    let child = out.split(' ').next().unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
}

#[tokio::test]
async fn a_host_that_prints_without_end_is_slowed_down_and_can_still_be_cancelled() {
    let written = Arc::new(AtomicU64::new(0));
    let bench = bench(Arc::new(Flood { written: Arc::clone(&written) }), Behaviour::default()).await;
    // Nobody takes the events.
    let (events, mut running, cancel) = bench.begin("irrelevant");
    bounded(async {
        let (mut last, mut still) = (0, 0);
        while last == 0 || still < 20 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let now = written.load(Ordering::SeqCst);
            still = if now == last { still + 1 } else { 0 };
            last = now;
            assert!(now < 32 * 1024 * 1024, "{now} bytes were taken from a host that nobody listens to");
        }
    })
    .await;
    // The connection stands still, so another question finds a way of its own.
    assert_eq!(bench.transport.read(&bench.host, "echo hello", PATIENCE).await, Ok("hello\n".to_owned()));
    cancel.terminate();
    let end = ended(&mut running).await;
    assert!(matches!(&end, ShellEnd::Unseen { why } if why.contains("rebooted")), "{end:?}");
    drop(events);
}

#[tokio::test]
async fn a_job_ends_as_unseen_when_its_link_is_cut_and_the_server_learns_of_it() {
    let bench = bench(Arc::new(LocalShell), Behaviour::default()).await;
    let (mut events, mut running, _cancel) = bench.begin("echo up; exec sleep 1000");
    until_stdout_has(&mut events, "up\n").await;
    bench.server.cut();
    let end = ended(&mut running).await;
    assert!(matches!(&end, ShellEnd::Unseen { why } if why.contains("was lost")), "{end:?}");
    // The command is told, so stopping does not have to wait for a thousand seconds.
    bounded(bench.server.stop()).await;
}

#[tokio::test]
async fn slow_flaky_and_unreachable_are_told_apart() {
    let slow = Behaviour { connect_delay: Duration::from_secs(600), ..Behaviour::default() };
    let bench = bench(Arc::new(LocalShell), slow).await;
    let end = bench.run("exit 0").await.0;
    assert!(matches!(&end, ShellEnd::Unreachable { why } if why.contains("silent for 2 s")), "{end:?}");

    bench.server.behave(Behaviour { refuse: true, ..Behaviour::default() });
    let end = bench.run("exit 0").await.0;
    assert!(matches!(&end, ShellEnd::Unreachable { why } if why.contains("agree on keys")), "{end:?}");
    let read = bench.transport.read(&bench.host, "exit 0", PATIENCE).await;
    assert!(matches!(read, Err(NoAnswer::Unreachable(_))), "{read:?}");

    bench.server.behave(Behaviour { drop_after: Some(Duration::from_secs(1)), ..Behaviour::default() });
    let end = bench.run("exec sleep 1000").await.0;
    assert!(matches!(end, ShellEnd::Unseen { .. }), "{end:?}");

    bench.server.behave(Behaviour::default());
    assert_eq!(bench.run("exit 0").await.0, ShellEnd::Exited(Exit::Code(0)));
}

#[tokio::test]
async fn a_pinned_endpoint_accepts_its_own_key_alone_on_both_sides() {
    let bench = bench(Arc::new(LocalShell), Behaviour::default()).await;
    let stranger = HostKey::generate().unwrap().public();
    bench.transport.pin(Pinned { host_key: stranger, ..bench.pinned.clone() });
    let end = bench.run("exit 0").await.0;
    assert!(
        matches!(&end, ShellEnd::Refused { why } if why.contains("not the key that it was started with")),
        "{end:?}"
    );

    let client_key = ClientKey::generate().unwrap();
    bench.transport.pin(Pinned { client_key, ..bench.pinned.clone() });
    let end = bench.run("exit 0").await.0;
    assert!(matches!(&end, ShellEnd::Refused { why } if why.contains("no key was taken")), "{end:?}");
}

#[tokio::test]
async fn cancelled_before_anything_was_sent_says_that_nothing_was_started() {
    let slow = Behaviour { connect_delay: Duration::from_secs(600), ..Behaviour::default() };
    let bench = bench(Arc::new(LocalShell), slow).await;
    let (_events, mut running, cancel) = bench.begin("exit 0");
    cancel.terminate();
    let end = ended(&mut running).await;
    assert!(matches!(&end, ShellEnd::Unreachable { why } if why.contains("nothing was started")), "{end:?}");
}
