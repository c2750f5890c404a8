//! From a host's endpoint to everything that a connection needs: address, login name, keys, files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use daytwo_model::Endpoint;

use crate::error::ConnectError;
use crate::known_hosts::name_of;
use crate::options::SshOptions;
use crate::ssh_config::SshConfig;

/// Everything that decides whether two hosts can share a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    /// Name or IP address to connect to.
    pub(crate) address: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    /// The name under which its host key is known.
    pub(crate) key_name: String,
    /// known_hosts files, Daytwo's own one last.
    pub(crate) known_hosts: Vec<PathBuf>,
    /// Key files that were named for this host. One that cannot be used is part of a failure's text.
    pub(crate) identity_files: Vec<PathBuf>,
    /// Key files that are tried where they exist.
    pub(crate) usual_files: Vec<PathBuf>,
    /// The agent's socket.
    pub(crate) agent: Option<PathBuf>,
    /// Of the agent's keys, only those that a key file names.
    pub(crate) identities_only: bool,
    /// The host through which it is reached.
    pub(crate) via: Option<Arc<Target>>,
}

impl Target {
    /// Where it leads, for people: `ops@10.0.0.7:22`.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.address, self.port)
    }
}

/// The usual key files, in the order in which they are offered.
const USUAL_KEY_FILES: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// Turns endpoints into targets.
#[derive(Debug)]
pub(crate) struct Resolver {
    options: Arc<SshOptions>,
    config: SshConfig,
}

impl Resolver {
    pub(crate) fn new(options: Arc<SshOptions>) -> Self {
        let config = SshConfig::new(Arc::clone(&options));
        Self { options, config }
    }

    /// Forgets what `ssh -G` said.
    pub(crate) fn forget(&self) {
        self.config.forget();
    }

    pub(crate) async fn resolve(&self, endpoint: &Endpoint) -> Result<Arc<Target>, ConnectError> {
        match endpoint {
            Endpoint::Ssh { address, port, user, identity_file } => {
                Ok(Arc::new(self.plain(address, *port, user.as_deref(), identity_file.as_deref())))
            }
            Endpoint::SshConfig { alias } => self.config.resolve(alias).await,
            Endpoint::Simulated => Err(ConnectError::Simulated),
        }
    }

    fn plain(&self, address: &str, port: u16, user: Option<&str>, identity_file: Option<&str>) -> Target {
        let options = &self.options;
        Target {
            address: address.to_owned(),
            port,
            user: user.unwrap_or(&options.user).to_owned(),
            key_name: name_of(address, port),
            known_hosts: options.known_hosts.iter().chain([&options.trusted]).cloned().collect(),
            identity_files: identity_file.map(|file| expand_home(file, options.home.as_deref())).into_iter().collect(),
            usual_files: options.key_dir.iter().flat_map(|dir| USUAL_KEY_FILES.map(|name| dir.join(name))).collect(),
            agent: options.agent.clone(),
            identities_only: false,
            via: None,
        }
    }
}

/// `~` and `~/x` in terms of `home`; everything else as it is.
pub(crate) fn expand_home(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home.to_owned(),
        (Some(rest), Some(home)) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(path),
    }
}
