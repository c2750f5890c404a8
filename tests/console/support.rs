//! What the tests that cross crates share: a real OpenSSH server, and a console with files of its own.

mod sshd;
#[cfg(target_os = "linux")]
mod tty;

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) use sshd::Sshd;
#[cfg(target_os = "linux")]
pub(crate) use tty::Tty;

/// How long anything here may take before the test says that it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks again and again, until it holds or patience is over.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} for this in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// Each changing step appends a line, so that a second execution would be seen; the second step waits for a file, at
/// most for a minute.
pub(crate) const SLOW: &str = "\
runbook: slow
title: Take long
summary: Appends a line and waits.
owner: test
kind: operation
targets: role=test
inputs:
  file: { type: string, title: File }
steps:
  - id: first
    run: echo once >> {{ file }}.first
    undo: none
    verify: { run: 'grep -c once {{ file }}.first', expect: { stdout: '1' } }
  - id: long
    run: |
      echo $$ > {{ file }}.pid
      echo once >> {{ file }}
      left=1200
      until [ -e {{ file }}.go ]; do
        left=$((left - 1))
        [ $left -gt 0 ] || exit 9
        sleep 0.05
      done
      echo went on
    timeout: 10m
    undo: none
    verify: { run: 'true' }
  - id: last
    run: echo once >> {{ file }}.last
    undo: none
    verify: { run: 'true' }
";

/// A console with configuration, data and home of its own.
pub(crate) struct Desk {
    pub(crate) dir: TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        std::fs::create_dir_all(dir.path().join("config/runbooks")).unwrap();
        Self { dir }
    }

    /// A fleet of one host, `local`, behind this server.
    pub(crate) fn with_host(sshd: &Sshd) -> Self {
        Self::with_hosts(sshd, &["local"])
    }

    /// A fleet of hosts that all are this server.
    pub(crate) fn with_hosts(sshd: &Sshd, names: &[&str]) -> Self {
        let desk = Self::new();
        let hosts: Vec<(&str, &Sshd)> = names.iter().map(|name| (*name, sshd)).collect();
        desk.fleet(&hosts);
        desk
    }

    /// Writes the fleet file: hosts with the servers that they are.
    pub(crate) fn fleet(&self, hosts: &[(&str, &Sshd)]) {
        let login = login();
        let host = |(name, sshd): &(&str, &Sshd)| {
            let (port, key) = (sshd.port, sshd.client_key().display().to_string());
            format!(
                "  {name}: {{ address: 127.0.0.1, port: {port}, user: {login}, identity_file: {key}, labels: {{ role: test }} }}\n"
            )
        };
        let hosts: String = hosts.iter().map(host).collect();
        std::fs::write(self.path("config/fleet.yaml"), format!("hosts:\n{hosts}")).unwrap();
    }

    /// A server, and a desk with one runbook that has accepted its key.
    pub(crate) fn ready(hosts: &[&str], runbook: &str, text: &str) -> (Sshd, Self) {
        let sshd = Sshd::start();
        let desk = Self::with_hosts(&sshd, hosts);
        desk.runbook(runbook, text);
        desk.run(&["keys", "--accept-new"]).expect(0);
        (sshd, desk)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn runbook(&self, name: &str, text: &str) {
        std::fs::write(self.path("config/runbooks").join(format!("{name}.yaml")), text).unwrap();
    }

    /// The command line, on this desk, with nothing of the machine's own settings.
    pub(crate) fn daytwo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_daytwo"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path())
            .env("USER", "tester")
            .env("DAYTWO_CONFIG_DIR", self.path("config"))
            .env("DAYTWO_DATA_DIR", self.path("data"))
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.daytwo(arguments).output().unwrap())
    }

    /// The same, to go on while others look at what it does.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.daytwo(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Starts a runbook whose one input is a file of this desk.
    pub(crate) fn start_with(&self, runbook: &str, file: &str) -> Child {
        self.start(&["run", runbook, "-i", &self.input(file), "--yes"])
    }

    /// The input that names a file of this desk.
    pub(crate) fn input(&self, file: &str) -> String {
        format!("file={}", self.path(file).display())
    }

    /// The same, for somebody at a terminal.
    #[cfg(target_os = "linux")]
    pub(crate) fn at_a_terminal(&self, arguments: &[&str]) -> Tty {
        Tty::start(&self.daytwo(arguments))
    }

    /// What is in a file of this desk; nothing where it is not there.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Makes an empty file, for which a script waits.
    pub(crate) fn open(&self, gate: &str) {
        std::fs::write(self.path(gate), "").unwrap();
    }

    /// Ids of the runs, the newest first.
    pub(crate) fn runs(&self) -> Vec<String> {
        let rows = self.json(&["runs"]);
        rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    }

    /// The newest run.
    pub(crate) fn last_run(&self) -> Value {
        self.json(&["show", self.runs().first().expect("no run yet")])
    }

    /// Runs it with `--json` and reads the one document that it prints.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[&["--json"], arguments].concat());
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error} in {ended:?}"))
    }
}

/// Whom the servers let in: who runs the tests.
pub(crate) fn login() -> String {
    let name = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(name.stdout).unwrap().trim().to_owned()
}

/// What is said of each step of a run on its first host.
pub(crate) fn words(run: &Value) -> Vec<&str> {
    run.pointer("/hosts/0/cells").unwrap().as_array().unwrap().iter().filter_map(|cell| cell["word"].as_str()).collect()
}

/// What was decided in a run.
pub(crate) fn decided(run: &Value) -> Vec<&str> {
    run["decisions"].as_array().unwrap().iter().filter_map(|decision| decision["what"].as_str()).collect()
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub(crate) fn expect(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}
