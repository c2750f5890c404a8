//! The ports of a rehearsed run: hosts and APIs that answer from recordings, a journal in memory, a played clock.
//!
//! What is sent is compared with the plan: a text that no step of the plan has is a defect, and is said.

mod http;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use daytwo_engine::ports::{
    Cancel, Clock, DeadManEnd, Fence, Journal, Kept, Outputs, PortError, Ports, Secrets, Shell, ShellEnd, ShellEvent,
    ShellJob,
};
use daytwo_model::plan::{Action, Intent, PerHost, PlannedStep, Probe};
use daytwo_model::{
    AttemptId, Event, Exit, Host, HostName, Plan, ProcessIdentity, Record, RunId, SealedPlan, SecretName, SecretValue,
    StepId, Stream, Text, Timestamp,
};
use daytwo_runbook::{CancelEffect, HEALTH_STEP, Part, Question, Reply, Says};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::RUN;
use crate::kept::KeptAttempts;
use crate::recordings::Recordings;
use crate::trace::{Due, Sent, Trace};

/// Stands for a secret's value. No quoting changes it, so it is found again in what was sent.
const SECRET: &str = "DAYTWO-REHEARSAL-SECRET-";
/// The process of every attempt: nobody looks for it.
const PID: u32 = 4711;
/// Where played hosts keep attempts: nobody looks there.
const KEPT_IN: &str = "/var/tmp/daytwo-0";
/// The most characters of a text in a message.
const SHOWN_MAX: usize = 200;

/// Everything that a rehearsed run can touch.
pub(crate) struct Stage {
    plan: Arc<SealedPlan>,
    undo: bool,
    recordings: Arc<Recordings>,
    base: Timestamp,
    started: Instant,
    ids: AtomicU64,
    /// The stand-ins of the plan's secrets, and what is shown in their place.
    secrets: Vec<(SecretValue, String)>,
    trace: Mutex<Trace>,
    kept: KeptAttempts,
    /// Told whenever a person is asked.
    questions: Notify,
}

impl Stage {
    /// A stage whose clock starts at `base` now.
    pub(crate) fn new(plan: Arc<SealedPlan>, base: Timestamp, recordings: Arc<Recordings>) -> Self {
        Self {
            undo: matches!(plan.plan().intent, Intent::Undo { .. }),
            trace: Mutex::new(Trace::new(Arc::clone(&plan))),
            secrets: secrets_of(plan.plan()),
            kept: KeptAttempts::default(),
            questions: Notify::new(),
            started: Instant::now(),
            ids: AtomicU64::new(1),
            plan,
            recordings,
            base,
        }
    }

    pub(crate) fn ports(self: &Arc<Self>) -> Ports {
        Ports {
            clock: Arc::<Self>::clone(self),
            journal: Arc::<Self>::clone(self),
            outputs: Arc::<Self>::clone(self),
            secrets: Arc::<Self>::clone(self),
            shell: Arc::<Self>::clone(self),
            local: Arc::<Self>::clone(self),
            http: Arc::<Self>::clone(self),
        }
    }

    /// How long the run has taken so far, in milliseconds of its own time.
    pub(crate) fn took_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// What happened, once nothing uses the stage any more.
    pub(crate) fn into_trace(self) -> Trace {
        self.trace.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn trace(&self) -> MutexGuard<'_, Trace> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Comes back when a person was asked since it was last waited for.
    pub(crate) async fn asked(&self) {
        self.questions.notified().await;
    }

    /// The plan's texts hold secrets by name, what is sent holds their stand-ins.
    fn fill(&self, trace: &Trace, host: u32, text: &Text) -> Option<String> {
        let captured = trace.state().captured(host);
        let filled = text.fill(|name| Some(stand_in(name)), |name| captured.get(name).cloned()).ok()?;
        Some(filled.expose().to_owned())
    }

    /// The reply of a host to what it was sent, or why there is none.
    fn reply(
        &self,
        hosts: impl Iterator<Item = u32>,
        text: &str,
        is_it: impl Fn(&Trace, Due, &Action) -> bool,
    ) -> Result<Asked<'_>, String> {
        let mut trace = self.trace();
        let home = trace.state().home();
        let of_nobody = Due { host: home, step: u32::MAX, part: Part::Action, inverse: false, attempt: None };
        let health = self.plan.plan().limits.health.as_ref();
        if health.is_some_and(|health| is_it(&trace, of_nobody, &health.probe.action)) {
            return self.health(&mut trace, text);
        }
        let due = hosts
            .flat_map(|host| trace.due(host))
            .find(|due| !trace.is_taken(*due) && trace.action(*due).is_some_and(|action| is_it(&trace, *due, action)))
            .ok_or_else(|| {
                let why = format!("something is sent that no step of the plan has now: {}", shown(text));
                trace.miss(why.clone());
                why
            });
        let due = due?;
        trace.take(due);
        let step = trace.step(due.step).map(|step| step.id.clone());
        let host = self.plan.plan().hosts.get(due.host as usize).map(|host| host.name.clone());
        let (Some(step), Some(host)) = (step, host) else { return Err("the plan has no such step".to_owned()) };
        let question = Question { step, undo: self.undo || due.inverse, part: due.part };
        self.given(&mut trace, Some(due), host, question, text)
    }

    /// The reply to what is asked between batches: nobody's step, and of no host.
    fn health(&self, trace: &mut Trace, text: &str) -> Result<Asked<'_>, String> {
        let step = StepId::new(HEALTH_STEP).map_err(|error| error.to_string())?;
        let host = self.plan.plan().hosts.get(trace.state().home() as usize).map(|host| host.name.clone());
        let question = Question { step, undo: false, part: Part::Action };
        self.given(trace, None, host.ok_or("the plan has no host")?, question, text)
    }

    fn given(
        &self,
        trace: &mut Trace,
        due: Option<Due>,
        host: HostName,
        question: Question,
        text: &str,
    ) -> Result<Asked<'_>, String> {
        trace.note(Sent { question: question.clone(), host: host.clone(), text: self.unmasked_names(text) });
        match self.recordings.give(&question, &host) {
            Some(reply) => Ok(Asked { stage: self, due, host, question, reply }),
            None => {
                let why = format!("{host} is asked {question}, and no reply is recorded");
                trace.miss(why.clone());
                due.into_iter().for_each(|due| trace.release(due));
                Err(why)
            }
        }
    }

    /// Secrets by their names again.
    fn unmasked_names(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        for (value, name) in &self.secrets {
            shown = shown.replace(value.expose(), name);
        }
        shown
    }
}

/// What was asked, until it is answered or given up.
struct Asked<'a> {
    stage: &'a Stage,
    /// None for what belongs to no step.
    due: Option<Due>,
    host: HostName,
    question: Question,
    reply: Reply,
}

impl Asked<'_> {
    fn wrong_kind(&self, what: &str) -> String {
        let why = format!("{} is asked {}, and its reply is not one of {what}", self.host, self.question);
        self.stage.trace().miss(why.clone());
        why
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if let Some(due) = self.due {
            self.stage.trace().release(due);
        }
    }
}

/// The value of a secret in a rehearsal. Of its name it holds what no quoting changes.
fn stand_in(name: &SecretName) -> SecretValue {
    let plain: String = name.as_str().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    // The length keeps two names apart of which one begins like the other.
    SecretValue::new(format!("{SECRET}{}-{plain}-END", name.as_str().len()))
}

/// The stand-in of each secret that a plan may send, with what is shown in its place.
fn secrets_of(plan: &Plan) -> Vec<(SecretValue, String)> {
    let of_step = |step: &PlannedStep| -> BTreeSet<SecretName> {
        let probes = step.check.iter().chain(step.verify.iter().map(|verify| &verify.probe));
        let of_probes = probes.flat_map(PerHost::variants).flat_map(Probe::texts);
        step.action.variants().iter().flat_map(Action::texts).chain(of_probes).flat_map(Text::secrets).collect()
    };
    let names: BTreeSet<SecretName> = plan.steps.iter().flat_map(of_step).collect();
    names.into_iter().map(|name| (stand_in(&name), format!("‹secret {name}›"))).collect()
}

fn shown(text: &str) -> String {
    let text = if text.contains(SECRET) { "(it holds a secret)" } else { text };
    text.chars().take(SHOWN_MAX).collect()
}

impl Clock for Stage {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.took_ms()).unwrap_or(i64::MAX);
        Timestamp::from_unix_ms(self.base.unix_ms().saturating_add(passed))
    }

    fn new_run(&self) -> RunId {
        RUN
    }

    fn new_attempt(&self) -> AttemptId {
        AttemptId::from_uuid(Uuid::from_u128(u128::from(self.ids.fetch_add(1, Ordering::Relaxed))))
    }
}

#[async_trait]
impl Journal for Stage {
    async fn open(&self, _plan: &SealedPlan, first: &Record) -> Result<Fence, PortError> {
        let fence = Fence { run: first.run, token: 1 };
        Journal::append(self, fence, std::slice::from_ref(first)).await?;
        Ok(fence)
    }

    async fn append(&self, _fence: Fence, records: &[Record]) -> Result<(), PortError> {
        self.trace().record(records).map_err(|error| PortError(error.to_string()))?;
        if records.iter().any(|record| matches!(record.event, Event::QuestionAsked { .. })) {
            self.questions.notify_one();
        }
        Ok(())
    }
}

#[async_trait]
impl Outputs for Stage {
    async fn append(&self, _attempt: AttemptId, _stream: Stream, _at: Timestamp, _: Bytes) -> Result<(), PortError> {
        Ok(())
    }
}

#[async_trait]
impl Secrets for Stage {
    async fn read(&self, name: &SecretName) -> Result<Option<SecretValue>, PortError> {
        Ok(Some(stand_in(name)))
    }
}

#[async_trait]
impl Shell for Stage {
    async fn run(&self, host: &Host, job: ShellJob, events: mpsc::Sender<ShellEvent>, cancel: Cancel) -> ShellEnd {
        let index = (0_u32..).zip(&self.plan.plan().hosts).find(|(_, of_plan)| of_plan.name == host.name);
        let sent = job.script.expose();
        let is_it = |trace: &Trace, due: Due, action: &Action| match action {
            Action::Run { script, run_as, .. } => {
                *run_as == job.run_as && self.fill(trace, due.host, script).as_deref() == Some(sent)
            }
            _ => false,
        };
        let asked = match self.reply(index.map(|(index, _)| index).into_iter(), sent, is_it) {
            Ok(asked) => asked,
            Err(why) => return ShellEnd::Refused { why },
        };
        if let Some(keep) = &job.keep {
            self.kept.keep(keep.attempt, &asked.reply.says);
        }
        match answer(&asked.reply) {
            Some(answer) => {
                // What outlives its link is kept in a folder there; a read is attached to the connection.
                let place = job.keep.as_ref().map(|keep| format!("{KEPT_IN}/{}", keep.attempt));
                let identity = ProcessIdentity { pid: PID, place, ..ProcessIdentity::default() };
                process(&asked.reply, answer, identity, events, cancel).await
            }
            None => ShellEnd::Refused { why: asked.wrong_kind("stdout, stderr, exit and signal") },
        }
    }

    async fn reattach(&self, _host: &Host, kept: Kept, _events: mpsc::Sender<ShellEvent>, _cancel: Cancel) -> ShellEnd {
        self.kept.found(kept.attempt)
    }

    async fn disarm(&self, _host: &Host, kept: &Kept) -> DeadManEnd {
        self.kept.disarmed(kept.attempt)
    }
}

/// What a process writes and how it ends; none where the reply is not that of a process.
fn answer(reply: &Reply) -> Option<(&str, &str, ShellEnd)> {
    let unseen = |why: &str| ShellEnd::Unseen { why: why.to_owned() };
    Some(match &reply.says {
        Says::Answer { .. } => return None,
        Says::Process { stdout, stderr, end } => {
            let exit = end.clone().map_or_else(Exit::Signal, Exit::Code);
            (stdout.as_str(), stderr.as_str(), ShellEnd::Exited(exit))
        }
        Says::Fine | Says::Never => ("", "", ShellEnd::Exited(Exit::Code(0))),
        Says::Lost => ("", "", unseen("the link was lost before the end was seen")),
        Says::Reboot => ("", "", unseen("the host rebooted before the end was seen")),
        Says::NotStarted => ("", "", unseen("the link was lost before it began")),
        Says::Unreachable => ("", "", ShellEnd::Unreachable { why: "no connection could be had".to_owned() }),
        Says::Refused => ("", "", ShellEnd::Refused { why: "the host refused".to_owned() }),
    })
}

async fn process(
    reply: &Reply,
    (stdout, stderr, end): (&str, &str, ShellEnd),
    identity: ProcessIdentity,
    events: mpsc::Sender<ShellEvent>,
    cancel: Cancel,
) -> ShellEnd {
    let after = Duration::from_millis(reply.after_ms);
    if matches!(end, ShellEnd::Unreachable { .. } | ShellEnd::Refused { .. }) {
        // Nothing was started: there is nothing to kill, and the attempt to connect is given up.
        tokio::select! {
            () = sleep(after) => {}
            () = cancel.cancelled() => {}
        }
        return end;
    }
    if reply.says == Says::NotStarted {
        sleep(after).await;
        return end;
    }
    // A closed channel means that nobody listens any more, and the end is told to the caller all the same.
    let _ = events.send(ShellEvent::Started(identity)).await;
    for (stream, text) in [(Stream::Stdout, stdout), (Stream::Stderr, stderr)] {
        if !text.is_empty() {
            let _ = events.send(ShellEvent::Output(stream, Bytes::copy_from_slice(text.as_bytes()))).await;
        }
    }
    let ending = async {
        match reply.says {
            Says::Never => std::future::pending().await,
            _ => sleep(after).await,
        }
    };
    tokio::select! {
        biased;
        () = ending => end,
        () = cancel.cancelled() => match reply.cancel {
            CancelEffect::Killed => ShellEnd::Killed,
            CancelEffect::Unseen => ShellEnd::Unseen { why: "it was told to stop, and not seen dead".to_owned() },
        },
    }
}
