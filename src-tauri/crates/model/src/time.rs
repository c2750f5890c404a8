//! A point in time, in UTC with millisecond precision.

use std::fmt;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A point in time. Written as RFC 3339 in UTC, for example `2026-11-21T03:04:05.678Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(transparent)]
#[ts(type = "string")]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// The first representable moment that matters; for tests and "never".
    pub const EPOCH: Self = Self(jiff::Timestamp::UNIX_EPOCH);

    /// From milliseconds since 1970; values out of range (before year -9999, after 9999) saturate.
    #[must_use]
    pub fn from_unix_ms(unix_ms: i64) -> Self {
        let bound = if unix_ms < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        Self(jiff::Timestamp::from_millisecond(unix_ms).unwrap_or(bound))
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn unix_ms(self) -> i64 {
        self.0.as_millisecond()
    }

    /// Milliseconds from `earlier` to this moment; 0 when the clock went backwards.
    #[must_use]
    pub fn ms_since(self, earlier: Self) -> u64 {
        u64::try_from(self.unix_ms().saturating_sub(earlier.unix_ms())).unwrap_or(0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}
