//! Everything but HTTP that a run needs, in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use daytwo_engine::ports::{
    Cancel, Clock, Fence, Journal, Outputs, PortError, Ports, Secrets, Shell, ShellEnd, ShellEvent, ShellJob,
};
use daytwo_engine::{Settings, open};
use daytwo_http::{HttpOptions, HttpTransport};
use daytwo_model::plan::{Intent, Limits, PLAN_FORMAT, PlannedRunbook, PlannedStep};
use daytwo_model::{
    AttemptId, Digest, Endpoint, Host, HostName, Plan, Record, RunId, RunOutcome, RunState, RunbookName, SealedPlan,
    SecretName, SecretValue, Stream, Timestamp,
};
use tokio::sync::mpsc;
use uuid::Uuid;

#[derive(Default)]
struct World {
    records: Mutex<Vec<Record>>,
    told: Mutex<Vec<u8>>,
    ids: AtomicU64,
}

/// How a run ended, its state, and what its attempts told.
pub(crate) struct Ran {
    pub(crate) outcome: RunOutcome,
    pub(crate) state: RunState,
    pub(crate) told: String,
}

impl Ran {
    /// The words of the first host's steps.
    pub(crate) fn words(&self) -> Vec<&'static str> {
        let cells = (0..).map_while(|step| self.state.attempt(0, step));
        cells.map(|attempt| attempt.state.word()).collect()
    }
}

/// Runs these steps on one host, with real HTTP.
pub(crate) async fn run(steps: Vec<PlannedStep>, undo: bool) -> Ran {
    let plan = plan(steps, undo);
    let world = Arc::new(World { ids: AtomicU64::new(1), ..World::default() });
    let ports = Ports {
        clock: world.clone(),
        journal: world.clone(),
        outputs: world.clone(),
        secrets: world.clone(),
        shell: world.clone(),
        local: world.clone(),
        http: Arc::new(HttpTransport::new(&HttpOptions::default()).unwrap()),
    };
    let (driver, _handle) = open(plan.clone(), "ada".into(), ports, Settings::default()).unwrap();
    let outcome = driver.run().await.unwrap();
    let mut state = RunState::new(plan.plan());
    for record in world.records.lock().unwrap().iter() {
        state.apply(&record.event).unwrap();
    }
    let told = String::from_utf8(world.told.lock().unwrap().clone()).unwrap();
    Ran { outcome, state, told }
}

fn plan(steps: Vec<PlannedStep>, undo: bool) -> SealedPlan {
    let host = Host {
        name: HostName::new("gateway").unwrap(),
        endpoint: Endpoint::Simulated,
        labels: BTreeMap::new(),
        vars: BTreeMap::new(),
        source: "test".into(),
    };
    let plan = Plan {
        format: PLAN_FORMAT,
        runbook: PlannedRunbook {
            name: RunbookName::new("test").unwrap(),
            title: "Test".into(),
            digest: Digest::ZERO,
            text: String::new(),
            source: None,
        },
        called: Vec::new(),
        intent: if undo {
            Intent::Undo { of: RunId::from_uuid(Uuid::nil()), after: Vec::new() }
        } else {
            Intent::Forward
        },
        inputs: BTreeMap::new(),
        secrets: std::collections::BTreeSet::new(),
        selection: "all".into(),
        undecided: Vec::new(),
        hosts: vec![host],
        host_keys: BTreeMap::new(),
        gateways: None,
        batches: vec![vec![0]],
        limits: Limits::strict(1),
        steps,
        planned_at: Timestamp::EPOCH,
        planned_by: "test".into(),
    };
    SealedPlan::seal(plan).unwrap()
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    fn new_run(&self) -> RunId {
        RunId::from_uuid(Uuid::from_u128(0xA))
    }

    fn new_attempt(&self) -> AttemptId {
        AttemptId::from_uuid(Uuid::from_u128(u128::from(self.ids.fetch_add(1, Ordering::Relaxed))))
    }
}

#[async_trait]
impl Journal for World {
    async fn open(&self, _plan: &SealedPlan, first: &Record) -> Result<Fence, PortError> {
        self.records.lock().unwrap().push(first.clone());
        Ok(Fence { run: first.run, token: 1 })
    }

    async fn append(&self, _fence: Fence, records: &[Record]) -> Result<(), PortError> {
        self.records.lock().unwrap().extend_from_slice(records);
        Ok(())
    }
}

#[async_trait]
impl Outputs for World {
    async fn append(&self, _: AttemptId, _: Stream, _: Timestamp, bytes: Bytes) -> Result<(), PortError> {
        self.told.lock().unwrap().extend_from_slice(&bytes);
        Ok(())
    }
}

#[async_trait]
impl Secrets for World {
    async fn read(&self, _name: &SecretName) -> Result<Option<SecretValue>, PortError> {
        Ok(None)
    }
}

#[async_trait]
impl Shell for World {
    async fn run(&self, _: &Host, _: ShellJob, _: mpsc::Sender<ShellEvent>, _: Cancel) -> ShellEnd {
        ShellEnd::Refused { why: "there is no shell here".into() }
    }
}
