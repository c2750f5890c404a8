//! What Rust tells the window without being asked.

use daytwo_model::{AttemptId, RunId};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::fleet::{FleetSummary, HostRow};
use super::run::{RunDelta, RunRow};

/// One message on the window's channel.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(tag = "push", rename_all = "snake_case")]
pub enum Push {
    /// Hosts changed. A gap between indices means: ask for the fleet again.
    Fleet {
        /// Grows by one with each of these.
        #[ts(type = "number")]
        index: u64,
        /// The rows that changed.
        hosts: Vec<HostRow>,
        /// The fleet in one line.
        summary: FleetSummary,
    },
    /// A run that the window watches changed.
    Run {
        /// How.
        delta: Box<RunDelta>,
    },
    /// An attempt wrote more output; its pages can be read on.
    OutputGrew {
        /// The run.
        run: RunId,
        /// The attempt.
        attempt: AttemptId,
    },
    /// The list of active runs, for the strip at the bottom.
    Active {
        /// All of them.
        runs: Vec<RunRow>,
    },
    /// The window was asked to close while runs of this process are active. It closes with the
    /// command `close_window`; what is in flight then becomes unknown.
    CloseAsked {
        /// The runs that would be left.
        runs: Vec<RunRow>,
    },
    /// Something else is no longer what was shown; ask again where it is on screen.
    Stale {
        /// What.
        what: Stale,
    },
}

/// What is no longer what was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names say it")]
pub enum Stale {
    Fleet,
    Catalogue,
    History,
    Settings,
}
