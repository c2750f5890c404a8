//! A run whose driver goes away while somebody follows it.

mod support;

use std::error::Error;
use std::time::Duration;

use daytwo_console::{Change, Console, Follow, Mode, SystemClock};
use daytwo_demo::SimulatedFleet;
use daytwo_engine::ports::{Clock as _, Journal as _};
use daytwo_model::{Event, Record};
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

#[tokio::test]
async fn a_run_whose_process_goes_away_is_told_to_its_end() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let profile = support::profile(folder.path());
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
    let sealed = plan(&parse("ask.yaml", RUNBOOK)?, &request)?;
    let console = Console::open(profile.clone(), Mode::Command).await.map_err(|error| error.message)?;

    let other = Store::open(&profile.data_dir, Options::default()).await?;
    let run = SystemClock.new_run();
    let opened = Event::RunOpened { plan: sealed.digest(), by: "other".to_owned() };
    other.open(&sealed, &Record::seal(run, None, SystemClock.now(), opened)?).await?;
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
