//! Named checks, their times, their one line each, and the totals. Output of a check goes to a log of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::checkout::Checkout;
use crate::process::in_words;

/// How much of a failed check's log is shown: enough for a compiler error, little enough to scroll.
const SHOWN_LINES_MAX: usize = 120;

/// The course of all checks. Checks may run in several threads.
pub(crate) struct Report<'a> {
    checkout: &'a Checkout,
    logs: PathBuf,
    started: Instant,
    tally: Mutex<Tally>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: usize,
    failed: Vec<String>,
    skipped: usize,
}

impl<'a> Report<'a> {
    /// Starts with no logs of an earlier time.
    pub(crate) fn new(checkout: &'a Checkout) -> Result<Self> {
        let logs = checkout.target.join("xtask-logs");
        if logs.is_dir() {
            fs::remove_dir_all(&logs)?;
        }
        fs::create_dir_all(&logs).with_context(|| format!("{} could not be created", logs.display()))?;
        Ok(Self { checkout, logs, started: Instant::now(), tally: Mutex::default() })
    }

    /// Runs one check, which gets the path of its log and returns its one line. True when it passed.
    pub(crate) fn check(&self, name: &str, work: impl FnOnce(&Path) -> Result<String>) -> bool {
        let log = self.logs.join(format!("{}.log", name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")));
        println!("  ..    {name}");
        let started = Instant::now();
        let done = work(&log);
        let time = in_words(started.elapsed());
        match done {
            Ok(line) => {
                println!("  ok    {name:<34} {time:>12}  {line}");
                self.count(|tally| tally.passed += 1);
                true
            }
            Err(error) => {
                self.show_failure(name, &time, &log, &error);
                self.count(|tally| tally.failed.push(name.to_owned()));
                false
            }
        }
    }

    /// Says that a check was left out, and why.
    pub(crate) fn skip(&self, name: &str, why: &str) {
        println!("  skip  {name:<34} {:>12}  {why}", "");
        self.count(|tally| tally.skipped += 1);
    }

    /// Prints the totals, alone on their line; an error when a check failed.
    pub(crate) fn close(self) -> Result<()> {
        let tally = self.tally.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let logs = self.checkout.shown(&self.logs);
        println!("\nAll checks took {}; their logs are in {logs}", in_words(self.started.elapsed()));
        println!("{}", tally.line());
        if !tally.failed.is_empty() {
            bail!("failed: {}", tally.failed.join(", "));
        }
        Ok(())
    }

    fn show_failure(&self, name: &str, time: &str, log: &Path, error: &anyhow::Error) {
        let written = String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned();
        let lines: Vec<&str> = written.lines().collect();
        let shown = lines.get(lines.len().saturating_sub(SHOWN_LINES_MAX)..).unwrap_or_default();
        let rule = "-".repeat(60);
        println!("  FAIL  {name:<34} {time:>12}  {error:#}");
        if !shown.is_empty() {
            println!("{rule} {}\n{}\n{rule}", self.checkout.shown(log), shown.join("\n"));
        }
    }

    fn count(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl Tally {
    fn line(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed.len(), self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_check_fails_the_whole_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let checkout = Checkout { root: folder.path().to_path_buf(), target: folder.path().join("target") };
        let report = Report::new(&checkout).unwrap();
        assert!(report.check("good", |_| Ok("fine".to_owned())));
        assert!(!report.check("bad", |_| bail!("not so")));
        report.skip("absent", "not installed");
        assert_eq!(report.tally.lock().unwrap().line(), "1 passed, 1 failed, 1 skipped");
        assert_eq!(report.close().unwrap_err().to_string(), "failed: bad");
    }
}
