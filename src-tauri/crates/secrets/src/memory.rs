//! Secrets that live as long as the program.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use daytwo_model::{SecretName, SecretValue};

use crate::SECRETS_MAX;
use crate::error::SecretsError;

pub(crate) struct Memory(Mutex<BTreeMap<SecretName, SecretValue>>);

impl Memory {
    pub(crate) const fn new(secrets: BTreeMap<SecretName, SecretValue>) -> Self {
        Self(Mutex::new(secrets))
    }

    /// No change to the map can be seen half done, so a panic elsewhere does not spoil it.
    fn map(&self) -> MutexGuard<'_, BTreeMap<SecretName, SecretValue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read(&self, name: &SecretName) -> Option<SecretValue> {
        self.map().get(name).cloned()
    }

    pub(crate) fn set(&self, name: &SecretName, value: SecretValue) -> Result<(), SecretsError> {
        let mut map = self.map();
        if map.len() >= SECRETS_MAX && !map.contains_key(name) {
            return Err(SecretsError::TooMany);
        }
        map.insert(name.clone(), value);
        Ok(())
    }

    pub(crate) fn delete(&self, name: &SecretName) -> bool {
        self.map().remove(name).is_some()
    }

    pub(crate) fn list(&self) -> Vec<SecretName> {
        self.map().keys().cloned().collect()
    }
}
