//! A plan: a runbook applied to inputs and a selection, frozen, rendered and digested.
//!
//! A plan is a document that another process can execute: it needs no runbook file, no fleet file
//! and no clock. It holds secrets by name only.

mod action;
mod condition;
mod http;
mod per_host;
mod sealed;
mod step;
mod upgrade;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

pub use action::{Action, LocalFile, Otherwise, RunAs};
pub use condition::{Comparison, Condition, Operand, Undecidable, compare, truthy};
pub use http::{
    BODY_FILE_BYTES_MAX, Body, ClientCertificate, ClientKey, Direction, HttpMethod, HttpRequest, HttpSet,
    InvalidMethod, PEM_BYTES_MAX, PinnedFile, Proxy, RESPONSE_BYTES_MAX, SetMember, Via, WriteForm,
};
pub use per_host::PerHost;
pub use sealed::{InvalidPlan, SealedPlan};
pub use step::{
    Capture, CaptureFrom, CheckAnswer, Effect, Expect, FailurePolicy, On, Phase, PlannedStep, Probe, Retry,
    TIMEOUT_MS_DEFAULT, Verify, WayBack,
};

use crate::digest::Digest;
use crate::host::Host;
use crate::id::{HostName, RunId, RunbookName, SecretName};
use crate::time::Timestamp;

/// The version of the plan document that this code writes. Older ones are read: see `upgrade.rs`.
pub const PLAN_FORMAT: u32 = 3;

/// What will happen, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_FORMAT`].
    pub format: u32,
    /// The runbook that it was made from.
    pub runbook: PlannedRunbook,
    /// The runbooks that it calls, and those that they call, each once.
    pub called: Vec<PlannedRunbook>,
    /// Forward, or the undo of a run.
    pub intent: Intent,
    /// The inputs, after defaults; secrets by name.
    pub inputs: BTreeMap<String, InputValue>,
    /// The names of all secrets that the runbook and those that it calls may use. What this plan does not send
    /// is masked all the same: an undo may print what only the forward direction sent.
    pub secrets: BTreeSet<SecretName>,
    /// The selector as the operator and the runbook gave it.
    pub selection: String,
    /// Hosts that are in no batch because what the selector asks of them is not known, or too old.
    pub undecided: Vec<Undecided>,
    /// Every host, frozen.
    pub hosts: Vec<Host>,
    /// The host keys that were trusted when the plan was made, as SHA-256 fingerprints.
    pub host_keys: BTreeMap<HostName, Vec<String>>,
    /// The gateway through which a host is reached, where there is one; a limit on starts may be per gateway.
    pub gateways: Option<PerHost<String>>,
    /// Which hosts work at one time, in order; indices into `hosts`.
    pub batches: Vec<Vec<u32>>,
    /// Budgets and pace.
    pub limits: Limits,
    /// What is done, in order, on each host.
    pub steps: Vec<PlannedStep>,
    /// When the plan was made.
    pub planned_at: Timestamp,
    /// Who made it.
    pub planned_by: String,
}

/// The runbook as it was when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct PlannedRunbook {
    /// Its name.
    pub name: RunbookName,
    /// Its title.
    pub title: String,
    /// The digest of its text.
    pub digest: Digest,
    /// Its text.
    pub text: String,
    /// The revision of the folder that it was read from, for people: `git 1f3a9c2b7d10`; where that is known.
    pub source: Option<String>,
}

/// A host of which a selector could not say whether it is picked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Undecided {
    /// The host.
    pub host: HostName,
    /// What is not known, in one sentence.
    pub why: String,
}

/// What a plan is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "intent", rename_all = "snake_case")]
pub enum Intent {
    /// The runbook's own direction.
    Forward,
    /// The recorded inverses of a run, in reverse.
    Undo {
        /// The run that is undone.
        of: RunId,
        /// Every run that had been made of it, directly or not, when this was planned. It is not opened where
        /// there is another by then: what is still to be undone would be something else.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        after: Vec<RunId>,
    },
    /// A part of an earlier run's plan, again.
    Resume {
        /// The earlier run.
        of: RunId,
        /// Which part.
        part: ResumePart,
        /// As for an undo.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        after: Vec<RunId>,
    },
    /// The part of hosts that could not be reached in an earlier run, delivered now that they can.
    Late {
        /// The earlier run.
        of: RunId,
    },
}

impl Intent {
    /// The run that it was made of, and the runs that had been made of that one before: none for a plan of its own.
    /// Late deliveries do not stand in each other's way, so they know of none.
    #[must_use]
    pub fn made_of(&self) -> Option<(RunId, &[RunId])> {
        match self {
            Self::Forward => None,
            Self::Undo { of, after } | Self::Resume { of, after, .. } => Some((*of, after)),
            Self::Late { of } => Some((*of, &[])),
        }
    }
}

/// Which part of an earlier run is done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ResumePart {
    /// The hosts that failed, from the step that failed there.
    FailedFromTheirStep,
    /// The hosts that failed and those that were not reached, from the first step.
    FailedAndNotReached,
    /// Everything.
    Everything,
}

/// An input's value as a plan keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum InputValue {
    /// The value.
    Value(#[ts(type = "unknown")] Value),
    /// The name of a secret.
    Secret(SecretName),
}

/// Budgets and pace of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// How many hosts may fail, or be unreachable, before no further host is started.
    pub total: Budget,
    /// The same within each batch, in their order; empty where only the total counts.
    pub batches: Vec<Budget>,
    /// A first batch in which nothing could be reached stops the rollout, whatever the budgets.
    pub unreachable_canary_stops: bool,
    /// How many hosts work at one time, within a batch.
    pub hosts_at_once_max: u32,
    /// How many hosts behind one gateway work at one time.
    pub hosts_at_once_per_gateway_max: Option<u32>,
    /// In which order the steps of a batch's hosts are done.
    pub order: Order,
    /// Pause after each batch, before its health is asked for and the next starts.
    #[ts(type = "number")]
    pub hold_ms: u64,
    /// What must hold after each batch, before the next starts. Asked from this machine.
    pub health: Option<Health>,
    /// Hosts that could not be reached get their part when they can be, until then.
    pub when_reachable_until: Option<Timestamp>,
}

impl Limits {
    /// All hosts of a batch at one time, no pause, and the first failure stops the run.
    #[must_use]
    pub const fn strict(hosts_at_once_max: u32) -> Self {
        Self {
            total: Budget { failed_max: 0, unreachable_max: 0 },
            batches: Vec::new(),
            unreachable_canary_stops: true,
            hosts_at_once_max,
            hosts_at_once_per_gateway_max: None,
            order: Order::Free,
            hold_ms: 0,
            health: None,
            when_reachable_until: None,
        }
    }
}

/// How many hosts may go wrong before no further host is started. 0: the first one stops the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Hosts that may fail.
    pub failed_max: u32,
    /// Hosts that may be unreachable.
    pub unreachable_max: u32,
}

/// In which order the steps of a batch's hosts are done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Host by host: each goes on as soon as it can.
    #[default]
    Free,
    /// Step by step: no host of the batch begins a step before all have the one before behind them.
    Linear,
}

/// A condition of the whole service, asked between batches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// What is asked, and what must come back: a request, or a script on this machine.
    pub probe: Probe,
    /// How long it may take to become true, in milliseconds; 0: it must hold at once.
    #[ts(type = "number")]
    pub within_ms: u64,
}
