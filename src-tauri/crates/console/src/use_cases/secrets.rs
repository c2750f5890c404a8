//! Secrets: names, and values on their way in. No value comes out here.

use daytwo_model::{RunbookName, SecretName, SecretValue};
use daytwo_runbook::InputKind;
use daytwo_secrets::{Backend, SecretsError, VaultState};

use crate::Console;
use crate::wire::push::Stale;
use crate::wire::settings::{SecretRow, SecretsView};
use crate::wire::{Code, UiError};

impl Console {
    /// Where secrets are kept, and their names.
    pub async fn secrets(&self) -> Result<SecretsView, UiError> {
        let (kept_in, passphrase) = describe(&self.parts.secrets.look_again().await);
        let names = self.parts.secrets.list().await.map_err(|error| failed("list", &error))?;
        let secrets = names.into_iter().map(|name| SecretRow { used_by: self.used_by(&name), name }).collect();
        Ok(SecretsView { kept_in, passphrase, secrets })
    }

    /// Keeps a value under a name.
    pub async fn set_secret(&self, name: SecretName, value: SecretValue) -> Result<(), UiError> {
        self.parts.secrets.set(&name, value).await.map_err(|error| failed("keep", &error))?;
        self.tell_stale(Stale::Settings);
        Ok(())
    }

    /// Forgets a value.
    pub async fn delete_secret(&self, name: SecretName) -> Result<(), UiError> {
        self.parts.secrets.delete(&name).await.map_err(|error| failed("forget", &error))?;
        self.tell_stale(Stale::Settings);
        Ok(())
    }

    /// Unlocks the file of secrets, or makes it.
    pub async fn unlock_secrets(&self, passphrase: SecretValue) -> Result<(), UiError> {
        self.parts.secrets.unlock(passphrase).await.map_err(|error| failed("unlock", &error))?;
        self.tell_stale(Stale::Settings);
        Ok(())
    }

    /// The runbooks whose secret inputs default to this name.
    fn used_by(&self, name: &SecretName) -> Vec<RunbookName> {
        let catalogue = self.catalogue_now();
        let runbooks = catalogue.entries().filter_map(|entry| entry.runbook.as_ref().ok());
        let uses = runbooks.filter(|runbook| {
            runbook.inputs.values().any(|input| {
                let default = input.default.as_ref().and_then(serde_json::Value::as_str);
                input.kind == InputKind::Secret && default == Some(name.as_str())
            })
        });
        uses.map(|runbook| runbook.name.clone()).collect()
    }
}

/// Where secrets are kept, in words; and what a passphrase is needed for, if one is needed now.
fn describe(backend: &Backend) -> (String, Option<String>) {
    match backend {
        Backend::Keyring => ("the system's keyring".to_owned(), None),
        Backend::Memory => ("memory, until the program ends".to_owned(), None),
        Backend::None { why } => (format!("nowhere: {why}"), None),
        Backend::Vault { state, why } => {
            let needed = match state {
                VaultState::Absent => Some("create".to_owned()),
                VaultState::Locked => Some("unlock".to_owned()),
                VaultState::Unlocked => None,
            };
            (format!("a file that a passphrase locks, because the keyring cannot be used: {why}"), needed)
        }
    }
}

fn failed(what: &str, error: &SecretsError) -> UiError {
    UiError::new(Code::SecretMissing, format!("failed to {what} secrets: {error}")).because(error)
}
