//! Token and request limits per minute. Pure: time comes in as an argument.
//!
//! Like LiteLLM, a call is checked before it is made and counted after, so one call may overshoot.
//! Unlike it, a minute begins with the first call and not with the clock's, so that a reader and a
//! test know when it ends.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// The window in which usage counts.
pub(super) const WINDOW: Duration = Duration::from_secs(60);

/// Limits per minute; absent means none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) tokens: Option<u64>,
    pub(super) requests: Option<u64>,
}

/// What is left in this minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) tokens: Option<u64>,
    pub(super) requests: Option<u64>,
}

/// A limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exceeded {
    /// `tokens` or `requests`.
    pub(super) kind: &'static str,
    pub(super) limit: u64,
    /// Whole seconds until the window ends, rounded up.
    pub(super) retry_after_seconds: u64,
}

#[derive(Debug)]
struct Usage {
    begun: Instant,
    tokens: u64,
    requests: u64,
}

/// Usage by subject: a key, or a model.
#[derive(Debug, Default)]
pub(super) struct Meter(HashMap<String, Usage>);

impl Meter {
    /// Forgets everything, as a gateway does that keeps its counters in memory and was restarted.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether one more call may be made.
    pub(super) fn check(&mut self, subject: &str, limits: Limits, now: Instant) -> Result<(), Exceeded> {
        let usage = self.usage(subject, now);
        let left = WINDOW.saturating_sub(now.duration_since(usage.begun));
        let retry_after_seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        let over = |kind, limit: Option<u64>, used: u64| match limit {
            Some(limit) if used >= limit => Err(Exceeded { kind, limit, retry_after_seconds }),
            Some(_) | None => Ok(()),
        };
        over("tokens", limits.tokens, usage.tokens)?;
        over("requests", limits.requests, usage.requests)
    }

    /// Counts a call that was made.
    pub(super) fn count(&mut self, subject: &str, limits: Limits, tokens: u64, now: Instant) -> Left {
        let usage = self.usage(subject, now);
        usage.tokens = usage.tokens.saturating_add(tokens);
        usage.requests = usage.requests.saturating_add(1);
        Left {
            tokens: limits.tokens.map(|limit| limit.saturating_sub(usage.tokens)),
            requests: limits.requests.map(|limit| limit.saturating_sub(usage.requests)),
        }
    }

    fn usage(&mut self, subject: &str, now: Instant) -> &mut Usage {
        let usage = self.0.entry(subject.to_owned()).or_insert(Usage { begun: now, tokens: 0, requests: 0 });
        if now.duration_since(usage.begun) >= WINDOW {
            *usage = Usage { begun: now, tokens: 0, requests: 0 };
        }
        usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_limit_holds_for_a_minute_and_then_lets_go() {
        let limits = Limits { tokens: Some(60), requests: None };
        let mut meter = Meter::default();
        for expected in [30, 0] {
            meter.check("key", limits, Instant::now()).unwrap();
            assert_eq!(meter.count("key", limits, 30, Instant::now()).tokens, Some(expected));
        }
        let exceeded = meter.check("key", limits, Instant::now()).unwrap_err();
        assert_eq!((exceeded.kind, exceeded.limit, exceeded.retry_after_seconds), ("tokens", 60, 60));
        assert_eq!(meter.check("another key", limits, Instant::now()), Ok(()));
        assert_eq!(meter.check("key", Limits { tokens: Some(600), requests: None }, Instant::now()), Ok(()));
        tokio::time::advance(WINDOW).await;
        assert_eq!(meter.check("key", limits, Instant::now()), Ok(()));
    }
}
