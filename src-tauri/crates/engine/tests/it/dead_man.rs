//! A host takes a step back alone unless it is told in time, and the journal says which of the two it was.

use std::time::Duration;

use daytwo_engine::ports::Fence;
use daytwo_engine::{Request, Settings, open, take_up};
use daytwo_model::plan::{Expect, FailurePolicy, PerHost, PlannedStep, Probe, Verify, WayBack};
use daytwo_model::quote::Quote;
use daytwo_model::run::{DeadManSwitch, HostStanding, Trace};
use daytwo_model::text::{Late, Part};
use daytwo_model::{AttemptState, CancelDegree, CancelReason, CaptureName, Exit, RunState, Text};

use crate::farm::{Farm, Faults};
use crate::support::{plan, replay, script, seal, steps, verified, words};

fn armed(inverse: Text) -> PlannedStep {
    let mut step = verified(steps(1, 1).remove(0), 1, 0);
    step.dead_man_ms = Some(1_000);
    step.way_back = WayBack::Inverse { action: PerHost::same(script(inverse), 1), verify: None };
    step
}

async fn with(step: PlannedStep, faults: Faults) -> (RunState, usize) {
    let plan = seal(plan(1, &[1], vec![step]));
    let farm = Farm::new(faults);
    let (driver, _handle) = open(plan.clone(), "ada".into(), farm.ports(), Settings::default()).unwrap();
    driver.run().await.unwrap();
    let state = replay(&plan, &farm.records.lock().unwrap());
    (state, farm.begun("h0").len())
}

fn switch(state: &RunState) -> Option<DeadManSwitch> {
    state.attempt(0, 0).and_then(|attempt| attempt.dead_man.as_deref().cloned())
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_verified_in_time_disarms_its_switch() {
    let (state, _) = with(armed(Text::plain("undo 0")), Faults::default()).await;
    assert_eq!(words(&state, 0, 1), ["verified"]);
    assert_eq!(switch(&state), Some(DeadManSwitch::Disarmed));
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_lost_for_longer_than_the_switch_waits_lets_it_fire_and_that_is_told() {
    let cut = Some((Duration::from_millis(150), Duration::from_secs(5)));
    let (state, _) = with(armed(Text::plain("undo 0")), Faults { cut, ..Faults::default() }).await;
    assert_eq!(switch(&state), Some(DeadManSwitch::Fired { exit: Some(Exit::Code(0)) }));
}

#[tokio::test(start_paused = true)]
async fn a_switch_that_could_not_end_its_script_is_told_plainly_and_nothing_goes_on_beside_it() {
    let mut after = steps(1, 2).remove(1);
    after.on_failure = FailurePolicy::Continue;
    let mut step = armed(Text::plain("undo 0"));
    step.dead_man_ms = Some(200);
    step.on_failure = FailurePolicy::Continue;
    let plan = seal(plan(1, &[1], vec![step, after]));
    let cut = Some((Duration::from_millis(150), Duration::from_secs(5)));
    let farm = Farm::new(Faults { cut, outlives_its_switch: true, ..Faults::default() });
    let (driver, _handle) = open(plan.clone(), "ada".into(), farm.ports(), Settings::default()).unwrap();
    driver.run().await.unwrap();
    let state = replay(&plan, &farm.records.lock().unwrap());
    let why = "the switch fired, and the script could not be ended".to_owned();
    assert_eq!(switch(&state), Some(DeadManSwitch::Failed { why: why.clone(), over: false }));
    assert_eq!(words(&state, 0, 2), ["cancelled", "skipped"]);
    assert_eq!(state.attempt(0, 0).unwrap().state, AttemptState::Cancelled { reason: CancelReason::DeadMan });
    assert_eq!(state.trace(0, 0), Trace::Unclear(why), "nobody takes it back beside it");
    assert_eq!(state.standing(0), HostStanding::Failed);
    assert!(!state.attempt(0, 0).unwrap().may_be_made_again());
    let again = async || {
        let records = farm.records.lock().unwrap().clone();
        let fence = Fence { run: records[0].run, token: 2 };
        take_up(plan.clone(), &records, fence, "bob".into(), farm.ports(), Settings::default())
            .unwrap()
            .0
            .run()
            .await
            .unwrap();
        replay(&plan, &farm.records.lock().unwrap())
    };
    let count = farm.records.lock().unwrap().len();
    assert!(again().await.attempt(0, 0).unwrap().may_still_run());
    assert_eq!(farm.records.lock().unwrap().len(), count, "the same again is no news");
    // A person has ended it: from then on it stands in nobody's way, and what it left may be taken back.
    farm.faults.lock().unwrap().has_ended_since = true;
    let state = again().await;
    assert!(matches!(switch(&state), Some(DeadManSwitch::Failed { over: true, .. })), "{:?}", switch(&state));
    assert!(!state.attempt(0, 0).unwrap().may_still_run());
    assert_eq!(state.trace(0, 0), Trace::Ended);
    assert_eq!(state.standing(0), HostStanding::Failed);
    let count = farm.records.lock().unwrap().len();
    again().await;
    assert_eq!(farm.records.lock().unwrap().len(), count, "and nobody is asked about it again");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_never_comes_back_leaves_its_switch_unknown_in_bounded_time() {
    let cut = Some((Duration::from_millis(330), Duration::from_secs(100_000)));
    let start = tokio::time::Instant::now();
    let (state, _) = with(armed(Text::plain("undo 0")), Faults { cut, ..Faults::default() }).await;
    assert!(matches!(switch(&state), Some(DeadManSwitch::Unknown { .. })), "{:?}", switch(&state));
    assert!(start.elapsed() < Duration::from_secs(600), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_way_back_that_cannot_be_filled_now_arms_nothing_and_nothing_is_sent() {
    let late = Late::Capture(CaptureName::new("before").unwrap());
    let inverse = Text::new([Part::Plain("set ".into()), Part::Late { value: late, quote: Quote::Shell }]);
    let (state, begun) = with(armed(inverse), Faults::default()).await;
    assert_eq!(words(&state, 0, 1), ["refused"]);
    assert_eq!(begun, 0);
}

#[tokio::test(start_paused = true)]
async fn a_switch_that_was_left_armed_is_not_disarmed_by_whoever_asks_again_too_early() {
    let mut step = armed(Text::plain("undo 0"));
    step.dead_man_ms = Some(3_600_000);
    let expect = Expect { stdout: Some(Text::plain("never")), ..Expect::default() };
    let probe = Probe { action: script(Text::plain("check")), expect };
    step.verify = Some(Verify::once(PerHost::same(probe, 1), 0));
    let plan = seal(plan(1, &[1], vec![step]));
    let farm = Farm::new(Faults::default());
    let (driver, handle) = open(plan.clone(), "ada".into(), farm.ports(), Settings::default()).unwrap();
    let (outcome, ()) = tokio::join!(driver.run(), async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let (degree, hosts) = (CancelDegree::Kill, None);
        assert!(handle.request(Request::Cancel { by: "ada".into(), why: String::new(), degree, hosts }));
    });
    outcome.unwrap();
    let state = || replay(&plan, &farm.records.lock().unwrap());
    assert_eq!(words(&state(), 0, 1), ["not verified"]);
    let again = || {
        let records = farm.records.lock().unwrap().clone();
        let fence = Fence { run: records[0].run, token: 2 };
        take_up(plan.clone(), &records, fence, "bob".into(), farm.ports(), Settings::default()).unwrap().0
    };
    again().run().await.unwrap();
    assert!(matches!(switch(&state()), Some(DeadManSwitch::Unknown { .. })), "{:?}", switch(&state()));
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    again().run().await.unwrap();
    assert_eq!(switch(&state()), Some(DeadManSwitch::Fired { exit: Some(Exit::Code(0)) }));
}
