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
    pub warnings: Vec<String>,
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
    /// Whether it changes the host.
    pub changes: bool,
    /// `run` or `http`.
    pub kind: String,
    /// The template as it is written.
    pub text: String,
    /// How it is proved, in one line.
    pub verify: Option<String>,
    /// `not needed`, `no way back`, or the inverse in one line.
    pub way_back: String,
}
