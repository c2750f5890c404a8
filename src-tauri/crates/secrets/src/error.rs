//! What can go wrong with secrets. No variant holds a value, and none may.

use std::time::Duration;

use daytwo_model::SecretName;

use crate::SECRET_BYTES_MAX;
use crate::SECRETS_MAX;
use crate::vault::PASSPHRASE_CHARS_MIN;

/// Why a secret could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// There is neither a keyring nor a place for a vault.
    #[error("keep secrets: {0}")]
    NoBackend(String),
    /// The value is in the keyring, and the keyring is not there.
    #[error("read secret {name} from the keyring, which cannot be used now: {why}")]
    KeyringGone {
        /// The secret.
        name: SecretName,
        /// Why the keyring cannot be used.
        why: String,
    },
    /// The keyring refused or failed.
    #[error("use the keyring: {0}")]
    Keyring(String),
    /// The keyring did not answer; what was asked may still happen.
    #[error("use the keyring: no answer within {} s; it may be waiting to be unlocked", .0.as_secs())]
    KeyringSilent(Duration),
    /// The vault is locked and no passphrase was given.
    #[error("unlock the vault: no passphrase was given")]
    Locked,
    /// The passphrase does not open the vault.
    #[error("unlock the vault: the passphrase is wrong")]
    WrongPassphrase,
    /// A new passphrase is too short.
    #[error("create the vault: its passphrase must have at least {PASSPHRASE_CHARS_MIN} characters")]
    WeakPassphrase,
    /// The vault's file is not what was written: cut, changed, or of another kind.
    #[error("read the vault: {0}")]
    Damaged(&'static str),
    /// Another process holds the vault or the index.
    #[error("write the secrets' files: another process held them for {} s", .0.as_secs())]
    Busy(Duration),
    /// The value has no characters.
    #[error("keep the secret: its value is empty")]
    Empty,
    /// The value is too long.
    #[error("keep the secret: its value is longer than {} KiB", SECRET_BYTES_MAX / 1024)]
    TooLong,
    /// There are too many.
    #[error("keep the secret: there are {SECRETS_MAX} already")]
    TooMany,
    /// A file could not be read or written.
    #[error("{what}")]
    File {
        /// What was tried.
        what: &'static str,
        /// Why it did not work.
        #[source]
        source: std::io::Error,
    },
    /// The index is not one.
    #[error("read the index of secrets")]
    Index(#[source] serde_json::Error),
    /// The system gave no random numbers.
    #[error("get random numbers from the system")]
    Random,
    /// A part of this program stopped.
    #[error("use secrets: {0}")]
    Stopped(&'static str),
}

/// An error with its causes on one line.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        told.push_str(": ");
        told.push_str(&inner.to_string());
        cause = inner.source();
    }
    told
}
