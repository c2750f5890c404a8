//! A parsed runbook: everything in it is checked, and its templates are ready to be rendered.

use daytwo_model::plan::{Capture, Effect, HttpMethod};
use daytwo_model::{Digest, RunbookName, Selector, StepId};
use indexmap::IndexMap;
use serde::Serialize;
use ts_rs::TS;

use crate::diagnostic::Place;
use crate::input::InputSpec;
use crate::rollout::Rollout;
use crate::template::{JsonTemplate, Template, UrlTemplate};

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
    /// Batches, budgets and pace.
    pub rollout: Rollout,
    /// What is done, in order.
    pub steps: Vec<Step>,
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

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Unique in the runbook.
    pub id: StepId,
    /// For people; the id where it is absent.
    pub title: String,
    /// Whether it changes the host; `change` unless the runbook says `read`.
    pub effect: Effect,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: u64,
    /// What is done.
    pub action: ActionTemplate,
    /// What is kept of its answer.
    pub captures: Vec<Capture>,
    /// What must hold afterwards.
    pub verify: Option<VerifyTemplate>,
    /// How it is taken back.
    pub undo: Undo,
    pub(crate) place: Place,
}

/// What a step, a verification or an inverse does.
#[derive(Debug, Clone)]
pub enum ActionTemplate {
    /// A script for the host's shell.
    Run {
        /// The script.
        script: Template,
        /// As root.
        sudo: bool,
    },
    /// A request from the console.
    Http(Box<HttpTemplate>),
}

/// A request.
#[derive(Debug, Clone)]
pub struct HttpTemplate {
    /// The method; `GET` where it is absent.
    pub method: HttpMethod,
    pub(crate) url: UrlTemplate,
    pub(crate) headers: Vec<(String, Template)>,
    pub(crate) json: Option<JsonTemplate>,
}

/// A post-condition.
#[derive(Debug, Clone)]
pub struct VerifyTemplate {
    /// What is asked.
    pub action: ActionTemplate,
    /// How long it may take to become true, in milliseconds.
    pub within_ms: u64,
    pub(crate) expect: ExpectTemplate,
}

/// What must come back.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExpectTemplate {
    pub(crate) exit_code: Option<i32>,
    pub(crate) status: Option<u16>,
    pub(crate) stdout: Option<Template>,
    pub(crate) stdout_matches: Option<String>,
    pub(crate) json: Vec<(String, JsonTemplate)>,
}

/// How a step is taken back.
#[derive(Debug, Clone)]
pub enum Undo {
    /// The runbook says nothing about it.
    Unsaid,
    /// The runbook says that there is no way back.
    None,
    /// This inverse.
    Inverse(Box<InverseTemplate>),
}

/// An inverse.
#[derive(Debug, Clone)]
pub struct InverseTemplate {
    /// What is done.
    pub action: ActionTemplate,
    /// What must hold afterwards.
    pub verify: Option<VerifyTemplate>,
}

impl ActionTemplate {
    /// Every template of it.
    pub(crate) fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Run { script, .. } => vec![script],
            Self::Http(http) => {
                let headers = http.headers.iter().map(|(_, value)| value);
                let json = http.json.iter().flat_map(JsonTemplate::templates);
                http.url.templates().chain(headers).chain(json).collect()
            }
        }
    }
}

impl VerifyTemplate {
    /// Every template of it.
    pub(crate) fn templates(&self) -> Vec<&Template> {
        let json = self.expect.json.iter().flat_map(|(_, value)| value.templates());
        self.action.templates().into_iter().chain(&self.expect.stdout).chain(json).collect()
    }
}

impl InverseTemplate {
    /// Every template of it.
    pub(crate) fn templates(&self) -> Vec<&Template> {
        let verify = self.verify.iter().flat_map(VerifyTemplate::templates);
        self.action.templates().into_iter().chain(verify).collect()
    }
}

impl Step {
    /// Every template of it.
    pub(crate) fn templates(&self) -> Vec<&Template> {
        let verify = self.verify.iter().flat_map(VerifyTemplate::templates);
        let undo = match &self.undo {
            Undo::Inverse(inverse) => inverse.templates(),
            Undo::Unsaid | Undo::None => Vec::new(),
        };
        self.action.templates().into_iter().chain(verify).chain(undo).collect()
    }
}
