//! An attempt that was seen to fail may be made again, and no other.

use std::time::Duration;

use daytwo_engine::ports::ShellEnd;
use daytwo_model::run::HostStanding;
use daytwo_model::{AttemptState, Event, Exit, RunOutcome, RunStatus};
use tokio::time::Instant;

use crate::support::{Reply, World, plan, retried, seal, state_of, steps, undo, words};

#[tokio::test(start_paused = true)]
async fn a_seen_failure_is_tried_again_after_its_pause_and_the_last_attempt_is_the_truth() {
    let mut steps = steps(1, 2);
    steps[0] = retried(steps[0].clone(), 3);
    let plan = seal(plan(1, &[1], steps));
    let world = World::new(|_, script, nth| Reply::exit(i32::from(script == "do 0" && nth < 2)));
    let start = Instant::now();
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    // One second, and then two.
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(world.scripts(), ["h0: do 0", "h0: do 0", "h0: do 0", "h0: do 1"]);
    assert!(world.unannounced.lock().unwrap().is_empty());
    let state = world.state(&plan);
    let last = state.attempt(0, 0).unwrap();
    assert_eq!((last.attempts, &last.state), (3, &AttemptState::Finished { exit: Exit::Code(0) }));
    assert_eq!(state.attempt(0, 1).unwrap().attempts, 1);
    // Each attempt is its own, and none is forgotten.
    let sent: Vec<_> = world
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::AttemptSent { attempt, step: 0, .. } => Some(attempt),
            _ => None,
        })
        .collect();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|attempt| state.place(*attempt) == Some((0, 0))));
}

#[tokio::test(start_paused = true)]
async fn a_step_that_keeps_failing_fails_after_its_last_attempt() {
    let mut steps = steps(1, 2);
    steps[0] = retried(steps[0].clone(), 2);
    let plan = seal(plan(1, &[1], steps));
    let world = World::new(|_, _, _| Reply::exit(9));
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
    assert_eq!(world.scripts(), ["h0: do 0", "h0: do 0"]);
    let state = world.state(&plan);
    assert_eq!(words(&state, 0, 2), ["finished", "skipped"]);
    assert_eq!(state.standing(0), HostStanding::Failed);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_seen_to_fail_is_never_tried_again() {
    let refused = ShellEnd::Refused { why: "host key changed".into() };
    let killed = Reply { on_cancel: Some(ShellEnd::Killed), ..Reply::hangs() };
    for reply in [Reply::lost(), Reply::unreachable(), Reply { started: false, ..Reply::end(refused) }, killed] {
        let plan = seal(plan(1, &[1], vec![retried(steps(1, 1).remove(0), 5)]));
        let world = World::new(move |_, _, _| reply.clone());
        assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
        assert_eq!(world.scripts(), ["h0: do 0"]);
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_exit_codes_that_the_step_lists_are_tried_again() {
    let mut step = retried(steps(1, 1).remove(0), 5);
    step.retry.as_mut().unwrap().exit_codes = vec![75];
    let plan = seal(plan(1, &[1], vec![step]));
    let world = World::new(|_, _, nth| Reply::exit(if nth < 2 { 75 } else { 1 }));
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
    assert_eq!(world.scripts().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_host_in_its_pause_works_and_a_cancel_ends_the_pause() {
    let mut step = retried(steps(2, 1).remove(0), 5);
    step.retry.as_mut().unwrap().delay_ms = 60_000;
    let plan = seal(plan(2, &[2], vec![step]));
    let world = World::new(|host, _, _| Reply::exit(i32::from(host == "h0")));
    let (driver, handle) = world.open(&plan);
    let start = Instant::now();
    let (outcome, standing) = tokio::join!(driver.run(), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let standing = handle.state().standing(0);
        handle.cancel("ada".into(), String::new());
        standing
    });
    assert_eq!(standing, HostStanding::Working);
    assert_eq!(outcome.unwrap(), RunOutcome::Cancelled);
    assert_eq!(start.elapsed().as_secs(), 5);
    assert_eq!(world.scripts(), ["h0: do 0", "h1: do 0"]);
    let state = world.state(&plan);
    assert_eq!(state.standing(0), HostStanding::Failed);
    assert!(matches!(state.status(), Some(RunStatus::Ended { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_inverse_is_tried_again_before_it_is_stuck() {
    for (failures, outcome, word) in [(2, RunOutcome::RolledBack, "undone"), (3, RunOutcome::Stuck, "stuck")] {
        let plan = seal(undo(plan(1, &[1], vec![retried(steps(1, 1).remove(0), 3)])));
        let world = World::new(move |_, _, nth| Reply::exit(i32::from(nth < failures)));
        assert_eq!(world.run(&plan).await.unwrap(), outcome);
        assert_eq!(world.scripts().len(), 3);
        assert_eq!(state_of(&world.state(&plan), 0, 0).word(), word);
    }
}
