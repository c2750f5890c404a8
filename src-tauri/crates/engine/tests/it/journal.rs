//! The journal comes first, and what it does not take does not happen.

use std::sync::atomic::Ordering;
use std::time::Duration;

use daytwo_engine::RunError;
use daytwo_model::{Event, RunOutcome};

use crate::support::{Reply, World, plan, seal, steps, verified};

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
