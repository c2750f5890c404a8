//! Runs of other processes: one that begins is told, one whose process goes away is told to its end, and its hosts are
//! found where they are now.

mod support;

use std::error::Error;
use std::time::Duration;

use daytwo_console::wire::push::Push;
use daytwo_console::{Change, Console, Follow, Mode, Session, SystemClock};
use daytwo_demo::SimulatedFleet;
use daytwo_engine::ports::{Clock as _, Journal as _};
use daytwo_model::{Event, ProcessIdentity, Record, RunId, SealedPlan};
use daytwo_runbook::{Nowhere, PlanRequest, parse, plan};
use daytwo_store::{Options, Store};

const RUNBOOK: &str = "
runbook: ask
title: Ask every host
summary: One read.
kind: diagnostic
owner: test
targets: role=edge
steps:
  - { id: ask, run: uname -a, effect: read }
";

const CHANGING: &str = "
runbook: note
title: Note on every host
summary: One change.
kind: operation
owner: test
targets: role=edge
steps:
  - { id: note, run: touch /tmp/note, undo: none }
";

/// A plan for hosts that no source of the console names.
fn planned(runbook: &str) -> Result<SealedPlan, Box<dyn Error>> {
    let fleet = SimulatedFleet::builder(1).hosts(2)?.build();
    let request = PlanRequest {
        inputs: Default::default(),
        selection: None,
        fleet: fleet.hosts(),
        surroundings: &Nowhere,
        source: None,
        by: "other".to_owned(),
        at: SystemClock.now(),
        when_reachable: daytwo_runbook::WhenReachable::default(),
    };
    Ok(plan(&parse("test.yaml", runbook)?, &request)?)
}

/// A journal of these events, as another process would write it.
fn journal(run: RunId, events: impl IntoIterator<Item = Event>) -> Result<Vec<Record>, Box<dyn Error>> {
    let mut records: Vec<Record> = Vec::new();
    for event in events {
        records.push(Record::seal(run, records.last(), SystemClock.now(), event)?);
    }
    Ok(records)
}

#[tokio::test]
async fn a_run_whose_process_goes_away_is_told_to_its_end() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let profile = support::profile(folder.path());
    let sealed = planned(RUNBOOK)?;
    let console = Console::open(profile.clone(), Mode::Command).await.map_err(|error| error.message)?;

    let other = Store::open(&profile.data_dir, Options::default()).await?;
    let run = SystemClock.new_run();
    let records = journal(run, [Event::RunOpened { plan: sealed.digest(), by: "other".to_owned() }])?;
    other.open(&sealed, &records[0]).await?;
    let mut follow = Follow::new(&console, run, 0).await.map_err(|error| error.message)?;
    other.close().await;

    let told = async {
        let mut status = String::new();
        while let Some(change) = follow.next().await? {
            if let Change::Delta(delta) = change {
                status = delta.row.status;
            }
        }
        Ok::<_, daytwo_console::wire::UiError>(status)
    };
    let status = tokio::time::timeout(Duration::from_secs(20), told).await?.map_err(|error| error.message)?;
    assert_eq!(status, "failed", "nothing was sent, and nothing will be");
    console.close().await;
    Ok(())
}

#[tokio::test]
async fn a_host_that_no_source_names_any_more_is_not_asked_for_ever_and_the_run_says_why() -> Result<(), Box<dyn Error>>
{
    let folder = tempfile::tempdir()?;
    let profile = support::profile(folder.path());
    let sealed = planned(CHANGING)?;
    let other = Store::open(&profile.data_dir, Options::default()).await?;
    let (run, attempt) = (SystemClock.new_run(), SystemClock.new_attempt());
    let records = journal(
        run,
        [
            Event::RunOpened { plan: sealed.digest(), by: "other".to_owned() },
            Event::BatchStarted { batch: 0 },
            Event::AttemptSent { attempt, host: sealed.plan().batches[0][0], step: 0, inverse: false },
            Event::AttemptRunning { attempt, process: ProcessIdentity { pid: 300, ..ProcessIdentity::default() } },
        ],
    )?;
    let fence = other.open(&sealed, &records[0]).await?;
    other.append(fence, &records[1..]).await?;
    other.close().await;

    let console = Console::open(profile, Mode::Command).await.map_err(|error| error.message)?;
    let found = tokio::time::timeout(Duration::from_secs(20), console.recover(None)).await?;
    let found = found.map_err(|error| error.message)?;
    let [found] = found.as_slice() else { return Err(format!("one run was left: {found:?}").into()) };
    assert!(!found.asking);
    assert!(found.unknown.iter().any(|said| said.contains("is not in the fleet any more")), "{:?}", found.unknown);
    console.close().await;
    Ok(())
}

#[tokio::test]
async fn a_run_that_another_process_begins_is_told_to_the_window() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let profile = support::profile(folder.path());
    let console = Console::open(profile.clone(), Mode::Command).await.map_err(|error| error.message)?;
    let (told, mut pushes) = tokio::sync::mpsc::unbounded_channel();
    let session = Session::open(console.clone(), move |push| drop(told.send(push)));

    let sealed = planned(RUNBOOK)?;
    let other = Store::open(&profile.data_dir, Options::default()).await?;
    let run = SystemClock.new_run();
    let records = journal(run, [Event::RunOpened { plan: sealed.digest(), by: "other".to_owned() }])?;
    other.open(&sealed, &records[0]).await?;
    let seen = async {
        while let Some(push) = pushes.recv().await {
            if matches!(&push, Push::Active { runs } if runs.iter().any(|row| row.id == run && row.active)) {
                return true;
            }
        }
        false
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), seen).await?, "it is one of the active runs");
    drop(session);
    other.close().await;
    console.close().await;
    Ok(())
}
