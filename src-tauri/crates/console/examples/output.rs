//! How soon a line of output is seen: steps on a real OpenSSH server print their own time, and whoever follows the run
//! compares that with the clock when it has the line. One step reads and is attached to its connection, one changes
//! something and is kept on its host; a plain `ssh` does the same at the same time.
//! `cargo xtask bench output` builds it as it ships and says on which machine.
//!
//! Host and console are one machine, so there is one clock and no network: what is measured is what Daytwo adds.

#![expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]

use std::error::Error;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use daytwo_console::wire::plan::PlanRequest;
use daytwo_console::wire::settings::KeyToTrust;
use daytwo_console::{Change, Console, Follow, Mode, Profile, ProfileKind, SystemClock};
use daytwo_model::{RunId, RunbookName};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// A line each 50 ms: slower than a screen is drawn, so that no two lines are seen as one.
const LINES: usize = 200;
/// What prints them, in milliseconds of the clock.
const SCRIPT: &str = "n=0; while [ $n -lt 200 ]; do date +%s%3N; n=$((n + 1)); sleep 0.05; done";
/// Both take ten seconds; whoever needs longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

type Failed = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let server = Server::start()?;
    let folder = tempfile::tempdir()?;
    let console = console(&server, folder.path()).await?;
    let measured =
        async { tokio::try_join!(through(&console, "read"), through(&console, "change"), through_ssh(&server)) };
    let (read, change, ssh) = tokio::time::timeout(PATIENCE, measured).await??;
    console.close().await;
    println!("  {LINES} lines, one each 50 ms, printed and followed three times side by side\n");
    println!("  from printed to seen      p50      p95      max  lines");
    for (name, delays) in [("a step that reads", read), ("one that changes", change), ("plain ssh", ssh)] {
        let [p50, p95, max] = [50, 95, 100].map(|percent| percentile(&delays, percent));
        println!("  {name:<20} {p50:>5} ms {p95:>5} ms {max:>5} ms {:>6}", delays.len());
    }
    Ok(())
}

/// The delay that so many percent of the lines did not exceed. They are in order.
fn percentile(delays: &[i64], percent: usize) -> i64 {
    let rank = (delays.len() * percent).div_ceil(100);
    delays.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// Of the whole lines in `text`, how long ago each was printed. What is behind the last one stays.
fn take_lines(text: &mut String, delays: &mut Vec<i64>) {
    let now = SystemClock.now().unix_ms();
    while let Some((line, rest)) = text.split_once('\n') {
        delays.extend(line.trim().parse::<i64>().map(|printed| now - printed));
        *text = rest.to_owned();
    }
}

fn in_order(mut delays: Vec<i64>) -> Result<Vec<i64>, Failed> {
    if delays.len() != LINES {
        return Err(format!("{} of {LINES} lines were seen", delays.len()).into());
    }
    delays.sort_unstable();
    Ok(delays)
}

/// As a window does it: told that an attempt wrote more, it reads on.
async fn through(console: &Arc<Console>, runbook: &str) -> Result<Vec<i64>, Failed> {
    let run = start(console, runbook).await?;
    let mut follow = Follow::new(console, run, 0).await?;
    let (mut text, mut delays, mut next) = (String::new(), Vec::new(), 0);
    while let Some(change) = follow.next().await? {
        let Change::Output(attempts) = change else { continue };
        for attempt in attempts {
            let page = console.output(attempt, next, false).await?;
            next = page.next;
            text.extend(page.pieces.into_iter().map(|piece| piece.text));
            take_lines(&mut text, &mut delays);
        }
    }
    in_order(delays)
}

/// A console of its own, with one host whose key it has accepted.
async fn console(server: &Server, folder: &Path) -> Result<Arc<Console>, Failed> {
    let config = folder.join("config");
    std::fs::create_dir_all(config.join("runbooks"))?;
    let (port, login, key) = (server.port, login()?, server.key().display().to_string());
    let host = format!("{{ address: 127.0.0.1, port: {port}, user: {login}, identity_file: {key} }}");
    std::fs::write(config.join("fleet.yaml"), format!("hosts:\n  here: {host}\n"))?;
    for (name, kind) in [("read", "effect: read"), ("change", "undo: none")] {
        let runbook = format!(
            "runbook: {name}\ntitle: Tell the time\nsummary: Prints its time again and again.\nowner: bench\n\
             targets: host=here\nsteps:\n  - {{ id: tell, run: '{SCRIPT}', {kind} }}\n"
        );
        std::fs::write(config.join(format!("runbooks/{name}.yaml")), runbook)?;
    }
    let profile = Profile {
        kind: ProfileKind::Own,
        config_dir: config,
        data_dir: folder.join("data"),
        ssh_dir: None,
        ssh_agent: None,
        http_proxy: None,
        login,
        actor: "bench".to_owned(),
    };
    let console = Console::open(profile, Mode::Command).await?;
    let keys = console.survey_keys(None).await?;
    let keys = keys.into_iter().filter_map(|key| Some(KeyToTrust { host: key.host, fingerprint: key.fingerprint? }));
    console.trust_keys(keys.collect()).await?;
    Ok(console)
}

async fn start(console: &Arc<Console>, runbook: &str) -> Result<RunId, Failed> {
    let request = PlanRequest {
        runbook: RunbookName::new(runbook)?,
        inputs: Default::default(),
        selection: String::new(),
        text: None,
        when_reachable: None,
    };
    let answer = console.plan(request).await?;
    let plan = answer.plan.ok_or_else(|| format!("there is no plan: {:?}", answer.problems))?;
    Ok(console.start(plan.digest, None).await?)
}

async fn through_ssh(server: &Server) -> Result<Vec<i64>, Failed> {
    let mut ssh = tokio::process::Command::new("ssh");
    ssh.args(["-F", "/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
    ssh.args(["-o", "LogLevel=ERROR", "-p"]).arg(server.port.to_string()).arg("-i").arg(server.key());
    ssh.args(["-l", &login()?, "127.0.0.1", SCRIPT]).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut ssh = ssh.spawn()?;
    let stdout = ssh.stdout.take().ok_or("no output of ssh")?;
    let mut lines = BufReader::new(stdout).lines();
    let mut delays = Vec::new();
    while let Some(line) = lines.next_line().await? {
        take_lines(&mut (line + "\n"), &mut delays);
    }
    ssh.wait().await?;
    in_order(delays)
}

fn login() -> Result<String, Failed> {
    let name = Command::new("id").arg("-un").output()?;
    Ok(String::from_utf8(name.stdout)?.trim().to_owned())
}

/// An OpenSSH server on loopback, with keys of its own.
struct Server {
    dir: TempDir,
    child: Child,
    port: u16,
}

impl Server {
    fn start() -> Result<Self, Failed> {
        let dir = tempfile::tempdir()?;
        for key in ["host_key", "key"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(dir.path().join(key));
            if !keygen.status()?.success() {
                return Err("ssh-keygen made no key".into());
            }
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {dir}/host_key\nAuthorizedKeysFile {dir}/key.pub\nPidFile none\n\
             UsePAM no\nStrictModes no\nPermitRootLogin yes\nPrintMotd no\nUseDNS no\n",
            dir = dir.path().display()
        );
        std::fs::write(dir.path().join("sshd_config"), config)?;
        // It refuses to start without its privilege separation directory; an error shows there.
        let _ = std::fs::create_dir_all("/run/sshd");
        let mut server = Command::new("/usr/sbin/sshd");
        server.args(["-D", "-f"]).arg(dir.path().join("sshd_config"));
        let child = server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let server = Self { dir, child, port };
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if begun.elapsed() > PATIENCE {
                return Err("sshd does not listen".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    fn key(&self) -> PathBuf {
        self.dir.path().join("key")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Errors mean that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
