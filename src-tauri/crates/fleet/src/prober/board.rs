//! What the prober and its handles share: orders in, observations out.
//!
//! Orders are levels, not messages: the last list of hosts counts, and wishes add up. So a handle
//! never waits, nothing can fill up, and an order that was given before the prober runs is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use daytwo_model::{Host, HostName};
use tokio::sync::{Notify, broadcast};

use crate::HOSTS_MAX;
use crate::observation::Observation;

/// Changes that a slow reader may be behind. One that is further behind reads the snapshot, so
/// that what it missed costs it nothing but the names.
pub const CHANGES_MAX: usize = 4096;
/// Observations of hosts that are in no source any more are kept until there are so many.
const OBSERVATIONS_MAX: usize = 2 * HOSTS_MAX;

/// Which hosts are to be asked at once.
#[derive(Debug, Default)]
pub(super) enum Wanted {
    #[default]
    None,
    Some(BTreeSet<HostName>),
    All,
}

#[derive(Debug, Default)]
pub(super) struct Orders {
    pub(super) hosts: Option<Vec<Host>>,
    pub(super) wanted: Wanted,
}

pub(super) struct Board {
    orders: Mutex<Orders>,
    given: Notify,
    seen: Mutex<Arc<BTreeMap<HostName, Observation>>>,
    changes: broadcast::Sender<HostName>,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            orders: Mutex::default(),
            given: Notify::new(),
            seen: Mutex::default(),
            changes: broadcast::Sender::new(CHANGES_MAX),
        }
    }
}

/// A panic elsewhere leaves these values whole: every change to them is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    pub(super) async fn ordered(&self) {
        self.given.notified().await;
    }

    pub(super) fn take_orders(&self) -> Orders {
        std::mem::take(&mut lock(&self.orders))
    }

    pub(super) fn get(&self, name: &HostName) -> Option<Observation> {
        lock(&self.seen).get(name).cloned()
    }

    pub(super) fn publish(&self, observations: impl IntoIterator<Item = Observation>) {
        for observation in observations {
            let name = observation.host.clone();
            // Copies the map only while a reader still holds the one before.
            Arc::make_mut(&mut lock(&self.seen)).insert(name.clone(), observation);
            // Nobody listening is not an error.
            let _ = self.changes.send(name);
        }
    }

    pub(super) fn forget_beyond_bound(&self, in_fleet: impl Fn(&HostName) -> bool) {
        let mut seen = lock(&self.seen);
        if seen.len() > OBSERVATIONS_MAX {
            Arc::make_mut(&mut seen).retain(|name, _| in_fleet(name));
        }
    }
}

/// Talks to a [`super::Prober`]. Cheap to clone; never waits.
#[derive(Clone)]
pub struct ProberHandle(Arc<Board>);

impl ProberHandle {
    pub(super) const fn new(board: Arc<Board>) -> Self {
        Self(board)
    }

    /// From now on these are the hosts. One that is new, or whose entry changed, is asked soon.
    pub fn set_hosts(&self, hosts: Vec<Host>) {
        lock(&self.0.orders).hosts = Some(hosts);
        self.0.given.notify_one();
    }

    /// Asks these hosts, or all, as soon as there is room; one that is being asked, once more
    /// after that. Names that are not in the fleet are ignored.
    pub fn probe_now(&self, hosts: Option<Vec<HostName>>) {
        let mut orders = lock(&self.0.orders);
        match (hosts, &mut orders.wanted) {
            (_, Wanted::All) => {}
            (None, wanted) => *wanted = Wanted::All,
            (Some(hosts), Wanted::Some(names)) => {
                names.extend(hosts);
                if names.len() > HOSTS_MAX {
                    orders.wanted = Wanted::All;
                }
            }
            (Some(hosts), wanted @ Wanted::None) => *wanted = Wanted::Some(hosts.into_iter().collect()),
        }
        drop(orders);
        self.0.given.notify_one();
    }

    /// The last that is known of every host, also of hosts that are in no source now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<BTreeMap<HostName, Observation>> {
        Arc::clone(&lock(&self.0.seen))
    }

    /// The names of hosts that were observed, as it happens. Subscribe, then take a snapshot; when
    /// the receiver lags, take a snapshot again.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<HostName> {
        self.0.changes.subscribe()
    }
}
