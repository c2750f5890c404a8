//! `cargo xtask run`: from a fresh checkout to the demo fleet, in the window or, where there is none, in the terminal.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::checkout::{COMMAND_LINE, Checkout, DESKTOP, has_display};
use crate::process::{Program, in_words};
use crate::system::{self, For};
use crate::ui::{self, Done};

/// The first build of everything, on two slow cores.
pub(crate) const BUILD_DEADLINE: Duration = Duration::from_secs(60 * 60);
/// The tour runs one runbook over 24 hosts, some of which are slow.
const TOUR_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// Installs, builds, starts.
pub(crate) fn run(checkout: &Checkout, no_window: bool) -> Result<()> {
    if no_window || !has_display() {
        if !no_window {
            println!("There is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set), so no window can open.");
        }
        return tour(checkout);
    }
    let desktop = window(checkout)?;
    println!("Opening the window, with the demo fleet. Close it, or press Ctrl-C, to end.");
    let started = Instant::now();
    start(checkout, &desktop).arg("--demo").until_it_ends().attached()?;
    println!("The window was closed after {}.", in_words(started.elapsed()));
    Ok(())
}

/// The window's binary, with everything that it is made of.
pub(crate) fn window(checkout: &Checkout) -> Result<PathBuf> {
    system::ensure_packages(&[For::Compiling, For::Window])?;
    system::ensure_node()?;
    let log = log_of(checkout, "run-ui.log")?;
    made("UI packages", &log, || ui::install(checkout, &log))?;
    made("UI", &log, || ui::build(checkout, &log))?;
    build(checkout, DESKTOP)
}

/// The command line's binary.
pub(crate) fn command_line(checkout: &Checkout) -> Result<PathBuf> {
    system::ensure_packages(&[For::Compiling])?;
    build(checkout, COMMAND_LINE)
}

fn tour(checkout: &Checkout) -> Result<()> {
    println!("Showing the same on the command line.");
    let command_line = command_line(checkout)?;
    start(checkout, &command_line).arg("demo-tour").deadline(TOUR_DEADLINE).attached()?;
    println!("The tour is over. Run `cargo xtask run` where there is a display to see it in the window.");
    Ok(())
}

fn start(checkout: &Checkout, binary: &Path) -> Program {
    checkout.program(&binary.to_string_lossy())
}

/// Builds one of the two binaries. Cargo shows its own progress, and nothing when nothing is to be done.
fn build(checkout: &Checkout, name: &str) -> Result<PathBuf> {
    let mut build = checkout.cargo("build").args(["--locked", "--package", "daytwo", "--bin", name]);
    if name == DESKTOP {
        build = build.args(["--features", "custom-protocol"]);
    }
    let binary = checkout.binary("debug", name);
    if !binary.exists() {
        println!("Building {name}: the first time takes some minutes.");
    }
    build.deadline(BUILD_DEADLINE).attached()?;
    Ok(binary)
}

fn made(what: &str, log: &Path, work: impl FnOnce() -> Result<Done>) -> Result<()> {
    let started = Instant::now();
    let done = work().with_context(|| format!("{what} could not be made; see {}", log.display()))?;
    if done == Done::Now {
        println!("{what} made in {}.", in_words(started.elapsed()));
    }
    Ok(())
}

/// An empty log file of this name.
pub(crate) fn log_of(checkout: &Checkout, name: &str) -> Result<PathBuf> {
    let logs = checkout.target.join("xtask-logs");
    fs::create_dir_all(&logs).with_context(|| format!("{} could not be created", logs.display()))?;
    let log = logs.join(name);
    fs::write(&log, "")?;
    Ok(log)
}
