//! What the fleet view needs from the world.

use std::time::Duration;

use async_trait::async_trait;
use daytwo_model::Host;

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
