//! Facts that come too late to change anything.
//!
//! Units of work, timers and people tell what they know when they know it; by then a cancel, an answer or the
//! end of the run may have come first. `RunState` takes no such event; here it is told apart from a mistake.

use std::collections::BTreeSet;

use daytwo_model::run::DeadManSwitch;
use daytwo_model::{AttemptState, Event};

use super::Machine;
use super::rollout::Stage;

impl Machine {
    /// What is left of a fact, given what is true by now.
    pub(super) fn heard(&self, fact: Event) -> Option<Event> {
        let state = &self.state;
        let in_flight = |attempt| state.find(attempt).is_some_and(|known| known.state.is_in_flight());
        let switch = |attempt| state.find(attempt).and_then(|known| known.dead_man.as_deref());
        let still = match &fact {
            Event::QuestionAnswered { hosts, step, answer, by, why } => {
                let waiting = hosts.iter().filter(|host| state.may_answer(**host, *step, *answer));
                let hosts: BTreeSet<u32> = waiting.copied().collect();
                if hosts.is_empty() {
                    return None;
                }
                let (step, answer, by, why) = (*step, *answer, by.clone(), why.clone());
                let hosts = hosts.into_iter().collect();
                return Some(Event::QuestionAnswered { hosts, step, answer, by, why });
            }
            Event::CancelRequested { degree, hosts, .. } => state.may_cancel(*degree, hosts.as_deref()),
            Event::BatchEnded { batch } => self.rollout.stage == Stage::Holding(*batch),
            Event::HealthChecked { .. } => self.rollout.stage == Stage::Health,
            Event::AttemptNoted { attempt, .. } => in_flight(*attempt),
            // It was known to run when it was taken up.
            Event::AttemptRunning { attempt, .. } => state
                .find(*attempt)
                .is_some_and(|known| !self.is_over && !matches!(known.state, AttemptState::Running { .. })),
            // Asked once more after the end, and still not known.
            Event::AttemptUnknown { .. } => !self.is_over,
            Event::DeadManUnknown { attempt, .. } => {
                !matches!(switch(*attempt), Some(DeadManSwitch::Unknown { .. } | DeadManSwitch::Failed { .. }))
            }
            // Of what could not be ended, only that it has ended since is news.
            Event::DeadManFailed { over: true, .. } => true,
            Event::DeadManDisarmed { attempt }
            | Event::DeadManFired { attempt, .. }
            | Event::DeadManFailed { attempt, .. } => !matches!(switch(*attempt), Some(DeadManSwitch::Failed { .. })),
            Event::AttemptFinished { .. }
            | Event::AttemptLost { .. }
            | Event::AttemptNotStarted { .. }
            | Event::AttemptCancelled { .. } => self.may_be_found(&fact),
            // Told beside an end that was not heard.
            Event::AttemptNotVerified { attempt, .. } => {
                !state.find(*attempt).is_some_and(|known| matches!(known.state, AttemptState::Unknown { .. }))
            }
            _ => true,
        };
        still.then_some(fact)
    }
}
