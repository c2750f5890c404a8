//! How the vault gets its passphrase from a person.

use async_trait::async_trait;
use daytwo_model::SecretValue;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a passphrase is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PassphraseFor {
    /// To create the vault: a new one, which the person has to repeat.
    Create,
    /// To unlock it.
    Unlock,
    /// To unlock it, after a wrong one.
    UnlockAgain,
}

/// Asks a person for the vault's passphrase.
#[async_trait]
pub trait AskPassphrase: Send + Sync {
    /// The passphrase; `None` where the person does not want to, or cannot be asked.
    async fn ask(&self, reason: PassphraseFor) -> Option<SecretValue>;
}

/// Nobody can be asked: a locked vault stays locked until [`crate::SecretsHandle::unlock`].
#[derive(Debug, Clone, Copy)]
pub struct NobodyToAsk;

#[async_trait]
impl AskPassphrase for NobodyToAsk {
    async fn ask(&self, _reason: PassphraseFor) -> Option<SecretValue> {
        None
    }
}
