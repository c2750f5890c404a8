//! A run that is being written: its state and its last record, kept at hand between commits.

use daytwo_model::{Record, RunState, RunStatus};
use sqlx::SqliteConnection;

use crate::error::Error;
use crate::read::journal::{self, RunRow};

/// What is known of a run whose journal is being written.
#[derive(Debug)]
pub(crate) struct Live {
    pub(super) state: RunState,
    pub(super) head: Record,
}

impl Live {
    /// Folds the run's records; fails where they are not an unbroken, legal history.
    pub(super) async fn load(connection: &mut SqliteConnection, row: &RunRow) -> Result<Self, Error> {
        let (state, head) = journal::fold(connection, row).await?;
        Ok(Self { state, head })
    }

    /// Whether more records may follow soon.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state.status(), Some(RunStatus::Running | RunStatus::Cancelling | RunStatus::Interrupted))
    }
}
