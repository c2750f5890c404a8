//! The user's secrets: the keyring where it works, the vault where it does not.
//!
//! A value stays where it is kept: the index says where, and a keyring that is not there today is
//! an error for its secrets, never "no value".

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as PlainMutex, PoisonError};
use std::time::Duration;

use daytwo_model::{SecretName, SecretValue};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use ts_rs::TS;

use crate::SecretsOptions;
use crate::ask::{AskPassphrase, PassphraseFor};
use crate::error::{SecretsError, with_causes};
use crate::index::{self, KeptIn};
use crate::keyring_thread::Keyring;
use crate::private_file;
use crate::vault::{Contents, Key, VAULT_BYTES_MAX};

/// The vault's file, in the folder of the options.
const VAULT_FILE: &str = "secrets.vault";
/// A person has so long to give the passphrase.
const ASK_DEADLINE: Duration = Duration::from_secs(300);
/// A person may mistype it so often before the call fails.
const TRIES_MAX: u32 = 3;

/// Where values are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "backend", rename_all = "snake_case")]
pub enum Backend {
    /// In the system's keyring.
    Keyring,
    /// In the vault.
    Vault {
        /// Whether it can be used at once.
        state: VaultState,
        /// Why not in the keyring.
        why: String,
    },
    /// In memory, for the demo fleet.
    Memory,
    /// Nowhere.
    None {
        /// Why not.
        why: String,
    },
}

/// What must happen before the vault can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum VaultState {
    /// There is none yet; the first secret creates it, with a new passphrase.
    Absent,
    /// The passphrase is asked for at the next use.
    Locked,
    /// It is open until the program ends or it is locked.
    Unlocked,
}

pub(crate) struct System {
    options: SecretsOptions,
    ask: Arc<dyn AskPassphrase>,
    keyring: Option<Keyring>,
    /// Why the keyring is not used; `None` where it is.
    keyring_trouble: PlainMutex<Option<String>>,
    /// Why there is no place for files; `None` where there is.
    dir_trouble: Option<String>,
    /// The vault's key while it is unlocked. Held while a person is asked, so that two calls do
    /// not ask twice.
    key: Mutex<Option<Arc<Key>>>,
    /// For `status`, which cannot wait for `key`.
    unlocked: std::sync::atomic::AtomicBool,
}

impl System {
    pub(crate) async fn open(options: SecretsOptions, ask: Arc<dyn AskPassphrase>) -> Self {
        let dir_trouble =
            private_file::make_dir(&options.dir).err().map(|error| format!("its folder cannot be made: {error}"));
        let (keyring, trouble) = if options.keyring {
            match Keyring::start(options.service.clone()) {
                Ok(keyring) => (Some(keyring), None),
                Err(error) => (None, Some(with_causes(&error))),
            }
        } else {
            (None, Some("it is turned off in the settings".to_owned()))
        };
        let system = Self {
            options,
            ask,
            keyring,
            keyring_trouble: PlainMutex::new(trouble),
            dir_trouble,
            key: Mutex::new(None),
            unlocked: false.into(),
        };
        system.look_again().await;
        system
    }

    pub(crate) async fn look_again(&self) {
        let Some(keyring) = &self.keyring else { return };
        let trouble = keyring.probe().await.err().map(|error| with_causes(&error));
        match &trouble {
            None => tracing::debug!("the keyring works"),
            Some(why) => tracing::info!(why, "the keyring cannot be used"),
        }
        *self.keyring_trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    pub(crate) fn status(&self) -> Backend {
        let Err(why) = self.keyring() else { return Backend::Keyring };
        if let Some(trouble) = &self.dir_trouble {
            return Backend::None { why: format!("no keyring: {why}; no vault: {trouble}") };
        }
        let state = if self.unlocked.load(std::sync::atomic::Ordering::SeqCst) {
            VaultState::Unlocked
        } else if self.vault_path().exists() {
            VaultState::Locked
        } else {
            VaultState::Absent
        };
        Backend::Vault { state, why }
    }

    /// The keyring, or why it is not used.
    fn keyring(&self) -> Result<&Keyring, String> {
        let trouble = self.keyring_trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match (&self.keyring, trouble) {
            (Some(keyring), None) => Ok(keyring),
            (_, Some(why)) => Err(why),
            (None, None) => Err("there is none".to_owned()),
        }
    }

    fn vault_path(&self) -> PathBuf {
        self.options.dir.join(VAULT_FILE)
    }

    /// Runs something that blocks, with the folder, off the async threads.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T, SecretsError> + Send + 'static,
    ) -> Result<T, SecretsError> {
        if let Some(trouble) = &self.dir_trouble {
            return Err(SecretsError::NoBackend(trouble.clone()));
        }
        let dir = self.options.dir.clone();
        spawn_blocking(move || work(&dir)).await.unwrap_or(Err(SecretsError::Stopped("a task has ended unexpectedly")))
    }

    /// Where the value is kept, as far as the index knows.
    async fn kept_in(&self, name: &SecretName) -> Result<Option<KeptIn>, SecretsError> {
        let name = name.clone();
        self.on_disk(move |dir| match index::load(dir)? {
            Some(names) => Ok(names.get(&name).copied()),
            // The index is lost, and a vault is there: the value may be in it.
            None => Ok(dir.join(VAULT_FILE).exists().then_some(KeptIn::Vault)),
        })
        .await
    }

    pub(crate) async fn read(&self, name: &SecretName) -> Result<Option<SecretValue>, SecretsError> {
        match (self.kept_in(name).await?, self.keyring()) {
            (Some(KeptIn::Vault), _) => {
                let wanted = name.clone();
                self.in_vault(move |contents| Ok(contents.get(&wanted).cloned())).await.map(Option::flatten)
            }
            // Also what another program put there under our service's name.
            (Some(KeptIn::Keyring) | None, Ok(keyring)) => keyring.get(name).await,
            (Some(KeptIn::Keyring), Err(why)) => Err(SecretsError::KeyringGone { name: name.clone(), why }),
            (None, Err(_)) => Ok(None),
        }
    }

    pub(crate) async fn set(&self, name: &SecretName, value: SecretValue) -> Result<(), SecretsError> {
        let kept = match (self.kept_in(name).await?, self.keyring()) {
            (Some(KeptIn::Keyring) | None, Ok(keyring)) => {
                keyring.set(name, value).await?;
                KeptIn::Keyring
            }
            (Some(KeptIn::Vault), _) | (_, Err(_)) => {
                let new = name.clone();
                self.change_vault(true, move |contents| {
                    contents.insert(new, value);
                    true
                })
                .await?;
                KeptIn::Vault
            }
        };
        let name = name.clone();
        self.change_index(move |names| {
            names.insert(name, kept);
        })
        .await
    }

    pub(crate) async fn delete(&self, name: &SecretName) -> Result<bool, SecretsError> {
        let was_there = match (self.kept_in(name).await?, self.keyring()) {
            (Some(KeptIn::Vault), _) => {
                let old = name.clone();
                self.change_vault(false, move |contents| contents.remove(&old).is_some()).await?
            }
            (Some(KeptIn::Keyring) | None, Ok(keyring)) => keyring.delete(name).await?,
            (Some(KeptIn::Keyring), Err(why)) => {
                return Err(SecretsError::KeyringGone { name: name.clone(), why });
            }
            (None, Err(_)) => false,
        };
        let name = name.clone();
        self.change_index(move |names| {
            names.remove(&name);
        })
        .await?;
        Ok(was_there)
    }

    pub(crate) async fn list(&self) -> Result<Vec<SecretName>, SecretsError> {
        self.on_disk(|dir| Ok(index::load(dir)?.unwrap_or_default().into_keys().collect())).await
    }

    async fn change_index(&self, change: impl FnOnce(&mut index::Names) + Send + 'static) -> Result<(), SecretsError> {
        self.on_disk(move |dir| {
            let _lock = private_file::lock(dir)?;
            index::change(dir, change)
        })
        .await
    }

    pub(crate) async fn unlock(&self, passphrase: SecretValue) -> Result<(), SecretsError> {
        let mut held = self.key.lock().await;
        let key = self.key_for(passphrase, true).await?;
        self.hold(&mut held, Some(key));
        Ok(())
    }

    pub(crate) async fn lock(&self) {
        let mut held = self.key.lock().await;
        self.hold(&mut held, None);
    }

    fn hold(&self, held: &mut Option<Arc<Key>>, key: Option<Arc<Key>>) {
        self.unlocked.store(key.is_some(), std::sync::atomic::Ordering::SeqCst);
        *held = key;
    }

    /// The key that the passphrase gives: of the vault that is there, or of a new one.
    async fn key_for(&self, passphrase: SecretValue, create: bool) -> Result<Arc<Key>, SecretsError> {
        let cost = self.options.cost;
        self.on_disk(move |dir| {
            let _lock = private_file::lock(dir)?;
            match read_vault(dir)? {
                Some(file) => Key::unlock(&passphrase, &file).map(Arc::new),
                None if create => {
                    let key = Key::create(&passphrase, cost)?;
                    private_file::replace(&dir.join(VAULT_FILE), &key.seal(&Contents::new())?)?;
                    Ok(Arc::new(key))
                }
                None => Err(SecretsError::Locked),
            }
        })
        .await
    }

    /// The key, asking for the passphrase where the vault is locked.
    async fn key(&self, create: bool) -> Result<Arc<Key>, SecretsError> {
        let mut held = self.key.lock().await;
        if let Some(key) = &*held {
            return Ok(Arc::clone(key));
        }
        let mut reason = if self.vault_path().exists() { PassphraseFor::Unlock } else { PassphraseFor::Create };
        for _ in 0..TRIES_MAX {
            let given = timeout(ASK_DEADLINE, self.ask.ask(reason)).await.ok().flatten();
            let passphrase = given.ok_or(SecretsError::Locked)?;
            match self.key_for(passphrase, create).await {
                Ok(key) => {
                    self.hold(&mut held, Some(Arc::clone(&key)));
                    return Ok(key);
                }
                Err(SecretsError::WrongPassphrase) => reason = PassphraseFor::UnlockAgain,
                Err(error) => return Err(error),
            }
        }
        Err(SecretsError::WrongPassphrase)
    }

    /// Looks into the vault; `None` where there is none.
    async fn in_vault<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Contents) -> Result<T, SecretsError> + Send + 'static,
    ) -> Result<Option<T>, SecretsError> {
        if !self.vault_path().exists() {
            return Ok(None);
        }
        let key = self.key(false).await?;
        let result = self
            .on_disk(move |dir| match read_vault(dir)? {
                Some(file) => look(&key.contents(&file)?).map(Some),
                None => Ok(None),
            })
            .await;
        self.forget_key_if_locked(&result).await;
        result
    }

    /// Changes the vault under the lock, from what is on disk now: another process may have
    /// written meanwhile. Writes only where `change` says that it changed something.
    async fn change_vault(
        &self,
        create: bool,
        change: impl FnOnce(&mut Contents) -> bool + Send + 'static,
    ) -> Result<bool, SecretsError> {
        if !create && !self.vault_path().exists() {
            return Ok(false);
        }
        let key = self.key(create).await?;
        let result = self
            .on_disk(move |dir| {
                let _lock = private_file::lock(dir)?;
                let mut contents = match read_vault(dir)? {
                    Some(file) => key.contents(&file)?,
                    None => Contents::new(),
                };
                let changed = change(&mut contents);
                if changed {
                    private_file::replace(&dir.join(VAULT_FILE), &key.seal(&contents)?)?;
                }
                Ok(changed)
            })
            .await;
        self.forget_key_if_locked(&result).await;
        result
    }

    /// The vault has another key than the one at hand: the next call asks again.
    async fn forget_key_if_locked<T>(&self, result: &Result<T, SecretsError>) {
        if matches!(result, Err(SecretsError::Locked)) {
            self.lock().await;
        }
    }
}

fn read_vault(dir: &Path) -> Result<Option<Vec<u8>>, SecretsError> {
    private_file::read(&dir.join(VAULT_FILE), VAULT_BYTES_MAX)
        .map_err(|source| SecretsError::File { what: "read the vault", source })
}
