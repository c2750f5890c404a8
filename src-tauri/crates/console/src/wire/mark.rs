//! The one small set of marks: shape, word and colour are the same everywhere.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A mark. The window draws each as ● ◐ ▲ ✕ ? ◌ ⧖ ⊘ ↩ with its colour; a word always stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// ✕ failed, stuck, refused.
    Failed,
    /// ? unknown, lost.
    Unknown,
    /// ◌ no answer.
    Unreachable,
    /// ▲ changed, and not (yet) verified.
    Changed,
    /// ◐ sent, running, being verified.
    Running,
    /// ⧖ waiting.
    Waiting,
    /// ⊘ skipped, cancelled.
    Skipped,
    /// ↩ undone.
    Undone,
    /// ● verified, succeeded, live.
    Ok,
}
