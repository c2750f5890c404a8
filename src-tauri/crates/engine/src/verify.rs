//! Asks whether something holds: a post-condition until it does or its time is over, a check once.
//!
//! A post-condition is asked at once, then after 250 ms, doubling to every 2 s (see
//! [`crate::Settings`]), and a last time when its time is over. One with samples is asked that often
//! in a row each time, and holds when enough of them held; a row ends as soon as its answer is sure.
//! `within_ms` says until when a row may begin: one that has begun is asked to its end.

use std::sync::Arc;
use std::time::Duration;

use daytwo_model::plan::{On, Probe, Verify, WayBack};
use daytwo_model::{AttemptId, Event, Exit, Host, SkipReason};
use tokio::time::{Instant, sleep};

use crate::expect::Expected;
use crate::pace::later;
use crate::read::{NoAnswer, read};
use crate::unit::{At, Told};

/// A probe with everything filled in that its expectation compares with.
pub(crate) struct Question<'a> {
    host: &'a Host,
    on: On,
    probe: &'a Probe,
    expected: Expected,
}

/// How often a question is asked, and how often what it expects must come back.
#[derive(Clone, Copy)]
pub(crate) struct Asking {
    pub(crate) within: Duration,
    pub(crate) samples: u32,
    pub(crate) at_least: u32,
}

impl Asking {
    const fn of(verify: &Verify) -> Self {
        Self { within: Duration::from_millis(verify.within_ms), samples: verify.samples, at_least: verify.at_least }
    }
}

/// What a check saw.
pub(crate) struct Seen {
    pub(crate) holds: bool,
    pub(crate) said: String,
}

impl At {
    /// Asks the check: the step is due, or it is skipped.
    pub(crate) async fn check(self) -> Told {
        let (host, step) = (self.host, self.step);
        let why = match self.look().await {
            Ok(Seen { holds: false, .. }) => return Told::Due { host, step },
            Ok(Seen { holds: true, .. }) => SkipReason::NotNeeded,
            Err(_) if self.cancel.is_cancelled() => SkipReason::Cancelled,
            Err(NoAnswer { why, unreachable: true }) => SkipReason::Unreachable { why: self.context.reason(&why) },
            Err(NoAnswer { why, .. }) => SkipReason::Undecidable { why: self.context.reason(&why) },
        };
        Told::Events(vec![Event::StepSkipped { host, step, why }])
    }

    /// Asks the check once: whether what it expects holds already.
    pub(crate) async fn look(&self) -> Result<Seen, NoAnswer> {
        let context = Arc::clone(&self.context);
        let step = context.step(self.step).ok_or("the plan has no such step")?;
        let check = step.check.as_ref().and_then(|check| check.get(self.host));
        let question = self.question(step.on, check.ok_or("the plan has no check for this host")?)?;
        let ready = self.late().action(&question.probe.action, context.settings.ask_wait)?;
        let answer = read(&context, (question.host, question.on), ready, &self.cancel).await?;
        match question.expected.check(&answer, &context.mask) {
            Ok(()) => Ok(Seen { holds: true, said: "what it expects holds already".to_owned() }),
            // Killed, or cut off, it did not come to say what it saw; that it differs means nothing.
            Err(why) if matches!(answer.exit, Exit::Signal(_)) || !answer.stdout.is_whole() => Err(why.into()),
            Err(why) => Ok(Seen { holds: false, said: why }),
        }
    }

    /// Asks the post-condition, of the step or of its inverse; the fact that it held or did not.
    pub(crate) async fn verify(self, attempt: AttemptId, inverse: bool) -> Vec<Event> {
        vec![match self.holds(inverse).await {
            Ok(()) => Event::AttemptVerified { attempt },
            Err(why) => Event::AttemptNotVerified { attempt, why: self.context.reason(&why) },
        }]
    }

    async fn holds(&self, inverse: bool) -> Result<(), String> {
        let context = Arc::clone(&self.context);
        let step = context.step(self.step).ok_or("the plan has no such step")?;
        let verify = match (&step.way_back, inverse) {
            (_, false) => step.verify.as_ref(),
            (WayBack::Inverse { verify, .. }, true) => verify.as_ref(),
            (WayBack::NotNeeded | WayBack::None, true) => None,
        };
        let probe = verify.and_then(|verify| Some((verify, verify.probe.get(self.host)?)));
        let (verify, probe) = probe.ok_or("the plan has no check for this host")?;
        self.comes_to_hold(&self.question(step.on, probe)?, Asking::of(verify)).await
    }

    /// Asks until it holds or its time is over; the error is what was seen instead.
    pub(crate) async fn comes_to_hold(&self, question: &Question<'_>, asking: Asking) -> Result<(), String> {
        let settings = &self.context.settings;
        let until = later(Instant::now(), asking.within);
        let mut interval = settings.ask_interval_first;
        loop {
            let Err(why) = self.row(question, asking).await else { return Ok(()) };
            let left = until.saturating_duration_since(Instant::now());
            if self.cancel.is_cancelled() {
                return Err("the run was cancelled before the check was seen to hold".to_owned());
            }
            if left.is_zero() {
                return Err(why);
            }
            tracing::debug!(why = self.context.reason(&why), "what is asked does not hold yet");
            tokio::select! {
                () = sleep(interval.min(left)) => {}
                () = self.cancel.cancelled() => {}
            }
            interval = interval.saturating_mul(2).min(settings.ask_interval_max);
        }
    }

    /// Asks one sample after another, until enough held or too many did not.
    async fn row(&self, question: &Question<'_>, asking: Asking) -> Result<(), String> {
        let samples = asking.samples.max(1);
        let needed = asking.at_least.max(1);
        let (mut asked, mut held) = (0, 0);
        loop {
            asked += 1;
            let failed = self.ask(question).await.err();
            if failed.is_none() {
                held += 1;
            }
            if held >= needed {
                return Ok(());
            }
            // However good the rest is, it is not enough any more.
            let is_lost = held + samples.saturating_sub(asked) < needed;
            if let Some(why) = failed
                && (is_lost || self.cancel.is_cancelled())
            {
                return Err(if samples == 1 { why } else { tally(held, asked, needed, samples, &why) });
            }
            if asked >= samples {
                return Err("the plan asks for more samples to hold than are taken".to_owned());
            }
        }
    }

    async fn ask(&self, question: &Question<'_>) -> Result<(), String> {
        let ready = self.late().action(&question.probe.action, self.context.settings.ask_wait)?;
        let place = (question.host, question.on);
        let answer = read(&self.context, place, ready, &self.cancel).await.map_err(|none| none.why)?;
        question.expected.check(&answer, &self.context.mask)
    }

    /// A probe with its values in it; a script of it is asked where the step is done.
    pub(crate) fn question<'a>(&'a self, on: On, probe: &'a Probe) -> Result<Question<'a>, String> {
        let late = self.late();
        let expected = Expected::new(&probe.expect, |text| late.text(text))?;
        let host = self.context.host(self.host).ok_or("the plan has no such host")?;
        Ok(Question { host, on, probe, expected })
    }
}

fn tally(held: u32, asked: u32, needed: u32, samples: u32, why: &str) -> String {
    let of = if asked < samples { format!("the first {asked}") } else { samples.to_string() };
    format!("{held} of {of} held, {needed} are needed; the last that did not: {why}")
}
