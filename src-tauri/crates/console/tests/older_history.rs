//! A history that an earlier version wrote: nobody who updates loses it, or the way back from it.
//!
//! `history-of-format-1.db` is a real one, of the last version that wrote plans of format 1, on its demo
//! fleet: a run that succeeded, one that failed on HTTP, and one whose process was killed during a step.

mod support;

use std::error::Error;
use std::sync::Arc;

use daytwo_console::wire::run::{HistoryFilter, RunRow};
use daytwo_console::wire::{Code, Mark, UiError};
use daytwo_console::{Console, Mode};
use daytwo_model::{Digest, RunId};

const HISTORY: &[u8] = include_bytes!("data/history-of-format-1.db");

struct Desk {
    console: Arc<Console>,
    rows: Vec<RunRow>,
    _folder: tempfile::TempDir,
}

impl Desk {
    async fn open() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let profile = support::profile(folder.path());
        std::fs::create_dir_all(&profile.data_dir)?;
        std::fs::write(profile.data_dir.join("history.db"), HISTORY)?;
        let console = Console::open(profile, Mode::Command).await?;
        let rows = console.history(HistoryFilter::default()).await?;
        Ok(Self { console, rows, _folder: folder })
    }

    fn run(&self, status: &str) -> Result<RunId, String> {
        let row = self.rows.iter().find(|row| row.status == status);
        row.map(|row| row.id).ok_or_else(|| format!("no run is {status}: {:?}", self.rows))
    }
}

#[tokio::test]
async fn every_run_of_an_earlier_version_is_listed_and_shown_as_it_was() -> Result<(), Box<dyn Error>> {
    let desk = Desk::open().await?;
    let statuses: Vec<&str> = desk.rows.iter().map(|row| row.status.as_str()).collect();
    assert_eq!(statuses, ["interrupted", "failed", "succeeded"]);
    let good = desk.console.run(desk.run("succeeded")?).await?;
    let words = |view: &daytwo_console::wire::run::RunView| -> Vec<String> {
        view.hosts.iter().flat_map(|host| &host.cells).map(|cell| cell.word.clone()).collect()
    };
    assert_eq!(words(&good), ["done", "done", "verified", "done", "done", "verified"]);
    let failed = desk.console.run(desk.run("failed")?).await?;
    assert_eq!(words(&failed).first().map(String::as_str), Some("failed"));
    assert_eq!(failed.inputs.get("master_key").map(String::as_str), Some("‹secret gateway-master-key›"));
    let groups = desk.console.output_groups(good.row.id, 1).await?;
    assert!(groups.iter().any(|group| group.hosts.len() == 2), "{groups:?}");
    desk.console.close().await;
    Ok(())
}

#[tokio::test]
async fn a_run_that_an_earlier_version_left_open_is_brought_to_its_end_and_its_step_is_unknown()
-> Result<(), Box<dyn Error>> {
    let desk = Desk::open().await?;
    let run = desk.run("interrupted")?;
    let found = desk.console.recover(None).await?;
    assert_eq!(found.iter().map(|found| (found.row.id, found.unknown.len())).collect::<Vec<_>>(), [(run, 1)]);
    let view = desk.console.run(run).await?;
    assert_eq!(view.row.status, "failed", "what is unknown was a read, and changes nothing");
    let cells = view.hosts.first().map(|host| host.cells.iter().map(|cell| cell.mark).collect::<Vec<_>>());
    assert_eq!(cells, Some(vec![Mark::Ok, Mark::Unknown, Mark::Skipped]));
    assert!(desk.console.start_info().await?.recovered.iter().any(|found| found.row.id == view.row.id));
    desk.console.close().await;
    Ok(())
}

#[tokio::test]
async fn a_run_of_an_earlier_version_can_be_taken_back_and_its_plan_is_not_started_again() -> Result<(), Box<dyn Error>>
{
    let desk = Desk::open().await?;
    let run = desk.run("succeeded")?;
    let plan = desk.console.plan_undo(run).await?.plan.ok_or("no undo was planned")?;
    assert_eq!((plan.undo_of, plan.hosts.len()), (Some(run), 2));
    assert_eq!(plan.cannot_start, [""; 0]);
    let way_back = &plan.steps.first().ok_or("the undo has no step")?.actions.first().ok_or("nothing is done")?;
    assert!(way_back.text.contains("ln -s"), "{}", way_back.text);

    let executed: Digest = desk.rows.iter().find(|row| row.id == run).ok_or("no row")?.plan;
    let refused: UiError = desk.console.start(executed, None).await.err().ok_or("an executed plan was started")?;
    assert_eq!(refused.code, Code::PlanChanged);
    desk.console.close().await;
    Ok(())
}
