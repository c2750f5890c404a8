//! What outlives the process that wanted it: hosts that wait for their part, and requests to a run's driver.

use daytwo_engine::Request;
use daytwo_engine::ports::Journal;
use daytwo_model::plan::{Intent, ResumePart};
use daytwo_model::{Answer, CancelDegree, Event, HostName, Plan, RunOutcome, SealedPlan, Timestamp};
use daytwo_store::{Error, Part, RunFilter, Store, WaitingState};
use std::sync::Arc;

use crate::course::{Course, plan};
use crate::kit::{append, begin, open, small_plan};

/// Far behind every test's times.
const UNTIL_MS: i64 = 1_000_000_000_000;

fn until() -> Timestamp {
    Timestamp::from_unix_ms(UNTIL_MS)
}

fn name(host: u32) -> HostName {
    HostName::new(format!("host-{host}")).unwrap()
}

/// A plan whose hosts are waited for.
fn waits(hosts: u32, steps: u32) -> SealedPlan {
    let sealed = plan("restart-service", hosts, steps, Intent::Forward);
    let mut plan: Plan = sealed.plan().clone();
    plan.limits.when_reachable_until = Some(until());
    SealedPlan::seal(plan).unwrap()
}

/// A run of three hosts: the first is done, the second could not be reached, the third was lost half-way.
async fn run_with_hosts_that_were_not_reached(store: &Store, number: u128) -> Course {
    let (mut course, fence) = begin(store, number, &waits(3, 2)).await;
    let mut records = Vec::new();
    for host in [0, 2] {
        records.extend([course.send(host, 0), course.finish(host, 0, 0)]);
    }
    records.extend([course.send(0, 1), course.finish(0, 1, 0)]);
    for (host, step) in [(1, 0), (2, 1)] {
        let attempt = course.attempt(host, step);
        records.push(course.send(host, step));
        records.push(course.then(Event::AttemptUnreachable { attempt, why: "no route".into() }));
    }
    records.extend(course.end(RunOutcome::Failed));
    append(store, fence, &records).await.unwrap();
    course
}

async fn waiting(store: &Store) -> Vec<HostName> {
    store.waiting(None).await.unwrap().into_iter().map(|row| row.host).collect()
}

#[tokio::test]
async fn a_host_where_nothing_began_waits_from_the_record_that_ends_the_run_and_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let course = run_with_hosts_that_were_not_reached(&store, 1).await;
    store.close().await;
    let store = open(dir.path()).await;
    let rows = store.waiting(None).await.unwrap();
    let [row] = rows.as_slice() else { panic!("only host-1 was never begun: {rows:?}") };
    assert_eq!((row.run, &row.host, row.until, row.state), (course.run, &name(1), until(), WaitingState::Waiting));

    store.expire_waiting(Timestamp::from_unix_ms(UNTIL_MS - 1)).await.unwrap();
    assert_eq!(waiting(&store).await, [name(1)]);
    store.expire_waiting(until()).await.unwrap();
    assert_eq!(waiting(&store).await, []);
    let told = store.waiting(Some(course.run)).await.unwrap();
    assert_eq!(told.iter().map(|row| row.state).collect::<Vec<_>>(), [WaitingState::Expired]);
}

#[tokio::test]
async fn what_a_person_withdrew_or_a_newer_run_took_over_is_not_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let first = run_with_hosts_that_were_not_reached(&store, 1).await;
    store.settle_waiting(first.run, &name(1), (WaitingState::Withdrawn, "retired"), until()).await.unwrap();
    let again = store.settle_waiting(first.run, &name(1), (WaitingState::Withdrawn, "again"), until()).await;
    assert!(matches!(again, Err(Error::NotWaiting { .. })), "{again:?}");
    let late = plan("restart-service", 2, 2, Intent::Late { of: first.run });
    let refused = Journal::open(&*store, &late, Course::open(9, &late).first()).await.unwrap_err();
    assert!(refused.to_string().contains("does not wait any more"), "{refused}");
    assert_eq!(store.runs(&RunFilter::default()).await.unwrap().len(), 1, "nothing of the refused run was kept");

    let second = run_with_hosts_that_were_not_reached(&store, 2).await;
    let (other, _) = begin(&store, 3, &plan("fetch-logs", 3, 1, Intent::Forward)).await;
    assert_eq!(waiting(&store).await, [name(1)], "run {} is of another runbook", other.run);
    let (newer, _) = begin(&store, 4, &small_plan(3)).await;
    assert_eq!(waiting(&store).await, []);
    let rows = store.waiting(Some(second.run)).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.state, row.by_run)).collect::<Vec<_>>(),
        [(WaitingState::Superseded, Some(newer.run))]
    );
    assert_eq!(store.waited(Timestamp::EPOCH).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_run_that_began_before_an_older_one_ended_supersedes_what_that_one_leaves_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let (mut older, fence) = begin(&store, 1, &waits(3, 2)).await;
    let (newer, _) = begin(&store, 2, &plan("restart-service", 2, 1, Intent::Forward)).await;
    begin(&store, 3, &plan("fetch-logs", 3, 1, Intent::Forward)).await;
    let mut records = Vec::new();
    for host in [1, 2] {
        let attempt = older.attempt(host, 0);
        records.push(older.send(host, 0));
        records.push(older.then(Event::AttemptUnreachable { attempt, why: "no route".into() }));
    }
    records.extend(older.end(RunOutcome::Failed));
    append(&store, fence, &records).await.unwrap();
    assert_eq!(waiting(&store).await, [name(2)], "the newer run has host-1 and not host-2");
    let rows = store.waiting(Some(older.run)).await.unwrap();
    let told: Vec<_> = rows.iter().map(|row| (&row.host, row.state, row.by_run)).collect();
    let superseded = (&name(1), WaitingState::Superseded, Some(newer.run));
    assert_eq!(told, [superseded, (&name(2), WaitingState::Waiting, None)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_deliver_or_start_one_plan_at_one_time_exactly_one_does() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).await;
    let course = run_with_hosts_that_were_not_reached(&first, 1).await;
    let stores = futures::future::join_all((0..8).map(|_| open(dir.path()))).await;

    // One plan: written to a file, started by eight people.
    let shared = plan("fetch-logs", 1, 1, Intent::Forward);
    let start = |(number, store): (u128, &Arc<Store>)| {
        let (store, plan) = (Arc::clone(store), shared.clone());
        async move { Journal::open(&*store, &plan, Course::open(100 + number, &plan).first()).await }
    };
    let started = futures::future::join_all((0..).zip(&stores).map(start)).await;
    let won: Vec<_> = started.iter().flatten().map(|fence| fence.run).collect();
    let [won] = won.as_slice() else { panic!("{started:?}") };
    for refused in started.iter().filter_map(|result| result.as_ref().err()) {
        assert!(refused.to_string().contains(&format!("run {won} executed it already")), "{refused}");
    }

    // Eight plans of their own that all deliver to the one host that waits.
    let deliver = |(number, store): (u128, &Arc<Store>)| {
        let store = Arc::clone(store);
        let sealed = plan("restart-service", 2, 2, Intent::Late { of: course.run });
        let mut late = sealed.plan().clone();
        late.hosts = vec![late.hosts.remove(1)];
        late.batches = vec![vec![0]];
        late.steps.iter_mut().for_each(|step| {
            step.action = daytwo_model::plan::PerHost::same(step.action.variants()[0].clone(), 1);
        });
        let late = SealedPlan::seal(late).unwrap();
        async move { Journal::open(&*store, &late, Course::open(200 + number, &late).first()).await }
    };
    let delivered = futures::future::join_all((0..).zip(&stores).map(deliver)).await;
    let by: Vec<_> = delivered.iter().flatten().map(|fence| fence.run).collect();
    assert_eq!(by.len(), 1, "{delivered:?}");
    let rows = first.waiting(Some(course.run)).await.unwrap();
    let told: Vec<_> = rows.iter().map(|row| (row.state, row.by_run)).collect();
    assert_eq!(told, [(WaitingState::Delivered, by.first().copied())]);
    let parts = first.runs(&RunFilter { part_of: Some(course.run), ..RunFilter::default() }).await.unwrap();
    assert_eq!(parts.iter().map(|run| run.part_of).collect::<Vec<_>>(), [Some((course.run, Part::Late))]);
}

#[tokio::test]
async fn a_part_of_a_run_names_it_and_which_part_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let (mut first, fence) = begin(&store, 1, &small_plan(1)).await;
    append(&store, fence, &first.end(RunOutcome::Failed)).await.unwrap();
    let part = ResumePart::FailedAndNotReached;
    let (again, _) =
        begin(&store, 2, &plan("restart-service", 1, 1, Intent::Resume { of: first.run, part, after: vec![] })).await;
    let run = store.run(again.run).await.unwrap().unwrap();
    assert_eq!(run.part_of, Some((first.run, Part::Resumed(part))));
}

#[tokio::test]
async fn a_request_reaches_the_driver_of_its_run_once_whichever_process_made_it() {
    let dir = tempfile::tempdir().unwrap();
    let (driver, other) = (open(dir.path()).await, open(dir.path()).await);
    let (mut course, fence) = begin(&driver, 1, &small_plan(2)).await;
    let cancel = Request::Cancel {
        by: "eve".into(),
        why: "wrong site".into(),
        degree: CancelDegree::Kill,
        hosts: Some(vec![1]),
    };
    let answer =
        Request::Answer { hosts: vec![0, 1], step: 0, answer: Answer::Skip, by: "ada".into(), why: String::new() };
    for request in [&cancel, &answer] {
        other.ask(course.run, Timestamp::EPOCH, request).await.unwrap();
    }
    let asked = driver.requests(course.run).await.unwrap();
    assert_eq!(asked.iter().map(|open| &open.request).collect::<Vec<_>>(), [&cancel, &answer]);
    driver.taken(asked[0].number, Timestamp::EPOCH).await.unwrap();
    assert_eq!(driver.requests(course.run).await.unwrap(), asked[1..]);

    // A driver that dies leaves what it did not take to the next.
    driver.close().await;
    let fence_of_next = other.take_over(course.run).await.unwrap().unwrap();
    assert_ne!(fence_of_next, fence);
    assert_eq!(other.requests(course.run).await.unwrap(), asked[1..]);
    append(&other, fence_of_next, &course.end(RunOutcome::Failed)).await.unwrap();
    let late = other.ask(course.run, Timestamp::EPOCH, &cancel).await;
    assert!(matches!(late, Err(Error::RunIsOver(_))), "{late:?}");
}

#[tokio::test]
async fn a_run_that_is_over_is_given_only_to_who_can_still_find_something_out() {
    let dir = tempfile::tempdir().unwrap();
    let (store, other) = (open(dir.path()).await, open(dir.path()).await);
    let (mut course, fence) = begin(&store, 1, &small_plan(2)).await;
    let attempt = course.attempt(0, 0);
    let unknown = Event::AttemptUnknown { attempt, why: "no route".into(), output: Default::default() };
    let mut records = vec![course.send(0, 0), course.then(unknown)];
    records.extend([course.send(1, 0), course.finish(1, 0, 0)]);
    records.extend(course.end(RunOutcome::Abandoned));
    append(&store, fence, &records).await.unwrap();
    let told = store.unsettled(None).await.unwrap();
    assert_eq!(
        told.iter().map(|row| (row.run, &row.host, row.attempt)).collect::<Vec<_>>(),
        [(course.run, &name(0), attempt)]
    );
    assert_eq!(store.orphans().await.unwrap(), [], "it is over");

    // The process that drove it is alive, and has nothing to do with it any more.
    let epilogue = other.take_over(course.run).await.unwrap().unwrap();
    assert_eq!(store.take_over(course.run).await.unwrap(), None, "one asks at one time");
    assert!(append(&store, fence, &[course.finish(0, 0, 0)]).await.is_err(), "the fence of the run itself");
    append(&other, epilogue, &course.records[records.len() + 2..]).await.unwrap();
    other.hand_back(epilogue).await.unwrap();
    assert_eq!(store.unsettled(Some(course.run)).await.unwrap(), []);
    assert_eq!(store.take_over(course.run).await.unwrap(), None, "nothing is left to find out");
    let run = store.run(course.run).await.unwrap().unwrap();
    let ended_at = course.records[records.len() + 1].at;
    assert_eq!((run.ended_at, run.driven), (Some(ended_at), daytwo_store::Driven::Over), "it ended when it ended");
}
