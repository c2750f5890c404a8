//! What the tests that cross crates share: a real OpenSSH server, and a console with files of its own.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

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

/// A real OpenSSH server on loopback, with its own host key and one client key. Ends when dropped.
pub(crate) struct Sshd {
    dir: TempDir,
    server: Child,
    pub(crate) port: u16,
}

impl Sshd {
    pub(crate) fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let path = |name: &str| dir.path().join(name);
        keygen(&path("host_key"));
        keygen(&path("client_key"));
        std::fs::copy(path("client_key.pub"), path("authorized_keys")).unwrap();
        let port = free_port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nAuthorizedKeysFile {keys}\nPidFile {pid}\n\
             UsePAM no\nStrictModes no\nPasswordAuthentication no\nPermitRootLogin yes\nPrintMotd no\n",
            host = path("host_key").display(),
            keys = path("authorized_keys").display(),
            pid = path("pid").display(),
        );
        std::fs::write(path("sshd_config"), config).unwrap();
        // sshd refuses to start without its privilege separation directory.
        let _ = std::fs::create_dir_all("/run/sshd");
        let log = std::fs::File::create(path("log")).unwrap();
        let server = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(path("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("no OpenSSH server: apt-get install openssh-server");
        let sshd = Self { dir, server, port };
        until("sshd listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        sshd
    }

    pub(crate) fn client_key(&self) -> PathBuf {
        self.dir.path().join("client_key")
    }

    /// Type and key, as they stand in a known_hosts file.
    pub(crate) fn host_key(&self) -> String {
        let key = std::fs::read_to_string(self.dir.path().join("host_key.pub")).unwrap();
        key.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    /// A new host key under the same address, as after a reinstallation, or an attack.
    pub(crate) fn restart_with_another_host_key(&mut self) {
        self.stop();
        for name in ["host_key", "host_key.pub"] {
            std::fs::remove_file(self.dir.path().join(name)).unwrap();
        }
        keygen(&self.dir.path().join("host_key"));
        self.start_again();
    }

    /// Listens again after it was stopped.
    pub(crate) fn start_again(&mut self) {
        self.server = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(self.dir.path().join("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("sshd listens again", || TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok());
    }

    /// Listens no more. Connections that it has go on.
    pub(crate) fn stop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn keygen(path: &Path) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status().unwrap();
    assert!(made.success(), "ssh-keygen");
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

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
        let desk = Self::new();
        let login = Command::new("id").arg("-un").output().unwrap();
        let fleet = format!(
            "hosts:\n  local:\n    address: 127.0.0.1\n    port: {}\n    user: {}\n    identity_file: {}\n    labels: {{ role: test }}\n",
            sshd.port,
            String::from_utf8(login.stdout).unwrap().trim(),
            sshd.client_key().display(),
        );
        std::fs::write(desk.path("config/fleet.yaml"), fleet).unwrap();
        desk
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

    /// Runs it with `--json` and reads the one document that it prints.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let ended = self.run(&[&["--json"], arguments].concat());
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error} in {ended:?}"))
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    fn of(output: Output) -> Self {
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
