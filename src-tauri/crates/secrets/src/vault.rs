//! The vault: a file of secrets under a passphrase, for where there is no keyring.
//!
//! Argon2id makes a key of the passphrase; XChaCha20-Poly1305 seals names and values together, and
//! everything that stands beside them in the file is authenticated with them. So nobody without
//! the passphrase can read a value or a name, change one, drop one, or swap two. What it cannot
//! see is that the whole file was put back to an earlier state of itself.
//!
//! This module knows bytes, not files: see `private_file` and `system`.

use std::collections::BTreeMap;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use daytwo_model::{SecretName, SecretValue};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::SECRETS_MAX;
use crate::error::SecretsError;

/// A new passphrase has at least so many characters.
pub const PASSPHRASE_CHARS_MIN: usize = 8;
/// The largest vault: what [`SECRETS_MAX`] secrets of 12 KiB take.
pub(crate) const VAULT_BYTES_MAX: u64 = 16 * 1024 * 1024;
const FORMAT: &str = "daytwo-vault";
const VERSION_NUMBER: u32 = 1;
const KEY_BYTES: usize = 32;
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;
/// Sealed with the key, so that a wrong passphrase can be told from a damaged vault.
const KEY_PROOF: &[u8] = b"this key opens this vault";
/// What a file may demand, before anything in it has been authenticated.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 64;
const LANES_MAX: u32 = 16;

/// How dear one guess at a passphrase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes; more than one only helps who computes them at the same time.
    pub lanes: u32,
}

impl Default for Cost {
    /// 64 MiB and 3 passes: the second recommendation of RFC 9106, on one lane.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 }
    }
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    head: Head,
    proof: Sealed,
    secrets: Sealed,
}

/// What is known without the key. All of it is authenticated with both sealed parts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: String,
    version: u32,
    kdf: String,
    cost: Cost,
    salt: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    nonce: String,
    sealed: String,
}

/// The key of an unlocked vault, with the head that it belongs to. Wiped when it is dropped.
pub(crate) struct Key {
    head: Head,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

/// What a vault holds.
pub(crate) type Contents = BTreeMap<SecretName, SecretValue>;

impl Key {
    /// The key of a new vault.
    pub(crate) fn create(passphrase: &SecretValue, cost: Cost) -> Result<Self, SecretsError> {
        if passphrase.expose().chars().count() < PASSPHRASE_CHARS_MIN {
            return Err(SecretsError::WeakPassphrase);
        }
        let salt: [u8; SALT_BYTES] = random()?;
        let head = Head {
            format: FORMAT.to_owned(),
            version: VERSION_NUMBER,
            kdf: "argon2id".to_owned(),
            cost,
            salt: STANDARD.encode(salt),
        };
        let bytes = derive(passphrase, &head)?;
        Ok(Self { head, bytes })
    }

    /// The key that opens `file`.
    pub(crate) fn unlock(passphrase: &SecretValue, file: &[u8]) -> Result<Self, SecretsError> {
        let document = parse(file)?;
        let bytes = derive(passphrase, &document.head)?;
        let key = Self { head: document.head, bytes };
        match key.open(Part::Proof, &document.proof) {
            Some(proof) if proof.as_slice() == KEY_PROOF => Ok(key),
            Some(_) => Err(SecretsError::Damaged("it holds what no vault holds")),
            None => Err(SecretsError::WrongPassphrase),
        }
    }

    /// What `file` holds. [`SecretsError::Locked`] where the file has got another key meanwhile:
    /// another process changed the passphrase.
    pub(crate) fn contents(&self, file: &[u8]) -> Result<Contents, SecretsError> {
        let document = parse(file)?;
        if document.head != self.head {
            return Err(SecretsError::Locked);
        }
        let opened = self
            .open(Part::Secrets, &document.secrets)
            .ok_or(SecretsError::Damaged("it was changed since it was written, or is not whole"))?;
        // The error of the parser could repeat a value, so it is not passed on.
        let texts: BTreeMap<SecretName, Wiped> =
            serde_json::from_slice(&opened).map_err(|_| SecretsError::Damaged("what it holds cannot be read"))?;
        Ok(texts.into_iter().map(|(name, value)| (name, SecretValue::new(value.0.as_str()))).collect())
    }

    /// A file that holds `contents`, under a fresh nonce.
    pub(crate) fn seal(&self, contents: &Contents) -> Result<Vec<u8>, SecretsError> {
        if contents.len() > SECRETS_MAX {
            return Err(SecretsError::TooMany);
        }
        let texts: BTreeMap<&SecretName, &str> = contents.iter().map(|(name, value)| (name, value.expose())).collect();
        let cannot = |_| SecretsError::Damaged("it cannot be written");
        let plain = Zeroizing::new(serde_json::to_vec(&texts).map_err(cannot)?);
        let document = Document {
            head: self.head.clone(),
            proof: self.close(Part::Proof, KEY_PROOF)?,
            secrets: self.close(Part::Secrets, &plain)?,
        };
        let bytes = serde_json::to_vec_pretty(&document).map_err(cannot)?;
        if bytes.len() as u64 > VAULT_BYTES_MAX {
            return Err(SecretsError::TooMany);
        }
        Ok(bytes)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.bytes.as_slice().into())
    }

    fn close(&self, part: Part, plain: &[u8]) -> Result<Sealed, SecretsError> {
        let nonce: [u8; NONCE_BYTES] = random()?;
        let aad = self.head.bound_to(part);
        let sealed = self
            .cipher()
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: plain, aad: &aad })
            .map_err(|_| SecretsError::Damaged("it cannot be sealed"))?;
        Ok(Sealed { nonce: STANDARD.encode(nonce), sealed: STANDARD.encode(sealed) })
    }

    fn open(&self, part: Part, sealed: &Sealed) -> Option<Zeroizing<Vec<u8>>> {
        let nonce: [u8; NONCE_BYTES] = STANDARD.decode(&sealed.nonce).ok()?.try_into().ok()?;
        let bytes = STANDARD.decode(&sealed.sealed).ok()?;
        let aad = self.head.bound_to(part);
        let opened = self.cipher().decrypt(XNonce::from_slice(&nonce), Payload { msg: &bytes, aad: &aad });
        opened.ok().map(Zeroizing::new)
    }
}

/// Which of the two sealed parts: neither opens in the other's place.
#[derive(Clone, Copy)]
enum Part {
    Proof,
    Secrets,
}

impl Head {
    fn bound_to(&self, part: Part) -> Vec<u8> {
        let part = match part {
            Part::Proof => "proof",
            Part::Secrets => "secrets",
        };
        let Cost { memory_kib, passes, lanes } = self.cost;
        // Every field has an alphabet without the separator, but for the file's own words, which
        // were compared with ours before.
        let Self { format, version, kdf, salt, .. } = self;
        format!("{format}\n{version}\n{kdf}\n{memory_kib}\n{passes}\n{lanes}\n{salt}\n{part}").into_bytes()
    }
}

/// A value while it is read; wiped when it is dropped.
#[derive(Deserialize)]
#[serde(from = "String")]
struct Wiped(Zeroizing<String>);

impl From<String> for Wiped {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

fn parse(file: &[u8]) -> Result<Document, SecretsError> {
    let document: Document =
        serde_json::from_slice(file).map_err(|_| SecretsError::Damaged("it is not a vault, or not a whole one"))?;
    let Head { format, version, kdf, cost, .. } = &document.head;
    if format != FORMAT || kdf != "argon2id" {
        return Err(SecretsError::Damaged("it is not a vault"));
    }
    if *version != VERSION_NUMBER {
        return Err(SecretsError::Damaged("it was written by a newer version"));
    }
    if cost.memory_kib > MEMORY_KIB_MAX || cost.passes > PASSES_MAX || cost.lanes > LANES_MAX {
        return Err(SecretsError::Damaged("it demands more work than any vault of ours"));
    }
    Ok(document)
}

fn derive(passphrase: &SecretValue, head: &Head) -> Result<Zeroizing<[u8; KEY_BYTES]>, SecretsError> {
    let Cost { memory_kib, passes, lanes } = head.cost;
    let unusable = SecretsError::Damaged("its key cannot be derived");
    let Ok(params) = Params::new(memory_kib, passes, lanes, Some(KEY_BYTES)) else { return Err(unusable) };
    let salt = STANDARD.decode(&head.salt).ok().filter(|salt| salt.len() == SALT_BYTES);
    let Some(salt) = salt else { return Err(unusable) };
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.expose().as_bytes(), &salt, key.as_mut_slice())
        .map_err(|_| unusable)?;
    Ok(key)
}

fn random<const N: usize>() -> Result<[u8; N], SecretsError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| SecretsError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    fn vault() -> (Key, Vec<u8>) {
        let key = Key::create(&SecretValue::new("correct horse"), CHEAP).unwrap();
        let name = SecretName::new("gateway-master-key").unwrap();
        let file = key.seal(&Contents::from([(name, SecretValue::new("sk-value"))])).unwrap();
        (key, file)
    }

    fn opened(passphrase: &str, file: &[u8]) -> Result<Contents, String> {
        Key::unlock(&SecretValue::new(passphrase), file).and_then(|key| key.contents(file)).map_err(|e| e.to_string())
    }

    #[test]
    fn only_the_passphrase_opens_it_and_neither_name_nor_value_is_in_the_file() {
        let (_, file) = vault();
        let contents = opened("correct horse", &file).unwrap();
        assert_eq!(contents.values().next().unwrap().expose(), "sk-value");
        assert_eq!(opened("correct horse ", &file).unwrap_err(), "unlock the vault: the passphrase is wrong");
        let text = String::from_utf8(file).unwrap();
        assert!(!text.contains("gateway") && !text.contains("sk-value") && !text.contains("correct"));
    }

    #[test]
    fn every_change_of_a_byte_is_noticed() {
        let (_, file) = vault();
        let document = |file: &[u8]| serde_json::from_slice::<serde_json::Value>(file).ok();
        for index in 0..file.len() {
            let mut changed = file.clone();
            changed[index] ^= 1;
            // White space between the fields may change: the document is still the same.
            let same = document(&changed) == document(&file);
            assert_eq!(opened("correct horse", &changed).is_ok(), same, "byte {index}");
        }
        for length in 0..file.len() {
            assert!(opened("correct horse", &file[..length]).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn the_sealed_parts_cannot_be_swapped_and_a_file_cannot_demand_endless_work() {
        let (_, file) = vault();
        let mut document: serde_json::Value = serde_json::from_slice(&file).unwrap();
        document["secrets"] = document["proof"].clone();
        let error = opened("correct horse", document.to_string().as_bytes()).unwrap_err();
        assert_eq!(error, "read the vault: it was changed since it was written, or is not whole");
        document["head"]["cost"]["memory_kib"] = u32::MAX.into();
        let error = opened("correct horse", document.to_string().as_bytes()).unwrap_err();
        assert_eq!(error, "read the vault: it demands more work than any vault of ours");
    }

    #[test]
    fn each_writing_is_sealed_anew_and_a_short_passphrase_is_refused() {
        let (key, file) = vault();
        assert_ne!(key.seal(&key.contents(&file).unwrap()).unwrap(), file);
        assert!(matches!(Key::create(&SecretValue::new("short"), CHEAP), Err(SecretsError::WeakPassphrase)));
    }
}
