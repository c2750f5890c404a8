//! Between two batches the service has to be well.

use std::time::Duration;

use daytwo_engine::ports::ShellEnd;
use daytwo_engine::{Request, Settings, open};
use daytwo_model::plan::{Expect, Health, On, Probe};
use daytwo_model::{CancelDegree, RunOutcome, SealedPlan, SkipReason, Text};

use crate::support::{Reply, World, plan, script, seal, steps, why_skipped, words};

fn with_health(within_ms: u64) -> SealedPlan {
    let expect = Expect { stdout: Some(Text::plain("well")), ..Expect::default() };
    let mut plan = plan(2, &[1, 1], steps(2, 1));
    plan.limits.health = Some(Health { probe: Probe { action: script(Text::plain("check all")), expect }, within_ms });
    seal(plan)
}

/// A run whose scripts on this machine are answered by `local`.
async fn run(
    plan: &SealedPlan,
    local: impl Fn(usize) -> Reply + Send + Sync + 'static,
) -> (RunOutcome, SealedPlan, [Vec<String>; 2], daytwo_model::RunState) {
    let world = World::new(|_, _, _| Reply::exit(0));
    let here = World::new(move |_, _, nth| local(nth));
    let mut ports = world.ports();
    ports.local = here.clone();
    let (driver, _handle) = open(plan.clone(), "ada".into(), ports, Settings::default()).unwrap();
    let outcome = driver.run().await.unwrap();
    (outcome, plan.clone(), [world.scripts(), here.scripts()], world.state(plan))
}

#[tokio::test(start_paused = true)]
async fn the_next_batch_starts_when_the_health_check_holds_and_it_is_asked_from_this_machine() {
    let plan = with_health(10_000);
    let (outcome, _, [there, here], _) = run(&plan, |nth| Reply::says(if nth < 2 { "ill" } else { "well" })).await;
    assert_eq!(outcome, RunOutcome::Succeeded);
    assert_eq!(there, ["h0: do 0", "h1: do 0"]);
    assert_eq!(here.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_well_in_time_stops_the_rollout_and_what_was_seen_is_told() {
    let plan = with_health(10_000);
    let (outcome, _, [there, _], state) = run(&plan, |_| Reply::says("ill")).await;
    assert_eq!(outcome, RunOutcome::Failed);
    assert_eq!(there, ["h0: do 0"]);
    assert_eq!(words(&state, 1, 1), ["skipped"]);
    let SkipReason::Unhealthy { why } = why_skipped(&state, 1, 0) else { panic!("{:?}", why_skipped(&state, 1, 0)) };
    assert_eq!(why, "stdout was \"ill\", expected \"well\"");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_was_cancelled_alone_does_not_make_the_service_ill() {
    let mut plan = plan(3, &[2, 1], steps(3, 2));
    plan.limits = with_health(10_000).plan().limits.clone();
    plan.limits.batches = Vec::new();
    let plan = seal(plan);
    // The first host works until it is cancelled.
    let world = World::new(|host, _, _| if host == "h0" { Reply::hangs() } else { Reply::exit(0) });
    // A check takes a moment, in which a cancel would end it.
    let here = World::new(|_, _, _| Reply { after: Duration::from_secs(1), ..Reply::says("well") });
    let mut ports = world.ports();
    ports.local = here.clone();
    let (driver, handle) = open(plan.clone(), "ada".into(), ports, Settings::default()).unwrap();
    let (outcome, ()) = tokio::join!(driver.run(), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let (degree, hosts) = (CancelDegree::Terminate, Some(vec![0]));
        assert!(handle.request(Request::Cancel { by: "ada".into(), why: String::new(), degree, hosts }));
    });
    outcome.unwrap();
    assert_eq!(here.scripts().len(), 1, "the health was asked");
    assert_eq!(words(&world.state(&plan), 2, 2), ["finished", "finished"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cancelled_while_its_health_is_asked_ends_without_waiting_for_the_answer() {
    let plan = with_health(3_600_000);
    let world = World::new(|_, _, _| Reply::exit(0));
    let here = World::new(|_, _, _| Reply { on_cancel: Some(ShellEnd::Killed), ..Reply::hangs() });
    let mut ports = world.ports();
    ports.local = here.clone();
    let (driver, handle) = open(plan.clone(), "ada".into(), ports, Settings::default()).unwrap();
    let start = tokio::time::Instant::now();
    let (outcome, ()) = tokio::join!(driver.run(), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(here.scripts().len(), 1, "the health is being asked");
        handle.cancel("ada".into(), String::new());
    });
    assert_eq!(outcome.unwrap(), RunOutcome::Cancelled);
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    let state = world.state(&plan);
    assert_eq!(state.health_after(0), Some(false), "what was not seen to hold is not said to");
    assert_eq!(world.scripts(), ["h0: do 0"]);
    assert_eq!(*why_skipped(&state, 1, 0), SkipReason::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_script_on_this_machine_runs_on_this_machine() {
    let mut steps = steps(2, 2);
    steps[1].on = On::Console;
    let plan = seal(plan(2, &[2], steps));
    let (outcome, _, [there, here], _) = run(&plan, |_| Reply::exit(0)).await;
    assert_eq!(outcome, RunOutcome::Succeeded);
    assert_eq!(there, ["h0: do 0", "h1: do 0"]);
    assert_eq!(here, ["h0: do 1"]);
}
