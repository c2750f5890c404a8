//! Ending a job's process group, and looking that it is gone.

use std::sync::Arc;
use std::time::Duration;

use daytwo_engine::ports::Cancel;
use daytwo_model::ProcessIdentity;
use daytwo_model::plan::RunAs;
use russh::Channel;
use russh::client::Msg;
use tokio::time::timeout;

use super::Site;
use super::wrapper::shell_as;
use crate::ask::{Answer, ask};
use crate::error::seconds;
use crate::host;
use crate::pool::{Lease, Pool};
use crate::target::Target;

/// How long a channel on the job's own connection is waited for. That connection may stand still
/// because another job on it prints faster than its output is taken.
const SHARED_CHANNEL_WAIT: Duration = Duration::from_secs(2);

/// What the host said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Killed {
    /// It was signalled, and is gone.
    Dead,
    /// There was nothing to signal any more.
    Gone,
    /// It is not known to be dead.
    Unseen(String),
}

/// Ends the process group of `process` as hard as `cancel` says, also when it comes to say so while
/// this is under way. Takes at most twice `deadlines.kill`.
pub(crate) async fn kill(site: &Site<'_>, process: &ProcessIdentity, run_as: &RunAs, cancel: &Cancel) -> Killed {
    if !cancel.is_kill() {
        let softly = attempt(site, process, run_as, Some(site.deadlines.terminate));
        tokio::select! {
            killed = softly => return killed,
            () = cancel.killed() => {}
        }
    }
    attempt(site, process, run_as, None).await
}

async fn attempt(site: &Site<'_>, process: &ProcessIdentity, run_as: &RunAs, terminate: Option<Duration>) -> Killed {
    let script = host::end_group(process, terminate);
    let after = site.deadlines.kill;
    match timeout(after, ask_host(site, &script, run_as)).await {
        Ok(killed) => killed,
        Err(_) => Killed::Unseen(format!("the host did not say within {} that it is dead", seconds(&after))),
    }
}

async fn ask_host(site: &Site<'_>, script: &str, run_as: &RunAs) -> Killed {
    let (_lease, channel) = match channel(site.pool, &site.target, &site.lease).await {
        Ok(channel) => channel,
        Err(why) => return Killed::Unseen(format!("the host could not be asked to end it: {why}")),
    };
    match ask(channel, &shell_as(run_as), script).await {
        Ok(answer) => read(&answer),
        Err(error) => Killed::Unseen(format!("the host could not be asked to end it: {error}")),
    }
}

/// On the job's own connection, or on a new one where that has no room.
async fn channel(
    pool: &Arc<Pool>,
    target: &Arc<Target>,
    lease: &Lease,
) -> Result<(Lease, Channel<Msg>), crate::error::ConnectError> {
    match timeout(SHARED_CHANNEL_WAIT, pool.open(lease)).await {
        Ok(Ok(channel)) => Ok((lease.clone(), channel)),
        Ok(Err(_)) | Err(_) => pool.own_channel(target).await,
    }
}

fn read(answer: &Answer) -> Killed {
    let text = String::from_utf8_lossy(&answer.stdout);
    let unseen = |why: &str| Killed::Unseen(why.to_owned());
    match text.trim() {
        "dead" => Killed::Dead,
        "gone" => Killed::Gone,
        "rebooted" => unseen("the host has rebooted since it was started"),
        "apart" => unseen(
            "it had no process group of its own (no setsid on the host): its shell and what could be seen of its \
             processes are gone, and more of them may still be there",
        ),
        alive if alive.starts_with("alive") => Killed::Unseen(format!("processes of it are still there: {alive}")),
        _ => Killed::Unseen(format!("the host could not end it: {}", answer.complaint.trim())),
    }
}
