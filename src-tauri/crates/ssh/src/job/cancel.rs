//! Ending a job that was cancelled: as far as its start, then its end, then a look.

use daytwo_engine::ports::Cancel;
use daytwo_model::ProcessIdentity;
use daytwo_model::plan::RunAs;
use tokio::time::{Instant, timeout_at};

use super::kill::{Killed, kill};
use super::pump::{Closed, Pump};
use super::{Site, Stop, drain};

/// What became of it.
#[derive(Debug)]
pub(super) enum Cancelled {
    /// It had ended, or come to nothing, before it could be ended.
    Stopped(Stop),
    /// It may still start.
    NotConfirmed,
    /// It was signalled, and is gone.
    Dead,
    /// There was nothing to signal any more: what it said of itself is the truth.
    Gone,
    /// It is not known to be dead.
    Unseen(String),
}

/// Ends the job behind `pump`. `known` is its process where that is known from before.
pub(super) async fn end(
    pump: &mut Pump,
    site: &Site<'_>,
    run_as: &RunAs,
    cancel: &Cancel,
    known: Option<&ProcessIdentity>,
) -> Cancelled {
    // Whoever cancelled may not be reading output any more; the kill must not wait for that.
    pump.be_lossy();
    let mut closed = None;
    let until = Instant::now() + site.deadlines.cancel_start;
    while pump.started().is_none() && known.is_none() && !pump.has_ended() {
        match timeout_at(until, pump.step()).await {
            Ok(None) => {}
            Ok(Some(how)) => return Cancelled::Stopped(Stop::Closed(how)),
            Err(_) => return Cancelled::NotConfirmed,
        }
    }
    let Some(process) = pump.started().or(known).cloned() else {
        return Cancelled::Stopped(drain(pump, None).await.map_or(Stop::Lingering, Stop::Closed));
    };
    let killed = {
        let killing = kill(site, &process, run_as, cancel);
        tokio::pin!(killing);
        loop {
            tokio::select! {
                killed = &mut killing => break killed,
                ended = pump.step(), if closed.is_none() => closed = ended,
            }
        }
    };
    tracing::info!(pid = process.pid, ?killed, "cancelled");
    if !matches!(killed, Killed::Unseen(_)) {
        let _: Option<Closed> = drain(pump, closed).await;
    }
    match killed {
        Killed::Dead => Cancelled::Dead,
        Killed::Gone => Cancelled::Gone,
        Killed::Unseen(why) => Cancelled::Unseen(why),
    }
}
