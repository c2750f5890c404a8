//! Asks a post-condition until it holds or its time is over: at once, then after 250 ms, doubling
//! to every 2 s (see [`crate::Settings`]), and a last time when the time is over.

use std::sync::Arc;
use std::time::Duration;

use daytwo_model::{Event, Text};
use tokio::time::{Instant, sleep};

use crate::expect::Expected;
use crate::read::read;
use crate::unit::Unit;

impl Unit {
    /// Asks the post-condition; the fact that it held or did not.
    pub(crate) async fn verify(self) -> Vec<Event> {
        let attempt = self.attempt;
        vec![match self.holds().await {
            Ok(()) => Event::AttemptVerified { attempt },
            Err(why) => Event::AttemptNotVerified { attempt, why: self.context.reason(&why) },
        }]
    }

    async fn holds(&self) -> Result<(), String> {
        let context = Arc::clone(&self.context);
        let verify = context.step(self.step).and_then(|step| step.verify.as_ref());
        let probe = verify.and_then(|verify| Some((verify, verify.probe.get(self.host)?)));
        let (Some((verify, probe)), Some(host)) = (probe, context.host(self.host)) else {
            return Err("the plan has no check for this host".to_owned());
        };
        let late = self.late();
        let expected = Expected::new(&probe.expect, |text: &Text| late.text(text))?;
        let until = Instant::now() + Duration::from_millis(verify.within_ms);
        let mut interval = context.settings.ask_interval_first;
        loop {
            let ready = late.action(&probe.action, context.settings.ask_wait)?;
            let answer = read(&context, host, ready, &self.cancel).await;
            let Err(why) = answer.and_then(|answer| expected.check(&answer, &context.mask)) else { return Ok(()) };
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
}
