//! What can go wrong with the demo fleet.

use std::io;

/// No sandbox can be had on this machine, so no real demo host may run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("demo hosts with a real shell are not available here, only simulated ones: {why}")]
pub struct Unavailable {
    /// A sentence for people: what is missing, and what would help.
    pub why: String,
}

/// The demo fleet could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No sandbox; [`crate::SimulatedFleet`] is what can be offered.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The files of the hosts could not be laid out.
    #[error("lay out the files of the demo hosts")]
    Kit(#[source] io::Error),
    /// The folder for the hosts' state could not be used.
    #[error("use {dir} for the state of the demo hosts")]
    State {
        /// The folder.
        dir: std::path::PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// No port on loopback.
    #[error("listen on loopback for demo host {host}")]
    Listen {
        /// The host.
        host: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A name of the demo fleet is not valid; a mistake in this crate.
    #[error("name the demo hosts")]
    Name(#[from] daytwo_model::InvalidName),
    /// The SSH side of a host did not start.
    #[error("start the SSH server of demo host {host}")]
    Ssh {
        /// The host.
        host: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
