//! The one place where the time of day is read and ids are made.

use daytwo_engine::ports::Clock;
use daytwo_fleet::ports::Now;
use daytwo_model::{AttemptId, RunId, Timestamp};
use uuid::Uuid;

/// The system's clock, and random ids.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl SystemClock {
    /// Now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else asks")]
    pub fn now(self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Self::now(*self)
    }

    fn new_run(&self) -> RunId {
        RunId::from_uuid(Uuid::now_v7())
    }

    fn new_attempt(&self) -> AttemptId {
        AttemptId::from_uuid(Uuid::now_v7())
    }
}

impl Now for SystemClock {
    fn now(&self) -> Timestamp {
        Self::now(*self)
    }
}
