//! Starts the units of work that a run's effects ask for, each with what ends it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use daytwo_model::plan::{On, Phase};
use daytwo_model::{AttemptId, AttemptState, CancelDegree, CaptureName, Event, OutputTally, SkipReason};
use serde_json::Value;
use tokio::task::JoinError;
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;

use super::Dispatcher;
use super::stops::{Kind, Part};
use crate::cancel::Cancel;
use crate::dead_man::Wanted;
use crate::machine::Effect;
use crate::shell::Earlier;
use crate::unit::{At, Told, Unit};

/// What a unit is doing, in case that it cannot tell any more.
#[derive(Clone, Copy)]
pub(super) enum Doing {
    Sending(AttemptId),
    Finding(AttemptId),
    /// Its end was not seen, and its host is asked once more.
    AskingAgain(AttemptId),
    Verifying(AttemptId),
    SettlingDeadMan(AttemptId),
    AskingHealth {
        batch: u32,
    },
    Checking {
        host: u32,
        step: u32,
    },
    Pausing {
        host: u32,
        step: u32,
    },
}

/// A unit of work in flight.
pub(super) struct Working {
    pub(super) doing: Doing,
    pub(super) host: u32,
    pub(super) kind: Kind,
    pub(super) cancel: Cancel,
}

impl Doing {
    /// What is true where the unit failed and cannot tell.
    pub(super) fn broken(self, why: String) -> Told {
        match self {
            Self::Sending(attempt) | Self::Finding(attempt) => {
                Told::Events(vec![Event::AttemptUnknown { attempt, why, output: OutputTally::default() }])
            }
            // It is as unknown as before.
            Self::AskingAgain(_) => Told::Events(Vec::new()),
            Self::Verifying(attempt) => Told::Events(vec![Event::AttemptNotVerified { attempt, why }]),
            Self::SettlingDeadMan(attempt) => Told::Events(vec![Event::DeadManUnknown { attempt, why }]),
            Self::AskingHealth { batch } => Told::Events(vec![Event::HealthChecked { batch, holds: false, said: why }]),
            Self::Checking { host, step } => {
                let why = SkipReason::Undecidable { why };
                Told::Events(vec![Event::StepSkipped { host, step, why }])
            }
            Self::Pausing { host, step } => Told::Due { host, step },
        }
    }

    const fn attempt(self) -> Option<AttemptId> {
        match self {
            Self::Sending(attempt)
            | Self::Finding(attempt)
            | Self::AskingAgain(attempt)
            | Self::Verifying(attempt)
            | Self::SettlingDeadMan(attempt) => Some(attempt),
            Self::AskingHealth { .. } | Self::Checking { .. } | Self::Pausing { .. } => None,
        }
    }

    /// The attempt that is asked about once more.
    pub(super) const fn asks_again(self) -> Option<AttemptId> {
        match self {
            Self::AskingAgain(attempt) => Some(attempt),
            _ => None,
        }
    }

    /// It only asks or waits.
    const fn asks(self) -> bool {
        match self {
            Self::Sending(_) | Self::Finding(_) | Self::SettlingDeadMan(_) => false,
            Self::AskingAgain(_)
            | Self::Verifying(_)
            | Self::AskingHealth { .. }
            | Self::Checking { .. }
            | Self::Pausing { .. } => true,
        }
    }
}

impl Dispatcher {
    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Check { host, step } => {
                self.start(Doing::Checking { host, step }, host, step, false, At::check);
            }
            Effect::Start { attempt, host, step, inverse } => {
                self.note_sent(attempt, step);
                self.start(Doing::Sending(attempt), host, step, inverse, move |at| async move {
                    Told::Events(Unit { at, attempt, inverse }.send().await)
                });
            }
            Effect::Reattach { attempt, host, step, inverse } => {
                let earlier = self.earlier(attempt);
                self.start(Doing::Finding(attempt), host, step, inverse, move |at| async move {
                    Told::Events(Unit { at, attempt, inverse }.reattach(earlier).await)
                });
            }
            Effect::Verify { attempt, host, step, inverse } => {
                self.start(Doing::Verifying(attempt), host, step, inverse, move |at| async move {
                    Told::Events(at.verify(attempt, inverse).await)
                });
            }
            Effect::Disarm { attempt, host, step } => self.settle_dead_man(attempt, host, step, Wanted::Disarmed),
            Effect::AwaitDeadMan { attempt, host, step } => self.settle_dead_man(attempt, host, step, Wanted::Fired),
            Effect::Pause { host, step, ms } => {
                self.start(Doing::Pausing { host, step }, host, step, false, move |at| async move {
                    // Whether the step is still due after a cancel is the machine's to say.
                    let _ = timeout(Duration::from_millis(ms), at.cancel.cancelled()).await;
                    Told::Due { host, step }
                });
            }
            Effect::Health { batch } => {
                let home = self.machine.state().home();
                self.start(Doing::AskingHealth { batch }, home, 0, false, move |at| async move {
                    Told::Events(at.health(batch).await)
                });
            }
            Effect::Hold { ms } => self.deadlines.hold(ms),
            Effect::AskPerson { host, step, within_ms, otherwise } => {
                self.deadlines.ask(host, step, within_ms, otherwise);
            }
            Effect::Cancel { degree, hosts: None } => {
                self.deadlines.end_hold();
                self.stops.cancel(degree);
            }
            Effect::Cancel { degree, hosts: Some(hosts) } => self.cancel_hosts(degree, &hosts),
        }
    }

    fn cancel_hosts(&mut self, degree: CancelDegree, hosts: &[u32]) {
        let working = self.doing.values().filter(|working| !matches!(working.doing, Doing::AskingHealth { .. }));
        self.stops.cancel_hosts(degree, hosts, working.map(|working| (working.host, working.kind, &working.cancel)));
    }

    /// Asks hosts again about attempts whose end was not seen. Nothing is ended by it, and nothing but an end is news.
    pub(super) fn ask_again(&mut self) {
        while let Some(attempt) = self.unknown.take_due() {
            let place = self.machine.state().place(attempt);
            let Some((host, step)) = place.filter(|_| self.is_unknown(attempt)) else {
                self.unknown.asked();
                continue;
            };
            let inverse = self.machine.state().is_inverse(attempt);
            let earlier = Earlier { over: true, ..self.earlier(attempt) };
            self.start(Doing::AskingAgain(attempt), host, step, inverse, move |at| async move {
                Told::Events(Unit { at, attempt, inverse }.reattach(earlier).await)
            });
        }
    }

    /// Whether nobody knows how an attempt ended.
    pub(super) fn is_unknown(&self, attempt: AttemptId) -> bool {
        let known = self.machine.state().find(attempt);
        known.is_some_and(|known| matches!(known.state, AttemptState::Unknown { .. }))
    }

    fn settle_dead_man(&mut self, attempt: AttemptId, host: u32, step: u32, wanted: Wanted) {
        let earlier = match self.armed.get(&attempt) {
            Some(sent) => Earlier { sent_ago: sent.elapsed(), ..Earlier::default() },
            None => self.earlier(attempt),
        };
        self.start(Doing::SettlingDeadMan(attempt), host, step, false, move |at| async move {
            Told::Events(Unit { at, attempt, inverse: false }.settle_dead_man(wanted, earlier).await)
        });
    }

    /// A switch counts from when its attempt was sent.
    fn note_sent(&mut self, attempt: AttemptId, step: u32) {
        if self.context.step(step).is_some_and(|step| step.dead_man_ms.is_some()) {
            self.armed.insert(attempt, Instant::now());
        }
    }

    fn start<F>(&mut self, doing: Doing, host: u32, step: u32, inverse: bool, work: impl FnOnce(At) -> F)
    where
        F: Future<Output = Told> + Send + 'static,
    {
        let kind = Kind { part: self.part(doing, step, inverse), asks: doing.asks() };
        // The health of the whole is nobody's in particular: no cancel of single hosts ends it.
        let of_host = (!matches!(doing, Doing::AskingHealth { .. })).then_some(host);
        let cancel = self.stops.of(kind, of_host);
        let captured = if inverse { self.captured_at(host, step) } else { self.machine.state().captured(host) };
        let at = At { context: Arc::clone(&self.context), host, step, captured, cancel: cancel.clone() };
        let span = self.span(doing.attempt(), host, step);
        let id = self.units.spawn(work(at).instrument(span)).id();
        self.doing.insert(id, Working { doing, host, kind, cancel });
    }

    fn part(&self, doing: Doing, step: u32, inverse: bool) -> Part {
        let at_the_end = match self.context.step(step).map(|step| step.phase) {
            // It ends nothing, so there is nothing for a cancel to end.
            _ if matches!(doing, Doing::AskingAgain(_)) => true,
            Some(Phase::OnFailure | Phase::Always) => !matches!(doing, Doing::AskingHealth { .. }),
            Some(Phase::Main) | None => inverse || matches!(doing, Doing::SettlingDeadMan(_)),
        };
        if at_the_end { Part::End } else { Part::Main }
    }

    /// What had been captured when a step was done on a host, by itself too: a later step may have captured
    /// another value under the same name, and that says nothing about this one's way back. What was captured
    /// once for all hosts gives way to what a host captured itself.
    fn captured_at(&self, host: u32, until: u32) -> BTreeMap<CaptureName, Value> {
        let state = self.machine.state();
        let steps = || (0_u32..=until).filter_map(|step| Some((step, self.context.step(step)?)));
        let once = steps().filter(|(_, planned)| planned.on != On::Host).map(|(step, _)| (state.home(), step));
        let own = steps().map(|(step, _)| (host, step));
        let known = once.chain(own).filter_map(|(host, step)| state.attempt(host, step));
        known.flat_map(|attempt| attempt.captured.clone()).collect()
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
