//! Whether a step is due on a host is asked when it is its turn, and never guessed.

use daytwo_engine::capture::KEPT_BYTES_MAX;
use daytwo_engine::ports::ShellEnd;
use daytwo_model::plan::CaptureFrom;
use daytwo_model::run::HostStanding;
use daytwo_model::{Event, Exit, RunOutcome, SkipReason};

use crate::support::{
    Reply, World, capture, capturing, checked, plan, seal, step_of, steps, undo, when, why_skipped, words,
};

/// `do 0` tells its exit code; `do 1` is for those with code 3; `do 2` is for all.
fn asking(hosts: u32) -> Vec<daytwo_model::plan::PlannedStep> {
    let mut steps = steps(hosts, 3);
    steps[0] = capturing(steps[0].clone(), vec![capture("code", CaptureFrom::ExitCode)]);
    steps[1] = when(steps[1].clone(), hosts, "code", 3);
    steps
}

#[tokio::test(start_paused = true)]
async fn a_condition_is_answered_on_each_host_with_what_was_captured_there() {
    let plan = seal(plan(2, &[2], asking(2)));
    let world = World::new(|host, script, _| Reply::exit(if host == "h0" && script == "do 0" { 3 } else { 0 }));
    // A code that a step captures is an answer, not a failure.
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    let state = world.state(&plan);
    assert_eq!(words(&state, 0, 3), ["finished", "finished", "finished"]);
    assert_eq!(words(&state, 1, 3), ["finished", "skipped", "finished"]);
    assert_eq!(why_skipped(&state, 1, 1), &SkipReason::Condition);
    assert_eq!(state.standing(1), HostStanding::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_signal_is_no_exit_code_and_fails_the_step() {
    let plan = seal(plan(1, &[1], asking(1)));
    let signal = || Reply::end(ShellEnd::Exited(Exit::Signal("TERM".into())));
    let world = World::new(move |_, _, _| signal());
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
    assert_eq!(words(&world.state(&plan), 0, 3), ["finished", "skipped", "skipped"]);
}

#[tokio::test(start_paused = true)]
async fn a_condition_without_an_answer_starts_nothing_and_fails_the_host() {
    let steps = || {
        vec![
            when(steps(3, 1).remove(0), 3, "never", 1),
            step_of("b", 3, crate::support::script(daytwo_model::Text::plain("b"))),
        ]
    };
    let mut canary = plan(3, &[1, 2], steps());
    canary.limits.total.failed_max = 9;
    let plan = seal(canary);
    let world = World::new(|_, _, _| panic!("something was sent"));
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
    let state = world.state(&plan);
    let SkipReason::Undecidable { why } = why_skipped(&state, 0, 0) else { panic!("decided") };
    assert_eq!(why, "no value was captured as never on this host");
    assert_eq!(why_skipped(&state, 0, 1), &SkipReason::EarlierStep);
    assert_eq!(state.standing(0), HostStanding::Failed);
    // The canary proved nothing.
    assert_eq!(why_skipped(&state, 1, 0), &SkipReason::FailedBudget);
}

#[tokio::test(start_paused = true)]
async fn a_step_is_not_sent_where_its_check_finds_it_done() {
    let mut steps = steps(2, 2);
    steps[0] = checked(steps[0].clone(), 2);
    let plan = seal(plan(2, &[2], steps));
    let world = World::new(|host, script, _| match (host, script) {
        ("h0", "check") => Reply::says("done\n"),
        (_, "check") => Reply::says("absent\n"),
        _ => Reply::exit(0),
    });
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    let mut scripts = world.scripts();
    scripts.sort();
    assert_eq!(scripts, ["h0: check", "h0: do 1", "h1: check", "h1: do 0", "h1: do 1"]);
    let state = world.state(&plan);
    assert_eq!(why_skipped(&state, 0, 0), &SkipReason::NotNeeded);
    assert_eq!(state.standing(0), HostStanding::Succeeded);
    // A read is no attempt.
    let sent = world.events().iter().filter(|event| matches!(event, Event::AttemptSent { .. })).count();
    assert_eq!(sent, 3);
}

#[tokio::test(start_paused = true)]
async fn checks_are_asked_before_a_run_and_only_read() {
    let mut all = steps(3, 2);
    all[0] = checked(all[0].clone(), 3);
    let sealed = seal(plan(3, &[3], all));
    let world = World::new(|host, script, _| match (host, script) {
        ("h0", "check") => Reply::says("done\n"),
        ("h1", "check") => Reply::says("absent\n"),
        ("h2", "check") => Reply::unreachable(),
        _ => panic!("something was sent"),
    });
    let (ports, cancel) = (world.ports(), daytwo_engine::ports::Cancel::new());
    let asked = daytwo_engine::ask_checks(&sealed, &ports, daytwo_engine::Settings::default(), cancel).await.unwrap();
    let answers = asked.steps[0].asked.as_ref().unwrap();
    let needed: Vec<Option<bool>> = (0..3).map(|host| answers.get(host).unwrap().needed).collect();
    assert_eq!(needed, [Some(false), Some(true), None]);
    assert!(answers.get(1).unwrap().said.contains("absent"), "{answers:?}");
    assert!(asked.steps[1].asked.is_none());
    assert!(world.events().is_empty(), "a question is not journalled");
}

#[tokio::test(start_paused = true)]
async fn a_check_without_an_answer_sends_nothing_and_fails_the_host() {
    for (reply, standing) in [
        (Reply::lost(), HostStanding::Failed),
        (Reply { on_cancel: None, ..Reply::hangs() }, HostStanding::Failed),
        (Reply { panics: true, ..Reply::exit(0) }, HostStanding::Failed),
        (Reply::unreachable(), HostStanding::Unreachable),
        // It was killed before it could say what it saw.
        (Reply::end(ShellEnd::Exited(Exit::Signal("KILL".into()))), HostStanding::Failed),
        // Nobody read all that it said.
        (Reply::says(&"x".repeat(KEPT_BYTES_MAX + 1)), HostStanding::Failed),
    ] {
        let mut steps = steps(1, 2);
        steps[0] = checked(steps[0].clone(), 1);
        let plan = seal(plan(1, &[1], steps));
        let world = World::new(move |_, _, _| reply.clone());
        assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
        assert_eq!(world.scripts(), ["h0: check"]);
        let state = world.state(&plan);
        assert_eq!(words(&state, 0, 2), ["skipped", "skipped"]);
        assert_eq!(state.standing(0), standing);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_during_a_check_is_a_cancel_and_no_failure() {
    let plan = seal(plan(1, &[1], vec![checked(steps(1, 1).remove(0), 1)]));
    let world = World::new(|_, _, _| Reply::hangs());
    let (driver, handle) = world.open(&plan);
    let (outcome, ()) = tokio::join!(driver.run(), async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        handle.cancel("ada".into(), String::new());
    });
    assert_eq!(outcome.unwrap(), RunOutcome::Cancelled);
    assert_eq!(why_skipped(&world.state(&plan), 0, 0), &SkipReason::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_step_without_what_it_needs_is_skipped_and_the_host_goes_on() {
    // 1 is not due, 2 needs it, 3 needs 2, 4 needs only what was done.
    let mut steps = steps(1, 5);
    steps[0] = capturing(steps[0].clone(), vec![capture("code", CaptureFrom::ExitCode)]);
    steps[1] = when(steps[1].clone(), 1, "code", 3);
    steps[2].needs = vec![0, 1];
    steps[3].needs = vec![2];
    steps[4].needs = vec![0];
    let plan = seal(plan(1, &[1], steps));
    let world = World::new(|_, _, _| Reply::exit(0));
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    assert_eq!(world.scripts(), ["h0: do 0", "h0: do 4"]);
    let state = world.state(&plan);
    assert_eq!(why_skipped(&state, 0, 2), &SkipReason::Needs { step: 1 });
    assert_eq!(why_skipped(&state, 0, 3), &SkipReason::Needs { step: 2 });
}

#[tokio::test(start_paused = true)]
async fn what_was_found_done_is_there_for_the_steps_that_need_it() {
    let mut steps = steps(1, 2);
    steps[0] = checked(steps[0].clone(), 1);
    steps[1].needs = vec![0];
    let plan = seal(plan(1, &[1], steps));
    let world = World::new(|_, script, _| if script == "check" { Reply::says("done") } else { Reply::exit(0) });
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    assert_eq!(world.scripts(), ["h0: check", "h0: do 1"]);
}

#[tokio::test(start_paused = true)]
async fn an_undo_goes_on_after_an_inverse_that_could_not_be_decided() {
    let mut steps = steps(1, 2);
    steps[0] = when(steps[0].clone(), 1, "never", 1);
    let plan = seal(undo(plan(1, &[1], steps)));
    let world = World::new(|_, _, _| Reply::exit(0));
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Stuck);
    assert_eq!(words(&world.state(&plan), 0, 2), ["skipped", "undone"]);
}
