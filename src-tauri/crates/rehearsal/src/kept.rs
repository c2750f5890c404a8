//! What played hosts keep of attempts that outlive their link, and what they say of them when they are asked later.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use daytwo_engine::ports::{DeadManEnd, ShellEnd};
use daytwo_model::AttemptId;
use daytwo_runbook::Says;

/// How each kept attempt goes, as it was recorded.
#[derive(Default)]
pub(crate) struct KeptAttempts(Mutex<HashMap<AttemptId, Says>>);

impl KeptAttempts {
    pub(crate) fn keep(&self, attempt: AttemptId, says: &Says) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(attempt, says.clone());
    }

    fn of(&self, attempt: AttemptId) -> Option<Says> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&attempt).cloned()
    }

    /// What the host says of an attempt whose link was lost.
    pub(crate) fn found(&self, attempt: AttemptId) -> ShellEnd {
        match self.of(attempt) {
            Some(Says::Reboot) => ShellEnd::Lost { why: "the host was started again since".to_owned() },
            Some(Says::NotStarted) => ShellEnd::NotStarted { why: "the host holds nothing of it".to_owned() },
            _ => ShellEnd::Unseen { why: "the host cannot be reached".to_owned() },
        }
    }

    /// What becomes of its dead-man switch when the host is told that all is well.
    pub(crate) fn disarmed(&self, attempt: AttemptId) -> DeadManEnd {
        match self.of(attempt) {
            Some(Says::Process { .. } | Says::Fine) => DeadManEnd::Disarmed,
            _ => DeadManEnd::Unknown { why: "the host cannot be reached".to_owned() },
        }
    }
}
