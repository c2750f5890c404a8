//! `cargo xtask fleet`: real Debian hosts on this machine, to try the console on and to test it with.
//!
//! The work is done by the scripts of `tests/fleet`, which say what a host is. This finds out whether they can run here,
//! installs what they need, gives them their rights, and starts a console that knows the hosts. It must not know how a
//! host is made.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;

use crate::checkout::{Checkout, find_program, has_display};
use crate::process::{Program, in_words};
use crate::run;
use crate::system::{self, For};

/// Where a fleet is; another folder is another fleet.
const FLEET_VAR: &str = "DAYTWO_FLEET";
/// Where the base images are, which all fleets share.
const IMAGES_VAR: &str = "DAYTWO_FLEET_IMAGES";
/// Whom the console's files are for, where `sudo` is between.
const OWNER_VAR: &str = "DAYTWO_FLEET_OWNER";
/// A base image over a slow line (the script's own deadline is twenty minutes), and then two hundred boots.
const UP_DEADLINE: Duration = Duration::from_secs(40 * 60);
/// Waiting for somebody else's `up`, and then seconds.
const SHORT_DEADLINE: Duration = Duration::from_secs(20 * 60);

/// What can be done with a fleet.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Makes and boots the hosts web-1 to web-COUNT; those that are there stay as they are
    Up {
        /// How many, up to 200
        count: u8,
        /// The Debian suite of a new fleet: bookworm unless it says trixie
        #[arg(long)]
        suite: Option<String>,
    },
    /// Takes the power from all hosts and removes them with their disks
    Down {
        /// Also the console's history of the fleet, and the base images
        #[arg(long)]
        purge: bool,
    },
    /// Shows each host's address, power and faults
    Status,
    /// Does something to one host: `host web-2 kill`; without a command, lists them
    Host {
        /// Such as web-2
        name: String,
        /// Such as reboot, kill, freeze, unplug, loss 5, disk-full, ssh
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Opens the window on the fleet; or runs a command with a `daytwo` that knows it: `run -- daytwo fleet`
    Run {
        /// The command
        #[arg(last = true)]
        command: Vec<String>,
    },
}

/// Does it.
pub(crate) fn fleet(checkout: &Checkout, command: &Command) -> Result<()> {
    let place = Place::find()?;
    match command {
        Command::Up { count, suite } => up(checkout, &place, *count, suite.as_deref()),
        Command::Down { purge } => {
            let down = place.script(checkout, "down.sh")?.args(purge.then_some("--purge"));
            down.deadline(SHORT_DEADLINE).attached()?;
            println!("The fleet is gone.");
            Ok(())
        }
        Command::Status => place.script(checkout, "status.sh")?.deadline(SHORT_DEADLINE).attached(),
        Command::Host { name, command } => {
            let host = place.script(checkout, "host.sh")?.arg(name).args(command);
            // A person may stay logged in as long as she likes.
            let by_hand = command.first().is_some_and(|word| word == "ssh" || word == "exec");
            let host = if by_hand { host.until_it_ends() } else { host.deadline(SHORT_DEADLINE) };
            host.attached()
        }
        Command::Run { command } => console(checkout, &place, command),
    }
}

fn up(checkout: &Checkout, place: &Place, count: u8, suite: Option<&str>) -> Result<()> {
    place.script(checkout, "can.sh")?.attached().context("real hosts cannot be made here")?;
    system::ensure_packages(&[For::Compiling, For::Fleet])?;
    // By this process and not by sudo's, as other things are kept beside the fleet.
    for parent in [place.fleet.parent(), place.images.parent()].into_iter().flatten() {
        fs::create_dir_all(parent).with_context(|| format!("{} could not be created", parent.display()))?;
    }
    let started = Instant::now();
    let up = place.script(checkout, "up.sh")?.arg(count.to_string()).args(suite);
    up.deadline(UP_DEADLINE).attached()?;
    println!("Up after {}:", in_words(started.elapsed()));
    place.script(checkout, "status.sh")?.attached()?;
    println!("{}", place.how_to_use());
    Ok(())
}

/// Why there can be no real hosts for the tests here; nothing when there can. The tests ask for no password.
pub(crate) fn obstacle(checkout: &Checkout) -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("needs root on Linux".to_owned());
    }
    if !system::is_root() {
        return Some("needs root on Linux".to_owned());
    }
    let can = checkout.program(&script(checkout, "can.sh").to_string_lossy()).answer();
    // The script's one line is the last of what a failed program's error holds.
    can.err().map(|error| format!("{error:#}").lines().last().unwrap_or_default().to_owned())
}

/// Makes the base image, unless it is there.
pub(crate) fn image(checkout: &Checkout) -> Program {
    checkout.program(&script(checkout, "image.sh").to_string_lossy()).deadline(UP_DEADLINE)
}

/// All scripts, for those that check them.
pub(crate) fn scripts(checkout: &Checkout) -> Result<Vec<PathBuf>> {
    let folder = checkout.root.join("tests/fleet");
    let entries = fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut found = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    found.retain(|path| path.extension().is_some_and(|extension| extension == "sh"));
    found.sort();
    Ok(found)
}

fn script(checkout: &Checkout, name: &str) -> PathBuf {
    checkout.root.join("tests/fleet").join(name)
}

/// Builds what is to run, and runs it on the fleet's own configuration. Needs no rights: hosts are reached directly.
fn console(checkout: &Checkout, place: &Place, command: &[String]) -> Result<()> {
    ensure!(
        place.config_dir().join("fleet.yaml").is_file(),
        "there is no fleet; make one with `cargo xtask fleet up 6`"
    );
    let program = match command.split_first() {
        Some((program, arguments)) => {
            let built = run::command_line(checkout)?;
            let path = env::var("PATH").unwrap_or_default();
            let folder = built.parent().unwrap_or(Path::new("")).display().to_string();
            let known = if program == "daytwo" { built.display().to_string() } else { program.clone() };
            checkout.program(&known).args(arguments).env("PATH", &format!("{folder}:{path}"))
        }
        None if has_display() => checkout.program(&run::window(checkout)?.to_string_lossy()),
        None => bail!("there is no display for the window; try `cargo xtask fleet run -- daytwo fleet`"),
    };
    let program = program.env("DAYTWO_CONFIG_DIR", &place.config_dir().to_string_lossy());
    program.env("DAYTWO_DATA_DIR", &place.data_dir().to_string_lossy()).until_it_ends().attached()
}

/// The folders of the fleet.
#[derive(Debug)]
struct Place {
    fleet: PathBuf,
    images: PathBuf,
}

impl Place {
    fn find() -> Result<Self> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let below_home = |name: &str| set("HOME").map(|home| home.join(".cache/daytwo").join(name));
        let fleet = set(FLEET_VAR).or_else(|| below_home("fleet"));
        let images = set(IMAGES_VAR).or_else(|| below_home("fleet-images"));
        let fleet = fleet.with_context(|| format!("there is no home: set {FLEET_VAR} and {IMAGES_VAR}"))?;
        let images = images.with_context(|| format!("there is no home: set {IMAGES_VAR}"))?;
        let here = env::current_dir()?;
        Ok(Self { fleet: here.join(fleet), images: here.join(images) })
    }

    fn config_dir(&self) -> PathBuf {
        self.fleet.join("console/config")
    }

    fn data_dir(&self) -> PathBuf {
        self.fleet.join("console/data")
    }

    /// A script with the rights that it needs: this process's own, or those of `sudo`, which asks by itself.
    fn script(&self, checkout: &Checkout, name: &str) -> Result<Program> {
        ensure!(
            cfg!(target_os = "linux"),
            "real hosts need Linux; `cargo xtask run` shows the demo fleet, which runs everywhere"
        );
        let script = script(checkout, name);
        let variables = [(FLEET_VAR, &self.fleet), (IMAGES_VAR, &self.images)];
        let variables = variables.map(|(name, path)| format!("{name}={}", path.display()));
        if system::is_root() {
            return Ok(checkout.program("env").args(variables).arg(script));
        }
        ensure!(find_program("sudo").is_some(), "real hosts need root; run this as root, or install sudo");
        // As arguments, because sudo drops the environment.
        let owner = format!("{OWNER_VAR}={}", owner());
        Ok(checkout.program("sudo").arg("env").args(variables).arg(owner).arg(script))
    }

    fn how_to_use(&self) -> String {
        format!(
            "\nThe window on them    cargo xtask fleet run\n\
             The command line      cargo xtask fleet run -- daytwo fleet\n\
             A fault               cargo xtask fleet host web-2 kill   (without a command: the list)\n\
             By hand               ssh -F {} web-1\n\
             The end               cargo xtask fleet down",
            self.fleet.join("ssh_config").display()
        )
    }
}

/// Who is asking, as `chown` takes it.
fn owner() -> String {
    #[cfg(unix)]
    return format!("{}:{}", rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    #[cfg(not(unix))]
    return String::new();
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: Command,
    }

    fn parsed(line: &str) -> Command {
        Line::try_parse_from(format!("fleet {line}").split(' ')).unwrap().command
    }

    #[test]
    fn what_follows_a_host_reaches_it_as_it_was_typed() {
        for words in ["kill", "clock -3600", "impair delay=50 loss=5", "ssh -t top -d 1", "exec sh -c true"] {
            let Command::Host { name, command } = parsed(&format!("host web-2 {words}")) else { panic!("{words}") };
            assert_eq!((name.as_str(), command.join(" ").as_str()), ("web-2", words));
        }
        let Command::Run { command } = parsed("run -- daytwo --json runs") else { panic!("run") };
        assert_eq!(command, ["daytwo", "--json", "runs"]);
    }
}
