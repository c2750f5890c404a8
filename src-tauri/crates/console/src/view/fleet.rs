//! Hosts as they are shown: what was last seen, from when, and whether that is still to be relied on.

use std::collections::BTreeMap;
use std::time::Duration;

use daytwo_fleet::observation::{Facts, Freshness, Observation, Reachability, Standing};
use daytwo_model::{Host, HostName, Timestamp};

use super::words::count;
use crate::wire::Mark;
use crate::wire::fleet::{FleetSummary, HostFacts, HostRow, HostSample};

/// One host as it is shown at `now`.
#[must_use]
pub fn row(host: &Host, seen: Option<&Observation>, now: Timestamp, interval: Duration) -> HostRow {
    let standing = Standing::of(seen, now, interval);
    let (mark, word) = describe(standing, seen);
    let known = seen.and_then(|seen| seen.known.as_ref());
    let fresh = seen.map_or(Freshness::Never, |seen| seen.freshness(now, interval));
    HostRow {
        name: host.name.clone(),
        labels: host.labels.clone(),
        address: host.endpoint.describe(),
        source: host.source.clone(),
        mark,
        word: word.to_owned(),
        why: seen.and_then(|seen| why(&seen.reachability)),
        as_of: seen.map(|seen| seen.at),
        last_answer: known.map(|known| known.at),
        stale: matches!(fresh, Freshness::Stale { .. }) || standing == Standing::Stale,
        facts_at: known.map(|known| known.at),
        facts: known.map(|known| facts(&known.facts)),
    }
}

const fn describe(standing: Standing, seen: Option<&Observation>) -> (Mark, &'static str) {
    match (standing, seen) {
        (Standing::Live, _) => (Mark::Ok, "live"),
        (Standing::Stale, _) => (Mark::Unknown, "stale"),
        (Standing::Unreadable, _) => (Mark::Changed, "unreadable"),
        (Standing::Refused, _) => (Mark::Failed, "refused"),
        (Standing::Unreachable, _) => (Mark::Unreachable, "no answer"),
        (Standing::NeverSeen, _) => (Mark::Waiting, "never asked"),
    }
}

fn why(reachability: &Reachability) -> Option<String> {
    match reachability {
        Reachability::Live => None,
        Reachability::Unreachable { why, .. }
        | Reachability::Refused { why, .. }
        | Reachability::Unreadable { why, .. } => Some(why.clone()),
    }
}

fn facts(facts: &Facts) -> HostFacts {
    // Byte counts stay far below 2^52, so the quotients are exact enough for one decimal.
    #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
    let memory = facts.memory.filter(|memory| memory.total_bytes > 0).map(|memory| {
        100.0 * (memory.total_bytes.saturating_sub(memory.available_bytes)) as f64 / memory.total_bytes as f64
    });
    HostFacts {
        load1: facts.load.map(|load| load.one),
        cpus: facts.cpus,
        disk_used_percent: facts.disk.map(|disk| f64::from(disk.used_percent)),
        memory_used_percent: memory,
        uptime_s: facts.uptime_s,
        os: facts.os.clone(),
        kernel: facts.kernel.clone(),
        version: facts.app_version.clone(),
        failed_units: facts.failed_units,
        clock_skew_ms: facts.clock_skew_s.map(|seconds| seconds.saturating_mul(1_000)),
    }
}

/// An earlier observation, for a sparkline.
#[must_use]
pub fn sample(seen: &Observation) -> HostSample {
    let live = matches!(seen.reachability, Reachability::Live);
    let known = seen.known.as_ref().filter(|_| live).map(|known| &known.facts);
    HostSample {
        at: seen.at,
        mark: match seen.reachability {
            Reachability::Live => Mark::Ok,
            Reachability::Unreachable { .. } => Mark::Unreachable,
            Reachability::Refused { .. } => Mark::Failed,
            Reachability::Unreadable { .. } => Mark::Changed,
        },
        load1: known.and_then(|facts| facts.load).map(|load| load.one),
        disk_used_percent: known.and_then(|facts| facts.disk).map(|disk| f64::from(disk.used_percent)),
    }
}

/// The fleet in one line. `rows` are all of it.
#[must_use]
pub fn summary(rows: &[HostRow], seen: &BTreeMap<HostName, Observation>, demo: bool) -> FleetSummary {
    let mut counts: BTreeMap<Mark, u32> = BTreeMap::new();
    let mut by_word: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        *counts.entry(row.mark).or_insert(0) += 1;
        *by_word.entry(&row.word).or_insert(0) += 1;
    }
    let order = ["live", "stale", "no answer", "refused", "unreadable", "never asked"];
    let parts = order.iter().filter_map(|word| by_word.get(word).map(|hosts| format!("{hosts} {word}")));
    let words: Vec<String> = std::iter::once(count(rows.len(), "host")).chain(parts).collect();
    FleetSummary { words: words.join(" · "), offline_since: offline_since(rows, seen), counts, demo }
}

/// Since when no host answers; none while one does, or while one was not asked yet.
fn offline_since(rows: &[HostRow], seen: &BTreeMap<HostName, Observation>) -> Option<Timestamp> {
    let silent = !rows.is_empty() && rows.iter().all(|row| row.mark == Mark::Unreachable);
    if !silent {
        return None;
    }
    rows.iter().filter_map(|row| seen.get(&row.name)?.reachability.since()).max()
}
