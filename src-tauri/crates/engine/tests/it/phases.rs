//! What runs at a host's end, and where.

use std::time::Duration;

use daytwo_model::plan::{Phase, PlannedStep};
use daytwo_model::run::HostStanding;
use daytwo_model::{RunOutcome, SkipReason};
use tokio::time::Instant;

use crate::support::{Reply, World, in_phase, plan, retried, seal, steps, why_skipped, words};

/// `do 0` always, `do 1` on failure, `do 2` and `do 3` in their turn: the order of the file is not
/// the order of the phases.
fn phased(hosts: u32) -> Vec<PlannedStep> {
    let phases = [Phase::Always, Phase::OnFailure, Phase::Main, Phase::Main];
    steps(hosts, 4).into_iter().zip(phases).map(|(step, phase)| in_phase(step, phase)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_host_where_all_went_well_skips_what_is_for_failures_and_is_good() {
    let plan = seal(plan(1, &[1], phased(1)));
    let world = World::new(|_, _, _| Reply::exit(0));
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    assert_eq!(world.scripts(), ["h0: do 2", "h0: do 3", "h0: do 0"]);
    let state = world.state(&plan);
    assert_eq!(why_skipped(&state, 0, 1), &SkipReason::NoFailure);
    assert_eq!(state.standing(0), HostStanding::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_the_steps_for_it_run_and_then_those_that_always_do() {
    let plan = seal(plan(1, &[1], phased(1)));
    let world = World::new(|_, script, _| Reply::exit(i32::from(script == "do 2")));
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
    assert_eq!(world.scripts(), ["h0: do 2", "h0: do 1", "h0: do 0"]);
    assert_eq!(world.state(&plan).standing(0), HostStanding::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_failure_at_the_end_makes_a_failed_host_and_does_not_stop_the_next_step() {
    let mut steps = phased(3);
    steps[1].phase = Phase::Always;
    let mut plan = plan(3, &[3], steps);
    plan.limits.hosts_at_once_max = 1;
    let plan = seal(plan);
    let world = World::new(|_, script, _| Reply::exit(i32::from(script == "do 0")));
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
    assert_eq!(world.scripts(), ["h0: do 2", "h0: do 3", "h0: do 0", "h0: do 1"]);
    let state = world.state(&plan);
    assert_eq!(state.standing(0), HostStanding::Failed);
    // It spent the budget, and hosts that were never started have nothing to bring to an end.
    for step in 0..4 {
        assert_eq!(why_skipped(&state, 1, step), &SkipReason::FailedBudget);
    }
    assert_eq!(state.standing(1), HostStanding::Skipped);
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_on_a_host_that_cannot_be_reached_nor_beside_what_may_still_run() {
    for (reply, why) in [
        (Reply::unreachable(), SkipReason::Unreachable { why: "no route".into() }),
        (Reply::lost(), SkipReason::EndUnknown),
    ] {
        let plan = seal(plan(1, &[1], phased(1)));
        let world = World::new(move |_, _, _| reply.clone());
        assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
        assert_eq!(world.scripts(), ["h0: do 2"]);
        let state = world.state(&plan);
        assert_eq!((why_skipped(&state, 0, 0), why_skipped(&state, 0, 1)), (&why, &why));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_ends_the_main_phase_and_lets_hosts_that_were_started_come_to_their_end() {
    let mut plan = plan(3, &[2, 1], phased(3));
    plan.limits.hosts_at_once_max = 1;
    let plan = seal(plan);
    let world = World::new(|_, script, _| match script {
        "do 2" => Reply::hangs(),
        // Longer than the cancel takes to arrive a second time.
        _ => Reply { after: Duration::from_secs(20), ..Reply::exit(0) },
    });
    let (driver, handle) = world.open(&plan);
    let (outcome, ()) = tokio::join!(driver.run(), async {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_secs(5)).await;
            handle.cancel("ada".into(), String::new());
        }
    });
    assert_eq!(outcome.unwrap(), RunOutcome::Cancelled);
    assert_eq!(world.scripts(), ["h0: do 2", "h0: do 1", "h0: do 0"]);
    let state = world.state(&plan);
    assert_eq!(words(&state, 0, 4), ["finished", "finished", "cancelled", "skipped"]);
    assert_eq!(state.standing(0), HostStanding::Cancelled);
    for host in 1..3 {
        assert_eq!(words(&state, host, 4), ["skipped"; 4]);
        assert_eq!(why_skipped(&state, host, 0), &SkipReason::Cancelled);
    }
}

#[tokio::test(start_paused = true)]
async fn what_always_runs_is_tried_again_also_after_a_cancel() {
    let mut steps = phased(1);
    steps[0] = retried(steps[0].clone(), 3);
    let plan = seal(plan(1, &[1], steps));
    let world = World::new(|_, script, nth| match script {
        "do 2" => Reply::hangs(),
        "do 0" => Reply::exit(i32::from(nth < 2)),
        _ => Reply::exit(0),
    });
    let (driver, handle) = world.open(&plan);
    let start = Instant::now();
    let (outcome, ()) = tokio::join!(driver.run(), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        handle.cancel("ada".into(), String::new());
    });
    assert_eq!(outcome.unwrap(), RunOutcome::Cancelled);
    assert_eq!(start.elapsed().as_secs(), 8);
    assert_eq!(world.state(&plan).attempt(0, 0).unwrap().attempts, 3);
}

#[tokio::test(start_paused = true)]
async fn what_needs_a_step_that_was_never_started_is_not_for_the_end_either() {
    let mut steps = phased(1);
    // To put back what `do 3` does, which comes after what fails.
    steps[1].needs = vec![3];
    let plan = seal(plan(1, &[1], steps));
    let world = World::new(|_, script, _| Reply::exit(i32::from(script == "do 2")));
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
    assert_eq!(world.scripts(), ["h0: do 2", "h0: do 0"]);
    assert_eq!(why_skipped(&world.state(&plan), 0, 1), &SkipReason::Needs { step: 3 });
}
