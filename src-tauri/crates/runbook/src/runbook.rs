//! A parsed runbook: everything in it is checked, and its templates are ready to be rendered.

use daytwo_model::{Digest, RunbookName, SecretName, Selector};
use indexmap::IndexMap;
use serde::Serialize;
use ts_rs::TS;

use crate::diagnostic::Place;
use crate::input::InputSpec;
use crate::rollout::Rollout;
use crate::step::{HealthTemplate, Step};
use crate::template::JsonTemplate;

/// A runbook.
#[derive(Debug, Clone)]
pub struct Runbook {
    /// Its name; also its file name without `.yaml`.
    pub name: RunbookName,
    /// For people.
    pub title: String,
    /// What it does, when to use it and what to know, as a manual page would say it.
    pub summary: String,
    /// What it is for.
    pub kind: Kind,
    /// The team that answers for it.
    pub owner: Option<String>,
    /// Who may change it.
    pub stewardship: Stewardship,
    /// The day of its last review, `2026-11-20`.
    pub reviewed: Option<String>,
    /// The hosts that it is for; all where it is absent. An operator may only narrow it.
    pub targets: Option<Selector>,
    /// What it asks for, in the order of the form.
    pub inputs: IndexMap<String, InputSpec>,
    /// Secrets that it needs and nobody is asked for: `secrets.NAME` in templates, and the name under which it is kept.
    pub secrets: IndexMap<String, SecretName>,
    /// Values that are worked out once per host, in this order; each may use those before it.
    pub(crate) vars: IndexMap<String, JsonTemplate>,
    /// Batches, budgets and pace.
    pub rollout: Rollout,
    /// What must hold after each batch before the next begins.
    pub health: Option<HealthTemplate>,
    /// Whether the runbook itself says how it is brought in.
    pub rollout_said: bool,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// What is done on a host where one of those did not end well.
    pub on_failure: Vec<Step>,
    /// What is done at the end on every host that was started, whatever happened.
    pub always: Vec<Step>,
    /// Its text, byte for byte.
    pub text: String,
    /// The digest of its text.
    pub digest: Digest,
    /// Where it came from, for messages.
    pub file: String,
    /// Where its name and its inputs stand.
    pub(crate) places: Places,
}

/// Where things stand that have no template.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) name: Place,
    pub(crate) reviewed: Option<Place>,
    pub(crate) inputs: IndexMap<String, Place>,
    pub(crate) secrets: IndexMap<String, Place>,
    pub(crate) vars: IndexMap<String, Place>,
    pub(crate) rollout: Option<Place>,
}

/// What a runbook is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It looks and changes nothing.
    Diagnostic,
    /// Everyday change: restart, back up, adjust.
    Operation,
    /// It brings a release.
    Deploy,
    /// It takes a release back.
    Rollback,
}

/// Who may change a runbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Stewardship {
    /// Owned elsewhere and read-only here.
    Central,
    /// Proposals go back to the source.
    Shared,
    /// Copied, and owned here.
    Customer,
}

impl Runbook {
    /// Every step, in the order of the file's phases: steps, on_failure, always.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().chain(&self.on_failure).chain(&self.always)
    }

    /// The runbooks that its steps call, in the order of the calls.
    pub fn calls(&self) -> impl Iterator<Item = &RunbookName> {
        self.all_steps().filter_map(|step| step.action.calls())
    }
}
