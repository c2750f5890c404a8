//! What the transport is given. It reads no environment and no home directory itself.

use std::path::PathBuf;
use std::time::Duration;

use crate::keys::{ClientKey, PublicKey};

/// Connections that may be in their TCP, key exchange or authentication phase at one time, over all
/// hosts. A key exchange costs some milliseconds of CPU on both ends, and OpenSSH drops
/// unauthenticated connections at random above 10 (`MaxStartups`); most fleets are many servers, so
/// the console's own CPU is what this number protects.
pub const CONNECTS_AT_ONCE_MAX: usize = 32;

/// `ssh -G` processes that may run at one time; each takes a few milliseconds of CPU.
pub(crate) const RESOLVES_AT_ONCE_MAX: usize = 8;

/// Everything that the transport needs to know from outside.
#[derive(Debug, Clone, Default)]
pub struct SshOptions {
    /// Login name where neither the endpoint nor ssh_config has one.
    pub user: String,
    /// The user's own known_hosts files: read, never written. A missing file holds no keys.
    pub known_hosts: Vec<PathBuf>,
    /// Daytwo's own known_hosts file, where accepted keys are added; made (0600) with the first one.
    pub trusted: PathBuf,
    /// What `~` stands for in the paths of ssh_config and of endpoints.
    pub home: Option<PathBuf>,
    /// Directory of the usual key files (`id_ed25519`, `id_ecdsa`, `id_rsa`), normally `~/.ssh`.
    pub key_dir: Option<PathBuf>,
    /// The agent's socket, normally the value of `SSH_AUTH_SOCK`.
    pub agent: Option<PathBuf>,
    /// The `ssh` program that resolves aliases of ssh_config; `ssh` from `PATH` where it is absent.
    pub ssh_program: Option<PathBuf>,
    /// The ssh_config file; the program's usual ones where it is absent.
    pub ssh_config: Option<PathBuf>,
    /// Endpoints whose keys are known from elsewhere.
    pub pinned: Vec<Pinned>,
    /// How long each phase may take.
    pub deadlines: Deadlines,
}

/// An endpoint whose host key is known from elsewhere, such as a server in this process.
///
/// No file is asked about its host key, and no key but `client_key` is offered to it.
#[derive(Debug, Clone)]
pub struct Pinned {
    /// The address as it stands in the host's endpoint.
    pub address: String,
    /// Its TCP port.
    pub port: u16,
    /// The only host key that is accepted there.
    pub host_key: PublicKey,
    /// The only key that is offered there.
    pub client_key: ClientKey,
}

/// How long each phase may take. Each has an error text of its own.
#[derive(Debug, Clone)]
pub struct Deadlines {
    /// `ssh -G`, and the lookup of a name.
    pub resolve: Duration,
    /// The TCP connection.
    pub connect: Duration,
    /// The server's greeting and the key exchange.
    pub handshake: Duration,
    /// All authentication attempts together; an agent may have to ask its user.
    pub authenticate: Duration,
    /// Opening a channel on a connection.
    pub channel: Duration,
    /// From the request to the whole script having been taken by the host.
    pub send: Duration,
    /// From the whole script having been taken to the confirmed start.
    pub start: Duration,
    /// How long a cancelled job that has not confirmed its start is waited for.
    pub cancel_start: Duration,
    /// Between asking a process group to end and killing it.
    pub terminate: Duration,
    /// The whole exchange that cancels a job, including `terminate`.
    pub kill: Duration,
    /// Silence after an exit status, before the channel is closed from here: something that the
    /// script left behind in the background holds its output open.
    pub linger: Duration,
    /// A connection that nothing uses is closed after this.
    pub idle: Duration,
    /// Silence after which the server is asked for a sign of life; the connection is given up
    /// after [`KEEPALIVES_MISSED_MAX`] such questions without an answer.
    pub keepalive: Duration,
}

/// Unanswered questions for a sign of life before a connection is given up.
pub const KEEPALIVES_MISSED_MAX: usize = 3;

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            resolve: Duration::from_secs(5),
            connect: Duration::from_secs(10),
            handshake: Duration::from_secs(15),
            authenticate: Duration::from_secs(30),
            channel: Duration::from_secs(10),
            send: Duration::from_secs(60),
            start: Duration::from_secs(60),
            cancel_start: Duration::from_secs(5),
            terminate: Duration::from_secs(5),
            kill: Duration::from_secs(20),
            linger: Duration::from_secs(5),
            idle: Duration::from_secs(120),
            keepalive: Duration::from_secs(10),
        }
    }
}
