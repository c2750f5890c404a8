//! A script that is attached to its connection: a read, or what a host cannot keep.

use daytwo_engine::ports::{Cancel, ShellEnd, ShellEvent};
use daytwo_model::plan::RunAs;
use daytwo_model::{Exit, SecretValue};
use russh::Channel;
use russh::client::Msg;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::cancel::{Cancelled, end};
use super::pump::{Closed, Pump};
use super::talk::{Attached, Talk};
use super::wrapper::run_as as request;
use super::{LAST_WORDS, Site, Stop, how_it_stopped, new_mark, not_started, wait};
use crate::error::seconds;

/// Runs the script on `channel` to its end.
pub(crate) async fn run(
    site: Site<'_>,
    channel: Channel<Msg>,
    script: &SecretValue,
    run_as: &RunAs,
    events: mpsc::Sender<ShellEvent>,
    cancel: &Cancel,
) -> ShellEnd {
    let mark = match new_mark() {
        Ok(mark) => mark,
        Err(why) => return ShellEnd::Refused { why },
    };
    let talk = Talk::Attached(Box::new(Attached::new(&mark)));
    let mut pump = Pump::new(channel, request(run_as), &mark, script, talk, events);
    let stop = wait(&mut pump, site.deadlines, cancel).await;
    let end = match stop {
        Stop::Cancelled => cancelled(&mut pump, &site, run_as, cancel).await,
        stop => conclude(&stop, &pump, &site, run_as),
    };
    if pump.dropped_bytes() > 0 {
        tracing::warn!(bytes = pump.dropped_bytes(), "output was dropped while the job was being cancelled");
    }
    // Bounded: a connection whose queue is full is not worth waiting for.
    let _ = timeout(LAST_WORDS, pump.close()).await;
    end
}

/// What the end means, when the job was not cancelled.
fn conclude(stop: &Stop, pump: &Pump, site: &Site<'_>, run_as: &RunAs) -> ShellEnd {
    let place = site.target.place();
    if let Stop::Denied = stop {
        return ShellEnd::Refused { why: how_it_stopped(stop, site) };
    }
    if let (Some(exit), Some(_)) = (pump.exit(), pump.started()) {
        return ShellEnd::Exited(exit.clone());
    }
    // All output was delivered, and the wrapper's first line was not in it.
    if let (Stop::Closed(Closed::ByHost), Some(exit)) = (stop, pump.exit()) {
        return ShellEnd::Refused { why: not_started(&place, &site.target.user, exit, &pump.noise(), run_as) };
    }
    let how = how_it_stopped(stop, site);
    if pump.may_have_started() {
        ShellEnd::Unseen { why: how }
    } else {
        ShellEnd::Unreachable { why: format!("{how}; nothing was started") }
    }
}

/// Ends a job that runs, and says what was seen of its end.
async fn cancelled(pump: &mut Pump, site: &Site<'_>, run_as: &RunAs, cancel: &Cancel) -> ShellEnd {
    let place = site.target.place();
    if !pump.may_have_started() {
        return ShellEnd::Unreachable { why: format!("cancelled while connecting to {place}; nothing was started") };
    }
    match end(pump, site, run_as, cancel, None).await {
        Cancelled::Stopped(stop) => conclude(&stop, pump, site, run_as),
        Cancelled::NotConfirmed => ShellEnd::Unseen {
            why: format!(
                "cancelled, but {place} had not confirmed the start after {}; it may still start",
                seconds(&site.deadlines.cancel_start)
            ),
        },
        Cancelled::Dead => ShellEnd::Killed,
        // It ended by itself before it could be ended: its own exit code is the truth.
        Cancelled::Gone => ended_by_itself(pump.exit().cloned(), &place),
        Cancelled::Unseen(why) => ShellEnd::Unseen { why: format!("cancelled, and not seen dead: {why}") },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_was_gone_before_it_could_be_ended_was_not_killed() {
        assert!(matches!(ended_by_itself(None, "web-1"), ShellEnd::Unseen { .. }));
        assert_eq!(ended_by_itself(Some(Exit::Code(0)), "web-1"), ShellEnd::Exited(Exit::Code(0)));
    }
}
