//! What the ends of attempts make of a run.

use bytes::Bytes;
use daytwo_engine::ports::HttpEnd;
use daytwo_model::plan::{CaptureFrom, PerHost};
use daytwo_model::quote::Quote;
use daytwo_model::text::{Late, Part};
use daytwo_model::{AttemptState, CancelReason, CaptureName, Event, Exit, RunOutcome, Stream, Text};

use crate::support::{
    Reply, World, capture, capturing, plan, request, script, seal, state_of, step_of, steps, undo, verified, words,
};

fn captured(before: &str, name: &str) -> Text {
    let value = Late::Capture(CaptureName::new(name).unwrap());
    Text::new([Part::Plain(before.into()), Part::Late { value, quote: Quote::Shell }])
}

#[tokio::test(start_paused = true)]
async fn a_step_that_fails_stops_its_host_and_says_so() {
    let plan = seal(plan(1, &[1], steps(1, 3)));
    let world = World::new(|_, script, _| Reply::exit(i32::from(script == "do 1")));
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
    assert_eq!(words(&world.state(&plan), 0, 3), ["finished", "finished", "skipped"]);
    assert_eq!(world.scripts(), ["h0: do 0", "h0: do 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_link_is_unknown_and_never_repeated() {
    let plan = seal(plan(1, &[1], steps(1, 2)));
    let world = World::new(|_, _, _| Reply::lost());
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
    assert_eq!(words(&world.state(&plan), 0, 2), ["unknown", "skipped"]);
    assert_eq!(world.scripts(), ["h0: do 0"]);
}

#[tokio::test(start_paused = true)]
async fn unreachable_after_a_sign_of_life_is_unknown() {
    let plan = seal(plan(1, &[1], steps(1, 1)));
    let world = World::new(|_, _, _| Reply { started: true, ..Reply::unreachable() });
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
    assert_eq!(words(&world.state(&plan), 0, 1), ["unknown"]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_unit_is_an_unknown_attempt_and_the_run_goes_on() {
    let mut plan = plan(2, &[2], steps(2, 1));
    plan.limits.total.failed_max = 1;
    let plan = seal(plan);
    let world = World::new(|host, _, _| Reply { panics: host == "h0", ..Reply::exit(0) });
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
    let state = world.state(&plan);
    assert_eq!(words(&state, 1, 1), ["finished"]);
    let AttemptState::Unknown { why } = state_of(&state, 0, 0) else { panic!("not unknown") };
    assert!(why.ends_with("the adapter broke"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_step_past_its_deadline_is_killed_and_counts_as_failed() {
    let plan = seal(plan(1, &[1], steps(1, 2)));
    let world = World::new(|_, _, _| Reply::hangs());
    let start = tokio::time::Instant::now();
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
    assert_eq!(start.elapsed().as_secs(), 60);
    let state = world.state(&plan);
    assert_eq!(state_of(&state, 0, 0), &AttemptState::Cancelled { reason: CancelReason::Deadline });
    assert_eq!(words(&state, 0, 2), ["cancelled", "skipped"]);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_ignores_everything_is_given_up_in_bounded_time() {
    let plan = seal(plan(1, &[1], steps(1, 1)));
    let world = World::new(|_, _, _| Reply { on_cancel: None, ..Reply::hangs() });
    let start = tokio::time::Instant::now();
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
    // It keeps nothing, so it is asked a few times more, and not for long.
    let told = 60 + daytwo_engine::settings::CANCEL_GRACE.as_secs();
    assert!((told..told + 8).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    assert_eq!(words(&world.state(&plan), 0, 1), ["unknown"]);
}

#[tokio::test(start_paused = true)]
async fn output_is_kept_up_to_its_limit_and_the_rest_is_counted() {
    let chunk = Bytes::from(vec![b'x'; 1024 * 1024]);
    let plan = seal(plan(1, &[1], steps(1, 1)));
    let world = World::new(move |_, _, _| Reply {
        output: (0..66).map(|n| (if n % 2 == 0 { Stream::Stdout } else { Stream::Stderr }, chunk.clone())).collect(),
        ..Reply::exit(0)
    });
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    let output = world.state(&plan).attempt(0, 0).unwrap().output;
    assert_eq!(output.stdout_bytes, 33 * 1024 * 1024);
    assert_eq!(output.dropped_bytes, 2 * 1024 * 1024);
    assert_eq!(world.stdout().len() as u64, daytwo_engine::settings::OUTPUT_BYTES_MAX);
}

#[tokio::test(start_paused = true)]
async fn a_captured_value_reaches_the_next_step_quoted() {
    let first = capturing(step_of("a", 1, script(Text::plain("show"))), vec![capture("pid", CaptureFrom::Stdout)]);
    let second = step_of("b", 1, script(captured("use ", "pid")));
    let plan = seal(plan(1, &[1], vec![first, second]));
    let world = World::new(|_, script, _| if script == "show" { Reply::says("4 2\r\n\n") } else { Reply::exit(0) });
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    assert_eq!(world.scripts(), ["h0: show", "h0: use '4 2'"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_captured_makes_the_step_not_verified() {
    for undoing in [false, true] {
        let from = CaptureFrom::Json("/a/b".into());
        let first = capturing(step_of("a", 1, script(Text::plain("show"))), vec![capture("b", from)]);
        let mut plan = plan(1, &[1], vec![first]);
        if undoing {
            plan = undo(plan);
        }
        let plan = seal(plan);
        let world = World::new(|_, _, _| Reply::says("{\"a\":{}}"));
        let outcome = world.run(&plan).await.unwrap();
        assert_eq!(outcome, if undoing { RunOutcome::Stuck } else { RunOutcome::Failed });
        let (AttemptState::NotVerified { why, .. } | AttemptState::Stuck { why }) =
            state_of(&world.state(&plan), 0, 0).clone()
        else {
            panic!("wrong state")
        };
        assert_eq!(why, "could not capture b: it has no value at \"/a/b\"");
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_capture_is_refused_and_nothing_is_sent() {
    let plan = seal(plan(1, &[1], vec![step_of("b", 1, script(captured("use ", "pid")))]));
    let world = World::new(|_, _, _| Reply::exit(0));
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
    assert_eq!(words(&world.state(&plan), 0, 1), ["refused"]);
    assert!(world.scripts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_host_without_anything_planned_is_skipped_and_fine() {
    let mut only_second = step_of("a", 2, script(Text::plain("do it")));
    only_second.action = PerHost::collect([None, Some(script(Text::plain("do it")))]);
    let plan = seal(plan(2, &[2], vec![only_second]));
    let world = World::new(|_, _, _| Reply::exit(0));
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    assert_eq!(world.scripts(), ["h1: do it"]);
}

#[tokio::test(start_paused = true)]
async fn an_undo_tries_every_inverse_and_says_what_is_stuck() {
    let inverses = || {
        let mut steps = steps(1, 3);
        steps[2] = verified(steps[2].clone(), 1, 0);
        steps
    };
    let plan = seal(undo(plan(1, &[1], inverses())));
    let world = World::new(|_, script, _| match script {
        "do 1" => Reply::exit(3),
        "check" => Reply::says("active\n"),
        _ => Reply::exit(0),
    });
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Stuck);
    let state = world.state(&plan);
    assert_eq!(words(&state, 0, 3), ["undone", "stuck", "undone"]);
    assert_eq!(state_of(&state, 0, 1), &AttemptState::Stuck { why: "exit 3".into() });
    assert_eq!(world.scripts(), ["h0: do 0", "h0: do 1", "h0: do 2", "h0: check"]);
}

#[tokio::test(start_paused = true)]
async fn an_undo_in_which_all_is_undone_is_rolled_back() {
    let plan = seal(undo(plan(2, &[2], steps(2, 2))));
    let world = World::new(|_, _, _| Reply::exit(0));
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::RolledBack);
}

#[tokio::test(start_paused = true)]
async fn an_undo_stops_on_a_host_where_the_last_inverse_may_still_run() {
    let plan = seal(undo(plan(1, &[1], steps(1, 2))));
    let world = World::new(|_, _, _| Reply::lost());
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Stuck);
    assert_eq!(words(&world.state(&plan), 0, 2), ["unknown", "skipped"]);
}

#[tokio::test(start_paused = true)]
async fn an_http_attempt_ends_as_its_answer_says() {
    let answered = |status| HttpEnd::answered(status, &b"{\"limit\":60}"[..]);
    for (end, word, outcome) in [
        (answered(200), "finished", RunOutcome::Succeeded),
        (answered(404), "finished", RunOutcome::Failed),
        (HttpEnd::Unreachable { why: "refused".into() }, "unreachable", RunOutcome::Failed),
        (HttpEnd::Unseen { why: "reset".into() }, "unknown", RunOutcome::Failed),
        (HttpEnd::Refused { why: "not a URL".into() }, "refused", RunOutcome::Failed),
    ] {
        let from = CaptureFrom::Json("/limit".into());
        let step = step_of("a", 1, request(Text::plain("http://g/key")));
        let plan = seal(plan(1, &[1], vec![capturing(step, vec![capture("limit", from)])]));
        let given = end.clone();
        let world = World::new(|_, _, _| Reply::exit(0)).with_http(move |_| given.clone());
        assert_eq!(world.run(&plan).await.unwrap(), outcome, "{end:?}");
        let state = world.state(&plan);
        assert_eq!(words(&state, 0, 1), [word], "{end:?}");
        if end == answered(200) {
            assert_eq!(state_of(&state, 0, 0), &AttemptState::Finished { exit: Exit::Status(200) });
            assert_eq!(state.captured(0).values().next(), Some(&60.into()));
            assert_eq!(world.stdout(), "{\"limit\":60}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn readers_see_records_in_order_and_only_from_disk() {
    let plan = seal(plan(2, &[1, 1], steps(2, 2)));
    let world = World::new(|_, _, _| Reply::says("hello"));
    let (driver, handle) = world.open(&plan);
    let mut news = handle.subscribe();
    assert_eq!(handle.state().status(), None);
    let (result, seen) = tokio::join!(driver.run(), async {
        let mut seen = Vec::new();
        loop {
            if let daytwo_engine::Notice::Record(record) = news.recv().await.unwrap() {
                assert!(world.records.lock().unwrap().contains(&record), "shown before it was on disk");
                seen.push((*record).clone());
                if matches!(record.event, Event::RunEnded { .. }) {
                    return seen;
                }
            }
        }
    });
    assert_eq!(result.unwrap(), RunOutcome::Succeeded);
    assert_eq!(seen, *world.records.lock().unwrap());
    assert_eq!(handle.state().status(), world.state(&plan).status());
}
