//! Reviewing host keys: what hosts present now, and making a key known that a person has accepted.

use std::path::PathBuf;
use std::time::Duration;

use daytwo_model::{Host, HostName};
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};

use crate::connect::Presented;
use crate::error::ConnectError;
use crate::keys::PublicKey;
use crate::known_hosts::{self, Verdict};
use crate::transport::SshTransport;

/// Hosts that are looked at at one time; connecting itself is paced for the whole transport.
const SURVEYS_AT_ONCE_MAX: usize = 64;

/// How long writing one line may take, when another process holds the file.
const WRITE_DEADLINE: Duration = Duration::from_secs(5);

/// What a host presents, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
pub enum KeyStatus {
    /// The key is the host's.
    Known {
        /// The key.
        key: PublicKey,
    },
    /// No key of this host is known.
    Unknown {
        /// The key.
        key: PublicKey,
    },
    /// Another key of this host is known.
    Changed {
        /// The key that it presents now.
        key: PublicKey,
        /// The file that disagrees.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
    },
    /// The key must not be accepted.
    Revoked {
        /// The key.
        key: PublicKey,
        /// The file that says so.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
    },
    /// The host presented no key.
    NoAnswer {
        /// What was tried and how it failed.
        why: String,
    },
}

/// Why a key was not made known.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Only an unknown key can be accepted.
    #[error("trust the key of {host}: {why}")]
    NotAcceptable {
        /// The host.
        host: HostName,
        /// Why not, and what to do.
        why: String,
    },
    /// The endpoint has no address.
    #[error("trust the key of {host}: {why}")]
    NoAddress {
        /// The host.
        host: HostName,
        /// Why not.
        why: String,
    },
    /// The file could not be written.
    #[error("write {}", file.display())]
    Write {
        /// Daytwo's own known_hosts file.
        file: PathBuf,
        /// How it failed.
        #[source]
        source: std::io::Error,
    },
}

impl From<Presented> for KeyStatus {
    fn from(seen: Presented) -> Self {
        let key = seen.key;
        match seen.verdict {
            Verdict::Known => Self::Known { key },
            Verdict::Unknown => Self::Unknown { key },
            Verdict::Changed(at) => Self::Changed { key, file: at.file, line: at.line },
            Verdict::Revoked(at) => Self::Revoked { key, file: at.file, line: at.line },
        }
    }
}

impl SshTransport {
    /// Asks the hosts for their keys, several at a time, without logging in. In the order of `hosts`.
    pub async fn survey_keys(&self, hosts: &[Host]) -> Vec<(HostName, KeyStatus)> {
        let one = |host: &Host| {
            let host = host.clone();
            async move {
                let status = match self.present(&host).await {
                    Ok(seen) => seen.into(),
                    Err(error) => KeyStatus::NoAnswer { why: format!("failed to {error}") },
                };
                (host.name, status)
            }
        };
        let surveys: Vec<_> = hosts.iter().map(one).collect();
        futures::stream::iter(surveys).buffered(SURVEYS_AT_ONCE_MAX).collect().await
    }

    async fn present(&self, host: &Host) -> Result<Presented, ConnectError> {
        let target = self.resolver.resolve(&host.endpoint).await?;
        self.pool.survey(&target).await
    }

    /// Makes a key known that [`survey_keys`](Self::survey_keys) found unknown and a person has accepted.
    ///
    /// It is exactly the key in `status` that becomes known, whatever the host presents meanwhile.
    pub async fn trust(&self, host: &Host, status: &KeyStatus) -> Result<(), TrustError> {
        let refuse = |why: String| TrustError::NotAcceptable { host: host.name.clone(), why };
        let key = match status {
            KeyStatus::Known { .. } => return Ok(()),
            KeyStatus::Unknown { key } => key.clone(),
            KeyStatus::Changed { file, line, .. } => {
                return Err(refuse(format!(
                    "line {line} of {} has another key; remove that line first if the change was announced",
                    file.display()
                )));
            }
            KeyStatus::Revoked { file, line, .. } => {
                return Err(refuse(format!("line {line} of {} revokes it", file.display())));
            }
            KeyStatus::NoAnswer { why } => return Err(refuse(format!("it presented none ({why})"))),
        };
        let target = self
            .resolver
            .resolve(&host.endpoint)
            .await
            .map_err(|error| TrustError::NoAddress { host: host.name.clone(), why: error.to_string() })?;
        let file = self.options.trusted.clone();
        let failed = |source| TrustError::Write { file: self.options.trusted.clone(), source };
        let name = target.key_name.clone();
        let append = tokio::task::spawn_blocking(move || known_hosts::append(&file, &name, &key));
        match tokio::time::timeout(WRITE_DEADLINE, append).await {
            Ok(Ok(written)) => written.map_err(failed),
            Ok(Err(panicked)) => Err(failed(std::io::Error::other(panicked))),
            Err(_) => Err(failed(std::io::Error::from(std::io::ErrorKind::TimedOut))),
        }
    }
}
