//! Ending a job's process group, and looking that it is gone.

use std::sync::Arc;
use std::time::Duration;

use daytwo_model::plan::RunAs;
use daytwo_model::{ProcessIdentity, quote};
use russh::Channel;
use russh::client::Msg;
use tokio::time::timeout;

use super::wrapper::{KILL, shell_as};
use crate::ask::{Answer, AskError, ask};
use crate::error::seconds;
use crate::job::new_mark;
use crate::options::Deadlines;
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

/// Ends the process group of `process`. Takes at most `deadlines.kill`.
pub(crate) async fn kill(
    pool: &Arc<Pool>,
    target: &Arc<Target>,
    lease: &Lease,
    process: &ProcessIdentity,
    run_as: &RunAs,
    deadlines: &Deadlines,
) -> Killed {
    let asking = async {
        match new_mark() {
            Ok(mark) => {
                ask_host(pool, target, lease, &script(&mark, process, deadlines.terminate), &mark, run_as).await
            }
            Err(why) => Killed::Unseen(why),
        }
    };
    match timeout(deadlines.kill, asking).await {
        Ok(killed) => killed,
        Err(_) => Killed::Unseen(format!("the host did not say within {} that it is dead", seconds(&deadlines.kill))),
    }
}

async fn ask_host(
    pool: &Arc<Pool>,
    target: &Arc<Target>,
    lease: &Lease,
    script: &str,
    mark: &str,
    run_as: &RunAs,
) -> Killed {
    let (_lease, channel) = match channel(pool, target, lease).await {
        Ok(channel) => channel,
        Err(why) => return Killed::Unseen(format!("the host could not be asked to end it: {why}")),
    };
    match ask(channel, &shell_as(run_as), script).await {
        Ok(answer) => read(&answer, mark),
        Err(error @ (AskError::NoMark(_) | AskError::ExecDenied | AskError::Lost | AskError::TooLong)) => {
            Killed::Unseen(format!("the host could not be asked to end it: {error}"))
        }
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

fn script(mark: &str, process: &ProcessIdentity, terminate: Duration) -> String {
    let word = |text: &Option<String>| quote::shell(text.as_deref().unwrap_or("-"));
    let tenths = terminate.as_millis().div_ceil(100);
    format!(
        "{KILL}end_group {mark} {} {} {} {tenths}\n",
        process.pid,
        word(&process.boot_id),
        word(&process.start_ticks)
    )
}

fn read(answer: &Answer, mark: &str) -> Killed {
    let text = String::from_utf8_lossy(&answer.stdout);
    let said = text.lines().find_map(|line| line.strip_prefix(mark)).map(str::trim);
    match said {
        Some("dead") => Killed::Dead,
        Some("gone") => Killed::Gone,
        Some("rebooted") => Killed::Unseen("the host has rebooted since it was started".to_owned()),
        Some("apart") => Killed::Unseen(
            "it had no process group of its own (no setsid on the host): its shell was asked to end, and what it \
             started may still be there"
                .to_owned(),
        ),
        Some(alive) => Killed::Unseen(format!("processes of it are still there: {alive}")),
        None => Killed::Unseen(format!("the host could not end it: {}", answer.complaint.trim())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_calls_its_boot_id_is_a_word_and_nothing_more() {
        let process = ProcessIdentity {
            pid: 7,
            boot_id: Some("$(reboot)".into()),
            start_ticks: None,
            ..ProcessIdentity::default()
        };
        let script = script("m", &process, Duration::from_millis(250));
        assert!(script.ends_with("end_group m 7 '$(reboot)' - 3\n"), "{script}");
    }
}
