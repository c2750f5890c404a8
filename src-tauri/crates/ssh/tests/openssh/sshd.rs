//! A real OpenSSH server in a temporary directory, with keys of its own, on a port of its own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use daytwo_model::{Endpoint, Host, HostName};
use daytwo_ssh::{Deadlines, SshOptions};
use tempfile::TempDir;

const SSHD: &str = "/usr/sbin/sshd";

/// No wait of these tests may take longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Sshd {
    pub(crate) dir: TempDir,
    pub(crate) port: u16,
    child: Child,
}

impl Sshd {
    /// Starts a server; `extra` are lines of its configuration.
    pub(crate) fn start(extra: &str) -> Self {
        Self::start_with(extra, None)
    }

    /// Starts a server with its own view of the file system, which `prelude` makes. None where that is not
    /// allowed; says so.
    pub(crate) fn start_in(prelude: &str) -> Option<Self> {
        can_have_a_view().then(|| Self::start_with("", Some(prelude)))
    }

    pub(crate) fn start_with(extra: &str, prelude: Option<&str>) -> Self {
        assert!(
            Path::new(SSHD).exists(),
            "{SSHD} is missing, and these tests are about a real server; install it with: apt-get install -y openssh-server"
        );
        // sshd wants this directory when it runs as root, and the package's service makes it.
        let _ = fs::create_dir_all("/run/sshd");
        let dir = tempfile::tempdir().unwrap();
        keygen(&["-q", "-t", "ed25519", "-N", "", "-f"], &dir.path().join("host_key"));
        keygen(&["-q", "-t", "ed25519", "-N", "", "-f"], &dir.path().join("id"));
        fs::copy(dir.path().join("id.pub"), dir.path().join("authorized_keys")).unwrap();
        let (port, child) = launch(dir.path(), extra, prelude);
        Self { dir, port, child }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A host that reaches it with the key that it accepts.
    pub(crate) fn host(&self, name: &str) -> Host {
        self.host_with(name, Some(&self.path("id")))
    }

    pub(crate) fn host_with(&self, name: &str, identity: Option<&Path>) -> Host {
        host(
            name,
            Endpoint::Ssh {
                address: "127.0.0.1".into(),
                port: self.port,
                user: None,
                identity_file: identity.map(|path| path.display().to_string()),
            },
        )
    }

    /// Options of a console that knows this server's key.
    pub(crate) fn options(&self) -> SshOptions {
        let known = self.path("known_hosts");
        let key = fs::read_to_string(self.path("host_key.pub")).unwrap();
        fs::write(&known, format!("[127.0.0.1]:{} {key}", self.port)).unwrap();
        SshOptions { known_hosts: vec![known], ..self.strange_options() }
    }

    /// Options of a console that has never seen this server.
    pub(crate) fn strange_options(&self) -> SshOptions {
        SshOptions {
            user: user(),
            trusted: self.path("daytwo/known_hosts"),
            deadlines: Deadlines {
                terminate: Duration::from_millis(300),
                linger: Duration::from_millis(300),
                ..Deadlines::default()
            },
            ..SshOptions::default()
        }
    }

    /// The processes that serve connections.
    pub(crate) fn sessions(&self) -> Vec<u32> {
        let mut found = vec![self.child.id()];
        let mut next = 0;
        // Children of sshd that are sshd themselves; what they run is not.
        while let Some(parent) = found.get(next).copied() {
            found.extend(children_of(parent).into_iter().filter(|pid| command_line(*pid).contains("sshd")));
            next += 1;
        }
        found.split_off(1)
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        for pid in self.sessions() {
            signal("KILL", pid);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a server can be given a view of the file system of its own. Says where it cannot.
pub(crate) fn can_have_a_view() -> bool {
    let tried = Command::new("unshare").args(["--mount", "true"]).stderr(Stdio::null()).status();
    let can = tried.is_ok_and(|status| status.success()) && user() == "root";
    if !can {
        eprintln!("not tested here, because it takes root to make a view of the file system");
    }
    can
}

fn launch(dir: &Path, extra: &str, prelude: Option<&str>) -> (u16, Child) {
    // Another process may take the port between its choice and its use; then another one is chosen.
    for _ in 0..5 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {dir}/host_key\nAuthorizedKeysFile {dir}/authorized_keys\n\
             PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nUseDNS no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nMaxStartups 100\n{extra}\n",
            dir = dir.display()
        );
        fs::write(dir.join("sshd_config"), config).unwrap();
        let log = fs::File::create(dir.join("sshd.log")).unwrap();
        let mut server = match prelude {
            None => Command::new(SSHD),
            Some(prelude) => {
                let mut server = Command::new("unshare");
                server.args(["--mount", "sh", "-ec", &format!("{prelude}\nexec {SSHD} \"$@\""), "sh"]);
                server
            }
        };
        let mut child = server
            .args(["-D", "-e", "-f"])
            .arg(dir.join("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return (port, child);
            }
            if child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
    panic!("sshd did not start: {}", fs::read_to_string(dir.join("sshd.log")).unwrap_or_default());
}

pub(crate) fn keygen(args: &[&str], file: &Path) {
    let status = Command::new("ssh-keygen").args(args).arg(file).status().unwrap();
    assert!(status.success(), "ssh-keygen {args:?}");
}

pub(crate) fn host(name: &str, endpoint: Endpoint) -> Host {
    Host {
        name: HostName::new(name).unwrap(),
        endpoint,
        labels: Default::default(),
        vars: Default::default(),
        source: "test".into(),
    }
}

pub(crate) fn user() -> String {
    let out = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

pub(crate) fn signal(name: &str, pid: u32) {
    let _ = Command::new("kill").args([format!("-{name}"), pid.to_string()]).stderr(Stdio::null()).status();
}

/// State and parent of a process, or `None` when it is gone.
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = text.rsplit(") ").next()?.split(' ');
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

/// Whether a process is there and not just waiting to be collected.
pub(crate) fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}

fn children_of(parent: u32) -> Vec<u32> {
    processes().filter(|pid| stat(*pid).is_some_and(|(_, ppid)| ppid == parent)).collect()
}

pub(crate) fn processes() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

pub(crate) fn command_line(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

pub(crate) fn environment(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}
