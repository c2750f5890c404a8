//! Checks and tests runbook files. Needs no fleet and no history, so that a pipeline can do it on a bare checkout.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use daytwo_model::facts::FactSheet;
use daytwo_model::plan::LocalFile;
use daytwo_model::{Host, HostName, RunbookName};
use daytwo_runbook::{Diagnostic, Diagnostics, Nowhere, Runbook, Severity, Surroundings};
use serde::Serialize;

use crate::catalogue::{Catalogue, read_bounded, runbook_stem};
use crate::clock::SystemClock;
use crate::profile::Profile;
use crate::shellcheck::ShellCheck;
use crate::surroundings::text_beside;
use crate::view::words::count;
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
    /// What could not be looked at, one sentence each.
    pub notes: Vec<String>,
}

/// One error or warning.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// `error` or `warning`.
    pub severity: &'static str,
    /// The stable code; none for a file that cannot be read.
    pub code: Option<String>,
    /// Line and column, from 1.
    pub place: Option<(u32, u32)>,
    /// In one sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// As it is printed: with the line and a marker.
    pub text: String,
}

impl CheckReport {
    fn unreadable(&mut self, file: &str, why: &str) {
        self.errors += 1;
        self.findings.push(Finding {
            file: file.to_owned(),
            severity: "error",
            code: None,
            place: None,
            message: why.to_owned(),
            hint: None,
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
            code: Some(diagnostic.code.to_string()),
            place: Some((diagnostic.place.line, diagnostic.place.column)),
            message: diagnostic.message.clone(),
            hint: diagnostic.hint.clone(),
            text: diagnostic.to_string(),
        });
    }
}

/// Checks files, and the runbooks directly in folders; the catalogue where none are given.
pub async fn check(profile: Option<&Profile>, paths: &[&Path]) -> Result<CheckReport, UiError> {
    let now = SystemClock.now();
    let mut report = CheckReport::default();
    let texts = texts(profile, paths)?;
    let books = Books::of(&texts, profile);
    let mut shellcheck = ShellCheck::default();
    for text in &texts {
        report.files += 1;
        let runbook = match &text.runbook {
            Ok(runbook) => runbook,
            Err(Unusable::Unreadable(why)) => {
                report.unreadable(&text.file, why);
                continue;
            }
            Err(Unusable::Wrong(errors)) => {
                errors.list().iter().for_each(|error| report.add(error));
                continue;
            }
        };
        if text.stem != runbook.name.as_str() {
            let why = format!("the file is called {}, and the runbook in it {}", text.stem, runbook.name);
            report.unreadable(&text.file, &why);
        }
        let mut found = daytwo_runbook::check_calls(runbook, &|name| books.get(name));
        found.extend(daytwo_runbook::lint(runbook, now));
        shellcheck.check(runbook).await;
        found.append(&mut shellcheck.found);
        found.sort_by_key(|diagnostic| diagnostic.place);
        found.iter().for_each(|diagnostic| report.add(diagnostic));
    }
    report.notes = shellcheck.notes;
    Ok(report)
}

/// What the tests of runbooks said.
#[derive(Debug, Default, Serialize)]
pub struct TestReport {
    /// One for each test file.
    pub files: Vec<TestedFile>,
}

/// What the tests of one runbook said.
#[derive(Debug, Serialize)]
pub struct TestedFile {
    /// The test file.
    pub file: String,
    /// Its cases; none where it could not be read.
    pub report: Option<daytwo_rehearsal::Report>,
    /// Why it could not be read.
    pub problem: Option<String>,
}

impl TestReport {
    /// Whether every file could be read and every case went as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.files.iter().all(|file| file.report.as_ref().is_some_and(daytwo_rehearsal::Report::passed))
    }
}

impl fmt::Display for TestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            match (&file.report, &file.problem) {
                (Some(report), _) => writeln!(f, "{report}")?,
                (None, Some(problem)) => writeln!(f, "{}: cannot be used:\n{problem}\n", file.file)?,
                (None, None) => writeln!(f, "{}", file.file)?,
            }
        }
        let cases = self.files.iter().filter_map(|file| file.report.as_ref()).map(|report| report.cases.len());
        let failed =
            self.files.iter().filter(|file| !file.report.as_ref().is_some_and(daytwo_rehearsal::Report::passed));
        let (files, failed) = (count(self.files.len(), "test file"), failed.count());
        let end = if failed == 0 {
            "all as expected".to_owned()
        } else {
            format!("{} not as expected", count(failed, "file"))
        };
        writeln!(f, "{files} with {}: {end}", count(cases.sum(), "case"))
    }
}

/// Runs the tests beside runbooks. A runbook that is named and has no test is an error; one in a folder is passed over.
pub fn rehearse(profile: Option<&Profile>, paths: &[&Path]) -> Result<TestReport, UiError> {
    let runbooks = texts(profile, paths)?;
    let books = Books::of(&runbooks, profile);
    let mut report = TestReport::default();
    for runbook in &runbooks {
        let (file, test) = match &runbook.test {
            Beside::Text { file, content } => (file.clone(), content.clone()),
            Beside::None if runbook.named => {
                let why = format!("{} has no test beside it: write {}.test.yaml", runbook.file, runbook.stem);
                return Err(UiError::new(Code::NotFound, why));
            }
            Beside::None => continue,
        };
        let tested = test.and_then(|test| rehearse_one(runbook, &file, &test, &books));
        let (report_of, problem) = match tested {
            Ok(report) => (Some(report), None),
            Err(problem) => (None, Some(problem)),
        };
        report.files.push(TestedFile { file, report: report_of, problem });
    }
    if report.files.is_empty() {
        return Err(UiError::new(Code::NotFound, "there is no test: write NAME.test.yaml beside NAME.yaml"));
    }
    Ok(report)
}

fn rehearse_one(text: &Text, file: &str, test: &str, books: &Books) -> Result<daytwo_rehearsal::Report, String> {
    let runbook = text.runbook.as_ref().map_err(ToString::to_string)?;
    let rehearsal = daytwo_runbook::parse_rehearsal(file, test).map_err(|errors| errors.to_string())?;
    Ok(daytwo_rehearsal::rehearse(runbook, &rehearsal, books))
}

/// A runbook's file with what stands beside it.
struct Text {
    file: String,
    stem: String,
    runbook: Result<Arc<Runbook>, Unusable>,
    test: Beside,
    /// Named itself, and not found in a folder.
    named: bool,
}

/// Why a file is no runbook.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("{0}")]
    Unreadable(String),
    #[error(transparent)]
    Wrong(Diagnostics),
}

fn parsed(file: &str, content: Result<String, String>) -> Result<Arc<Runbook>, Unusable> {
    let content = content.map_err(Unusable::Unreadable)?;
    daytwo_runbook::parse(file, &content).map(Arc::new).map_err(Unusable::Wrong)
}

enum Beside {
    None,
    Text { file: String, content: Result<String, String> },
}

/// The runbooks that others call: those that are checked together, then the catalogue.
struct Books {
    together: BTreeMap<String, Arc<Runbook>>,
    catalogue: Catalogue,
}

impl Books {
    fn of(texts: &[Text], profile: Option<&Profile>) -> Self {
        let usable = texts.iter().filter_map(|text| Some((text.stem.clone(), Arc::clone(text.runbook.as_ref().ok()?))));
        Self { together: usable.collect(), catalogue: catalogue(profile) }
    }

    fn get(&self, name: &RunbookName) -> Option<Arc<Runbook>> {
        let together = self.together.get(name.as_str()).map(Arc::clone);
        together.or_else(|| self.catalogue.get(name)?.runbook.as_ref().ok().map(Arc::clone))
    }
}

/// Other runbooks, and the texts beside them. Everything else that planning asks is for a test file to say.
impl Surroundings for Books {
    fn runbook(&self, name: &RunbookName) -> Option<Arc<Runbook>> {
        self.get(name)
    }

    fn file(&self, path: &str) -> Result<LocalFile, String> {
        Nowhere.file(path)
    }

    fn text_beside(&self, file: &str, path: &str) -> Result<String, String> {
        match Path::new(file).parent() {
            Some(folder) => text_beside(folder, path),
            None => Nowhere.text_beside(file, path),
        }
    }

    fn choices(&self, runbook: &RunbookName, input: &str) -> Result<Vec<String>, String> {
        Nowhere.choices(runbook, input)
    }

    fn host_keys(&self, _host: &Host) -> Vec<String> {
        Vec::new()
    }

    fn gateway_of(&self, _host: &Host) -> Option<String> {
        None
    }

    fn facts(&self, _host: &HostName) -> Option<&FactSheet> {
        None
    }
}

fn catalogue(profile: Option<&Profile>) -> Catalogue {
    match profile {
        Some(profile) => Catalogue::read(&profile.runbooks_dir()),
        None => Catalogue::shipped(),
    }
}

fn texts(profile: Option<&Profile>, paths: &[&Path]) -> Result<Vec<Text>, UiError> {
    if !paths.is_empty() {
        return Ok(files_of(paths)?.iter().map(|(path, named)| from_disk(path, *named)).collect());
    }
    let catalogue = catalogue(profile);
    let from_entry = |entry: &crate::catalogue::Entry| match &entry.path {
        Some(path) => from_disk(path, false),
        None => Text {
            file: entry.file.clone(),
            stem: entry.name.to_string(),
            runbook: entry.runbook.as_ref().map(Arc::clone).map_err(|why| Unusable::Unreadable(why.clone())),
            test: match Catalogue::shipped_test(&entry.name) {
                Some((file, content)) => Beside::Text { file, content: Ok(content.to_owned()) },
                None => Beside::None,
            },
            named: false,
        },
    };
    Ok(catalogue.entries().map(from_entry).collect())
}

fn from_disk(path: &Path, named: bool) -> Text {
    let stem = runbook_stem(path).map_or_else(|| path.display().to_string(), str::to_owned);
    let beside = path.with_file_name(format!("{stem}.test.yaml"));
    let test = if beside.exists() {
        Beside::Text { file: beside.display().to_string(), content: read_bounded(&beside) }
    } else {
        Beside::None
    };
    let file = path.display().to_string();
    Text { stem, runbook: parsed(&file, read_bounded(path)), file, test, named }
}

/// The files, and whether each was named itself.
fn files_of(paths: &[&Path]) -> Result<Vec<(PathBuf, bool)>, UiError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push((the_runbook_of(path), true));
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
        files.extend(found.into_iter().map(|path| (path, false)));
    }
    if files.len() > FILES_MAX {
        return Err(UiError::new(Code::BadRequest, format!("more than {FILES_MAX} files; name fewer folders")));
    }
    Ok(files)
}

/// Somebody who names `x.test.yaml` means the runbook `x.yaml` and its test.
fn the_runbook_of(path: &Path) -> PathBuf {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".test.yaml"));
    name.map_or_else(|| path.to_owned(), |stem| path.with_file_name(format!("{stem}.yaml")))
}
