//! A host that can keep nothing runs what it is sent attached to the connection. Nobody ever takes such a host's
//! "I hold nothing of it" for "it was never begun", whenever the console dies.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use daytwo_engine::ports::{Cancel, Fence, Kept, Ports, Shell, ShellEnd, ShellEvent, ShellJob};
use daytwo_engine::{Driver, Settings, open, take_up};
use daytwo_model::event::Note;
use daytwo_model::plan::{PerHost, WayBack};
use daytwo_model::{Event, Exit, Host, ProcessIdentity, RunOutcome, RunState, SealedPlan, Text};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::farm::{Farm, Faults};
use crate::support::{plan, replay, script, seal, steps, words};

/// Longer than everything together.
const LONG: Duration = Duration::from_secs(3_600);
const LACKS: &str = "h0 cannot keep it: it has no place that can be written";

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A farm behind which no place can be written at first.
struct Homeless {
    farm: Arc<Farm>,
    can_keep: AtomicBool,
    /// What has begun attached.
    ran: Mutex<Vec<String>>,
    asked: Mutex<Vec<Kept>>,
}

impl Homeless {
    fn new(faults: Faults) -> Arc<Self> {
        let farm = Farm::new(faults);
        Arc::new(Self { farm, can_keep: AtomicBool::new(false), ran: Mutex::default(), asked: Mutex::default() })
    }

    fn ports(self: &Arc<Self>) -> Ports {
        Ports { shell: self.clone(), ..self.farm.ports() }
    }

    fn open(self: &Arc<Self>, plan: &SealedPlan) -> Driver {
        open(plan.clone(), "ada".into(), self.ports(), Settings::default()).unwrap().0
    }

    fn again(self: &Arc<Self>, plan: &SealedPlan) -> Driver {
        let records = self.farm.records.lock().unwrap().clone();
        let fence = Fence { run: records[0].run, token: 2 };
        take_up(plan.clone(), &records, fence, "bob".into(), self.ports(), Settings::default()).unwrap().0
    }

    /// Until its end, or until the console dies: then none.
    async fn drive(self: &Arc<Self>, driver: Driver) -> Option<RunOutcome> {
        let dies_at = self.farm.faults.lock().unwrap().dies_at;
        tokio::select! {
            biased;
            () = self.farm.dead.notified() => None,
            () = sleep(dies_at.unwrap_or_default()), if dies_at.is_some() => None,
            ended = timeout(LONG, driver.run()) => Some(ended.unwrap().unwrap()),
        }
    }

    fn events(&self) -> Vec<Event> {
        self.farm.records.lock().unwrap().iter().map(|record| record.event.clone()).collect()
    }

    fn state(&self, plan: &SealedPlan) -> RunState {
        replay(plan, &self.farm.records.lock().unwrap())
    }

    fn notes(&self) -> Vec<Note> {
        let note = |event| match event {
            Event::AttemptNoted { note, .. } => Some(note),
            _ => None,
        };
        self.events().into_iter().filter_map(note).collect()
    }
}

#[async_trait]
impl Shell for Homeless {
    async fn run(&self, host: &Host, job: ShellJob, events: mpsc::Sender<ShellEvent>, cancel: Cancel) -> ShellEnd {
        if self.can_keep.load(Ordering::Relaxed) {
            return self.farm.run(host, job, events, cancel).await;
        }
        sleep(ms(10)).await;
        if job.keep.is_some() {
            sleep(ms(10)).await;
            return ShellEnd::CannotKeep { why: LACKS.into() };
        }
        let noted = self.notes().contains(&Note::Attached { why: LACKS.into() });
        assert!(noted, "it is sent before it is on disk that it runs attached");
        self.ran.lock().unwrap().push(job.script.expose().to_owned());
        sleep(ms(10)).await;
        let _ = events.send(ShellEvent::Started(ProcessIdentity { pid: 7, ..ProcessIdentity::default() })).await;
        tokio::select! {
            () = sleep(ms(300)) => ShellEnd::Exited(Exit::Code(0)),
            () = cancel.cancelled() => ShellEnd::Killed,
        }
    }

    /// Answers as if it knew nothing of attached scripts: what the engine makes of that is tested here.
    async fn reattach(&self, host: &Host, kept: Kept, events: mpsc::Sender<ShellEvent>, cancel: Cancel) -> ShellEnd {
        self.asked.lock().unwrap().push(kept.clone());
        self.farm.reattach(host, kept, events, cancel).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_can_keep_nothing_runs_it_attached_and_that_is_on_disk_first() {
    let plan = seal(plan(1, &[1], steps(1, 2)));
    let host = Homeless::new(Faults::default());
    assert_eq!(host.drive(host.open(&plan)).await, Some(RunOutcome::Succeeded));
    assert_eq!(*host.ran.lock().unwrap(), ["do 0", "do 1"]);
    let noted = Note::Attached { why: LACKS.into() };
    assert_eq!(host.notes(), [noted.clone(), noted]);
    assert!(host.state(&plan).attempt(0, 0).unwrap().attached);
}

/// For every write of the journal and many moments: whatever the next console says, it is not that nothing began
/// where something did.
#[tokio::test(start_paused = true)]
async fn a_console_that_dies_at_any_moment_never_says_that_it_did_not_begin_if_it_did() {
    let plan = seal(plan(1, &[1], steps(1, 1)));
    let whole = Homeless::new(Faults::default());
    whole.drive(whole.open(&plan)).await.unwrap();
    let writes = whole.farm.appends.lock().unwrap().len();
    let by_write = (1..writes).map(|nth| Faults { dies_after_write: Some(nth), ..Faults::default() });
    let by_time = (1..60).map(|at| Faults { dies_at: Some(ms(at)), ..Faults::default() });
    let (mut never_began, mut not_known) = (0, 0);
    for faults in by_write.chain(by_time) {
        let case = format!("{faults:?}");
        let host = Homeless::new(faults);
        assert_eq!(host.drive(host.open(&plan)).await, None, "{case}");
        host.can_keep.store(true, Ordering::Relaxed);
        {
            let mut faults = host.farm.faults.lock().unwrap();
            (faults.dies_after_write, faults.dies_at) = (None, None);
        }
        if host.events().is_empty() {
            continue;
        }
        let was_noted = host.notes().iter().any(|note| matches!(note, Note::Attached { .. }));
        host.drive(host.again(&plan)).await.unwrap();
        let state = host.state(&plan);
        let ran = host.ran.lock().unwrap().len();
        match words(&state, 0, 1)[0] {
            "not started" => {
                assert!(ran == 0 && !was_noted, "{case}: {:?}", host.events());
                never_began += 1;
            }
            "unknown" => {
                assert!(was_noted, "{case}: {:?}", host.events());
                assert!(host.asked.lock().unwrap().iter().all(|kept| kept.attached), "{case}");
                not_known += 1;
            }
            "finished" => assert_eq!(ran, 1, "{case}"),
            "skipped" => assert_eq!(ran, 0, "{case}"),
            other => panic!("{case}: {other}"),
        }
        // Asked again, nothing else is said.
        let records = host.events().len();
        host.drive(host.again(&plan)).await.unwrap();
        assert_eq!(host.events().len(), records, "{case}");
    }
    assert!(never_began > 3 && not_known > 3, "{never_began} {not_known}");
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_does_not_take_the_note_lets_nothing_be_sent() {
    let plan = seal(plan(1, &[1], steps(1, 1)));
    let writes_before = {
        let host = Homeless::new(Faults::default());
        host.drive(host.open(&plan)).await.unwrap();
        host.events().iter().position(|event| matches!(event, Event::AttemptNoted { .. })).unwrap()
    };
    let host = Homeless::new(Faults::default());
    let driver = host.open(&plan);
    let fails = async {
        while host.events().len() < writes_before {
            sleep(ms(1)).await;
        }
        host.farm.faults.lock().unwrap().fails_from_write = Some(1);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = driver.run() => assert!(ended.is_err()),
        () = fails => {}
    }
    assert!(host.ran.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_needs_a_dead_man_switch_is_not_run_without() {
    let mut steps = steps(1, 1);
    steps[0].dead_man_ms = Some(1_000);
    steps[0].way_back = WayBack::Inverse { action: PerHost::same(script(Text::plain("undo 0")), 1), verify: None };
    let plan = seal(plan(1, &[1], steps));
    let host = Homeless::new(Faults::default());
    assert_eq!(host.drive(host.open(&plan)).await, Some(RunOutcome::Failed));
    assert_eq!(words(&host.state(&plan), 0, 1), ["refused"]);
    assert!(host.ran.lock().unwrap().is_empty() && host.notes().is_empty());
}
