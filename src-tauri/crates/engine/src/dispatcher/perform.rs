//! Starts the units of work that a run's effects ask for, each with what ends it.

use std::sync::Arc;
use std::time::Duration;

use daytwo_model::plan::Phase;
use daytwo_model::{AttemptId, Event, OutputTally, SkipReason};
use tokio::task::JoinError;
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;

use super::Dispatcher;
use crate::cancel::Cancel;
use crate::machine::Effect;
use crate::unit::{At, Told, Unit};

/// What a unit is doing, in case that it cannot tell any more.
#[derive(Clone, Copy)]
pub(super) enum Doing {
    Sending(AttemptId),
    Verifying(AttemptId),
    Checking { host: u32, step: u32 },
    Pausing { host: u32, step: u32 },
}

/// What ends the units of some phases.
pub(super) struct Stops {
    /// Everything in flight.
    pub(super) all: Cancel,
    /// The asking of checks and post-conditions, and pauses, only.
    pub(super) asks: Cancel,
}

impl Stops {
    pub(super) fn below(parent: &Cancel) -> Self {
        let all = parent.child();
        Self { asks: all.child(), all }
    }
}

impl Doing {
    /// What is true where the unit failed and cannot tell.
    pub(super) fn broken(self, why: String) -> Told {
        match self {
            Self::Sending(attempt) => {
                Told::Events(vec![Event::AttemptUnknown { attempt, why, output: OutputTally::default() }])
            }
            Self::Verifying(attempt) => Told::Events(vec![Event::AttemptNotVerified { attempt, why }]),
            Self::Checking { host, step } => {
                let why = SkipReason::Undecidable { why };
                Told::Events(vec![Event::StepSkipped { host, step, why }])
            }
            Self::Pausing { host, step } => Told::Due { host, step },
        }
    }
}

impl Dispatcher {
    pub(super) fn perform(&mut self) {
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::Check { host, step } => {
                    let asking = self.at(host, step, &self.stops(step).asks).check();
                    self.spawn(Doing::Checking { host, step }, host, step, asking);
                }
                Effect::Start { attempt, host, step, .. } => {
                    let unit = Unit { at: self.at(host, step, &self.stops(step).all), attempt };
                    let sending = async { Told::Events(unit.send().await) };
                    self.spawn(Doing::Sending(attempt), host, step, sending);
                }
                Effect::Verify { attempt, host, step, .. } => {
                    let at = self.at(host, step, &self.stops(step).asks);
                    let asking = async move { Told::Events(at.verify(attempt).await) };
                    self.spawn(Doing::Verifying(attempt), host, step, asking);
                }
                Effect::Pause { host, step, ms } => {
                    let cancel = self.stops(step).asks.child();
                    let pausing = async move {
                        // Whether the step is still due after a cancel is the machine's to say.
                        let _ = timeout(Duration::from_millis(ms), cancel.cancelled()).await;
                        Told::Due { host, step }
                    };
                    self.spawn(Doing::Pausing { host, step }, host, step, pausing);
                }
                Effect::Hold { ms } => self.hold = Some(Instant::now() + Duration::from_millis(ms)),
                Effect::Health { .. }
                | Effect::AskPerson { .. }
                | Effect::Disarm { .. }
                | Effect::AwaitDeadMan { .. } => {}
                Effect::Cancel { .. } => {
                    self.hold = None;
                    self.main.all.terminate();
                }
            }
        }
    }

    fn spawn(&mut self, doing: Doing, host: u32, step: u32, work: impl Future<Output = Told> + Send + 'static) {
        let attempt = match doing {
            Doing::Sending(attempt) | Doing::Verifying(attempt) => Some(attempt),
            Doing::Checking { .. } | Doing::Pausing { .. } => None,
        };
        let span = self.span(attempt, host, step);
        let id = self.units.spawn(work.instrument(span)).id();
        self.doing.insert(id, doing);
    }

    fn stops(&self, step: u32) -> &Stops {
        match self.context.step(step).map(|step| step.phase) {
            Some(Phase::OnFailure | Phase::Always) => &self.ends,
            Some(Phase::Main) | None => &self.main,
        }
    }

    fn at(&self, host: u32, step: u32, cancel: &Cancel) -> At {
        let captured = self.machine.state().captured(host);
        At { context: Arc::clone(&self.context), host, step, captured, cancel: cancel.child() }
    }

    fn span(&self, attempt: Option<AttemptId>, host: u32, step: u32) -> tracing::Span {
        let host = self.context.host(host).map(|host| host.name.as_str());
        let step = self.context.step(step).map(|step| step.id.as_str());
        let attempt = attempt.map(tracing::field::display);
        tracing::info_span!("attempt", attempt, host, step)
    }
}

/// What a failed task said last.
pub(super) fn cause(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(said) => said
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| said.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "it did not say why".to_owned()),
        Err(error) => error.to_string(),
    }
}
