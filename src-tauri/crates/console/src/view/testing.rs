//! Plans for the tests of this crate.

use daytwo_model::plan::{Action, Intent, Limits, PLAN_FORMAT, PerHost, Plan, PlannedRunbook, PlannedStep};
use daytwo_model::{
    AttemptId, Digest, Endpoint, Event, Exit, Host, HostName, Record, RunId, RunState, RunbookName, StepId, Text,
    Timestamp,
};
use uuid::Uuid;

/// A plan of this many changing steps on one host.
pub(crate) fn plan_of_steps(steps: u32) -> Plan {
    let step = |step| {
        PlannedStep::new(
            StepId::new(format!("s{step}")).unwrap(),
            PerHost::same(Action::script(Text::plain("true")), 1),
        )
    };
    Plan {
        format: PLAN_FORMAT,
        runbook: PlannedRunbook {
            name: RunbookName::new("example").unwrap(),
            title: "Example".into(),
            digest: Digest::ZERO,
            text: String::new(),
            source: None,
        },
        called: Vec::new(),
        intent: Intent::Forward,
        inputs: Default::default(),
        selection: String::new(),
        secrets: std::collections::BTreeSet::new(),
        undecided: Vec::new(),
        hosts: vec![Host {
            name: HostName::new("a").unwrap(),
            endpoint: Endpoint::Simulated,
            labels: Default::default(),
            vars: Default::default(),
            source: "test".into(),
        }],
        host_keys: Default::default(),
        gateways: None,
        batches: vec![vec![0]],
        limits: Limits::strict(1),
        steps: (0..steps).map(step).collect(),
        planned_at: Timestamp::EPOCH,
        planned_by: "test".into(),
    }
}

/// Records as the engine would write them.
pub(crate) struct Written {
    pub(crate) records: Vec<Record>,
}

impl Written {
    /// A run of the plan with its first batch started.
    pub(crate) fn opened(plan: &Plan) -> Self {
        let digest = daytwo_model::SealedPlan::seal(plan.clone()).unwrap().digest();
        let mut written = Self { records: Vec::new() };
        written.then(Event::RunOpened { plan: digest, by: "ada".into() });
        written.then(Event::BatchStarted { batch: 0 });
        written
    }

    /// The next record, a second later.
    pub(crate) fn then(&mut self, event: Event) {
        let at = Timestamp::from_unix_ms(i64::try_from(self.records.len()).unwrap() * 1_000);
        let record = Record::seal(RunId::from_uuid(Uuid::nil()), self.records.last(), at, event).unwrap();
        self.records.push(record);
    }

    pub(crate) fn send(&mut self, host: u32, step: u32) -> AttemptId {
        let attempt = AttemptId::from_uuid(Uuid::from_u128(self.records.len() as u128 + 1));
        self.then(Event::AttemptSent { attempt, host, step, inverse: false });
        attempt
    }

    pub(crate) fn finish(&mut self, attempt: AttemptId, exit: Exit) {
        self.then(Event::AttemptFinished { attempt, exit, captured: Default::default(), output: Default::default() });
    }

    /// The state after all of them.
    pub(crate) fn state(&self, plan: &Plan) -> RunState {
        let mut state = RunState::new(plan);
        self.records.iter().for_each(|record| state.apply(&record.event).unwrap());
        state
    }
}
