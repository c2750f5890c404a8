//! What is kept on a host, and under whose name.

use daytwo_model::plan::{CaptureFrom, Effect, FailurePolicy, PerHost, Verify, WayBack};
use daytwo_model::quote::Quote;
use daytwo_model::text::{Late, Part};
use daytwo_model::{CaptureName, RunOutcome, Text};

use crate::support::{Reply, World, capture, capturing, plan, script, seal, step_of, steps, verified, words};

#[tokio::test(start_paused = true)]
async fn what_changes_a_host_is_kept_there_with_who_and_what_and_reads_are_not() {
    let mut steps = steps(1, 2);
    steps[0].effect = Effect::Read;
    steps[1] = verified(steps[1].clone(), 1, 0);
    let plan = seal(plan(1, &[1], steps));
    let world = World::new(|_, _, _| Reply::says("active"));
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    let kept = world.kept.lock().unwrap().clone();
    let what = "test / s1 (run 00000000-0000-0000-0000-00000000000a)";
    assert_eq!(kept.into_iter().collect::<Vec<_>>(), [("do 1".to_owned(), ("ada".to_owned(), what.to_owned()))]);
}

#[tokio::test(start_paused = true)]
async fn a_way_back_in_the_same_run_is_filled_with_what_was_captured_when_its_own_step_was_done() {
    let old = |before: &str| {
        let value = Late::Capture(CaptureName::new("old").unwrap());
        Text::new([Part::Plain(before.into()), Part::Late { value, quote: Quote::Shell }])
    };
    let probe = |text: Text| {
        let verify = verified(step_of("x", 1, script(Text::plain(""))), 1, 0).verify.unwrap();
        let mut probe = verify.probe.get(0).unwrap().clone();
        probe.action = script(text);
        Verify::once(PerHost::same(probe, 1), 0)
    };
    let mut first = capturing(step_of("a", 1, script(Text::plain("set a"))), vec![capture("old", CaptureFrom::Stdout)]);
    first.way_back =
        WayBack::Inverse { action: PerHost::same(script(old("set ")), 1), verify: Some(probe(old("check "))) };
    // Captured later under the same name, which says nothing about the first step.
    let second = capturing(step_of("b", 1, script(Text::plain("set b"))), vec![capture("old", CaptureFrom::Stdout)]);
    let mut third = step_of("c", 1, script(Text::plain("set c")));
    third.on_failure = FailurePolicy::Undo;
    let plan = seal(plan(1, &[1], vec![first, second, third]));
    let world = World::new(|_, script, _| match script {
        "set a" => Reply::says("1"),
        "set b" => Reply::says("2"),
        "set c" => Reply::exit(1),
        _ => Reply::says("active"),
    });
    world.run(&plan).await.unwrap();
    assert_eq!(world.scripts(), ["h0: set a", "h0: set b", "h0: set c", "h0: set 1", "h0: check 1"]);
    let state = world.state(&plan);
    assert_eq!(words(&state, 0, 3), ["finished", "finished", "finished"]);
    assert_eq!(state.inverse(0, 0).unwrap().state.word(), "undone");
    assert!(world.kept.lock().unwrap()["set 1"].1.starts_with("undo of test / a "));
}
