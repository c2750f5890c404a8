//! A run as the engine would write it: a plan, and records that follow each other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use daytwo_model::plan::{Action, Effect, Intent, Limits, PLAN_FORMAT, PerHost, PlannedRunbook, PlannedStep, WayBack};
use daytwo_model::{
    AttemptId, Digest, Endpoint, Event, Exit, Host, HostName, OutputTally, Plan, Record, RunId, RunOutcome,
    RunbookName, SealedPlan, StepId, Text, Timestamp,
};
use uuid::Uuid;

/// How many plans this process made: each is executed once, so no two are the same.
static PLANS: AtomicI64 = AtomicI64::new(0);

/// A plan of `steps` reads on `hosts` simulated hosts, in one batch; another one each time.
pub(crate) fn plan(runbook: &str, hosts: u32, steps: u32, intent: Intent) -> SealedPlan {
    let text = format!("runbook: {runbook}");
    let host = |index: u32| Host {
        name: HostName::new(format!("host-{index}")).unwrap(),
        endpoint: Endpoint::Simulated,
        labels: BTreeMap::new(),
        vars: BTreeMap::new(),
        source: "test".into(),
    };
    let step = |index: u32| PlannedStep {
        title: format!("Step {index}"),
        effect: Effect::Read,
        timeout_ms: 1_000,
        way_back: WayBack::NotNeeded,
        ..PlannedStep::new(
            StepId::new(format!("step-{index}")).unwrap(),
            PerHost::same(Action::script(Text::plain("uptime")), hosts),
        )
    };
    let plan = Plan {
        format: PLAN_FORMAT,
        runbook: PlannedRunbook {
            name: RunbookName::new(runbook).unwrap(),
            title: format!("Title of {runbook}"),
            digest: Digest::of(text.as_bytes()),
            text,
            source: None,
        },
        called: Vec::new(),
        intent,
        inputs: BTreeMap::new(),
        secrets: std::collections::BTreeSet::new(),
        selection: "all".into(),
        undecided: Vec::new(),
        hosts: (0..hosts).map(host).collect(),
        host_keys: BTreeMap::new(),
        gateways: None,
        batches: vec![(0..hosts).collect()],
        limits: Limits::strict(hosts),
        steps: (0..steps).map(step).collect(),
        planned_at: Timestamp::from_unix_ms(
            i64::from(std::process::id()) * 1_000 + PLANS.fetch_add(1, Ordering::Relaxed),
        ),
        planned_by: "ada".into(),
    };
    SealedPlan::seal(plan).unwrap()
}

/// Seals one record after the other, a second apart.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) run: RunId,
    pub(crate) records: Vec<Record>,
}

impl Course {
    /// A run with the given number as its id, opened.
    pub(crate) fn open(number: u128, plan: &SealedPlan) -> Self {
        let run = RunId::from_uuid(Uuid::from_u128(number << 64));
        let mut course = Self { run, records: Vec::new() };
        course.then(Event::RunOpened { plan: plan.digest(), by: "ada".into() });
        course
    }

    /// The opening.
    pub(crate) fn first(&self) -> &Record {
        self.records.first().unwrap()
    }

    /// Seals the next record.
    pub(crate) fn then(&mut self, event: Event) -> Record {
        let second = i64::try_from(self.records.len()).unwrap();
        let at = Timestamp::from_unix_ms(self.first_ms() + second * 1_000);
        let record = Record::seal(self.run, self.records.last(), at, event).unwrap();
        self.records.push(record.clone());
        record
    }

    /// The id that the step on the host will have.
    pub(crate) fn attempt(&self, host: u32, step: u32) -> AttemptId {
        let run: Uuid = self.run.to_string().parse().unwrap();
        AttemptId::from_uuid(Uuid::from_u128(run.as_u128() + (u128::from(host) << 32) + u128::from(step) + 1))
    }

    pub(crate) fn start(&mut self) -> Record {
        self.then(Event::BatchStarted { batch: 0 })
    }

    pub(crate) fn send(&mut self, host: u32, step: u32) -> Record {
        let attempt = self.attempt(host, step);
        self.then(Event::AttemptSent { attempt, host, step, inverse: false })
    }

    pub(crate) fn finish(&mut self, host: u32, step: u32, code: i32) -> Record {
        let attempt = self.attempt(host, step);
        let output = OutputTally { stdout_bytes: 7, stderr_bytes: 0, dropped_bytes: 0 };
        self.then(Event::AttemptFinished { attempt, exit: Exit::Code(code), captured: BTreeMap::new(), output })
    }

    pub(crate) fn end(&mut self, outcome: RunOutcome) -> [Record; 2] {
        [self.then(Event::BatchEnded { batch: 0 }), self.then(Event::RunEnded { outcome })]
    }

    /// Later runs begin later.
    fn first_ms(&self) -> i64 {
        let run: Uuid = self.run.to_string().parse().unwrap();
        i64::try_from((run.as_u128() >> 64) & 0xffff).unwrap() * 1_000_000
    }
}
