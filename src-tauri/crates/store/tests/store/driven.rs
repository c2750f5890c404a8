//! The engine on the real journal while its disk gives out: what was sent is found again, and nothing is sent twice.
//!
//! Hosts are files: each attempt's begin is a line in its own file, which outlives the process.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use daytwo_engine::ports::{
    Cancel, Clock, Http, HttpCall, HttpEnd, Kept, PortError, Ports, Secrets, Shell, ShellEnd, ShellEvent, ShellJob,
};
use daytwo_engine::{RunError, Settings, open as open_run, take_up};
use daytwo_model::plan::{Effect, Intent, WayBack};
use daytwo_model::{
    AttemptId, AttemptState, Exit, Host, ProcessIdentity, RunId, RunOutcome, RunStatus, SealedPlan, SecretName,
    SecretValue, Stream, Timestamp,
};
use daytwo_store::{Options, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::course::plan;
use crate::kit::open;

const HOSTS: u32 = 12;
const STEPS: u32 = 4;
/// What every script writes: enough to fill a small disk.
const WRITES_BYTES: usize = 4 * 1024;

/// Hosts in a folder, and everything else that an engine needs.
struct Hosts(PathBuf);

impl Hosts {
    fn file(&self, attempt: AttemptId) -> PathBuf {
        self.0.join(attempt.to_string())
    }

    /// How often each attempt began; 0 for one that was asked about before it arrived.
    fn begun(&self) -> BTreeMap<AttemptId, usize> {
        let files = std::fs::read_dir(&self.0).unwrap().map(Result::unwrap);
        let begun = |text: String| text.lines().filter(|line| *line == "begun").count();
        files
            .map(|file| {
                let attempt = file.file_name().to_string_lossy().parse().unwrap();
                (attempt, begun(std::fs::read_to_string(file.path()).unwrap()))
            })
            .collect()
    }

    fn ports(self: Arc<Self>, store: &Arc<Store>) -> Ports {
        Ports {
            clock: self.clone(),
            journal: store.clone(),
            outputs: store.clone(),
            secrets: self.clone(),
            shell: self.clone(),
            local: self.clone(),
            http: self,
        }
    }

    async fn tell(events: &mpsc::Sender<ShellEvent>) -> ShellEnd {
        let place = Some("/var/tmp/daytwo-0".to_owned());
        let process = ProcessIdentity { pid: 7, place, ..ProcessIdentity::default() };
        drop(events.send(ShellEvent::Started(process)).await);
        let output = Bytes::from(vec![b'x'; WRITES_BYTES]);
        drop(events.send(ShellEvent::Output(Stream::Stdout, output)).await);
        ShellEnd::Exited(Exit::Code(0))
    }
}

impl Clock for Hosts {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    fn new_run(&self) -> RunId {
        RunId::from_uuid(Uuid::new_v4())
    }

    fn new_attempt(&self) -> AttemptId {
        AttemptId::from_uuid(Uuid::new_v4())
    }
}

#[async_trait]
impl Secrets for Hosts {
    async fn read(&self, _name: &SecretName) -> Result<Option<SecretValue>, PortError> {
        Ok(None)
    }
}

#[async_trait]
impl Http for Hosts {
    async fn call(&self, _call: HttpCall, _cancel: CancellationToken) -> HttpEnd {
        HttpEnd::Unreachable { why: "there is no network".into() }
    }
}

#[async_trait]
impl Shell for Hosts {
    async fn run(&self, _host: &Host, job: ShellJob, events: mpsc::Sender<ShellEvent>, _cancel: Cancel) -> ShellEnd {
        let attempt = job.keep.unwrap().attempt;
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(self.file(attempt)).unwrap();
        file.write_all(b"begun\n").unwrap();
        Self::tell(&events).await
    }

    async fn reattach(&self, _host: &Host, kept: Kept, events: mpsc::Sender<ShellEvent>, _cancel: Cancel) -> ShellEnd {
        match std::fs::read_to_string(self.file(kept.attempt)) {
            Ok(text) if text.contains("begun") => Self::tell(&events).await,
            _ => {
                std::fs::write(self.file(kept.attempt), b"fenced\n").unwrap();
                ShellEnd::NotStarted { why: "nothing of it arrived".into() }
            }
        }
    }
}

/// Steps that change something, and are kept by their hosts.
fn changes() -> SealedPlan {
    let mut plan = plan("restart-service", HOSTS, STEPS, Intent::Forward).plan().clone();
    for step in &mut plan.steps {
        (step.effect, step.way_back, step.timeout_ms) = (Effect::Change, WayBack::None, 60_000);
    }
    SealedPlan::seal(plan).unwrap()
}

fn hosts_in(dir: &Path) -> Arc<Hosts> {
    let hosts = dir.join("hosts");
    std::fs::create_dir_all(&hosts).unwrap();
    Arc::new(Hosts(hosts))
}

/// Waits that a test can afford.
fn soon() -> Settings {
    Settings { follow_wait: Duration::from_secs(5), ..Settings::default() }
}

async fn drive(store: &Arc<Store>, hosts: &Arc<Hosts>) -> Result<RunOutcome, RunError> {
    open_run(changes(), "ada".into(), hosts.clone().ports(store), soon()).unwrap().0.run().await
}

/// Another process, on a disk with room, finds out what became of the run; then the journal is what the hosts say.
async fn recovered(dir: &Path, case: &str) {
    let store = open(dir).await;
    let hosts = hosts_in(dir);
    let Some(run) = store.runs(&daytwo_store::RunFilter::default()).await.unwrap().pop() else {
        assert!(hosts.begun().is_empty(), "{case}: something was sent by a run that is not in the journal");
        return;
    };
    let before = hosts.begun();
    if let Some(fence) = store.take_over(run.id).await.unwrap() {
        let plan = store.plan_of(run.id).await.unwrap();
        let mut records = Vec::new();
        loop {
            let page = store.records(run.id, records.len() as u64, 500).await.unwrap();
            records.extend(page.iter().cloned());
            if page.len() < 500 {
                break;
            }
        }
        let (driver, _) = take_up(plan, &records, fence, "bob".into(), hosts.clone().ports(&store), soon()).unwrap();
        driver.run().await.unwrap_or_else(|error| panic!("{case}: {error:?}"));
    }
    let state = store.state_of(run.id).await.unwrap();
    assert!(matches!(state.status(), Some(RunStatus::Ended { .. })), "{case}: {:?}", state.status());
    let begun = hosts.begun();
    assert!(begun.values().all(|times| *times <= 1), "{case}: {begun:?}");
    let anew = begun.iter().filter(|(attempt, times)| **times == 1 && !before.contains_key(attempt)).count();
    assert_eq!(anew, 0, "{case}: sent by whoever took the run up");
    let known = (0..HOSTS).flat_map(|host| (0..STEPS).map(move |step| (host, step)));
    let mut told = 0;
    for attempt in known.filter_map(|(host, step)| state.attempt(host, step)) {
        let Some(id) = attempt.id else { continue };
        let expected = match &attempt.state {
            AttemptState::Finished { exit: Exit::Code(0) } => 1,
            AttemptState::NotStarted { .. } => 0,
            other => panic!("{case}: {other:?}"),
        };
        assert_eq!(begun.get(&id).copied().unwrap_or(0), expected, "{case}: {:?}", attempt.state);
        told += expected;
    }
    assert_eq!(told, begun.values().sum::<usize>(), "{case}: a host did what no record tells");
    store.close().await;
}

#[tokio::test]
async fn a_run_whose_history_is_full_is_taken_up_and_nothing_is_sent_twice() {
    let mut failed = 0;
    for kib in (140..360).step_by(10) {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { database_bytes_max: Some(kib * 1024) };
        let Ok(store) = Store::open(dir.path(), options).await else { continue };
        let outcome = drive(&store, &hosts_in(dir.path())).await;
        store.close().await;
        if let Err(error) = &outcome {
            let full = matches!(error, RunError::Open(_) | RunError::Journal(_));
            assert!(full && format!("{error:?}").contains("full"), "{kib} KiB: {error:?}");
            failed += usize::from(matches!(error, RunError::Journal(_)));
        }
        recovered(dir.path(), &format!("{kib} KiB: {outcome:?}")).await;
    }
    assert!(failed > 3, "{failed} runs had no room on the way");
}

/// Tells a test binary that it is the child: the folder of the history.
const FOLDER: &str = "DAYTWO_STORE_TEST_DRIVEN";

/// Not a test of its own: a console whose files may not grow any further.
#[tokio::test]
#[ignore = "run by the test that starts it as a process"]
async fn child_that_drives() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let store = open(&folder).await;
    println!("ended {:?}", drive(&store, &hosts_in(&folder)).await);
}

/// As in `disk.rs`: what SQLite tells as `SQLITE_IOERR`.
#[cfg(unix)]
#[tokio::test]
async fn a_run_whose_disk_fails_is_taken_up_and_nothing_is_sent_twice() {
    let mut failed = 0;
    for blocks in ["500", "700", "1100"] {
        let dir = tempfile::tempdir().unwrap();
        let out = Command::new("sh")
            .args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"", "sh", blocks])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "driven::child_that_drives", "--ignored", "--nocapture"])
            .env(FOLDER, dir.path())
            .stderr(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        failed += usize::from(said.contains("ended Err(Journal"));
        recovered(dir.path(), &format!("{blocks} blocks: {said}")).await;
    }
    assert!(failed > 0, "no disk failed");
}
