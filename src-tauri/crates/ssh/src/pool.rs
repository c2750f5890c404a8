//! One connection per target, shared by everything that talks to it; channels are multiplexed.
//!
//! The first that needs a connection makes it while the others wait for the same one, success or
//! failure. Connecting is paced over all targets. What happens on a channel is not this module's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use russh::client::Msg;
use russh::{Channel, Disconnect};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::connect::{Dial, Judge, Link, Presented, describe, tcp};
use crate::error::ConnectError;
use crate::known_hosts::KnownHosts;
use crate::options::{CONNECTS_AT_ONCE_MAX, Pinned, SshOptions};
use crate::target::Target;

/// The address that a forwarded connection claims to come from; servers log it and nothing else.
const ORIGINATOR: (&str, u32) = ("127.0.0.1", 0);

pub(crate) struct Pool {
    options: Arc<SshOptions>,
    pinned: RwLock<HashMap<(String, u16), Pinned>>,
    pub(crate) known_hosts: KnownHosts,
    connects: Semaphore,
    slots: Mutex<HashMap<Arc<Target>, Arc<Slot>>>,
    reaper: TaskTracker,
    closing: CancellationToken,
    _closes_on_drop: DropGuard,
}

/// The place of one target's connection.
#[derive(Default)]
struct Slot {
    /// Held while connecting, so that there is one attempt at a time.
    state: tokio::sync::Mutex<SlotState>,
    /// Attempts that have ended. Readable without the lock, to know which ones were waited for.
    ended: std::sync::atomic::AtomicU64,
}

#[derive(Default)]
struct SlotState {
    link: Option<Arc<Link>>,
    last_failure: Option<ConnectError>,
}

/// A connection in use. It is not idle while one of these lives.
#[derive(Clone)]
pub(crate) struct Lease(Arc<Link>);

impl std::ops::Deref for Lease {
    type Target = Link;
    fn deref(&self) -> &Link {
        &self.0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.touch();
    }
}

/// Abandons a connection when the wait for a channel on it is given up, by a deadline or by being dropped.
struct Abandon<'a>(Option<&'a Lease>);

impl Abandon<'_> {
    fn not(mut self) {
        self.0 = None;
    }
}

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        if let Some(lease) = self.0 {
            lease.abandon();
        }
    }
}

impl Pool {
    pub(crate) fn new(options: Arc<SshOptions>) -> Self {
        let key = |pinned: &Pinned| (pinned.address.clone(), pinned.port);
        let pinned = options.pinned.iter().map(|pinned| (key(pinned), pinned.clone())).collect();
        let closing = CancellationToken::new();
        Self {
            options,
            pinned: RwLock::new(pinned),
            known_hosts: KnownHosts::default(),
            connects: Semaphore::new(CONNECTS_AT_ONCE_MAX),
            slots: Mutex::default(),
            reaper: TaskTracker::new(),
            closing: closing.clone(),
            _closes_on_drop: closing.drop_guard(),
        }
    }

    /// The only host key that is accepted at an address, where one is pinned.
    pub(crate) fn pinned_key(&self, address: &str, port: u16) -> Option<crate::keys::PublicKey> {
        let pinned = self.pinned.read().unwrap_or_else(PoisonError::into_inner);
        pinned.get(&(address.to_owned(), port)).map(|pinned| pinned.host_key.clone())
    }

    pub(crate) fn pin(&self, pinned: Pinned) {
        let key = (pinned.address.clone(), pinned.port);
        self.pinned.write().unwrap_or_else(PoisonError::into_inner).insert(key, pinned);
    }

    /// A channel for one command, on the shared connection where that works.
    ///
    /// A shared connection may have died unnoticed, and a server may limit the channels of one
    /// connection (`MaxSessions`): then a second attempt is made on a connection of its own. Nothing
    /// has been started in between, so trying again repeats nothing.
    pub(crate) async fn channel(self: &Arc<Self>, target: &Arc<Target>) -> Result<(Lease, Channel<Msg>), ConnectError> {
        let lease = self.lease(target).await?;
        let error = match self.open(&lease).await {
            Ok(channel) => return Ok((lease, channel)),
            Err(error) => error,
        };
        tracing::debug!(place = %lease.place, %error, "a connection of its own is tried");
        if !lease.is_usable() {
            let lease = self.lease(target).await?;
            let channel = self.open(&lease).await?;
            return Ok((lease, channel));
        }
        self.own_channel(target).await
    }

    /// A channel on a connection that nothing else uses.
    pub(crate) async fn own_channel(
        self: &Arc<Self>,
        target: &Arc<Target>,
    ) -> Result<(Lease, Channel<Msg>), ConnectError> {
        let lease = Lease(Arc::new(self.connect(target).await?));
        let channel = self.open(&lease).await?;
        Ok((lease, channel))
    }

    /// A channel on this connection and no other.
    pub(crate) async fn open(&self, lease: &Lease) -> Result<Channel<Msg>, ConnectError> {
        let after = self.options.deadlines.channel;
        let place = lease.place.clone();
        let waiting = Abandon(Some(lease));
        let opened = timeout(after, lease.handle.channel_open_session()).await;
        if opened.is_ok() {
            waiting.not();
        }
        match opened {
            Ok(Ok(channel)) => Ok(channel),
            Ok(Err(_)) if lease.is_closed() => Err(ConnectError::Channel { place, why: lease.why_lost() }),
            Ok(Err(error)) => Err(ConnectError::Channel { place, why: describe(&error) }),
            Err(_) => Err(ConnectError::ChannelDeadline { place, after }),
        }
    }

    /// The shared connection to the target.
    pub(crate) async fn lease(self: &Arc<Self>, target: &Arc<Target>) -> Result<Lease, ConnectError> {
        use std::sync::atomic::Ordering::SeqCst;
        let slot = self.slot(target);
        let ended_before = slot.ended.load(SeqCst);
        let mut state = slot.state.lock().await;
        if let Some(link) = state.link.as_ref().filter(|link| link.is_usable()) {
            link.touch();
            return Ok(Lease(Arc::clone(link)));
        }
        state.link = None;
        // An attempt that was under way when this one began to wait speaks for this one too, so
        // that a host which does not answer costs its waiters one deadline, not one each.
        if slot.ended.load(SeqCst) > ended_before
            && let Some(error) = &state.last_failure
        {
            return Err(error.clone());
        }
        let outcome = self.connect(target).await.map(Arc::new);
        slot.ended.fetch_add(1, SeqCst);
        match outcome {
            Ok(link) => {
                state.link = Some(Arc::clone(&link));
                state.last_failure = None;
                self.reap();
                Ok(Lease(link))
            }
            Err(error) => {
                state.last_failure = Some(error.clone());
                Err(error)
            }
        }
    }

    fn slot(&self, target: &Arc<Target>) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(Arc::clone(target)).or_default())
    }

    async fn connect(self: &Arc<Self>, target: &Arc<Target>) -> Result<Link, ConnectError> {
        let dial = self.dial(target).await?;
        let place = target.place();
        match &target.via {
            None => {
                let _permit = self.permit(target).await?;
                let stream = tcp(target, &self.options.deadlines).await?;
                dial.link(stream, None).await
            }
            Some(gateway) => {
                // The gateway's own connection is made first: a permit that waited for another
                // permit could block for ever.
                let (via, tunnel) = self.tunnel(target, gateway).await?;
                let _permit = self.permit(target).await?;
                let failed =
                    |source| ConnectError::Gateway { place, gateway: gateway.place(), source: Box::new(source) };
                dial.link(tunnel.into_stream(), Some(via.0.clone())).await.map_err(failed)
            }
        }
    }

    /// The key that the target presents, and what the files say about it. Nothing is logged in.
    pub(crate) async fn survey(self: &Arc<Self>, target: &Arc<Target>) -> Result<Presented, ConnectError> {
        let dial = self.dial(target).await?;
        match &target.via {
            None => {
                let _permit = self.permit(target).await?;
                dial.survey(tcp(target, &self.options.deadlines).await?).await
            }
            Some(gateway) => {
                let (_via, tunnel) = self.tunnel(target, gateway).await?;
                let _permit = self.permit(target).await?;
                dial.survey(tunnel.into_stream()).await
            }
        }
    }

    async fn dial(&self, target: &Arc<Target>) -> Result<Dial<'_>, ConnectError> {
        let pinned = {
            let pinned = self.pinned.read().unwrap_or_else(PoisonError::into_inner);
            pinned.get(&(target.address.clone(), target.port)).cloned()
        };
        let judge = match &pinned {
            Some(pinned) => Judge::Pin(pinned.host_key.clone()),
            None => Judge::Files(self.known_hosts.snapshot(&target.known_hosts).await?),
        };
        Ok(Dial { target: Arc::clone(target), judge, pinned, deadlines: &self.options.deadlines })
    }

    /// The wait is bounded: each of those in front gives up in bounded time, and waiters that have a
    /// deadline or are cancelled leave the queue.
    async fn permit(&self, target: &Target) -> Result<tokio::sync::SemaphorePermit<'_>, ConnectError> {
        let closed = |_| ConnectError::Tcp { place: target.place(), why: "the transport is closing".to_owned() };
        self.connects.acquire().await.map_err(closed)
    }

    async fn tunnel(
        self: &Arc<Self>,
        target: &Target,
        gateway: &Arc<Target>,
    ) -> Result<(Lease, Channel<Msg>), ConnectError> {
        let failed = |source| ConnectError::Gateway {
            place: target.place(),
            gateway: gateway.place(),
            source: Box::new(source),
        };
        let via = Box::pin(self.lease(gateway)).await.map_err(failed)?;
        let (from, from_port) = ORIGINATOR;
        let open = via.handle.channel_open_direct_tcpip(&target.address, u32::from(target.port), from, from_port);
        match timeout(self.options.deadlines.connect, open).await {
            Ok(Ok(channel)) => Ok((via, channel)),
            Ok(Err(error)) => Err(failed(ConnectError::Channel { place: target.place(), why: describe(&error) })),
            Err(_) => {
                let after = self.options.deadlines.connect;
                Err(failed(ConnectError::TcpDeadline { place: target.place(), after }))
            }
        }
    }

    /// Starts the one task that closes idle connections, unless it runs already.
    fn reap(self: &Arc<Self>) {
        if !self.reaper.is_empty() {
            return;
        }
        let pool = Arc::downgrade(self);
        let closing = self.closing.clone();
        let every = self.options.deadlines.idle / 2;
        self.reaper.spawn(async move {
            while closing.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
                let Some(pool) = pool.upgrade() else { return };
                pool.close_idle();
            }
        });
    }

    fn close_idle(&self) {
        let idle = self.options.deadlines.idle;
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        for slot in slots.values() {
            // A slot that is locked is being used.
            if let Ok(mut state) = slot.state.try_lock()
                && state
                    .link
                    .as_ref()
                    .is_some_and(|link| !link.is_usable() || (Arc::strong_count(link) == 1 && link.idle_for() >= idle))
            {
                state.link = None;
            }
        }
    }

    /// Ends every connection, politely where the server still listens.
    pub(crate) async fn close(&self) {
        self.closing.cancel();
        self.connects.close();
        self.reaper.close();
        let slots: Vec<_> = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            slots.drain().map(|(_, slot)| slot).collect()
        };
        for slot in slots {
            if let Some(link) = slot.state.lock().await.link.take() {
                let farewell = link.handle.disconnect(Disconnect::ByApplication, "closing", "");
                // Best effort: a connection that does not take the farewell ends with its handle.
                let _ = timeout(self.options.deadlines.channel, farewell).await;
            }
        }
        self.reaper.wait().await;
    }
}
