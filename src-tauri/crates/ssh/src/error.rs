//! Why a connection, and so anything on it, could not be had. In every case nothing was started.

use std::time::Duration;

use daytwo_engine::ports::ShellEnd;
use daytwo_fleet::ports::NoAnswer;

use crate::known_hosts::Unreadable;

/// Why there is no connection. Each text says what was tried, how it failed and, where a person can
/// do something, what.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("resolve the alias {alias} with ssh -G: {why}")]
    Alias { alias: String, why: String },
    #[error("reach {alias}: its ssh_config uses {option}, which is not supported yet; {hint}")]
    Unsupported { alias: String, option: String, hint: &'static str },
    #[error("reach it over SSH: the host is simulated and has no address")]
    Simulated,
    #[error("look up {address}: {why}")]
    Lookup { address: String, why: String },
    #[error("connect to {place}: {why}")]
    Tcp { place: String, why: String },
    #[error("connect to {place}: no answer within {}", seconds(.after))]
    TcpDeadline { place: String, after: Duration },
    #[error("agree on keys with {place}: {why}")]
    Handshake { place: String, why: String },
    #[error("agree on keys with {place}: the server accepted the connection but was silent for {}", seconds(.after))]
    HandshakeDeadline { place: String, after: Duration },
    #[error("agree on keys with {place}: no algorithm in common ({why})")]
    NoCommonAlgorithm { place: String, why: String },
    #[error(transparent)]
    KnownHosts(#[from] Unreadable),
    #[error("trust {place}: {why}")]
    HostKey { place: String, why: String },
    #[error("log in to {place} as {user}: {why}")]
    Login { place: String, user: String, why: String },
    #[error("log in to {place} as {user}: not finished within {}", seconds(.after))]
    LoginDeadline { place: String, user: String, after: Duration },
    #[error("open a channel to {place}: {why}")]
    Channel { place: String, why: String },
    #[error("open a channel to {place}: no answer within {}", seconds(.after))]
    ChannelDeadline { place: String, after: Duration },
    #[error("reach {place} through {gateway}: {source}")]
    Gateway {
        place: String,
        gateway: String,
        #[source]
        source: Box<ConnectError>,
    },
}

impl ConnectError {
    /// The host (or this console) said no; trying again will not help. Otherwise: no answer.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Alias { .. }
            | Self::Unsupported { .. }
            | Self::Simulated
            | Self::NoCommonAlgorithm { .. }
            | Self::KnownHosts(_)
            | Self::HostKey { .. }
            | Self::Login { .. } => true,
            Self::Lookup { .. }
            | Self::Tcp { .. }
            | Self::TcpDeadline { .. }
            | Self::Handshake { .. }
            | Self::HandshakeDeadline { .. }
            | Self::LoginDeadline { .. }
            | Self::Channel { .. }
            | Self::ChannelDeadline { .. } => false,
            Self::Gateway { source, .. } => source.is_refusal(),
        }
    }

    fn sentence(&self) -> String {
        format!("failed to {self}")
    }
}

impl From<ConnectError> for ShellEnd {
    fn from(error: ConnectError) -> Self {
        let why = error.sentence();
        if error.is_refusal() { Self::Refused { why } } else { Self::Unreachable { why } }
    }
}

impl From<ConnectError> for NoAnswer {
    fn from(error: ConnectError) -> Self {
        let why = error.sentence();
        if error.is_refusal() { Self::Refused(why) } else { Self::Unreachable(why) }
    }
}

/// A duration for people: `1.5 s`.
pub(crate) fn seconds(duration: &Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}
