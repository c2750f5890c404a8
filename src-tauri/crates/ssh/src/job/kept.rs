//! An attempt that its host keeps: delivered once, and followed from any byte by any connection.

use std::time::Duration;

use bytes::Bytes;
use daytwo_engine::ports::{Cancel, Keep, Kept, ShellEnd, ShellEvent, ShellJob};
use daytwo_model::{SecretValue, Stream};
use russh::Channel;
use russh::client::Msg;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::cancel::{Cancelled, end};
use super::pump::{Closed, Pump};
use super::talk::{KeptTalk, Talk};
use super::wrapper::program_as;
use super::{LAST_WORDS, Site, Stop, how_it_stopped, new_mark, not_started, wait};
use crate::error::seconds;
use crate::host::{self, Ended, Known};

/// How often the rest of an output is fetched that an end has left behind. Once is enough unless the
/// connection loses what was written to it.
const FETCHES_MAX: usize = 3;

/// Ends the standard error of an attempt of which the host could not keep everything.
const CUT_NOTE: &[u8] = b"\n[the host did not keep all output: its disk was full, or it was more than 64 MiB]\n";

/// One exchange about an attempt.
#[derive(Debug)]
enum Heard {
    Ended(ShellEnd),
    /// It has ended, and the host has more of its output than came: from where to go on.
    Short(Kept),
}

/// Delivers the attempt on `channel`, and follows it to its end.
pub(crate) async fn deliver(
    site: &Site<'_>,
    channel: Channel<Msg>,
    job: &ShellJob,
    keep: &Keep,
    events: &mpsc::Sender<ShellEvent>,
    cancel: &Cancel,
) -> ShellEnd {
    let unsent = Kept {
        attempt: keep.attempt,
        run_as: job.run_as.clone(),
        process: None,
        attached: false,
        have: (0, 0),
        sent_ago: Duration::ZERO,
    };
    let request = Request { program: host::deliver(job, keep), kept: unsent, is_delivery: true };
    match exchange(site, channel, &request, events, cancel).await {
        Ok(Heard::Ended(end)) => end,
        Ok(Heard::Short(kept)) => fetch(site, kept, events, cancel).await,
        Err(why) => ShellEnd::Refused { why },
    }
}

/// Asks what became of an attempt, and follows it to its end.
pub(crate) async fn reattach(
    site: &Site<'_>,
    channel: Channel<Msg>,
    kept: &Kept,
    events: &mpsc::Sender<ShellEvent>,
    cancel: &Cancel,
) -> ShellEnd {
    match ask_again(site, channel, kept, events, cancel).await {
        Ok(Heard::Ended(end)) => end,
        Ok(Heard::Short(kept)) => fetch(site, kept, events, cancel).await,
        Err(why) => ShellEnd::Unseen { why },
    }
}

/// Brings the rest of an output, on channels of its own.
async fn fetch(site: &Site<'_>, mut kept: Kept, events: &mpsc::Sender<ShellEvent>, cancel: &Cancel) -> ShellEnd {
    let place = site.target.place();
    for _ in 0..FETCHES_MAX {
        let channel = match site.pool.channel(&site.target).await {
            Ok((_lease, channel)) => channel,
            Err(error) => return ShellEnd::Unseen { why: format!("the rest of its output: failed to {error}") },
        };
        match ask_again(site, channel, &kept, events, cancel).await {
            Ok(Heard::Ended(end)) => return end,
            Ok(Heard::Short(more)) => kept = more,
            Err(why) => return ShellEnd::Unseen { why },
        }
    }
    ShellEnd::Unseen { why: format!("{place} has more of its output than came") }
}

async fn ask_again(
    site: &Site<'_>,
    channel: Channel<Msg>,
    kept: &Kept,
    events: &mpsc::Sender<ShellEvent>,
    cancel: &Cancel,
) -> Result<Heard, String> {
    let program = host::reattach(kept, Known::of(kept));
    let request = Request { program, kept: kept.clone(), is_delivery: false };
    exchange(site, channel, &request, events, cancel).await
}

/// What is sent, and what is known before.
struct Request {
    program: SecretValue,
    kept: Kept,
    is_delivery: bool,
}

/// Sends the program and listens to its end.
async fn exchange(
    site: &Site<'_>,
    channel: Channel<Msg>,
    request: &Request,
    events: &mpsc::Sender<ShellEvent>,
    cancel: &Cancel,
) -> Result<Heard, String> {
    let mark = new_mark()?;
    let kept = &request.kept;
    let talk = Talk::Kept(Box::new(KeptTalk::new(&mark, kept.have, kept.process.is_some())));
    let mut pump = Pump::new(channel, program_as(&kept.run_as), &mark, &request.program, talk, events.clone());
    let heard = match wait(&mut pump, site.deadlines, cancel).await {
        Stop::Cancelled => cancelled(&mut pump, site, request, cancel).await,
        stop => conclude(&stop, &pump, site, request),
    };
    if let (Heard::Ended(_), true) = (&heard, pump.kept().and_then(KeptTalk::end).is_some_and(|end| end.cut)) {
        let note = ShellEvent::Output(Stream::Stderr, Bytes::from_static(CUT_NOTE));
        // Nobody listening any more needs no note.
        let _ = timeout(LAST_WORDS, events.send(note)).await;
    }
    if pump.dropped_bytes() > 0 {
        tracing::warn!(bytes = pump.dropped_bytes(), "output was dropped while the job was being cancelled");
    }
    // Bounded: a connection whose queue is full is not worth waiting for.
    let _ = timeout(LAST_WORDS, pump.close()).await;
    Ok(heard)
}

/// What the exchange says, when it was not cancelled.
fn conclude(stop: &Stop, pump: &Pump, site: &Site<'_>, request: &Request) -> Heard {
    let place = site.target.place();
    let Some(talk) = pump.kept() else {
        return Heard::Ended(ShellEnd::Unseen { why: how_it_stopped(stop, site) });
    };
    if let Some(end) = talk.end() {
        if !talk.is_complete() && matches!(end.how, Ended::Exit(_) | Ended::Killed | Ended::DeadMan | Ended::Lost(_)) {
            let process = pump.started().or(request.kept.process.as_ref()).cloned();
            return Heard::Short(Kept { process, have: talk.have(), ..request.kept.clone() });
        }
        return Heard::Ended(in_words(&end.how, &place));
    }
    let how = how_it_stopped(stop, site);
    if !request.is_delivery {
        let how = match (stop, pump.exit()) {
            (Stop::Closed(Closed::ByHost), Some(exit)) if !pump.begun() => {
                not_started(&place, &site.target.user, exit, &pump.noise(), &request.kept.run_as)
            }
            _ => how,
        };
        return Heard::Ended(ShellEnd::Unseen { why: how });
    }
    Heard::Ended(match (stop, pump.exit()) {
        (Stop::Denied, _) => ShellEnd::Refused { why: how },
        // All that it had to say was delivered, and the program's first line was not in it.
        (Stop::Closed(Closed::ByHost), Some(exit)) if !pump.begun() => {
            ShellEnd::Refused { why: not_started(&place, &site.target.user, exit, &pump.noise(), &request.kept.run_as) }
        }
        _ if pump.may_have_started() => ShellEnd::Unseen { why: how },
        _ => ShellEnd::Unreachable { why: format!("{how}; nothing was started") },
    })
}

/// Ends an attempt that runs, and says what was seen of its end.
async fn cancelled(pump: &mut Pump, site: &Site<'_>, request: &Request, cancel: &Cancel) -> Heard {
    let place = site.target.place();
    if request.is_delivery && !pump.may_have_started() {
        let why = format!("cancelled while connecting to {place}; nothing was started");
        return Heard::Ended(ShellEnd::Unreachable { why });
    }
    let unseen = |why: String| Heard::Ended(ShellEnd::Unseen { why });
    match end(pump, site, &request.kept.run_as, cancel, request.kept.process.as_ref()).await {
        Cancelled::Stopped(stop) => conclude(&stop, pump, site, request),
        Cancelled::NotConfirmed => unseen(format!(
            "cancelled, but {place} had not confirmed the start after {}; it may still start",
            seconds(&site.deadlines.cancel_start)
        )),
        Cancelled::Dead => Heard::Ended(ShellEnd::Killed),
        // It ended by itself before it could be ended: what the host keeps of it is the truth.
        Cancelled::Gone => match conclude(&Stop::Closed(Closed::ByHost), pump, site, request) {
            Heard::Ended(ShellEnd::Unseen { .. } | ShellEnd::Refused { .. }) => {
                unseen(format!("it was gone from {place} before it was cancelled, and its exit was not seen"))
            }
            heard => heard,
        },
        Cancelled::Unseen(why) => unseen(format!("cancelled, and not seen dead: {why}")),
    }
}

fn in_words(how: &Ended, place: &str) -> ShellEnd {
    match how {
        Ended::Exit(exit) => ShellEnd::Exited(exit.clone()),
        Ended::Killed => ShellEnd::Killed,
        Ended::DeadMan => ShellEnd::DeadMan,
        Ended::Lost(why) => ShellEnd::Lost { why: format!("{place}: {why}") },
        Ended::NotStarted(why) => ShellEnd::NotStarted { why: format!("{place}: {why}") },
        Ended::Unseen(why) => ShellEnd::Unseen { why: format!("{place}: {why}") },
        Ended::Taken => ShellEnd::Refused {
            why: format!("{place} has this attempt already, and refuses to begin it a second time"),
        },
        Ended::CannotKeep(why) => ShellEnd::CannotKeep { why: format!("{place} cannot keep it: {why}") },
    }
}
