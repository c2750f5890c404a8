//! Host lists, observations, freshness: what the fleet is, and what is known of it.
//!
//! Pure but for the [`prober`], which talks to hosts through a port. Nothing here reads the
//! environment, the home folder or a file by itself, and nothing here changes a host.

pub mod fact_sheet;
pub mod fleet_file;
pub mod observation;
pub mod ports;
pub mod probe;
pub mod prober;
pub mod problem;
pub mod sources;
pub mod ssh_config;

pub use fact_sheet::{FACT_NAMES, FactName, FactUnit, UnknownFact, fact_sheet, unknown_facts};
pub use observation::{Facts, Freshness, Known, Observation, Reachability, Standing};
pub use prober::{Prober, ProberHandle};
pub use problem::{FileProblems, Problem};
pub use sources::{Fleet, SourceStatus, Sources};

/// Most hosts of a fleet, and of each of its sources.
pub const HOSTS_MAX: usize = 100_000;
