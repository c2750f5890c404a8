//! How a demo host is shut in: which command boots one, and which runs a command in it.
//!
//! Everything that differs between operating systems is here. There is no variant without a
//! sandbox, and there must never be one.

#[cfg(target_os = "linux")]
mod linux;

use std::path::PathBuf;

use tokio::process::Command;

use crate::error::Unavailable;
use crate::kit::Kit;
use crate::spec::HostSpec;

/// Processes that a host may have at one time: a bound on fork bombs that leaves services room.
#[cfg(target_os = "linux")]
pub(crate) const PROCESSES_MAX: u32 = 96;
/// The size of a host's disk, which is memory of the machine.
#[cfg(target_os = "linux")]
pub(crate) const DISK_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Where the system's programs are that build a sandbox; tests take one away.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are the names of the programs")]
pub struct ToolPaths {
    pub unshare: PathBuf,
    pub nsenter: PathBuf,
    pub setpriv: PathBuf,
    pub prlimit: PathBuf,
}

impl Default for ToolPaths {
    fn default() -> Self {
        let usr_bin = |name: &str| PathBuf::from("/usr/bin").join(name);
        Self {
            unshare: usr_bin("unshare"),
            nsenter: usr_bin("nsenter"),
            setpriv: usr_bin("setpriv"),
            prlimit: usr_bin("prlimit"),
        }
    }
}

/// The console's end of what a host reads until the console lets go. Never read or written here.
#[cfg(target_os = "linux")]
pub(crate) type Hold = std::os::unix::net::UnixStream;
/// No sandbox, no hold.
#[cfg(not(target_os = "linux"))]
pub(crate) type Hold = std::convert::Infallible;

/// A booted host, as far as the sandbox must know it to enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Booted {
    /// Its PID 1, as the machine numbers it.
    pub(crate) init: u32,
    /// Its boot id.
    pub(crate) boot_id: String,
}

/// The kind of sandbox that this machine has.
pub(crate) enum Sandbox {
    /// Linux namespaces.
    #[cfg(target_os = "linux")]
    Namespaces(linux::Namespaces),
    /// Never made: other systems have no sandbox yet that can give a host its own root directory.
    #[cfg(not(target_os = "linux"))]
    Never(std::convert::Infallible),
}

impl Sandbox {
    /// Finds out by trying, in a process that ends at once.
    pub(crate) async fn find(tools: ToolPaths, kit: &Kit) -> Result<Self, Unavailable> {
        #[cfg(target_os = "linux")]
        {
            linux::Namespaces::find(tools, kit).await.map(Self::Namespaces)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (tools, kit);
            Err(Unavailable {
                why: "shutting a host in needs Linux namespaces; this system has no way, without administrator \
                      rights, to give a process a root directory and a process list of its own"
                    .to_owned(),
            })
        }
    }

    /// The command that boots a host and lives as long as it, and what keeps it alive: the host goes
    /// down when that is dropped. Standard output is the host's; see `hosts/init.sh`.
    pub(crate) fn boot(&self, kit: &Kit, host: &HostSpec) -> std::io::Result<(Command, Hold)> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Namespaces(namespaces) => namespaces.boot(kit, host),
            #[cfg(not(target_os = "linux"))]
            Self::Never(never) => {
                let _ = (kit, host);
                match *never {}
            }
        }
    }

    /// The command that executes a program of `/opt/daytwo` in a host.
    pub(crate) fn enter(&self, booted: &Booted, program: &str, arguments: &[&str]) -> Command {
        match self {
            #[cfg(target_os = "linux")]
            Self::Namespaces(namespaces) => namespaces.enter(booted, program, arguments),
            #[cfg(not(target_os = "linux"))]
            Self::Never(never) => {
                let _ = (booted, program, arguments);
                match *never {}
            }
        }
    }
}

/// The signal that ended a process.
#[cfg(unix)]
pub(crate) fn signal(status: std::process::ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

/// Processes end without signals here.
#[cfg(not(unix))]
pub(crate) fn signal(_: std::process::ExitStatus) -> Option<i32> {
    None
}
