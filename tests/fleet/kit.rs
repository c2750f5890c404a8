//! A fleet of real hosts for one test, over the scripts of this folder. Everything here is bounded in time; a script
//! that fails, fails the test. The fleet goes when it is dropped; what a killed test left behind, the next one removes.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::program::{BUILT, Copied};

/// How long a level-triggered wait may take before the test says that it is in vain.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// Short against what is waited for, and long against what a question to a host costs.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// A script waits for a boot and a shutdown, each with its own deadline of a minute.
const SCRIPT_DEADLINE_S: &str = "180";
/// A login to a host that is well takes a third of a second.
const SSH_DEADLINE_S: &str = "60";
/// How long `ssh` waits for a connection, in seconds.
const CONNECT_TIMEOUT_S: u32 = 2;
/// How often `ssh` asks a silent host whether it is there, in seconds, and how often in vain.
const ALIVE_INTERVAL_S: u32 = 1;
const ALIVE_COUNT: u32 = 2;
/// Followed by the process and a number, so that two tests never meet, and that one sees whose process is gone.
const FOLDER_PREFIX: &str = "daytwo-fleet-of-";

/// What can be done to a host, as `cargo xtask fleet host NAME --help` explains it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// Gives power, and waits until it has booted.
    Start,
    /// Shuts down, as its button does.
    Stop,
    /// Shuts down and boots.
    Reboot,
    /// The plug is pulled: silent at once. Its disk keeps what is on it.
    Kill,
    /// Hangs: connections are taken, nothing answers.
    Freeze,
    Thaw,
    /// The cable is out.
    Unplug,
    Plug,
    /// Every packet is dropped, both ways.
    Blackhole,
    Unblackhole,
    /// Port 22 refuses.
    Reject,
    Unreject,
    /// A bad cable, each way: milliseconds, milliseconds, percent, percent, kbit per second (0: none).
    Impair {
        delay_ms: u32,
        jitter_ms: u32,
        loss: u32,
        duplicate: u32,
        rate_kbit: u32,
    },
    /// A good cable again.
    Repair,
    /// Not a byte is left on the disk, which is all of it but `/run` and `/dev/shm`.
    DiskFull,
    DiskFree,
    /// The wall clock of programs started from now on is this many seconds off; 0 ends it for all.
    Clock(i64),
    /// Takes every fault away and gives power.
    Heal,
}

impl Fault {
    /// Loss alone, in percent, each way.
    pub(crate) fn loss(percent: u32) -> Self {
        Self::Impair { delay_ms: 0, jitter_ms: 0, loss: percent, duplicate: 0, rate_kbit: 0 }
    }

    /// Slowness alone.
    pub(crate) fn rate(kbit: u32) -> Self {
        Self::Impair { delay_ms: 0, jitter_ms: 0, loss: 0, duplicate: 0, rate_kbit: kbit }
    }

    fn words(self) -> Vec<String> {
        let word = match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Reboot => "reboot",
            Self::Kill => "kill",
            Self::Freeze => "freeze",
            Self::Thaw => "thaw",
            Self::Unplug => "unplug",
            Self::Plug => "plug",
            Self::Blackhole => "blackhole",
            Self::Unblackhole => "unblackhole",
            Self::Reject => "reject",
            Self::Unreject => "unreject",
            Self::Repair => "impair off",
            Self::DiskFull => "disk-full",
            Self::DiskFree => "disk-free",
            Self::Clock(seconds) => return vec!["clock".to_owned(), seconds.to_string()],
            Self::Heal => "heal",
            Self::Impair { delay_ms, jitter_ms, loss, duplicate, rate_kbit } => {
                return vec![
                    "impair".to_owned(),
                    format!("delay={delay_ms}"),
                    format!("jitter={jitter_ms}"),
                    format!("loss={loss}"),
                    format!("duplicate={duplicate}"),
                    format!("rate={rate_kbit}"),
                ];
            }
        };
        word.split(' ').map(str::to_owned).collect()
    }
}

/// What can go wrong with the console's own machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConsoleFault {
    /// Not a byte is left where the journal lies.
    DiskFull,
    DiskFree,
    /// The wall clock is this many seconds off, at once, also for consoles that run.
    Clock(i64),
}

/// Asks again and again, until it holds or patience is over.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} for this in vain: {what}");
        std::thread::park_timeout(ASK_EVERY);
    }
}

/// Hosts, and the files of a console that knows them.
#[derive(Debug)]
pub(crate) struct Fleet {
    folder: PathBuf,
    program: PathBuf,
    hosts: Vec<Host>,
}

impl Fleet {
    /// Whether hosts can be made here; says on standard error why not.
    pub(crate) fn is_possible() -> bool {
        let can = Command::new(script("can.sh")).output().unwrap();
        if !can.status.success() {
            eprintln!("skipped: {}", String::from_utf8_lossy(&can.stderr).trim());
        }
        can.status.success()
    }

    /// Boots this many hosts, web-1 and so on. None, with the reason on standard error, where that is not possible.
    pub(crate) fn up(count: u32) -> Option<Self> {
        Self::is_possible().then(|| Self::made(count, PathBuf::from(BUILT)))
    }

    /// The same where it is known to be possible, with a command line of the test's own.
    pub(crate) fn up_with(count: u32, program: &Copied) -> Self {
        Self::made(count, program.path())
    }

    fn made(count: u32, program: PathBuf) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        remove_abandoned();
        let folder = folder(&NEXT.fetch_add(1, Ordering::Relaxed).to_string());
        // From here on it is taken down, also when it does not come up.
        let mut fleet = Self { folder, program, hosts: Vec::new() };
        fleet.script("up.sh", &[&count.to_string()]);
        fleet.script("console.sh", &["small-disk"]);
        fleet.script("console.sh", &["clock", "0"]);
        let subnet = std::fs::read_to_string(fleet.folder.join("subnet")).unwrap();
        fleet.hosts = (1..=count)
            .map(|number| Host {
                name: format!("web-{number}"),
                address: format!("{}.{}", subnet.trim(), number + 1).parse().unwrap(),
                fleet: fleet.folder.clone(),
            })
            .collect();
        fleet
    }

    /// All hosts, web-1 first.
    pub(crate) fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// A host by its number: 1 is web-1.
    pub(crate) fn host(&self, number: usize) -> &Host {
        &self.hosts[number - 1]
    }

    /// Where the console's fleet file and runbooks are.
    pub(crate) fn config_dir(&self) -> PathBuf {
        self.folder.join("console/config")
    }

    /// Where the console's history and accepted keys are: a disk of its own.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.join("console/data")
    }

    /// Puts a runbook into the console's catalogue.
    pub(crate) fn runbook(&self, name: &str, text: &str) {
        std::fs::write(self.config_dir().join("runbooks").join(format!("{name}.yaml")), text).unwrap();
    }

    /// The command line, as a console of this fleet, under the fleet's clock, with nothing of this machine's own settings.
    /// Start it, let it end, kill it: it is one process, which reaches the hosts directly.
    pub(crate) fn daytwo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        self.as_console(command.args(arguments));
        command
    }

    /// The command line, from its start to its end, which comes within this time.
    pub(crate) fn answer(&self, arguments: &[&str], deadline: Duration) -> Output {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", &deadline.as_secs().to_string()]).arg(&self.program);
        self.as_console(command.args(arguments));
        command.output().unwrap()
    }

    fn as_console(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.join("console"))
            .env("USER", "tester")
            .env("DAYTWO_CONFIG_DIR", self.config_dir())
            .env("DAYTWO_DATA_DIR", self.data_dir())
            .env("LD_PRELOAD", images().join("bin/clock.so"))
            .env("FLEET_CLOCK", self.folder.join("console/clock"))
            .stdin(Stdio::null());
    }

    /// Copies what there is to see of the console and of every host's disk to a place where it stays.
    pub(crate) fn keep(&self, name: &str) -> PathBuf {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let copy = |from: PathBuf, to: PathBuf| {
            std::fs::create_dir_all(to.parent().unwrap_or(&place)).ok()?;
            let mut command = Command::new("timeout");
            command.args([SCRIPT_DEADLINE_S, "cp", "-a"]).arg(from).arg(to).status().ok()
        };
        // It is evidence of a failure: whatever of it cannot be had must not hide that.
        let _ = std::fs::remove_dir_all(&place);
        copy(self.folder.join("console"), place.join("console"));
        for host in &self.hosts {
            copy(host.on_disk("/"), place.join(&host.name));
        }
        place
    }

    /// Does something to the console's machine. Holds when this returns.
    pub(crate) fn console_fault(&self, fault: ConsoleFault) {
        match fault {
            ConsoleFault::DiskFull => self.script("console.sh", &["disk-full"]),
            ConsoleFault::DiskFree => self.script("console.sh", &["disk-free"]),
            ConsoleFault::Clock(seconds) => self.script("console.sh", &["clock", &seconds.to_string()]),
        };
    }

    /// What `up` and the rest name after this fleet, in the kernel too.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes what is missing of the first `count` hosts, as a second `up` does.
    pub(crate) fn up_again(&self, count: u32) {
        self.script("up.sh", &[&count.to_string()]);
    }

    fn script(&self, name: &str, arguments: &[&str]) -> String {
        succeeded(bounded(&self.folder, name, arguments).output().unwrap(), name, arguments)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let down = bounded(&self.folder, "down.sh", &[]).output();
        // A second panic would hide the first; what stays then, the next test removes.
        if !std::thread::panicking() {
            succeeded(down.unwrap(), "down.sh", &[]);
        }
    }
}

/// One host.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    name: String,
    address: Ipv4Addr,
    fleet: PathBuf,
}

impl Host {
    /// `web-1`, also what the console calls it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Reached directly, without any namespace; its sshd is on port 22.
    pub(crate) fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Does something to it. Holds when this returns.
    pub(crate) fn fault(&self, fault: Fault) {
        let words = fault.words();
        let arguments: Vec<&str> = [self.name.as_str()].into_iter().chain(words.iter().map(String::as_str)).collect();
        succeeded(bounded(&self.fleet, "host.sh", &arguments).output().unwrap(), "host.sh", &arguments);
    }

    /// Runs a shell command there as root, past the network, and returns what it printed. Fails the test when the
    /// command fails. It is no process of the host's: it is not killed or frozen with it, so nothing may be left running.
    pub(crate) fn exec(&self, command: &str) -> String {
        let arguments = [self.name.as_str(), "exec", "sh", "-c", command];
        succeeded(bounded(&self.fleet, "host.sh", &arguments).output().unwrap(), "host.sh", &arguments)
    }

    /// Where this machine has a file of the host's disk; for looking only.
    pub(crate) fn on_disk(&self, path: &str) -> PathBuf {
        self.fleet.join("hosts").join(&self.name).join("disk/upper").join(path.trim_start_matches('/'))
    }

    /// The boot that it is in.
    pub(crate) fn boot_id(&self) -> String {
        self.exec("cat /proc/sys/kernel/random/boot_id")
    }

    /// OpenSSH's client, which logs in as `ops` and gives up after a few seconds of silence. To be started or run.
    pub(crate) fn ssh(&self, command: &str) -> Command {
        let mut ssh = Command::new("timeout");
        ssh.args([SSH_DEADLINE_S, "ssh", "-F"]).arg(self.fleet.join("ssh_config"));
        for option in [
            // Says why a session ended, also when it was silence.
            "LogLevel=INFO".to_owned(),
            format!("ConnectTimeout={CONNECT_TIMEOUT_S}"),
            format!("ServerAliveInterval={ALIVE_INTERVAL_S}"),
            format!("ServerAliveCountMax={ALIVE_COUNT}"),
        ] {
            ssh.args(["-o", &option]);
        }
        ssh.args([&self.name, command]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        ssh
    }
}

/// A folder of this process, for a fleet or for what belongs to several.
pub(crate) fn folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("{FOLDER_PREFIX}{}-{name}", std::process::id()))
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fleet").join(name)
}

fn bounded(folder: &Path, name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", SCRIPT_DEADLINE_S]).arg(script(name)).args(arguments);
    command.env("DAYTWO_FLEET", folder).env("DAYTWO_FLEET_IMAGES", images()).stdin(Stdio::null());
    command
}

/// The base image is the one that `cargo xtask fleet` makes and uses.
fn images() -> PathBuf {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/root".into()));
    std::env::var_os("DAYTWO_FLEET_IMAGES").map_or_else(|| home.join(".cache/daytwo/fleet-images"), PathBuf::from)
}

fn succeeded(output: Output, name: &str, arguments: &[&str]) -> String {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {arguments:?}: {}\n{complaint}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Fleets of tests that were killed.
fn remove_abandoned() {
    for entry in std::fs::read_dir(std::env::temp_dir()).unwrap().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(FOLDER_PREFIX)?.split('-').next());
        if owner.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            let down = bounded(&entry.path(), "down.sh", &[]).output().unwrap();
            succeeded(down, "down.sh", &[]);
            // Nothing is mounted there any more; what is left is files. Another test may be doing the same.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
