//! The journal comes first, and what it does not take does not happen.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use daytwo_engine::ports::{Fence, Journal, PortError};
use daytwo_engine::{RunError, Settings, open, take_up};
use daytwo_model::{Event, Record, RunOutcome, SealedPlan};
use tokio::sync::Semaphore;

use crate::desk::OnDisk;
use crate::farm::{Farm, Faults};
use crate::support::{Reply, World, plan, replay, seal, steps, verified, words};

#[tokio::test(start_paused = true)]
async fn the_intent_is_on_disk_before_anything_is_sent() {
    let steps = steps(20, 3).into_iter().map(|step| verified(step, 20, 1000)).collect();
    let mut plan = plan(20, &[1, 4, 15], steps);
    plan.limits.hosts_at_once_max = 7;
    let plan = seal(plan);
    let world = World::new(|_, script, _| if script == "check" { Reply::says("active") } else { Reply::exit(0) });
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    assert_eq!(*world.unannounced.lock().unwrap(), Vec::<String>::new());
    assert_eq!(world.sent.lock().unwrap().len(), 20 * 3 * 2);
    let writes = world.writes.load(Ordering::Relaxed);
    assert!(writes < world.records.lock().unwrap().len() / 2, "{writes} writes: facts do not share them");
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_write_nothing_is_sent_and_nothing_is_claimed() {
    // Every write of a run of two batches in turn, until one run gets through without a failure.
    for nth in 0.. {
        let plan = seal(plan(4, &[1, 3], steps(4, 2)));
        let world = World::new(|_, _, _| Reply { after: Duration::from_millis(10), ..Reply::exit(0) });
        *world.fail_write.lock().unwrap() = Some(nth);
        let (driver, handle) = world.open(&plan);
        let result = driver.run().await;
        assert_eq!(*world.unannounced.lock().unwrap(), Vec::<String>::new());
        // What others see is what is on disk.
        let on_disk = world.state(&plan);
        assert_eq!(handle.state().status(), on_disk.status());
        assert_eq!(handle.state().in_flight(), on_disk.in_flight());
        match result {
            Ok(outcome) => {
                assert_eq!(outcome, RunOutcome::Succeeded);
                assert!(nth > 8, "only {nth} writes");
                return;
            }
            Err(RunError::Open(_)) => assert_eq!(nth, 0),
            Err(RunError::Journal(_)) => assert!(nth > 0),
            Err(other) => panic!("{other}"),
        }
        assert!(!world.events().iter().any(|event| matches!(event, Event::RunEnded { .. })));
        let sent_before = world.sent_at_failure.load(Ordering::Relaxed);
        assert_eq!(world.sent.lock().unwrap().len(), sent_before, "sent after write {nth} had failed");
        assert_eq!(world.writes.load(Ordering::Relaxed), nth + 1, "wrote after a failure");
        // Everything that was sent was followed to its end.
        assert_eq!(world.at_once.load(Ordering::Relaxed), 0);
        assert_eq!(world.kills.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_write_waiting_is_bounded() {
    let mut steps = steps(2, 1);
    steps[0].timeout_ms = u64::MAX;
    let plan = seal(plan(2, &[2], steps));
    // One host ends, and that cannot be written; the other hangs for ever.
    let world = World::new(|host, _, _| match host {
        "h0" => Reply { after: Duration::from_secs(1), ..Reply::exit(0) },
        _ => Reply { on_cancel: None, ..Reply::hangs() },
    });
    *world.fail_write.lock().unwrap() = Some(3);
    let start = tokio::time::Instant::now();
    assert!(matches!(world.run(&plan).await, Err(RunError::Journal(_))));
    assert_eq!(start.elapsed().as_secs(), 1 + daytwo_engine::settings::FOLLOW_WAIT.as_secs());
}

#[tokio::test(start_paused = true)]
async fn the_intents_of_a_batch_share_one_write() {
    let mut plan = plan(700, &[700], steps(700, 1));
    plan.limits.hosts_at_once_max = 700;
    let plan = seal(plan);
    let farm = Farm::new(Faults::default());
    let (driver, _handle) = open(plan, "ada".into(), farm.ports(), Settings::default()).unwrap();
    assert_eq!(driver.run().await.unwrap(), RunOutcome::Succeeded);
    let appends = farm.appends.lock().unwrap().clone();
    assert_eq!(appends[..2], [1, 701], "the opening; the batch and all of its starts");
    // 700 starts and 700 ends that come at one moment, then the two ends of batch and run.
    assert!(appends.len() < 14, "{appends:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_before_a_write_failed_is_found_again_on_its_host() {
    let plan = seal(plan(2, &[1, 1], steps(2, 2)));
    for nth in 2.. {
        let farm = Farm::new(Faults { fails_from_write: Some(nth), ..Faults::default() });
        let (driver, _handle) = open(plan.clone(), "ada".into(), farm.ports(), Settings::default()).unwrap();
        match driver.run().await {
            Ok(_) => return assert!(nth > 10, "only {nth} writes"),
            Err(error) => assert!(matches!(error, RunError::Journal(_)), "{error}"),
        }
        *farm.faults.lock().unwrap() = Faults::default();
        let records = farm.records.lock().unwrap().clone();
        let fence = Fence { run: records[0].run, token: 2 };
        let (driver, _) =
            take_up(plan.clone(), &records, fence, "bob".into(), farm.ports(), Settings::default()).unwrap();
        driver.run().await.unwrap();
        let state = replay(&plan, &farm.records.lock().unwrap());
        for host in 0..2 {
            let begun = farm.begun(&format!("h{host}"));
            assert!(begun.values().all(|times| *times == 1));
            let done = words(&state, host, 2).into_iter().filter(|word| *word == "finished").count();
            assert_eq!(done, begun.len(), "write {nth}: {:?}", words(&state, host, 2));
        }
    }
}

/// A disk that writes one append for each permit.
struct Gated {
    world: Arc<World>,
    permits: Semaphore,
}

#[async_trait]
impl Journal for Gated {
    async fn open(&self, plan: &SealedPlan, first: &Record) -> Result<Fence, PortError> {
        OnDisk(self.world.clone()).open(plan, first).await
    }

    async fn append(&self, fence: Fence, records: &[Record]) -> Result<(), PortError> {
        self.permits.acquire().await.unwrap().forget();
        OnDisk(self.world.clone()).append(fence, records).await
    }
}

#[tokio::test(start_paused = true)]
async fn of_facts_that_arrive_while_a_write_is_under_way_nothing_is_done_or_shown_before_their_own_write() {
    let mut plan = plan(2, &[2], steps(2, 2));
    plan.limits.hosts_at_once_max = 2;
    let plan = seal(plan);
    let world = World::new(|host, _, _| {
        let after = Duration::from_millis(if host == "h0" { 10 } else { 20 });
        Reply { started: false, after, ..Reply::exit(0) }
    });
    let journal = Arc::new(Gated { world: world.clone(), permits: Semaphore::new(1) });
    let mut ports = world.ports();
    ports.journal = journal.clone();
    let (driver, handle) = open(plan.clone(), "ada".into(), ports, Settings::default()).unwrap();
    let (outcome, ()) = tokio::join!(driver.run(), async {
        let shown = || {
            let state = handle.state();
            [0, 1].map(|host| words(&state, host, 2))
        };
        let a_while = || tokio::time::sleep(Duration::from_millis(50));
        a_while().await;
        // Both have ended. The end of the first is being written; that of the second came meanwhile.
        assert_eq!(world.scripts(), ["h0: do 0", "h1: do 0"]);
        assert_eq!(shown(), [["sent", "planned"], ["sent", "planned"]]);
        journal.permits.add_permits(1);
        a_while().await;
        assert_eq!(world.scripts()[2..], ["h0: do 1"], "the second host's own write is still to come");
        assert_eq!(shown(), [["finished", "sent"], ["sent", "planned"]]);
        journal.permits.add_permits(1);
        a_while().await;
        assert_eq!(world.scripts()[3..], ["h1: do 1"]);
        assert_eq!(shown(), [["finished", "sent"], ["finished", "sent"]], "and the end of the first came meanwhile");
        journal.permits.add_permits(Semaphore::MAX_PERMITS / 2);
    });
    assert_eq!(outcome.unwrap(), RunOutcome::Succeeded);
    assert_eq!(*world.unannounced.lock().unwrap(), Vec::<String>::new());
}
