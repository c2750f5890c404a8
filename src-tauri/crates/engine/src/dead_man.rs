//! Dead-man switches: tells a host that all is well, or waits until it has taken a step back alone.
//!
//! Which of the two came first is decided on the host, at one place; what is told here is its answer.

use std::sync::Arc;
use std::time::Duration;

use daytwo_model::Event;
use daytwo_model::plan::{Action, On, PlannedStep};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::pace::{Pauses, later};
use crate::ports::{DeadManEnd, Kept};
use crate::shell::Earlier;
use crate::unit::Unit;

/// After the time of a switch: a host counts from the start of the script, which is later than its sending,
/// and asking too early would disarm what is to fire.
const DUE_MARGIN: Duration = Duration::from_secs(5);
/// One question to the host.
const ONE_ASK: Duration = Duration::from_secs(30);

/// What is wanted of a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// That it does not fire.
    Disarmed,
    /// That it fires in its time.
    Fired,
}

impl Unit {
    /// Asks the host until it answers, or until it could not be asked for long enough; one fact.
    pub(crate) async fn settle_dead_man(self, wanted: Wanted, earlier: Earlier) -> Vec<Event> {
        let context = Arc::clone(&self.at.context);
        let attempt = self.attempt;
        let unknown = |why: &str| vec![Event::DeadManUnknown { attempt, why: context.reason(why) }];
        let (Some(host), Some(step)) = (context.host(self.at.host), context.step(self.at.step)) else {
            return unknown("the plan has no such host or step");
        };
        let Some(Action::Run { run_as, .. }) = self.action(step) else {
            return unknown("only a script arms a dead-man switch");
        };
        let asked_at = Instant::now();
        let due = later(asked_at, after(step).saturating_sub(earlier.sent_ago));
        if wanted == Wanted::Fired && earlier.over && earlier.sent_ago < after(step).saturating_add(DUE_MARGIN) {
            // To ask is to disarm, and it was left armed so that it fires: whoever asks later is told.
            return Vec::new();
        }
        if wanted == Wanted::Fired && !earlier.over {
            tokio::select! {
                biased;
                () = self.at.cancel.killed() => {
                    return unknown("it was left armed, and nobody waited for it");
                }
                () = sleep_until(later(due, DUE_MARGIN)) => {}
            }
        }
        let settings = &context.settings;
        let given_up = if earlier.over {
            later(asked_at, settings.ask_again_wait)
        } else {
            // The inverse may run as long as the step itself.
            let inverse = Duration::from_millis(step.timeout_ms);
            later(due.max(Instant::now()), inverse.saturating_add(settings.out_of_sight_wait))
        };
        let mut pauses = Pauses::new(attempt, settings.reattach_pause_first, settings.reattach_pause_max);
        loop {
            let kept = Kept {
                attempt,
                run_as: run_as.clone(),
                process: earlier.process.clone(),
                attached: false,
                have: (0, 0),
                sent_ago: asked_at.elapsed().saturating_add(earlier.sent_ago),
            };
            let shell = context.shell(On::Host);
            let is_over = Instant::now() >= given_up || self.at.cancel.is_kill();
            match timeout(ONE_ASK, shell.disarm(host, &kept)).await {
                Ok(DeadManEnd::Disarmed) => return vec![Event::DeadManDisarmed { attempt }],
                Ok(DeadManEnd::Fired(exit)) => return vec![Event::DeadManFired { attempt, exit }],
                Ok(DeadManEnd::Failed { why, over }) => {
                    return vec![Event::DeadManFailed { attempt, why: context.reason(&why), over }];
                }
                Ok(DeadManEnd::Unaskable { why }) => return unknown(&why),
                Ok(DeadManEnd::Unknown { why }) if is_over => return unknown(&why),
                Err(_) if is_over => return unknown("the host did not answer in time"),
                Ok(DeadManEnd::Unknown { .. }) | Err(_) => {}
            }
            tokio::select! {
                () = sleep(pauses.next()) => {}
                () = self.at.cancel.killed() => {}
            }
        }
    }
}

fn after(step: &PlannedStep) -> Duration {
    Duration::from_millis(step.dead_man_ms.unwrap_or(0))
}
