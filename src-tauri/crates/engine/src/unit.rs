//! One unit of work: sends one attempt and follows it to its end. What it returns are facts.
//!
//! A unit is started only after the intent is on disk, and tells of exactly one end, in bounded time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use daytwo_model::plan::{Effect, PlannedStep};
use daytwo_model::{AttemptId, CancelReason, CaptureName, Event, Exit, Host, OutputTally, SealedPlan, Stream};
use serde_json::Value;
use tokio::pin;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::cancel::Cancel;
use crate::capture::{Kept, capture};
use crate::follow::{Patience, follow};
use crate::handle::Published;
use crate::late::{LateValues, Ready};
use crate::ports::{HttpCall, HttpEnd, Ports, SecretMap, ShellEnd, ShellJob};
use crate::redact::{Ending, Mask};
use crate::settings::Settings;
use crate::sink::Sink;
use crate::why::reason;

/// What all units of a run share. (No `Debug`: it holds the secrets.)
pub(crate) struct Context {
    pub(crate) plan: Arc<SealedPlan>,
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    pub(crate) secrets: SecretMap,
    pub(crate) mask: Arc<Mask>,
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
        let Some(action) = step.action.get(self.at.host) else {
            return vec![self.refused("the plan has nothing to do here")];
        };
        let deadline = Duration::from_millis(step.timeout_ms);
        match self.at.late().action(action, deadline) {
            Err(why) => vec![self.refused(&why)],
            Ok(Ready::Shell(job)) => self.shell(host, step, job, deadline).await,
            Ok(Ready::Http(call)) => self.http(step, call).await,
            Ok(Ready::Wait(wait)) => self.wait(step, wait).await,
        }
    }

    async fn shell(self, host: &Host, step: &PlannedStep, job: ShellJob, deadline: Duration) -> Vec<Event> {
        let context = &self.at.context;
        let mut sink = Sink::new(Arc::clone(context), self.attempt, !step.captures.is_empty());
        let patience = Patience { deadline, grace: context.settings.cancel_grace };
        let followed = follow(&*context.ports.shell, host, job, patience, &self.at.cancel, &mut sink).await;
        let ending = if matches!(followed.end, ShellEnd::Exited(_)) { Ending::Seen } else { Ending::CutOff };
        let (output, kept) = sink.finish(ending).await;
        match followed.end {
            ShellEnd::Exited(exit) => self.finished(step, exit, output, &kept),
            ShellEnd::Killed => vec![self.cancelled(output)],
            ShellEnd::Unseen { why } => vec![self.unknown(&why)],
            ShellEnd::Lost { why } => vec![self.lost(&why, output)],
            ShellEnd::NotStarted { why } => vec![self.not_started(&why)],
            // It gave a sign of life, so it is not true that nothing was started.
            ShellEnd::Unreachable { why } | ShellEnd::Refused { why } if followed.heard => vec![self.unknown(&why)],
            ShellEnd::Unreachable { why } => vec![self.unreachable(&why)],
            ShellEnd::Refused { why } => vec![self.refused(&why)],
        }
    }

    async fn http(self, step: &PlannedStep, call: HttpCall) -> Vec<Event> {
        let grace = self.at.context.settings.cancel_grace;
        match follow_call(&self.at.context.ports, call, &self.at.cancel, grace).await {
            HttpEnd::Answered { status, body, cut } => {
                let mut sink = Sink::new(Arc::clone(&self.at.context), self.attempt, !step.captures.is_empty());
                sink.write(Stream::Stdout, &body).await;
                let (output, kept) = sink.finish(if cut { Ending::CutOff } else { Ending::Seen }).await;
                self.finished(step, Exit::Status(status), output, &kept)
            }
            // Nobody has to find out how a read that we gave up has ended.
            HttpEnd::Unseen { .. } if self.at.cancel.is_cancelled() && step.effect == Effect::Read => {
                vec![self.cancelled(OutputTally::default())]
            }
            HttpEnd::Unseen { why } => vec![self.unknown(&why)],
            HttpEnd::Unreachable { why } => vec![self.unreachable(&why)],
            HttpEnd::Refused { why } => vec![self.refused(&why)],
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

    fn finished(&self, step: &PlannedStep, exit: Exit, output: OutputTally, kept: &Kept) -> Vec<Event> {
        let taken = if step.accepts(&exit) {
            capture(&step.captures, &exit, kept, &self.at.context.mask)
        } else {
            <_>::default()
        };
        let attempt = self.attempt;
        let mut facts = vec![Event::AttemptFinished { attempt, exit, captured: taken.values, output }];
        if let Some(why) = taken.failed {
            facts.push(Event::AttemptNotVerified { attempt, why: self.at.context.reason(&why) });
        }
        facts
    }

    fn cancelled(&self, output: OutputTally) -> Event {
        // Both may be true; the more severe reason counts.
        let reason = if self.at.cancel.is_cancelled() { CancelReason::Operator } else { CancelReason::Deadline };
        Event::AttemptCancelled { attempt: self.attempt, reason, output }
    }

    fn unknown(&self, why: &str) -> Event {
        Event::AttemptUnknown {
            attempt: self.attempt,
            why: self.at.context.reason(why),
            output: OutputTally::default(),
        }
    }

    fn lost(&self, why: &str, output: OutputTally) -> Event {
        Event::AttemptLost { attempt: self.attempt, why: self.at.context.reason(why), output }
    }

    fn not_started(&self, why: &str) -> Event {
        Event::AttemptNotStarted { attempt: self.attempt, why: self.at.context.reason(why) }
    }

    fn unreachable(&self, why: &str) -> Event {
        Event::AttemptUnreachable { attempt: self.attempt, why: self.at.context.reason(why) }
    }

    fn refused(&self, why: &str) -> Event {
        Event::AttemptRefused { attempt: self.attempt, why: self.at.context.reason(why) }
    }
}

/// Makes an HTTP call, in bounded time whatever the adapter does.
pub(crate) async fn follow_call(ports: &Ports, call: HttpCall, cancel: &Cancel, grace: Duration) -> HttpEnd {
    // The adapter keeps the deadline; this is for one that does not.
    let timer = sleep(call.deadline.saturating_add(grace));
    let answer = ports.http.call(call, cancel.token());
    pin!(timer, answer);
    let mut told = false;
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled(), if !told => {
                told = true;
                timer.as_mut().reset(Instant::now() + grace);
            }
            () = &mut timer => return HttpEnd::Unseen { why: "no answer was seen in time".to_owned() },
            end = &mut answer => return end,
        }
    }
}
