//! Runs that are made of one run: of many that were planned at one time, the first wins and the others are told.

use std::path::Path;
use std::sync::Arc;

use daytwo_engine::ports::{Fence, Journal, PortError};
use daytwo_model::plan::{Intent, ResumePart};
use daytwo_model::{RunId, RunOutcome, SealedPlan};
use daytwo_store::Store;

use crate::course::{Course, plan};
use crate::kit::{append, begin, open, small_plan};

/// A run that has failed.
async fn failed(store: &Store, number: u128) -> RunId {
    let (mut course, fence) = begin(store, number, &small_plan(1)).await;
    append(store, fence, &course.end(RunOutcome::Failed)).await.unwrap();
    course.run
}

async fn try_to_open(store: &Store, number: u128, sealed: &SealedPlan) -> Result<(Course, Fence), PortError> {
    let mut course = Course::open(number, sealed);
    let fence = Journal::open(store, sealed, course.first()).await?;
    append(store, fence, &[course.start()]).await.unwrap();
    Ok((course, fence))
}

async fn end(store: &Store, (mut course, fence): (Course, Fence), outcome: RunOutcome) -> RunId {
    append(store, fence, &course.end(outcome)).await.unwrap();
    course.run
}

fn undo(of: RunId, after: Vec<RunId>) -> SealedPlan {
    plan("restart-service", 1, 1, Intent::Undo { of, after })
}

fn resume(of: RunId, after: Vec<RunId>) -> SealedPlan {
    plan("restart-service", 1, 1, Intent::Resume { of, part: ResumePart::FailedFromTheirStep, after })
}

async fn stores(dir: &Path, number: usize) -> Vec<Arc<Store>> {
    futures::future::join_all((0..number).map(|_| open(dir))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_undos_and_resumes_that_were_planned_at_one_time_exactly_one_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let stores = stores(dir.path(), 8).await;
    let first = failed(&stores[0], 1).await;
    let plans = (0..8).map(|number| if number % 2 == 0 { undo(first, vec![]) } else { resume(first, vec![]) });
    let tries = (10_u128..).zip(stores.iter().zip(plans)).map(|(number, (store, sealed))| {
        let store = Arc::clone(store);
        async move { try_to_open(&store, number, &sealed).await }
    });
    let opened = futures::future::join_all(tries).await;
    let won: Vec<RunId> = opened.iter().flatten().map(|(course, _)| course.run).collect();
    let [won] = won.as_slice() else { panic!("{won:?}") };
    for refused in opened.iter().filter_map(|result| result.as_ref().err()) {
        let said = refused.to_string();
        assert!(
            said.contains(&format!("run {won} was made of it or beside it since this was planned; plan it again")),
            "{said}"
        );
    }
    let made = stores[3].made_since(first).await.unwrap();
    assert_eq!(made.iter().map(|run| run.id).collect::<Vec<_>>(), [*won], "what was refused left nothing behind");
}

#[tokio::test]
async fn an_undo_is_opened_when_its_plan_knew_of_all_that_was_made_of_the_run_and_all_of_it_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let (store, other) = (open(dir.path()).await, open(dir.path()).await);
    let first = failed(&store, 1).await;
    let stuck = end(&store, try_to_open(&store, 2, &undo(first, vec![])).await.unwrap(), RunOutcome::Stuck).await;

    // Planned before the first undo, and opened after it, by another process.
    let late = try_to_open(&other, 3, &undo(first, vec![])).await.unwrap_err();
    assert!(late.to_string().contains(&format!("run {stuck} was made of it")), "{late}");
    // Planned with it in sight.
    let again = try_to_open(&other, 4, &undo(first, vec![stuck])).await.unwrap();
    let going = again.0.run;
    let while_it_goes_on = try_to_open(&store, 5, &undo(first, vec![stuck, going])).await.unwrap_err();
    assert!(while_it_goes_on.to_string().contains(&format!("run {going} is not over")), "{while_it_goes_on}");
    end(&other, again, RunOutcome::RolledBack).await;

    // What was made of what was made of it counts too.
    let resumed =
        end(&store, try_to_open(&store, 6, &resume(first, vec![stuck, going])).await.unwrap(), RunOutcome::Succeeded)
            .await;
    let below = end(&store, try_to_open(&store, 7, &undo(resumed, vec![])).await.unwrap(), RunOutcome::Stuck).await;
    let blind = try_to_open(&store, 8, &undo(first, vec![stuck, going, resumed])).await.unwrap_err();
    assert!(blind.to_string().contains(&format!("run {below} was made of it")), "{blind}");
    let made: Vec<RunId> = store.made_since(first).await.unwrap().iter().map(|run| run.id).collect();
    assert_eq!(made, [stuck, going, resumed, below]);
    assert_eq!(store.made_since(resumed).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_made_of_a_child_knows_of_what_was_made_of_its_parents_since() {
    let dir = tempfile::tempdir().unwrap();
    let (store, other) = (open(dir.path()).await, open(dir.path()).await);
    let first = failed(&store, 1).await;
    let before = end(&store, try_to_open(&store, 2, &undo(first, vec![])).await.unwrap(), RunOutcome::Stuck).await;
    let child =
        end(&store, try_to_open(&store, 3, &resume(first, vec![before])).await.unwrap(), RunOutcome::Failed).await;

    // The parent is being undone: neither the child nor what is made of that is touched beside it.
    let undoing = try_to_open(&other, 4, &undo(first, vec![before, child])).await.unwrap();
    let undone = undoing.0.run;
    for (number, sealed) in [(5, resume(child, vec![])), (6, undo(child, vec![]))] {
        let refused = try_to_open(&store, number, &sealed).await.unwrap_err().to_string();
        assert!(refused.contains(&format!("run {undone} was made of it or beside it")), "{refused}");
    }
    let beside = try_to_open(&store, 7, &resume(child, vec![undone])).await.unwrap_err().to_string();
    assert!(beside.contains(&format!("run {undone} is not over")), "{beside}");
    end(&other, undoing, RunOutcome::RolledBack).await;

    // It is over: only a plan that knows of it is opened, and what came before the child is not asked of it.
    let blind = try_to_open(&store, 8, &resume(child, vec![])).await.unwrap_err().to_string();
    assert!(blind.contains(&format!("run {undone} was made of it or beside it")), "{blind}");
    let made: Vec<RunId> = store.made_since(child).await.unwrap().iter().map(|run| run.id).collect();
    assert_eq!(made, [undone]);
    let grandchild = try_to_open(&store, 9, &resume(child, vec![undone])).await.unwrap();
    let grandchild = end(&store, grandchild, RunOutcome::Failed).await;
    assert!(store.made_since(grandchild).await.unwrap().is_empty());
    assert_eq!(store.made_since(undone).await.unwrap().len(), 1);
}

#[tokio::test]
async fn nothing_is_made_of_a_run_that_is_not_over() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let (first, _) = begin(&store, 1, &small_plan(1)).await;
    let refused = try_to_open(&store, 2, &undo(first.run, vec![])).await.unwrap_err();
    assert!(refused.to_string().contains(&format!("run {} is not over", first.run)), "{refused}");
}
