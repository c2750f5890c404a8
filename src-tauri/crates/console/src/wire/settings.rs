//! The Settings place.

use daytwo_model::{HostName, RunbookName, SecretName, Timestamp};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a person may set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `system`, `light`, `dark`.
    pub theme: Theme,
    /// Above this many hosts the number must be typed to start.
    pub type_to_start_above: u32,
    /// How often a host is looked at, in seconds.
    pub probe_interval_s: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { theme: Theme::System, type_to_start_above: 20, probe_interval_s: 15 }
    }
}

/// Light or dark.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names say it")]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

/// Settings, and what they govern.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct SettingsView {
    /// The settings.
    pub settings: Settings,
    /// Where hosts come from.
    pub sources: Vec<SourceView>,
    /// Where everything lies: label and path.
    pub paths: Vec<(String, String)>,
    /// This program's version.
    pub version: String,
    /// Whether this is the demo.
    pub demo: bool,
}

/// A source of hosts.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[expect(missing_docs, reason = "names say it")]
pub struct SourceView {
    pub name: String,
    pub path: Option<String>,
    pub hosts: u32,
    pub read_at: Option<Timestamp>,
    pub error: Option<String>,
}

/// Host keys that wait for a review, and those that disagree.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct KeyRow {
    /// The host.
    pub host: HostName,
    /// Its address.
    pub address: String,
    /// `known`, `unknown`, `changed`, `revoked`, `no answer`.
    pub status: String,
    /// The key's type and SHA-256 fingerprint, as `ssh-keygen -l` prints it.
    pub fingerprint: Option<String>,
    /// For a changed key: which line of which file disagrees. For no answer: why.
    pub detail: Option<String>,
}

/// A host key to accept: exactly the one that was shown.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[expect(missing_docs, reason = "names say it")]
pub struct KeyToTrust {
    pub host: HostName,
    pub fingerprint: String,
}

/// Where secrets are kept, and which there are.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct SecretsView {
    /// In words: `the desktop keyring`, `a passphrase-protected file`, `nowhere: …`.
    pub kept_in: String,
    /// What a passphrase is needed for, if it is needed now: `unlock` or `create`.
    pub passphrase: Option<String>,
    /// The names; never the values.
    pub secrets: Vec<SecretRow>,
}

/// A secret's name and use.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct SecretRow {
    /// Its name.
    pub name: SecretName,
    /// The runbooks whose inputs default to it.
    pub used_by: Vec<RunbookName>,
}
