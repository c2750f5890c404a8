//! Points in time that may lie very far off, and pauses that grow.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use daytwo_model::AttemptId;
use tokio::time::Instant;

/// As far off as a point in time is ever put: a plan may name a span that no clock can add.
const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// The moment `by` after `from`, or one that nobody lives to see.
pub(crate) fn later(from: Instant, by: Duration) -> Instant {
    from + by.min(FAR)
}

/// Pauses between two tries to reach a host: each about twice as long as the one before, up to a bound.
///
/// They are spread, so that a thousand hosts that were lost with one gateway do not all come back at
/// one moment. The spread follows from the attempt alone, so that a test sees the same one again.
pub(crate) struct Pauses {
    attempt: AttemptId,
    count: u32,
    next: Duration,
    max: Duration,
}

impl Pauses {
    pub(crate) const fn new(attempt: AttemptId, first: Duration, max: Duration) -> Self {
        Self { attempt, count: 0, next: first, max }
    }

    /// From three quarters of the pause's length up to all of it.
    pub(crate) fn next(&mut self) -> Duration {
        let mut hasher = DefaultHasher::new();
        (self.attempt, self.count).hash(&mut hasher);
        self.count += 1;
        let whole = self.next.min(self.max);
        self.next = whole.saturating_mul(2);
        let part = u32::try_from(hasher.finish() % 257).unwrap_or(0);
        whole * 3 / 4 + whole / 4 * part / 256
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn pauses_double_to_their_bound_and_are_spread_by_the_attempt() {
        let attempt = |id| AttemptId::from_uuid(Uuid::from_u128(id));
        let of = |id| {
            let mut pauses = Pauses::new(attempt(id), Duration::from_secs(1), Duration::from_secs(15));
            (0..7).map(|_| pauses.next()).collect::<Vec<_>>()
        };
        for (pause, secs) in of(1).into_iter().zip([1, 2, 4, 8, 15, 15, 15]) {
            let whole = Duration::from_secs(secs);
            assert!(pause <= whole && pause >= whole * 3 / 4, "{pause:?} of {whole:?}");
        }
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn a_span_that_no_clock_can_add_is_far_off_and_not_a_panic() {
        assert!(later(Instant::now(), Duration::MAX) > Instant::now() + FAR / 2);
    }
}
