//! Runs that are told event by event, for plans that are made from what became of one.

use std::collections::BTreeMap;

use daytwo_model::plan::Action;
use daytwo_model::{
    AttemptId, CaptureName, Event, Exit, OutputTally, Plan, RunId, RunOutcome, RunState, SealedPlan, SkipReason,
};
use serde_json::Value;

pub(crate) fn run_id() -> RunId {
    "01900000-0000-7000-8000-000000000001".parse().unwrap()
}

pub(crate) fn attempt(host: u32, step: u32) -> AttemptId {
    format!("01900000-0000-7000-8000-{host:06}{step:06}").parse().unwrap()
}

/// A run, told event by event.
pub(crate) struct Tale(pub(crate) RunState);

impl Tale {
    pub(crate) fn of(sealed: &SealedPlan) -> Self {
        let mut tale = Self(RunState::new(sealed.plan()));
        tale.tell(&Event::RunOpened { plan: sealed.digest(), by: "test".into() });
        tale.tell(&Event::BatchStarted { batch: 0 });
        tale
    }

    pub(crate) fn tell(&mut self, event: &Event) {
        self.0.apply(event).unwrap();
    }

    pub(crate) fn sent(&mut self, host: u32, step: u32) -> AttemptId {
        self.tell(&Event::AttemptSent { attempt: attempt(host, step), host, step, inverse: false });
        attempt(host, step)
    }

    pub(crate) fn finished(&mut self, host: u32, step: u32, code: i32, captured: &[(&str, Value)]) {
        let attempt = self.sent(host, step);
        let captured: BTreeMap<_, _> =
            captured.iter().map(|(name, value)| (CaptureName::new(*name).unwrap(), value.clone())).collect();
        let output = OutputTally::default();
        self.tell(&Event::AttemptFinished { attempt, exit: Exit::Code(code), captured, output });
    }

    pub(crate) fn skipped(&mut self, host: u32, steps: impl IntoIterator<Item = u32>, why: &SkipReason) {
        for step in steps {
            self.tell(&Event::StepSkipped { host, step, why: why.clone() });
        }
    }

    /// One more attempt of a step that failed.
    pub(crate) fn sent_again(&mut self, host: u32, step: u32, number: u32) -> AttemptId {
        let attempt = attempt(host, step + 1000 * number);
        self.tell(&Event::AttemptSent { attempt, host, step, inverse: false });
        attempt
    }

    /// The state of a run that was interrupted here.
    pub(crate) fn state(mut self) -> RunState {
        self.tell(&Event::RunInterrupted { found_by: "test".into() });
        self.0
    }

    pub(crate) fn next_batch(&mut self) {
        self.tell(&Event::BatchEnded { batch: 0 });
        self.tell(&Event::BatchStarted { batch: 1 });
    }

    pub(crate) fn ended(mut self, outcome: RunOutcome) -> RunState {
        self.tell(&Event::RunEnded { outcome });
        self.0
    }
}

pub(crate) fn script(plan: &Plan, step: usize, host: u32) -> Option<String> {
    match plan.steps[step].action.get(host)? {
        Action::Run { script, .. } => Some(script.preview()),
        other => panic!("not a script: {other:?}"),
    }
}
