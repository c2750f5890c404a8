//! When which host is asked next. Knows time only as it is given.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use daytwo_model::{Host, HostName};
use tokio::time::Instant;

use super::ProberOptions;
use super::board::Wanted;

/// Hosts that are to be asked together are asked so far apart, or closer where the fleet is too
/// large for that: a hand full of hosts is there at once, a thousand take the whole interval.
const PACE: Duration = Duration::from_millis(20);
/// The share of the interval that a wait may be longer or shorter by, at most.
const JITTER_MAX: f64 = 0.5;

pub(super) struct Schedule {
    interval: Duration,
    jitter: f64,
    back_off_max: Duration,
    entries: BTreeMap<HostName, Entry>,
    due: BTreeSet<(Instant, HostName)>,
    /// Hosts with a probe under way, also such that are not in the fleet any more.
    asked: HashSet<HostName>,
}

struct Entry {
    host: Arc<Host>,
    /// Its place in `due`, where it has one: a host that is being asked has none.
    due: Option<Instant>,
    /// To be asked again as soon as the probe that is under way has ended.
    again: bool,
    /// Probes in a row that were not answered.
    failures: u32,
    /// Probes so far; makes each wait different.
    probes: u64,
}

impl Schedule {
    pub(super) fn new(options: &ProberOptions) -> Self {
        Self {
            // An interval of nothing would ask without pause.
            interval: options.interval.max(Duration::from_millis(100)),
            jitter: if options.jitter.is_finite() { options.jitter.clamp(0.0, JITTER_MAX) } else { 0.0 },
            back_off_max: options.back_off_max.max(options.interval),
            entries: BTreeMap::new(),
            due: BTreeSet::new(),
            asked: HashSet::new(),
        }
    }

    pub(super) fn contains(&self, name: &HostName) -> bool {
        self.entries.contains_key(name)
    }

    pub(super) fn set_hosts(&mut self, hosts: Vec<Host>, now: Instant) {
        let mut before = std::mem::take(&mut self.entries);
        let mut new = Vec::new();
        for host in hosts {
            let kept = before.remove(&host.name).filter(|entry| *entry.host == host);
            let entry = kept.unwrap_or_else(|| {
                new.push(host.name.clone());
                Entry { host: Arc::new(host), due: None, again: false, failures: 0, probes: 0 }
            });
            self.entries.insert(entry.host.name.clone(), entry);
        }
        let entries = &self.entries;
        self.due.retain(|(when, name)| entries.get(name).is_some_and(|entry| entry.due == Some(*when)));
        self.ask_spread(&new, now);
    }

    pub(super) fn ask_now(&mut self, wanted: &Wanted, now: Instant) {
        let names: Vec<HostName> = match wanted {
            Wanted::None => return,
            Wanted::All => self.entries.keys().cloned().collect(),
            Wanted::Some(names) => names.iter().filter(|name| self.contains(name)).cloned().collect(),
        };
        self.ask_spread(&names, now);
    }

    /// Asks these soon, but not as a herd; nobody later than planned already.
    fn ask_spread(&mut self, names: &[HostName], now: Instant) {
        let count = u32::try_from(names.len()).unwrap_or(u32::MAX).max(1);
        let gap = PACE.min(self.interval / count);
        for (name, place) in names.iter().zip(0_u32..) {
            let when = now + gap * place;
            if self.asked.contains(name) {
                if let Some(entry) = self.entries.get_mut(name) {
                    entry.again = true;
                }
            } else {
                let planned = self.entries.get(name).and_then(|entry| entry.due);
                self.plan(name, planned.map_or(when, |planned| planned.min(when)));
            }
        }
    }

    fn plan(&mut self, name: &HostName, when: Instant) {
        let Some(entry) = self.entries.get_mut(name) else { return };
        if let Some(planned) = entry.due.replace(when) {
            self.due.remove(&(planned, name.clone()));
        }
        self.due.insert((when, name.clone()));
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(when, _)| *when)
    }

    /// Takes the host that is due first, if one is due. It counts as asked until [`Self::end`].
    pub(super) fn start_next(&mut self, now: Instant) -> Option<Arc<Host>> {
        let (when, _) = self.due.first()?;
        if *when > now {
            return None;
        }
        let (_, name) = self.due.pop_first()?;
        let entry = self.entries.get_mut(&name)?;
        entry.due = None;
        entry.probes += 1;
        self.asked.insert(name);
        Some(Arc::clone(&entry.host))
    }

    /// A probe has ended. False where its host is not the one of that name any more.
    pub(super) fn end(&mut self, host: &Arc<Host>, answered: bool, now: Instant) -> bool {
        self.asked.remove(&host.name);
        let Some(entry) = self.entries.get_mut(&host.name) else { return false };
        if !Arc::ptr_eq(&entry.host, host) {
            entry.again = false;
            self.plan(&host.name, now);
            return false;
        }
        entry.failures = if answered { 0 } else { entry.failures.saturating_add(1) };
        let again = std::mem::take(&mut entry.again);
        let wait = if again { Duration::ZERO } else { self.wait(&host.name) };
        self.plan(&host.name, now + wait);
        true
    }

    fn wait(&self, name: &HostName) -> Duration {
        let Some(entry) = self.entries.get(name) else { return self.interval };
        let chance = chance(name, entry.probes);
        if entry.probes <= 1 {
            // The first round came in a row; the second spreads the fleet over the interval.
            return self.interval.mul_f64(0.5 + chance);
        }
        const DOUBLINGS_MAX: u32 = 16;
        let doublings = entry.failures.saturating_sub(1).min(DOUBLINGS_MAX);
        let wait = self.interval.saturating_mul(1 << doublings).min(self.back_off_max);
        let jittered = wait.mul_f64((chance * 2.0 - 1.0).mul_add(self.jitter, 1.0));
        if doublings > 0 { jittered.min(self.back_off_max) } else { jittered }
    }
}

/// A number from 0 up to 1 that differs by host and round, and is the same in every process: spread
/// without randomness.
fn chance(name: &HostName, round: u64) -> f64 {
    let mut hasher = DefaultHasher::new();
    (name, round).hash(&mut hasher);
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
    let share = (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64;
    share
}
