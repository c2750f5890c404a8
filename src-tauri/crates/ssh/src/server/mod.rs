//! A small SSH server in this process, on loopback only: for the demo fleet and for tests.
//!
//! It knows keys and commands, and hands commands to a [`ServeExec`]. It never executes anything
//! itself, gives no shell and no terminal, and forwards nothing.

mod session;

use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use russh::MethodSet;
use russh::keys::PrivateKey;
use russh::server::Config;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::session::Session;
use crate::keys::{HostKey, KeyGeneration, PublicKey};

/// Connections that one server keeps at a time; more are turned away.
pub const CONNECTIONS_MAX: usize = 256;

/// How long a rejected key is answered later than an accepted one.
const REJECTION: Duration = Duration::from_millis(100);

/// How long [`SshServer::stop`] waits for commands that were told to stop.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// Where a command reads from.
pub type ExecInput = Pin<Box<dyn AsyncRead + Send>>;

/// Where a command writes to. A write waits until the client has room for it.
pub type ExecOutput = Pin<Box<dyn AsyncWrite + Send>>;

/// The streams of one command.
pub struct ExecIo {
    /// What the client sends, until it says that nothing more comes.
    pub stdin: ExecInput,
    /// Standard output.
    pub stdout: ExecOutput,
    /// Standard error.
    pub stderr: ExecOutput,
    /// Fires when the client closes the channel or the connection ends.
    pub cancelled: CancellationToken,
}

impl std::fmt::Debug for ExecIo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExecIo").finish_non_exhaustive()
    }
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecEnd {
    /// With this exit code.
    Code(u8),
    /// By a signal, named without `SIG`.
    Signal(String),
}

/// Executes commands for a server.
#[async_trait]
pub trait ServeExec: Send + Sync {
    /// Runs `command` to its end. After `io.cancelled` nobody reads what it writes.
    async fn exec(&self, command: String, io: ExecIo) -> ExecEnd;
}

/// How a server treats new connections; for demonstrations of slow, flaky and unreachable hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// Wait before the first byte.
    pub connect_delay: Duration,
    /// Close every connection at once.
    pub refuse: bool,
    /// Cut each connection this long after it began.
    pub drop_after: Option<Duration>,
}

/// What a server is made of.
pub struct ServerOptions {
    /// Its key; a new one where it is absent.
    pub host_key: Option<HostKey>,
    /// The clients that may log in, under any name.
    pub authorized: Vec<PublicKey>,
    /// Who executes commands.
    pub handler: Arc<dyn ServeExec>,
    /// How it treats connections at first.
    pub behaviour: Behaviour,
}

impl std::fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerOptions")
            .field("host_key", &self.host_key)
            .field("authorized", &self.authorized)
            .field("behaviour", &self.behaviour)
            .finish_non_exhaustive()
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// No key.
    #[error(transparent)]
    Key(#[from] KeyGeneration),
    /// No port.
    #[error("listen on a port of this machine")]
    Listen(#[source] std::io::Error),
}

/// A running server. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct SshServer {
    addr: SocketAddr,
    host_key: PublicKey,
    behaviour: watch::Sender<Behaviour>,
    tasks: TaskTracker,
    stopping: CancellationToken,
    sockets: Arc<Sockets>,
}

impl SshServer {
    /// Listens on 127.0.0.1, on a port that the system picks.
    pub async fn start(options: ServerOptions) -> Result<Self, ServerError> {
        let key = options.host_key.map_or_else(HostKey::generate, Ok)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(ServerError::Listen)?;
        let addr = listener.local_addr().map_err(ServerError::Listen)?;
        let (behaviour, behaviours) = watch::channel(options.behaviour);
        let server = Self {
            addr,
            host_key: key.public(),
            behaviour,
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            sockets: Arc::default(),
        };
        let accepting = Accepting {
            listener,
            config: Arc::new(config(key.private())),
            authorized: options.authorized.into(),
            handler: options.handler,
            behaviours,
            tasks: server.tasks.clone(),
            stopping: server.stopping.clone(),
            sockets: Arc::clone(&server.sockets),
        };
        server.tasks.spawn(accepting.run());
        Ok(server)
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its public host key, to be pinned by clients.
    #[must_use]
    pub const fn public_host_key(&self) -> &PublicKey {
        &self.host_key
    }

    /// Changes how connections that come from now on are treated.
    pub fn behave(&self, behaviour: Behaviour) {
        self.behaviour.send_replace(behaviour);
    }

    /// Cuts every connection that is open now, without a farewell, as a broken link would.
    pub fn cut(&self) {
        self.sockets.cut();
    }

    /// Stops listening, cuts all connections and waits, for a bounded time, until their commands have ended.
    pub async fn stop(&self) {
        self.stopping.cancel();
        self.sockets.cut();
        self.tasks.close();
        if timeout(STOP_DEADLINE, self.tasks.wait()).await.is_err() {
            tracing::warn!(addr = %self.addr, tasks = self.tasks.len(), "commands went on after the server was stopped");
        }
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        self.stopping.cancel();
        self.sockets.cut();
        self.tasks.close();
    }
}

fn config(key: &PrivateKey) -> Config {
    Config {
        methods: MethodSet::from(&[russh::MethodKind::PublicKey][..]),
        auth_rejection_time: REJECTION,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key.clone()],
        inactivity_timeout: None,
        nodelay: true,
        ..Config::default()
    }
}

/// The sockets of open connections, so that they can be cut from outside russh.
#[derive(Debug, Default)]
struct Sockets(Mutex<Vec<Arc<std::net::TcpStream>>>);

impl Sockets {
    fn add(&self, socket: Arc<std::net::TcpStream>) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= CONNECTIONS_MAX {
            return false;
        }
        open.push(socket);
        true
    }

    fn remove(&self, socket: &Arc<std::net::TcpStream>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, socket));
    }

    fn cut(&self) {
        for socket in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            // A socket that is closed already is what is wanted.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

struct Accepting {
    listener: TcpListener,
    config: Arc<Config>,
    authorized: Arc<[PublicKey]>,
    handler: Arc<dyn ServeExec>,
    behaviours: watch::Receiver<Behaviour>,
    tasks: TaskTracker,
    stopping: CancellationToken,
    sockets: Arc<Sockets>,
}

impl Accepting {
    async fn run(self) {
        while let Some(accepted) = self.stopping.run_until_cancelled(self.listener.accept()).await {
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, or a client that left again: neither ends the server.
                    tracing::warn!(%error, "a connection could not be accepted");
                    let pause = tokio::time::sleep(Duration::from_millis(100));
                    if self.stopping.run_until_cancelled(pause).await.is_none() {
                        return;
                    }
                    continue;
                }
            };
            let behaviour = self.behaviours.borrow().clone();
            if !behaviour.refuse {
                self.tasks.spawn(self.serve(stream, behaviour));
            }
        }
    }

    fn serve(&self, stream: TcpStream, behaviour: Behaviour) -> impl Future<Output = ()> + Send + use<> {
        let config = Arc::clone(&self.config);
        let session = Session::new(
            Arc::clone(&self.authorized),
            Arc::clone(&self.handler),
            self.tasks.clone(),
            self.stopping.child_token(),
        );
        let (stopping, sockets) = (self.stopping.clone(), Arc::clone(&self.sockets));
        async move {
            let Ok((stream, socket)) = share(stream) else { return };
            if !sockets.add(Arc::clone(&socket)) {
                return;
            }
            let serving = async {
                tokio::time::sleep(behaviour.connect_delay).await;
                match russh::server::run_stream(config, stream, session).await {
                    Ok(running) => running.await,
                    Err(error) => Err(error),
                }
            };
            let cutting = async {
                match behaviour.drop_after {
                    Some(after) => tokio::time::sleep(after).await,
                    None => std::future::pending().await,
                }
            };
            tokio::pin!(serving);
            let ended = tokio::select! {
                ended = &mut serving => Some(ended),
                () = cutting => None,
                () = stopping.cancelled() => None,
            };
            let ended = match ended {
                Some(ended) => ended,
                None => {
                    // Its own tasks see the end of the stream and come to theirs.
                    let _ = socket.shutdown(Shutdown::Both);
                    timeout(STOP_DEADLINE, serving).await.unwrap_or(Ok(()))
                }
            };
            sockets.remove(&socket);
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection to the in-process server ended");
            }
        }
    }
}

/// The stream, and a second handle on its socket.
fn share(stream: TcpStream) -> std::io::Result<(TcpStream, Arc<std::net::TcpStream>)> {
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let socket = Arc::new(stream.try_clone()?);
    Ok((TcpStream::from_std(stream)?, socket))
}
