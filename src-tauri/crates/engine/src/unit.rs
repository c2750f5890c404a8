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
use tokio_util::sync::CancellationToken;

use crate::capture::{Kept, capture};
use crate::expect::shortened;
use crate::follow::{Patience, follow};
use crate::handle::Published;
use crate::late::{LateValues, Ready};
use crate::ports::{HttpCall, HttpEnd, Ports, SecretMap, ShellEnd, ShellJob};
use crate::redact::{Ending, Mask};
use crate::settings::Settings;
use crate::sink::Sink;

/// Characters of a reason in the journal; the beginning says what matters.
const WHY_CHARS_MAX: usize = 500;

/// A host may have a say in a reason; it must not move the cursor of the terminal that shows it.
fn printable(text: &str) -> String {
    text.replace(char::is_control, " ")
}

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
        shortened(&printable(&self.mask.text(why)), WHY_CHARS_MAX)
    }

    pub(crate) fn host(&self, host: u32) -> Option<&Host> {
        self.plan.plan().hosts.get(host as usize)
    }

    pub(crate) fn step(&self, step: u32) -> Option<&PlannedStep> {
        self.plan.plan().steps.get(step as usize)
    }
}

/// One attempt, or the asking of its post-condition.
pub(crate) struct Unit {
    pub(crate) context: Arc<Context>,
    pub(crate) attempt: AttemptId,
    pub(crate) host: u32,
    pub(crate) step: u32,
    pub(crate) captured: BTreeMap<CaptureName, Value>,
    pub(crate) cancel: CancellationToken,
}

impl Unit {
    pub(crate) fn late(&self) -> LateValues<'_> {
        LateValues { secrets: &self.context.secrets, captured: &self.captured }
    }

    /// Sends the attempt; the facts of its end.
    pub(crate) async fn send(self) -> Vec<Event> {
        if self.cancel.is_cancelled() {
            return vec![self.cancelled(OutputTally::default())];
        }
        let context = Arc::clone(&self.context);
        let (Some(host), Some(step)) = (context.host(self.host), context.step(self.step)) else {
            return vec![self.refused("the plan has no such host or step")];
        };
        let Some(action) = step.action.get(self.host) else {
            return vec![self.refused("the plan has nothing to do here")];
        };
        let deadline = Duration::from_millis(step.timeout_ms);
        match self.late().action(action, deadline) {
            Err(why) => vec![self.refused(&why)],
            Ok(Ready::Shell(job)) => self.shell(host, step, job, deadline).await,
            Ok(Ready::Http(call)) => self.http(step, call).await,
        }
    }

    async fn shell(self, host: &Host, step: &PlannedStep, job: ShellJob, deadline: Duration) -> Vec<Event> {
        let context = &self.context;
        let mut sink = Sink::new(Arc::clone(context), self.attempt, !step.captures.is_empty());
        let patience = Patience { deadline, grace: context.settings.cancel_grace };
        let followed = follow(&*context.ports.shell, host, job, patience, &self.cancel, &mut sink).await;
        let ending = if matches!(followed.end, ShellEnd::Exited(_)) { Ending::Seen } else { Ending::CutOff };
        let (output, kept) = sink.finish(ending).await;
        match followed.end {
            ShellEnd::Exited(exit) => self.finished(step, exit, output, &kept),
            ShellEnd::Killed => vec![self.cancelled(output)],
            ShellEnd::Unseen { why } => vec![self.unknown(&why)],
            // It gave a sign of life, so it is not true that nothing was started.
            ShellEnd::Unreachable { why } | ShellEnd::Refused { why } if followed.heard => vec![self.unknown(&why)],
            ShellEnd::Unreachable { why } => vec![self.unreachable(&why)],
            ShellEnd::Refused { why } => vec![self.refused(&why)],
        }
    }

    async fn http(self, step: &PlannedStep, call: HttpCall) -> Vec<Event> {
        let grace = self.context.settings.cancel_grace;
        match follow_call(&self.context.ports, call, &self.cancel, grace).await {
            HttpEnd::Answered { status, body, cut } => {
                let mut sink = Sink::new(Arc::clone(&self.context), self.attempt, !step.captures.is_empty());
                sink.write(Stream::Stdout, &body).await;
                let (output, kept) = sink.finish(if cut { Ending::CutOff } else { Ending::Seen }).await;
                self.finished(step, Exit::Status(status), output, &kept)
            }
            // Nobody has to find out how a read that we gave up has ended.
            HttpEnd::Unseen { .. } if self.cancel.is_cancelled() && step.effect == Effect::Read => {
                vec![self.cancelled(OutputTally::default())]
            }
            HttpEnd::Unseen { why } => vec![self.unknown(&why)],
            HttpEnd::Unreachable { why } => vec![self.unreachable(&why)],
            HttpEnd::Refused { why } => vec![self.refused(&why)],
        }
    }

    fn finished(&self, step: &PlannedStep, exit: Exit, output: OutputTally, kept: &Kept) -> Vec<Event> {
        let taken = if exit.is_success() { capture(&step.captures, kept, &self.context.mask) } else { <_>::default() };
        let attempt = self.attempt;
        let mut facts = vec![Event::AttemptFinished { attempt, exit, captured: taken.values, output }];
        if let Some(why) = taken.failed {
            facts.push(Event::AttemptNotVerified { attempt, why: self.context.reason(&why) });
        }
        facts
    }

    fn cancelled(&self, output: OutputTally) -> Event {
        // Both may be true; the more severe reason counts.
        let reason = if self.cancel.is_cancelled() { CancelReason::Operator } else { CancelReason::Deadline };
        Event::AttemptCancelled { attempt: self.attempt, reason, output }
    }

    fn unknown(&self, why: &str) -> Event {
        Event::AttemptUnknown { attempt: self.attempt, why: self.context.reason(why) }
    }

    fn unreachable(&self, why: &str) -> Event {
        Event::AttemptUnreachable { attempt: self.attempt, why: self.context.reason(why) }
    }

    fn refused(&self, why: &str) -> Event {
        Event::AttemptRefused { attempt: self.attempt, why: self.context.reason(why) }
    }
}

/// Makes an HTTP call, in bounded time whatever the adapter does.
pub(crate) async fn follow_call(ports: &Ports, call: HttpCall, cancel: &CancellationToken, grace: Duration) -> HttpEnd {
    // The adapter keeps the deadline; this is for one that does not.
    let timer = sleep(call.deadline.saturating_add(grace));
    let answer = ports.http.call(call, cancel.clone());
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

#[cfg(test)]
mod tests {
    #[test]
    fn a_hosts_words_in_a_reason_cannot_draw_on_the_terminal() {
        assert_eq!(super::printable("bye\x1b[2K\r\u{9b}2Jok"), "bye [2K  2Jok");
    }
}
