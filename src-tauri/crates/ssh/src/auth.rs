//! Logging in: which keys are offered, in which order, and what is said when none is taken.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use russh::{AgentAuthError, MethodSet};
use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

use crate::connect::Client;
use crate::keys::{ClientKey, PublicKey};
use crate::target::Target;

/// Largest key file that is read.
const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Keys of one agent that are looked at; more than any person holds.
const AGENT_KEYS_MAX: usize = 64;

#[cfg(unix)]
type Agent = russh::keys::agent::client::AgentClient<tokio::net::UnixStream>;
#[cfg(not(unix))]
type Agent = russh::keys::agent::client::AgentClient<tokio::io::DuplexStream>;

/// What was tried, for the text of a failure.
#[derive(Debug, Default)]
struct Trail {
    offered: Vec<String>,
    /// The keys behind `offered`: a key that is in a file and in the agent is offered once.
    keys: Vec<PublicKey>,
    passed_over: Vec<String>,
    accepts: Option<MethodSet>,
    /// The server took a key and wants something more.
    wants_more: bool,
}

/// Logs in, or says what was offered, what was passed over and what the server accepts.
pub(crate) async fn log_in(
    handle: &mut Handle<Client>,
    target: &Target,
    pinned: Option<&ClientKey>,
) -> Result<(), String> {
    let mut login = Login { handle, user: &target.user, trail: Trail::default(), rsa: None };
    let done = match pinned {
        Some(key) => login.offer_key(Arc::clone(key.private()), "the key of this process").await?,
        None => login.offer_all(target).await?,
    };
    if done { Ok(()) } else { Err(login.failure().await) }
}

struct Login<'a> {
    handle: &'a mut Handle<Client>,
    user: &'a str,
    trail: Trail,
    /// The signature that the server takes for RSA keys, once it has been asked.
    rsa: Option<Rsa>,
}

#[derive(Debug, Clone, Copy)]
enum Rsa {
    Sha2(HashAlg),
    /// Only SHA-1, which is broken and never used.
    Sha1Only,
}

/// A key file as far as it could be read.
enum KeyFile {
    Usable(Arc<PrivateKey>),
    /// Its public half is readable, its private half is not there or needs a passphrase.
    Locked(PublicKey),
    Unusable(String),
    Missing,
}

impl Login<'_> {
    /// Files that were named for the host, then the agent, then the usual files. A key that a file
    /// names and the agent holds is used through the agent.
    async fn offer_all(&mut self, target: &Target) -> Result<bool, String> {
        let (mut agent, mut held) = match &target.agent {
            Some(socket) => match open_agent(socket).await {
                Ok((agent, held)) => (Some(agent), held),
                Err(why) => {
                    self.trail.passed_over.push(format!("the agent at {} ({why})", socket.display()));
                    (None, Vec::new())
                }
            },
            None => (None, Vec::new()),
        };
        for file in &target.identity_files {
            if self.offer_file(file, true, agent.as_mut(), &mut held).await? {
                return Ok(true);
            }
        }
        if !target.identities_only
            && let Some(agent) = agent.as_mut()
        {
            for key in std::mem::take(&mut held) {
                if self.offer_held(agent, &key).await? {
                    return Ok(true);
                }
            }
        }
        for file in &target.usual_files {
            if self.offer_file(file, false, agent.as_mut(), &mut held).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn offer_file(
        &mut self,
        file: &Path,
        named: bool,
        agent: Option<&mut Agent>,
        held: &mut Vec<PublicKey>,
    ) -> Result<bool, String> {
        let label = file.display().to_string();
        let key = match read_key(file).await {
            KeyFile::Usable(key) => return self.offer_key(key, &label).await,
            KeyFile::Locked(key) => key,
            KeyFile::Unusable(why) => {
                self.trail.passed_over.push(format!("{label} ({why})"));
                return Ok(false);
            }
            KeyFile::Missing => {
                if named {
                    self.trail.passed_over.push(format!("{label} (no such file)"));
                }
                return Ok(false);
            }
        };
        match (agent, held.iter().position(|other| *other == key)) {
            (Some(agent), Some(position)) => {
                held.remove(position);
                self.offer_held(agent, &key).await
            }
            _ => {
                self.trail.passed_over.push(format!("{label} (encrypted; add it to the agent with ssh-add {label})"));
                Ok(false)
            }
        }
    }

    async fn offer_key(&mut self, key: Arc<PrivateKey>, label: &str) -> Result<bool, String> {
        let public = PublicKey::new(key.public_key());
        if self.trail.keys.contains(&public) {
            return Ok(false);
        }
        let Some(hash) = self.signature(&public, label).await? else { return Ok(false) };
        self.trail.offered.push(format!("{label} ({public:?})"));
        self.trail.keys.push(public);
        let key = PrivateKeyWithHashAlg::new(key, hash);
        match self.handle.authenticate_publickey(self.user, key).await {
            Ok(result) => self.note(result),
            Err(_) => Err(self.closed()),
        }
    }

    async fn offer_held(&mut self, agent: &mut Agent, key: &PublicKey) -> Result<bool, String> {
        if self.trail.keys.contains(key) {
            return Ok(false);
        }
        let Some(hash) = self.signature(key, "a key of the agent").await? else { return Ok(false) };
        self.trail.offered.push(format!("a key of the agent ({key:?})"));
        self.trail.keys.push(key.clone());
        let offered = self.handle.authenticate_publickey_with(self.user, key.inner().clone(), hash, agent).await;
        match offered {
            Ok(result) => self.note(result),
            Err(AgentAuthError::Key(error)) => {
                self.trail.passed_over.push(format!("a key of the agent ({key:?}: it would not sign: {error})"));
                Ok(false)
            }
            Err(AgentAuthError::Send(_)) => Err(self.closed()),
        }
    }

    /// The hash for an RSA key; `Some(None)` for other keys, `None` when the key cannot be used here.
    async fn signature(&mut self, key: &PublicKey, label: &str) -> Result<Option<Option<HashAlg>>, String> {
        if !key.inner().algorithm().is_rsa() {
            return Ok(Some(None));
        }
        let rsa = match self.rsa {
            Some(rsa) => rsa,
            None => match self.handle.best_supported_rsa_hash().await {
                Ok(Some(Some(hash))) => Rsa::Sha2(hash),
                Ok(Some(None)) => Rsa::Sha1Only,
                // The server did not say. RFC 8332 lets a client try.
                Ok(None) => Rsa::Sha2(HashAlg::Sha512),
                Err(_) => return Err(self.closed()),
            },
        };
        self.rsa = Some(rsa);
        match rsa {
            Rsa::Sha2(hash) => Ok(Some(Some(hash))),
            Rsa::Sha1Only => {
                self.trail.passed_over.push(format!("{label} (the server takes RSA keys with SHA-1 only)"));
                Ok(None)
            }
        }
    }

    fn note(&mut self, result: AuthResult) -> Result<bool, String> {
        match result {
            AuthResult::Success => Ok(true),
            AuthResult::Failure { remaining_methods, partial_success } => {
                if self.handle.is_closed() {
                    return Err(self.closed());
                }
                self.trail.accepts = Some(remaining_methods);
                self.trail.wants_more |= partial_success;
                Ok(false)
            }
        }
    }

    fn closed(&self) -> String {
        let offered = self.trail.offered.len();
        format!(
            "the server closed the connection after {offered} keys ({}); if it takes fewer keys than the agent holds, \
             name the right one with identity_file",
            listed(&self.trail.offered)
        )
    }

    async fn failure(&mut self) -> String {
        if self.trail.accepts.is_none()
            && let Ok(AuthResult::Failure { remaining_methods, .. }) = self.handle.authenticate_none(self.user).await
        {
            self.trail.accepts = Some(remaining_methods);
        }
        let trail = &self.trail;
        let mut why = if trail.wants_more {
            "a key was taken, and the server wants something more".to_owned()
        } else if trail.offered.is_empty() {
            "no key to offer".to_owned()
        } else {
            format!("no key was taken; offered: {}", listed(&trail.offered))
        };
        if !trail.passed_over.is_empty() {
            why.push_str(&format!("; passed over: {}", listed(&trail.passed_over)));
        }
        if let Some(methods) = &trail.accepts {
            let names: Vec<&str> = methods.iter().map(<&str>::from).collect();
            why.push_str(&format!("; the server accepts: {}", names.join(", ")));
        }
        why
    }
}

fn listed(items: &[String]) -> String {
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

async fn open_agent(socket: &Path) -> Result<(Agent, Vec<PublicKey>), String> {
    #[cfg(unix)]
    {
        let mut agent = Agent::connect_uds(socket).await.map_err(|error| error.to_string())?;
        let identities = agent.request_identities().await.map_err(|error| error.to_string())?;
        let keys = identities.into_iter().take(AGENT_KEYS_MAX).filter_map(|identity| match identity {
            AgentIdentity::PublicKey { key, .. } => Some(PublicKey::new(&key)),
            AgentIdentity::Certificate { .. } => None,
        });
        Ok((agent, keys.collect()))
    }
    #[cfg(not(unix))]
    {
        Err(format!("agents are supported on Unix only so far; {} was not asked", socket.display()))
    }
}

async fn read_key(file: &Path) -> KeyFile {
    let open = match tokio::fs::File::open(file).await {
        Ok(open) => open,
        // A public half alone names a key of the agent.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return public_beside(file).await.map_or(KeyFile::Missing, KeyFile::Locked);
        }
        Err(error) => return KeyFile::Unusable(error.to_string()),
    };
    let mut text = Zeroizing::new(String::new());
    if let Err(error) = open.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text).await {
        return KeyFile::Unusable(error.to_string());
    }
    match PrivateKey::from_openssh(text.as_bytes()) {
        Ok(key) if key.is_encrypted() => return KeyFile::Locked(PublicKey::new(key.public_key())),
        Ok(key) => return KeyFile::Usable(Arc::new(key)),
        Err(_) => {}
    }
    if let Ok(key) = text.parse() {
        return KeyFile::Locked(key);
    }
    match russh::keys::decode_secret_key(&text, None) {
        Ok(key) => KeyFile::Usable(Arc::new(key)),
        // An encrypted PEM file hides its public half too; the file beside it may have it.
        Err(russh::keys::Error::KeyIsEncrypted) => match public_beside(file).await {
            Some(key) => KeyFile::Locked(key),
            None => KeyFile::Unusable("encrypted; add it to the agent with ssh-add".to_owned()),
        },
        Err(_) => KeyFile::Unusable("not a private key in a form that is understood".to_owned()),
    }
}

/// The public key in `FILE.pub`.
async fn public_beside(file: &Path) -> Option<PublicKey> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".pub");
    let open = tokio::fs::File::open(PathBuf::from(beside)).await.ok()?;
    let mut text = String::new();
    open.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text).await.ok()?;
    text.parse().ok()
}
