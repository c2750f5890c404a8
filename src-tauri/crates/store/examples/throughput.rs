//! How fast the journal takes the events of a big run: `throughput [HOSTS] [STEPS] [APPEND]`.
//!
//! Writes a run over HOSTS hosts and STEPS steps into a temporary folder, APPEND records per call
//! and one line of output per attempt, and prints one JSON object.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measuring tool for developers")]

#[path = "../tests/store/course.rs"]
mod course;

use std::time::Instant;

use bytes::Bytes;
use course::{Course, plan};
use daytwo_engine::ports::{Journal, Outputs};
use daytwo_model::plan::Intent;
use daytwo_model::{Event, ProcessIdentity, RunOutcome, Stream, Timestamp};
use daytwo_store::{Options, Store};
use futures::StreamExt;

/// Output writes that wait at one time: as many hosts as write at one time.
const HOSTS_AT_ONCE: usize = 100;

#[tokio::main]
async fn main() {
    let mut sizes = std::env::args().skip(1).map(|size| size.parse::<u32>().unwrap());
    let hosts = sizes.next().unwrap_or(10_000);
    let steps = sizes.next().unwrap_or(5);
    let per_append = usize::try_from(sizes.next().unwrap_or(100)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options::default()).await.unwrap();
    let plan = plan("throughput", hosts, steps, Intent::Forward);
    let mut course = Course::open(1, &plan);
    let began = Instant::now();
    let fence = Journal::open(&*store, &plan, course.first()).await.unwrap();
    let open_ms = began.elapsed().as_millis();

    let mut records = vec![course.start()];
    for step in 0..steps {
        for host in 0..hosts {
            records.push(course.send(host, step));
            let process = ProcessIdentity { pid: host, ..ProcessIdentity::default() };
            records.push(course.then(Event::AttemptRunning { attempt: course.attempt(host, step), process }));
            records.push(course.finish(host, step, 0));
        }
    }
    records.extend(course.end(RunOutcome::Succeeded));
    let before = store.counters();
    let began = Instant::now();
    for chunk in records.chunks(per_append) {
        Journal::append(&*store, fence, chunk).await.unwrap();
    }
    let append = began.elapsed();
    let journal = store.counters();

    let began = Instant::now();
    let attempts = (0..steps).flat_map(|step| (0..hosts).map(move |host| (host, step)));
    futures::stream::iter(attempts)
        .map(|(host, step)| {
            let line = Bytes::from_static(b"active (running) since Mon 2026-11-23 03:04:05 UTC\n");
            Outputs::append(&*store, course.attempt(host, step), Stream::Stdout, Timestamp::EPOCH, line)
        })
        .buffer_unordered(HOSTS_AT_ONCE)
        .for_each(|written| async move { written.unwrap() })
        .await;
    let output = began.elapsed();
    let after = store.counters();

    let began = Instant::now();
    store.state_of(course.run).await.unwrap();
    let fold_ms = began.elapsed().as_millis();
    let began = Instant::now();
    store.outputs_of_step(course.run, 0).await.unwrap();
    let group_ms = began.elapsed().as_millis();
    store.close().await;
    let bytes: u64 = std::fs::metadata(dir.path().join(daytwo_store::DATABASE_FILE)).unwrap().len();
    let per_second = |count: u64, time: std::time::Duration| u128::from(count) * 1_000 / time.as_millis().max(1);
    println!(
        "{}",
        serde_json::json!({
            "hosts": hosts,
            "steps": steps,
            "open_ms": open_ms,
            "records": journal.records - before.records,
            "records_per_s": per_second(journal.records - before.records, append),
            "records_per_fsync": (journal.records - before.records) / (journal.commits - before.commits).max(1),
            "outputs_per_s": per_second(after.writes - journal.writes, output),
            "outputs_per_fsync": (after.writes - journal.writes) / (after.commits - journal.commits).max(1),
            "fold_ms": fold_ms,
            "group_ms": group_ms,
            "database_bytes": bytes,
            "database_bytes_per_record": bytes / journal.records.max(1),
        })
    );
}
