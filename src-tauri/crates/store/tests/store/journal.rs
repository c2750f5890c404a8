//! The journal: durable, gap-free, fenced, and never half written.

use daytwo_engine::ports::Journal;
use daytwo_model::event::BrokenChain;
use daytwo_model::plan::Intent;
use daytwo_model::{
    Digest, Event, Exit, OutputTally, Record, RunOutcome, RunState, RunStatus, SealedPlan, SkipReason, Stream,
    Timestamp,
};
use daytwo_store::{Driven, Error, Options, Store, Streams};

use crate::course::{Course, plan};
use crate::kit::{append, around, begin, note, open, small_plan, write};

#[tokio::test]
async fn what_was_accepted_survives_a_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let plan = small_plan(2);
    let (mut course, fence) = begin(&store, 1, &plan).await;
    let sent = [course.send(0, 0), course.send(1, 0)];
    // In one transaction: the output must find its attempt there.
    let (appended, written) =
        tokio::join!(append(&store, fence, &sent), write(&store, course.attempt(0, 0), Stream::Stdout, b"active\n"));
    appended.unwrap();
    written.unwrap();
    append(&store, fence, &[course.finish(0, 0, 0)]).await.unwrap();
    store.close().await;

    let store = open(dir.path()).await;
    assert_eq!(store.records(course.run, 0, 100).await.unwrap(), course.records);
    assert_eq!(store.records(course.run, 3, 1).await.unwrap(), course.records[3..4]);
    assert_eq!(store.records(course.run, 5, 9).await.unwrap(), []);
    assert_eq!(store.plan_of(course.run).await.unwrap(), plan);
    assert_eq!(store.plan(plan.digest()).await.unwrap(), plan);
    let page = store.output(course.attempt(0, 0), Streams::Both, 0, 100).await.unwrap();
    assert_eq!(page.bytes, b"active\n");
    let run = store.run(course.run).await.unwrap().unwrap();
    assert_eq!((run.status, run.records, run.driven), (RunStatus::Running, 5, Driven::Orphaned));
}

#[tokio::test]
async fn writes_that_wait_at_one_time_share_a_commit() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let plans: Vec<SealedPlan> = (0..200).map(|_| small_plan(1)).collect();
    let before = store.counters();
    let courses: Vec<Course> = (1..).zip(&plans).map(|(number, plan)| Course::open(number, plan)).collect();
    let opened = plans.iter().zip(&courses).map(|(plan, course)| Journal::open(&*store, plan, course.first()));
    let opened = futures::future::join_all(opened).await;
    assert!(opened.iter().all(Result::is_ok));
    let after = store.counters();
    assert_eq!(after.records - before.records, 200);
    // A task may send 128 messages before tokio makes it yield, so this takes two.
    assert!(after.commits - before.commits <= 4, "{after:?}");
}

#[tokio::test]
async fn every_record_that_does_not_follow_is_refused_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let plan = small_plan(2);
    let (mut course, fence) = begin(&store, 1, &plan).await;
    let (mut other, other_fence) = begin(&store, 2, &small_plan(2)).await;
    let kept = course.records.clone();
    let head = kept.last();
    let at = Timestamp::from_unix_ms(1);
    let seal = |previous, event| Record::seal(course.run, previous, at, event).unwrap();
    let sent = Event::AttemptSent { attempt: course.attempt(0, 0), host: 0, step: 0, inverse: false };
    let good = seal(head, sent.clone());

    let gap = seal(Some(&good), Event::BatchEnded { batch: 0 });
    let elsewhere = Record { index: 1, ..course.first().clone() };
    let fork = seal(Some(&elsewhere), sent);
    let altered = Record {
        event: Event::AttemptSent { attempt: course.attempt(1, 0), host: 1, step: 0, inverse: false },
        ..good.clone()
    };
    let illegal = seal(head, Event::BatchStarted { batch: 0 });
    let foreign = Record::seal(other.run, head, at, Event::BatchEnded { batch: 0 }).unwrap();
    let half = [good.clone(), seal(Some(&good), Event::BatchEnded { batch: 0 })];
    for (records, why) in [
        (vec![gap], "record 2 is missing"),
        (vec![fork], "does not follow the record that is there"),
        (vec![altered], "record 2 does not match its hash"),
        (vec![illegal], "no such batch"),
        (vec![foreign], "a record of another run"),
        (half.to_vec(), "attempts are still in flight"),
    ] {
        // In one transaction with a good write, which must not suffer.
        let next = if other.records.len() == 2 { other.send(0, 0) } else { note(&mut other, why) };
        let (refused, good) =
            tokio::join!(append(&store, fence, &records), append(&store, other_fence, std::slice::from_ref(&next)));
        let error = refused.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        good.unwrap();
        assert_eq!(store.records(course.run, 0, 100).await.unwrap(), kept, "{why}");
    }
    append(&store, fence, &[course.send(0, 0)]).await.unwrap();
    assert_eq!(store.records(other.run, 0, 100).await.unwrap(), other.records);
    let again = Journal::open(&*store, &plan, course.first()).await.unwrap_err().to_string();
    assert!(again.contains("already has it"), "{again}");
}

#[tokio::test]
async fn a_fence_that_was_superseded_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let plan = small_plan(1);
    let (mut course, fence) = begin(&store, 1, &plan).await;
    assert_eq!(store.take_over(course.run).await.unwrap(), None, "its process is alive");

    store.hand_back(fence).await.unwrap();
    assert_eq!(store.orphans().await.unwrap(), [course.run]);
    let next = [course.send(0, 0)];
    let error = append(&store, fence, &next).await.unwrap_err().to_string();
    assert!(error.contains("it was taken over"), "{error}");
    assert_eq!(store.records(course.run, 0, 100).await.unwrap().len(), 2);

    let newer = store.take_over(course.run).await.unwrap().unwrap();
    assert!(newer.token > fence.token);
    append(&store, newer, &next).await.unwrap();
    assert!(append(&store, fence, &[course.finish(0, 0, 0)]).await.is_err());
    assert!(store.hand_back(fence).await.is_err());
}

#[tokio::test]
async fn a_write_that_breaks_its_transaction_fails_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let (mut one, one_fence) = begin(&store, 1, &small_plan(1)).await;
    let (mut two, two_fence) = begin(&store, 2, &small_plan(1)).await;
    append(&store, one_fence, &[one.send(0, 0)]).await.unwrap();
    let before = store.attempts_of(one.run, None).await.unwrap();

    // Only the database can see that the attempt belongs to another run.
    let stolen = two.then(Event::AttemptSent { attempt: one.attempt(0, 0), host: 0, step: 0, inverse: false });
    let finished = one.finish(0, 0, 0);
    let (broken, good) = tokio::join!(
        append(&store, two_fence, std::slice::from_ref(&stolen)),
        append(&store, one_fence, std::slice::from_ref(&finished)),
    );
    assert!(broken.is_err());
    good.unwrap();
    assert_eq!(store.records(one.run, 0, 100).await.unwrap(), one.records);
    assert_eq!(store.records(two.run, 0, 100).await.unwrap(), two.records[..2]);
    let after = store.attempts_of(one.run, None).await.unwrap();
    assert_eq!((after.len(), after[0].id, after[0].sent_at), (1, before[0].id, before[0].sent_at));
}

#[tokio::test]
async fn a_full_disk_refuses_a_write_whole_and_the_rest_stays_usable() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { database_bytes_max: Some(1024 * 1024) };
    let store = Store::open(dir.path(), options).await.unwrap();
    let (mut course, fence) = begin(&store, 1, &small_plan(1)).await;
    append(&store, fence, &[course.send(0, 0)]).await.unwrap();
    let attempt = course.attempt(0, 0);
    let chunk = vec![b'x'; 200 * 1024];
    let mut accepted = 0;
    let error = loop {
        match write(&store, attempt, Stream::Stdout, &chunk).await {
            Ok(()) => accepted += 200 * 1024,
            Err(error) => break error.to_string(),
        }
        assert!(accepted < 2 * 1024 * 1024, "the limit does not hold");
    };
    assert!(accepted > 0);
    assert!(error.contains("full") && error.contains("nothing of it was kept"), "{error}");
    let page = store.output(attempt, Streams::Both, 0, u64::MAX).await.unwrap();
    assert_eq!((page.total, page.bytes.len()), (accepted, usize::try_from(accepted).unwrap()));
    assert_eq!(store.counters().rollbacks, 1);

    // The journal's next record is small and still fits: the run can be brought to an honest end.
    append(&store, fence, &[course.finish(0, 0, 0)]).await.unwrap();
    assert_eq!(store.records(course.run, 0, 100).await.unwrap(), course.records);
}

#[tokio::test]
async fn a_changed_or_missing_record_is_reported_with_its_index_and_nothing_is_appended_behind_it() {
    for (damage, expected) in [
        (
            "UPDATE records SET event = replace(event, '\"host\":0', '\"host\":1') WHERE idx = 2",
            Some(BrokenChain::Altered { index: 2 }),
        ),
        ("UPDATE records SET event = 'x' WHERE idx = 3", Some(BrokenChain::Altered { index: 3 })),
        ("UPDATE records SET at = at + 1 WHERE idx = 1", Some(BrokenChain::Altered { index: 1 })),
        ("DELETE FROM records WHERE idx = 1", Some(BrokenChain::Gap { expected: 1, found: 2 })),
        ("DELETE FROM records WHERE idx = 3", None),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await;
        let (mut course, fence) = begin(&store, 1, &small_plan(2)).await;
        append(&store, fence, &[course.send(0, 0), course.finish(0, 0, 0)]).await.unwrap();
        store.hand_back(fence).await.unwrap();
        store.close().await;
        sqlx::query(damage).execute(&mut around(dir.path()).await).await.unwrap();

        let store = open(dir.path()).await;
        match (store.state_of(course.run).await.unwrap_err(), &expected) {
            (Error::Chain { source, .. }, Some(expected)) => assert_eq!(source, *expected, "{damage}"),
            (Error::Tail { expected: 3, .. }, None) => {}
            (other, _) => panic!("{damage}: {other:?}"),
        }
        assert_eq!(store.records(course.run, 0, 100).await.is_err(), expected.is_some(), "{damage}");
        let fence = store.take_over(course.run).await.unwrap().unwrap();
        assert!(append(&store, fence, &[course.send(1, 0)]).await.is_err(), "{damage}");
    }
}

#[tokio::test]
async fn projections_say_what_the_fold_of_the_records_says() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let plan = plan("fetch-logs", 5, 2, Intent::Forward);
    let (mut course, fence) = begin(&store, 1, &plan).await;
    let attempt = |host| course.attempt(host, 0);
    let ends = [
        Event::AttemptUnreachable { attempt: attempt(1), why: "timed out".into() },
        Event::AttemptUnknown { attempt: attempt(2), why: "link lost".into(), output: OutputTally::default() },
        Event::AttemptRefused { attempt: attempt(3), why: "host key changed".into() },
        Event::StepSkipped { host: 4, step: 0, why: SkipReason::FailedBudget },
    ];
    // One at a time and many at once: the merge of pending rows must not matter.
    for host in 0..4 {
        append(&store, fence, &[course.send(host, 0)]).await.unwrap();
    }
    let mut rest = vec![course.finish(0, 0, 0), course.send(0, 1), course.finish(0, 1, 3)];
    rest.extend(ends.into_iter().map(|event| course.then(event)));
    append(&store, fence, &rest).await.unwrap();
    append(&store, fence, &course.end(RunOutcome::Failed)).await.unwrap();

    let mut fold = RunState::new(plan.plan());
    for record in &course.records {
        fold.apply(&record.event).unwrap();
    }
    let read = store.state_of(course.run).await.unwrap();
    let stored = store.attempts_of(course.run, None).await.unwrap();
    assert_eq!(stored.len(), 6);
    for attempt in &stored {
        let folded = fold.attempt(attempt.host, attempt.step).unwrap();
        assert_eq!((&attempt.id, &attempt.state, &attempt.tally), (&folded.id, &folded.state, &folded.output));
        assert_eq!(read.attempt(attempt.host, attempt.step), Some(folded));
        assert_eq!(attempt.host_name.as_str(), format!("host-{}", attempt.host));
        assert_eq!(attempt.step_id.as_str(), format!("step-{}", attempt.step));
        assert_eq!(attempt.sent_at.is_some(), attempt.id.is_some());
        assert!(attempt.ended_at.is_some());
    }
    assert_eq!(store.attempts_of(course.run, Some((0, 4))).await.unwrap(), stored[5..]);
    let run = store.run(course.run).await.unwrap().unwrap();
    assert_eq!(run.standings, fold.standings());
    assert_eq!((run.status, run.driven), (RunStatus::Ended { outcome: RunOutcome::Failed }, Driven::Over));
    assert_eq!(run.ended_at, course.records.last().map(|record| record.at));
    assert!(append(&store, fence, &[course.then(Event::BatchEnded { batch: 0 })]).await.is_err(), "it is over");
    assert_eq!(
        fold.attempt(0, 1).map(|attempt| &attempt.state),
        Some(&daytwo_model::AttemptState::Finished { exit: Exit::Code(3) })
    );
}

#[tokio::test]
async fn a_plan_that_was_changed_is_not_given_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let plan = small_plan(1);
    let (course, _) = begin(&store, 1, &plan).await;
    sqlx::query("UPDATE plans SET document = replace(document, 'uptime', 'reboot')")
        .execute(&mut around(dir.path()).await)
        .await
        .unwrap();
    assert!(matches!(store.plan_of(course.run).await, Err(Error::Plan { .. })));
    assert!(matches!(store.state_of(course.run).await, Err(Error::Plan { .. })));
    assert!(matches!(store.plan(Digest::ZERO).await, Err(Error::NoSuchPlan(_))));
}
