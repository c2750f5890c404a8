//! Which secrets there are, and where each is kept. Names only, never a value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use daytwo_model::SecretName;
use serde::{Deserialize, Serialize};

use crate::SECRETS_MAX;
use crate::error::SecretsError;
use crate::private_file;

const FILE: &str = "secrets-index.json";
/// [`SECRETS_MAX`] names of the longest kind fit four times.
const BYTES_MAX: u64 = 2 * 1024 * 1024;
const VERSION: u32 = 1;

/// Where a value is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeptIn {
    Keyring,
    Vault,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    names: BTreeMap<SecretName, KeptIn>,
}

/// The names, and where each value is.
pub(crate) type Names = BTreeMap<SecretName, KeptIn>;

fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// Reads it; `None` where there is none yet.
pub(crate) fn load(dir: &Path) -> Result<Option<Names>, SecretsError> {
    let read = private_file::read(&path(dir), BYTES_MAX);
    let bytes = read.map_err(|source| SecretsError::File { what: "read the index of secrets", source })?;
    let Some(bytes) = bytes else { return Ok(None) };
    let document: Document = serde_json::from_slice(&bytes).map_err(SecretsError::Index)?;
    if document.version != VERSION {
        return Err(SecretsError::Damaged("the index of secrets was written by a newer version"));
    }
    Ok(Some(document.names))
}

/// Changes it. The caller holds the lock.
pub(crate) fn change(dir: &Path, change: impl FnOnce(&mut Names)) -> Result<(), SecretsError> {
    let mut names = load(dir)?.unwrap_or_default();
    let before = names.clone();
    change(&mut names);
    if names == before {
        return Ok(());
    }
    if names.len() > SECRETS_MAX {
        return Err(SecretsError::TooMany);
    }
    let bytes = serde_json::to_vec_pretty(&Document { version: VERSION, names }).map_err(SecretsError::Index)?;
    private_file::replace(&path(dir), &bytes)
}
