//! Checks runbook files: errors and warnings, each with its place.

use std::path::{Path, PathBuf};

use daytwo_model::Timestamp;
use daytwo_runbook::{Diagnostic, Severity};
use serde::Serialize;

use crate::catalogue::{read_bounded, runbook_stem};
use crate::wire::{Code, UiError};

/// How many files one check reads.
const FILES_MAX: usize = 5_000;

/// What a check found.
#[derive(Debug, Default, Serialize)]
pub struct CheckReport {
    /// How many runbooks were checked.
    pub files: u32,
    /// How many errors were found.
    pub errors: u32,
    /// How many warnings were found.
    pub warnings: u32,
    /// Each of them.
    pub findings: Vec<Finding>,
}

/// One error or warning.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// `error` or `warning`.
    pub severity: &'static str,
    /// The stable code; none for a file that cannot be read.
    pub code: Option<&'static str>,
    /// Line and column, from 1.
    pub place: Option<(u32, u32)>,
    /// In one sentence.
    pub message: String,
    /// As it is printed: with the line and a marker.
    pub text: String,
}

impl CheckReport {
    /// Checks one runbook's text. `now` decides whether its review is too old.
    pub fn check(&mut self, file: &str, text: &str, now: Timestamp) {
        self.files += 1;
        match daytwo_runbook::parse(file, text) {
            Err(diagnostics) => diagnostics.list().iter().for_each(|diagnostic| self.add(diagnostic)),
            Ok(runbook) => {
                daytwo_runbook::lint(&runbook, now).iter().for_each(|diagnostic| self.add(diagnostic));
            }
        }
    }

    /// A file that could not be read.
    pub fn unreadable(&mut self, file: &str, why: &str) {
        self.files += 1;
        self.errors += 1;
        self.findings.push(Finding {
            file: file.to_owned(),
            severity: "error",
            code: None,
            place: None,
            message: why.to_owned(),
            text: format!("{file}: error: {why}"),
        });
    }

    fn add(&mut self, diagnostic: &Diagnostic) {
        let severity = match diagnostic.severity {
            Severity::Error => {
                self.errors += 1;
                "error"
            }
            Severity::Warning => {
                self.warnings += 1;
                "warning"
            }
        };
        self.findings.push(Finding {
            file: diagnostic.file.clone(),
            severity,
            code: Some(diagnostic.code),
            place: Some((diagnostic.place.line, diagnostic.place.column)),
            message: diagnostic.message.clone(),
            text: diagnostic.to_string(),
        });
    }
}

/// Checks files, and the runbooks directly in folders.
pub(crate) fn check_paths(paths: &[&Path], now: Timestamp) -> Result<CheckReport, UiError> {
    let mut report = CheckReport::default();
    for path in files_of(paths)? {
        let file = path.display().to_string();
        match read_bounded(&path) {
            Ok(text) => report.check(&file, &text, now),
            Err(why) => report.unreadable(&file, &why),
        }
    }
    Ok(report)
}

fn files_of(paths: &[&Path]) -> Result<Vec<PathBuf>, UiError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push((*path).to_owned());
            continue;
        }
        let cannot =
            |error: std::io::Error| UiError::new(Code::NotFound, format!("cannot read {}: {error}", path.display()));
        let mut found: Vec<PathBuf> =
            std::fs::read_dir(path).map_err(cannot)?.flatten().map(|entry| entry.path()).collect();
        found.retain(|path| runbook_stem(path).is_some());
        found.sort();
        if found.is_empty() {
            return Err(UiError::new(Code::NotFound, format!("{} holds no runbook", path.display())));
        }
        files.append(&mut found);
    }
    if files.len() > FILES_MAX {
        return Err(UiError::new(Code::BadRequest, format!("more than {FILES_MAX} files; name fewer folders")));
    }
    Ok(files)
}
