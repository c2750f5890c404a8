//! Secret values by reference; the only crate that knows the keyring.
//!
//! Values are kept in the system's keyring, or, where there is none that works, in an encrypted
//! file of our own ([`vault`]). They are never kept in plain text, and never appear in an error,
//! a log line or a `Debug`. Names are not secret: an index of them lies beside the vault, so that
//! they can be listed without unlocking anything.

mod ask;
mod error;
mod index;
mod keyring_thread;
mod memory;
mod private_file;
mod system;
pub mod vault;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use daytwo_engine::ports::{PortError, Secrets};
use daytwo_model::{SecretName, SecretValue};

pub use ask::{AskPassphrase, NobodyToAsk, PassphraseFor};
pub use error::{SecretsError, with_causes};
pub use system::{Backend, VaultState};

/// The longest value: a key file or a token, not a document.
pub const SECRET_BYTES_MAX: usize = 64 * 1024;
/// Most secrets of one user.
pub const SECRETS_MAX: usize = 1000;

/// Where and how secrets are kept.
#[derive(Debug, Clone)]
pub struct SecretsOptions {
    /// Under this name the keyring groups them.
    pub service: String,
    /// The folder of index and vault; made where it is not there, for this user only.
    pub dir: PathBuf,
    /// False leaves the keyring alone, for a user who wants the vault.
    pub keyring: bool,
    /// How dear a guess at the vault's passphrase is made, when a vault is created.
    pub cost: vault::Cost,
}

impl SecretsOptions {
    /// The keyring, with a vault in `dir` to fall back to.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self { service: "daytwo".to_owned(), dir, keyring: true, cost: vault::Cost::default() }
    }
}

/// Reads and keeps secrets. Cheap to clone.
#[derive(Clone)]
pub struct SecretsHandle(Arc<Kind>);

enum Kind {
    System(system::System),
    Memory(memory::Memory),
}

impl std::fmt::Debug for SecretsHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SecretsHandle").field(&self.status()).finish()
    }
}

impl SecretsHandle {
    /// Tries the keyring with a value of its own, and falls back to the vault where that does not
    /// work within 10 s. Never fails: what is wrong is
    /// told by [`Self::status`], and by each call that suffers from it.
    pub async fn open(options: SecretsOptions, ask: Arc<dyn AskPassphrase>) -> Self {
        Self(Arc::new(Kind::System(system::System::open(options, ask).await)))
    }

    /// Secrets that are gone when the program ends; for the demo fleet and for tests.
    #[must_use]
    pub fn in_memory(secrets: BTreeMap<SecretName, SecretValue>) -> Self {
        Self(Arc::new(Kind::Memory(memory::Memory::new(secrets))))
    }

    /// Where values are kept now, and why there.
    #[must_use]
    pub fn status(&self) -> Backend {
        match &*self.0 {
            Kind::System(system) => system.status(),
            Kind::Memory(_) => Backend::Memory,
        }
    }

    /// Tries the keyring again, for example after the user has unlocked it.
    pub async fn look_again(&self) -> Backend {
        if let Kind::System(system) = &*self.0 {
            system.look_again().await;
        }
        self.status()
    }

    /// The value; `Ok(None)` where no value is kept under this name. May ask for the passphrase.
    pub async fn read(&self, name: &SecretName) -> Result<Option<SecretValue>, SecretsError> {
        match &*self.0 {
            Kind::System(system) => system.read(name).await,
            Kind::Memory(memory) => Ok(memory.read(name)),
        }
    }

    /// Keeps a value, in place of an earlier one. May ask for the passphrase.
    pub async fn set(&self, name: &SecretName, value: SecretValue) -> Result<(), SecretsError> {
        if value.expose().is_empty() {
            return Err(SecretsError::Empty);
        }
        if value.expose().len() > SECRET_BYTES_MAX {
            return Err(SecretsError::TooLong);
        }
        match &*self.0 {
            Kind::System(system) => system.set(name, value).await,
            Kind::Memory(memory) => memory.set(name, value),
        }
    }

    /// Forgets a value; false where there was none. May ask for the passphrase.
    pub async fn delete(&self, name: &SecretName) -> Result<bool, SecretsError> {
        match &*self.0 {
            Kind::System(system) => system.delete(name).await,
            Kind::Memory(memory) => Ok(memory.delete(name)),
        }
    }

    /// The names under which values are kept, sorted. Asks for nothing.
    pub async fn list(&self) -> Result<Vec<SecretName>, SecretsError> {
        match &*self.0 {
            Kind::System(system) => system.list().await,
            Kind::Memory(memory) => Ok(memory.list()),
        }
    }

    /// Unlocks the vault, and creates it where there is none. Does nothing in memory.
    pub async fn unlock(&self, passphrase: SecretValue) -> Result<(), SecretsError> {
        match &*self.0 {
            Kind::System(system) => system.unlock(passphrase).await,
            Kind::Memory(_) => Ok(()),
        }
    }

    /// Forgets the vault's key, so that the next use asks for the passphrase.
    pub async fn lock(&self) {
        if let Kind::System(system) = &*self.0 {
            system.lock().await;
        }
    }
}

#[async_trait]
impl Secrets for SecretsHandle {
    async fn read(&self, name: &SecretName) -> Result<Option<SecretValue>, PortError> {
        Self::read(self, name).await.map_err(|error| PortError(with_causes(&error)))
    }
}
