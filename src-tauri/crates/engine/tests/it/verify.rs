//! Done is not verified.

use std::time::Duration;

use daytwo_model::plan::{Capture, CaptureFrom, Expect, PerHost, Probe, Verify};
use daytwo_model::quote::Quote;
use daytwo_model::text::{Late, Part};
use daytwo_model::{AttemptState, CaptureName, RunOutcome, Text};

use crate::support::{Reply, World, capturing, plan, script, seal, state_of, step_of, steps, verified, words};

#[tokio::test(start_paused = true)]
async fn a_check_is_asked_until_it_holds() {
    let plan = seal(plan(1, &[1], vec![verified(steps(1, 1).remove(0), 1, 30_000)]));
    let world = World::new(|_, script, nth| match (script, nth) {
        ("check", 0) => Reply::exit(3),
        ("check", 1) => Reply::unreachable(),
        ("check", 2) => Reply::says("activating"),
        ("check", _) => Reply::says(" active\n"),
        _ => Reply::exit(0),
    });
    let start = tokio::time::Instant::now();
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    assert_eq!(words(&world.state(&plan), 0, 1), ["verified"]);
    // 250 ms, 500 ms, 1 s.
    assert_eq!(start.elapsed().as_millis() / 10, 175);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_never_holds_says_what_was_seen_instead() {
    for (within_ms, asks) in [(0, 1), (100, 2), (10_000, 9)] {
        let plan = seal(plan(1, &[1], vec![verified(steps(1, 1).remove(0), 1, within_ms)]));
        let world =
            World::new(|_, script, _| if script == "check" { Reply::says("inactive\n") } else { Reply::exit(0) });
        assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
        let state = world.state(&plan);
        let AttemptState::NotVerified { why, .. } = state_of(&state, 0, 0) else { panic!("verified") };
        assert_eq!(why, "stdout was \"inactive\", expected \"active\"");
        let checks = world.scripts().iter().filter(|script| script.ends_with("check")).count();
        assert_eq!(checks, asks, "within {within_ms} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_has_a_deadline() {
    let plan = seal(plan(1, &[1], vec![verified(steps(1, 1).remove(0), 1, 0)]));
    let world = World::new(|_, script, _| match script {
        "check" => Reply { on_cancel: None, ..Reply::hangs() },
        _ => Reply::exit(0),
    });
    let start = tokio::time::Instant::now();
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
    assert!(start.elapsed() < daytwo_engine::settings::ASK_WAIT + Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn an_action_that_failed_is_not_asked_about() {
    let plan = seal(plan(1, &[1], vec![verified(steps(1, 1).remove(0), 1, 1000)]));
    let world = World::new(|_, script, _| if script == "check" { Reply::says("active") } else { Reply::exit(1) });
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
    assert_eq!(world.scripts(), ["h0: do 0"]);
}

#[tokio::test(start_paused = true)]
async fn a_check_may_compare_with_what_its_own_step_captured() {
    let old = CaptureName::new("old").unwrap();
    let late = |before: &str, quote| {
        let value = Late::Capture(old.clone());
        Text::new([Part::Plain(before.into()), Part::Late { value, quote }])
    };
    let step = step_of("a", 1, script(Text::plain("show")));
    let mut step = capturing(step, vec![Capture { name: old.clone(), from: CaptureFrom::Json("/limit".into()) }]);
    let expect = Expect { json: vec![("/was".into(), late("", Quote::Json))], ..Expect::default() };
    let probe = Probe { action: script(late("check ", Quote::Shell)), expect };
    step.verify = Some(Verify::once(PerHost::same(probe, 1), 0));
    let plan = seal(plan(1, &[1], vec![step]));
    let world = World::new(|_, script, _| match script {
        "show" => Reply::says("{\"limit\": 60}"),
        "check 60" => Reply::says("{\"was\": 60.0}"),
        other => panic!("{other}"),
    });
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
}

/// What a post-condition with samples became when its asks answered so: `+` held, `-` did not.
async fn sampled(samples: u32, at_least: u32, within_ms: u64, answers: &'static str) -> (Result<(), String>, usize) {
    let mut step = verified(steps(1, 1).remove(0), 1, within_ms);
    let verify = step.verify.as_mut().unwrap();
    (verify.samples, verify.at_least) = (samples, at_least);
    let plan = seal(plan(1, &[1], vec![step]));
    let world = World::new(|_, script, nth| match script {
        "check" if answers.as_bytes()[nth] == b'+' => Reply::says("active"),
        "check" => Reply::says("busy"),
        _ => Reply::exit(0),
    });
    world.run(&plan).await.unwrap();
    let state = world.state(&plan);
    let asked = world.scripts().iter().filter(|script| script.ends_with("check")).count();
    let verdict = match state_of(&state, 0, 0) {
        AttemptState::NotVerified { why, .. } => Err(why.clone()),
        AttemptState::Verified { .. } => Ok(()),
        other => panic!("{other:?}"),
    };
    (verdict, asked)
}

#[tokio::test(start_paused = true)]
async fn a_check_with_samples_holds_when_enough_of_them_held() {
    let why = "the last that did not: stdout was \"busy\", expected \"active\"";
    assert_eq!(sampled(4, 3, 0, "++-+").await, (Ok(()), 4));
    // No more is asked once it is sure.
    assert_eq!(sampled(4, 3, 0, "+++").await, (Ok(()), 3));
    assert_eq!(sampled(4, 3, 0, "+-+-").await, (Err(format!("2 of 4 held, 3 are needed; {why}")), 4));
    assert_eq!(sampled(4, 3, 0, "--").await, (Err(format!("0 of the first 2 held, 3 are needed; {why}")), 2));
    // Within its time the whole row is asked again.
    assert_eq!(sampled(2, 2, 1_000, "+--++").await, (Ok(()), 5));
}
