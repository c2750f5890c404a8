//! Two undos of one run: the second is refused while the first goes on, and where its plan was made before the first.

mod support;

use std::error::Error;

use daytwo_console::wire::Code;
use daytwo_console::wire::run::HistoryFilter;
use daytwo_console::{Console, Mode, SystemClock};
use daytwo_engine::ports::{Clock as _, Journal as _};
use daytwo_model::{Event, Record, RunOutcome, SealedPlan, Timestamp};
use daytwo_store::{Options, Store};

const HISTORY: &[u8] = include_bytes!("data/history-of-format-1.db");

#[tokio::test]
async fn a_second_undo_is_refused() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let profile = support::profile(folder.path());
    std::fs::create_dir_all(&profile.data_dir)?;
    std::fs::write(profile.data_dir.join("history.db"), HISTORY)?;
    let console = Console::open(profile.clone(), Mode::Command).await?;
    let rows = console.history(HistoryFilter::default()).await?;
    let run = rows.iter().find(|row| row.status == "succeeded").ok_or("no run succeeded")?.id;
    let first = console.plan_undo(run).await?.plan.ok_or("no undo was planned")?;

    // Another process begins an undo of its own, which was planned at the same time.
    let mut other = SealedPlan::from_json(&console.plan_document(first.digest)?)?.plan().clone();
    other.planned_at = Timestamp::from_unix_ms(other.planned_at.unix_ms() + 1);
    let other = SealedPlan::seal(other)?;
    let store = Store::open(&profile.data_dir, Options::default()).await?;
    let undo = SystemClock.new_run();
    let opened = Event::RunOpened { plan: other.digest(), by: "other".to_owned() };
    let opened = Record::seal(undo, None, SystemClock.now(), opened)?;
    let fence = store.open(&other, &opened).await?;

    let refused = console.start(first.digest, None).await.err().ok_or("a second undo was started")?;
    assert_eq!(refused.code, Code::PlanChanged);
    assert!(refused.message.contains(&format!("run {run} has been undone since this plan was made")), "{refused}");
    assert_eq!(refused.hint, Some(format!("plan it again with: daytwo undo {run}")));
    let refused = console.plan_undo(run).await.err().ok_or("a second undo was planned beside the first")?;
    assert_eq!(refused.code, Code::Conflict);
    assert!(refused.message.contains(&format!("run {undo} is undoing run {run}, and is not over")), "{refused}");

    // The first has come to nothing: planned again, with that in sight, it may be started.
    let ended = Event::RunEnded { outcome: RunOutcome::Stuck };
    let ended = Record::seal(undo, Some(&opened), SystemClock.now(), ended)?;
    store.append(fence, &[ended]).await?;
    let again = console.plan_undo(run).await?.plan.ok_or("no undo was planned")?;
    let again = SealedPlan::from_json(&console.plan_document(again.digest)?)?;
    assert_eq!(again.plan().intent.made_of(), Some((run, &[undo][..])));
    let late = console.start(first.digest, None).await.err().ok_or("an overtaken plan was started")?;
    assert_eq!(late.code, Code::PlanChanged);
    console.close().await;
    Ok(())
}
