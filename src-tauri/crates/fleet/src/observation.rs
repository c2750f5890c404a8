//! What is known of a host, from where and since when.
//!
//! Nothing here says how old a fact is: age and freshness are computed from a given "now" when
//! they are looked at, so a stored observation can never claim to be fresh.

use std::time::Duration;

use daytwo_model::{HostName, Timestamp};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A fact is fresh for this many probe intervals: one probe may be late and one may be lost
/// before the screen calls what it shows stale.
pub const FRESH_INTERVALS: u32 = 3;

/// The last that was seen of one host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// The host.
    pub host: HostName,
    /// When it was last asked (not when it last answered).
    pub at: Timestamp,
    /// What asked, for people: `probe`.
    pub source: String,
    /// Whether it answered, then.
    pub reachability: Reachability,
    /// Its last known facts, kept with their own time while it does not answer.
    pub known: Option<Known>,
}

/// Whether a host answered when it was last asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum Reachability {
    /// It answered.
    Live,
    /// No connection.
    Unreachable {
        /// What was tried and how it failed.
        why: String,
        /// When that began.
        since: Timestamp,
    },
    /// It answered, and was or did refuse: host key, authentication.
    Refused {
        /// By whom and why.
        why: String,
        /// When that began.
        since: Timestamp,
    },
    /// It let the console in, and the read did not work there.
    Unreadable {
        /// What went wrong.
        why: String,
        /// When that began.
        since: Timestamp,
    },
}

impl Reachability {
    /// The state's word, for people and for comparison.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Unreachable { .. } => "unreachable",
            Self::Refused { .. } => "refused",
            Self::Unreadable { .. } => "unreadable",
        }
    }

    /// When the present trouble began; `None` while there is none.
    #[must_use]
    pub const fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Live => None,
            Self::Unreachable { since, .. } | Self::Refused { since, .. } | Self::Unreadable { since, .. } => {
                Some(*since)
            }
        }
    }
}

/// Facts, and when the host gave them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// When the host gave them.
    pub at: Timestamp,
    /// What it said.
    pub facts: Facts,
}

/// What a host says of itself. Each may be absent: a host says what it can.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(default, deny_unknown_fields)]
pub struct Facts {
    /// Its own name for itself.
    pub hostname: Option<String>,
    /// Operating system, as in `PRETTY_NAME` of os-release.
    pub os: Option<String>,
    /// Kernel release, as in `uname -r`.
    pub kernel: Option<String>,
    /// Changes with each boot.
    pub boot_id: Option<String>,
    /// Seconds since boot.
    #[ts(type = "number | null")]
    pub uptime_s: Option<u64>,
    /// Load averages.
    pub load: Option<Load>,
    /// Processors.
    pub cpus: Option<u32>,
    /// Main memory.
    pub memory: Option<Memory>,
    /// The root file system.
    pub disk: Option<Disk>,
    /// systemd units in state failed.
    pub failed_units: Option<u32>,
    /// Content of `/srv/app/current/VERSION`.
    pub app_version: Option<String>,
    /// The host's clock minus the console's, in seconds; as exact as the round trip was short.
    #[ts(type = "number | null")]
    pub clock_skew_s: Option<i64>,
}

/// Load averages over 1, 5 and 15 minutes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, TS)]
#[expect(missing_docs, reason = "the names are the minutes")]
pub struct Load {
    pub one: f64,
    pub five: f64,
    pub fifteen: f64,
}

/// Main memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Memory {
    /// All of it.
    #[ts(type = "number")]
    pub total_bytes: u64,
    /// What programs could still get.
    #[ts(type = "number")]
    pub available_bytes: u64,
}

/// A file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Disk {
    /// Its size.
    #[ts(type = "number")]
    pub total_bytes: u64,
    /// What is used.
    #[ts(type = "number")]
    pub used_bytes: u64,
    /// What ordinary users may still use; not the rest, because a part is kept for root. Absent in
    /// observations that were recorded before it was looked at.
    #[serde(default)]
    #[ts(type = "number | null")]
    pub available_bytes: Option<u64>,
    /// Used share of what ordinary users may use, as `df` counts it: 0 to 100.
    pub used_percent: u8,
}

/// How far facts may be relied on. Computed when it is looked at, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Freshness {
    /// No facts were ever had.
    Never,
    /// Not older than [`FRESH_INTERVALS`] probe intervals.
    Fresh {
        /// Age of the facts.
        #[ts(type = "number")]
        age_ms: u64,
    },
    /// Older than that.
    Stale {
        /// Age of the facts.
        #[ts(type = "number")]
        age_ms: u64,
    },
}

impl Freshness {
    /// Freshness of facts that were had at `at`, looked at now.
    #[must_use]
    pub fn of(at: Option<Timestamp>, now: Timestamp, interval: Duration) -> Self {
        let Some(at) = at else { return Self::Never };
        let age_ms = now.ms_since(at);
        let fresh_ms = u64::try_from(interval.saturating_mul(FRESH_INTERVALS).as_millis()).unwrap_or(u64::MAX);
        if age_ms <= fresh_ms { Self::Fresh { age_ms } } else { Self::Stale { age_ms } }
    }
}

/// What may be said of a host now. Computed when it is looked at, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It answered, not long ago.
    Live,
    /// It answered when it was last asked, and that is long ago.
    Stale,
    /// It let the console in, and the read did not work there.
    Unreadable,
    /// It refused when it was last asked.
    Refused,
    /// It did not answer when it was last asked.
    Unreachable,
    /// It was never asked.
    NeverSeen,
}

impl Standing {
    /// What `observation` allows to be said at `now`. Only a host that answered not long ago is
    /// live: nothing is green from a cache.
    #[must_use]
    pub fn of(observation: Option<&Observation>, now: Timestamp, interval: Duration) -> Self {
        let Some(seen) = observation else { return Self::NeverSeen };
        match (&seen.reachability, Freshness::of(Some(seen.at), now, interval)) {
            (Reachability::Live, Freshness::Fresh { .. }) => Self::Live,
            (Reachability::Live, Freshness::Stale { .. } | Freshness::Never) => Self::Stale,
            (Reachability::Unreachable { .. }, _) => Self::Unreachable,
            (Reachability::Refused { .. }, _) => Self::Refused,
            (Reachability::Unreadable { .. }, _) => Self::Unreadable,
        }
    }
}

impl Observation {
    /// Freshness of the facts that it holds.
    #[must_use]
    pub fn freshness(&self, now: Timestamp, interval: Duration) -> Freshness {
        Freshness::of(self.known.as_ref().map(|known| known.at), now, interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_turns_stale_by_itself_and_its_age_is_told() {
        let interval = Duration::from_secs(15);
        let at = Some(Timestamp::from_unix_ms(1_000_000));
        let seen = |now_ms| Freshness::of(at, Timestamp::from_unix_ms(now_ms), interval);
        assert_eq!(seen(1_045_000), Freshness::Fresh { age_ms: 45_000 });
        assert_eq!(seen(1_045_001), Freshness::Stale { age_ms: 45_001 });
        assert_eq!(seen(900_000), Freshness::Fresh { age_ms: 0 }, "a clock that went back is no age");
        assert_eq!(Freshness::of(None, Timestamp::EPOCH, interval), Freshness::Never);
    }

    #[test]
    fn a_host_that_answered_yesterday_is_not_live() {
        let interval = Duration::from_secs(15);
        let seen = |reachability| Observation {
            host: HostName::new("web-01").unwrap(),
            at: Timestamp::from_unix_ms(0),
            source: "probe".to_owned(),
            reachability,
            known: None,
        };
        let standing = |seen: &Observation, now_ms| Standing::of(Some(seen), Timestamp::from_unix_ms(now_ms), interval);
        let live = seen(Reachability::Live);
        assert_eq!(standing(&live, 45_000), Standing::Live);
        assert_eq!(standing(&live, 45_001), Standing::Stale);
        let gone = seen(Reachability::Unreachable { why: "no route".into(), since: Timestamp::EPOCH });
        assert_eq!(standing(&gone, 0), Standing::Unreachable);
        assert_eq!(Standing::of(None, Timestamp::EPOCH, interval), Standing::NeverSeen);
    }
}
