//! Hosts in memory that keep what they are sent, behind links that can be cut, with a journal and a store that
//! outlive the console. Everything follows from the schedule of faults and the (paused) clock.
//!
//! A script `do N` writes `one N` after 100 ms and `two N` after 200 ms, and ends after 300 ms with exit 0. A host is
//! 10 ms away, each way.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use daytwo_engine::ports::{
    Cancel, Clock, DeadManEnd, Kept, KeptOutput, KeptStream, Outputs, PortError, Ports, Shell, ShellEnd, ShellEvent,
    ShellJob,
};
use daytwo_model::{AttemptId, Digest, Exit, Host, ProcessIdentity, Record, RunId, Stream, Timestamp};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use crate::desk::{Bare, Disk, OnDisk};

/// One way from the console to a host.
const WAY: Duration = Duration::from_millis(10);
/// How long a host takes to say that it does not answer.
const NO_ROUTE: Duration = Duration::from_secs(1);

/// What goes wrong, by the time since the farm began.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    /// From and until when no link stands.
    pub(crate) cut: Option<(Duration, Duration)>,
    /// What was on its way when the link was cut still arrives, when it is back.
    pub(crate) late: bool,
    pub(crate) reboot: Option<Duration>,
    /// The console dies when it has written this many times.
    pub(crate) dies_after_write: Option<usize>,
    /// This write fails, and those after it.
    pub(crate) fails_from_write: Option<usize>,
    /// It dies then.
    pub(crate) dies_at: Option<Duration>,
    /// A dead-man switch ends a script's shell, and not all that it had started.
    pub(crate) outlives_its_switch: bool,
    /// What outlived it has come to its end since.
    pub(crate) has_ended_since: bool,
}

#[derive(Debug)]
enum Folder {
    /// Somebody asked for it before it arrived: it is refused.
    Fenced,
    Begun {
        at: Instant,
        script: String,
        killed: Option<Instant>,
        decided: Option<Decided>,
        dead_man: Option<Duration>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decided {
    Disarmed,
}

/// What became of an attempt, by its host.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    Nothing,
    Runs,
    Ended,
    Killed,
    /// The host went down under it.
    HalfHappened,
}

#[derive(Default)]
struct Boxed {
    folders: BTreeMap<AttemptId, Folder>,
    arriving: Vec<(Instant, AttemptId, String, Option<Duration>)>,
    /// How often the script of an attempt began.
    begun: BTreeMap<AttemptId, u32>,
}

pub(crate) struct Farm {
    start: Instant,
    pub(crate) faults: Mutex<Faults>,
    hosts: Mutex<BTreeMap<String, Boxed>>,
    pub(crate) records: Mutex<Vec<Record>>,
    pub(crate) appends: Mutex<Vec<usize>>,
    pub(crate) outputs: Mutex<HashMap<(AttemptId, Stream), Vec<u8>>>,
    pub(crate) dead: Notify,
    pub(crate) asked: Mutex<Vec<AttemptId>>,
    ids: AtomicU64,
}

impl Farm {
    pub(crate) fn new(faults: Faults) -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            faults: Mutex::new(faults),
            hosts: Mutex::default(),
            records: Mutex::default(),
            appends: Mutex::default(),
            outputs: Mutex::default(),
            dead: Notify::new(),
            asked: Mutex::default(),
            ids: AtomicU64::new(1),
        })
    }

    pub(crate) fn ports(self: &Arc<Self>) -> Ports {
        Ports {
            clock: self.clone(),
            journal: Arc::new(OnDisk(self.clone())),
            outputs: self.clone(),
            secrets: Arc::new(Bare),
            shell: self.clone(),
            local: self.clone(),
            http: Arc::new(Bare),
        }
    }

    /// How often the script of each attempt began on a host, whatever is still on its way included.
    pub(crate) fn begun(&self, host: &str) -> BTreeMap<AttemptId, u32> {
        self.hosts.lock().unwrap().get(host).map(|host| host.begun.clone()).unwrap_or_default()
    }

    pub(crate) fn truth(&self, host: &str, attempt: AttemptId) -> Truth {
        self.settle();
        let hosts = self.hosts.lock().unwrap();
        let Some(Folder::Begun { at, killed, .. }) = hosts.get(host).and_then(|host| host.folders.get(&attempt)) else {
            return Truth::Nothing;
        };
        self.fate(*at, *killed, Instant::now())
    }

    pub(crate) fn stdout(&self, attempt: AttemptId) -> String {
        let outputs = self.outputs.lock().unwrap();
        String::from_utf8(outputs.get(&(attempt, Stream::Stdout)).cloned().unwrap_or_default()).unwrap()
    }

    fn is_cut(&self) -> bool {
        let now = self.start.elapsed();
        self.faults.lock().unwrap().cut.is_some_and(|(from, to)| from <= now && now < to)
    }

    fn reboot(&self) -> Option<Instant> {
        self.faults.lock().unwrap().reboot.map(|at| self.start + at).filter(|at| *at <= Instant::now())
    }

    fn fate(&self, at: Instant, killed: Option<Instant>, now: Instant) -> Truth {
        let end = at + Duration::from_millis(300);
        let down = self.reboot().filter(|down| at <= *down && *down < end);
        match (killed, down) {
            (Some(killed), down) if down.is_none_or(|down| killed < down) => Truth::Killed,
            (_, Some(_)) => Truth::HalfHappened,
            _ if now >= end => Truth::Ended,
            _ => Truth::Runs,
        }
    }

    /// What has arrived by now begins.
    fn settle(&self) {
        for host in self.hosts.lock().unwrap().values_mut() {
            let (arrived, arriving): (Vec<_>, Vec<_>) =
                std::mem::take(&mut host.arriving).into_iter().partition(|(at, ..)| *at <= Instant::now());
            host.arriving = arriving;
            for (at, attempt, script, dead_man) in arrived {
                if let std::collections::btree_map::Entry::Vacant(place) = host.folders.entry(attempt) {
                    place.insert(Folder::Begun { at, script, killed: None, decided: None, dead_man });
                    *host.begun.entry(attempt).or_default() += 1;
                }
            }
        }
    }

    /// What a console sees of an attempt now: what it wrote, whether it is over, when something changes next.
    fn view(&self, host: &str, attempt: AttemptId) -> Option<(String, Truth, Option<Instant>)> {
        self.settle();
        let hosts = self.hosts.lock().unwrap();
        let Folder::Begun { at, script, killed, .. } = hosts.get(host)?.folders.get(&attempt)? else { return None };
        let seen = Instant::now() - WAY;
        let mut wrote = String::new();
        let mut next = None;
        for (after, text) in [(100, format!("one {script}\n")), (200, format!("two {script}\n")), (300, String::new())]
        {
            let when = *at + Duration::from_millis(after);
            let alive =
                killed.is_none_or(|killed| when < killed) && self.reboot().is_none_or(|down| when < down || down < *at);
            if when <= seen && alive {
                wrote.push_str(&text);
            } else if when > seen && next.is_none() {
                next = Some(when + WAY);
            }
        }
        Some((wrote, self.fate(*at, *killed, seen), next))
    }

    async fn follow(
        &self,
        host: &str,
        attempt: AttemptId,
        mut have: usize,
        events: &mpsc::Sender<ShellEvent>,
        cancel: &Cancel,
    ) -> ShellEnd {
        loop {
            if self.is_cut() {
                return ShellEnd::Unseen { why: "the link is cut".into() };
            }
            let Some((wrote, truth, next)) = self.view(host, attempt) else {
                return ShellEnd::Refused { why: "it is fenced".into() };
            };
            if wrote.len() > have {
                let new = Bytes::from(wrote.as_bytes()[have..].to_vec());
                have = wrote.len();
                let _ = events.send(ShellEvent::Output(Stream::Stdout, new)).await;
            }
            match truth {
                Truth::Ended if self.faults.lock().unwrap().outlives_its_switch => return ShellEnd::DeadMan,
                Truth::Ended => return ShellEnd::Exited(Exit::Code(0)),
                Truth::Killed => return ShellEnd::Killed,
                Truth::HalfHappened => return ShellEnd::Lost { why: "the host has been started since".into() },
                Truth::Nothing | Truth::Runs => {}
            }
            let faults = self.faults.lock().unwrap().clone();
            let wakes = [next, faults.cut.map(|(from, _)| self.start + from), faults.reboot.map(|at| self.start + at)];
            let wake = wakes.into_iter().flatten().filter(|at| *at > Instant::now()).min();
            tokio::select! {
                biased;
                () = cancel.cancelled() => {
                    if let Some(Folder::Begun { killed, .. }) =
                        self.hosts.lock().unwrap().get_mut(host).and_then(|host| host.folders.get_mut(&attempt))
                    {
                        killed.get_or_insert(Instant::now());
                    }
                    sleep(WAY).await;
                }
                () = sleep_until(wake.unwrap_or_else(|| Instant::now() + WAY)) => {}
            }
            if self.faults.lock().unwrap().reboot.is_some_and(|at| self.start + at == Instant::now()) {
                return ShellEnd::Unseen { why: "the host closed the connection".into() };
            }
        }
    }
}

#[async_trait]
impl Disk for Farm {
    async fn write(&self, records: &[Record]) -> Result<(), PortError> {
        sleep(Duration::from_millis(1)).await;
        let nth = self.appends.lock().unwrap().len() + 1;
        if self.faults.lock().unwrap().fails_from_write.is_some_and(|from| from <= nth) {
            return Err(PortError("the disk is full".into()));
        }
        self.records.lock().unwrap().extend_from_slice(records);
        let writes = {
            let mut appends = self.appends.lock().unwrap();
            appends.push(records.len());
            appends.len()
        };
        if self.faults.lock().unwrap().dies_after_write == Some(writes) {
            self.dead.notify_one();
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

fn identity() -> ProcessIdentity {
    ProcessIdentity { pid: 7, place: Some("/var/tmp/daytwo-0".into()), ..ProcessIdentity::default() }
}

impl Clock for Farm {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(i64::try_from(self.start.elapsed().as_millis()).unwrap())
    }

    fn new_run(&self) -> RunId {
        RunId::from_uuid(Uuid::from_u128(0xA))
    }

    fn new_attempt(&self) -> AttemptId {
        AttemptId::from_uuid(Uuid::from_u128(u128::from(self.ids.fetch_add(1, Ordering::Relaxed))))
    }
}

#[async_trait]
impl Outputs for Farm {
    async fn append(&self, attempt: AttemptId, stream: Stream, _at: Timestamp, bytes: Bytes) -> Result<(), PortError> {
        self.outputs.lock().unwrap().entry((attempt, stream)).or_default().extend_from_slice(&bytes);
        Ok(())
    }

    async fn kept(&self, attempt: AttemptId) -> Result<KeptOutput, PortError> {
        let outputs = self.outputs.lock().unwrap();
        let of = |stream| {
            let bytes = outputs.get(&(attempt, stream)).cloned().unwrap_or_default();
            KeptStream { bytes: bytes.len() as u64, digest: Digest::of(&bytes) }
        };
        Ok(KeptOutput { stdout: of(Stream::Stdout), stderr: of(Stream::Stderr) })
    }
}

#[async_trait]
impl Shell for Farm {
    async fn run(&self, host: &Host, job: ShellJob, events: mpsc::Sender<ShellEvent>, cancel: Cancel) -> ShellEnd {
        let name = host.name.to_string();
        if self.is_cut() {
            return ShellEnd::Unreachable { why: "no route".into() };
        }
        let Some(keep) = job.keep else {
            sleep(WAY * 2).await;
            let _ = events.send(ShellEvent::Output(Stream::Stdout, Bytes::from_static(b"active"))).await;
            return ShellEnd::Exited(Exit::Code(0));
        };
        let arrives = Instant::now() + WAY;
        let faults = self.faults.lock().unwrap().clone();
        let cut = faults.cut.filter(|(from, _)| self.start + *from <= arrives && self.start.elapsed() < *from);
        let arrival = match cut {
            None => Some(arrives),
            Some((_, to)) => faults.late.then(|| self.start + to),
        };
        let dead_man = keep.dead_man.map(|dead_man| dead_man.after);
        let script = job.script.expose().to_owned();
        self.hosts
            .lock()
            .unwrap()
            .entry(name.clone())
            .or_default()
            .arriving
            .extend(arrival.map(|at| (at, keep.attempt, script, dead_man)));
        if let Some((from, _)) = cut {
            sleep_until(self.start + from).await;
            return ShellEnd::Unseen { why: "the link is cut".into() };
        }
        sleep(WAY * 2).await;
        if !self.is_cut() {
            let _ = events.send(ShellEvent::Started(identity())).await;
        }
        self.follow(&name, keep.attempt, 0, &events, &cancel).await
    }

    async fn reattach(&self, host: &Host, kept: Kept, events: mpsc::Sender<ShellEvent>, cancel: Cancel) -> ShellEnd {
        let name = host.name.to_string();
        self.asked.lock().unwrap().push(kept.attempt);
        if self.is_cut() {
            sleep(NO_ROUTE).await;
            return ShellEnd::Unseen { why: "no route".into() };
        }
        sleep(WAY).await;
        self.settle();
        let up = self.reboot().map_or(Duration::MAX, |down| down.elapsed());
        let answer = {
            let mut hosts = self.hosts.lock().unwrap();
            let folders = &mut hosts.entry(name.clone()).or_default().folders;
            match folders.get(&kept.attempt) {
                None if up < kept.sent_ago => Some(ShellEnd::Lost { why: "the host has been started since".into() }),
                None | Some(Folder::Fenced) => {
                    folders.insert(kept.attempt, Folder::Fenced);
                    Some(ShellEnd::NotStarted { why: "nothing of it arrived".into() })
                }
                Some(Folder::Begun { .. }) => None,
            }
        };
        sleep(WAY).await;
        match answer {
            _ if self.is_cut() => ShellEnd::Unseen { why: "the link is cut".into() },
            Some(end) => end,
            None => {
                let _ = events.send(ShellEvent::Started(identity())).await;
                self.follow(&name, kept.attempt, usize::try_from(kept.have.0).unwrap(), &events, &cancel).await
            }
        }
    }

    async fn disarm(&self, host: &Host, kept: &Kept) -> DeadManEnd {
        if self.is_cut() {
            sleep(NO_ROUTE).await;
            return DeadManEnd::Unknown { why: "no route".into() };
        }
        sleep(WAY).await;
        self.settle();
        let mut hosts = self.hosts.lock().unwrap();
        let folder = hosts.get_mut(host.name.as_str()).and_then(|host| host.folders.get_mut(&kept.attempt));
        match folder {
            Some(Folder::Begun { at, decided, dead_man: Some(after), .. }) => {
                if decided.is_none() && *at + *after <= Instant::now() {
                    let Faults { outlives_its_switch, has_ended_since, .. } = *self.faults.lock().unwrap();
                    match (outlives_its_switch, has_ended_since) {
                        (true, false) => {
                            let why = "the switch fired, and the script could not be ended".into();
                            return DeadManEnd::Failed { why, over: false };
                        }
                        (true, true) => {
                            return DeadManEnd::Failed { why: "nothing of it runs any more".into(), over: true };
                        }
                        (false, _) => {}
                    }
                    return DeadManEnd::Fired(Some(Exit::Code(0)));
                }
                *decided = Some(Decided::Disarmed);
                DeadManEnd::Disarmed
            }
            _ => DeadManEnd::Unknown { why: "it keeps nothing of it".into() },
        }
    }

    async fn look(&self, _host: &Host, _kept: &Kept) -> Option<String> {
        Some("1 process alive".into())
    }
}
