//! Time per event does not grow with the fleet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use daytwo_engine::ports::{
    Cancel, Clock, Fence, Http, HttpCall, HttpEnd, Journal, Outputs, PortError, Ports, Secrets, Shell, ShellEnd,
    ShellEvent, ShellJob,
};
use daytwo_engine::{Settings, open};
use daytwo_model::{
    AttemptId, Exit, Host, Record, RunId, RunOutcome, SealedPlan, SecretName, SecretValue, Stream, Timestamp,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{plan, seal, steps};

/// Ports that do next to nothing, so that what is measured is the engine.
#[derive(Default)]
struct Nothing(AtomicU64);

impl Clock for Nothing {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    fn new_run(&self) -> RunId {
        RunId::from_uuid(Uuid::nil())
    }

    fn new_attempt(&self) -> AttemptId {
        AttemptId::from_uuid(Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed))))
    }
}

#[async_trait]
impl Journal for Nothing {
    async fn open(&self, _plan: &SealedPlan, first: &Record) -> Result<Fence, PortError> {
        Ok(Fence { run: first.run, token: 1 })
    }

    async fn append(&self, _fence: Fence, _records: &[Record]) -> Result<(), PortError> {
        Ok(())
    }
}

#[async_trait]
impl Outputs for Nothing {
    async fn append(&self, _: AttemptId, _: Stream, _: Timestamp, _: Bytes) -> Result<(), PortError> {
        Ok(())
    }
}

#[async_trait]
impl Secrets for Nothing {
    async fn read(&self, _name: &SecretName) -> Result<Option<SecretValue>, PortError> {
        Ok(None)
    }
}

#[async_trait]
impl Shell for Nothing {
    async fn run(&self, _host: &Host, _job: ShellJob, events: mpsc::Sender<ShellEvent>, _cancel: Cancel) -> ShellEnd {
        let _ = events.send(ShellEvent::Output(Stream::Stdout, Bytes::from_static(b"ok\n"))).await;
        ShellEnd::Exited(Exit::Code(0))
    }
}

#[async_trait]
impl Http for Nothing {
    async fn call(&self, _call: HttpCall, _cancel: CancellationToken) -> HttpEnd {
        HttpEnd::answered(200, Bytes::new())
    }
}

/// The bound is generous, so that a busy machine passes it: with a scan of all hosts per event,
/// the larger fleet would take a hundred times as long, not ten.
#[tokio::test]
async fn ten_times_the_hosts_take_about_ten_times_as_long() {
    let small = time(200).await;
    let large = time(2000).await;
    println!("5 steps each: 200 hosts in {small:?}, 2000 hosts in {large:?}");
    assert!(large < small * 40, "{small:?} for 200 hosts, {large:?} for 2000");
}

async fn time(hosts: u32) -> Duration {
    let mut plan = plan(hosts, &[1, hosts - 1], steps(hosts, 5));
    plan.limits.hosts_at_once_max = 200;
    let plan = seal(plan);
    let ports = Arc::new(Nothing::default());
    let ports = Ports {
        clock: ports.clone(),
        journal: ports.clone(),
        outputs: ports.clone(),
        secrets: ports.clone(),
        shell: ports.clone(),
        local: ports.clone(),
        http: ports,
    };
    let start = Instant::now();
    let (driver, _handle) = open(plan, "ada".into(), ports, Settings::default()).unwrap();
    assert_eq!(driver.run().await.unwrap(), RunOutcome::Succeeded);
    start.elapsed()
}
