//! How fast one run goes over many hosts: the real engine and the real journal on disk, over hosts that answer at once.
//! `cargo xtask bench engine` builds it as it ships and says on which machine.
//!
//! What is left out is the network; what is left in is all that Daytwo itself does per attempt. Each size has a process
//! of its own, because a process keeps its largest memory for ever.

#![expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use daytwo_console::SystemClock;
use daytwo_demo::SimulatedFleet;
use daytwo_engine::ports::{
    Cancel, Http, HttpCall, HttpEnd, PortError, Ports, Secrets, Shell, ShellEnd, ShellEvent, ShellJob,
};
use daytwo_engine::{Settings, open};
use daytwo_model::{Exit, Host, ProcessIdentity, RunOutcome, SealedPlan, SecretName, SecretValue, Stream};
use daytwo_runbook::{Nowhere, PlanRequest, parse, plan};
use daytwo_store::{Counters, Options, Store};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How many hosts, each in a process of its own.
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
/// Of the fleet's names; it decides nothing here.
const SEED: u64 = 2;
/// A line of output, as a host would give it.
const OUTPUT: &[u8] = b"Linux edge 6.1.0-18-amd64 #1 SMP PREEMPT_DYNAMIC x86_64 GNU/Linux\n";
/// Four changes and a read; each change confirms its start, writes a line and ends well.
const RUNBOOK: &str = "
runbook: fan-out
title: Five steps on every host
summary: Four changes and a read on every host, all in one batch.
kind: operation
owner: bench
targets: role=edge
rollout: { batches: [100%], at_once: 500 }
steps:
  - { id: one, run: 'date +%s >>/var/lib/bench/one', undo: none }
  - { id: two, run: 'date +%s >>/var/lib/bench/two', undo: none }
  - { id: three, run: 'date +%s >>/var/lib/bench/three', undo: none }
  - { id: four, run: 'date +%s >>/var/lib/bench/four', undo: none }
  - { id: ask, run: uname -a, effect: read }
";

/// Every host at once: it starts, writes a line, and ends well.
struct Hosts;

#[async_trait]
impl Shell for Hosts {
    async fn run(&self, _host: &Host, _job: ShellJob, events: mpsc::Sender<ShellEvent>, _cancel: Cancel) -> ShellEnd {
        let process = ProcessIdentity { pid: 7, ..ProcessIdentity::default() };
        // A reader that is gone does not stop a host.
        let _ = events.send(ShellEvent::Started(process)).await;
        let _ = events.send(ShellEvent::Output(Stream::Stdout, OUTPUT.into())).await;
        ShellEnd::Exited(Exit::Code(0))
    }
}

/// There is nothing secret and no HTTP here.
struct Nobody;

#[async_trait]
impl Secrets for Nobody {
    async fn read(&self, _name: &SecretName) -> Result<Option<SecretValue>, PortError> {
        Ok(None)
    }
}

#[async_trait]
impl Http for Nobody {
    async fn call(&self, _call: HttpCall, _cancel: CancellationToken) -> HttpEnd {
        HttpEnd::Refused { why: "this run makes no HTTP calls".to_owned() }
    }
}

struct Round {
    attempts: usize,
    time: Duration,
    counters: Counters,
    journal_bytes: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1) {
        Some(hosts) => tokio::runtime::Runtime::new()?.block_on(measure(hosts.parse()?)),
        None => all_sizes(),
    }
}

fn all_sizes() -> Result<(), Box<dyn Error>> {
    println!("  five steps, 500 hosts at once, starts confirmed, output kept\n");
    println!("    hosts      time  attempts/s  records  fsyncs  records/fsync  journal  peak memory");
    for hosts in SIZES {
        let ended = Command::new(std::env::current_exe()?).arg(hosts.to_string()).status()?;
        if !ended.success() {
            return Err(format!("{hosts} hosts: {ended}").into());
        }
    }
    Ok(())
}

async fn measure(hosts: usize) -> Result<(), Box<dyn Error>> {
    let round = round(hosts).await?;
    let Counters { records, commits, .. } = round.counters;
    println!(
        "  {hosts:>7}  {:>5} ms  {:>10}  {records:>7}  {commits:>6}  {:>13}  {:>4} MB  {:>8} MB",
        round.time.as_millis(),
        round.attempts as u128 * 1_000_000 / round.time.as_micros().max(1),
        records / commits.max(1),
        round.journal_bytes / 1_000_000,
        peak_memory_kib().map_or(0, |kib| kib * 1024 / 1_000_000),
    );
    Ok(())
}

async fn round(hosts: usize) -> Result<Round, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path(), Options::default()).await?;
    let before = store.counters();
    let shell = Arc::new(Hosts);
    let ports = Ports {
        clock: Arc::new(SystemClock),
        journal: store.clone(),
        outputs: store.clone(),
        secrets: Arc::new(Nobody),
        shell: shell.clone(),
        local: shell,
        http: Arc::new(Nobody),
    };
    let plan = sealed_plan(hosts)?;
    let attempts = plan.plan().hosts.len() * plan.plan().steps.len();
    let (driver, _handle) = open(plan, "bench".to_owned(), ports, Settings::default())?;
    let started = Instant::now();
    // As the console does it: on a worker of the runtime.
    let mut driving = JoinSet::new();
    driving.spawn(driver.run());
    let outcome = driving.join_next().await.ok_or("the run was not driven")???;
    let time = started.elapsed();
    if outcome != RunOutcome::Succeeded {
        return Err(format!("the run ended as {outcome:?}").into());
    }
    let now = store.counters();
    store.close().await;
    let counters = Counters { commits: now.commits - before.commits, records: now.records - before.records, ..now };
    Ok(Round { attempts, time, counters, journal_bytes: size_of_files(folder.path())? })
}

fn sealed_plan(hosts: usize) -> Result<SealedPlan, Box<dyn Error>> {
    let fleet = SimulatedFleet::builder(SEED).hosts(hosts)?.build();
    let runbook = parse("fan-out.yaml", RUNBOOK)?;
    let request = PlanRequest {
        inputs: Default::default(),
        selection: None,
        fleet: fleet.hosts(),
        surroundings: &Nowhere,
        source: None,
        by: "bench".to_owned(),
        at: SystemClock.now(),
        when_reachable: daytwo_runbook::WhenReachable::default(),
    };
    Ok(plan(&runbook, &request)?)
}

fn size_of_files(folder: &Path) -> std::io::Result<u64> {
    std::fs::read_dir(folder)?.map(|entry| Ok(entry?.metadata()?.len())).sum()
}

/// The kernel's own figure; elsewhere than on Linux there is none without a library.
fn peak_memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
