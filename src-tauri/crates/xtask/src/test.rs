//! `cargo xtask test`: everything that has to hold, as named checks. The same on a developer's machine and in a pipeline.
//!
//! Checks of the UI and of Rust run side by side where neither needs the other's result; on two cores more would only
//! make the tests' own deadlines lie.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::checkout::{COMMAND_LINE, Checkout, DESKTOP, find_program, has_terminal, is_pipeline};
use crate::process::{Echo, Program};
use crate::report::Report;
use crate::run::BUILD_DEADLINE;
use crate::system::{self, For};
use crate::ui::{self, Done};
use crate::{fleet, hygiene, types};

/// All tests of the workspace, compiled already.
const TESTS_DEADLINE: Duration = Duration::from_secs(25 * 60);
/// One walk through the window, in two themes and two sizes.
const WINDOW_DEADLINE: Duration = Duration::from_secs(10 * 60);
/// Formatting, licences.
const SHORT_DEADLINE: Duration = Duration::from_secs(5 * 60);
/// Large enough for the largest window that is photographed.
const SCREEN: &str = "-screen 0 1920x1080x24";

/// Runs the checks.
pub(crate) fn test(checkout: &Checkout, fast: bool) -> Result<()> {
    system::ensure_node()?;
    system::ensure_packages(purposes(fast))?;
    let no_fleet = fleet::obstacle(checkout);
    if no_fleet.is_none() {
        system::ensure_packages(&[For::Fleet])?;
    }
    let report = Report::new(checkout)?;
    let ui_is_built = thread::scope(|scope| {
        let ui = scope.spawn(|| check_ui(checkout, &report));
        check_sources(checkout, &report);
        ui.join().unwrap_or(false)
    });
    check_rust(checkout, &report);
    match no_fleet {
        Some(why) => report.skip("real hosts", &why),
        None => check_real_hosts(checkout, &report),
    }
    if fast {
        report.skip("clippy, window, window tests", "--fast");
    } else if ui_is_built {
        check_window(checkout, &report);
    } else {
        report.skip("clippy, window, window tests", "the UI was not built");
    }
    report.close()
}

fn purposes(fast: bool) -> &'static [For] {
    if fast { &[For::Compiling, For::Tests] } else { &[For::Compiling, For::Window, For::Tests, For::WindowTests] }
}

/// True when there is a built UI for the desktop binary to embed.
fn check_ui(checkout: &Checkout, report: &Report<'_>) -> bool {
    if !report.check("UI packages", |log| ui::install(checkout, log).map(in_a_word)) {
        report.skip("UI", "its packages are not installed");
        return false;
    }
    report.check("UI formatting", |log| {
        ui::script(checkout, "format:check").logged(log, Echo::Nobody)?;
        let elsewhere = ["../tests/window", "../tauri.conf.json", "../src-tauri/capabilities"];
        quietly(ui::prettier(checkout).arg("--check").args(elsewhere), log)
    });
    for (name, script) in [("UI lint", "lint"), ("UI types", "check"), ("UI unit tests", "test")] {
        report.check(name, |log| {
            ui::script(checkout, script).logged(log, Echo::Nobody)?;
            Ok(last_line(log, |line| script == "test" && line.trim_start().starts_with("Tests ")))
        });
    }
    report.check("UI build", |log| ui::build(checkout, log).map(in_a_word))
}

/// What can be seen from the sources alone; ends with everything compiled.
fn check_sources(checkout: &Checkout, report: &Report<'_>) {
    report.check("formatting", |log| {
        let format = checkout.cargo("fmt").args(["--all", "--check"]).deadline(SHORT_DEADLINE);
        quietly(format, log)
    });
    report.check("nothing of this machine in files", |_| hygiene::check(checkout));
    if find_program("shellcheck").is_some() {
        report.check("scripts of the real hosts", |log| {
            let scripts = fleet::scripts(checkout)?;
            let shellcheck = checkout.program("shellcheck").args(["--external-sources", "--source-path=SCRIPTDIR"]);
            quietly(shellcheck.args(scripts), log)
        });
    } else {
        report.skip("scripts of the real hosts", "shellcheck is not installed");
    }
    if find_program("cargo-deny").is_some() {
        report.check("dependencies and licences", |log| {
            // Advisories need a download; who has the tool asks for them by hand.
            let deny = checkout.cargo("deny").args(["check", "bans", "licenses", "sources"]).deadline(SHORT_DEADLINE);
            quietly(deny, log)
        });
    } else {
        report.skip("dependencies and licences", "cargo-deny is not installed");
    }
    report.check("compile the tests, without webkit", |log| {
        quietly(cargo_test(checkout).arg("--no-run").deadline(BUILD_DEADLINE), log)
    });
}

fn check_rust(checkout: &Checkout, report: &Report<'_>) {
    report.check("types of the window are current", |log| {
        types::comparison(checkout)
            .logged(log, Echo::Nobody)
            .context("run `cargo xtask types` and look at the change")?;
        Ok(totals(log))
    });
    report.check("direction of dependencies", |log| {
        let house = cargo_test(checkout).args(["--test", "house"]).deadline(TESTS_DEADLINE);
        house.logged(log, Echo::Nobody)?;
        Ok(totals(log))
    });
    for (name, command) in [
        ("shipped runbooks pass their check", &["check", "--strict", "runbooks"][..]),
        ("shipped runbooks pass their tests", &["test", "runbooks"]),
    ] {
        report.check(name, |log| {
            let daytwo = checkout.cargo("run").args(["--quiet", "--locked", "--bin", COMMAND_LINE, "--"]);
            daytwo.args(command).deadline(BUILD_DEADLINE).logged(log, Echo::Nobody)?;
            Ok(last_line(log, |_| true))
        });
    }
    report.check("unit and integration tests", |log| {
        let tests = cargo_test(checkout).arg("--no-fail-fast").deadline(TESTS_DEADLINE);
        tests.logged(log, echo())?;
        Ok(totals(log))
    });
}

/// Apart from the other tests, whose deadlines would lie beside booting hosts.
fn check_real_hosts(checkout: &Checkout, report: &Report<'_>) {
    let image = report.check("base image of the real hosts", |log| {
        fleet::image(checkout).logged(log, echo())?;
        Ok(last_line(log, |_| true))
    });
    if !image {
        report.skip("real hosts", "there is no base image");
        return;
    }
    report.check("real hosts", |log| {
        let tests = cargo_test(checkout).args(["--test", "fleet", "--", "--ignored"]).deadline(TESTS_DEADLINE);
        tests.logged(log, echo())?;
        Ok(totals(log))
    });
}

fn check_window(checkout: &Checkout, report: &Report<'_>) {
    report.check("clippy, warnings are errors", |log| {
        let clippy = checkout.cargo("clippy").args(["--workspace", "--all-targets", "--locked"]);
        quietly(
            clippy.args(["--features", "daytwo/custom-protocol", "--", "-D", "warnings"]).deadline(BUILD_DEADLINE),
            log,
        )
    });
    let built = report.check("build window and command line", |log| {
        let build = checkout.cargo("build").args(["--locked", "--package", "daytwo", "--features", "custom-protocol"]);
        quietly(build.args(["--bin", DESKTOP, "--bin", COMMAND_LINE]).deadline(BUILD_DEADLINE), log)
    });
    if built {
        report.check("the real window", |log| walk_through_window(checkout, log));
    } else {
        report.skip("the real window", "it was not built");
    }
}

fn walk_through_window(checkout: &Checkout, log: &Path) -> Result<String> {
    let screenshots = checkout.root.join("target/screenshots");
    let walk = if cfg!(target_os = "linux") {
        checkout.program("xvfb-run").args(["-a", "-s", SCREEN, "node"])
    } else {
        checkout.program("node")
    };
    walk.arg("tests/window/run.mjs")
        .arg(checkout.binary("debug", DESKTOP))
        .arg(&screenshots)
        .deadline(WINDOW_DEADLINE)
        .logged(log, echo())?;
    Ok(last_line(log, |_| true))
}

fn cargo_test(checkout: &Checkout) -> Program {
    let test = checkout.cargo("test").args(["--workspace", "--locked"]);
    // Windows cannot replace a program that runs, and this one runs.
    if cfg!(windows) { test.args(["--exclude", "daytwo-xtask"]) } else { test }
}

fn quietly(program: Program, log: &Path) -> Result<String> {
    program.logged(log, Echo::Nobody)?;
    Ok(String::new())
}

/// A pipeline's log is all that will be left of a run; a person gets the one line.
fn echo() -> Echo {
    if has_terminal() && !is_pipeline() { Echo::Nobody } else { Echo::Everybody }
}

fn in_a_word(done: Done) -> String {
    match done {
        Done::Already => "unchanged",
        Done::Now => "done",
    }
    .to_owned()
}

fn last_line(log: &Path, wanted: impl Fn(&str) -> bool) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let line = text.lines().rev().find(|line| !line.trim().is_empty() && wanted(line));
    line.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Sums up the closing lines of all test binaries.
fn totals(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let closing = text.lines().filter_map(|line| line.strip_prefix("test result: "));
    let (mut passed, mut failed, mut ignored) = (0, 0, 0);
    for line in closing {
        passed += number_before(line, " passed");
        failed += number_before(line, " failed");
        ignored += number_before(line, " ignored");
    }
    format!("{passed} tests passed, {failed} failed, {ignored} ignored")
}

fn number_before(line: &str, word: &str) -> u64 {
    let before = line.split(word).next().unwrap_or_default();
    before.rsplit(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_add_up_over_all_test_binaries() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let text = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\nnoise\n\
                    test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        fs::write(&log, text).unwrap();
        assert_eq!(totals(&log), "15 tests passed, 2 failed, 1 ignored");
    }
}
