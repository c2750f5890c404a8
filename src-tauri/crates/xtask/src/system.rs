//! What has to be on the machine, how to see that it is there, and how it gets there. The one list of it.

use std::env;
use std::io::{Write, stdin, stdout};
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::checkout::{find_program, has_terminal, is_pipeline};
use crate::process::Program;

/// Fetching and unpacking some hundred packages over a slow line.
const INSTALL_DEADLINE: Duration = Duration::from_secs(30 * 60);
/// Another installation may hold the lock for as long as an unattended upgrade takes.
const LOCK_WAIT: &str = "DPkg::Lock::Timeout=300";
/// What the UI's tools run on.
const NODE_AT_LEAST: (u32, u32) = (20, 19);

/// What is needed for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum For {
    /// To compile anything at all.
    Compiling,
    /// To compile the window and to open it.
    Window,
    /// For the tests that need no window: real servers, a real keyring.
    Tests,
    /// To drive the window where nobody looks.
    WindowTests,
    /// To make real hosts.
    Fleet,
}

#[derive(Debug, Clone, Copy)]
enum Seen {
    Program(&'static str),
    Library(&'static str),
    Folder(&'static str),
    File(&'static str),
}

/// One thing that has to be there.
#[derive(Debug, Clone, Copy)]
struct Need {
    package: &'static str,
    seen: Seen,
    why: &'static str,
}

const COMPILING: &[Need] = &[Need {
    package: "build-essential",
    seen: Seen::Program("cc"),
    why: "C compiler and linker, for SQLite and the Rust standard library",
}];
const WINDOW: &[Need] = &[
    Need { package: "pkg-config", seen: Seen::Program("pkg-config"), why: "finds the libraries below" },
    Need {
        package: "libwebkit2gtk-4.1-dev",
        seen: Seen::Library("webkit2gtk-4.1"),
        why: "the system's web view, which draws the window",
    },
    // Installed without recommendations, the web view has no font at all.
    Need { package: "fonts-dejavu-core", seen: Seen::Folder("/usr/share/fonts/truetype"), why: "something to read" },
];
const TESTS: &[Need] = &[
    Need { package: "openssh-server", seen: Seen::Program("sshd"), why: "a real server, on a port of the test's own" },
    Need { package: "openssh-client", seen: Seen::Program("ssh-keygen"), why: "keys for that server" },
    Need { package: "dbus", seen: Seen::Program("dbus-run-session"), why: "a session bus for the keyring" },
    Need { package: "shellcheck", seen: Seen::Program("shellcheck"), why: "reads the scripts of runbooks" },
    Need { package: "busybox", seen: Seen::Program("busybox"), why: "a shell as edge devices have it" },
    Need { package: "mksh", seen: Seen::Program("mksh"), why: "another shell that hosts may have" },
    Need { package: "fish", seen: Seen::Program("fish"), why: "a login shell that is no POSIX shell" },
    Need { package: "tcsh", seen: Seen::Program("tcsh"), why: "another one" },
    Need { package: "gnome-keyring", seen: Seen::Program("gnome-keyring-daemon"), why: "a real keyring" },
];
const WINDOW_TESTS: &[Need] = &[
    Need { package: "webkit2gtk-driver", seen: Seen::Program("WebKitWebDriver"), why: "drives the window" },
    Need { package: "xvfb", seen: Seen::Program("xvfb-run"), why: "a display that needs no screen" },
    Need { package: "xauth", seen: Seen::Program("xauth"), why: "access to that display" },
];
const FLEET: &[Need] = &[
    Need { package: "mmdebstrap", seen: Seen::Program("mmdebstrap"), why: "makes the hosts' system" },
    Need {
        package: "debian-archive-keyring",
        seen: Seen::File("/usr/share/keyrings/debian-archive-keyring.gpg"),
        why: "checks that the packages of that system are Debian's",
    },
    Need { package: "systemd-container", seen: Seen::Program("systemd-nspawn"), why: "boots the hosts" },
    Need { package: "iproute2", seen: Seen::Program("ip"), why: "gives them addresses" },
    Need { package: "nftables", seen: Seen::Program("nft"), why: "takes their network away" },
    Need { package: "procps", seen: Seen::Program("sysctl"), why: "settings of the kernel that the hosts need" },
    Need { package: "openssh-client", seen: Seen::Program("ssh-keygen"), why: "keys for the hosts" },
];

/// Who may install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Permission {
    /// Nobody has to be asked.
    Given,
    /// A person is there to be asked.
    Ask,
    /// Nobody is there, and the rights are missing.
    Missing,
}

/// Makes sure that everything for the given purposes is there; installs it where that is allowed.
pub(crate) fn ensure_packages(purposes: &[For]) -> Result<()> {
    if !cfg!(target_os = "linux") {
        // The web view is part of macOS and Windows; the tests of real servers are for Linux.
        return Ok(());
    }
    let missing: Vec<Need> = purposes.iter().flat_map(|purpose| needs(*purpose)).copied().filter(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("Missing on this machine:");
    for need in &missing {
        println!("  {:<24} {}", need.package, need.why);
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    if find_program("apt-get").is_none() {
        bail!("install these with this system's package manager (the names above are Debian's), then try again");
    }
    install(&packages, is_root(), permission(is_root(), has_terminal(), is_pipeline()))?;
    match missing.iter().find(|need| is_missing(need)) {
        None => Ok(()),
        Some(need) => bail!("{} is installed and still cannot be found", need.package),
    }
}

/// Makes sure that Node.js is there and new enough.
pub(crate) fn ensure_node() -> Result<()> {
    let (major, minor) = NODE_AT_LEAST;
    let advice = format!("install Node.js {major}.{minor} or newer, with npm, then try again");
    if find_program("npm").is_none() {
        bail!("npm was not found: {advice}");
    }
    let Ok(answer) = Program::new("node").arg("--version").answer() else { bail!("Node.js was not found: {advice}") };
    if !is_new_enough(&answer) {
        bail!("Node.js {} is too old: {advice}", answer.trim());
    }
    Ok(())
}

fn needs(purpose: For) -> &'static [Need] {
    match purpose {
        For::Compiling => COMPILING,
        For::Window => WINDOW,
        For::Tests => TESTS,
        For::WindowTests => WINDOW_TESTS,
        For::Fleet => FLEET,
    }
}

fn is_missing(need: &Need) -> bool {
    match need.seen {
        Seen::Program(name) => find_program(name).is_none(),
        Seen::Library(name) => Program::new("pkg-config").args(["--exists", name]).answer().is_err(),
        Seen::Folder(path) => !Path::new(path).is_dir(),
        Seen::File(path) => !Path::new(path).is_file(),
    }
}

fn permission(root: bool, terminal: bool, pipeline: bool) -> Permission {
    match (root, terminal, pipeline) {
        (true, _, true) | (true, false, _) => Permission::Given,
        (_, true, false) => Permission::Ask,
        (false, _, true) | (false, false, false) => Permission::Missing,
    }
}

fn install(packages: &[&str], root: bool, permission: Permission) -> Result<()> {
    let command = by_hand(packages, root);
    if permission == Permission::Missing || (!root && find_program("sudo").is_none()) {
        bail!("installing needs administrator rights; run this, then try again:\n\n    {command}\n");
    }
    if permission == Permission::Ask && !agreed(&command)? {
        bail!("nothing was installed; this would have done it:\n\n    {command}\n");
    }
    println!("Installing {}", packages.join(" "));
    apt(root, &["update", "-qq"]).attached()?;
    apt(root, &["install", "-qq", "-y", "--no-install-recommends"]).args(packages).attached()
}

fn apt(root: bool, arguments: &[&str]) -> Program {
    // Through `env`, as sudo drops the environment.
    let words = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", LOCK_WAIT];
    let program = if root { Program::new("env").args(&words[1..]) } else { Program::new("sudo").args(words) };
    program.args(arguments).deadline(INSTALL_DEADLINE)
}

fn by_hand(packages: &[&str], root: bool) -> String {
    let sudo = if root { "" } else { "sudo " };
    format!("{sudo}apt-get update && {sudo}apt-get install -y --no-install-recommends {}", packages.join(" "))
}

fn agreed(command: &str) -> Result<bool> {
    print!("\nInstall with this?\n\n    {command}\n\n[Y/n] ");
    stdout().flush()?;
    let mut answer = String::new();
    // End of input is nobody's consent.
    let read = stdin().read_line(&mut answer)?;
    Ok(read > 0 && matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes"))
}

/// Whether everything may be done here.
pub(crate) fn is_root() -> bool {
    #[cfg(unix)]
    return rustix::process::geteuid().is_root();
    #[cfg(not(unix))]
    return false;
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.trim().trim_start_matches('v').split('.').map_while(|part| part.parse::<u32>().ok());
    let (Some(major), Some(minor)) = (numbers.next(), numbers.next()) else { return false };
    (major, minor) >= NODE_AT_LEAST
}

/// The machine, in one line: what a figure has to be read with.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let field = |path: &str, name: &str| {
        let text = std::fs::read_to_string(path).ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once([':', '='])?.1.trim().trim_matches('"').to_owned())
    };
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| env::consts::ARCH.to_owned());
    let system = field("/etc/os-release", "PRETTY_NAME").unwrap_or_else(|| env::consts::OS.to_owned());
    let kib = field("/proc/meminfo", "MemTotal").and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    let memory = kib.map_or_else(String::new, |kib| format!(", {} GiB", kib.div_ceil(1 << 20)));
    format!("{system}, {processor}, {cores} cores{memory}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_asked_and_a_pipeline_without_rights_is_told_the_command() {
        for (root, terminal, pipeline, expected) in [
            (true, true, false, Permission::Ask),
            (false, true, false, Permission::Ask),
            (true, false, false, Permission::Given),
            (true, false, true, Permission::Given),
            (true, true, true, Permission::Given),
            (false, false, false, Permission::Missing),
            (false, false, true, Permission::Missing),
            (false, true, true, Permission::Missing),
        ] {
            assert_eq!(
                permission(root, terminal, pipeline),
                expected,
                "root {root}, terminal {terminal}, CI {pipeline}"
            );
        }
        assert_eq!(
            by_hand(&["xvfb", "xauth"], false),
            "sudo apt-get update && sudo apt-get install -y --no-install-recommends xvfb xauth"
        );
    }

    #[test]
    fn an_old_node_is_refused() {
        for (version, enough) in [
            ("v20.19.0\n", true),
            ("v20.20.2", true),
            ("v22.1.0", true),
            ("v20.18.3", false),
            ("v18.19.0", false),
            ("", false),
        ] {
            assert_eq!(is_new_enough(version), enough, "{version:?}");
        }
    }
}
