//! A run whose driver is gone.

use daytwo_engine::ports::Fence;
use daytwo_engine::{RunError, recover};
use daytwo_model::plan::{On, Phase};
use daytwo_model::{AttemptState, Event, RunStatus};

use crate::support::{Reply, World, checked, in_phase, plan, replay, retried, seal, steps, verified};

#[tokio::test(start_paused = true)]
async fn after_every_prefix_of_a_journal_recovery_is_legal_and_sends_nothing() {
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
    let world = World::new(|host, script, _| match (host, script) {
        ("h1", _) => Reply::exit(1),
        ("h2", _) => Reply::lost(),
        ("h3", _) => Reply::unreachable(),
        ("h4", "check") => Reply::says("inactive"),
        (_, "check") => Reply::says("active"),
        _ => Reply::exit(0),
    });
    world.run(&plan).await.unwrap();
    let whole = world.records.lock().unwrap().clone();
    assert!(whole.len() > 30);

    for cut in 1..=whole.len() {
        let prefix = &whole[..cut];
        let after = World::new(|_, _, _| panic!("recovery sent something"));
        after.records.lock().unwrap().extend_from_slice(prefix);
        let fence = Fence { run: prefix[0].run, token: 2 };
        let before = replay(&plan, prefix);
        let state = recover(&plan, prefix, fence, "ada".into(), &after.ports()).await.unwrap();

        assert_eq!(state.in_flight(), 0);
        let on_disk = after.state(&plan);
        assert_eq!(on_disk.status(), state.status());
        if cut == whole.len() {
            assert_eq!(state.status(), before.status());
            assert_eq!(after.records.lock().unwrap().len(), cut);
        } else {
            assert_eq!(state.status(), Some(RunStatus::Interrupted));
        }
        for id in before.attempts_in_flight() {
            let (host, step) = before.place(id).unwrap();
            assert!(matches!(state.attempt(host, step).unwrap().state, AttemptState::Unknown { .. }));
            assert!(!state.is_good(host, step));
        }
        let added = after.records.lock().unwrap()[cut..].to_vec();
        let harmless = |event: &Event| matches!(event, Event::AttemptUnknown { .. } | Event::RunInterrupted { .. });
        assert!(added.iter().all(|record| harmless(&record.event)));

        // Found a second time, there is nothing more to say.
        let again = after.records.lock().unwrap().clone();
        recover(&plan, &again, fence, "bob".into(), &after.ports()).await.unwrap();
        assert_eq!(after.records.lock().unwrap().len(), again.len());
    }
}

#[tokio::test(start_paused = true)]
async fn records_that_are_not_of_this_plan_or_run_are_refused() {
    let world = World::new(|_, _, _| Reply::exit(0));
    let plan_a = seal(plan(1, &[1], steps(1, 1)));
    let plan_b = seal(plan(1, &[1], steps(1, 2)));
    world.run(&plan_a).await.unwrap();
    let records = world.records.lock().unwrap().clone();
    let fence = Fence { run: records[0].run, token: 2 };
    let of = |plan, records: Vec<_>, fence| {
        let ports = world.ports();
        async move { recover(plan, &records, fence, "ada".into(), &ports).await.map(|_| ()) }
    };
    assert!(matches!(of(&plan_b, records.clone(), fence).await, Err(RunError::OtherPlan { .. })));
    assert!(matches!(of(&plan_a, records[1..].to_vec(), fence).await, Err(RunError::Chain(_))));
    assert!(matches!(of(&plan_a, Vec::new(), fence).await, Err(RunError::OtherRun)));
    let mut altered = records.clone();
    altered[1].event = Event::BatchStarted { batch: 7 };
    assert!(matches!(of(&plan_a, altered, fence).await, Err(RunError::Chain(_))));
    let other = Fence { run: daytwo_model::RunId::from_uuid(uuid::Uuid::max()), token: 2 };
    assert!(matches!(of(&plan_a, records, other).await, Err(RunError::OtherRun)));
}
