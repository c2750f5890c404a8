//! Asks every host, again and again, how it is; remembers what it last said.
//!
//! One task owns the schedule. A host is asked by one probe at a time; a fleet is asked evenly
//! over the interval; a host that does not answer is asked less and less often, within a bound.
//! What a host said stays, with its own time, while it does not answer. Nothing here changes a
//! host, and nothing here decides what is fresh: see [`crate::observation::Standing`].

mod board;
mod schedule;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use daytwo_model::{Host, HostName, Timestamp};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::observation::{Known, Observation, Reachability};
use crate::ports::{KeepError, NoAnswer, Now, ObservationStore, Reach};
use crate::probe;
use board::Board;
pub use board::{CHANGES_MAX, ProberHandle};
use schedule::Schedule;

/// Most observations that are handed to the store at one time.
pub const SAVE_BATCH_MAX: usize = 500;
/// Changes wait at most so long for the store: one write for many hosts.
const SAVE_EVERY: Duration = Duration::from_secs(2);
/// The store has so long for one call; then it counts as failed, and the change stays to be saved.
const STORE_DEADLINE: Duration = Duration::from_secs(10);
/// A transport has so much longer than the deadline that it was given, before it is abandoned.
const DEADLINE_GRACE: Duration = Duration::from_secs(2);
/// The longest reason that is kept.
const WHY_CHARS_MAX: usize = 300;
/// What observations that are made here give as their source.
const SOURCE: &str = "probe";

/// How the prober goes about it.
#[derive(Debug, Clone)]
pub struct ProberOptions {
    /// A host that answers is asked again after this.
    pub interval: Duration,
    /// Share of the interval by which each wait is made longer or shorter: 0 to 0.5.
    pub jitter: f64,
    /// Probes that run at one time.
    pub concurrency: usize,
    /// A probe has so long to answer.
    pub deadline: Duration,
    /// A host that does not answer is asked at least this often.
    pub back_off_max: Duration,
}

impl Default for ProberOptions {
    /// Every 15 s ± 10 %, 64 at one time, 10 s for an answer, 2 min between tries at a silent host.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(15),
            jitter: 0.1,
            concurrency: 64,
            deadline: Duration::from_secs(10),
            back_off_max: Duration::from_secs(120),
        }
    }
}

/// What the prober needs from the world.
#[derive(Clone)]
#[expect(missing_docs, reason = "the names of the ports say it")]
pub struct ProberPorts {
    pub reach: Arc<dyn Reach>,
    pub store: Arc<dyn ObservationStore>,
    pub now: Arc<dyn Now>,
}

/// The component; [`Prober::run`] is its life.
pub struct Prober {
    options: ProberOptions,
    ports: ProberPorts,
    board: Arc<Board>,
    schedule: Schedule,
    probes: JoinSet<Ended>,
    /// Whose probe a task is: a task that panics cannot say so itself.
    running: HashMap<Id, Arc<Host>>,
    saves: JoinSet<Saved>,
    /// Changed since the store last took them.
    unsaved: BTreeMap<HostName, Observation>,
    save_at: Option<Instant>,
    /// Whether what was last known has been asked for.
    is_loaded: bool,
}

/// How a probe ended.
struct Ended {
    asked: Timestamp,
    answered: Timestamp,
    result: Result<String, NoAnswer>,
}

/// How a save ended, and what it was to save.
struct Saved {
    batch: Vec<Observation>,
    result: Result<(), KeepError>,
}

impl Prober {
    /// A prober without hosts, and the handle by which it gets some.
    #[must_use]
    pub fn new(options: ProberOptions, ports: ProberPorts) -> (Self, ProberHandle) {
        let board = Arc::new(Board::default());
        let handle = ProberHandle::new(Arc::clone(&board));
        let schedule = Schedule::new(&options);
        let prober = Self {
            options,
            ports,
            board,
            schedule,
            probes: JoinSet::new(),
            running: HashMap::new(),
            saves: JoinSet::new(),
            unsaved: BTreeMap::new(),
            save_at: None,
            is_loaded: false,
        };
        (prober, handle)
    }

    /// Probes until `cancel`, then saves what is left. Fails only where that last save fails; a
    /// store that fails earlier is tried again, and the hosts are shown meanwhile.
    pub async fn run(mut self, cancel: CancellationToken) -> Result<(), KeepError> {
        if !self.is_loaded {
            self.load().await;
        }
        let board = Arc::clone(&self.board);
        loop {
            self.take_orders();
            self.start_due();
            let wake = self.schedule.next_due().filter(|_| self.has_room());
            let save_at = self.save_at.filter(|_| self.saves.is_empty());
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                () = board.ordered() => {}
                Some(ended) = self.probes.join_next_with_id() => self.ended(ended),
                Some(saved) = self.saves.join_next() => self.saved(saved),
                () = at(wake) => {}
                () = at(save_at) => self.save(),
            }
        }
        self.probes.shutdown().await;
        self.last_save().await
    }

    fn has_room(&self) -> bool {
        self.running.len() < self.options.concurrency.max(1)
    }

    /// Loads what was last known, within a bound; [`Self::run`] does it where nobody did before. Who
    /// answers a question about facts right after the start waits for this.
    pub async fn load(&mut self) {
        self.is_loaded = true;
        match timeout(STORE_DEADLINE, self.ports.store.load()).await {
            Ok(Ok(known)) => {
                tracing::debug!(hosts = known.len(), "loaded what was last known");
                self.board.publish(known);
            }
            Ok(Err(error)) => tracing::warn!(%error, "what was last known could not be loaded"),
            Err(_) => tracing::warn!("what was last known could not be loaded in time"),
        }
    }

    fn take_orders(&mut self) {
        let orders = self.board.take_orders();
        let now = Instant::now();
        if let Some(hosts) = orders.hosts {
            self.schedule.set_hosts(hosts, now);
            self.board.forget_beyond_bound(|name| self.schedule.contains(name));
        }
        self.schedule.ask_now(&orders.wanted, now);
    }

    fn start_due(&mut self) {
        while self.has_room() {
            let Some(host) = self.schedule.start_next(Instant::now()) else { return };
            let (ports, deadline, asked_host) = (self.ports.clone(), self.options.deadline, Arc::clone(&host));
            let span = tracing::debug_span!("probe", host = %host.name);
            let task = self.probes.spawn(ask(ports, asked_host, deadline).instrument(span));
            self.running.insert(task.id(), host);
        }
    }

    fn ended(&mut self, ended: Result<(Id, Ended), JoinError>) {
        let (id, ended) = match ended {
            Ok((id, ended)) => (id, ended),
            Err(error) => {
                tracing::error!(%error, "a probe stopped unexpectedly");
                let (now, why) = (self.ports.now.now(), "the probe stopped unexpectedly".to_owned());
                (error.id(), Ended { asked: now, answered: now, result: Err(NoAnswer::Failed(why)) })
            }
        };
        let Some(host) = self.running.remove(&id) else { return };
        let previous = self.board.get(&host.name);
        let observation = observe(&host, previous.as_ref(), ended);
        let answered = observation.reachability == Reachability::Live;
        // A host that was removed or redefined meanwhile: this answer is not about the present one.
        if !self.schedule.end(&host, answered, Instant::now()) {
            return;
        }
        self.unsaved.insert(host.name.clone(), observation.clone());
        self.save_at.get_or_insert_with(|| Instant::now() + SAVE_EVERY);
        self.board.publish([observation]);
    }

    fn save(&mut self) {
        self.save_at = None;
        let batch = self.next_batch();
        if batch.is_empty() {
            return;
        }
        let store = Arc::clone(&self.ports.store);
        self.saves.spawn(async move {
            let result = keep(store.as_ref(), &batch).await;
            Saved { batch, result }
        });
    }

    fn next_batch(&mut self) -> Vec<Observation> {
        let mut batch = Vec::new();
        while batch.len() < SAVE_BATCH_MAX {
            let Some((_, observation)) = self.unsaved.pop_first() else { break };
            batch.push(observation);
        }
        batch
    }

    fn saved(&mut self, saved: Result<Saved, JoinError>) {
        match saved {
            Ok(Saved { result: Ok(()), .. }) => {}
            Ok(Saved { batch, result: Err(error) }) => {
                tracing::warn!(%error, "observations could not be kept; they will be tried again");
                for observation in batch {
                    self.unsaved.entry(observation.host.clone()).or_insert(observation);
                }
            }
            // The batch is lost for the store; the next probe of each host brings it again.
            Err(error) => tracing::error!(%error, "saving observations stopped unexpectedly"),
        }
        if !self.unsaved.is_empty() {
            let soon = if self.unsaved.len() >= SAVE_BATCH_MAX { Duration::ZERO } else { SAVE_EVERY };
            self.save_at.get_or_insert_with(|| Instant::now() + soon);
        }
    }

    async fn last_save(&mut self) -> Result<(), KeepError> {
        while let Some(saved) = self.saves.join_next().await {
            self.saved(saved);
        }
        loop {
            let batch = self.next_batch();
            if batch.is_empty() {
                return Ok(());
            }
            keep(self.ports.store.as_ref(), &batch).await?;
        }
    }
}

/// Sleeps until then, or for ever; only in a `select!` that has another way out.
async fn at(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

async fn keep(store: &dyn ObservationStore, batch: &[Observation]) -> Result<(), KeepError> {
    timeout(STORE_DEADLINE, store.save(batch))
        .await
        .unwrap_or_else(|_| Err(KeepError(format!("the store took longer than {} s", STORE_DEADLINE.as_secs()))))
}

async fn ask(ports: ProberPorts, host: Arc<Host>, deadline: Duration) -> Ended {
    let asked = ports.now.now();
    let result = timeout(deadline + DEADLINE_GRACE, ports.reach.read(&host, probe::SCRIPT, deadline))
        .await
        .unwrap_or_else(|_| Err(NoAnswer::Unreachable(format!("no answer within {} s", deadline.as_secs()))));
    Ended { asked, answered: ports.now.now(), result }
}

/// What is known after a probe, given what was known before.
fn observe(host: &Host, previous: Option<&Observation>, ended: Ended) -> Observation {
    let Ended { asked, answered, result } = ended;
    let read = result.and_then(|output| probe::parse(&output).map_err(|error| NoAnswer::Failed(error.to_string())));
    let before = previous.map(|seen| &seen.reachability);
    // Trouble of the same kind goes on; of another kind, it begins.
    let since = |same: fn(&Reachability) -> bool| {
        before.filter(|before| same(before)).and_then(Reachability::since).unwrap_or(answered)
    };
    let (reachability, known) = match read {
        Ok(answer) => {
            let mut facts = answer.facts;
            // The host read its clock somewhere between question and answer.
            let middle_ms = i64::midpoint(asked.unix_ms(), answered.unix_ms());
            facts.clock_skew_s = answer.host_time_s.map(|host_s| host_s.saturating_sub(middle_ms.div_euclid(1000)));
            (Reachability::Live, Some(Known { at: answered, facts }))
        }
        Err(why) => {
            // A server's own words may be in it, and must not move anybody's cursor.
            let shown = |c: char| if c.is_control() { ' ' } else { c };
            let text: String = why.to_string().chars().take(WHY_CHARS_MAX).map(shown).collect();
            let reachability = match why {
                NoAnswer::Unreachable(_) => Reachability::Unreachable {
                    why: text,
                    since: since(|before| matches!(before, Reachability::Unreachable { .. })),
                },
                NoAnswer::Refused(_) => Reachability::Refused {
                    why: text,
                    since: since(|before| matches!(before, Reachability::Refused { .. })),
                },
                NoAnswer::Failed(_) => Reachability::Unreadable {
                    why: text,
                    since: since(|before| matches!(before, Reachability::Unreadable { .. })),
                },
            };
            (reachability, previous.and_then(|seen| seen.known.clone()))
        }
    };
    Observation { host: host.name.clone(), at: answered, source: SOURCE.to_owned(), reachability, known }
}
