//! The family of a run: the first run that it comes from, and all that undo it or do a part of it again.
//!
//! A run that was made of another stands on that one, so an undo of that one is as much a part of its past as an
//! undo of itself.

use daytwo_model::RunId;

use super::runs::{RunSummary, SummaryColumns};
use crate::error::Error;
use crate::store::Store;

/// A question about `made` for the run `?1`: the ids of all of its family that came after it or are not over, without itself
/// and the runs that it was made of.
macro_rules! of_made {
    ($question:literal) => {
        concat!(
            "WITH RECURSIVE above (id) AS ( \
             SELECT ?1 UNION SELECT coalesce(r.undo_of, r.part_of) FROM above JOIN runs AS r ON r.id = above.id \
             WHERE coalesce(r.undo_of, r.part_of) IS NOT NULL), \
             family (id) AS ( \
             SELECT id FROM above UNION SELECT r.id FROM family JOIN runs AS r ON r.undo_of = family.id \
             UNION SELECT r.id FROM family JOIN runs AS r ON r.part_of = family.id), \
             made (id) AS ( \
             SELECT r.id FROM family JOIN runs AS r ON r.id = family.id \
             WHERE r.id NOT IN (SELECT id FROM above) \
             AND (r.status <> 'ended' OR r.key > coalesce((SELECT key FROM runs WHERE id = ?1), 0))) ",
            $question
        )
    };
}
pub(crate) use of_made;

impl Store {
    /// Every run that was made since of a run or of what that was made of, directly or not, the oldest first; and
    /// with them those that were made before it and are not over. What each was made of stands in it.
    pub async fn made_since(&self, run: RunId) -> Result<Vec<RunSummary>, Error> {
        let rows: Vec<SummaryColumns> =
            sqlx::query_as(of_made!("SELECT * FROM run_summaries WHERE id IN made ORDER BY key"))
                .bind(run.to_string())
                .fetch_all(self.readers())
                .await
                .map_err(Error::read)?;
        rows.into_iter().map(|row| row.summary(self.owner())).collect()
    }
}
