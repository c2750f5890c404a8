//! What a rehearsal showed, for people and for machines.

use std::fmt;

use daytwo_runbook::{Case, Expected};
use serde::Serialize;

/// The widest left column of a difference, in characters; longer texts push the right one away.
const COLUMN_MAX: usize = 60;

/// The report of a file of tests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The file.
    pub file: String,
    /// The runbook that was tested.
    pub runbook: String,
    /// What is wrong with the file as a whole.
    pub problems: Vec<Problem>,
    /// Its cases, in order.
    pub cases: Vec<CaseReport>,
    /// How long all of it took, in milliseconds of real time.
    pub real_ms: f64,
}

/// The report of one case. It passed if nothing is wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseReport {
    /// Its title.
    pub case: String,
    /// Its line in the file.
    pub line: u32,
    /// What is not as it was expected.
    pub problems: Vec<Problem>,
    /// How many attempts were sent.
    pub attempts: u32,
    /// How many checks and post-conditions were asked.
    pub asked: u32,
    /// How long the run, and its undo, took by their own clock, in milliseconds.
    pub simulated_ms: u64,
    /// How long the case took, in milliseconds of real time.
    pub real_ms: f64,
}

/// Something that is not as it was expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The line of the file that is not met.
    pub line: u32,
    /// What is wrong.
    pub message: String,
    /// Expected and found, side by side; empty where the message says it all.
    pub rows: Vec<Row>,
}

/// One row of a difference.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Row {
    /// What was expected here.
    pub expected: Option<String>,
    /// What was found here.
    pub found: Option<String>,
    /// Whether the two differ.
    pub differs: bool,
    /// The line of the file that expects it.
    pub line: Option<u32>,
}

impl Report {
    /// Whether everything was as it was expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.problems.is_empty() && self.cases.iter().all(CaseReport::passed)
    }
}

impl CaseReport {
    pub(crate) fn new(case: &Case) -> Self {
        Self {
            case: case.title.clone(),
            line: case.place.line,
            problems: Vec::new(),
            attempts: 0,
            asked: 0,
            simulated_ms: 0,
            real_ms: 0.0,
        }
    }

    /// Whether everything was as it was expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.problems.is_empty()
    }

    /// Nothing ran, for this reason; which may be what was expected.
    pub(crate) fn refused(&mut self, expect: &Expected, why: &str) {
        match expect {
            Expected::Refused { text, .. } if why.contains(text.as_str()) => {}
            Expected::Refused { place, text } => {
                self.problems.push(Problem::new(place.line, format!("it is not refused with `{text}`: {why}")));
            }
            Expected::Run(run) => self.problems.push(Problem::new(run.end.0.line, why)),
        }
    }
}

impl Problem {
    pub(crate) fn new(line: u32, message: impl Into<String>) -> Self {
        Self { line, message: message.into(), rows: Vec::new() }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.cases.iter().filter(|case| !case.passed()).count();
        let cases = self.cases.len();
        let verdict = match (failed, self.problems.is_empty()) {
            (0, true) => "all passed".to_owned(),
            (0, false) => "all passed, and the file is not right".to_owned(),
            (failed, _) => format!("{failed} failed"),
        };
        let noun = if cases == 1 { "case" } else { "cases" };
        write!(f, "{}: {cases} {noun}, {verdict} ({:.0} ms)", self.file, self.real_ms)?;
        self.problems.iter().try_for_each(|problem| show(f, problem, &self.file))?;
        for case in &self.cases {
            let mark = if case.passed() { "passed" } else { "FAILED" };
            write!(f, "\n  {mark}  {}", case.case)?;
            if case.attempts > 0 {
                let noun = if case.attempts == 1 { "attempt" } else { "attempts" };
                write!(f, "  ({} {noun}, {} of its own time)", case.attempts, span(case.simulated_ms))?;
            }
            case.problems.iter().try_for_each(|problem| show(f, problem, &self.file))?;
        }
        Ok(())
    }
}

fn show(f: &mut fmt::Formatter<'_>, problem: &Problem, file: &str) -> fmt::Result {
    let mut lines = problem.message.lines();
    write!(f, "\n      {file}:{}: {}", problem.line, lines.next().unwrap_or_default())?;
    lines.try_for_each(|line| write!(f, "\n        {line}"))?;
    let expects = problem.rows.iter().any(|row| row.expected.is_some());
    if !expects {
        return problem
            .rows
            .iter()
            .filter_map(|row| row.found.as_ref())
            .try_for_each(|row| write!(f, "\n        | {row}"));
    }
    let width = |row: &Row| row.expected.as_ref().map_or(0, |text| text.chars().count());
    let column = problem.rows.iter().map(width).max().unwrap_or(0).clamp("expected".len(), COLUMN_MAX);
    write!(f, "\n          {:column$}   found", "expected")?;
    let mut first = true;
    for row in &problem.rows {
        // The first difference is the one to look at; those after it may follow from it.
        let mark = match (row.differs, first) {
            (false, _) => ' ',
            (true, true) => '>',
            (true, false) => '|',
        };
        first &= !row.differs;
        let (expected, found) = (row.expected.as_deref().unwrap_or("-"), row.found.as_deref().unwrap_or("-"));
        write!(f, "\n        {mark} {expected:column$}   {found}")?;
    }
    Ok(())
}

/// A span of time for people.
pub(crate) fn span(ms: u64) -> String {
    let (seconds, rest) = (ms / 1000, ms % 1000);
    match seconds {
        0 => format!("{ms} ms"),
        1..=119 if rest > 0 => format!("{seconds}.{:01} s", rest / 100),
        1..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}
