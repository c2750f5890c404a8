//! Linux: namespaces of an unprivileged user, made and entered with util-linux.
//!
//! The console never enters a namespace itself. All that it starts here has an empty environment,
//! no terminal, and an unprivileged user id.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::{Booted, DISK_BYTES_MAX, Hold, PROCESSES_MAX, ToolPaths};
use crate::error::Unavailable;
use crate::kit::Kit;
use crate::spec::HostSpec;

/// How long the trial may take. It does the work of a few milliseconds.
const TRIAL_DEADLINE: Duration = Duration::from_secs(10);
/// The user that a console running as root starts hosts as: limits do not bind root.
const NOBODY: u32 = 65534;
/// Before this version the kernel counts a user's processes in all namespaces together.
const COUNTS_PER_NAMESPACE: (u32, u32) = (5, 14);
/// The bound where the count is shared by the whole fleet and the user's own programs.
const SHARED_PROCESSES_MAX: u32 = 4096;
/// What a command may keep: enough to own the files of its own disk, nothing that mounts or enters.
const CAPABILITIES: &str = "--bounding-set=-all,+chown,+dac_override,+fowner,+kill";
/// How long a host claims to be up already when it boots: a day and its number of hours.
const UPTIME_SECONDS: i64 = 86_400;

/// Namespaces that were tried and work.
pub(crate) struct Namespaces {
    tools: ToolPaths,
    root: bool,
    /// Whether hosts can have an uptime of their own (Linux 5.6, util-linux 2.36).
    time: bool,
    processes: u32,
}

impl Namespaces {
    pub(crate) async fn find(tools: ToolPaths, kit: &Kit) -> Result<Self, Unavailable> {
        let named = [
            ("unshare", &tools.unshare),
            ("nsenter", &tools.nsenter),
            ("setpriv", &tools.setpriv),
            ("prlimit", &tools.prlimit),
        ];
        for (name, path) in named {
            if !path.exists() {
                let why = format!("{name} was not found at {}; it is part of util-linux", path.display());
                return Err(Unavailable { why });
            }
        }
        let root = rustix::process::geteuid().is_root();
        let processes = if kernel() >= COUNTS_PER_NAMESPACE { PROCESSES_MAX } else { SHARED_PROCESSES_MAX };
        let mut namespaces = Self { tools, root, time: true, processes };
        if namespaces.trial(kit.path()).await.is_ok() {
            return Ok(namespaces);
        }
        namespaces.time = false;
        match namespaces.trial(kit.path()).await {
            Ok(()) => Ok(namespaces),
            Err(said) => Err(Unavailable {
                why: format!(
                    "this system does not let an unprivileged user make namespaces ({said}); see the settings \
                     user.max_user_namespaces and kernel.apparmor_restrict_unprivileged_userns"
                ),
            }),
        }
    }

    /// Makes the namespaces and the two mounts that are refused first where something is locked down.
    async fn trial(&self, kit: &Path) -> Result<(), String> {
        let script = "mount -t tmpfs trial \"$0\" && mkdir \"$0/proc\" && mount -t proc proc \"$0/proc\"";
        let mut command = self.unprivileged();
        self.unshare(&mut command, 0);
        command.args(["sh", "-c", script]).arg(kit.join("root"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let output = tokio::time::timeout(TRIAL_DEADLINE, command.output())
            .await
            .map_err(|_| "unshare did not answer".to_owned())?
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(said.lines().next().unwrap_or("unshare failed").trim().to_owned())
    }

    pub(crate) fn boot(&self, kit: &Kit, host: &HostSpec) -> std::io::Result<(Command, Hold)> {
        // A socket and not a pipe: through /proc, a process in there could open a pipe for writing
        // and so keep the host alive after the console.
        let (hold, theirs) = Hold::pair()?;
        let name = host.name.as_str();
        let mut command = self.unprivileged();
        command.arg("sh").arg(kit.path().join("guard.sh"));
        self.unshare(&mut command, UPTIME_SECONDS + i64::from(host.number) * 3600);
        command.arg("sh").arg(kit.path().join("boot.sh")).arg(kit.path()).arg(kit.state(name));
        command.args([name, host.role.word()]);
        command.args([u64::from(host.number), u64::from(self.processes), DISK_BYTES_MAX].map(|n| n.to_string()));
        command.stdin(Stdio::from(OwnedFd::from(theirs)));
        Ok((command, hold))
    }

    pub(crate) fn enter(&self, booted: &Booted, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.unprivileged();
        // Out here and not by a script in there, which the host's own commands could have changed.
        command.arg(&self.tools.prlimit).arg(format!("--nproc={}", self.processes));
        command.args(["--as=268435456", "--fsize=16777216", "--core=0", "--nofile=256", "--cpu=300"]);
        command.arg(&self.tools.nsenter).arg(format!("--target={}", booted.init));
        command.args(["--user", "--preserve-credentials", "--mount", "--pid", "--net", "--uts", "--ipc"]);
        if self.time {
            command.arg("--time");
        }
        command.args(["/usr/bin/setpriv", CAPABILITIES, "--inh-caps=-all", "--no-new-privs"]);
        // This path exists in demo hosts only: should the process id ever have become another's,
        // there is nothing to execute.
        command.arg(format!("/opt/daytwo/{program}")).args(arguments);
        command
    }

    /// The start of every command: no environment, another directory, no privilege, low priority.
    fn unprivileged(&self) -> Command {
        let nice = ["/usr/bin/nice", "-n", "10"];
        let mut command = if self.root {
            let mut command = Command::new(&self.tools.setpriv);
            command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")]).arg("--clear-groups").args(nice);
            command
        } else {
            let [nice, option, steps] = nice;
            let mut command = Command::new(nice);
            command.args([option, steps]);
            command
        };
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").current_dir("/");
        // Ctrl-C in the console's terminal is for the console, which then stops its hosts in order.
        command.process_group(0);
        command
    }

    fn unshare(&self, command: &mut Command, uptime_seconds: i64) {
        command.arg(&self.tools.unshare);
        command.args(["--user", "--map-root-user", "--mount", "--pid", "--net", "--uts", "--ipc"]);
        if self.time {
            command.arg("--time").arg(format!("--boottime={}", uptime_seconds - machine_uptime_seconds()));
        }
        command.args(["--fork", "--kill-child"]);
    }
}

fn machine_uptime_seconds() -> i64 {
    let text = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    text.split('.').next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0)
}

/// Major and minor version; 0.0 where it cannot be read, which chooses the careful way.
fn kernel() -> (u32, u32) {
    let text = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = text.split(['.', '-']).map_while(|part| part.trim().parse().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
