//! A plan: a runbook applied to inputs and a selection, frozen, rendered and digested.
//!
//! A plan is a document that another process can execute: it needs no runbook file, no fleet file
//! and no clock. It holds secrets by name only.

use std::collections::BTreeMap;
use std::hash::Hash;

use indexmap::IndexSet;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use crate::digest::{Digest, NotCanonical};
use crate::host::Host;
use crate::id::{CaptureName, RunId, RunbookName, SecretName, StepId};
use crate::text::Text;
use crate::time::Timestamp;

/// The version of the plan document that this code writes and reads.
pub const PLAN_FORMAT: u32 = 1;

/// What will happen, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN_FORMAT`].
    pub format: u32,
    /// The runbook that it was made from.
    pub runbook: PlannedRunbook,
    /// Forward, or the undo of a run.
    pub intent: Intent,
    /// The inputs, after defaults; secrets by name.
    pub inputs: BTreeMap<String, InputValue>,
    /// The selector as the operator and the runbook gave it.
    pub selection: String,
    /// Every host, frozen.
    pub hosts: Vec<Host>,
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
    },
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
    /// How many hosts may fail before no further host is started. 0: the first failure stops the run.
    pub failed_hosts_max: u32,
    /// How many hosts may be unreachable before no further host is started.
    pub unreachable_hosts_max: u32,
    /// How many hosts work at one time, within a batch.
    pub hosts_at_once_max: u32,
    /// Pause after each batch, before the next starts.
    #[ts(type = "number")]
    pub hold_ms: u64,
}

/// One step, rendered for every host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct PlannedStep {
    /// Its id in the runbook.
    pub id: StepId,
    /// Its title.
    pub title: String,
    /// Whether it changes the host.
    pub effect: Effect,
    /// How long one attempt may take, from the moment it is sent until its end is seen.
    #[ts(type = "number")]
    pub timeout_ms: u64,
    /// What is done; on hosts without an entry the step is skipped as not planned.
    pub action: PerHost<Action>,
    /// Values taken from output or answer for later steps and for the way back.
    pub captures: Vec<Capture>,
    /// What must hold afterwards.
    pub verify: Option<Verify>,
    /// How it is taken back.
    pub way_back: WayBack,
}

/// Whether a step changes the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It only looks.
    Read,
    /// It changes something.
    Change,
}

/// A value per host, stored once where hosts share it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct PerHost<T> {
    /// The different values.
    variants: Vec<T>,
    /// For each host of the plan, the index of its value; none where the host has none.
    of_host: Vec<Option<u32>>,
}

impl<T: Eq + Hash> PerHost<T> {
    /// From one value per host, in the order of the plan's hosts. Equal values are kept once.
    pub fn collect(values: impl IntoIterator<Item = Option<T>>) -> Self {
        let mut variants: IndexSet<T> = IndexSet::new();
        let of_host = values.into_iter().map(|value| u32::try_from(variants.insert_full(value?).0).ok()).collect();
        Self { variants: variants.into_iter().collect(), of_host }
    }
}

impl<T> PerHost<T> {
    /// The value for the host with this index.
    #[must_use]
    pub fn get(&self, host: u32) -> Option<&T> {
        let variant = (*self.of_host.get(host as usize)?)?;
        self.variants.get(variant as usize)
    }

    /// Each different value with the indices of the hosts that share it.
    pub fn groups(&self) -> impl Iterator<Item = (&T, Vec<u32>)> {
        let mut hosts = vec![Vec::new(); self.variants.len()];
        for (host, variant) in (0_u32..).zip(&self.of_host) {
            if let Some(list) = variant.and_then(|variant| hosts.get_mut(variant as usize)) {
                list.push(host);
            }
        }
        self.variants.iter().zip(hosts)
    }
}

/// What is sent to a host, or to an API.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// A POSIX sh script on the host.
    Run {
        /// The script.
        script: Text,
        /// As root, through `sudo -n`.
        sudo: bool,
    },
    /// An HTTP request from the console.
    Http {
        /// The request.
        request: HttpRequest,
    },
}

impl Action {
    /// Every text that is filled before it is sent.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        let (script, request) = match self {
            Self::Run { script, .. } => (Some(script), None),
            Self::Http { request } => (None, Some(request)),
        };
        let of_request = request.into_iter().flat_map(|request| {
            std::iter::once(&request.url).chain(request.headers.iter().map(|(_, value)| value)).chain(&request.json)
        });
        script.into_iter().chain(of_request)
    }
}

/// An HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct HttpRequest {
    /// The method.
    pub method: HttpMethod,
    /// The whole URL, `http` or `https`.
    pub url: Text,
    /// Header names and values, in order.
    pub headers: Vec<(String, Text)>,
    /// A JSON document to send.
    pub json: Option<Text>,
}

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names are the standard's")]
pub enum HttpMethod {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl HttpMethod {
    /// The method as it stands in a request.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A value to take from an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// Under which name.
    pub name: CaptureName,
    /// Where from.
    pub from: CaptureFrom,
}

/// Where a captured value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CaptureFrom {
    /// Standard output (or the body), without trailing newlines, as a string.
    Stdout,
    /// The value at this JSON pointer (RFC 6901) of standard output (or the body).
    Json(String),
}

/// A post-condition: asked until it holds or its time is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// What is asked, and what must come back.
    pub probe: PerHost<Probe>,
    /// How long it may take to become true, in milliseconds; 0: it must hold at once.
    #[ts(type = "number")]
    pub within_ms: u64,
}

/// A read with an expectation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The read.
    pub action: Action,
    /// What must come back.
    pub expect: Expect,
}

/// What must come back. All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The exit code; 0 where it is absent. For scripts.
    pub exit_code: Option<i32>,
    /// The HTTP status; any 2xx where it is absent. For requests.
    pub status: Option<u16>,
    /// Standard output (or the body), without surrounding white space.
    pub stdout: Option<Text>,
    /// A regular expression that must be found in standard output (or the body).
    pub stdout_matches: Option<String>,
    /// Values at JSON pointers; each text is a JSON value.
    pub json: Vec<(String, Text)>,
}

/// How a step is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum WayBack {
    /// It changes nothing.
    NotNeeded,
    /// It changes something and there is no way back.
    None,
    /// This inverse.
    Inverse {
        /// What is done.
        action: PerHost<Action>,
        /// What must hold afterwards.
        verify: Option<Verify>,
    },
}

/// A plan with its digest: the only thing that the engine executes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealedPlan {
    plan: Plan,
    digest: Digest,
}

/// Why a document is not a plan that can be executed.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPlan {
    /// Not JSON of this shape.
    #[error("it is not a plan document")]
    Shape(#[from] serde_json::Error),
    /// Written by another version.
    #[error("it has format {0}, and this version reads format {PLAN_FORMAT}")]
    Format(u32),
    /// No host.
    #[error("it selects no host")]
    NoHosts,
    /// A host appears in no batch or in more than one, or a batch names a host that is not there.
    #[error("its batches do not hold every host exactly once")]
    Batches,
    /// Cannot be digested.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// Changed since it was sealed.
    #[error("its digest is {stated}, but its content has {actual}: it was changed after it was sealed")]
    Altered {
        /// What the document says.
        stated: Digest,
        /// What it is.
        actual: Digest,
    },
}

impl SealedPlan {
    /// Checks and digests a plan.
    pub fn seal(plan: Plan) -> Result<Self, InvalidPlan> {
        if plan.format != PLAN_FORMAT {
            return Err(InvalidPlan::Format(plan.format));
        }
        if plan.hosts.is_empty() {
            return Err(InvalidPlan::NoHosts);
        }
        let mut seen = vec![0_u32; plan.hosts.len()];
        for host in plan.batches.iter().flatten() {
            *seen.get_mut(*host as usize).ok_or(InvalidPlan::Batches)? += 1;
        }
        if seen.iter().any(|count| *count != 1) {
            return Err(InvalidPlan::Batches);
        }
        let digest = Digest::of_canonical(&plan)?;
        Ok(Self { plan, digest })
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its digest.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The document, for a file or the history.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Reads a document back; refuses one that was changed.
    pub fn from_json(text: &str) -> Result<Self, InvalidPlan> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Document {
            plan: Plan,
            digest: Digest,
        }
        let document: Document = serde_json::from_str(text)?;
        let sealed = Self::seal(document.plan)?;
        if sealed.digest != document.digest {
            return Err(InvalidPlan::Altered { stated: document.digest, actual: sealed.digest });
        }
        Ok(sealed)
    }
}
