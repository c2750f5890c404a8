//! A run whose driver is gone is taken up by another.

use daytwo_engine::ports::Fence;
use daytwo_engine::{RunError, Settings, take_up};
use daytwo_model::plan::{On, Phase};
use daytwo_model::{AttemptState, Event, RunOutcome, RunStatus, SecretName, SkipReason};

use crate::support::{
    Reply, World, checked, in_phase, plan, replay, retried, seal, steps, verified, why_skipped, words,
};

#[tokio::test(start_paused = true)]
async fn after_every_prefix_of_a_journal_a_run_comes_to_a_legal_end_and_nothing_of_main_is_sent_again() {
    let mut steps = steps(6, 5);
    steps[0] = retried(steps[0].clone(), 2);
    steps[1] = verified(steps[1].clone(), 6, 0);
    steps[2] = checked(steps[2].clone(), 6);
    steps[2].on = On::One;
    steps[3] = in_phase(steps[3].clone(), Phase::OnFailure);
    steps[4] = in_phase(steps[4].clone(), Phase::Always);
    let mut plan = plan(6, &[1, 5], steps);
    plan.limits.total.failed_max = 9;
    plan.limits.total.unreachable_max = 9;
    plan.limits.hosts_at_once_max = 3;
    let plan = seal(plan);
    let answers = |host: &str, script: &str, _| match (host, script) {
        ("h1", _) => Reply::exit(1),
        ("h2", _) => Reply::lost(),
        ("h3", _) => Reply::unreachable(),
        ("h4", "check") => Reply::says("inactive"),
        (_, "check") => Reply::says("active"),
        _ => Reply::exit(0),
    };
    let world = World::new(answers);
    world.run(&plan).await.unwrap();
    let whole = world.records.lock().unwrap().clone();
    assert!(whole.len() > 30);

    for cut in 1..=whole.len() {
        let prefix = &whole[..cut];
        let after = World::new(answers);
        after.skip_ids(1_000);
        after.records.lock().unwrap().extend_from_slice(prefix);
        let fence = Fence { run: prefix[0].run, token: 2 };
        let before = replay(&plan, prefix);
        let again = || {
            let records = after.records.lock().unwrap().clone();
            take_up(plan.clone(), &records, fence, "bob".into(), after.ports(), Settings::default()).unwrap()
        };
        let (driver, handle) = again();
        let outcome =
            driver.run().await.unwrap_or_else(|error| panic!("after {cut} records: {error:?} {:#?}", after.events()));

        let on_disk = after.state(&plan);
        assert_eq!(on_disk.status(), Some(RunStatus::Ended { outcome }));
        assert_eq!(handle.state().status(), on_disk.status());
        for (script, what) in [("do 0", "a step"), ("do 1", "a step"), ("do 2", "a step"), ("check", "a check")] {
            let sent = after.scripts().iter().filter(|sent| sent.ends_with(script)).count();
            // What an attempt that ended before had to hold is asked as ever.
            assert!(sent == 0 || script == "check", "after {cut} records {what} was sent again: {:?}", after.scripts());
        }
        let added = after.records.lock().unwrap()[cut..].to_vec();
        if cut == whole.len() {
            assert!(added.is_empty(), "{added:?}");
            continue;
        }
        assert!(matches!(&added[0].event, Event::RunInterrupted { found_by } if found_by == "bob"));
        for id in before.attempts_in_flight() {
            // These hosts keep nothing.
            assert!(matches!(on_disk.find(id).unwrap().state, AttemptState::Unknown { .. }));
        }

        // Found a second time, there is nothing more to say.
        let records = after.records.lock().unwrap().len();
        assert_eq!(again().0.run().await.unwrap(), outcome);
        assert_eq!(after.records.lock().unwrap().len(), records);
    }
}

#[tokio::test(start_paused = true)]
async fn end_steps_run_on_a_host_whose_end_was_found_and_the_rest_of_main_says_why_it_did_not() {
    let mut steps = steps(2, 3);
    steps[2] = in_phase(steps[2].clone(), Phase::Always);
    let plan = seal(plan(2, &[2], steps));
    let world = World::new(|_, _, _| Reply::exit(0));
    world.run(&plan).await.unwrap();
    let mut prefix = world.records.lock().unwrap().clone();
    // Both hosts have their first step behind them, and no more was sent.
    let ends = |event: &Event| matches!(event, Event::AttemptFinished { .. });
    let second = prefix.iter().position(|record| ends(&record.event)).unwrap();
    prefix.truncate(second + 1);
    let after = World::new(|_, _, _| Reply::exit(0));
    after.skip_ids(1_000);
    after.records.lock().unwrap().extend_from_slice(&prefix);
    let fence = Fence { run: prefix[0].run, token: 2 };
    let (driver, _) = take_up(plan.clone(), &prefix, fence, "bob".into(), after.ports(), Settings::default()).unwrap();
    driver.run().await.unwrap();
    let state = after.state(&plan);
    assert_eq!(words(&state, 0, 3), ["finished", "skipped", "finished"]);
    assert_eq!(why_skipped(&state, 0, 1), &SkipReason::Interrupted);
    assert_eq!(words(&state, 1, 1), ["unknown"]);
    assert_eq!(after.scripts(), ["h0: do 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_secret_cannot_be_read_is_taken_up_and_its_output_is_not_kept() {
    let mut plan = plan(1, &[1], steps(1, 1));
    plan.steps[0] = in_phase(plan.steps[0].clone(), Phase::Always);
    plan.secrets.insert(SecretName::new("token").unwrap());
    let plan = seal(plan);
    let world = World::new(|_, _, _| Reply::says("token=opensesame\n"));
    world.run(&plan).await.unwrap();
    let prefix = world.records.lock().unwrap()[..2].to_vec();
    assert!(matches!(prefix[1].event, Event::BatchStarted { .. }));
    let fence = Fence { run: prefix[0].run, token: 2 };
    for readable in [true, false] {
        let after = World::new(|_, _, _| Reply::says("token=opensesame\n")).with_secret("token", "opensesame");
        *after.locked.lock().unwrap() = !readable;
        after.skip_ids(1_000);
        after.records.lock().unwrap().extend_from_slice(&prefix);
        let (driver, _) =
            take_up(plan.clone(), &prefix, fence, "bob".into(), after.ports(), Settings::default()).unwrap();
        driver.run().await.unwrap();
        assert!(!after.stdout().contains("opensesame"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_over_and_clear_is_left_as_it_is() {
    let plan = seal(plan(1, &[1], steps(1, 1)));
    let world = World::new(|_, _, _| Reply::exit(0));
    world.run(&plan).await.unwrap();
    let records = world.records.lock().unwrap().clone();
    let fence = Fence { run: records[0].run, token: 2 };
    let (driver, _) = take_up(plan, &records, fence, "bob".into(), world.ports(), Settings::default()).unwrap();
    assert_eq!(driver.run().await.unwrap(), RunOutcome::Succeeded);
    assert_eq!(*world.records.lock().unwrap(), records);
}

#[tokio::test(start_paused = true)]
async fn records_that_are_not_of_this_plan_or_run_are_refused() {
    let world = World::new(|_, _, _| Reply::exit(0));
    let plan_a = seal(plan(1, &[1], steps(1, 1)));
    let plan_b = seal(plan(1, &[1], steps(1, 2)));
    world.run(&plan_a).await.unwrap();
    let records = world.records.lock().unwrap().clone();
    let fence = Fence { run: records[0].run, token: 2 };
    let of = |plan: &daytwo_model::SealedPlan, records: &[_], fence| {
        take_up(plan.clone(), records, fence, "ada".into(), world.ports(), Settings::default()).map(|_| ())
    };
    assert!(matches!(of(&plan_b, &records, fence), Err(RunError::OtherPlan { .. })));
    assert!(matches!(of(&plan_a, &records[1..], fence), Err(RunError::Chain(_))));
    assert!(matches!(of(&plan_a, &[], fence), Err(RunError::OtherRun)));
    let mut altered = records.clone();
    altered[1].event = Event::BatchStarted { batch: 7 };
    assert!(matches!(of(&plan_a, &altered, fence), Err(RunError::Chain(_))));
    let other = Fence { run: daytwo_model::RunId::from_uuid(uuid::Uuid::max()), token: 2 };
    assert!(matches!(of(&plan_a, &records, other), Err(RunError::OtherRun)));
}
