//! The engine's waits and limits. Each has a default that is a named constant with its reason.

use std::time::Duration;

/// Reading all secrets of a plan: long enough for a person to unlock a keyring.
pub const SECRETS_WAIT: Duration = Duration::from_secs(60);
/// One write to the journal. A local disk that needs longer is broken, not slow.
pub const JOURNAL_WAIT: Duration = Duration::from_secs(30);
/// One write of output, for the same reason.
pub const OUTPUT_WAIT: Duration = Duration::from_secs(30);
/// From telling an attempt to stop until the engine stops asking. The transport itself terminates,
/// kills and looks within about half of this.
pub const CANCEL_GRACE: Duration = Duration::from_secs(30);
/// One ask of a post-condition: a read, which either answers soon or is asked again.
pub const ASK_WAIT: Duration = Duration::from_secs(15);
/// Between two asks of a post-condition at first; doubles up to [`ASK_INTERVAL_MAX`].
pub const ASK_INTERVAL_FIRST: Duration = Duration::from_millis(250);
/// Between two asks of a post-condition at most: a settled answer is seen within 2 s.
pub const ASK_INTERVAL_MAX: Duration = Duration::from_secs(2);
/// After the journal failed: how long what is in flight is followed. Closing the connection would
/// end commands half-way, so they are given time to end by themselves.
pub const FOLLOW_WAIT: Duration = Duration::from_secs(600);
/// Output kept of one attempt. Beyond it, bytes are counted and dropped; the process goes on.
pub const OUTPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What can be tuned. [`Settings::default`] is right outside of tests.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is explained at the constant that is its default")]
pub struct Settings {
    pub secrets_wait: Duration,
    pub journal_wait: Duration,
    pub output_wait: Duration,
    pub cancel_grace: Duration,
    pub ask_wait: Duration,
    pub ask_interval_first: Duration,
    pub ask_interval_max: Duration,
    pub follow_wait: Duration,
    pub output_bytes_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            secrets_wait: SECRETS_WAIT,
            journal_wait: JOURNAL_WAIT,
            output_wait: OUTPUT_WAIT,
            cancel_grace: CANCEL_GRACE,
            ask_wait: ASK_WAIT,
            ask_interval_first: ASK_INTERVAL_FIRST,
            ask_interval_max: ASK_INTERVAL_MAX,
            follow_wait: FOLLOW_WAIT,
            output_bytes_max: OUTPUT_BYTES_MAX,
        }
    }
}
