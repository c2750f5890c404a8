//! A step of a runbook as it was written: templates, not yet values.
//!
//! One type per step kind. What a kind does on a host is spelled out when a plan is made
//! (`crate::typed` for the kinds that stand for a script), never here.

use daytwo_model::plan::{Capture, Effect, FailurePolicy, On, Otherwise, Retry, RunAs};
use daytwo_model::{RunbookName, StepId};
use indexmap::IndexMap;

use crate::diagnostic::Place;
use crate::expression::Expression;
pub use crate::request::{HttpSetTemplate, HttpTemplate};
use crate::template::{JsonTemplate, Template};

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Unique in the runbook.
    pub id: StepId,
    /// For people; the id where it is absent.
    pub title: String,
    /// Whether it changes the host; `change` unless the runbook says `read`.
    pub effect: Effect,
    /// Where it is done.
    pub on: On,
    /// Steps without which it has no sense.
    pub needs: Vec<StepId>,
    /// Whether it is done at all.
    pub when: Option<Expression>,
    /// Done once for each of these; `item` in its templates.
    pub(crate) for_each: Option<JsonTemplate>,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: u64,
    /// Whether the runbook itself says so.
    pub timeout_said: bool,
    /// Whether an attempt that was seen to fail is made again.
    pub retry: Option<Retry>,
    /// What is done.
    pub action: ActionTemplate,
    /// What is kept of its answer.
    pub captures: Vec<Capture>,
    /// A read that says whether it is needed: not where this holds already.
    pub check: Option<ProbeTemplate>,
    /// What must hold afterwards.
    pub verify: Option<VerifyTemplate>,
    /// How it is taken back.
    pub undo: Undo,
    /// What becomes of a host on which it does not end well.
    pub if_failed: FailurePolicy,
    /// Whether it may be done on a host that is reached only long after the run. A step that only reads may be.
    pub late_ok: bool,
    /// The host takes it back alone unless it is told within this time that all is well, in milliseconds.
    pub dead_man_ms: Option<u64>,
    /// Warnings that its author has weighed: code and reason.
    pub waivers: IndexMap<String, String>,
    pub(crate) place: Place,
}

/// What a step, a check, a verification or an inverse does.
#[derive(Debug, Clone)]
pub enum ActionTemplate {
    /// A script for the host's shell.
    Run {
        /// The script.
        script: Template,
        /// As whom.
        run_as: RunAs,
    },
    /// A script for another interpreter, or from a file, or with arguments.
    Script(Box<ScriptTemplate>),
    /// A file or tree from the host.
    Fetch(Box<FetchTemplate>),
    /// A file to the host.
    Put(Box<PutTemplate>),
    /// A file's content, mode and owner.
    File(Box<FileTemplate>),
    /// A symbolic link, switched in one go.
    Link(Box<LinkTemplate>),
    /// A systemd unit's state.
    Service(Box<ServiceTemplate>),
    /// A package's version.
    Package(Box<PackageTemplate>),
    /// A request.
    Http(Box<HttpTemplate>),
    /// Members of a document behind an API, set by comparing first.
    HttpSet(Box<HttpSetTemplate>),
    /// Nothing for a while, or until something holds.
    Wait(Box<WaitTemplate>),
    /// A person decides.
    Ask(Box<AskTemplate>),
    /// Another runbook's steps, in this place.
    Call(Box<CallTemplate>),
    /// A message to somebody.
    Notify(Box<NotifyTemplate>),
}

/// A script for another interpreter. Values reach it as arguments, because how they would be
/// quoted inside it is not known; only a POSIX shell's own text may hold them.
#[derive(Debug, Clone)]
pub struct ScriptTemplate {
    /// The text, or the file beside the runbook that holds it.
    pub(crate) source: ScriptSource,
    /// Its interpreter's name or absolute path: `python3`, `/bin/bash`.
    pub(crate) interpreter: String,
    /// Its arguments.
    pub(crate) args: Vec<Template>,
    /// As whom.
    pub(crate) run_as: RunAs,
}

/// Where a script's text comes from.
#[derive(Debug, Clone)]
pub(crate) enum ScriptSource {
    /// It stands in the runbook, for a POSIX shell: values in it are quoted.
    Shell(Template),
    /// It stands in the runbook, for another interpreter: it holds no values.
    Text { text: String, place: Place },
    /// A file, relative to the runbook's folder, sent byte for byte.
    File { path: String, place: Place },
}

/// A file or tree from the host.
#[derive(Debug, Clone)]
pub struct FetchTemplate {
    pub(crate) from: Template,
    pub(crate) to: Template,
    pub(crate) bytes_max: u64,
    pub(crate) run_as: RunAs,
}

/// A file to the host.
#[derive(Debug, Clone)]
pub struct PutTemplate {
    /// A local path: literal, or a `file` input.
    pub(crate) from: Template,
    pub(crate) to: Template,
    pub(crate) mode: Option<String>,
    pub(crate) owner: Option<Template>,
    pub(crate) run_as: RunAs,
}

/// A file's content, mode and owner; what is absent stays as it is.
#[derive(Debug, Clone)]
pub struct FileTemplate {
    pub(crate) path: Template,
    pub(crate) content: Option<Template>,
    /// In octal digits.
    pub(crate) mode: Option<String>,
    /// `user` or `user:group`.
    pub(crate) owner: Option<Template>,
    /// Whether it is to be there at all.
    pub(crate) present: bool,
    pub(crate) run_as: RunAs,
}

/// A symbolic link, switched in one go.
#[derive(Debug, Clone)]
pub struct LinkTemplate {
    pub(crate) path: Template,
    pub(crate) to: Template,
    pub(crate) run_as: RunAs,
}

/// A systemd unit's state; what is absent stays as it is.
#[derive(Debug, Clone)]
pub struct ServiceTemplate {
    pub(crate) unit: Template,
    pub(crate) state: Option<ServiceState>,
    pub(crate) enabled: Option<bool>,
    pub(crate) run_as: RunAs,
}

/// What a unit is brought to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServiceState {
    Started,
    Stopped,
    Restarted,
    Reloaded,
}

/// A Debian package's version.
#[derive(Debug, Clone)]
pub struct PackageTemplate {
    pub(crate) name: Template,
    /// Any where it is absent.
    pub(crate) version: Option<Template>,
    pub(crate) present: bool,
    /// Whether it is held at its version; as it is where it is absent.
    pub(crate) hold: Option<bool>,
    pub(crate) run_as: RunAs,
}

/// Nothing for a while, or until something holds.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "it always stands behind a box of its own")]
pub enum WaitTemplate {
    /// For so long.
    For {
        /// A duration: literal, or a `duration` input.
        duration: Template,
    },
    /// Until it holds, for at most so long.
    Until {
        /// What is asked.
        probe: ProbeTemplate,
        /// The longest, in milliseconds.
        within_ms: u64,
    },
}

/// A person decides.
#[derive(Debug, Clone)]
pub struct AskTemplate {
    pub(crate) question: Template,
    pub(crate) within_ms: u64,
    pub(crate) otherwise: Otherwise,
}

/// Another runbook's steps, in this place.
#[derive(Debug, Clone)]
pub struct CallTemplate {
    pub(crate) runbook: RunbookName,
    /// Its inputs, each as if it had been typed.
    pub(crate) inputs: IndexMap<String, Template>,
    pub(crate) place: Place,
}

/// A message to somebody.
#[derive(Debug, Clone)]
pub struct NotifyTemplate {
    pub(crate) to: String,
    pub(crate) text: Template,
}

/// A read with an expectation.
#[derive(Debug, Clone)]
pub struct ProbeTemplate {
    /// What is asked; `run` or `http`.
    pub action: ActionTemplate,
    pub(crate) expect: ExpectTemplate,
}

/// A post-condition.
#[derive(Debug, Clone)]
pub struct VerifyTemplate {
    /// What is asked, and what must come back.
    pub probe: ProbeTemplate,
    /// How long it may take to become true, in milliseconds.
    pub within_ms: u64,
    /// Asked this often.
    pub samples: u32,
    /// How many of the samples must hold.
    pub at_least: u32,
}

/// What must hold after each batch of a rollout, asked from this machine.
#[derive(Debug, Clone)]
pub struct HealthTemplate {
    /// What is asked, and what must come back. A PromQL query is the request that it stands for.
    pub probe: ProbeTemplate,
    /// The query as it was written, where it is one.
    pub(crate) promql: Option<Template>,
    /// How long it may take to become true, in milliseconds.
    pub within_ms: u64,
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
    /// The runbook says nothing about it. A typed step has its own inverse.
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
    /// Its word in a runbook.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Run { .. } => "run",
            Self::Script(_) => "script",
            Self::Fetch(_) => "fetch",
            Self::Put(_) => "put",
            Self::File(_) => "file",
            Self::Link(_) => "link",
            Self::Service(_) => "service",
            Self::Package(_) => "package",
            Self::Http(_) | Self::HttpSet(_) => "http",
            Self::Wait(_) => "wait",
            Self::Ask(_) => "ask",
            Self::Call(_) => "call",
            Self::Notify(_) => "notify",
        }
    }

    /// Whether it reads before it writes, so that it knows its inverse and its proof.
    #[must_use]
    pub const fn is_typed(&self) -> bool {
        matches!(self, Self::File(_) | Self::Link(_) | Self::Service(_) | Self::Package(_) | Self::HttpSet(_))
    }

    /// The runbook that it calls.
    pub(crate) const fn calls(&self) -> Option<&RunbookName> {
        match self {
            Self::Call(call) => Some(&call.runbook),
            _ => None,
        }
    }

    /// As whom it runs on the host; none for what does not run there.
    #[must_use]
    pub fn run_as(&self) -> Option<&RunAs> {
        Some(match self {
            Self::Run { run_as, .. } => run_as,
            Self::Script(it) => &it.run_as,
            Self::Fetch(it) => &it.run_as,
            Self::Put(it) => &it.run_as,
            Self::File(it) => &it.run_as,
            Self::Link(it) => &it.run_as,
            Self::Service(it) => &it.run_as,
            Self::Package(it) => &it.run_as,
            Self::Http(_) | Self::HttpSet(_) | Self::Wait(_) | Self::Ask(_) | Self::Call(_) | Self::Notify(_) => {
                return None;
            }
        })
    }

    /// Every template of it.
    pub(crate) fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Run { script, .. } => vec![script],
            Self::Script(it) => {
                let text = match &it.source {
                    ScriptSource::Shell(text) => Some(text),
                    ScriptSource::Text { .. } | ScriptSource::File { .. } => None,
                };
                text.into_iter().chain(&it.args).collect()
            }
            Self::Fetch(it) => vec![&it.from, &it.to],
            Self::Put(it) => [&it.from, &it.to].into_iter().chain(&it.owner).collect(),
            Self::File(it) => std::iter::once(&it.path).chain(&it.content).chain(&it.owner).collect(),
            Self::Link(it) => vec![&it.path, &it.to],
            Self::Service(it) => vec![&it.unit],
            Self::Package(it) => std::iter::once(&it.name).chain(&it.version).collect(),
            Self::Http(http) => http.templates(),
            Self::HttpSet(set) => set.templates(),
            Self::Wait(it) => match it.as_ref() {
                WaitTemplate::For { duration } => vec![duration],
                WaitTemplate::Until { probe, .. } => probe.templates(),
            },
            Self::Ask(it) => vec![&it.question],
            Self::Call(it) => it.inputs.values().collect(),
            Self::Notify(it) => vec![&it.text],
        }
    }
}

impl ProbeTemplate {
    /// Every template of it.
    pub(crate) fn templates(&self) -> Vec<&Template> {
        let json = self.expect.json.iter().flat_map(|(_, value)| value.templates());
        self.action.templates().into_iter().chain(&self.expect.stdout).chain(json).collect()
    }
}

impl InverseTemplate {
    /// Every template of it.
    pub(crate) fn templates(&self) -> Vec<&Template> {
        let verify = self.verify.iter().flat_map(|verify| verify.probe.templates());
        self.action.templates().into_iter().chain(verify).collect()
    }
}

impl Step {
    /// Every template of it.
    pub(crate) fn templates(&self) -> Vec<&Template> {
        let before = self.for_each.iter().flat_map(JsonTemplate::templates);
        let check = self.check.iter().flat_map(ProbeTemplate::templates);
        let verify = self.verify.iter().flat_map(|verify| verify.probe.templates());
        let undo = match &self.undo {
            Undo::Inverse(inverse) => inverse.templates(),
            Undo::Unsaid | Undo::None => Vec::new(),
        };
        before.chain(self.action.templates()).chain(check).chain(verify).chain(undo).collect()
    }

    /// Whether its author has weighed this warning, and why it may stay.
    #[must_use]
    pub fn waives(&self, code: &str) -> bool {
        self.waivers.contains_key(code)
    }
}
