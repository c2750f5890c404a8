//! A host: a machine or device with a name, a way to reach it, labels and values for templates.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::id::HostName;

/// Labels by key, for example `role=web`. Sorted, so that everything computed from them is stable.
pub type Labels = BTreeMap<String, String>;

/// One machine or device of the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Unique in the fleet.
    pub name: HostName,
    /// How it is reached.
    pub endpoint: Endpoint,
    /// What selectors pick by.
    pub labels: Labels,
    /// Per-host values that templates read as `host.vars.NAME`; never secrets.
    pub vars: BTreeMap<String, String>,
    /// Where the entry came from, for people: `fleet.yaml`, `~/.ssh/config`, `demo`.
    pub source: String,
}

/// How a host is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Endpoint {
    /// SSH to an address that the source gave.
    Ssh {
        /// Name or IP address to connect to.
        address: String,
        /// TCP port.
        port: u16,
        /// Login name; the current user's where it is absent.
        user: Option<String>,
        /// Private key file to try before the agent's and the usual ones.
        identity_file: Option<String>,
    },
    /// SSH to an alias of the user's ssh_config, resolved by `ssh -G` at connection time.
    SshConfig {
        /// The `Host` name as it stands in the file.
        alias: String,
    },
    /// A host that exists in memory only, for tests at scale and where no sandbox can be had.
    Simulated,
}

impl Endpoint {
    /// Where this leads, for people: `ops@10.0.0.7:22`.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Ssh { address, port, user: Some(user), .. } => format!("{user}@{address}:{port}"),
            Self::Ssh { address, port, user: None, .. } => format!("{address}:{port}"),
            Self::SshConfig { alias } => format!("ssh {alias}"),
            Self::Simulated => "simulated".to_owned(),
        }
    }
}
