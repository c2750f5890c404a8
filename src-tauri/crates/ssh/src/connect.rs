//! One connection: TCP, the server's key, the login. Each phase has a deadline and a text of its own.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use russh::client::{self, DisconnectReason, Handle, Msg, Session};
use russh::keys::{Algorithm, HashAlg, PublicKeyOrCertificate};
use russh::{Channel, Preferred};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::error::ConnectError;
use crate::keys::PublicKey;
use crate::known_hosts::{Snapshot, Verdict, name_of};
use crate::options::{Deadlines, KEEPALIVES_MISSED_MAX, Pinned};
use crate::target::Target;

/// Messages of one channel that wait for their reader. With 32 KiB per message this bounds what a
/// host that prints without end can occupy to half a megabyte per channel; after that russh stops
/// reading from the socket, so the host itself is slowed. (russh gives window back when a message
/// arrives, not when it is read, so this buffer is the only brake that it has.)
const CHANNEL_MESSAGES_MAX: usize = 16;

/// Between the first attempts of two addresses of one name (RFC 8305 recommends 250 ms).
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// What is asked about a server's key.
#[derive(Debug, Clone)]
pub(crate) enum Judge {
    /// The files' opinion.
    Files(Snapshot),
    /// This key and no other.
    Pin(PublicKey),
}

impl Judge {
    fn judge(&self, target: &Target, key: &PublicKey) -> Verdict {
        match self {
            Self::Pin(pinned) if pinned == key => Verdict::Known,
            Self::Pin(_) => Verdict::Unknown,
            Self::Files(files) => match files.judge(&target.key_name, key) {
                // As OpenSSH: a key that is known for the name without a port is good for other ports.
                Verdict::Unknown
                    if target.key_name == name_of(&target.address, target.port)
                        && files.judge(&name_of(&target.address, 22), key) == Verdict::Known =>
                {
                    Verdict::Known
                }
                verdict => verdict,
            },
        }
    }
}

/// What was learned about the server's key during a key exchange.
#[derive(Debug, Clone)]
pub(crate) struct Presented {
    pub(crate) key: PublicKey,
    pub(crate) verdict: Verdict,
}

/// russh's callbacks for one connection.
#[derive(Debug)]
pub(crate) struct Client {
    judge: Judge,
    target: Arc<Target>,
    presented: Arc<Mutex<Option<Presented>>>,
    lost: Arc<OnceLock<String>>,
    /// Only look at the key, then end.
    survey: bool,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(&mut self, offered: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        // No certificate algorithm is offered, so a certificate here is not what was asked for.
        if offered.certificate().is_some() {
            return Ok(false);
        }
        let key = PublicKey::new(&offered.public_key());
        let verdict = self.judge.judge(&self.target, &key);
        let accepted = verdict == Verdict::Known && !self.survey;
        *self.presented.lock().unwrap_or_else(PoisonError::into_inner) = Some(Presented { key, verdict });
        Ok(accepted)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<russh::Error>) -> Result<(), russh::Error> {
        let (why, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                (format!("the server ended the connection: {}", info.message), Ok(()))
            }
            DisconnectReason::Error(error) => (describe(&error), Err(error)),
        };
        // Only the first reason counts; the cell is set once.
        let _ = self.lost.set(why);
        result
    }

    // Nothing is ever forwarded, so a server that opens a channel is turned away: dropping the
    // reply rejects. russh would accept by default.

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _connected_address: &str,
        _connected_port: u32,
        _originator_address: &str,
        _originator_port: u32,
        _reply: client::ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        _reply: client::ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _channel: Channel<Msg>,
        _reply: client::ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        Ok(())
    }

    async fn server_channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        _reply: client::ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _host_to_connect: &str,
        _port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        _reply: client::ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        _reply: client::ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _channel: Channel<Msg>,
        _originator_address: &str,
        _originator_port: u32,
        _reply: client::ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), russh::Error> {
        Ok(())
    }
}

/// A connection that is logged in. Dropping it ends it.
pub(crate) struct Link {
    pub(crate) handle: Handle<Client>,
    pub(crate) place: String,
    lost: Arc<OnceLock<String>>,
    last_used: Mutex<Instant>,
    /// Somebody stopped waiting for a channel, which may open later with nobody to close it. Such
    /// channels count against the server's limit, so no new ones are opened on this connection.
    abandoned: AtomicBool,
    /// The gateway's connection, kept open as long as this one.
    _via: Option<Arc<Link>>,
}

impl Link {
    pub(crate) fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Whether new channels may be opened on it.
    pub(crate) fn is_usable(&self) -> bool {
        !self.is_closed() && !self.abandoned.load(Ordering::SeqCst)
    }

    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::SeqCst);
    }

    /// Why it ended, for people.
    pub(crate) fn why_lost(&self) -> String {
        self.lost.get().cloned().unwrap_or_else(|| "the connection was closed".to_owned())
    }

    pub(crate) fn touch(&self) {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(crate) fn idle_for(&self) -> Duration {
        self.last_used.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// How a key exchange ended.
enum Exchange {
    Accepted(Handle<Client>),
    /// The server proved that it has this key, and the connection was ended from here because of it.
    TurnedAway(Presented),
}

/// A connection attempt: everything but the byte stream.
pub(crate) struct Dial<'a> {
    pub(crate) target: Arc<Target>,
    pub(crate) judge: Judge,
    pub(crate) pinned: Option<Pinned>,
    pub(crate) deadlines: &'a Deadlines,
}

impl Dial<'_> {
    /// Key exchange and login over `stream`.
    pub(crate) async fn link<S>(self, stream: S, via: Option<Arc<Link>>) -> Result<Link, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let lost = Arc::new(OnceLock::new());
        let mut handle = match self.exchange(stream, Arc::clone(&lost), false).await? {
            Exchange::Accepted(handle) => handle,
            Exchange::TurnedAway(seen) => return Err(self.distrust(&seen)),
        };
        let (place, user) = (self.target.place(), self.target.user.clone());
        let key = self.pinned.as_ref().map(|pinned| &pinned.client_key);
        let login = crate::auth::log_in(&mut handle, &self.target, key);
        match timeout(self.deadlines.authenticate, login).await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => return Err(ConnectError::Login { place, user, why }),
            Err(_) => return Err(ConnectError::LoginDeadline { place, user, after: self.deadlines.authenticate }),
        }
        tracing::debug!(%place, %user, "connected");
        Ok(Link {
            handle,
            place,
            lost,
            last_used: Mutex::new(Instant::now()),
            abandoned: AtomicBool::new(false),
            _via: via,
        })
    }

    /// Only the key exchange; says which key was presented.
    pub(crate) async fn survey<S>(self, stream: S) -> Result<Presented, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let place = self.target.place();
        match self.exchange(stream, Arc::new(OnceLock::new()), true).await? {
            Exchange::TurnedAway(seen) => Ok(seen),
            Exchange::Accepted(_) => Err(ConnectError::Handshake { place, why: "it presented no key".to_owned() }),
        }
    }

    async fn exchange<S>(&self, stream: S, lost: Arc<OnceLock<String>>, survey: bool) -> Result<Exchange, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let place = self.target.place();
        let presented = Arc::new(Mutex::new(None));
        let client = Client {
            judge: self.judge.clone(),
            target: Arc::clone(&self.target),
            presented: Arc::clone(&presented),
            lost,
            survey,
        };
        let connecting = client::connect_stream(Arc::new(self.config()), stream, client);
        let outcome = timeout(self.deadlines.handshake, connecting).await;
        let presented: Option<Presented> = presented.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match (outcome, presented) {
            (Ok(Ok(handle)), _) => Ok(Exchange::Accepted(handle)),
            (Ok(Err(russh::Error::UnknownKey)), Some(seen)) => Ok(Exchange::TurnedAway(seen)),
            (Ok(Err(russh::Error::NoCommonAlgo { kind, theirs, .. })), _) => {
                let why = format!("{kind:?}; the server has {}", theirs.join(", "));
                Err(ConnectError::NoCommonAlgorithm { place, why })
            }
            (Ok(Err(error)), _) => Err(ConnectError::Handshake { place, why: describe(&error) }),
            (Err(_), _) => Err(ConnectError::HandshakeDeadline { place, after: self.deadlines.handshake }),
        }
    }

    fn distrust(&self, seen: &Presented) -> ConnectError {
        let place = self.target.place();
        let key = &seen.key;
        let why = match &seen.verdict {
            Verdict::Changed(at) => format!(
                "its host key changed: it presented {key:?}, and line {} of {} has another one; if the change was \
                 announced, remove that line and review the new key",
                at.line,
                at.file.display()
            ),
            Verdict::Revoked(at) => {
                format!("its host key {key:?} is revoked by line {} of {}", at.line, at.file.display())
            }
            Verdict::Known | Verdict::Unknown if self.pinned.is_some() => {
                format!("it presented {key:?}, which is not the key that it was started with")
            }
            Verdict::Known | Verdict::Unknown => format!(
                "its host key {key:?} is not known; compare the fingerprint and accept it under Settings, Known keys, \
                 or with `daytwo keys`"
            ),
        };
        ConnectError::HostKey { place, why }
    }

    fn config(&self) -> client::Config {
        let known = match &self.judge {
            Judge::Files(files) => files.known_algorithms(&self.target.key_name),
            Judge::Pin(key) => vec![key.inner().algorithm()],
        };
        client::Config {
            preferred: Preferred { key: Cow::Owned(key_order(&known)), ..Preferred::DEFAULT },
            channel_buffer_size: CHANNEL_MESSAGES_MAX,
            keepalive_interval: Some(self.deadlines.keepalive),
            keepalive_max: KEEPALIVES_MISSED_MAX,
            nodelay: true,
            ..client::Config::default()
        }
    }
}

/// Host key algorithms, those of known keys first: a server with several keys is asked for the one
/// that is known, as OpenSSH does. RSA with SHA-1 is never accepted.
fn key_order(known: &[Algorithm]) -> Vec<Algorithm> {
    let mut order: Vec<Algorithm> = Preferred::DEFAULT.key.to_vec();
    order.retain(|algorithm| !matches!(algorithm, Algorithm::Rsa { hash: None }));
    order.sort_by_key(|algorithm| !known.contains(&plain(algorithm)));
    order
}

/// The type of key behind an algorithm.
fn plain(algorithm: &Algorithm) -> Algorithm {
    match algorithm {
        Algorithm::Rsa { hash: Some(HashAlg::Sha256 | HashAlg::Sha512) } => Algorithm::Rsa { hash: None },
        other => other.clone(),
    }
}

/// A TCP connection to the target, without Nagle's delay.
pub(crate) async fn tcp(target: &Target, deadlines: &Deadlines) -> Result<TcpStream, ConnectError> {
    let place = target.place();
    let address = &target.address;
    let lookup = |why: String| ConnectError::Lookup { address: address.clone(), why };
    let found = match timeout(deadlines.resolve, tokio::net::lookup_host((address.as_str(), target.port))).await {
        Ok(Ok(found)) => found.take(ADDRESSES_MAX).collect::<Vec<_>>(),
        Ok(Err(error)) => return Err(lookup(error.to_string())),
        Err(_) => return Err(lookup(format!("no answer within {}", crate::error::seconds(&deadlines.resolve)))),
    };
    let mut attempts: FuturesUnordered<_> = found
        .into_iter()
        .zip(0_u32..)
        .map(|(address, place)| async move {
            tokio::time::sleep(NEXT_ADDRESS_AFTER * place).await;
            TcpStream::connect(address).await
        })
        .collect();
    let racing = async {
        let mut last = "the name has no address".to_owned();
        while let Some(attempt) = attempts.next().await {
            match attempt.and_then(|stream| stream.set_nodelay(true).map(|()| stream)) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error.to_string(),
            }
        }
        Err(last)
    };
    match timeout(deadlines.connect, racing).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(why)) => Err(ConnectError::Tcp { place, why }),
        Err(_) => Err(ConnectError::TcpDeadline { place, after: deadlines.connect }),
    }
}

/// russh's error in the words of someone who does not know russh.
pub(crate) fn describe(error: &russh::Error) -> String {
    match error {
        russh::Error::Disconnect | russh::Error::HUP | russh::Error::SendError | russh::Error::RecvError => {
            "the server closed the connection".to_owned()
        }
        russh::Error::KeepaliveTimeout => "the server gave no sign of life any more".to_owned(),
        russh::Error::IO(error) => error.to_string(),
        other => other.to_string(),
    }
}
