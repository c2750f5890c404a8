//! How values stand in columns: SQLite knows signed integers and text only.

use daytwo_model::{Digest, RunOutcome, RunStatus, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// A count or an index as a column. Values beyond `i64::MAX` cannot occur: they count bytes and rows.
pub(crate) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A column as a count or an index; this crate writes no negative ones.
pub(crate) fn uint(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// A column as a host's or step's index.
pub(crate) fn index(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The length of something in memory.
pub(crate) fn length(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// A column as a moment.
pub(crate) fn moment(value: Option<i64>) -> Option<Timestamp> {
    value.map(Timestamp::from_unix_ms)
}

/// A value as JSON text.
pub(crate) fn json<T: Serialize + ?Sized>(what: &'static str, value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|source| Error::Unwritable { what, source })
}

/// A value from JSON text that this crate wrote.
pub(crate) fn from_json<T: DeserializeOwned>(what: impl FnOnce() -> String, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|source| Error::Unreadable { what: what(), source })
}

/// A value from the bare word that its JSON string holds.
pub(crate) fn from_word<T: DeserializeOwned>(what: impl FnOnce() -> String, word: &str) -> Result<T, Error> {
    serde_json::from_value(serde_json::Value::from(word)).map_err(|source| Error::Unreadable { what: what(), source })
}

/// The bare word of an enum that is written as a JSON string.
pub(crate) fn word<T: Serialize>(what: &'static str, value: &T) -> Result<String, Error> {
    let text = json(what, value)?;
    Ok(text.trim_matches('"').to_owned())
}

/// A digest from a column.
pub(crate) fn digest(what: impl FnOnce() -> String, text: &str) -> Result<Digest, Error> {
    text.parse().map_err(|source| Error::Undigested { what: what(), source })
}

/// Status and outcome of a run as two columns.
pub(crate) fn status_columns(status: RunStatus) -> Result<(&'static str, Option<String>), Error> {
    Ok(match status {
        RunStatus::Running => ("running", None),
        RunStatus::Cancelling => ("cancelling", None),
        RunStatus::Interrupted => ("interrupted", None),
        RunStatus::Ended { outcome } => ("ended", Some(word("an outcome", &outcome)?)),
    })
}

/// Status of a run from its two columns.
pub(crate) fn status(run: &str, status: &str, outcome: Option<&str>) -> Result<RunStatus, Error> {
    let outcome: Option<RunOutcome> =
        outcome.map(|outcome| from_word(|| format!("the outcome of run {run}"), outcome)).transpose()?;
    let document = match outcome {
        Some(outcome) => serde_json::json!({ "status": status, "outcome": outcome }),
        None => serde_json::json!({ "status": status }),
    };
    serde_json::from_value(document)
        .map_err(|source| Error::Unreadable { what: format!("the status of run {run}"), source })
}
