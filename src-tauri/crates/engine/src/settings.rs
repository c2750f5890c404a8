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
/// No output for this long is noted, with what the host says of the job's processes. Long enough that a
/// package manager which downloads does not cry wolf.
pub const SILENCE_AFTER: Duration = Duration::from_secs(60);
/// From a lost connection until the host is asked again, at first; doubles up to [`REATTACH_PAUSE_MAX`].
pub const REATTACH_PAUSE_FIRST: Duration = Duration::from_secs(1);
/// Between two times that a host out of sight is asked: it is seen again soon after it is back.
pub const REATTACH_PAUSE_MAX: Duration = Duration::from_secs(15);
/// Past a step's own deadline: how long a host that is out of sight is still asked what became of it. A
/// reboot or a new route takes less; after it the end is unknown, and can be asked for again at any time.
pub const OUT_OF_SIGHT_WAIT: Duration = Duration::from_secs(180);
/// Asking one host, after the run's end or after its own was not seen, what became of an attempt: a person waits
/// for the answer.
pub const ASK_AGAIN_WAIT: Duration = Duration::from_secs(60);
/// From an end that was not seen until the host is asked again while the run goes on, at first; doubles up to
/// [`UNKNOWN_ASKED_MAX`]. Whoever waits with a question about it waits for minutes anyway.
pub const UNKNOWN_ASKED_FIRST: Duration = Duration::from_secs(30);
/// Between two such asks at most, each of [`ASK_AGAIN_WAIT`] at most: a host that is back is known to be within
/// minutes, and one that never comes back costs a few tries to connect in that time.
pub const UNKNOWN_ASKED_MAX: Duration = Duration::from_secs(300);
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
    pub silence_after: Duration,
    pub reattach_pause_first: Duration,
    pub reattach_pause_max: Duration,
    pub out_of_sight_wait: Duration,
    pub ask_again_wait: Duration,
    pub unknown_asked_first: Duration,
    pub unknown_asked_max: Duration,
    /// Whether hosts are asked about ends that were not seen while the run goes on, and before one is taken up; not
    /// only after its end. Off: of some ten thousand random courses with an end that is found out late, one comes to
    /// no legal end (`tests/machine/invariants.rs`), and a run that stops is worse than one that says "unknown".
    pub asks_unknown_in_run: bool,
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
            silence_after: SILENCE_AFTER,
            reattach_pause_first: REATTACH_PAUSE_FIRST,
            reattach_pause_max: REATTACH_PAUSE_MAX,
            out_of_sight_wait: OUT_OF_SIGHT_WAIT,
            ask_again_wait: ASK_AGAIN_WAIT,
            unknown_asked_first: UNKNOWN_ASKED_FIRST,
            unknown_asked_max: UNKNOWN_ASKED_MAX,
            asks_unknown_in_run: false,
            output_bytes_max: OUTPUT_BYTES_MAX,
        }
    }
}
