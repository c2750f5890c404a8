//! What ends work in flight, and how hard.

use tokio_util::sync::CancellationToken;

/// Asks work to end: first by asking its processes (`terminate`), or at once (`kill`). What was asked
/// for harder is never asked for softer again.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    terminate: CancellationToken,
    kill: CancellationToken,
}

impl Cancel {
    /// Nothing is asked for yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for an end, not at once, when `token` is cancelled.
    #[must_use]
    pub fn ending_with(token: &CancellationToken) -> Self {
        Self { terminate: token.child_token(), kill: CancellationToken::new() }
    }

    /// One that is cancelled with this one, and alone without it.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { terminate: self.terminate.child_token(), kill: self.kill.child_token() }
    }

    /// Asks processes to end, then kills them.
    pub fn terminate(&self) {
        self.terminate.cancel();
    }

    /// Kills processes at once.
    pub fn kill(&self) {
        self.kill.cancel();
        self.terminate.cancel();
    }

    /// Whether an end was asked for, however hard.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.terminate.is_cancelled()
    }

    /// Whether it was asked for at once.
    #[must_use]
    pub fn is_kill(&self) -> bool {
        self.kill.is_cancelled()
    }

    /// When an end is asked for, however hard.
    pub async fn cancelled(&self) {
        self.terminate.cancelled().await;
    }

    /// When it is asked for at once.
    pub async fn killed(&self) {
        self.kill.cancelled().await;
    }

    /// For work that only knows one way to end.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.terminate.child_token()
    }

    /// The future's output, or none where an end was asked for before.
    pub async fn run_until_cancelled<F: Future>(&self, future: F) -> Option<F::Output> {
        self.terminate.run_until_cancelled(future).await
    }
}
