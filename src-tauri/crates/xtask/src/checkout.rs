//! Where things are in this checkout and on this machine. Asks the environment; changes nothing.

use std::env;
use std::io::{IsTerminal, stdin, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::process::Program;

/// The name of the command line's binary.
pub(crate) const COMMAND_LINE: &str = "daytwo";
/// The name of the window's binary.
pub(crate) const DESKTOP: &str = "daytwo-desktop";

/// A checkout of the repository, and where cargo puts what it builds.
#[derive(Debug, Clone)]
pub(crate) struct Checkout {
    /// The folder with the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's target folder; `CARGO_TARGET_DIR` decides where it is set.
    pub(crate) target: PathBuf,
}

impl Checkout {
    /// The checkout that this program was compiled in.
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(3)
            .context("this crate is no longer at src-tauri/crates/xtask")?
            .to_path_buf();
        ensure!(
            root.join("tauri.conf.json").is_file(),
            "{} is not the checkout any more: run `cargo xtask` from where it was moved to",
            root.display()
        );
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(set) if !set.is_empty() => env::current_dir()?.join(set),
            _ => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// The window's sources.
    pub(crate) fn ui(&self) -> PathBuf {
        self.root.join("ui")
    }

    /// A program of this checkout, started in its root.
    pub(crate) fn program(&self, name: &str) -> Program {
        Program::new(name).within(&self.root).outside_of_cargo()
    }

    /// The same cargo that runs this.
    pub(crate) fn cargo(&self, command: &str) -> Program {
        let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        self.program(&cargo).arg(command).env("CARGO_TARGET_DIR", &self.target.to_string_lossy())
    }

    /// A binary of the given profile's folder (`debug`, `release`).
    pub(crate) fn binary(&self, profile: &str, name: &str) -> PathBuf {
        self.target.join(profile).join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// A path as people want to read it: relative to the checkout where it lies in it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// Whether a window can be opened here.
pub(crate) fn has_display() -> bool {
    !cfg!(target_os = "linux") || ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(is_set)
}

/// Whether a person is at both ends.
pub(crate) fn has_terminal() -> bool {
    stdin().is_terminal() && stdout().is_terminal()
}

/// Whether a pipeline says that it is one.
pub(crate) fn is_pipeline() -> bool {
    is_set("CI")
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// Finds a program on the search path, and where Debian keeps its daemons, which a person's path leaves out.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let daemons = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(daemons)
        .flat_map(|folder| [folder.join(name), folder.join(format!("{name}.exe")), folder.join(format!("{name}.cmd"))])
        .find(|candidate| candidate.is_file())
}
