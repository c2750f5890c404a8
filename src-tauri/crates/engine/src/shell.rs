//! Follows a script on a host to its end, over lost connections.
//!
//! A script that changes something is kept by its host, so a lost connection loses nothing but sight of
//! it: the host is asked again and again, from the byte that was had last, until the step's own deadline
//! and some patience have passed. Only what the host says is ever told as an end.
//!
//! A host that has no way to keep it runs it attached to the connection. That is in the journal before any of
//! it is sent, so that nobody ever takes such a host's "I hold nothing of it" for "it was never begun".

use std::sync::Arc;
use std::time::Duration;

use daytwo_model::plan::{Action, Effect, On, PlannedStep, RunAs, WayBack};
use daytwo_model::{CancelReason, Event, Host, OutputTally, ProcessIdentity};
use tokio::time::{Instant, sleep, timeout};

use crate::follow::{Patience, follow};
use crate::late::Ready;
use crate::pace::{Pauses, later};
use crate::ports::{DeadMan, Keep, Kept, Shell, ShellEnd, ShellJob};
use crate::redact::Ending;
use crate::silence::Silence;
use crate::sink::Sink;
use crate::unit::Unit;

/// Longer than a step may take: for how much longer others are told that somebody works on the host. It
/// covers the asking for what went out of sight.
const LEASE_MARGIN: Duration = Duration::from_secs(5 * 60);

/// How often a host is asked about what it had no place to keep. It can tell that such a script is gone, and
/// not how it ended, so there is no more to wait for.
const ATTACHED_ASKS_MAX: u32 = 3;

/// Until it is on disk that a script is going to run attached. A journal that is written at all has it after
/// one write or two; past this, nothing is sent.
const ATTACHED_NOTED_WAIT: Duration = Duration::from_secs(60);

/// What the journal knows of an attempt that an earlier process sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Earlier {
    /// How long ago; at least that, where the clock was changed since.
    pub(crate) sent_ago: Duration,
    /// The process, where its start was confirmed.
    pub(crate) process: Option<ProcessIdentity>,
    /// Its host could not keep it.
    pub(crate) attached: bool,
    /// The run is over: the host is asked, and nothing is ended.
    pub(crate) over: bool,
}

/// A kept script on its host, and until when it is followed.
struct Link<'a> {
    shell: &'a dyn Shell,
    host: &'a Host,
    run_as: RunAs,
    sent: Instant,
    /// How long before `sent` it was sent, by an earlier process.
    sent_before: Duration,
    /// Then the host is asked to end it.
    deadline: Instant,
    /// Then nobody asks any more.
    given_up: Instant,
    grace: Option<Duration>,
}

impl Unit {
    pub(crate) async fn shell(self, host: &Host, step: &PlannedStep, mut job: ShellJob) -> Vec<Event> {
        let context = Arc::clone(&self.at.context);
        if self.is_kept(step) {
            match self.keep(step, &job.run_as) {
                Ok(keep) => job.keep = Some(keep),
                Err(why) => return vec![self.refused(&why)],
            }
        }
        let is_kept = job.keep.is_some();
        let is_armed = job.keep.as_ref().is_some_and(|keep| keep.dead_man.is_some());
        let (shell, time) = (context.shell(step.on), Duration::from_millis(step.timeout_ms));
        let link = self.link(host, shell, job.run_as.clone(), time, &Earlier::default());
        let mut sink = Sink::new(Arc::clone(&context), self.attempt, self.captures(step));
        let end = match self.sent(&link, job, &mut sink).await {
            ShellEnd::CannotKeep { why } if is_armed => {
                ShellEnd::Refused { why: format!("{why}; without that there is no dead-man switch") }
            }
            ShellEnd::CannotKeep { why } => self.sent_attached(&link, step, &why, &mut sink).await,
            end => end,
        };
        let end = match end {
            ShellEnd::Unseen { why } if is_kept => self.find_again(&link, &mut sink, Some(why)).await,
            end => end,
        };
        self.told(step, end, sink).await
    }

    /// Sends a job, and follows it as long as it is in sight.
    async fn sent(&self, link: &Link<'_>, job: ShellJob, sink: &mut Sink) -> ShellEnd {
        let watched = job.keep.is_some().then(|| self.kept(link, sink));
        let silence = Silence::new(link.shell, link.host, watched, self.at.context.settings.silence_after);
        let left = link.deadline.saturating_duration_since(Instant::now());
        let patience = Patience { deadline: left, grace: link.grace };
        let start = |events, stop| link.shell.run(link.host, job, events, stop);
        let followed = follow(start, patience, &self.at.cancel, Some(silence), sink).await;
        match followed.end {
            // It gave a sign of life, so it is not true that nothing was started.
            ShellEnd::Unreachable { why } | ShellEnd::Refused { why } | ShellEnd::CannotKeep { why }
                if followed.heard =>
            {
                ShellEnd::Unseen { why }
            }
            end => end,
        }
    }

    /// Sends it to a host that cannot keep it, as soon as that is on disk.
    async fn sent_attached(&self, link: &Link<'_>, step: &PlannedStep, why: &str, sink: &mut Sink) -> ShellEnd {
        let deadline = Duration::from_millis(step.timeout_ms);
        let ready = self.action(step).map(|action| self.at.late().action(action, deadline));
        let Some(Ok(Ready::Shell(job))) = ready else {
            return ShellEnd::Refused { why: why.to_owned() };
        };
        tokio::select! {
            biased;
            () = self.at.cancel.cancelled() => {
                return ShellEnd::Unreachable { why: "cancelled before it was sent; nothing was started".to_owned() };
            }
            noted = timeout(ATTACHED_NOTED_WAIT, sink.attach(why)) => if noted.is_err() {
                let why = format!("{why}, and that was not on disk in time, so nothing was sent to run without that");
                return ShellEnd::Refused { why };
            }
        }
        self.sent(link, job, sink).await
    }

    /// Asks the host what became of an attempt that an earlier process sent, and follows it to its end.
    pub(crate) async fn reattach(self, earlier: Earlier) -> Vec<Event> {
        let context = Arc::clone(&self.at.context);
        let (Some(host), Some(step)) = (context.host(self.at.host), context.step(self.at.step)) else {
            return self.still_unknown(&earlier, "the plan has no such host or step");
        };
        let run_as = match self.action(step) {
            Some(Action::Run { run_as, .. }) if self.is_kept(step) => run_as.clone(),
            Some(Action::Run { .. }) => {
                return self
                    .still_unknown(&earlier, "the host keeps nothing of it, and the console that followed it is gone");
            }
            _ => return self.still_unknown(&earlier, "the console that waited for its answer is gone"),
        };
        let permit = Arc::clone(&context.asking).acquire_owned().await.ok();
        let sink = Sink::new(Arc::clone(&context), self.attempt, self.captures(step)).asking_with(permit);
        let sink = match context.ports.outputs.kept(self.attempt).await {
            Ok(kept) => sink.again(kept, &earlier),
            Err(error) => {
                tracing::error!(attempt = %self.attempt, %error, "what is kept of its output cannot be read");
                sink.again(<_>::default(), &earlier).storing_nothing()
            }
        };
        let mut sink = if earlier.over { sink.telling_ends_only() } else { sink };
        let timeout = Duration::from_millis(step.timeout_ms);
        let shell = context.shell(step.on);
        let link = self.link(host, shell, run_as, timeout, &earlier);
        match self.find_again(&link, &mut sink, None).await {
            ShellEnd::Unseen { why } | ShellEnd::Unaskable { why } if earlier.over => {
                tracing::info!(attempt = %self.attempt, why, "it is still not known");
                // Nothing of it is stored as an end: whoever asks next gets all of it again.
                Vec::new()
            }
            end => self.told(step, end, sink).await,
        }
    }

    /// What was known of it before is all that is known.
    fn still_unknown(&self, earlier: &Earlier, why: &str) -> Vec<Event> {
        if earlier.over { Vec::new() } else { vec![self.unknown(why, OutputTally::default())] }
    }

    /// Whether the host keeps it, so that it outlives the connection.
    fn is_kept(&self, step: &PlannedStep) -> bool {
        (self.inverse || step.effect == Effect::Change) && step.on != On::Console
    }

    fn captures(&self, step: &PlannedStep) -> bool {
        !self.inverse && !step.captures.is_empty()
    }

    fn keep(&self, step: &PlannedStep, run_as: &RunAs) -> Result<Keep, String> {
        let context = &self.at.context;
        let run = context.published.run();
        let undo = if self.inverse { "undo of " } else { "" };
        Ok(Keep {
            attempt: self.attempt,
            by: context.reason(&context.by),
            what: format!("{undo}{} / {} (run {run})", context.plan.plan().runbook.name, step.id),
            lease: Duration::from_millis(step.timeout_ms).saturating_add(LEASE_MARGIN),
            dead_man: if self.inverse { None } else { self.dead_man(step, run_as)? },
        })
    }

    /// The way back that the host takes alone, filled now: later nobody may be there to fill it.
    fn dead_man(&self, step: &PlannedStep, run_as: &RunAs) -> Result<Option<DeadMan>, String> {
        let Some(after) = step.dead_man_ms.map(Duration::from_millis) else { return Ok(None) };
        let WayBack::Inverse { action, .. } = &step.way_back else {
            return Err("it arms a dead-man switch and has no way back".to_owned());
        };
        let action = action.get(self.at.host).ok_or("the plan has no way back for this host's dead-man switch")?;
        match (self.at.late().action(action, after), action) {
            (Ok(Ready::Shell(job)), Action::Run { run_as: of_inverse, .. }) if of_inverse == run_as => {
                Ok(Some(DeadMan { after, script: job.script }))
            }
            (Ok(_), _) => Err("the way back of its dead-man switch is not a script of the same user".to_owned()),
            (Err(why), _) => Err(format!("the way back of its dead-man switch cannot be filled: {why}")),
        }
    }

    fn link<'a>(
        &self,
        host: &'a Host,
        shell: &'a dyn Shell,
        run_as: RunAs,
        timeout: Duration,
        earlier: &Earlier,
    ) -> Link<'a> {
        let settings = &self.at.context.settings;
        let sent = Instant::now();
        let deadline = later(sent, timeout.saturating_sub(earlier.sent_ago));
        let (deadline, given_up, grace) = if earlier.over {
            let until = later(sent, settings.ask_again_wait);
            (until, until, None)
        } else {
            (deadline, later(deadline, settings.out_of_sight_wait), Some(settings.cancel_grace))
        };
        Link { shell, host, run_as, sent, sent_before: earlier.sent_ago, deadline, given_up, grace }
    }

    fn kept(&self, link: &Link<'_>, sink: &Sink) -> Kept {
        Kept {
            attempt: self.attempt,
            run_as: link.run_as.clone(),
            process: sink.process().cloned(),
            attached: sink.is_attached(),
            have: sink.have(),
            sent_ago: link.sent.elapsed().saturating_add(link.sent_before),
        }
    }

    /// Asks again and again what became of it, and follows it while it is in sight. `lost`: how the
    /// connection was lost; none where there was none yet.
    async fn find_again(&self, link: &Link<'_>, sink: &mut Sink, mut lost: Option<String>) -> ShellEnd {
        let settings = &self.at.context.settings;
        let pauses = || Pauses::new(self.attempt, settings.reattach_pause_first, settings.reattach_pause_max);
        let mut pause = pauses();
        let mut given_up = link.given_up;
        let (mut cancelled, mut asks) = (false, 0);
        loop {
            if let Some(why) = lost.take() {
                sink.lose_sight(&why).await;
                let is_enough = asks >= ATTACHED_ASKS_MAX && sink.is_attached();
                if is_enough || Instant::now() >= given_up {
                    return ShellEnd::Unseen { why };
                }
                let next = pause.next().min(given_up.saturating_duration_since(Instant::now()));
                tokio::select! {
                    biased;
                    () = self.at.cancel.cancelled(), if !cancelled => {}
                    () = sleep(next) => {}
                }
            }
            if self.at.cancel.is_cancelled() && !std::mem::replace(&mut cancelled, true) {
                // Whoever cancels is not kept waiting for a host that may never come back.
                given_up = given_up.min(later(Instant::now(), settings.cancel_grace));
            }
            asks += 1;
            let kept = self.kept(link, sink);
            let silence = Silence::new(link.shell, link.host, Some(kept.clone()), settings.silence_after);
            let left = link.deadline.saturating_duration_since(Instant::now());
            let patience = Patience { deadline: left, grace: link.grace };
            let start = |events, stop| link.shell.reattach(link.host, kept, events, stop);
            let followed = follow(start, patience, &self.at.cancel, Some(silence), sink).await;
            if followed.heard {
                pause = pauses();
            }
            lost = match followed.end {
                ShellEnd::Unseen { why }
                | ShellEnd::Unreachable { why }
                | ShellEnd::Refused { why }
                | ShellEnd::CannotKeep { why } => Some(why),
                // It is kept nowhere, and whoever says so cannot know whether it began.
                ShellEnd::NotStarted { why } if sink.is_attached() => {
                    return ShellEnd::Unaskable { why: format!("its host could not keep it: {why}") };
                }
                end => return end,
            };
        }
    }

    async fn told(&self, step: &PlannedStep, end: ShellEnd, sink: Sink) -> Vec<Event> {
        let was_running = sink.process().is_some();
        if let ShellEnd::Unseen { why } | ShellEnd::Unaskable { why } = &end
            && self.is_kept(step)
            && !sink.is_attached()
        {
            return vec![self.unknown(why, sink.leave())];
        }
        let ending = if matches!(end, ShellEnd::Exited(_)) { Ending::Seen } else { Ending::CutOff };
        let (output, kept) = sink.finish(ending).await;
        match end {
            ShellEnd::Exited(exit) => self.finished(step, exit, output, &kept),
            ShellEnd::Killed => vec![self.cancelled(output)],
            ShellEnd::DeadMan => vec![self.was_ended(CancelReason::DeadMan, output)],
            ShellEnd::Unseen { why } | ShellEnd::Unaskable { why } => vec![self.unknown(&why, output)],
            ShellEnd::Lost { why } => vec![self.lost(&why, output)],
            // The host has forgotten what it had confirmed: it may have half happened.
            ShellEnd::NotStarted { why } if was_running => {
                vec![self.lost(&format!("its start was confirmed, and the host knows nothing of it: {why}"), output)]
            }
            ShellEnd::NotStarted { why } => vec![self.not_started(&why)],
            ShellEnd::Unreachable { why } => vec![self.unreachable(&why)],
            ShellEnd::Refused { why } | ShellEnd::CannotKeep { why } => vec![self.refused(&why)],
        }
    }
}
