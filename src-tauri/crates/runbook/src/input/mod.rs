//! Inputs: what an operator types, and what it becomes. The same check serves forms, command line and planning.
//!
//! Nothing here asks anybody: whether a host is in the fleet, a file is there or a choice is still on
//! offer is asked when a plan is made.

mod check;
mod list;
mod pattern;
mod quantity;
mod typed;

use serde::Serialize;
use serde_json::Value;
use ts_rs::TS;

pub use check::check_input;
pub(crate) use check::check_list;
pub(crate) use pattern::{bounded_regex, whole_match};
pub(crate) use quantity::{parse_bytes, parse_percent, written_bytes, written_percent};
pub use typed::as_typed;

/// The longest text that an input may hold, in bytes. It becomes part of every host's script.
pub const INPUT_BYTES_MAX: usize = 16 * 1024;

/// The most items of a list: a step is done for each of them, on every host.
pub const ITEMS_MAX: u32 = 100;

/// How long a source of choices may take where the runbook does not say, in milliseconds.
pub const CHOICES_TIMEOUT_MS_DEFAULT: u64 = 10_000;

/// How long a source of choices may take at most, in milliseconds: somebody is looking at the form.
pub const CHOICES_TIMEOUT_MS_MAX: u64 = 60_000;

/// The largest magnitude of an integer input: what JSON and JavaScript hold without loss (2^53 - 1).
pub(crate) const INTEGER_MAX: i64 = 9_007_199_254_740_991;

/// One input of a runbook.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct InputSpec {
    /// What it takes.
    pub kind: InputKind,
    /// For the form.
    pub title: String,
    /// More about it, for the form.
    pub help: Option<String>,
    /// What it is when nothing is typed, checked; for a secret, its name.
    #[ts(type = "unknown")]
    pub default: Option<Value>,
    /// Whether something must be typed, or be there by default.
    pub required: bool,
}

/// What an input takes.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum InputKind {
    /// Text, exactly as it was typed.
    String {
        /// A regular expression that the whole text must match.
        pattern: Option<String>,
    },
    /// A whole number.
    Integer {
        /// The smallest.
        #[ts(type = "number | null")]
        min: Option<i64>,
        /// The largest.
        #[ts(type = "number | null")]
        max: Option<i64>,
    },
    /// A number.
    Number {
        /// The smallest.
        min: Option<f64>,
        /// The largest.
        max: Option<f64>,
    },
    /// Yes or no; typed as `true` or `false`.
    Boolean,
    /// One of these.
    Choice {
        /// The choices; empty where somebody is asked for them.
        choices: Vec<String>,
        /// Who is asked for them.
        from: Option<ChoiceSource>,
    },
    /// Several values; typed one per line, or separated by commas on one line.
    List {
        /// What each of them is; never a list or a secret.
        of: Box<InputKind>,
        /// The fewest items.
        min: Option<u32>,
        /// The most items; [`ITEMS_MAX`] where it is absent.
        max: Option<u32>,
    },
    /// `90s`, `1m30s`; in templates its number of seconds.
    Duration {
        /// The shortest, in milliseconds.
        #[ts(type = "number | null")]
        min_ms: Option<u64>,
        /// The longest, in milliseconds.
        #[ts(type = "number | null")]
        max_ms: Option<u64>,
    },
    /// `500MB`, `2GiB`; in templates its number of bytes.
    Size {
        /// The smallest, in bytes.
        #[ts(type = "number | null")]
        min: Option<u64>,
        /// The largest, in bytes.
        #[ts(type = "number | null")]
        max: Option<u64>,
    },
    /// `10%` or `10`; in templates the number.
    Percentage {
        /// The smallest; 0 where it is absent.
        min: Option<f64>,
        /// The largest; 100 where it is absent.
        max: Option<f64>,
    },
    /// An RFC 3339 date and time with its offset; in templates in UTC.
    DateTime,
    /// The name of a host of the fleet. Whether there is such a host is asked when a plan is made.
    Host,
    /// A path on the console. Whether there is such a file is asked when a plan is made.
    File,
    /// The name of a secret; never its value.
    Secret,
}

/// Who is asked for the choices of an input. The console does the asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum ChoiceSource {
    /// A command on the console; one choice per line of its standard output.
    Command {
        /// The command, for a POSIX shell.
        run: String,
        /// How long it may take, in milliseconds.
        #[ts(type = "number")]
        timeout_ms: u64,
    },
    /// A JSON document.
    Url {
        /// Where it is.
        url: String,
        /// A JSON pointer to a list of strings in it.
        json: String,
        /// How long it may take, in milliseconds.
        #[ts(type = "number")]
        timeout_ms: u64,
    },
}

impl ChoiceSource {
    /// How long it may take, in milliseconds.
    #[must_use]
    pub const fn timeout_ms(&self) -> u64 {
        match self {
            Self::Command { timeout_ms, .. } | Self::Url { timeout_ms, .. } => *timeout_ms,
        }
    }
}

impl InputKind {
    /// Its word in a runbook.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::String { .. } => "string",
            Self::Integer { .. } => "integer",
            Self::Number { .. } => "number",
            Self::Boolean => "boolean",
            Self::Choice { .. } => "choice",
            Self::List { .. } => "list",
            Self::Duration { .. } => "duration",
            Self::Size { .. } => "size",
            Self::Percentage { .. } => "percentage",
            Self::DateTime => "date-time",
            Self::Host => "host",
            Self::File => "file",
            Self::Secret => "secret",
        }
    }

    /// What each of its values is: of a list its items', otherwise its own.
    #[must_use]
    pub fn item(&self) -> &Self {
        match self {
            Self::List { of, .. } => of,
            _ => self,
        }
    }
}
