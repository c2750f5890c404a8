//! Putting a simulated fleet together.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use daytwo_model::{Endpoint, Host, HostName, InvalidName, Labels};

use super::{Reply, Rule, SimulatedFleet, draw};
use crate::spec;

/// Which hosts a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Every host.
    All,
    /// These.
    Named(BTreeSet<HostName>),
    /// Hosts with this label.
    Label {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// This many of a thousand, chosen by the seed.
    PerMille(u16),
}

impl Which {
    /// One host.
    #[must_use]
    pub fn named(host: &HostName) -> Self {
        Self::Named(BTreeSet::from([host.clone()]))
    }

    pub(super) fn has(&self, host: &Host, seed: u64) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(&host.name),
            Self::Label { key, value } => host.labels.get(key) == Some(value),
            Self::PerMille(share) => draw(seed, &[host.name.as_str(), "share"]) % 1000 < u64::from(*share),
        }
    }
}

/// Builds a [`SimulatedFleet`].
#[must_use]
pub struct Builder {
    seed: u64,
    hosts: Vec<Host>,
    rules: Vec<Rule>,
    otherwise: Reply,
    recording: bool,
}

impl Builder {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, hosts: Vec::new(), rules: Vec::new(), otherwise: Reply::ok(""), recording: false }
    }

    /// Adds a host.
    pub fn host(mut self, name: HostName, labels: Labels) -> Self {
        let source = "simulated".to_owned();
        self.hosts.push(Host { name, endpoint: Endpoint::Simulated, labels, vars: BTreeMap::new(), source });
        self
    }

    /// Adds hosts `sim-00001` to `sim-NNNNN`, spread over four sites.
    pub fn hosts(mut self, count: usize) -> Result<Self, InvalidName> {
        for number in 1..=count {
            let site = spec::SITES.get(number % spec::SITES.len()).copied().unwrap_or_default();
            let labels = [("role", "edge"), ("site", site)];
            let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
            self = self.host(HostName::new(format!("sim-{number:05}"))?, labels);
        }
        Ok(self)
    }

    /// Answers scripts that contain `text`. The first rule that fits answers.
    pub fn reply(self, which: Which, text: impl Into<String>, reply: Reply) -> Self {
        self.replies(which, text, vec![reply])
    }

    /// Answers with one reply after the other, counted per host; the last one repeats.
    pub fn replies(mut self, which: Which, text: impl Into<String>, replies: Vec<Reply>) -> Self {
        self.rules.push(Rule { which, containing: text.into(), replies });
        self
    }

    /// Answers everything that no rule fits. Without it: exit code 0, no output, at once.
    pub fn otherwise(mut self, reply: Reply) -> Self {
        self.otherwise = reply;
        self
    }

    /// Keeps the scripts that arrive, for [`SimulatedFleet::received`]. They may hold secrets: for tests.
    pub fn recording(mut self) -> Self {
        self.recording = true;
        self
    }

    /// The fleet.
    #[must_use]
    pub fn build(self) -> SimulatedFleet {
        let Self { seed, hosts, rules, otherwise, recording } = self;
        SimulatedFleet { seed, hosts, rules, otherwise, recording, memory: Mutex::new(HashMap::new()) }
    }
}

/// What a simulated host tells the fleet view's probe.
const PROBED: &str = "daytwo_probe=1\nos=Simulated host\nload=0.10 0.08 0.05\ncpus=2\nuptime_s=86400\nfailed_units=0\n";

impl SimulatedFleet {
    /// The hosts of the demo fleet without a shell behind them: what can be offered where no sandbox
    /// can be had. Plans, batches, budgets and output can be tried; nothing is executed.
    pub fn demo() -> Result<Self, InvalidName> {
        let mut builder = Self::builder(24);
        let mut unreachable = BTreeSet::new();
        for host in spec::hosts()? {
            if host.quirk == spec::Quirk::Unreachable {
                unreachable.insert(host.name.clone());
            }
            builder = builder.host(host.name, host.labels);
        }
        let brief = (Duration::from_millis(80), Duration::from_millis(900));
        let soon = |reply: Reply| reply.between(brief.0, brief.1);
        let gone = Reply::unreachable("connection refused (simulated)").after(Duration::from_millis(50));
        Ok(builder
            .reply(Which::Named(unreachable), "", gone)
            .reply(Which::All, "daytwo_probe", soon(Reply::ok(PROBED)))
            .reply(Which::All, "systemctl is-active", soon(Reply::ok("active\n")))
            .reply(Which::All, "-p MainPID", soon(Reply::ok("4711\n")))
            .otherwise(soon(Reply::ok("simulated: nothing was executed\n")))
            .build())
    }
}
