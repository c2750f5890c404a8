//! Why there is no plan.

use std::fmt;

use daytwo_model::{HostName, StepId};
use serde::Serialize;
use ts_rs::TS;

/// How many errors of one plan are kept; a person repairs the first few.
pub(crate) const PLAN_ERRORS_MAX: usize = 50;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct PlanError {
    /// The input that it is about.
    pub input: Option<String>,
    /// The step that it is about.
    pub step: Option<StepId>,
    /// The first host that it is about.
    pub host: Option<HostName>,
    /// The line of the runbook that it is about, from 1.
    pub line: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl PlanError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { input: None, step: None, host: None, line: None, message: message.into(), hint: None }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(input) = &self.input {
            write!(f, "input {input}: ")?;
        }
        match (&self.step, self.line) {
            (Some(step), Some(line)) => write!(f, "step {step} (line {line}): ")?,
            (Some(step), None) => write!(f, "step {step}: ")?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        if let Some(host) = &self.host {
            write!(f, "{host}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

/// Everything that stands in the way of a plan. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS, thiserror::Error)]
pub struct PlanErrors(pub Vec<PlanError>);

impl fmt::Display for PlanErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index > 0 { "\n" } else { "" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl From<PlanError> for PlanErrors {
    fn from(error: PlanError) -> Self {
        Self(vec![error])
    }
}
