//! A real OpenSSH server on loopback, with keys and a place for attempts of its own.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::until;

const SSHD: &str = "/usr/sbin/sshd";
/// Where hosts keep attempts first.
const ATTEMPTS: &str = "/var/tmp";

/// A real OpenSSH server with its own host key and one client key. Ends when dropped.
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
        std::fs::create_dir(path("attempts")).unwrap();
        let port = free_port();
        // Ten command lines log in at one time, and by default the tenth may be turned away.
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nAuthorizedKeysFile {keys}\nPidFile {pid}\n\
             UsePAM no\nStrictModes no\nPasswordAuthentication no\nPermitRootLogin yes\nPrintMotd no\nUseDNS no\n\
             MaxStartups 100\n",
            host = path("host_key").display(),
            keys = path("authorized_keys").display(),
            pid = path("pid").display(),
        );
        std::fs::write(path("sshd_config"), config).unwrap();
        // sshd refuses to start without its privilege separation directory.
        let _ = std::fs::create_dir_all("/run/sshd");
        let server = launch(dir.path());
        let sshd = Self { dir, server, port };
        sshd.until_it_listens();
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

    /// What the server says of itself: who logged in, and how.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
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
        self.server = launch(self.dir.path());
        self.until_it_listens();
    }

    /// Listens no more. Connections that it has go on.
    pub(crate) fn stop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    fn until_it_listens(&self) {
        until("sshd listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok());
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts the server of a folder. Where that is allowed, what it runs has the folder's own place for attempts: who
/// worked on this host is then nothing that other tests did on this machine, and nothing of it stays there.
fn launch(dir: &Path) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(dir.join("log")).unwrap();
    let mut server = if may_have_a_view() {
        let mut server = Command::new("unshare");
        server.args(["--mount", "sh", "-ec", "mount --bind \"$1\" \"$2\"; shift 2; exec \"$@\"", "sh"]);
        server.arg(dir.join("attempts")).args([ATTEMPTS, SSHD]);
        server
    } else {
        Command::new(SSHD)
    };
    server.args(["-D", "-e", "-f"]).arg(dir.join("sshd_config"));
    server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    server.spawn().expect("no OpenSSH server: apt-get install openssh-server")
}

/// Only root may give a process mounts of its own, and not in every container. Asked once.
fn may_have_a_view() -> bool {
    static MAY: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *MAY.get_or_init(|| {
        let tried = Command::new("unshare").args(["--mount", "true"]).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    })
}

fn keygen(path: &Path) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status().unwrap();
    assert!(made.success(), "ssh-keygen");
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
