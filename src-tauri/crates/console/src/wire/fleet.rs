//! The Fleet place.

use std::collections::BTreeMap;

use daytwo_model::{HostName, Timestamp};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::mark::Mark;

/// Every host, with a number that grows with each change.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct FleetView {
    /// Deltas continue from here without gaps.
    #[ts(type = "number")]
    pub index: u64,
    /// The hosts, sorted by name.
    pub hosts: Vec<HostRow>,
    /// How the whole stands.
    pub summary: FleetSummary,
}

/// The fleet in one line.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct FleetSummary {
    /// For the top bar: `24 hosts · 21 live · 2 stale · 1 no answer`.
    pub words: String,
    /// Set when no host answers: since when.
    pub offline_since: Option<Timestamp>,
    /// Counts by mark.
    pub counts: BTreeMap<Mark, u32>,
    /// Whether this is the demo fleet.
    pub demo: bool,
}

/// One host in matrix and table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct HostRow {
    /// Its name.
    pub name: HostName,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Where it is reached: `ops@10.0.0.7:22`.
    pub address: String,
    /// Where the entry came from.
    pub source: String,
    /// Its mark: ok (live), waiting (not asked yet), unreachable, failed (refused), unknown.
    pub mark: Mark,
    /// The state in words: `live`, `no answer`, `host key changed`.
    pub word: String,
    /// The whole reason, where there is one.
    pub why: Option<String>,
    /// When the state was observed; none before the first try.
    pub as_of: Option<Timestamp>,
    /// When it last answered.
    pub last_answer: Option<Timestamp>,
    /// Whether the facts are older than they should be.
    pub stale: bool,
    /// When the facts were read.
    pub facts_at: Option<Timestamp>,
    /// Last known facts.
    pub facts: Option<HostFacts>,
}

/// Facts that the probe reads. Absent: the host did not tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[expect(missing_docs, reason = "names and units say it")]
pub struct HostFacts {
    pub load1: Option<f64>,
    pub cpus: Option<u32>,
    pub disk_used_percent: Option<f64>,
    pub memory_used_percent: Option<f64>,
    #[ts(type = "number | null")]
    pub uptime_s: Option<u64>,
    pub os: Option<String>,
    pub kernel: Option<String>,
    /// Version of the application under `/srv/app/current`.
    pub version: Option<String>,
    pub failed_units: Option<u32>,
    #[ts(type = "number | null")]
    pub clock_skew_ms: Option<i64>,
}

/// The drawer: one host in full.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct HostDetail {
    /// As in the table.
    pub row: HostRow,
    /// Per-host values that runbooks read.
    pub vars: BTreeMap<String, String>,
    /// Facts over time, oldest first: for sparklines.
    pub samples: Vec<HostSample>,
    /// Runs that had this host, newest first.
    pub runs: Vec<super::run::RunRow>,
}

/// One earlier observation.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[expect(missing_docs, reason = "names and units say it")]
pub struct HostSample {
    pub at: Timestamp,
    pub mark: Mark,
    pub load1: Option<f64>,
    pub disk_used_percent: Option<f64>,
}

/// What a selector picks.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct SelectionView {
    /// The hosts that it picks; empty when the text is not a selector.
    pub hosts: Vec<HostName>,
    /// Hosts of which it cannot say whether they are picked: what it asks of them is not known, or too old.
    pub undecided: Vec<super::plan::UndecidedHost>,
    /// How many hosts there are.
    pub of: u32,
    /// Why the text is not a selector, and the column (from 1).
    pub error: Option<SelectionError>,
}

/// A fact that selectors can ask for.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[expect(missing_docs, reason = "names say it")]
pub struct FactView {
    pub name: String,
    pub example: String,
    pub doc: String,
}

/// What a selector makes of one host.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct HostVerdict {
    /// The host.
    pub name: HostName,
    /// Whether it is picked.
    pub verdict: daytwo_model::Verdict,
    /// What decided.
    pub why: String,
}

/// Why a text is not a selector.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[expect(missing_docs, reason = "names say it")]
pub struct SelectionError {
    pub column: u32,
    pub width: u32,
    pub message: String,
    pub hint: Option<String>,
}
