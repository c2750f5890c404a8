//! One unit of work: sends one attempt and follows it to its end. What it returns are facts.
//!
//! A unit is started only after the intent is on disk, and tells of exactly one end, in bounded time.
//! How a script on a host is followed over a lost connection is in `shell.rs`, how requests are made in `http`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use daytwo_model::plan::{Action, On, PlannedStep, WayBack};
use daytwo_model::{AttemptId, CancelReason, CaptureName, Event, Exit, Host, OutputTally, SealedPlan};
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;

use crate::cancel::Cancel;
use crate::capture::{Captured, Kept, capture};
use crate::handle::Published;
use crate::late::{LateValues, Ready};
use crate::ports::{Ports, SecretMap, Shell};
use crate::redact::Mask;
use crate::settings::Settings;
use crate::why::reason;

/// What all units of a run share. (No `Debug`: it holds the secrets.)
pub(crate) struct Context {
    pub(crate) plan: Arc<SealedPlan>,
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    pub(crate) secrets: SecretMap,
    pub(crate) mask: Arc<Mask>,
    /// Every secret that the plan may use could be read, so that output can be masked.
    pub(crate) masks_all: bool,
    /// Who opened the run, for others who look at a host.
    pub(crate) by: String,
    /// Hosts that may be asked at one time what became of attempts that an earlier process sent.
    pub(crate) asking: Arc<Semaphore>,
    pub(crate) published: Arc<Published>,
    pub(crate) reports: mpsc::Sender<Event>,
}

impl Context {
    /// A reason as it may stand in the journal: without secrets, and not longer than it helps.
    pub(crate) fn reason(&self, why: &str) -> String {
        reason(&self.mask.text(why))
    }

    pub(crate) fn host(&self, host: u32) -> Option<&Host> {
        self.plan.plan().hosts.get(host as usize)
    }

    pub(crate) fn step(&self, step: u32) -> Option<&PlannedStep> {
        self.plan.plan().steps.get(step as usize)
    }

    /// Where scripts of a step run: on its host, or on this machine.
    pub(crate) fn shell(&self, on: On) -> &dyn Shell {
        match on {
            On::Host | On::One => &*self.ports.shell,
            On::Console => &*self.ports.local,
        }
    }
}

/// What a unit tells when it is over.
pub(crate) enum Told {
    Events(Vec<Event>),
    /// The step may be sent now: the check found something to do, or the pause is over.
    Due {
        host: u32,
        step: u32,
    },
}

/// Where a unit works, and with what.
pub(crate) struct At {
    pub(crate) context: Arc<Context>,
    pub(crate) host: u32,
    pub(crate) step: u32,
    pub(crate) captured: BTreeMap<CaptureName, Value>,
    pub(crate) cancel: Cancel,
}

impl At {
    pub(crate) fn late(&self) -> LateValues<'_> {
        LateValues { secrets: &self.context.secrets, captured: &self.captured }
    }
}

/// One attempt.
pub(crate) struct Unit {
    pub(crate) at: At,
    pub(crate) attempt: AttemptId,
    /// It is the step's recorded inverse that is sent.
    pub(crate) inverse: bool,
}

impl Unit {
    /// Sends the attempt; the facts of its end.
    pub(crate) async fn send(self) -> Vec<Event> {
        if self.at.cancel.is_cancelled() {
            return vec![self.cancelled(OutputTally::default())];
        }
        let context = Arc::clone(&self.at.context);
        let (Some(host), Some(step)) = (context.host(self.at.host), context.step(self.at.step)) else {
            return vec![self.refused("the plan has no such host or step")];
        };
        let Some(action) = self.action(step) else {
            return vec![self.refused("the plan has nothing to do here")];
        };
        let deadline = Duration::from_millis(step.timeout_ms);
        match self.at.late().action(action, deadline) {
            Err(why) => vec![self.refused(&why)],
            Ok(Ready::Shell(job)) => self.shell(host, step, job).await,
            Ok(Ready::Http(call)) => self.http(step, *call).await,
            Ok(Ready::Set(calls)) => self.set(step, *calls).await,
            Ok(Ready::Wait(wait)) => self.wait(step, wait).await,
        }
    }

    /// What is sent to this host.
    pub(crate) fn action<'s>(&self, step: &'s PlannedStep) -> Option<&'s Action> {
        match (&step.way_back, self.inverse) {
            (_, false) => step.action.get(self.at.host),
            (WayBack::Inverse { action, .. }, true) => action.get(self.at.host),
            (WayBack::NotNeeded | WayBack::None, true) => None,
        }
    }

    /// Its own length is its deadline; there is nothing to wait for after a cancel.
    async fn wait(self, step: &PlannedStep, wait: Duration) -> Vec<Event> {
        tokio::select! {
            biased;
            () = self.at.cancel.cancelled() => vec![self.cancelled(OutputTally::default())],
            () = sleep(wait) => self.finished(step, Exit::Code(0), OutputTally::default(), &Kept::default()),
        }
    }

    pub(crate) fn finished(&self, step: &PlannedStep, exit: Exit, output: OutputTally, kept: &Kept) -> Vec<Event> {
        let context = &self.at.context;
        // What a step captures is for the way forward; an inverse captures nothing.
        let taken = if self.inverse || !step.accepts(&exit) || step.captures.is_empty() {
            Captured::default()
        } else if context.masks_all {
            capture(&step.captures, &exit, kept, &context.mask)
        } else {
            let why = "nothing is captured while a secret of the plan cannot be read: it could be in it";
            Captured { failed: Some(why.to_owned()), ..Captured::default() }
        };
        let attempt = self.attempt;
        let mut facts = vec![Event::AttemptFinished { attempt, exit, captured: taken.values, output }];
        if let Some(why) = taken.failed {
            facts.push(Event::AttemptNotVerified { attempt, why: context.reason(&why) });
        }
        facts
    }

    pub(crate) fn cancelled(&self, output: OutputTally) -> Event {
        // Both may be true; the more severe reason counts.
        let reason = if self.at.cancel.is_cancelled() { CancelReason::Operator } else { CancelReason::Deadline };
        self.was_ended(reason, output)
    }

    pub(crate) const fn was_ended(&self, reason: CancelReason, output: OutputTally) -> Event {
        Event::AttemptCancelled { attempt: self.attempt, reason, output }
    }

    pub(crate) fn unknown(&self, why: &str, output: OutputTally) -> Event {
        Event::AttemptUnknown { attempt: self.attempt, why: self.at.context.reason(why), output }
    }

    pub(crate) fn lost(&self, why: &str, output: OutputTally) -> Event {
        Event::AttemptLost { attempt: self.attempt, why: self.at.context.reason(why), output }
    }

    pub(crate) fn not_started(&self, why: &str) -> Event {
        Event::AttemptNotStarted { attempt: self.attempt, why: self.at.context.reason(why) }
    }

    pub(crate) fn unreachable(&self, why: &str) -> Event {
        Event::AttemptUnreachable { attempt: self.attempt, why: self.at.context.reason(why) }
    }

    pub(crate) fn refused(&self, why: &str) -> Event {
        Event::AttemptRefused { attempt: self.attempt, why: self.at.context.reason(why) }
    }
}
