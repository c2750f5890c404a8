//! The demo fleet as the console starts, offers and stops it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use daytwo_model::{Endpoint, Host, HostName, SecretName, SecretValue};
use daytwo_ssh::server::{Behaviour, ServerOptions, SshServer};
use daytwo_ssh::{ClientKey, HostKey, Pinned};
use tokio::net::TcpSocket;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::Error;
use crate::http;
use crate::kit::Kit;
use crate::machine::{DemoHost, Power};
use crate::sandbox::{Sandbox, ToolPaths};
use crate::serve::HostExec;
use crate::spec::{self, HostSpec, Quirk};
use crate::supervisor::Supervisor;

/// Hosts that boot at one time: enough for every core of a small machine, few enough that the
/// window stays fluent meanwhile.
const BOOTS_AT_ONCE_MAX: usize = 4;
/// How long [`DemoFleet::stop`] waits at most; a host that does not stop in order is killed after six seconds.
const STOP_DEADLINE: Duration = Duration::from_secs(15);
/// The login name on demo hosts; the only user that a sandbox has.
const LOGIN: &str = "root";

/// How a demo fleet is started.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// The programs that the sandbox is built with.
    pub tools: ToolPaths,
    /// How long a host is away when it reboots.
    pub reboot_delay: Duration,
    /// Only these hosts; all of them where it is absent. For tests that need one or two.
    pub only: Option<BTreeSet<HostName>>,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self { tools: ToolPaths::default(), reboot_delay: Duration::from_secs(4), only: None }
    }
}

/// A running demo fleet. [`DemoFleet::stop`] keeps the hosts' state; dropping it does not.
pub struct DemoFleet {
    hosts: Vec<Host>,
    machines: BTreeMap<HostName, Arc<DemoHost>>,
    servers: Vec<Arc<SshServer>>,
    pinned: Vec<Pinned>,
    master_key: (SecretName, SecretValue),
    tasks: TaskTracker,
    stopping: CancellationToken,
    /// Ports on which nothing listens, held so that nothing else comes to listen there.
    _silent: Vec<TcpSocket>,
}

impl std::fmt::Debug for DemoFleet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DemoFleet({} hosts)", self.hosts.len())
    }
}

impl DemoFleet {
    /// Starts the fleet; hosts come up in the background, and a command waits for its host.
    ///
    /// `dir` keeps the hosts' state between two runs. Where no sandbox can be had this is
    /// [`Error::Unavailable`], and [`crate::SimulatedFleet::demo`] is what can be offered.
    pub async fn start(dir: &Path, options: DemoOptions) -> Result<Self, Error> {
        let kit = Arc::new(Kit::lay_out().map_err(Error::Kit)?);
        let sandbox = Arc::new(Sandbox::find(options.tools, &kit).await?);
        let state_error = |source| Error::State { dir: dir.to_owned(), source };
        std::fs::create_dir_all(dir).map_err(state_error)?;

        let mut starting = Starting {
            dir: dir.to_owned(),
            kit,
            sandbox,
            reboot_delay: options.reboot_delay,
            boots: Arc::new(Semaphore::new(BOOTS_AT_ONCE_MAX)),
            client_key: ClientKey::generate()
                .map_err(|error| Error::Ssh { host: "fleet".to_owned(), source: error.into() })?,
            fleet: Self {
                hosts: Vec::new(),
                machines: BTreeMap::new(),
                servers: Vec::new(),
                pinned: Vec::new(),
                master_key: (SecretName::new(http::MASTER_KEY)?, master_key()),
                tasks: TaskTracker::new(),
                stopping: CancellationToken::new(),
                _silent: Vec::new(),
            },
        };
        let wanted = |spec: &HostSpec| options.only.as_ref().is_none_or(|only| only.contains(&spec.name));
        for spec in spec::hosts()?.into_iter().filter(wanted) {
            starting.add(spec).await?;
        }
        starting.fleet.tasks.close();
        Ok(starting.fleet)
    }

    /// The hosts, as any source gives them; labelled by their source, `demo`.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The endpoints with the one key that each host has, and the one key that opens them all.
    #[must_use]
    pub fn pinned(&self) -> &[Pinned] {
        &self.pinned
    }

    /// The secrets that the fleet's services need; new in each process.
    #[must_use]
    pub fn secrets(&self) -> Vec<(SecretName, SecretValue)> {
        vec![self.master_key.clone()]
    }

    /// A host's inside; `None` for names that are not of this fleet, and for the unreachable one.
    #[must_use]
    pub fn machine(&self, name: &HostName) -> Option<&Arc<DemoHost>> {
        self.machines.get(name)
    }

    /// Stops all hosts in order and keeps their state.
    pub async fn stop(self) {
        self.stopping.cancel();
        let all = async {
            futures::future::join_all(self.servers.iter().map(|server| server.stop())).await;
            self.tasks.wait().await;
        };
        if tokio::time::timeout(STOP_DEADLINE, all).await.is_err() {
            tracing::warn!("some demo hosts did not stop in time; they end with this process");
        }
    }
}

impl Drop for DemoFleet {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

/// The gateways' administrator key.
fn master_key() -> SecretValue {
    SecretValue::new(format!("sk-{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple()))
}

/// What all hosts are started with, and the fleet as far as it is there.
struct Starting {
    dir: PathBuf,
    kit: Arc<Kit>,
    sandbox: Arc<Sandbox>,
    reboot_delay: Duration,
    boots: Arc<Semaphore>,
    client_key: ClientKey,
    fleet: DemoFleet,
}

impl Starting {
    async fn add(&mut self, spec: HostSpec) -> Result<(), Error> {
        let (name, labels, quirk) = (spec.name.clone(), spec.labels.clone(), spec.quirk);
        let mut vars = BTreeMap::new();
        let address = if quirk == Quirk::Unreachable {
            self.silent_port(&name)?
        } else {
            let machine = Arc::new(DemoHost::new(spec, Arc::clone(&self.kit), Arc::clone(&self.sandbox)));
            self.power_on(&machine).await?;
            let fleet = &self.fleet;
            let (tasks, stopping, (_, key)) = (&fleet.tasks, &fleet.stopping, &fleet.master_key);
            let port_file = self.dir.join(format!("{name}.port"));
            let web = http::serve(&machine, tasks, stopping, key, &port_file).await;
            if let Some(web) = web.map_err(|source| listen(&name, source))? {
                vars.insert(format!("{}_url", machine.spec.role.word()), format!("http://{web}"));
            }
            let address = self.open_ssh(&machine).await?;
            self.fleet.machines.insert(name.clone(), machine);
            address
        };
        self.fleet.hosts.push(Host {
            name,
            endpoint: Endpoint::Ssh {
                address: address.ip().to_string(),
                port: address.port(),
                user: Some(LOGIN.to_owned()),
                identity_file: None,
            },
            labels,
            vars,
            source: "demo".to_owned(),
        });
        Ok(())
    }

    /// Lets a host find its state of the last time, and boots it in the background.
    async fn power_on(&self, machine: &Arc<DemoHost>) -> Result<(), Error> {
        let name = machine.spec.name.as_str();
        let state = self.dir.join(format!("{name}.tar"));
        if let Ok(archive) = tokio::fs::read(&state).await {
            self.kit.put_state(name, Some(&archive)).map_err(Error::Kit)?;
        }
        let supervisor = Supervisor {
            host: Arc::clone(machine),
            state,
            reboot_delay: self.reboot_delay,
            boots: Arc::clone(&self.boots),
        };
        self.fleet.tasks.spawn(supervisor.run(self.fleet.stopping.clone()));
        Ok(())
    }

    async fn open_ssh(&mut self, machine: &Arc<DemoHost>) -> Result<SocketAddr, Error> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Ssh {
            host: machine.spec.name.to_string(),
            source,
        };
        let key = HostKey::generate().map_err(|error| failed(error.into()))?;
        let cut = Arc::new(Notify::new());
        let connect_delay = match machine.spec.quirk {
            Quirk::SlowConnect(delay) => delay,
            Quirk::None | Quirk::SlowExec(_) | Quirk::Flaky { .. } | Quirk::Unreachable => Duration::ZERO,
        };
        let handler = HostExec { host: Arc::clone(machine), cut: Arc::clone(&cut), commands: AtomicU64::new(0) };
        let server = SshServer::start(ServerOptions {
            host_key: Some(key),
            authorized: vec![self.client_key.public()],
            handler: Arc::new(handler),
            behaviour: Behaviour { connect_delay, ..Behaviour::default() },
        })
        .await
        .map_err(|error| failed(error.into()))?;
        let server = Arc::new(server);
        let address = server.addr();
        self.fleet.pinned.push(Pinned {
            address: address.ip().to_string(),
            port: address.port(),
            host_key: server.public_host_key().clone(),
            client_key: self.client_key.clone(),
        });
        let link = cut_with_power(Arc::clone(machine), Arc::clone(&server), cut, connect_delay);
        let stopping = self.fleet.stopping.clone();
        self.fleet.tasks.spawn(async move {
            stopping.run_until_cancelled(link).await;
        });
        self.fleet.servers.push(server);
        Ok(address)
    }

    /// An address that is refused: bound, so that it is nobody else's, and never listened on.
    fn silent_port(&mut self, name: &HostName) -> Result<SocketAddr, Error> {
        let failed = |source| listen(name, source);
        let socket = TcpSocket::new_v4().map_err(failed)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        self.fleet._silent.push(socket);
        Ok(address)
    }
}

fn listen(name: &HostName, source: std::io::Error) -> Error {
    Error::Listen { host: name.to_string(), source }
}

/// Makes the link follow the power: a host that went down drops its connections and takes none
/// until it is up again. Also cuts on request.
async fn cut_with_power(host: Arc<DemoHost>, server: Arc<SshServer>, cut: Arc<Notify>, connect_delay: Duration) {
    let mut power = host.power.subscribe();
    let mut was_up = false;
    loop {
        let up = matches!(*power.borrow_and_update(), Power::Up(_));
        // Before the first boot connections wait instead: the fleet is there as soon as it is started.
        server.behave(Behaviour { connect_delay, refuse: was_up && !up, drop_after: None });
        if was_up && !up {
            server.cut();
        }
        was_up = was_up || up;
        tokio::select! {
            changed = power.changed() => if changed.is_err() { return },
            () = cut.notified() => server.cut(),
        }
    }
}
