//! Runs that are made of an earlier one: what their plans were made from must still be so when they are opened.
//!
//! Two undos that were planned before either began would both send every inverse. So a plan names the runs that
//! it knew of, and the transaction that opens it, which no other can come between, looks for others. It looks at the
//! whole family: what undoes the run that another went on from, takes away what that one stands on.

use daytwo_model::{RunId, Timestamp};
use sqlx::{FromRow, SqliteConnection};

use super::NewRun;
use super::group::Failure;
use crate::column::from_word;
use crate::error::Error;
use crate::read::made_of::of_made;
use crate::read::runs::Part;

#[derive(FromRow)]
struct Made {
    id: String,
    undo_of: Option<String>,
    status: String,
    opened_at: i64,
}

/// Whether a new run may be opened, given what was made of the same run, or beside that, before it.
pub(super) async fn check(connection: &mut SqliteConnection, new: &NewRun) -> Result<(), Failure> {
    let Some(of) = new.undo_of.or(new.part_of.map(|(of, _)| of)) else { return Ok(()) };
    let is_late = matches!(new.part_of, Some((_, Part::Late)));
    let status: Option<String> = sqlx::query_scalar("SELECT status FROM runs WHERE id = ?1")
        .bind(of.to_string())
        .fetch_optional(&mut *connection)
        .await?;
    if status.is_some_and(|status| status != "ended") {
        return Err(Error::NotOver { run: of, made: of }.into());
    }
    let made: Vec<Made> =
        sqlx::query_as(of_made!("SELECT id, undo_of, status, opened_at FROM runs WHERE id IN made ORDER BY key"))
            .bind(of.to_string())
            .fetch_all(&mut *connection)
            .await?;
    for row in made {
        let made: RunId = from_word(|| format!("run {}", row.id), &row.id)?;
        let at = Timestamp::from_unix_ms(row.opened_at);
        match is_late {
            // Late deliveries are kept apart by the hosts that wait; what was taken back is not delivered.
            true if row.undo_of.as_deref() == Some(of.to_string().as_str()) => {
                return Err(Error::Overtaken { run: of, by: made, at }.into());
            }
            true => {}
            false if !new.after.contains(&made) => return Err(Error::Overtaken { run: of, by: made, at }.into()),
            false if row.status != "ended" => return Err(Error::NotOver { run: of, made }.into()),
            false => {}
        }
    }
    Ok(())
}
