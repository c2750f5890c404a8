//! What the journal says in the end is what the hosts did, or says that it is not known, whatever is lost on the way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use daytwo_engine::ports::Fence;
use daytwo_engine::{Driver, RunError, Settings, open, take_up};
use daytwo_model::event::Note;
use daytwo_model::plan::{FailurePolicy, Phase};
use daytwo_model::{
    Answer, AttemptId, AttemptState, CancelDegree, Event, Exit, RunOutcome, RunState, RunStatus, SealedPlan,
};
use tokio::time::{sleep, timeout};

use crate::farm::{Farm, Faults, Truth};
use crate::support::{in_phase, plan, replay, seal, steps, verified, words};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Longer than everything together: steps, patience, a cut of ten minutes.
const LONG: Duration = Duration::from_secs(3_600);

fn two_changes_and_an_end() -> SealedPlan {
    let mut steps = steps(1, 3);
    steps[0] = verified(steps[0].clone(), 1, 1_000);
    steps[2] = in_phase(steps[2].clone(), Phase::Always);
    seal(plan(1, &[1], steps))
}

fn asking_in_the_run() -> Settings {
    Settings { asks_unknown_in_run: true, ..Settings::default() }
}

impl Farm {
    fn again(self: &Arc<Self>, plan: &SealedPlan) -> Driver {
        let records = self.records.lock().unwrap().clone();
        let fence = Fence { run: records[0].run, token: 2 };
        take_up(plan.clone(), &records, fence, "bob".into(), self.ports(), asking_in_the_run()).unwrap().0
    }

    /// Until its end, or until the console dies: then none.
    async fn drive(self: &Arc<Self>, driver: Driver) -> Option<Result<RunOutcome, RunError>> {
        let dies_at = self.faults.lock().unwrap().dies_at;
        tokio::select! {
            biased;
            () = self.dead.notified() => None,
            () = sleep(dies_at.unwrap_or_default()), if dies_at.is_some() => None,
            ended = timeout(LONG, driver.run()) => Some(ended.unwrap_or_else(|_| panic!("the run comes to no end"))),
        }
    }

    /// The next console does not die.
    fn live_on(&self) {
        let mut faults = self.faults.lock().unwrap();
        (faults.dies_after_write, faults.dies_at) = (None, None);
    }

    fn state(&self, plan: &SealedPlan) -> RunState {
        replay(plan, &self.records.lock().unwrap())
    }

    fn events(&self) -> Vec<Event> {
        self.records.lock().unwrap().iter().map(|record| record.event.clone()).collect()
    }

    fn sent(&self) -> Vec<(AttemptId, u32, u32)> {
        let sent = |event| match event {
            Event::AttemptSent { attempt, host, step, .. } => Some((attempt, host, step)),
            _ => None,
        };
        self.events().into_iter().filter_map(sent).collect()
    }

    /// The journal against the hosts.
    fn check(&self, plan: &SealedPlan, case: &str) {
        let state = self.state(plan);
        let mut per_step: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        for (attempt, host, step) in self.sent() {
            let truth = self.truth(&format!("h{host}"), attempt);
            let known = state.find(attempt).unwrap();
            let agrees = match &known.state {
                AttemptState::Finished { exit } | AttemptState::Verified { exit } => {
                    truth == Truth::Ended && *exit == Exit::Code(0)
                }
                AttemptState::NotVerified { .. } => truth == Truth::Ended,
                AttemptState::NotStarted { .. } | AttemptState::Unreachable { .. } => truth == Truth::Nothing,
                AttemptState::Lost { .. } => matches!(truth, Truth::HalfHappened | Truth::Nothing),
                AttemptState::Cancelled { .. } => truth == Truth::Killed || truth == Truth::Nothing,
                AttemptState::Unknown { .. } => true,
                _ => false,
            };
            assert!(agrees, "{case}: {known:?} is said of step {step}, and the host says {truth:?}");
            if matches!(known.state, AttemptState::Finished { .. } | AttemptState::Verified { .. }) {
                let wrote = format!("one do {step}\ntwo do {step}\n");
                assert_eq!(self.stdout(attempt), wrote, "{case}: every byte once");
                assert_eq!(known.output.stdout_bytes, wrote.len() as u64, "{case}");
            }
            *per_step.entry((host, step)).or_default() += 1;
        }
        for (attempt, times) in self.begun("h0") {
            assert_eq!(times, 1, "{case}: attempt {attempt} ran more than once");
        }
        assert!(per_step.values().all(|sent| *sent == 1), "{case}: a step was sent again: {per_step:?}");
    }
}

async fn one_course(plan: &SealedPlan, faults: Faults) {
    let case = format!("{faults:?}");
    let farm = Farm::new(faults);
    let (driver, _handle) = open(plan.clone(), "ada".into(), farm.ports(), Settings::default()).unwrap();
    let first = farm.drive(driver).await;
    farm.live_on();
    if first.is_none() && farm.records.lock().unwrap().is_empty() {
        assert!(farm.begun("h0").is_empty(), "{case}");
        return;
    }
    if first.is_none() {
        let before = farm.sent();
        sleep(ms(70)).await;
        farm.drive(farm.again(plan)).await.unwrap().unwrap_or_else(|error| panic!("{case}: {error:?}"));
        let main = |(_, _, step): &(AttemptId, u32, u32)| *step < 2;
        let after = farm.sent();
        assert_eq!(
            after.iter().filter(|sent| main(sent)).count(),
            before.iter().filter(|sent| main(sent)).count(),
            "{case}"
        );
    }
    let state = farm.state(plan);
    assert!(matches!(state.status(), Some(RunStatus::Ended { .. })), "{case}: {:?}", state.status());
    farm.check(plan, &case);

    // When nothing is lost any more, whoever asks again gets the truth.
    sleep(LONG).await;
    farm.check(plan, &case);
    let outcome = state.status();
    farm.drive(farm.again(plan)).await.unwrap().unwrap();
    let state = farm.state(plan);
    assert_eq!(state.status(), outcome, "{case}: asked again, a run's outcome stays");
    assert_eq!(state.attempts_unclear().count(), 0, "{case}: {:?}", farm.events());
    farm.check(plan, &case);
}

/// Before it arrives, before its start is told, while it runs, between its words, at its end, and while its
/// condition is asked; then the same for the second step.
const MOMENTS: [u64; 11] = [1, 6, 16, 30, 150, 250, 311, 318, 340, 360, 450];

#[tokio::test(start_paused = true)]
async fn a_link_cut_at_any_moment_costs_nothing_but_time() {
    let plan = two_changes_and_an_end();
    for from in MOMENTS {
        for (length, late) in [(2_000, false), (2_000, true), (30_000, true), (600_000, false), (600_000, true)] {
            one_course(&plan, Faults { cut: Some((ms(from), ms(from + length))), late, ..Faults::default() }).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_console_that_dies_at_any_moment_is_told_the_truth_by_the_next() {
    let plan = two_changes_and_an_end();
    for at in MOMENTS {
        for reboot in [None, Some(at.saturating_sub(5)), Some(at + 20), Some(at + 500)] {
            let reboot = reboot.map(ms);
            one_course(&plan, Faults { dies_at: Some(ms(at)), reboot, ..Faults::default() }).await;
            let cut = Some((ms(at.saturating_sub(3)), ms(at + 5_000)));
            one_course(&plan, Faults { dies_at: Some(ms(at)), reboot, cut, late: true, ..Faults::default() }).await;
            one_course(&plan, Faults { dies_at: Some(ms(at)), reboot, cut, late: false, ..Faults::default() }).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_console_that_dies_after_any_write_is_told_the_truth_by_the_next() {
    let plan = two_changes_and_an_end();
    let whole = Farm::new(Faults::default());
    let (driver, _handle) = open(plan.clone(), "ada".into(), whole.ports(), Settings::default()).unwrap();
    assert_eq!(driver.run().await.unwrap(), RunOutcome::Succeeded);
    let writes = whole.appends.lock().unwrap().len();
    assert!(writes > 8, "{writes}");
    for nth in 1..writes {
        let dies = Faults { dies_after_write: Some(nth), ..Faults::default() };
        one_course(&plan, dies.clone()).await;
        one_course(&plan, Faults { reboot: Some(ms(200)), ..dies.clone() }).await;
        one_course(&plan, Faults { reboot: Some(ms(5_000)), ..dies.clone() }).await;
        one_course(&plan, Faults { cut: Some((ms(150), ms(20_000))), ..dies.clone() }).await;
        one_course(&plan, Faults { cut: Some((ms(15), ms(900_000))), late: true, ..dies }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_reboots_at_any_moment_is_never_taken_for_one_that_did_nothing() {
    let plan = two_changes_and_an_end();
    for at in MOMENTS {
        one_course(&plan, Faults { reboot: Some(ms(at)), ..Faults::default() }).await;
        let cut = Some((ms(at.saturating_sub(4)), ms(at + 3_000)));
        for late in [false, true] {
            one_course(&plan, Faults { reboot: Some(ms(at)), cut, late, ..Faults::default() }).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_goes_out_of_sight_is_noted_and_so_is_its_return() {
    let plan = seal(plan(1, &[1], steps(1, 1)));
    let farm = Farm::new(Faults { cut: Some((ms(150), ms(4_150))), ..Faults::default() });
    let (driver, _handle) = open(plan.clone(), "ada".into(), farm.ports(), Settings::default()).unwrap();
    assert_eq!(driver.run().await.unwrap(), RunOutcome::Succeeded);
    let notes: Vec<Note> = farm
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::AttemptNoted { note, .. } => Some(note),
            _ => None,
        })
        .collect();
    assert_eq!(notes, [Note::OutOfSight { why: "the link is cut".into() }, Note::InSight]);
    farm.check(&plan, "out of sight for four seconds");
}

#[tokio::test(start_paused = true)]
async fn past_its_deadline_a_host_out_of_sight_is_asked_to_end_it_and_given_up_in_bounded_time() {
    let mut steps = steps(1, 2);
    steps[0].timeout_ms = 200;
    let plan = seal(plan(1, &[1], steps));
    // Back after the deadline: it is over there, and that is what is told.
    let farm = Farm::new(Faults { cut: Some((ms(150), ms(4_150))), ..Faults::default() });
    let (driver, _handle) = open(plan.clone(), "ada".into(), farm.ports(), Settings::default()).unwrap();
    assert_eq!(driver.run().await.unwrap(), RunOutcome::Succeeded);
    farm.check(&plan, "back after the deadline");
    // Back never.
    let farm = Farm::new(Faults { cut: Some((ms(150), LONG * 24)), ..Faults::default() });
    let (driver, _handle) = open(plan.clone(), "ada".into(), farm.ports(), Settings::default()).unwrap();
    let start = tokio::time::Instant::now();
    driver.run().await.unwrap();
    let took = start.elapsed();
    let patience = ms(200) + daytwo_engine::settings::OUT_OF_SIGHT_WAIT;
    assert!(took >= patience && took < patience + Duration::from_secs(5), "{took:?}");
    assert_eq!(words(&farm.state(&plan), 0, 2), ["unknown", "skipped"]);
    let asked = farm.asked.lock().unwrap().len();
    assert!((12..40).contains(&asked), "asked {asked} times");
    // What was seen of it is told with it.
    let output = farm.state(&plan).attempt(0, 0).unwrap().output;
    assert_eq!(output.stdout_bytes, "one do 0\n".len() as u64);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_reaches_what_is_out_of_sight_when_it_is_back_and_waits_for_it_in_bounded_time() {
    let plan = seal(plan(1, &[1], steps(1, 1)));
    for (back, word) in [(170, "cancelled"), (LONG.as_millis() as u64, "unknown")] {
        let farm = Farm::new(Faults { cut: Some((ms(150), ms(back))), ..Faults::default() });
        let (driver, handle) = open(plan.clone(), "ada".into(), farm.ports(), Settings::default()).unwrap();
        let start = tokio::time::Instant::now();
        let (outcome, ()) = tokio::join!(driver.run(), async {
            sleep(ms(180)).await;
            handle.cancel("ada".into(), String::new());
        });
        outcome.unwrap();
        assert!(start.elapsed() < daytwo_engine::settings::CANCEL_GRACE * 2, "{:?}", start.elapsed());
        assert_eq!(words(&farm.state(&plan), 0, 1), [word], "back after {back} ms");
        farm.check(&plan, "cancelled out of sight");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_while_a_run_is_taken_up_ends_what_still_runs() {
    let plan = seal(plan(1, &[1], steps(1, 1)));
    let farm = Farm::new(Faults { dies_at: Some(ms(50)), ..Faults::default() });
    let (driver, _handle) = open(plan.clone(), "ada".into(), farm.ports(), Settings::default()).unwrap();
    assert!(farm.drive(driver).await.is_none());
    let records = farm.records.lock().unwrap().clone();
    let fence = Fence { run: records[0].run, token: 2 };
    let (driver, handle) =
        take_up(plan.clone(), &records, fence, "bob".into(), farm.ports(), Settings::default()).unwrap();
    let why = String::new();
    let cancel = daytwo_engine::Request::Cancel { by: "bob".into(), why, degree: CancelDegree::Kill, hosts: None };
    assert_eq!(handle.state().in_flight(), 1, "what the records say is seen before it is driven");
    let (outcome, ()) = tokio::join!(driver.run(), async {
        sleep(ms(60)).await;
        handle.request(cancel);
    });
    outcome.unwrap();
    assert_eq!(words(&farm.state(&plan), 0, 1), ["cancelled"]);
    farm.check(&plan, "cancelled while it was taken up");
}

/// A change whose failure a person decides about for hours, and a step behind it.
fn one_that_asks() -> SealedPlan {
    let mut steps = steps(1, 2);
    steps[0].on_failure = FailurePolicy::Ask { within_ms: 10 * 3_600_000, otherwise: Answer::Exclude };
    seal(plan(1, &[1], steps))
}

#[tokio::test(start_paused = true)]
async fn an_end_that_was_not_seen_is_asked_for_while_the_run_goes_on_and_nobody_has_to_decide_any_more() {
    let plan = one_that_asks();
    // Out of sight for longer than anybody is patient, and back while a person is asked.
    for late in [false, true] {
        let back = ms(30 * 60_000);
        let farm = Farm::new(Faults { cut: Some((ms(150), back)), late, ..Faults::default() });
        let (driver, handle) = open(plan.clone(), "ada".into(), farm.ports(), asking_in_the_run()).unwrap();
        let start = tokio::time::Instant::now();
        let (outcome, ()) = tokio::join!(driver.run(), async {
            sleep(back - ms(1_000)).await;
            assert_eq!(words(&handle.state(), 0, 1), ["unknown"]);
            assert!(handle.state().question(0).is_some());
        });
        assert_eq!(outcome.unwrap(), RunOutcome::Succeeded, "{:?}", farm.events());
        let most = back + daytwo_engine::settings::UNKNOWN_ASKED_MAX + daytwo_engine::settings::ASK_AGAIN_WAIT;
        assert!(start.elapsed() < most, "{:?}", start.elapsed());
        assert_eq!(words(&farm.state(&plan), 0, 2), ["finished", "finished"]);
        let is_withdrawn = |event: &Event| matches!(event, Event::QuestionWithdrawn { host: 0, step: 0, .. });
        assert_eq!(farm.events().iter().filter(|event| is_withdrawn(event)).count(), 1);
        farm.check(&plan, "asked again while the run went on");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_a_run_up_asks_first_about_ends_that_were_not_seen() {
    let mut steps = steps(1, 3);
    steps[0].on_failure = FailurePolicy::Ask { within_ms: 10 * 3_600_000, otherwise: Answer::Exclude };
    steps[2] = in_phase(steps[2].clone(), Phase::Always);
    let plan = seal(plan(1, &[1], steps));
    // The console dies while a person is asked; then the host is back, or it is not.
    for (back, is_back) in [(ms(30 * 60_000), true), (LONG * 24, false)] {
        let dies_at = Some(ms(20 * 60_000));
        let farm = Farm::new(Faults { cut: Some((ms(150), back)), dies_at, ..Faults::default() });
        let (driver, _handle) = open(plan.clone(), "ada".into(), farm.ports(), asking_in_the_run()).unwrap();
        assert!(farm.drive(driver).await.is_none());
        farm.live_on();
        assert_eq!(words(&farm.state(&plan), 0, 1), ["unknown"]);
        let before = farm.events().len();
        sleep(ms(40 * 60_000)).await;
        let start = tokio::time::Instant::now();
        let ended = farm.drive(farm.again(&plan)).await.unwrap();
        assert!(ended.is_ok(), "{ended:?} {:?}", farm.events());
        let known = if is_back { "finished" } else { "unknown" };
        assert_eq!(words(&farm.state(&plan), 0, 2), [known, "skipped"], "{:?}", farm.events());
        let events = farm.events().split_off(before);
        let at = |is: fn(&Event) -> bool| events.iter().position(is);
        let taken_up = at(|event| matches!(event, Event::RunInterrupted { .. }));
        let (found, sent) = (
            at(|event| matches!(event, Event::AttemptFinished { .. })),
            at(|event| matches!(event, Event::AttemptSent { .. })),
        );
        if is_back {
            assert!(found < taken_up && taken_up < sent && found.is_some(), "{events:?}");
        } else {
            assert!(start.elapsed() < ms(30 * 60_000), "it goes on without an answer: {:?}", start.elapsed());
        }
        farm.check(&plan, "asked first");
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_never_comes_back_is_asked_now_and_then_and_the_question_has_its_default() {
    let plan = one_that_asks();
    let farm = Farm::new(Faults { cut: Some((ms(150), LONG * 24)), ..Faults::default() });
    let (driver, _handle) = open(plan.clone(), "ada".into(), farm.ports(), asking_in_the_run()).unwrap();
    assert_eq!(driver.run().await.unwrap(), RunOutcome::Failed);
    assert_eq!(words(&farm.state(&plan), 0, 2), ["unknown", "skipped"]);
    // Ten hours, in rounds of a minute with five minutes between them.
    let asked = farm.asked.lock().unwrap().len();
    assert!((300..1_200).contains(&asked), "asked {asked} times");
    let unknown = |event: &Event| matches!(event, Event::AttemptUnknown { .. });
    assert_eq!(farm.events().iter().filter(|event| unknown(event)).count(), 1, "what is known already is no news");
    farm.check(&plan, "never back");
}
