//! The plan, as it is shown before a run. What is shown here is what runs: same document, same digest.

use std::collections::BTreeMap;

use daytwo_model::{Digest, HostName, RunId, RunbookName, Timestamp};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What to plan.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct PlanRequest {
    /// Which runbook.
    pub runbook: RunbookName,
    /// Inputs as typed; absent ones take their defaults.
    pub inputs: BTreeMap<String, String>,
    /// A selector that narrows the runbook's targets; empty: the targets as they are.
    pub selection: String,
}

/// A plan, or why there is none yet.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct PlanAnswer {
    /// The plan, when everything is right.
    pub plan: Option<PlanView>,
    /// What is wrong, at the input or step where it is.
    pub problems: Vec<PlanProblem>,
    /// How many hosts are selected so far.
    pub selected: u32,
}

/// Something that stands between the request and a plan.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct PlanProblem {
    /// The input it is about; `selection` for the selector.
    pub input: Option<String>,
    /// The step it is about.
    pub step: Option<String>,
    /// The host it is about.
    pub host: Option<HostName>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// A plan to read.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct PlanView {
    /// Its identity; `start` takes it.
    pub digest: Digest,
    /// The runbook's name.
    pub runbook: RunbookName,
    /// The runbook's title.
    pub title: String,
    /// Set when this plan undoes a run.
    pub undo_of: Option<RunId>,
    /// Every host.
    pub hosts: Vec<PlanHost>,
    /// How many steps change something.
    pub changes: u32,
    /// How many of those have no way back.
    pub without_way_back: u32,
    /// Batches in order, each with its blast radius in words.
    pub batches: Vec<PlanBatch>,
    /// Budgets and pace in words, one line each.
    pub limits: Vec<String>,
    /// Steps in order.
    pub steps: Vec<PlanStepView>,
    /// What to think about before the start: stale hosts, hosts that failed last time, another run active.
    pub warnings: Vec<String>,
    /// For an undo: what will not be undone, and why.
    pub left_out: Vec<String>,
    /// The words of the start button: `Restart a service on 12 hosts`.
    pub start_words: String,
    /// Set above the threshold: the number of hosts that must be typed to start.
    pub type_to_start: Option<u32>,
    /// When it was made.
    pub planned_at: Timestamp,
}

/// A host of a plan.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[expect(missing_docs, reason = "names say it")]
pub struct PlanHost {
    pub name: HostName,
    pub address: String,
    pub labels: BTreeMap<String, String>,
}

/// A batch of a plan.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct PlanBatch {
    /// Its hosts.
    pub hosts: Vec<HostName>,
    /// `batch 1 of 3, canary: 1 host, 8 % of the selection`.
    pub words: String,
}

/// A step of a plan.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct PlanStepView {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Whether it changes the host.
    pub changes: bool,
    /// How long one attempt may take, in words.
    pub timeout: String,
    /// What will be sent, grouped where identical.
    pub actions: Vec<RenderedGroup>,
    /// What must hold afterwards, grouped where identical.
    pub verify: Vec<RenderedGroup>,
    /// `not needed`, `no way back`, or `this inverse`.
    pub way_back: String,
    /// The inverse, grouped where identical.
    pub inverse: Vec<RenderedGroup>,
}

/// The same text on these hosts.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct RenderedGroup {
    /// The hosts that share it.
    pub hosts: Vec<HostName>,
    /// The text, with secrets and captured values by name.
    pub text: String,
    /// `run`, `run as root`, `http`.
    pub kind: String,
}
