//! Which adapters a console consists of: one's own hosts over SSH, the demo's, or simulated ones.

use std::sync::Arc;
use std::time::Duration;

use daytwo_demo::{DemoFleet, DemoOptions, SimulatedFleet};
use daytwo_engine::ports::{Ports, Shell};
use daytwo_fleet::ports::Reach;
use daytwo_fleet::prober::{Prober, ProberHandle, ProberOptions, ProberPorts};
use daytwo_http::{HttpOptions, HttpTransport};
use daytwo_model::{Host, SecretName, SecretValue};
use daytwo_secrets::{NobodyToAsk, SecretsHandle, SecretsOptions};
use daytwo_ssh::{SshOptions, SshTransport};
use daytwo_store::Store;
use tokio::sync::Mutex;

use crate::clock::SystemClock;
use crate::local_shell::LocalShell;
use crate::profile::{Profile, ProfileKind};
use crate::wire::settings::Settings;
use crate::wire::{Code, UiError};

/// Everything that touches the world.
pub(crate) struct Parts {
    pub(crate) store: Arc<Store>,
    pub(crate) secrets: SecretsHandle,
    /// None where hosts are simulated.
    pub(crate) ssh: Option<Arc<SshTransport>>,
    pub(crate) ports: Ports,
    /// The hosts of the demo, until the inventory takes them.
    pub(crate) demo_hosts: Option<Vec<Host>>,
    /// Why the demo's hosts are simulated, where they are.
    pub(crate) demo_note: Option<String>,
    reach: Arc<dyn Reach>,
    demo: Mutex<Option<DemoFleet>>,
}

/// What differs between one's own fleet, the demo, and the simulated demo.
struct World {
    ssh: Option<Arc<SshTransport>>,
    shell: Arc<dyn Shell>,
    reach: Arc<dyn Reach>,
    hosts: Option<Vec<Host>>,
    demo: Option<DemoFleet>,
    note: Option<String>,
    secrets: Option<Vec<(SecretName, SecretValue)>>,
}

impl World {
    fn over_ssh(options: SshOptions) -> Self {
        let ssh = SshTransport::new(options);
        Self {
            shell: Arc::clone(&ssh) as Arc<dyn Shell>,
            reach: Arc::clone(&ssh) as Arc<dyn Reach>,
            ssh: Some(ssh),
            hosts: None,
            demo: None,
            note: None,
            secrets: None,
        }
    }

    async fn demo(profile: &Profile) -> Result<Self, UiError> {
        let dir = profile.data_dir.join("hosts");
        match DemoFleet::start(&dir, DemoOptions::default()).await {
            Ok(fleet) => {
                let options = SshOptions { pinned: fleet.pinned().to_vec(), ..ssh_options(profile) };
                let (hosts, secrets) = (Some(fleet.hosts().to_vec()), Some(fleet.secrets()));
                Ok(Self { hosts, secrets, demo: Some(fleet), ..Self::over_ssh(options) })
            }
            Err(daytwo_demo::Error::Unavailable(why)) => {
                tracing::warn!(%why, "the demo is simulated");
                Self::simulated(why.to_string())
            }
            Err(error) => Err(UiError::new(Code::Internal, "the demo fleet did not start").because(&error)),
        }
    }

    fn simulated(note: String) -> Result<Self, UiError> {
        let fleet = SimulatedFleet::demo()
            .map_err(|error| UiError::new(Code::Internal, "the simulated fleet did not start").because(&error))?;
        let fleet = Arc::new(fleet);
        Ok(Self {
            hosts: Some(fleet.hosts().to_vec()),
            shell: Arc::clone(&fleet) as Arc<dyn Shell>,
            reach: fleet,
            ssh: None,
            demo: None,
            note: Some(note),
            secrets: Some(Vec::new()),
        })
    }
}

impl Parts {
    /// Opens the history and puts the adapters together.
    pub(crate) async fn compose(profile: &Profile) -> Result<Self, UiError> {
        let store = Store::open(&profile.data_dir, daytwo_store::Options::default())
            .await
            .map_err(|error| UiError::new(Code::History, "the local history could not be opened").because(&error))?;
        let world = match profile.kind {
            ProfileKind::Own => World::over_ssh(ssh_options(profile)),
            ProfileKind::Demo => World::demo(profile).await?,
        };
        let secrets = match world.secrets {
            Some(secrets) => SecretsHandle::in_memory(secrets.into_iter().collect()),
            // Nobody is asked in the middle of a run: the vault is unlocked before, or the run is refused.
            None => {
                let options = SecretsOptions::new(profile.data_dir.join("secrets"));
                SecretsHandle::open(options, Arc::new(NobodyToAsk)).await
            }
        };
        let http = HttpOptions { proxy: profile.http_proxy.clone(), ..HttpOptions::default() };
        let http = HttpTransport::new(&http)
            .map_err(|error| UiError::new(Code::Internal, "HTTP could not be set up").because(&error))?;
        let ports = Ports {
            clock: Arc::new(SystemClock),
            journal: Arc::clone(&store) as _,
            outputs: Arc::clone(&store) as _,
            secrets: Arc::new(secrets.clone()),
            local: Arc::new(LocalShell),
            shell: world.shell,
            http: Arc::new(http),
        };
        Ok(Self {
            store,
            secrets,
            ssh: world.ssh,
            ports,
            demo_hosts: world.hosts,
            demo_note: world.note,
            reach: world.reach,
            demo: Mutex::new(world.demo),
        })
    }

    /// The prober of this fleet.
    pub(crate) fn prober(&self, settings: &Settings) -> (Prober, ProberHandle) {
        let interval = Duration::from_secs(u64::from(settings.probe_interval_s));
        let ports = ProberPorts {
            reach: Arc::clone(&self.reach),
            store: Arc::clone(&self.store) as _,
            now: Arc::new(SystemClock),
        };
        Prober::new(ProberOptions { interval, ..ProberOptions::default() }, ports)
    }

    /// Ends connections and demo hosts, then the history: what they still had to say is in it.
    pub(crate) async fn close(&self) {
        if let Some(ssh) = &self.ssh {
            ssh.close().await;
        }
        if let Some(demo) = self.demo.lock().await.take() {
            demo.stop().await;
        }
        self.store.close().await;
    }
}

fn ssh_options(profile: &Profile) -> SshOptions {
    let in_ssh_dir = |name: &str| profile.ssh_dir.as_ref().map(|dir| dir.join(name));
    SshOptions {
        user: profile.login.clone(),
        known_hosts: in_ssh_dir("known_hosts").into_iter().chain(in_ssh_dir("known_hosts2")).collect(),
        trusted: profile.known_hosts(),
        home: profile.ssh_dir.as_ref().and_then(|dir| dir.parent()).map(std::path::Path::to_owned),
        key_dir: profile.ssh_dir.clone(),
        agent: profile.ssh_agent.clone(),
        ..SshOptions::default()
    }
}
