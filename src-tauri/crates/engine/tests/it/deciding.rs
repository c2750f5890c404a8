//! People decide in time, or their silence does.

use std::time::Duration;

use daytwo_engine::{Handle, Request};
use daytwo_model::plan::{Action, FailurePolicy, Otherwise};
use daytwo_model::{Answer, Event, RunOutcome, Text};
use tokio::time::{Instant, sleep};

use crate::support::{Reply, World, plan, seal, step_of, steps, words};

const WITHIN: Duration = Duration::from_secs(600);

fn asking(hosts: u32, otherwise: Answer) -> daytwo_model::SealedPlan {
    let mut steps = steps(hosts, 2);
    steps[0].on_failure = FailurePolicy::Ask { within_ms: 600_000, otherwise };
    let mut plan = plan(hosts, &[hosts], steps);
    plan.limits.total.failed_max = hosts;
    seal(plan)
}

fn say(handle: &Handle, hosts: &[u32], step: u32, answer: Answer) {
    let (by, why) = ("ada".to_owned(), "looked at it".to_owned());
    assert!(handle.request(Request::Answer { hosts: hosts.to_vec(), step, answer, by, why }));
}

fn answers(world: &World) -> Vec<(Vec<u32>, Answer, Option<String>)> {
    let answer = |event| match event {
        Event::QuestionAnswered { hosts, answer, by, .. } => Some((hosts, answer, by)),
        _ => None,
    };
    world.events().into_iter().filter_map(answer).collect()
}

#[tokio::test(start_paused = true)]
async fn what_nobody_answers_is_answered_by_the_runbook_at_its_deadline_once_for_all_hosts() {
    let plan = asking(3, Answer::Skip);
    let world = World::new(|_, script, _| Reply::exit(i32::from(script == "do 0")));
    let start = Instant::now();
    world.run(&plan).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), WITHIN.as_secs());
    assert_eq!(answers(&world), [(vec![0, 1, 2], Answer::Skip, None)]);
    assert_eq!(words(&world.state(&plan), 1, 2), ["finished", "finished"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_taken_from_whoever_comes_first_and_only_for_hosts_that_wait() {
    let plan = asking(3, Answer::Stop);
    let world = World::new(|host, script, nth| match (host, script, nth) {
        ("h2", ..) => Reply::exit(0),
        (_, "do 0", 0) => Reply::exit(1),
        _ => Reply::exit(0),
    });
    let (driver, handle) = world.open(&plan);
    let (outcome, ()) = tokio::join!(driver.run(), async {
        sleep(Duration::from_secs(5)).await;
        // No such host, a host that does not wait, a step that nobody asked about, an answer to another question.
        say(&handle, &[99, 2], 0, Answer::Retry);
        say(&handle, &[0, 1], 1, Answer::Retry);
        sleep(Duration::from_secs(5)).await;
        assert_eq!(answers(&world), []);
        say(&handle, &[0, 1, 2], 0, Answer::Retry);
        say(&handle, &[0, 1], 0, Answer::Stop);
    });
    assert_eq!(outcome.unwrap(), RunOutcome::Succeeded);
    assert_eq!(answers(&world), [(vec![0, 1], Answer::Retry, Some("ada".into()))]);
}

#[tokio::test(start_paused = true)]
async fn a_question_asked_again_has_its_time_again() {
    let plan = asking(1, Answer::Stop);
    let world = World::new(|_, _, _| Reply::exit(1));
    let (driver, handle) = world.open(&plan);
    let start = Instant::now();
    let (outcome, ()) = tokio::join!(driver.run(), async {
        sleep(WITHIN - Duration::from_secs(1)).await;
        say(&handle, &[0], 0, Answer::Retry);
    });
    assert_eq!(outcome.unwrap(), RunOutcome::Failed);
    assert_eq!(start.elapsed().as_secs(), 2 * WITHIN.as_secs() - 1);
    assert_eq!(world.sent.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_a_question_sends_nothing_and_goes_on_when_a_person_says_so() {
    for (otherwise, answer, expected) in [
        (Otherwise::Stop, Some(Answer::Continue), ["finished", "finished"]),
        (Otherwise::Continue, None, ["finished", "finished"]),
        (Otherwise::Stop, None, ["skipped", "skipped"]),
    ] {
        let question = Action::Ask { question: Text::plain("go on?"), within_ms: 600_000, otherwise };
        let mut steps = steps(1, 2);
        steps[0] = step_of("ask", 1, question);
        let plan = seal(plan(1, &[1], steps));
        let world = World::new(|_, _, _| Reply::exit(0));
        let (driver, handle) = world.open(&plan);
        let (outcome, ()) = tokio::join!(driver.run(), async {
            sleep(Duration::from_secs(5)).await;
            assert!(world.scripts().is_empty());
            if let Some(answer) = answer {
                say(&handle, &[0], 0, answer);
            }
        });
        outcome.unwrap();
        assert_eq!(words(&world.state(&plan), 0, 2), expected, "{otherwise:?} {answer:?}");
    }
}
