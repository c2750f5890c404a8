//! The window's UI: its packages and its build, each done again only when what it is made from has changed.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::checkout::Checkout;
use crate::process::{Echo, Program};

/// Some hundred packages over a slow line.
const INSTALL_DEADLINE: Duration = Duration::from_secs(15 * 60);
/// A build takes seconds; a loaded machine is given minutes.
const SCRIPT_DEADLINE: Duration = Duration::from_secs(10 * 60);
/// Beside the packages, so that it goes when they go.
const INSTALLED_STAMP: &str = "node_modules/.daytwo-installed";
/// Beside the built files, for the same reason.
const BUILT_STAMP: &str = "dist/.daytwo-built";
/// Made from the rest, never read for the build.
const NOT_SOURCES: [&str; 3] = ["node_modules", "dist", "coverage"];

/// Whether something had to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// It was as it should be.
    Already,
    /// It was made anew.
    Now,
}

/// Installs the packages that the lock file names.
pub(crate) fn install(checkout: &Checkout, log: &Path) -> Result<Done> {
    let lock = fs::read(checkout.ui().join("package-lock.json")).context("ui/package-lock.json cannot be read")?;
    let node = Program::new("node").arg("--version").answer()?;
    unless_stamped(&checkout.ui().join(INSTALLED_STAMP), &digest(&(lock, node)), || {
        let install = npm(checkout).args(["ci", "--no-audit", "--no-fund"]).deadline(INSTALL_DEADLINE);
        install.logged(log, Echo::Nobody)
    })
}

/// Builds what the desktop binary embeds.
pub(crate) fn build(checkout: &Checkout, log: &Path) -> Result<Done> {
    let sources = sources(&checkout.ui())?;
    unless_stamped(&checkout.ui().join(BUILT_STAMP), &digest(&sources), || {
        script(checkout, "build").logged(log, Echo::Nobody)
    })
}

/// A script of `ui/package.json`.
pub(crate) fn script(checkout: &Checkout, name: &str) -> Program {
    npm(checkout).args(["run", "--silent", name]).deadline(SCRIPT_DEADLINE)
}

/// The UI's formatter, for what is written in its languages elsewhere. Started in `ui`, where it finds its plug-ins.
pub(crate) fn prettier(checkout: &Checkout) -> Program {
    let arguments = ["node_modules/prettier/bin/prettier.cjs", "--config", ".prettierrc.json"];
    Program::new("node").within(&checkout.ui()).args(arguments).deadline(SCRIPT_DEADLINE)
}

fn npm(checkout: &Checkout) -> Program {
    Program::new("npm").within(&checkout.ui())
}

fn unless_stamped(stamp: &Path, expected: &str, work: impl FnOnce() -> Result<()>) -> Result<Done> {
    if fs::read_to_string(stamp).is_ok_and(|found| found == expected) {
        return Ok(Done::Already);
    }
    work()?;
    fs::write(stamp, expected).with_context(|| format!("{} cannot be written", stamp.display()))?;
    Ok(Done::Now)
}

/// Names and contents of everything that the build may read, in a fixed order.
fn sources(ui: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut found = Vec::new();
    let mut folders = vec![ui.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))? {
            let path = entry?.path();
            let generated = folder == ui && NOT_SOURCES.iter().any(|name| path.ends_with(name));
            if path.is_dir() && !generated {
                folders.push(path);
            } else if path.is_file() {
                let content = fs::read(&path)?;
                found.push((path, content));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Good enough to see a change; nobody is to be kept out by it.
fn digest(content: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ui_is_built_again_when_and_only_when_a_source_changed() {
        let ui = tempfile::tempdir().unwrap();
        for folder in ["src", "dist", "node_modules/x"] {
            fs::create_dir_all(ui.path().join(folder)).unwrap();
        }
        fs::write(ui.path().join("src/a.ts"), "1").unwrap();
        let build = || {
            let digest = digest(&sources(ui.path()).unwrap());
            unless_stamped(&ui.path().join(BUILT_STAMP), &digest, || Ok(fs::write(ui.path().join("dist/a.js"), "1")?))
        };
        assert_eq!(build().unwrap(), Done::Now);
        assert_eq!(build().unwrap(), Done::Already);
        fs::write(ui.path().join("node_modules/x/index.js"), "not a source").unwrap();
        assert_eq!(build().unwrap(), Done::Already);
        fs::write(ui.path().join("src/a.ts"), "2").unwrap();
        assert_eq!(build().unwrap(), Done::Now);
    }

    #[test]
    fn a_build_that_failed_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = folder.path().join("stamp");
        assert!(unless_stamped(&stamp, "x", || anyhow::bail!("no")).is_err());
        assert_eq!(unless_stamped(&stamp, "x", || Ok(())).unwrap(), Done::Now);
    }
}
