//! A job on a host, from the request to its end.
//!
//! What is said of the end is only what was seen: an exit code that the host sent, a process group
//! that was looked for and is gone, or that nothing was started. Everything else is unseen.

mod attached;
mod cancel;
mod kept;
mod kill;
mod mark;
mod marks;
mod pump;
mod talk;
mod wrapper;

use std::sync::Arc;
use std::time::Duration;

use daytwo_engine::ports::Cancel;
use daytwo_model::Exit;
use daytwo_model::plan::RunAs;
use tokio::time::{Instant, timeout_at};

pub(crate) use self::attached::run as run_attached;
pub(crate) use self::kept::{deliver, reattach};
pub(crate) use self::mark::{Found, Scan, new_mark};
use self::pump::{Closed, Pump, Sent};
use self::wrapper::NOT_RUN;
pub(crate) use self::wrapper::{SHELL, shell_as};
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
    /// A kept job's end and all of its output were heard.
    Complete,
}

/// Pumps until the channel ends or a deadline passes.
async fn wait(pump: &mut Pump, deadlines: &Deadlines, cancel: &Cancel) -> Stop {
    let begun = Instant::now();
    let mut sent_at = None;
    loop {
        if pump.denied() {
            return Stop::Denied;
        }
        if pump.is_complete() {
            return Stop::Complete;
        }
        if sent_at.is_none() && pump.sent() != Sent::Part {
            sent_at = Some(Instant::now());
        }
        let (deadline, passed) = match sent_at {
            _ if pump.has_ended() && pump.is_listening() => (Some(Instant::now() + deadlines.linger), Stop::Lingering),
            _ if pump.has_ended() => (None, Stop::Lingering),
            None => (Some(begun + deadlines.send), Stop::SendDeadline),
            Some(at) if pump.started().is_none() => (Some(at + deadlines.start), Stop::StartDeadline),
            // How long a job may run is its step's business, which then cancels it.
            Some(_) => (None, Stop::StartDeadline),
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
                return if pump.has_ended() { Stop::Lingering } else { Stop::Cancelled };
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

/// Hands on what is still coming, for a short time.
async fn drain(pump: &mut Pump, closed: Option<Closed>) -> Option<Closed> {
    if closed.is_some() {
        return closed;
    }
    let until = Instant::now() + LAST_WORDS;
    while !pump.is_complete() {
        match timeout_at(until, pump.step()).await {
            Ok(None) => {}
            Ok(closed) => return closed,
            Err(_) => return None,
        }
    }
    None
}

/// What was seen instead of an end.
fn how_it_stopped(stop: &Stop, site: &Site<'_>) -> String {
    use crate::error::seconds;
    let place = site.target.place();
    match stop {
        Stop::Closed(Closed::WithLink) => format!("the connection to {place} was lost: {}", site.lease.why_lost()),
        Stop::Closed(Closed::ByHost) => format!("{place} closed the channel without an exit code"),
        Stop::StartDeadline => {
            format!("{place} did not confirm the start within {}", seconds(&site.deadlines.start))
        }
        Stop::SendDeadline => format!("{place} did not take the script within {}", seconds(&site.deadlines.send)),
        Stop::Denied => format!("{place} does not execute commands for {}", site.target.user),
        Stop::Lingering | Stop::Complete | Stop::Cancelled => format!("{place} did not confirm the start"),
    }
}
