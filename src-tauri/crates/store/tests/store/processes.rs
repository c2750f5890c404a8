//! Several processes on one history, and what is left of one that was killed.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use daytwo_model::RunId;
use daytwo_store::{Driven, Store};
use uuid::Uuid;

use crate::kit::{append, begin, note, open, small_plan};

/// Tells a test binary that it is the child: the folder of the history.
const FOLDER: &str = "DAYTWO_STORE_TEST_FOLDER";
/// The number of the child's run, where it is not [`CHILDS_RUN`].
const NUMBER: &str = "DAYTWO_STORE_TEST_RUN";
/// The number of an only child's run.
const CHILDS_RUN: u128 = 7;
/// A child that is not killed stops by itself.
const CHILD_RECORDS_MAX: u32 = 20_000;

/// Not a test of its own: what a child process does. It appends for ever and prints the index of
/// each record after it was accepted.
#[tokio::test]
#[ignore = "run by the tests that start it as a process"]
async fn child_that_appends() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let number = std::env::var(NUMBER).ok().and_then(|number| number.parse().ok()).unwrap_or(CHILDS_RUN);
    let store = open(&folder).await;
    let (mut course, fence) = begin(&store, number, &small_plan(1)).await;
    append(&store, fence, &[course.send(0, 0)]).await.unwrap();
    for _ in 0..CHILD_RECORDS_MAX {
        let record = note(&mut course, "again");
        append(&store, fence, std::slice::from_ref(&record)).await.unwrap();
        println!("accepted {}", record.index);
    }
}

/// Not a test of its own: a process that wants an orphan, and tells whether it got it.
#[tokio::test]
#[ignore = "run by the tests that start it as a process"]
async fn child_that_takes_over() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let store = open(&folder).await;
    println!("accepted 0");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let got = store.take_over(childs_run()).await.unwrap();
    println!("accepted {}", if got.is_some() { 2 } else { 1 });
    // Alive until it is killed: a winner that went away would leave the run to the next.
    std::io::stdin().read_line(&mut line).unwrap();
}

struct Process {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Process {
    fn start(folder: &Path) -> Self {
        Self::of("processes::child_that_appends", folder, CHILDS_RUN)
    }

    fn of(test: &str, folder: &Path, number: u128) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env(FOLDER, folder)
            .env(NUMBER, number.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next index that it has accepted; none when it is gone.
    fn accepted(&mut self) -> Option<u64> {
        self.lines.by_ref().map_while(Result::ok).find_map(|line| line.strip_prefix("accepted ")?.parse().ok())
    }

    /// Lets a child go on that waits for a line.
    fn go_on(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"on\n").unwrap();
    }

    /// SIGKILL, and the last index that it told.
    fn kill(mut self) -> u64 {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::iter::from_fn(|| self.accepted()).last().unwrap_or(0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn childs_run() -> RunId {
    RunId::from_uuid(Uuid::from_u128(CHILDS_RUN << 64))
}

#[tokio::test]
async fn after_kill_9_everything_acknowledged_is_there_and_the_run_is_an_orphan() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut process = Process::start(dir.path());
    let mut told = 0;
    while told < 40 {
        told = process.accepted().unwrap();
    }
    let run = store.run(childs_run()).await.unwrap().unwrap();
    assert_eq!(run.driven, Driven::Elsewhere);
    assert_eq!(store.orphans().await.unwrap(), [], "its process is alive");
    assert_eq!(store.take_over(childs_run()).await.unwrap(), None);

    let told = told.max(process.kill());
    let state = store.state_of(childs_run()).await.unwrap();
    assert_eq!(state.in_flight(), 1, "what was sent is still unaccounted for, and says so");
    let run = store.run(childs_run()).await.unwrap().unwrap();
    assert!(run.records > told, "{} records, but {told} was acknowledged", run.records);
    assert_eq!(run.driven, Driven::Orphaned);
    assert_eq!(store.orphans().await.unwrap(), [childs_run()]);
    assert!(store.take_over(childs_run()).await.unwrap().is_some());
    assert_eq!(store.run(childs_run()).await.unwrap().unwrap().driven, Driven::Here);
}

#[tokio::test]
async fn two_processes_write_at_one_time_without_loss() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut process = Process::start(dir.path());
    process.accepted().unwrap();
    let (mut course, fence) = begin(&store, 1, &small_plan(1)).await;
    append(&store, fence, &[course.send(0, 0)]).await.unwrap();
    for _ in 0..50 {
        append(&store, fence, &[note(&mut course, "")]).await.unwrap();
    }
    // It goes on behind what it had written by now.
    let written = store.run(childs_run()).await.unwrap().unwrap().records;
    while process.accepted().unwrap() <= written {}
    process.kill();
    assert_eq!(store.records(course.run, 0, 100).await.unwrap(), course.records);
    store.state_of(childs_run()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_one_of_many_takes_an_orphan_over() {
    let dir = tempfile::tempdir().unwrap();
    let gone = open(dir.path()).await;
    let (mut course, fence) = begin(&gone, 1, &small_plan(1)).await;
    gone.close().await;

    let stores = futures::future::join_all((0..8).map(|_| open(dir.path()))).await;
    let tries = stores.iter().map(|store: &std::sync::Arc<Store>| store.take_over(course.run));
    let won: Vec<_> = futures::future::join_all(tries).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(won.iter().flatten().count(), 1, "{won:?}");

    let next = [course.send(0, 0)];
    for (store, won) in stores.iter().zip(&won) {
        assert!(store.orphans().await.unwrap().is_empty());
        assert!(append(store, fence, &next).await.is_err(), "the fence of the dead owner");
        let expected = if won.is_some() { Driven::Here } else { Driven::Elsewhere };
        assert_eq!(store.run(course.run).await.unwrap().unwrap().driven, expected);
    }
    let (winner, fence) = stores.iter().zip(&won).find_map(|(store, won)| Some((store, (*won)?))).unwrap();
    append(winner, fence, &next).await.unwrap();
}

fn run_of(number: u128) -> RunId {
    RunId::from_uuid(Uuid::from_u128(number << 64))
}

#[tokio::test]
async fn ten_processes_write_at_one_time_and_the_death_of_one_is_nobody_elses_loss() {
    const NUMBERS: std::ops::Range<u128> = 20..30;
    const KILLED: u128 = 23;
    let dir = tempfile::tempdir().unwrap();
    let window = open(dir.path()).await;
    let start = |number| (number, Process::of("processes::child_that_appends", dir.path(), number));
    let mut processes: Vec<(u128, Process)> = NUMBERS.map(start).collect();
    for (_, process) in &mut processes {
        process.accepted().unwrap();
    }
    let at = processes.iter().position(|(number, _)| *number == KILLED).unwrap();
    let told = processes.remove(at).1.kill();
    assert_eq!(window.orphans().await.unwrap(), [run_of(KILLED)]);
    assert!(window.run(run_of(KILLED)).await.unwrap().unwrap().records > told);
    assert!(window.take_over(run_of(KILLED)).await.unwrap().is_some());
    // The others go on meanwhile, each with the run that is its own.
    for (number, process) in &mut processes {
        let written = window.run(run_of(*number)).await.unwrap().unwrap();
        assert_eq!(written.driven, Driven::Elsewhere);
        assert_eq!(window.take_over(run_of(*number)).await.unwrap(), None);
        while process.accepted().unwrap() <= written.records {}
    }
    for (number, process) in processes {
        let told = process.kill();
        window.state_of(run_of(number)).await.unwrap();
        assert!(window.run(run_of(number)).await.unwrap().unwrap().records > told, "run {number} lost a record");
    }
    assert_eq!(window.orphans().await.unwrap().len(), 9);
}

#[tokio::test]
async fn of_ten_processes_that_want_an_orphan_exactly_one_gets_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut owner = Process::start(dir.path());
    owner.accepted().unwrap();
    let mut takers: Vec<Process> =
        (0..10).map(|_| Process::of("processes::child_that_takes_over", dir.path(), CHILDS_RUN)).collect();
    takers.iter_mut().for_each(|taker| assert_eq!(taker.accepted(), Some(0)));
    owner.kill();
    takers.iter_mut().for_each(Process::go_on);
    let got = takers.iter_mut().map(|taker| taker.accepted().unwrap()).filter(|said| *said == 2).count();
    assert_eq!(got, 1);
}
