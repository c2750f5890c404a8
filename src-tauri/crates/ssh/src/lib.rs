//! SSH transport, client and server side; the only crate that knows russh.
//!
//! [`SshTransport`] answers the engine's `Shell` and the fleet's `Reach` over one pooled connection
//! per host. Three things hold everywhere in here: a host key that is not known is never accepted;
//! what a host was made to do is reported only as far as it was seen; and every wait has a deadline
//! ([`Deadlines`]) and every buffer a bound.
//!
//! No type of russh leaves this crate, and it reads neither environment nor home directory: paths,
//! the agent's socket and the user's name come in [`SshOptions`].

mod ask;
mod auth;
mod connect;
mod error;
mod gateways;
mod host;
mod job;
mod keys;
mod known_hosts;
mod known_keys;
mod options;
mod pool;
pub mod server;
mod ssh_config;
mod survey;
mod target;
mod transport;

pub use ask::ANSWER_BYTES_MAX;
pub use host::{TOUCHES_MAX, Touch, TouchState, Touched};
pub use keys::{ClientKey, HostKey, InvalidKey, KeyGeneration, PublicKey};
pub use options::{CONNECTS_AT_ONCE_MAX, Deadlines, KEEPALIVES_MISSED_MAX, Pinned, SshOptions};
pub use survey::{KeyStatus, TrustError};
pub use transport::SshTransport;
