//! What the disk may do to a history: a log that was cut anywhere, and writes that fail half-way.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use daytwo_model::RunId;
use daytwo_store::{DATABASE_FILE, Driven};
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use uuid::Uuid;

use crate::course::Course;
use crate::kit::{append, begin, note, open, small_plan};

/// From <https://sqlite.org/fileformat2.html#the_write_ahead_log>.
const WAL_HEADER_BYTES: usize = 32;
/// A frame: its header and a page.
const FRAME_BYTES: usize = 24 + 4096;

/// The log's file.
fn wal(dir: &Path) -> PathBuf {
    dir.join(format!("{DATABASE_FILE}-wal"))
}

/// The last record that is there, read without the store: a thousand times in a row, so it has to be quick.
async fn head(dir: &Path) -> i64 {
    let options = SqliteConnectOptions::new().filename(dir.join(DATABASE_FILE)).disable_statement_logging();
    let options = options.synchronous(SqliteSynchronous::Off);
    let mut connection = options.connect().await.unwrap();
    let (head, records): (i64, i64) = sqlx::query_as("SELECT head_index, (SELECT max(idx) FROM records) FROM runs")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    assert_eq!(head, records, "head and records are one transaction");
    head
}

/// A history as a machine that lost its power has it: its files, of which the log ends with one more record.
struct PulledPlug {
    course: Course,
    database: Vec<u8>,
    log: Vec<u8>,
    /// Where in the log the last record begins.
    before: usize,
    /// The index of the last record.
    last: i64,
}

impl PulledPlug {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await;
        let (mut course, fence) = begin(&store, 1, &small_plan(1)).await;
        append(&store, fence, &[course.send(0, 0)]).await.unwrap();
        let before = std::fs::read(wal(dir.path())).unwrap().len();
        append(&store, fence, &[note(&mut course, "the last record")]).await.unwrap();
        // While the store is open: closing it would move the log into the database.
        let database = std::fs::read(dir.path().join(DATABASE_FILE)).unwrap();
        let log = std::fs::read(wal(dir.path())).unwrap();
        assert!(before > WAL_HEADER_BYTES && log.len() > before, "the last record is at the end of the log");
        let last = i64::try_from(course.records.len()).unwrap() - 1;
        Self { course, database, log, before, last }
    }

    /// The files with another log.
    fn lay_out(&self, dir: &Path, log: &[u8]) {
        std::fs::write(dir.join(DATABASE_FILE), &self.database).unwrap();
        std::fs::write(wal(dir), log).unwrap();
        drop(std::fs::remove_file(dir.join(format!("{DATABASE_FILE}-shm"))));
    }
}

#[tokio::test]
async fn a_log_that_is_cut_at_any_byte_of_its_last_record_is_the_history_before_it() {
    let pulled = PulledPlug::new().await;
    let PulledPlug { course, log, before, last, .. } = &pulled;
    let (before, last) = (*before, *last);
    let torn = tempfile::tempdir().unwrap();
    let mut whole = 0;
    // Every byte of the frame that commits, and places in the frames before it.
    let commits = log.len() - FRAME_BYTES;
    for cut in (before..commits).step_by(509).chain(commits..=log.len()) {
        pulled.lay_out(torn.path(), &log[..cut]);
        // All frames but the last byte are as good as none: the transaction is there whole, or not at all.
        let is_whole = cut == log.len();
        whole += u32::from(is_whole);
        // The store itself at some places, in a frame's header and in its page: it takes longer.
        let place = (cut - before) % FRAME_BYTES;
        if place.is_multiple_of(512) || place == 7 || is_whole {
            let store = open(torn.path()).await;
            let state = store.state_of(course.run).await.unwrap();
            assert_eq!(state.in_flight(), 1);
            let records = store.records(course.run, 0, 100).await.unwrap();
            assert_eq!(records, course.records[..records.len()]);
            assert_eq!(records.len() == course.records.len(), is_whole, "cut at {cut}");
            assert!(store.take_over(course.run).await.unwrap().is_some(), "it can be gone on with");
            store.close().await;
        } else {
            assert_eq!(head(torn.path()).await, last - i64::from(!is_whole), "cut at {cut} of {}", log.len());
        }
    }
    assert_eq!(whole, 1);
}

#[tokio::test]
async fn a_log_that_was_damaged_in_its_last_record_is_the_history_before_it() {
    let pulled = PulledPlug::new().await;
    let PulledPlug { log, before, last, .. } = &pulled;
    let torn = tempfile::tempdir().unwrap();
    for place in (*before..log.len()).step_by(97) {
        let mut damaged = log.clone();
        damaged[place] ^= 0x20;
        pulled.lay_out(torn.path(), &damaged);
        assert_eq!(head(torn.path()).await, last - 1, "damaged at {place}");
    }
}

/// Tells a test binary that it is the child: the folder of the history.
const FOLDER: &str = "DAYTWO_STORE_TEST_LIMITED";
/// The number of the child's run.
const CHILDS_RUN: u128 = 7;

/// Not a test of its own: what a process does whose files may not grow any further. It appends until that fails,
/// and then tries once more; it prints what was accepted and how it failed.
#[tokio::test]
#[ignore = "run by the test that starts it as a process"]
async fn child_that_fills_the_disk() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let store = open(&folder).await;
    let (mut course, fence) = begin(&store, CHILDS_RUN, &small_plan(1)).await;
    append(&store, fence, &[course.send(0, 0)]).await.unwrap();
    let long = "because ".repeat(2_000);
    for _ in 0..1_000 {
        let record = note(&mut course, &long);
        match append(&store, fence, std::slice::from_ref(&record)).await {
            Ok(()) => println!("accepted {}", record.index),
            Err(error) => {
                println!("failed {error}");
                // The same record again: what failed is not there, so it would follow.
                if let Err(error) = append(&store, fence, std::slice::from_ref(&record)).await {
                    println!("failed again {error}");
                }
                return;
            }
        }
    }
}

/// A write that the system refuses in its middle, as a dying disk does: `RLIMIT_FSIZE` with the signal ignored
/// is `EFBIG`, which SQLite tells as `SQLITE_IOERR`.
#[cfg(unix)]
#[tokio::test]
async fn a_write_that_fails_half_way_is_not_there_and_everything_accepted_before_is() {
    for blocks in ["1200", "2000", "2777"] {
        let dir = tempfile::tempdir().unwrap();
        let out = Command::new("sh")
            .args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"", "sh", blocks])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "disk::child_that_fills_the_disk", "--ignored", "--nocapture"])
            .env(FOLDER, dir.path())
            .stderr(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        let accepted = said.lines().filter_map(|line| line.split("accepted ").nth(1)?.parse::<u64>().ok()).max();
        let failed = said.lines().find_map(|line| line.split("failed ").nth(1));
        assert!(failed.is_some_and(|why| why.contains("nothing of it was kept")), "{blocks}: {said}");

        let run = RunId::from_uuid(Uuid::from_u128(CHILDS_RUN << 64));
        let store = open(dir.path()).await;
        let summary = store.run(run).await.unwrap().unwrap();
        assert_eq!(summary.driven, Driven::Orphaned);
        assert_eq!(summary.records - 1, accepted.unwrap_or(2), "{blocks}: {said}");
        assert_eq!(store.state_of(run).await.unwrap().in_flight(), 1, "what was sent is still unaccounted for");
        assert!(store.take_over(run).await.unwrap().is_some());
    }
}
