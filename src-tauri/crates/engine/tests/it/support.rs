//! Ports in memory, and what can be asked about a run.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use daytwo_engine::ports::{
    Cancel, Clock, Http, HttpCall, HttpEnd, Outputs, PortError, Ports, Secrets, Shell, ShellEnd, ShellEvent, ShellJob,
};
use daytwo_engine::{Driver, Handle, RunError, Settings, open};
use daytwo_model::{
    AttemptId, AttemptState, Event, Exit, Host, ProcessIdentity, Record, RunId, RunOutcome, RunState, SealedPlan,
    SecretName, SecretValue, SkipReason, Stream, Timestamp,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::desk::{Disk, OnDisk};
pub(crate) use crate::plans::*;

/// How a host answers a script.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) started: bool,
    pub(crate) output: Vec<(Stream, Bytes)>,
    pub(crate) after: Duration,
    pub(crate) end: ShellEnd,
    /// What a cancel brings; none: it is ignored for ever.
    pub(crate) on_cancel: Option<ShellEnd>,
    pub(crate) panics: bool,
    /// Written after this time.
    pub(crate) later: Option<(Duration, Bytes)>,
}

impl Reply {
    pub(crate) fn end(end: ShellEnd) -> Self {
        let on_cancel = Some(ShellEnd::Killed);
        Self { started: true, output: Vec::new(), after: Duration::ZERO, end, on_cancel, panics: false, later: None }
    }

    pub(crate) fn exit(code: i32) -> Self {
        Self::end(ShellEnd::Exited(Exit::Code(code)))
    }

    pub(crate) fn says(text: &str) -> Self {
        Self { output: vec![(Stream::Stdout, Bytes::from(text.to_owned()))], ..Self::exit(0) }
    }

    pub(crate) fn unreachable() -> Self {
        Self { started: false, ..Self::end(ShellEnd::Unreachable { why: "no route".into() }) }
    }

    pub(crate) fn lost() -> Self {
        Self::end(ShellEnd::Unseen { why: "link lost".into() })
    }

    pub(crate) fn hangs() -> Self {
        Self { after: Duration::from_secs(1_000_000), ..Self::exit(0) }
    }
}

type Answers = dyn Fn(&str, &str, usize) -> Reply + Send + Sync;
type HttpAnswers = dyn Fn(&str) -> HttpEnd + Send + Sync;

/// Everything that the engine can touch, and what it did.
pub(crate) struct World {
    pub(crate) records: Mutex<Vec<Record>>,
    pub(crate) outputs: Mutex<HashMap<(AttemptId, Stream), Vec<u8>>>,
    pub(crate) secrets: Mutex<BTreeMap<SecretName, SecretValue>>,
    /// Secrets cannot be read.
    pub(crate) locked: Mutex<bool>,
    /// `(host, script)` in the order in which they were sent.
    pub(crate) sent: Mutex<Vec<(String, String)>>,
    /// By script: who asked for what, of those that are kept on their host.
    pub(crate) kept: Mutex<BTreeMap<String, (String, String)>>,
    pub(crate) urls: Mutex<Vec<String>>,
    /// The write to the journal that fails: 0 is its opening.
    pub(crate) fail_write: Mutex<Option<usize>>,
    pub(crate) writes: AtomicUsize,
    /// How much had been sent when the write failed.
    pub(crate) sent_at_failure: AtomicUsize,
    pub(crate) kills: AtomicUsize,
    pub(crate) at_once: AtomicUsize,
    pub(crate) at_once_most: AtomicUsize,
    /// Scripts that were sent while their intent was not on disk.
    pub(crate) unannounced: Mutex<Vec<String>>,
    answers: Box<Answers>,
    http: Mutex<Box<HttpAnswers>>,
    ids: AtomicU64,
}

impl World {
    /// `answers(host, script, nth time that this host is sent this script)`.
    pub(crate) fn new(answers: impl Fn(&str, &str, usize) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            records: Mutex::default(),
            outputs: Mutex::default(),
            secrets: Mutex::default(),
            locked: Mutex::default(),
            sent: Mutex::default(),
            kept: Mutex::default(),
            urls: Mutex::default(),
            fail_write: Mutex::default(),
            writes: AtomicUsize::new(0),
            sent_at_failure: AtomicUsize::new(0),
            kills: AtomicUsize::new(0),
            at_once: AtomicUsize::new(0),
            at_once_most: AtomicUsize::new(0),
            unannounced: Mutex::default(),
            answers: Box::new(answers),
            http: Mutex::new(Box::new(|_| HttpEnd::answered(200, Bytes::new()))),
            ids: AtomicU64::new(1),
        })
    }

    /// Another process: its ids are new ones.
    pub(crate) fn skip_ids(&self, count: u64) {
        self.ids.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn with_http(self: Arc<Self>, http: impl Fn(&str) -> HttpEnd + Send + Sync + 'static) -> Arc<Self> {
        *self.http.lock().unwrap() = Box::new(http);
        self
    }

    pub(crate) fn with_secret(self: Arc<Self>, name: &str, value: &str) -> Arc<Self> {
        self.secrets.lock().unwrap().insert(SecretName::new(name).unwrap(), SecretValue::new(value));
        self
    }

    pub(crate) fn ports(self: &Arc<Self>) -> Ports {
        Ports {
            clock: self.clone(),
            journal: Arc::new(OnDisk(self.clone())),
            outputs: self.clone(),
            secrets: self.clone(),
            shell: self.clone(),
            local: self.clone(),
            http: self.clone(),
        }
    }

    pub(crate) fn open(self: &Arc<Self>, plan: &SealedPlan) -> (Driver, Handle) {
        open(plan.clone(), "ada".into(), self.ports(), Settings::default()).unwrap()
    }

    pub(crate) async fn run(self: &Arc<Self>, plan: &SealedPlan) -> Result<RunOutcome, RunError> {
        self.open(plan).0.run().await
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.records.lock().unwrap().iter().map(|record| record.event.clone()).collect()
    }

    pub(crate) fn scripts(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|(host, script)| format!("{host}: {script}")).collect()
    }

    /// The state by the records on disk; also checks their chain.
    pub(crate) fn state(&self, plan: &SealedPlan) -> RunState {
        replay(plan, &self.records.lock().unwrap())
    }

    pub(crate) fn stdout(&self) -> String {
        let outputs = self.outputs.lock().unwrap();
        outputs.values().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }
}

pub(crate) fn replay(plan: &SealedPlan, records: &[Record]) -> RunState {
    let mut state = RunState::new(plan.plan());
    let mut previous = None;
    for record in records {
        record.check(previous).unwrap();
        state.apply(&record.event).unwrap();
        previous = Some(record);
    }
    state
}

/// Why a step was skipped on a host.
pub(crate) fn why_skipped(state: &RunState, host: u32, step: u32) -> &SkipReason {
    match state_of(state, host, step) {
        AttemptState::Skipped { why } => why,
        other => panic!("not skipped: {other:?}"),
    }
}

/// The words of one host's steps, for example `["verified", "skipped"]`.
pub(crate) fn words(state: &RunState, host: u32, steps: u32) -> Vec<&'static str> {
    (0..steps).map(|step| state.attempt(host, step).map_or("planned", |attempt| attempt.state.word())).collect()
}

pub(crate) fn state_of(state: &RunState, host: u32, step: u32) -> &AttemptState {
    &state.attempt(host, step).unwrap().state
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
impl Disk for World {
    async fn write(&self, records: &[Record]) -> Result<(), PortError> {
        // A disk takes its time; whoever does not wait for it is found out.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let nth = self.writes.fetch_add(1, Ordering::Relaxed);
        if *self.fail_write.lock().unwrap() == Some(nth) {
            self.sent_at_failure.store(self.sent.lock().unwrap().len(), Ordering::Relaxed);
            return Err(PortError("the disk is full".into()));
        }
        self.records.lock().unwrap().extend_from_slice(records);
        Ok(())
    }
}

#[async_trait]
impl Outputs for World {
    async fn append(&self, attempt: AttemptId, stream: Stream, _at: Timestamp, bytes: Bytes) -> Result<(), PortError> {
        let ended = |event: &Event| matches!(event, Event::AttemptFinished { attempt: of, .. } if *of == attempt);
        assert!(!self.events().iter().any(ended), "output after its attempt's end was journalled");
        self.outputs.lock().unwrap().entry((attempt, stream)).or_default().extend_from_slice(&bytes);
        Ok(())
    }
}

#[async_trait]
impl Secrets for World {
    async fn read(&self, name: &SecretName) -> Result<Option<SecretValue>, PortError> {
        if *self.locked.lock().unwrap() {
            return Err(PortError("the keyring is locked".into()));
        }
        Ok(self.secrets.lock().unwrap().get(name).cloned())
    }
}

#[async_trait]
impl Shell for World {
    async fn run(&self, host: &Host, job: ShellJob, events: mpsc::Sender<ShellEvent>, cancel: Cancel) -> ShellEnd {
        let (name, script) = (host.name.to_string(), job.script.expose().to_owned());
        if let Some(keep) = job.keep {
            self.kept.lock().unwrap().insert(script.clone(), (keep.by, keep.what));
        }
        let nth = {
            let mut sent = self.sent.lock().unwrap();
            sent.push((name.clone(), script.clone()));
            sent.iter().filter(|(host, sent)| *host == name && *sent == script).count() - 1
        };
        if !script.starts_with("check") {
            self.check_announced(&name, &script);
        }
        let reply = (self.answers)(&name, &script, nth);
        assert!(!reply.panics, "the adapter broke");
        let now = self.at_once.fetch_add(1, Ordering::Relaxed) + 1;
        self.at_once_most.fetch_max(now, Ordering::Relaxed);
        let end = self.perform(reply, events, cancel).await;
        self.at_once.fetch_sub(1, Ordering::Relaxed);
        end
    }

    async fn look(&self, _host: &Host, _kept: &daytwo_engine::ports::Kept) -> Option<String> {
        Some("1 process alive; \u{1b}[2Jsudo waits for a terminal".into())
    }
}

impl World {
    /// One `AttemptSent` on disk for each script that this host was sent, this one included.
    fn check_announced(&self, host: &str, script: &str) {
        let index: u32 = host.trim_start_matches('h').parse().unwrap();
        let is_for = |event: &&Event| matches!(event, Event::AttemptSent { host, .. } if *host == index);
        let announced = self.records.lock().unwrap().iter().map(|record| &record.event).filter(is_for).count();
        let is_action = |(of, script): &&(String, String)| of == host && !script.starts_with("check");
        if self.sent.lock().unwrap().iter().filter(is_action).count() > announced {
            self.unannounced.lock().unwrap().push(format!("{host}: {script}"));
        }
    }

    async fn perform(&self, reply: Reply, events: mpsc::Sender<ShellEvent>, cancel: Cancel) -> ShellEnd {
        if reply.started {
            let process = ProcessIdentity { pid: 7, ..ProcessIdentity::default() };
            events.send(ShellEvent::Started(process)).await.unwrap();
        }
        for (stream, bytes) in reply.output {
            let _ = events.send(ShellEvent::Output(stream, bytes)).await;
        }
        let ends = async {
            if let Some((after, bytes)) = reply.later {
                tokio::time::sleep(after).await;
                let _ = events.send(ShellEvent::Output(Stream::Stdout, bytes)).await;
            }
            tokio::time::sleep(reply.after).await;
        };
        tokio::select! {
            () = ends => reply.end,
            () = cancel.cancelled() => match reply.on_cancel {
                Some(end) => {
                    self.kills.fetch_add(1, Ordering::Relaxed);
                    end
                }
                None => std::future::pending().await,
            },
        }
    }
}

#[async_trait]
impl Http for World {
    async fn call(&self, call: HttpCall, _cancel: CancellationToken) -> HttpEnd {
        self.urls.lock().unwrap().push(call.url.expose().to_owned());
        (self.http.lock().unwrap())(call.url.expose())
    }
}
