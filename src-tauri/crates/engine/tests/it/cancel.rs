//! A person stops a run.

use std::sync::atomic::Ordering;
use std::time::Duration;

use daytwo_engine::ports::ShellEnd;
use daytwo_engine::{Handle, Request};
use daytwo_model::plan::Phase;
use daytwo_model::{AttemptState, CancelDegree, CancelReason, Event, RunOutcome, SealedPlan};
use tokio::time::sleep;

use crate::support::{Reply, World, in_phase, plan, seal, state_of, steps, verified, words};

fn ask(handle: &Handle, degree: CancelDegree, hosts: Option<Vec<u32>>) {
    assert!(handle.request(Request::Cancel { by: "ada".into(), why: String::new(), degree, hosts }));
}

async fn run_and_cancel_after(world: &std::sync::Arc<World>, plan: &SealedPlan, after: Duration) -> RunOutcome {
    let (driver, handle) = world.open(plan);
    let (outcome, ()) = tokio::join!(driver.run(), async {
        tokio::time::sleep(after).await;
        for _ in 0..100 {
            handle.cancel("ada".into(), "wrong hosts".into());
        }
    });
    let ended = world.events().iter().filter(|event| matches!(event, Event::RunEnded { .. })).count();
    assert_eq!(ended, 1);
    assert!(matches!(world.events().last(), Some(Event::RunEnded { .. })));
    outcome.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_cancel_kills_what_runs_starts_nothing_more_and_ends_once() {
    let mut plan = plan(4, &[3, 1], steps(4, 2));
    plan.limits.hosts_at_once_max = 2;
    let plan = seal(plan);
    let world = World::new(|_, _, _| Reply::hangs());
    let outcome = run_and_cancel_after(&world, &plan, Duration::from_secs(5)).await;
    assert_eq!(outcome, RunOutcome::Cancelled);
    assert_eq!(world.kills.load(Ordering::Relaxed), 2);
    assert_eq!(world.scripts(), ["h0: do 0", "h1: do 0"]);
    let state = world.state(&plan);
    for host in 0..2 {
        assert_eq!(state_of(&state, host, 0), &AttemptState::Cancelled { reason: CancelReason::Operator });
    }
    for host in 2..4 {
        assert_eq!(words(&state, host, 2), ["skipped", "skipped"]);
    }
    let requests = world.events().iter().filter(|event| matches!(event, Event::CancelRequested { .. })).count();
    assert_eq!(requests, 1);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_with_an_unseen_end_is_abandoned() {
    let plan = seal(plan(1, &[1], steps(1, 1)));
    let unseen = ShellEnd::Unseen { why: "not seen dead".into() };
    let world = World::new(move |_, _, _| Reply { on_cancel: Some(unseen.clone()), ..Reply::hangs() });
    let outcome = run_and_cancel_after(&world, &plan, Duration::from_secs(5)).await;
    assert_eq!(outcome, RunOutcome::Abandoned);
    assert_eq!(words(&world.state(&plan), 0, 1), ["unknown"]);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_during_a_hold_starts_no_further_batch() {
    let mut plan = plan(2, &[1, 1], steps(2, 1));
    plan.limits.hold_ms = 60_000;
    let plan = seal(plan);
    let world = World::new(|_, _, _| Reply::exit(0));
    let start = tokio::time::Instant::now();
    let outcome = run_and_cancel_after(&world, &plan, Duration::from_secs(5)).await;
    assert_eq!(outcome, RunOutcome::Cancelled);
    assert!(start.elapsed() < Duration::from_secs(6));
    assert_eq!(world.scripts(), ["h0: do 0"]);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_during_a_check_leaves_the_step_not_verified() {
    let step = verified(steps(1, 1).remove(0), 1, 600_000);
    let plan = seal(plan(1, &[1], vec![step]));
    let world = World::new(|_, script, _| if script == "check" { Reply::says("inactive") } else { Reply::exit(0) });
    let outcome = run_and_cancel_after(&world, &plan, Duration::from_secs(5)).await;
    assert_eq!(outcome, RunOutcome::Cancelled);
    assert_eq!(words(&world.state(&plan), 0, 1), ["not verified"]);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_before_anything_was_sent_sends_nothing() {
    let plan = seal(plan(1, &[1], steps(1, 1)));
    let world = World::new(|_, _, _| Reply::exit(0));
    let (driver, handle) = world.open(&plan);
    handle.cancel("ada".into(), String::new());
    let outcome = driver.run().await.unwrap();
    // The intent may be on disk already; then it is cancelled, or has run to its end.
    assert!(matches!(outcome, RunOutcome::Cancelled | RunOutcome::Succeeded));
    assert!(world.unannounced.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_new_starts_lets_everything_in_flight_come_to_its_own_end() {
    let mut plan = plan(4, &[3, 1], steps(4, 2));
    plan.limits.hosts_at_once_max = 2;
    let plan = seal(plan);
    let world = World::new(|_, _, _| Reply { after: Duration::from_secs(10), ..Reply::exit(0) });
    let (driver, handle) = world.open(&plan);
    let (outcome, ()) = tokio::join!(driver.run(), async {
        sleep(Duration::from_secs(5)).await;
        ask(&handle, CancelDegree::NoNewStarts, None);
    });
    assert_eq!(outcome.unwrap(), RunOutcome::Cancelled);
    assert_eq!(world.kills.load(Ordering::Relaxed), 0);
    assert_eq!(world.scripts(), ["h0: do 0", "h1: do 0"]);
    let state = world.state(&plan);
    assert_eq!(words(&state, 0, 2), ["finished", "skipped"]);
    assert_eq!(words(&state, 2, 2), ["skipped", "skipped"]);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_of_one_host_leaves_the_others_alone() {
    let plan = seal(plan(3, &[3], steps(3, 2)));
    let world = World::new(|_, _, _| Reply { after: Duration::from_secs(10), ..Reply::exit(0) });
    let (driver, handle) = world.open(&plan);
    let (outcome, ()) = tokio::join!(driver.run(), async {
        sleep(Duration::from_secs(5)).await;
        // A host that the plan does not have is nobody's.
        ask(&handle, CancelDegree::Terminate, Some(vec![1, 1, 99]));
    });
    outcome.unwrap();
    assert_eq!(world.kills.load(Ordering::Relaxed), 1);
    let state = world.state(&plan);
    assert_eq!(words(&state, 0, 2), ["finished", "finished"]);
    assert_eq!(words(&state, 1, 2), ["cancelled", "skipped"]);
    assert_eq!(words(&state, 2, 2), ["finished", "finished"]);
}

#[tokio::test(start_paused = true)]
async fn each_degree_of_a_cancel_ends_more_and_a_softer_one_takes_nothing_back() {
    let mut steps = steps(1, 2);
    steps[1] = in_phase(steps[1].clone(), Phase::Always);
    steps[1].timeout_ms = 3_600_000;
    let plan = seal(plan(1, &[1], steps));
    let world = World::new(|_, _, _| Reply::hangs());
    let (driver, handle) = world.open(&plan);
    let (outcome, ()) = tokio::join!(driver.run(), async {
        for (degree, kills, sent) in [
            (CancelDegree::NoNewStarts, 0, 1),
            // The step for the host's end starts, and goes on.
            (CancelDegree::Terminate, 1, 2),
            (CancelDegree::NoNewStarts, 1, 2),
            (CancelDegree::Terminate, 1, 2),
            (CancelDegree::Kill, 2, 2),
        ] {
            ask(&handle, degree, None);
            sleep(Duration::from_secs(5)).await;
            assert_eq!(world.kills.load(Ordering::Relaxed), kills, "{degree:?}");
            assert_eq!(world.sent.lock().unwrap().len(), sent, "{degree:?}");
        }
    });
    assert_eq!(outcome.unwrap(), RunOutcome::Cancelled);
    assert_eq!(words(&world.state(&plan), 0, 2), ["cancelled", "cancelled"]);
    let recorded = world.events().into_iter().filter_map(|event| match event {
        Event::CancelRequested { degree, .. } => Some(degree),
        _ => None,
    });
    assert!(recorded.eq([CancelDegree::NoNewStarts, CancelDegree::Terminate, CancelDegree::Kill]));
}
