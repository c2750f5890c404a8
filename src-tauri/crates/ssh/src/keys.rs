//! Keys as the rest of Daytwo sees them: public ones as text and fingerprint, private ones not at all.
//!
//! Private keys made here live in memory only; nothing in this module writes one anywhere.

use std::fmt;
use std::sync::Arc;

use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKeyBase64 as _};
use serde::{Deserialize, Serialize};

/// A public key, of a host or of a client. Written as in `authorized_keys`: type and base64.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(russh::keys::PublicKey);

/// A text is not a public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not a public key in OpenSSH's form (type and base64)")]
pub struct InvalidKey;

impl PublicKey {
    /// Comments are dropped, so that two keys are equal exactly when they are the same key.
    pub(crate) fn new(key: &russh::keys::PublicKey) -> Self {
        Self(russh::keys::PublicKey::new(key.key_data().clone(), ""))
    }

    pub(crate) const fn inner(&self) -> &russh::keys::PublicKey {
        &self.0
    }

    /// The key's type, for example `ssh-ed25519`.
    #[must_use]
    pub fn algorithm(&self) -> String {
        self.0.algorithm().as_str().to_owned()
    }

    /// The SHA-256 fingerprint as `ssh-keygen -l` prints it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    /// Type and base64, without a comment.
    #[must_use]
    pub fn to_openssh(&self) -> String {
        format!("{} {}", self.0.algorithm().as_str(), self.0.public_key_base64())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.algorithm().as_str(), self.fingerprint())
    }
}

impl std::str::FromStr for PublicKey {
    type Err = InvalidKey;
    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        russh::keys::PublicKey::from_openssh(text.trim()).map(|key| Self::new(&key)).map_err(|_| InvalidKey)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = InvalidKey;
    fn try_from(text: String) -> Result<Self, InvalidKey> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_openssh()
    }
}

/// The system's random numbers could not make a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("make a key pair: {0}")]
pub struct KeyGeneration(String);

macro_rules! key_pair {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Arc<PrivateKey>);

        impl $name {
            /// Makes a new Ed25519 key pair, in memory only.
            pub fn generate() -> Result<Self, KeyGeneration> {
                generate().map(Self)
            }

            /// Its public half.
            #[must_use]
            pub fn public(&self) -> PublicKey {
                PublicKey::new(self.0.public_key())
            }

            pub(crate) const fn private(&self) -> &Arc<PrivateKey> {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.public_key().fingerprint(HashAlg::Sha256))
            }
        }
    };
}

key_pair! {
    /// A client's key pair in memory. It is never written, and prints as its fingerprint.
    ClientKey
}
key_pair! {
    /// A host's key pair in memory. It is never written, and prints as its fingerprint.
    HostKey
}

fn generate() -> Result<Arc<PrivateKey>, KeyGeneration> {
    PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519)
        .map(Arc::new)
        .map_err(|error| KeyGeneration(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_prints_nothing_but_its_fingerprint() {
        let key = ClientKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), format!("ClientKey({})", key.public().fingerprint()));
    }

    #[test]
    fn a_public_key_survives_its_text_form_and_ignores_comments() {
        let key = HostKey::generate().unwrap().public();
        let text = format!("{} someone@somewhere", key.to_openssh());
        assert_eq!(text.parse::<PublicKey>(), Ok(key));
        assert_eq!("ssh-ed25519 nonsense".parse::<PublicKey>(), Err(InvalidKey));
    }
}
