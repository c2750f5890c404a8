//! What a simulated host answers, and how its end is seen.

use std::time::Duration;

use bytes::Bytes;
use daytwo_model::Exit;

/// How a simulated job ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Its end is seen.
    Exit(Exit),
    /// It starts, and its end is not seen.
    Unseen(String),
    /// No connection.
    Unreachable(String),
    /// Refused before it starts.
    Refused(String),
    /// It goes on until it is cancelled.
    Never,
    /// It goes on, and cancelling it is not seen to work.
    NeverAndIgnoresCancel,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Shortest and longest time until it ends; the seed decides in between.
    pub(super) delay: (Duration, Duration),
    pub(super) stdout: Bytes,
    pub(super) stderr: Bytes,
    pub(super) end: End,
}

impl Reply {
    /// Ends at once, without output.
    #[must_use]
    pub fn ends(end: End) -> Self {
        Self { delay: (Duration::ZERO, Duration::ZERO), stdout: Bytes::new(), stderr: Bytes::new(), end }
    }

    /// Exit code 0 with this output.
    #[must_use]
    pub fn ok(stdout: impl Into<String>) -> Self {
        Self { stdout: Bytes::from(stdout.into()), ..Self::ends(End::Exit(Exit::Code(0))) }
    }

    /// This exit code, with this on standard error.
    #[must_use]
    pub fn fails(code: i32, stderr: impl Into<String>) -> Self {
        Self { stderr: Bytes::from(stderr.into()), ..Self::ends(End::Exit(Exit::Code(code))) }
    }

    /// No connection.
    #[must_use]
    pub fn unreachable(why: impl Into<String>) -> Self {
        Self::ends(End::Unreachable(why.into()))
    }

    /// After this time.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        self.between(delay, delay)
    }

    /// After a time between these, by the seed.
    #[must_use]
    pub fn between(mut self, least: Duration, most: Duration) -> Self {
        self.delay = (least, most);
        self
    }

    /// With this on standard output.
    #[must_use]
    pub fn stdout(mut self, text: impl Into<String>) -> Self {
        self.stdout = Bytes::from(text.into());
        self
    }

    /// With this on standard error.
    #[must_use]
    pub fn stderr(mut self, text: impl Into<String>) -> Self {
        self.stderr = Bytes::from(text.into());
        self
    }

    /// Whether something is started there.
    pub(super) const fn reaches_the_host(&self) -> bool {
        !matches!(self.end, End::Unreachable(_) | End::Refused(_))
    }
}
