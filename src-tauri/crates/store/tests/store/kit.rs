//! A store in a folder of its own, and ways around it.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use daytwo_engine::ports::{Fence, Journal, Outputs, PortError};
use daytwo_model::plan::Intent;
use daytwo_model::{AttemptId, Event, Note, Record, SealedPlan, Stream, Timestamp};
use daytwo_store::{DATABASE_FILE, Options, Store};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};

use crate::course::{Course, plan};

pub(crate) async fn open(dir: &Path) -> Arc<Store> {
    Store::open(dir, Options::default()).await.unwrap()
}

/// A plan with one step.
pub(crate) fn small_plan(hosts: u32) -> SealedPlan {
    plan("restart-service", hosts, 1, Intent::Forward)
}

/// A run that is opened, with its batch started.
pub(crate) async fn begin(store: &Store, number: u128, plan: &SealedPlan) -> (Course, Fence) {
    let mut course = Course::open(number, plan);
    let fence = Journal::open(store, plan, course.first()).await.unwrap();
    append(store, fence, &[course.start()]).await.unwrap();
    (course, fence)
}

pub(crate) async fn append(store: &Store, fence: Fence, records: &[Record]) -> Result<(), PortError> {
    Journal::append(store, fence, records).await
}

pub(crate) async fn write(store: &Store, attempt: AttemptId, stream: Stream, bytes: &[u8]) -> Result<(), PortError> {
    Outputs::append(store, attempt, stream, Timestamp::EPOCH, Bytes::copy_from_slice(bytes)).await
}

/// A connection that goes around the store.
pub(crate) async fn around(dir: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(dir.join(DATABASE_FILE)).connect().await.unwrap()
}

/// Something about an attempt in flight that may be said again and again.
pub(crate) fn note(course: &mut Course, known: &str) -> Record {
    let attempt = course.attempt(0, 0);
    course.then(Event::AttemptNoted { attempt, note: Note::Silent { ms: 1_000, known: known.into() } })
}
