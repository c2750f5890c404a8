//! An error as the window and `--json` show it.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What the reader can do about an error. A code exists only if something branches on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request is wrong; nothing was sent to any host.
    BadRequest,
    /// What was named does not exist.
    NotFound,
    /// Host keys must be reviewed first.
    KeysToReview,
    /// The plan is not the one that was shown, or what it was made from has changed.
    PlanChanged,
    /// A secret has no value, or the place where secrets are kept is locked.
    SecretMissing,
    /// Somebody else changed the same thing meanwhile; nothing was overwritten.
    Conflict,
    /// The local history could not be read or written.
    History,
    /// Anything else.
    Internal,
}

/// What happened, what it means, what to do.
#[derive(Debug, Clone, Serialize, Deserialize, TS, thiserror::Error)]
#[error("{message}")]
pub struct UiError {
    /// What to branch on.
    pub code: Code,
    /// What happened, in one sentence.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
    /// Causes, outermost first; shown folded.
    pub causes: Vec<String>,
}

impl UiError {
    /// An error with a code and a sentence.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, causes: Vec::new() }
    }

    /// With what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With the chain of causes below `error`.
    #[must_use]
    pub fn because(mut self, error: &dyn std::error::Error) -> Self {
        let chain = std::iter::successors(Some(error), |cause| (*cause).source());
        self.causes = chain.map(ToString::to_string).collect();
        self
    }

    /// The local history could not be read or written.
    #[must_use]
    pub fn history(error: &dyn std::error::Error) -> Self {
        Self::new(Code::History, "the local history could not be read or written").because(error)
    }
}
