//! How fast one run goes over many hosts: the real engine and the real journal on disk, over hosts that answer at once.
//! `cargo xtask bench fanout` builds it as it ships and says on which machine.
//!
//! What is left out is the network; what is left in is all that Daytwo itself does per attempt.

#![expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use daytwo_console::SystemClock;
use daytwo_demo::SimulatedFleet;
use daytwo_demo::simulated::Reply;
use daytwo_engine::ports::{Http, HttpCall, HttpEnd, PortError, Ports, Secrets};
use daytwo_engine::{Settings, open};
use daytwo_model::{RunOutcome, SealedPlan, SecretName, SecretValue};
use daytwo_runbook::{Nowhere, PlanRequest, parse, plan};
use daytwo_store::{Counters, Options, Store};
use tokio_util::sync::CancellationToken;

/// Hosts of the first benchmark.
const HOSTS: usize = 1_000;
/// Each on a fresh journal; what they differ by is the noise of the machine.
const ROUNDS: usize = 3;
/// Of the simulated fleet; it decides nothing here.
const SEED: u64 = 2;
/// A line of output, as a host would give it.
const OUTPUT: &str = "Linux edge 6.1.0-18-amd64 #1 SMP PREEMPT_DYNAMIC x86_64 GNU/Linux\n";
const RUNBOOK: &str = "
runbook: fan-out
title: Ask every host
summary: One read on every host, all in one batch.
kind: diagnostic
owner: bench
targets: role=edge
rollout: { batches: [100%], at_once: 200 }
steps:
  - id: ask
    run: uname -a
    effect: read
";

/// There is nothing secret and no HTTP in a fan-out.
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
        HttpEnd::Refused { why: "a fan-out makes no HTTP calls".to_owned() }
    }
}

struct Round {
    time: Duration,
    counters: Counters,
    journal_bytes: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let fleet = Arc::new(SimulatedFleet::builder(SEED).hosts(HOSTS)?.otherwise(Reply::ok(OUTPUT)).build());
    println!("  {HOSTS} in-memory hosts, 1 step, 200 at once, {ROUNDS} rounds\n");
    println!("  round      time  attempts/s  records  fsyncs  records/fsync  journal");
    for number in 1..=ROUNDS {
        let round = round(&fleet).await?;
        println!("{}", line(number, &round));
    }
    if let Some(kib) = peak_memory_kib() {
        println!("\n  peak memory {} MB", kib * 1024 / 1_000_000);
    }
    Ok(())
}

async fn round(fleet: &Arc<SimulatedFleet>) -> Result<Round, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path(), Options::default()).await?;
    let before = store.counters();
    let ports = Ports {
        clock: Arc::new(SystemClock),
        journal: store.clone(),
        outputs: store.clone(),
        secrets: Arc::new(Nobody),
        shell: fleet.clone(),
        local: fleet.clone(),
        http: Arc::new(Nobody),
    };
    let (driver, _handle) = open(sealed_plan(fleet)?, "bench".to_owned(), ports, Settings::default())?;
    let started = Instant::now();
    let outcome = driver.run().await?;
    let time = started.elapsed();
    if outcome != RunOutcome::Succeeded {
        return Err(format!("the run ended as {outcome:?}").into());
    }
    let now = store.counters();
    store.close().await;
    let counters = Counters { commits: now.commits - before.commits, records: now.records - before.records, ..now };
    Ok(Round { time, counters, journal_bytes: size_of_files(folder.path())? })
}

fn sealed_plan(fleet: &SimulatedFleet) -> Result<SealedPlan, Box<dyn Error>> {
    let runbook = parse("fan-out.yaml", RUNBOOK)?;
    let request = PlanRequest {
        inputs: Default::default(),
        selection: None,
        fleet: fleet.hosts(),
        surroundings: &Nowhere,
        source: None,
        by: "bench".to_owned(),
        at: SystemClock.now(),
    };
    Ok(plan(&runbook, &request)?)
}

fn line(number: usize, round: &Round) -> String {
    let Round { time, counters, journal_bytes } = round;
    let per_second = u128::try_from(HOSTS).unwrap_or_default() * 1_000_000 / time.as_micros().max(1);
    let per_commit = counters.records / counters.commits.max(1);
    format!(
        "  {number:>5}  {:>5} ms  {per_second:>10}  {:>7}  {:>6}  {per_commit:>13}  {:>4} kB",
        time.as_millis(),
        counters.records,
        counters.commits,
        journal_bytes / 1000,
    )
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
