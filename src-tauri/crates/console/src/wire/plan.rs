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
    /// The runbook's text as it stands in the editor, not yet saved. Such a plan can be read, not started.
    #[serde(default)]
    pub text: Option<String>,
    /// How long a host that cannot be reached waits for its part, as typed: `never`, a duration such as `3d`, a date,
    /// or a moment; none or empty: as the runbook says.
    #[serde(default)]
    pub when_reachable: Option<String>,
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
    /// Hosts of which the selector cannot say whether they are picked.
    pub undecided: Vec<UndecidedHost>,
}

/// A host of which a selector cannot say whether it is picked, because a fact is missing or too old.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct UndecidedHost {
    /// The host.
    pub name: HostName,
    /// What is not known.
    pub why: String,
}

/// Something that stands between the request and a plan.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct PlanProblem {
    /// The input it is about; `selection` for the selector, `when_reachable` for how long hosts wait.
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
    /// The revision of the folder that the runbook was read from.
    pub source: Option<String>,
    /// The runbooks that it calls.
    pub calls: Vec<String>,
    /// Every host.
    pub hosts: Vec<PlanHost>,
    /// Hosts of which the selector cannot say whether they are picked; they are in no batch.
    pub undecided: Vec<UndecidedHost>,
    /// How many steps change something.
    pub changes: u32,
    /// How many of those have no way back.
    pub without_way_back: u32,
    /// Batches in order, each with its blast radius in words.
    pub batches: Vec<PlanBatch>,
    /// Budgets and pace in words, one line each.
    pub limits: Vec<String>,
    /// Set where a host that cannot be reached waits for its part.
    pub waits: Option<PlanWaits>,
    /// Steps in order.
    pub steps: Vec<PlanStepView>,
    /// What to think about before the start: stale hosts, hosts that failed last time, another run active.
    pub warnings: Vec<PlanWarning>,
    /// Where a person will be asked, and what has to be confirmed before the start, one line each.
    pub approvals: Vec<String>,
    /// Why this plan cannot be started at all; empty where it can.
    pub cannot_start: Vec<String>,
    /// For an undo: what will not be undone, and why.
    pub left_out: Vec<String>,
    /// The words of the start button: `Restart a service on 12 hosts`.
    pub start_words: String,
    /// Set above the threshold: the number of hosts that must be typed to start.
    pub type_to_start: Option<u32>,
    /// When it was made.
    pub planned_at: Timestamp,
}

/// How hosts that cannot be reached wait for their part.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct PlanWaits {
    /// Until then.
    pub until: Timestamp,
    /// What happens when such a host answers, and what keeps it from its part, one sentence each.
    pub words: Vec<String>,
}

/// Something to think about before the start.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct PlanWarning {
    /// One sentence.
    pub words: String,
    /// The hosts that it is about; none where it is about the whole plan.
    pub hosts: Vec<HostName>,
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
    /// `main`, `on_failure` or `always`.
    pub phase: String,
    /// Whether it changes the host.
    pub changes: bool,
    /// How long one attempt may take, in words.
    pub timeout: String,
    /// What else holds for it, one line each: its `when`, retries, needs, where it is done, what it captures, its dead-man switch.
    pub notes: Vec<String>,
    /// Hosts on which it is not done, because its `when` is false there.
    pub not_on: Vec<HostName>,
    /// The read that says whether it is needed, grouped where identical.
    pub check: Vec<RenderedGroup>,
    /// What the check said where it was asked before the run.
    pub asked: Vec<AskedGroup>,
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
    /// `run`, `run as root`, `http`, …
    pub kind: String,
    /// What it does in one line, where a typed step stands for the text.
    pub meaning: Option<String>,
}

/// The same answer of a check from these hosts.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct AskedGroup {
    /// The hosts that gave it.
    pub hosts: Vec<HostName>,
    /// `needed`, `not needed`, `no answer`.
    pub verdict: String,
    /// What came back, in one line.
    pub said: String,
    /// When the first of them was asked.
    pub at: Timestamp,
}
