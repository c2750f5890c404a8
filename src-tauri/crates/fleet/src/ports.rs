//! What the fleet view needs from the world.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use daytwo_model::{Host, Timestamp};

use crate::observation::Observation;

/// Why a host did not answer a read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// No connection in time.
    #[error("{0}")]
    Unreachable(String),
    /// It answered, and was or did refuse: host key unknown or changed, authentication.
    #[error("{0}")]
    Refused(String),
    /// It answered, and the read did not work there.
    #[error("{0}")]
    Failed(String),
}

/// Asks a host a read-only question over the connection that runs use too.
#[async_trait]
pub trait Reach: Send + Sync {
    /// Runs `script`, which must only read, and returns its standard output (bounded by the adapter).
    async fn read(&self, host: &Host, script: &str, deadline: Duration) -> Result<String, NoAnswer>;
}

/// Keeps what was last known of each host, so that it can be shown after a restart and offline.
#[async_trait]
pub trait ObservationStore: Send + Sync {
    /// All that is kept, one per host, in any order.
    async fn load(&self) -> Result<Vec<Observation>, KeepError>;
    /// Keeps these, all or none; each replaces the earlier one of its host. Never called with two
    /// of one host, nor with more than [`crate::prober::SAVE_BATCH_MAX`].
    async fn save(&self, observations: &[Observation]) -> Result<(), KeepError>;
}

/// The store could not keep or give observations; the text says what and why, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeepError(pub String);

/// The time of day. Sleeping goes through `tokio::time`, which tests can pause.
pub trait Now: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Reads the files that an ssh_config includes. The caller decides what may be read.
pub trait ReadFiles {
    /// The file's text. An error's text is for people and does not repeat the path.
    fn read(&self, path: &Path) -> Result<String, String>;
    /// The names of a folder's entries, whole paths, in any order; empty where there is no such folder.
    fn list(&self, folder: &Path) -> Vec<PathBuf>;
}
