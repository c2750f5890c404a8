//! Asks whether something holds: a post-condition until it does or its time is over, a check once.
//!
//! A post-condition is asked at once, then after 250 ms, doubling to every 2 s (see
//! [`crate::Settings`]), and a last time when its time is over. One with samples is asked that often
//! in a row each time, and holds when enough of them held; a row ends as soon as its answer is sure.
//! `within_ms` says until when a row may begin: one that has begun is asked to its end.

use std::sync::Arc;
use std::time::Duration;

use daytwo_model::plan::{Probe, Verify};
use daytwo_model::{AttemptId, Event, Exit, Host, SkipReason};
use tokio::time::{Instant, sleep};

use crate::expect::Expected;
use crate::read::{NoAnswer, read};
use crate::unit::{At, Told};

/// A probe with everything filled in that its expectation compares with.
struct Question<'a> {
    host: &'a Host,
    probe: &'a Probe,
    expected: Expected,
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
        let check = context.step(self.step).and_then(|step| step.check.as_ref());
        let probe = check.and_then(|check| check.get(self.host)).ok_or("the plan has no check for this host")?;
        let question = self.question(context.host(self.host), probe)?;
        let ready = self.late().action(&probe.action, context.settings.ask_wait)?;
        let answer = read(&context, question.host, ready, &self.cancel).await?;
        match question.expected.check(&answer, &context.mask) {
            Ok(()) => Ok(Seen { holds: true, said: "what it expects holds already".to_owned() }),
            // Killed, or cut off, it did not come to say what it saw; that it differs means nothing.
            Err(why) if matches!(answer.exit, Exit::Signal(_)) || !answer.stdout.is_whole() => Err(why.into()),
            Err(why) => Ok(Seen { holds: false, said: why }),
        }
    }

    /// Asks the post-condition; the fact that it held or did not.
    pub(crate) async fn verify(self, attempt: AttemptId) -> Vec<Event> {
        vec![match self.holds().await {
            Ok(()) => Event::AttemptVerified { attempt },
            Err(why) => Event::AttemptNotVerified { attempt, why: self.context.reason(&why) },
        }]
    }

    async fn holds(&self) -> Result<(), String> {
        let context = Arc::clone(&self.context);
        let verify = context.step(self.step).and_then(|step| step.verify.as_ref());
        let probe = verify.and_then(|verify| Some((verify, verify.probe.get(self.host)?)));
        let (verify, probe) = probe.ok_or("the plan has no check for this host")?;
        let question = self.question(context.host(self.host), probe)?;
        let until = Instant::now() + Duration::from_millis(verify.within_ms);
        let mut interval = context.settings.ask_interval_first;
        loop {
            let Err(why) = self.row(&question, verify).await else { return Ok(()) };
            let left = until.saturating_duration_since(Instant::now());
            if self.cancel.is_cancelled() {
                return Err("the run was cancelled before the check was seen to hold".to_owned());
            }
            if left.is_zero() {
                return Err(why);
            }
            tracing::debug!(why = context.reason(&why), "the post-condition does not hold yet");
            tokio::select! {
                () = sleep(interval.min(left)) => {}
                () = self.cancel.cancelled() => {}
            }
            interval = interval.saturating_mul(2).min(context.settings.ask_interval_max);
        }
    }

    /// Asks one sample after another, until enough held or too many did not.
    async fn row(&self, question: &Question<'_>, verify: &Verify) -> Result<(), String> {
        let samples = verify.samples.max(1);
        let needed = verify.at_least.max(1);
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
        let answer = read(&self.context, question.host, ready, &self.cancel).await.map_err(|none| none.why)?;
        question.expected.check(&answer, &self.context.mask)
    }

    fn question<'a>(&self, host: Option<&'a Host>, probe: &'a Probe) -> Result<Question<'a>, String> {
        let late = self.late();
        let expected = Expected::new(&probe.expect, |text| late.text(text))?;
        Ok(Question { host: host.ok_or("the plan has no such host")?, probe, expected })
    }
}

fn tally(held: u32, asked: u32, needed: u32, samples: u32, why: &str) -> String {
    let of = if asked < samples { format!("the first {asked}") } else { samples.to_string() };
    format!("{held} of {of} held, {needed} are needed; the last that did not: {why}")
}
