//! Steps that are done once for all hosts, and steps that wait.

use std::time::Duration;

use daytwo_model::plan::{Action, CaptureFrom, On, PlannedStep};
use daytwo_model::quote::Quote;
use daytwo_model::text::{Late, Part};
use daytwo_model::{CaptureName, Exit, RunOutcome, SkipReason, Text};
use tokio::time::Instant;

use crate::support::{
    Reply, World, capture, capturing, plan, request, script, seal, state_of, step_of, steps, when, why_skipped, words,
};

/// `do 0`, then once `do 1`, then `do 2`.
fn once_in_the_middle(hosts: u32, on: On) -> Vec<PlannedStep> {
    let mut steps = steps(hosts, 3);
    steps[1].on = on;
    steps
}

#[tokio::test(start_paused = true)]
async fn a_step_is_done_on_the_first_host_and_the_others_wait_for_its_end() {
    let plan = seal(plan(4, &[3, 1], once_in_the_middle(4, On::One)));
    let world = World::new(|_, script, _| Reply {
        after: if script == "do 1" { Duration::from_secs(20) } else { Duration::ZERO },
        ..Reply::exit(0)
    });
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    let scripts = world.scripts();
    let once: Vec<_> = scripts.iter().filter(|sent| sent.ends_with("do 1")).collect();
    assert_eq!(once, ["h0: do 1"]);
    let at = |sent: &str| scripts.iter().position(|other| other == sent).unwrap();
    assert!(at("h1: do 0") < at("h0: do 1") && at("h0: do 1") < at("h1: do 2"), "{scripts:?}");
    let state = world.state(&plan);
    for host in 1..4 {
        assert_eq!(why_skipped(&state, host, 1), &SkipReason::NotPlanned);
    }
}

#[tokio::test(start_paused = true)]
async fn where_it_did_not_end_well_nobody_goes_on() {
    let mut plan = plan(3, &[2, 1], once_in_the_middle(3, On::One));
    plan.limits.total.failed_max = 9;
    let plan = seal(plan);
    let world = World::new(|_, script, _| Reply::exit(i32::from(script == "do 1")));
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
    let state = world.state(&plan);
    assert_eq!(words(&state, 1, 3), ["finished", "skipped", "skipped"]);
    assert_eq!(why_skipped(&state, 1, 1), &SkipReason::OnceFailed { step: 1 });
    assert!(!world.scripts().iter().any(|sent| sent.ends_with("do 2")));
}

#[tokio::test(start_paused = true)]
async fn where_it_was_not_due_the_others_go_on_without_it_and_without_what_needs_it() {
    let mut steps = once_in_the_middle(2, On::One);
    steps[0] = capturing(steps[0].clone(), vec![capture("code", CaptureFrom::ExitCode)]);
    steps[1] = when(steps[1].clone(), 2, "code", 3);
    steps[2].needs = vec![1];
    steps.push(step_of("last", 2, script(Text::plain("last"))));
    let plan = seal(plan(2, &[2], steps));
    let world = World::new(|_, _, _| Reply::exit(0));
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    let state = world.state(&plan);
    assert_eq!(why_skipped(&state, 0, 1), &SkipReason::Condition);
    for host in 0..2 {
        assert_eq!(why_skipped(&state, host, 2), &SkipReason::Needs { step: 1 });
        assert_eq!(state_of(&state, host, 3).word(), "finished");
    }
}

#[tokio::test(start_paused = true)]
async fn what_it_captured_is_there_for_every_host_and_needs_are_met() {
    let name = CaptureName::new("release").unwrap();
    let late = Part::Late { value: Late::Capture(name), quote: Quote::Shell };
    let mut first =
        capturing(step_of("a", 3, script(Text::plain("find"))), vec![capture("release", CaptureFrom::Stdout)]);
    first.on = On::One;
    let mut second = step_of("b", 3, script(Text::new([Part::Plain("use ".into()), late])));
    second.needs = vec![0];
    let plan = seal(plan(3, &[1, 2], vec![first, when(second, 3, "release", "7")]));
    let world = World::new(|_, script, _| if script == "find" { Reply::says("7\n") } else { Reply::exit(0) });
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    assert_eq!(world.scripts(), ["h0: find", "h0: use 7", "h1: use 7", "h2: use 7"]);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_frees_the_hosts_that_wait() {
    let plan = seal(plan(3, &[3], once_in_the_middle(3, On::One)));
    let world = World::new(|_, script, _| if script == "do 1" { Reply::hangs() } else { Reply::exit(0) });
    let (driver, handle) = world.open(&plan);
    let (outcome, ()) = tokio::join!(driver.run(), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        handle.cancel("ada".into(), String::new());
    });
    assert_eq!(outcome.unwrap(), RunOutcome::Cancelled);
    assert_eq!(why_skipped(&world.state(&plan), 2, 1), &SkipReason::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_request_of_the_console_is_made_once() {
    let mut step = step_of("a", 3, request(Text::plain("http://gateway/notify")));
    step.on = On::Console;
    let plan = seal(plan(3, &[1, 2], vec![step]));
    let world = World::new(|_, _, _| Reply::exit(0));
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    assert_eq!(*world.urls.lock().unwrap(), ["http://gateway/notify"]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_passes_its_time_whatever_the_deadline_and_a_cancel_ends_it() {
    for (cancel_after, outcome, seconds) in [(None, RunOutcome::Succeeded, 90), (Some(5), RunOutcome::Cancelled, 5)] {
        let plan = seal(plan(1, &[1], vec![step_of("a", 1, Action::Wait { ms: 90_000 })]));
        let world = World::new(|_, _, _| panic!("something was sent"));
        let (driver, handle) = world.open(&plan);
        let start = Instant::now();
        let (ended, ()) = tokio::join!(driver.run(), async {
            if let Some(after) = cancel_after {
                tokio::time::sleep(Duration::from_secs(after)).await;
                handle.cancel("ada".into(), String::new());
            }
        });
        assert_eq!(ended.unwrap(), outcome);
        assert_eq!(start.elapsed().as_secs(), seconds);
        let state = world.state(&plan);
        if cancel_after.is_none() {
            let code = Exit::Code(0);
            assert_eq!(state_of(&state, 0, 0), &daytwo_model::AttemptState::Finished { exit: code });
        }
    }
}
