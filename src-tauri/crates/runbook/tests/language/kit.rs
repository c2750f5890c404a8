//! Hosts and requests for the tests of this crate.

use std::collections::BTreeMap;
use std::sync::Arc;

use daytwo_model::plan::{Action, LocalFile};
use daytwo_model::{
    Digest, Endpoint, Fact, FactSheet, FactValue, Host, HostName, Plan, RunbookName, SealedPlan, Selector, Timestamp,
};
use daytwo_runbook::{PlanErrors, PlanRequest, Runbook, Surroundings, WhenReachable, parse, plan};

/// 2026-11-21T03:04:05.678Z.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_ms(1_795_230_245_678)
}

pub(crate) fn host(name: &str, labels: &[(&str, &str)], vars: &[(&str, &str)]) -> Host {
    let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Host {
        name: HostName::new(name).unwrap(),
        endpoint: Endpoint::Simulated,
        labels: map(labels),
        vars: map(vars),
        source: "test".to_owned(),
    }
}

/// A few hosts that follow the demo fleet's conventions.
pub(crate) fn fleet() -> Vec<Host> {
    let mut hosts = Vec::new();
    for (role, count) in [("web", 2), ("database", 1), ("inference", 2), ("gateway", 1)] {
        for site in ["ams", "fra"] {
            for n in 1..=count {
                let vars: &[(&str, &str)] = match role {
                    "gateway" => &[("gateway_url", "http://127.0.0.1:4000/")],
                    "inference" => &[("inference_url", "http://127.0.0.1:8000")],
                    _ => &[],
                };
                hosts.push(host(&format!("{role}-{site}-{n}"), &[("role", role), ("site", site)], vars));
            }
        }
    }
    hosts
}

pub(crate) fn request<'a>(fleet: &'a [Host], selection: &str, inputs: &[(&str, &str)]) -> PlanRequest<'a> {
    PlanRequest {
        inputs: inputs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>(),
        selection: (!selection.is_empty()).then(|| Selector::parse(selection).unwrap()),
        fleet,
        surroundings: &daytwo_runbook::Nowhere,
        source: None,
        by: "test".to_owned(),
        at: now(),
        when_reachable: WhenReachable::default(),
    }
}

/// A runbook with these lines after its head.
pub(crate) fn runbook(rest: &str) -> Runbook {
    named("test", rest)
}

/// A runbook of this name.
pub(crate) fn named(name: &str, rest: &str) -> Runbook {
    let text = format!(
        "runbook: {name}\ntitle: Test\nsummary: A test.\nkind: operation\nowner: us\nreviewed: 2026-11-01\n{rest}"
    );
    parse(&format!("{name}.yaml"), &text).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A runbook with one step that runs this script.
pub(crate) fn script(inputs: &str, script: &str) -> Runbook {
    let script: String = script.lines().map(|line| format!("      {line}\n")).collect();
    runbook(&format!("{inputs}steps:\n  - id: one\n    effect: read\n    run: |\n{script}"))
}

pub(crate) fn planned(runbook: &Runbook, request: &PlanRequest<'_>) -> SealedPlan {
    plan(runbook, request).unwrap_or_else(|errors| panic!("{errors}"))
}

pub(crate) fn refused(runbook: &Runbook, request: &PlanRequest<'_>) -> PlanErrors {
    plan(runbook, request).map_or_else(|errors| errors, |_| panic!("a plan was made"))
}

/// Surroundings of which a test says what is there.
#[derive(Default)]
pub(crate) struct Around {
    pub(crate) runbooks: BTreeMap<String, Arc<Runbook>>,
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) choices: BTreeMap<String, Result<Vec<String>, String>>,
    pub(crate) facts: BTreeMap<HostName, FactSheet>,
    pub(crate) keys: BTreeMap<HostName, Vec<String>>,
    pub(crate) gateways: BTreeMap<HostName, String>,
}

impl Around {
    /// With runbooks that can be called: each a name, and the lines after its head.
    pub(crate) fn with_runbooks(books: &[(&str, &str)]) -> Self {
        let runbooks = books.iter().map(|(name, rest)| ((*name).to_owned(), Arc::new(named(name, rest)))).collect();
        Self { runbooks, ..Self::default() }
    }

    pub(crate) fn fact(mut self, host: &str, name: &str, value: FactValue, at: Timestamp) -> Self {
        self.facts.entry(HostName::new(host).unwrap()).or_default().insert(name.to_owned(), Fact { value, at });
        self
    }
}

impl Surroundings for Around {
    fn runbook(&self, name: &RunbookName) -> Option<Arc<Runbook>> {
        self.runbooks.get(name.as_str()).cloned()
    }

    fn file(&self, path: &str) -> Result<LocalFile, String> {
        let text = self.files.get(path).ok_or_else(|| format!("there is no file {path}"))?;
        Ok(LocalFile { digest: Digest::of(text.as_bytes()), bytes: text.len() as u64 })
    }

    fn text_beside(&self, _file: &str, path: &str) -> Result<String, String> {
        self.files.get(path).cloned().ok_or_else(|| format!("there is no file {path}"))
    }

    fn choices(&self, _runbook: &RunbookName, input: &str) -> Result<Vec<String>, String> {
        self.choices.get(input).cloned().unwrap_or_else(|| Err("nobody was asked".to_owned()))
    }

    fn host_keys(&self, host: &Host) -> Vec<String> {
        self.keys.get(&host.name).cloned().unwrap_or_default()
    }

    fn gateway_of(&self, host: &Host) -> Option<String> {
        self.gateways.get(&host.name).cloned()
    }

    fn facts(&self, host: &HostName) -> Option<&FactSheet> {
        self.facts.get(host)
    }
}

/// The script of a step on a host, as people see it; none where the host has no action.
pub(crate) fn shown(plan: &Plan, id: &str, host: &str) -> Option<String> {
    let step = plan.steps.iter().find(|step| step.id.as_str() == id).unwrap_or_else(|| panic!("no step {id}"));
    let host = plan.hosts.iter().position(|known| known.name.as_str() == host).unwrap();
    match step.action.get(u32::try_from(host).unwrap())? {
        Action::Run { script, .. } => Some(script.preview()),
        other => panic!("not a script: {other:?}"),
    }
}

/// The ids of a plan's steps, in order.
pub(crate) fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

/// What a real `/bin/sh` says to a script.
pub(crate) fn sh(script: &str) -> (i32, String) {
    let output = std::process::Command::new("/bin/sh").args(["-c", script]).output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stdout).unwrap())
}
