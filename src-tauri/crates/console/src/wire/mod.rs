//! What the window (and `--json`) sees: plain data, generated into `ui/src/lib/wire/types.ts`.
//!
//! Nothing here decides anything. Words and marks are computed in Rust, once, so that the window
//! and the command line cannot tell two stories about one host.

pub mod error;
pub mod fleet;
pub mod mark;
pub mod plan;
pub mod push;
pub mod run;
pub mod runbook;
pub mod settings;

pub use error::{Code, UiError};
pub use mark::Mark;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What the window needs before it can draw anything.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct StartInfo {
    /// The settings.
    pub settings: settings::Settings,
    /// Whether this is the demo.
    pub demo: bool,
    /// This program's version.
    pub version: String,
    /// Runs whose driving process was found gone at this start.
    pub recovered: Vec<run::Recovered>,
    /// Nothing has been configured yet: offer the ways to begin.
    pub first_start: bool,
}
