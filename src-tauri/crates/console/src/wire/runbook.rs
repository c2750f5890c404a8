//! The Runbooks place.

use daytwo_model::{Digest, RunbookName, Timestamp};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One runbook in the catalogue.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct RunbookRow {
    /// Its name.
    pub name: RunbookName,
    /// Its title.
    pub title: String,
    /// What it does.
    pub summary: String,
    /// `diagnostic`, `operation`, `deploy`, `rollback`.
    pub kind: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// `central`, `shared`, `customer`.
    pub stewardship: String,
    /// When somebody last reviewed it (a date).
    pub reviewed: Option<String>,
    /// Set when the last review is too long ago, or nobody has said when it was: one line.
    pub overdue: Option<String>,
    /// The last run that succeeded.
    pub last_green: Option<Timestamp>,
    /// The file it was read from.
    pub file: String,
    /// Set when the file is not a runbook: what is wrong with it.
    pub broken: Option<String>,
}

/// A runbook in full, to be read like a good man page.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct RunbookView {
    /// As in the catalogue.
    pub row: RunbookRow,
    /// The digest of its text.
    pub digest: Digest,
    /// Its text.
    pub text: String,
    /// The hosts it is for, as a selector.
    pub targets: Option<String>,
    /// What it asks for, in order.
    pub inputs: Vec<InputView>,
    /// What it does, in order.
    pub steps: Vec<StepView>,
    /// Canary, ramp and budgets in words, one line each.
    pub rollout: Vec<String>,
    /// What the checker says.
    pub findings: Vec<Finding>,
    /// What may be done with its text here.
    pub editing: Editing,
    /// The revision of the folder that it was read from: `git 1f3a9c2b7d10`.
    pub source: Option<String>,
}

/// What may be done with a runbook's text here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Editing {
    /// It is owned here: it can be saved.
    Save,
    /// It is owned elsewhere: it can be copied, and the copy is owned here.
    Copy,
    /// It is shared: a change is proposed to its owner.
    Propose,
}

/// Something that is wrong with a runbook's text, or should not stay so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Finding {
    /// Stable; `daytwo explain CODE` says more.
    pub code: String,
    /// Whether the runbook can be used in spite of it.
    pub error: bool,
    /// The line, from 1.
    pub line: u32,
    /// The column, in characters from 1.
    pub column: u32,
    /// How many characters are meant; at least 1.
    pub width: u32,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A text from the editor, read as a runbook.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct TextCheck {
    /// Errors and warnings, in the order of their lines.
    pub findings: Vec<Finding>,
    /// The runbook, when it can be read.
    pub runbook: Option<RunbookView>,
}

/// A page about a code.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct CodePage {
    /// The code.
    pub code: String,
    /// One line.
    pub title: String,
    /// The page, in Markdown.
    pub text: String,
}

/// The choices of an input that a command or URL gives.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Choices {
    /// The choices, in order.
    pub values: Vec<String>,
    /// When they were read.
    pub as_of: Option<Timestamp>,
    /// Why these are not from just now: they are the last that could be read.
    pub problem: Option<String>,
}

/// A runbook's text after it was saved.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Saved {
    /// Its name.
    pub name: RunbookName,
    /// The digest of what is in the file now.
    pub digest: Digest,
    /// The file.
    pub file: String,
}

/// A change that was proposed.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Proposal {
    /// The branch, where the runbook's folder is a Git checkout.
    pub branch: Option<String>,
    /// The patch file, where it is not.
    pub patch: Option<String>,
    /// What to do with it, in one sentence.
    pub words: String,
}

/// One input of the form.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct InputView {
    /// Its name.
    pub name: String,
    /// Its label in the form.
    pub title: String,
    /// One sentence under it.
    pub help: Option<String>,
    /// What the form puts in first, as typed text.
    pub default: Option<String>,
    /// Whether it must be given.
    pub required: bool,
    /// How it is asked for.
    pub control: InputControl,
}

/// How an input is asked for.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(tag = "control", rename_all = "snake_case")]
pub enum InputControl {
    /// A line of text; `expects` says which.
    Text {
        /// In words: `letters, digits and .`, `a duration such as 30s`, `a whole number from 1 to 100`.
        expects: Option<String>,
    },
    /// On or off.
    Switch,
    /// One of these.
    Choice {
        /// The choices, in order.
        choices: Vec<String>,
    },
    /// One of what `input_choices` says.
    AskedChoice,
    /// Several values, one per line.
    List {
        /// What each of them is, in words.
        expects: Option<String>,
        /// The choices of each, where it has some.
        choices: Vec<String>,
    },
    /// The name of a host of the fleet.
    Host,
    /// A path on this machine.
    File,
    /// The name of a secret; never its value.
    Secret,
}

/// One step, before it is rendered.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct StepView {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// `main`, `on_failure` or `always`.
    pub phase: String,
    /// Whether it changes the host.
    pub changes: bool,
    /// `run`, `http`, `link`, …
    pub kind: String,
    /// What else holds for it, one line each: its `when`, retries, needs.
    pub notes: Vec<String>,
    /// The template as it is written.
    pub text: String,
    /// How it is proved, in one line.
    pub verify: Option<String>,
    /// `not needed`, `no way back`, or the inverse in one line.
    pub way_back: String,
}
