//! A job on a host, from the request to its end.
//!
//! What is said of the end is only what was seen: an exit code that the host sent, a process group
//! that was looked for and is gone, or that nothing was started. Everything else is unseen.

mod kill;
mod mark;
mod pump;
mod wrapper;

use std::sync::Arc;
use std::time::Duration;

use daytwo_engine::ports::{Cancel, ShellEnd, ShellEvent, ShellJob};
use daytwo_model::Exit;
use daytwo_model::plan::RunAs;
use russh::Channel;
use russh::client::Msg;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use self::kill::{Killed, kill};
pub(crate) use self::mark::{Found, Scan, new_mark};
use self::pump::{Closed, Pump, Sent};
pub(crate) use self::wrapper::SHELL;
use self::wrapper::{NOT_RUN, run_as};
use crate::error::seconds;
use crate::options::Deadlines;
use crate::pool::{Lease, Pool};
use crate::target::Target;

/// After a kill, how long the rest of the output and the exit are waited for.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Where a job runs, and on what connection.
pub(crate) struct Site<'a> {
    pub(crate) pool: &'a Arc<Pool>,
    pub(crate) target: Arc<Target>,
    pub(crate) lease: Lease,
    pub(crate) deadlines: &'a Deadlines,
}

/// Why waiting for a job stopped.
#[derive(Debug)]
enum Stop {
    Closed(Closed),
    /// The host does not execute commands.
    Denied,
    Cancelled,
    /// The script was not taken in time.
    SendDeadline,
    /// The start was not confirmed in time.
    StartDeadline,
    /// It has exited, and something it left behind holds its output open.
    Lingering,
}

/// Runs the job on `channel` to its end.
pub(crate) async fn run(
    site: Site<'_>,
    channel: Channel<Msg>,
    job: &ShellJob,
    events: mpsc::Sender<ShellEvent>,
    cancel: &Cancel,
) -> ShellEnd {
    let mark = match new_mark() {
        Ok(mark) => mark,
        Err(why) => return ShellEnd::Refused { why },
    };
    let mut pump = Pump::new(channel, run_as(&job.run_as), &mark, &job.script, events);
    let stop = wait(&mut pump, site.deadlines, cancel).await;
    let end = match stop {
        Stop::Cancelled => cancelled(&mut pump, &site, &job.run_as).await,
        stop => conclude(&stop, &pump, &site, &job.run_as),
    };
    if pump.dropped_bytes() > 0 {
        tracing::warn!(bytes = pump.dropped_bytes(), "output was dropped while the job was being cancelled");
    }
    // Bounded: a connection whose queue is full is not worth waiting for.
    let _ = timeout(LAST_WORDS, pump.close()).await;
    end
}

/// Pumps until the channel ends or a deadline passes.
async fn wait(pump: &mut Pump, deadlines: &Deadlines, cancel: &Cancel) -> Stop {
    let begun = Instant::now();
    let mut sent_at = None;
    loop {
        if pump.denied() {
            return Stop::Denied;
        }
        if sent_at.is_none() && pump.sent() != Sent::Part {
            sent_at = Some(Instant::now());
        }
        let (deadline, passed) = match (pump.exit(), sent_at) {
            (Some(_), _) if pump.is_listening() => (Some(Instant::now() + deadlines.linger), Stop::Lingering),
            (Some(_), _) => (None, Stop::Lingering),
            (None, None) => (Some(begun + deadlines.send), Stop::SendDeadline),
            (None, Some(at)) if pump.started().is_none() => (Some(at + deadlines.start), Stop::StartDeadline),
            // How long a job may run is its step's business, which then cancels it.
            (None, Some(_)) => (None, Stop::StartDeadline),
        };
        let step = async {
            match deadline {
                Some(deadline) => timeout_at(deadline, pump.step()).await,
                None => Ok(pump.step().await),
            }
        };
        let outcome = tokio::select! {
            biased;
            // An end that was seen is the end, also while something in the background still writes.
            () = cancel.cancelled() => {
                return if pump.exit().is_some() { Stop::Lingering } else { Stop::Cancelled };
            }
            outcome = step => outcome,
        };
        match outcome {
            Ok(Some(closed)) => return Stop::Closed(closed),
            Ok(None) => {}
            Err(_) => return passed,
        }
    }
}

/// What the end means, when the job was not cancelled.
fn conclude(stop: &Stop, pump: &Pump, site: &Site<'_>, run_as: &RunAs) -> ShellEnd {
    let place = site.target.place();
    if let Stop::Denied = stop {
        return ShellEnd::Refused { why: format!("{place} does not execute commands for {}", site.target.user) };
    }
    if let (Some(exit), Some(_)) = (pump.exit(), pump.started()) {
        return ShellEnd::Exited(exit.clone());
    }
    match (stop, pump.exit()) {
        // All output was delivered, and the wrapper's first line was not in it.
        (Stop::Closed(Closed::ByHost), Some(exit)) => {
            return ShellEnd::Refused { why: not_started(&place, &site.target.user, exit, &pump.noise(), run_as) };
        }
        (Stop::SendDeadline, _) if !pump.may_have_started() => {
            let after = seconds(&site.deadlines.send);
            return ShellEnd::Unreachable {
                why: format!("{place} did not take the script within {after}; nothing was started"),
            };
        }
        _ => {}
    }
    let how = match stop {
        Stop::Closed(Closed::WithLink) => format!("the connection to {place} was lost: {}", site.lease.why_lost()),
        Stop::Closed(Closed::ByHost) => format!("{place} closed the channel without an exit code"),
        Stop::StartDeadline => {
            format!("{place} did not confirm the start within {}", seconds(&site.deadlines.start))
        }
        Stop::SendDeadline => format!("{place} did not take the script within {}", seconds(&site.deadlines.send)),
        Stop::Lingering | Stop::Denied | Stop::Cancelled => format!("{place} did not confirm the start"),
    };
    if pump.may_have_started() {
        ShellEnd::Unseen { why: how }
    } else {
        ShellEnd::Unreachable { why: format!("{how}; nothing was started") }
    }
}

/// Why the wrapper ended before the script began.
fn not_started(place: &str, user: &str, exit: &Exit, noise: &str, run_as: &RunAs) -> String {
    let said = if noise.is_empty() { String::new() } else { format!(": {noise}") };
    let other = match run_as {
        RunAs::Login => None,
        RunAs::Root => Some("root"),
        RunAs::User(name) => Some(name.as_str()),
    };
    if let Some(other) = other {
        if noise.contains("unknown user") {
            return format!("{place} has no user {other}{said}");
        }
        if noise.contains("password") || noise.contains("not allowed") || noise.contains("sudoers") {
            return format!(
                "sudo on {place} does not let {user} run sh as {other} without a password; a NOPASSWD rule for {user} \
                 in sudoers lets it{said}"
            );
        }
        if *exit == Exit::Code(127) {
            return format!("{place} has no sudo, or no sh that sudo finds{said}");
        }
    }
    match exit {
        Exit::Code(NOT_RUN) => format!("{place} did not receive the whole script, and ran none of it{said}"),
        exit => format!("{place} ended the job before it began ({exit}){said}"),
    }
}

/// Ends a job that runs, and says what was seen of its end.
async fn cancelled(pump: &mut Pump, site: &Site<'_>, run_as: &RunAs) -> ShellEnd {
    let place = site.target.place();
    if !pump.may_have_started() {
        return ShellEnd::Unreachable { why: format!("cancelled while connecting to {place}; nothing was started") };
    }
    // Whoever cancelled may not be reading output any more; the kill must not wait for that.
    pump.be_lossy();
    let until = Instant::now() + site.deadlines.cancel_start;
    while pump.started().is_none() && pump.exit().is_none() {
        match timeout_at(until, pump.step()).await {
            Ok(None) => {}
            Ok(Some(closed)) => return conclude(&Stop::Closed(closed), pump, site, run_as),
            Err(_) => {
                return ShellEnd::Unseen {
                    why: format!(
                        "cancelled, but {place} had not confirmed the start after {}; it may still start",
                        seconds(&site.deadlines.cancel_start)
                    ),
                };
            }
        }
    }
    let Some(process) = pump.started().cloned() else {
        return last_words(pump, site, run_as).await;
    };
    let killing = kill(site.pool, &site.target, &site.lease, &process, run_as, site.deadlines);
    tokio::pin!(killing);
    let mut closed = None;
    let killed = loop {
        tokio::select! {
            killed = &mut killing => break killed,
            ended = pump.step(), if closed.is_none() => closed = ended,
        }
    };
    tracing::info!(pid = process.pid, ?killed, "cancelled");
    match killed {
        Killed::Dead => {
            drain(pump, closed).await;
            ShellEnd::Killed
        }
        // It ended by itself before it could be ended: its own exit code is the truth.
        Killed::Gone => {
            drain(pump, closed).await;
            ended_by_itself(pump.exit().cloned(), &place)
        }
        Killed::Unseen(why) => ShellEnd::Unseen { why: format!("cancelled, and not seen dead: {why}") },
    }
}

/// Not killed by us: without its exit code, whether it was done or broke off is not known.
fn ended_by_itself(exit: Option<Exit>, place: &str) -> ShellEnd {
    exit.map_or_else(
        || ShellEnd::Unseen {
            why: format!("it was gone from {place} before it was cancelled, and its exit was not seen"),
        },
        ShellEnd::Exited,
    )
}

/// The wrapper exited without a start line while a cancellation was waiting for one.
async fn last_words(pump: &mut Pump, site: &Site<'_>, run_as: &RunAs) -> ShellEnd {
    let closed = drain(pump, None).await;
    conclude(&closed.map_or(Stop::Lingering, Stop::Closed), pump, site, run_as)
}

/// Hands on what is still coming, for a short time.
async fn drain(pump: &mut Pump, closed: Option<Closed>) -> Option<Closed> {
    if closed.is_some() {
        return closed;
    }
    let until = Instant::now() + LAST_WORDS;
    loop {
        match timeout_at(until, pump.step()).await {
            Ok(None) => {}
            Ok(closed) => return closed,
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_was_gone_before_it_could_be_ended_was_not_killed() {
        assert!(matches!(ended_by_itself(None, "web-1"), ShellEnd::Unseen { .. }));
        assert_eq!(ended_by_itself(Some(Exit::Code(0)), "web-1"), ShellEnd::Exited(Exit::Code(0)));
    }
}
