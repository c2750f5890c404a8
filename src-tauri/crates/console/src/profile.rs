//! Where everything lies, and who is asking. The only code that reads environment and home.

use std::path::{Path, PathBuf};

use daytwo_model::SecretValue;
use directories::{BaseDirs, ProjectDirs};

/// Overrides the configuration directory.
pub const CONFIG_DIR_VAR: &str = "DAYTWO_CONFIG_DIR";
/// Overrides the data directory.
pub const DATA_DIR_VAR: &str = "DAYTWO_DATA_DIR";

/// A proxy for requests to APIs, as `http://[user:password@]host:port`. The variables that other programs follow
/// (`HTTPS_PROXY` and the like) are not: what a shell happens to hold would send administrators' keys elsewhere.
pub(crate) const HTTP_PROXY_VAR: &str = "DAYTWO_HTTP_PROXY";

/// One's own fleet, or the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileKind {
    /// One's own hosts.
    Own,
    /// The embedded demo fleet, with files of its own: the two never mix.
    Demo,
}

/// Directories and identity of one console.
#[derive(Debug, Clone)]
pub struct Profile {
    /// One's own fleet, or the demo.
    pub kind: ProfileKind,
    /// `fleet.yaml` and `runbooks/` are here.
    pub config_dir: PathBuf,
    /// History, accepted host keys, the list of secrets, logs are here.
    pub data_dir: PathBuf,
    /// `~/.ssh`, where there is a home.
    pub ssh_dir: Option<PathBuf>,
    /// The SSH agent's socket.
    pub ssh_agent: Option<PathBuf>,
    /// The proxy for requests that name none themselves.
    pub http_proxy: Option<SecretValue>,
    /// The login name to use where a host names none.
    pub login: String,
    /// Who is asking, for the journal: `maria@laptop`.
    pub actor: String,
}

/// There is nowhere to keep anything.
#[derive(Debug, thiserror::Error)]
#[error("no home directory: set {CONFIG_DIR_VAR} and {DATA_DIR_VAR}")]
pub struct NoHome;

impl Profile {
    /// From the environment.
    pub fn from_environment(kind: ProfileKind) -> Result<Self, NoHome> {
        let var = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let project = ProjectDirs::from("dev", "daytwo", "daytwo");
        let config_dir = var(CONFIG_DIR_VAR).or_else(|| project.as_ref().map(|dirs| dirs.config_dir().to_owned()));
        let data_dir = var(DATA_DIR_VAR).or_else(|| project.as_ref().map(|dirs| dirs.data_dir().to_owned()));
        let (Some(config_dir), Some(data_dir)) = (config_dir, data_dir) else { return Err(NoHome) };
        let below = |dir: PathBuf| match kind {
            ProfileKind::Own => dir,
            ProfileKind::Demo => dir.join("demo"),
        };
        let login = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
        let login = login.filter(|name| !name.is_empty()).unwrap_or_else(login_of_this_process);
        let machine = machine_name();
        Ok(Self {
            kind,
            config_dir: below(config_dir),
            data_dir: below(data_dir),
            ssh_dir: BaseDirs::new().map(|dirs| dirs.home_dir().join(".ssh")),
            ssh_agent: var("SSH_AUTH_SOCK"),
            http_proxy: var(HTTP_PROXY_VAR).and_then(|address| Some(SecretValue::new(address.to_str()?))),
            actor: format!("{login}@{machine}"),
            login,
        })
    }

    /// The fleet file.
    #[must_use]
    pub fn fleet_file(&self) -> PathBuf {
        self.config_dir.join("fleet.yaml")
    }

    /// The user's own runbooks.
    #[must_use]
    pub fn runbooks_dir(&self) -> PathBuf {
        self.config_dir.join("runbooks")
    }

    /// The user's ssh_config.
    #[must_use]
    pub fn ssh_config(&self) -> Option<PathBuf> {
        self.ssh_dir.as_deref().map(|dir| dir.join("config"))
    }

    /// Host keys that were accepted here.
    #[must_use]
    pub fn known_hosts(&self) -> PathBuf {
        self.data_dir.join("known_hosts")
    }

    /// Log files.
    #[must_use]
    pub fn logs_dir(&self) -> PathBuf {
        self.data_dir.join("logs")
    }
}

/// The user that this process runs as, where the environment does not say (a service, a container).
#[cfg(unix)]
fn login_of_this_process() -> String {
    let uid = rustix::process::getuid().as_raw().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut named = users.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    named.next().unwrap_or_else(|| format!("uid-{uid}"))
}

#[cfg(not(unix))]
fn login_of_this_process() -> String {
    "unknown".to_owned()
}

fn machine_name() -> String {
    let from_file = std::fs::read_to_string(Path::new("/etc/hostname")).ok().map(|name| name.trim().to_owned());
    from_file
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .or_else(|| std::env::var("HOSTNAME").ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "this-machine".to_owned())
}
