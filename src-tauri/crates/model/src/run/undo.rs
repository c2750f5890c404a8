//! What is taken back in the same run: inverses, and the steps that are left as they are.

use super::cell::{Attempt, DeadManSwitch, Trace};
use super::{IllegalEvent, Place, RunState};
use crate::attempt::AttemptState;
use crate::id::AttemptId;

/// What became of the way back of a step on a host that is being undone.
#[derive(Debug, Clone)]
pub(super) enum Inverse {
    /// It was sent.
    Sent(Attempt),
    /// It was not, and this is why.
    Left(String),
}

impl Inverse {
    pub(super) const fn attempt(&self) -> Option<&Attempt> {
        match self {
            Self::Sent(attempt) => Some(attempt),
            Self::Left(_) => None,
        }
    }

    pub(super) const fn attempt_mut(&mut self) -> Option<&mut Attempt> {
        match self {
            Self::Sent(attempt) => Some(attempt),
            Self::Left(_) => None,
        }
    }
}

impl RunState {
    /// Whether what was done on a host is being taken back in this run, or was.
    #[must_use]
    pub fn is_undoing(&self, host: u32) -> bool {
        self.undoing.contains_key(&host)
    }

    /// What is known of a step's inverse that was sent in the same run.
    #[must_use]
    pub fn inverse(&self, host: u32, step: u32) -> Option<&Attempt> {
        self.inverses.get(&(host, step))?.attempt()
    }

    /// Why a step was left as it is on a host that was being undone.
    #[must_use]
    pub fn inverse_left(&self, host: u32, step: u32) -> Option<&str> {
        match self.inverses.get(&(host, step))? {
            Inverse::Sent(_) => None,
            Inverse::Left(why) => Some(why),
        }
    }

    /// What a step left behind on a host, after what was taken back there in the same run.
    #[must_use]
    pub fn trace(&self, host: u32, step: u32) -> Trace {
        let Some(attempt) = self.attempt(host, step) else { return Trace::Nothing };
        let trace = attempt.trace();
        if trace == Trace::Nothing {
            return trace;
        }
        match attempt.dead_man.as_deref() {
            Some(DeadManSwitch::Fired { exit: Some(exit) }) if exit.is_success() => return Trace::Nothing,
            Some(DeadManSwitch::Fired { .. }) => {
                return Trace::Unclear("the host took it back alone, and that did not end well".to_owned());
            }
            Some(DeadManSwitch::Failed { why, over: false }) => return Trace::Unclear(why.clone()),
            Some(DeadManSwitch::Armed) => return Trace::Unclear("the host may still take it back alone".to_owned()),
            Some(DeadManSwitch::Unknown { why }) => {
                return Trace::Unclear(format!("whether the host took it back alone is not known: {why}"));
            }
            // Nothing was taken back, and nothing of it goes on: what it left is there for an inverse.
            Some(DeadManSwitch::Disarmed | DeadManSwitch::Failed { over: true, .. }) | None => {}
        }
        use AttemptState as S;
        match self.inverse(host, step).map(|inverse| &inverse.state) {
            None | Some(S::Unreachable { .. } | S::Refused { .. } | S::NotStarted { .. }) => trace,
            Some(S::Undone) => Trace::Nothing,
            Some(other) => Trace::Unclear(format!("its inverse was sent in the run itself, and is {}", other.word())),
        }
    }

    /// The next step to take back on a host that is being undone: the last of the main phase that was
    /// not looked at yet and that something was sent for which may have changed something.
    #[must_use]
    pub fn next_to_undo(&self, host: u32) -> Option<u32> {
        let below = *self.undoing.get(&host)?;
        (0..below).rev().find(|step| self.is_to_undo(host, *step))
    }

    /// Whether what was done on a host is being taken back right now: the last inverse is not over, or another follows.
    #[must_use]
    pub fn is_undoing_now(&self, host: u32) -> bool {
        self.is_undoing(host)
            && (self.next_to_undo(host).is_some() || self.inverse_last_sent(host).is_some_and(|it| !self.is_over(it)))
    }

    /// The inverse that a host's undo has come down to.
    #[must_use]
    pub fn inverse_last_sent(&self, host: u32) -> Option<AttemptId> {
        self.inverse(host, *self.undoing.get(&host)?)?.id
    }

    /// Whether nothing more follows of an inverse by itself: neither its end, nor that it be verified and called
    /// undone or stuck.
    #[must_use]
    pub fn is_over(&self, inverse: AttemptId) -> bool {
        use AttemptState as S;
        self.find(inverse).is_none_or(|known| {
            !known.state.is_in_flight()
                && !matches!(known.state, S::Finished { .. } | S::Verified { .. } | S::NotVerified { .. })
        })
    }

    pub(super) fn is_to_undo(&self, host: u32, step: u32) -> bool {
        self.rule(step).is_some_and(|rule| rule.main && rule.leaves)
            && self.attempt(host, step).is_some_and(|known| known.id.is_some() && known.trace() != Trace::Nothing)
    }

    pub(super) fn start_undo(&mut self, host: u32) -> Result<(), IllegalEvent> {
        let batch = self.batch_of_host.get(host as usize).ok_or(IllegalEvent::OutOfPlan("host"))?;
        if *batch + 1 != self.batches_started {
            return Err(IllegalEvent::OutOfPlan("batch"));
        }
        if self.undo || self.is_undoing(host) {
            return Err(IllegalEvent::NotUndoing { host });
        }
        if !self.may_start(host, false) {
            return Err(IllegalEvent::NothingMayStart);
        }
        if self.is_busy(host) || self.question(host).is_some() {
            return Err(IllegalEvent::Occupied { host });
        }
        let steps = u32::try_from(self.rules.len()).unwrap_or(u32::MAX);
        self.undoing.insert(host, steps);
        Ok(())
    }

    pub(super) fn send_inverse(&mut self, attempt: AttemptId, host: u32, step: u32) -> Result<(), IllegalEvent> {
        self.is_undone_next(host, step)?;
        if !self.may_start(host, false) {
            return Err(IllegalEvent::NothingMayStart);
        }
        let has_one = self.rule(step).is_some_and(|rule| rule.inverse);
        if !has_one || self.trace(host, step) != Trace::Ended {
            return Err(IllegalEvent::NotUndoing { host });
        }
        if self.place.contains_key(&attempt) {
            return Err(IllegalEvent::Occupied { host });
        }
        self.undoing.insert(host, step);
        self.inverses.insert((host, step), Inverse::Sent(Attempt::new(Some(attempt), AttemptState::Sent, 1)));
        self.place.insert(attempt, Place { host, step, inverse: true });
        self.in_flight += 1;
        Ok(())
    }

    pub(super) fn leave_as_it_is(&mut self, host: u32, step: u32, why: &str) -> Result<(), IllegalEvent> {
        self.is_undone_next(host, step)?;
        self.undoing.insert(host, step);
        self.inverses.insert((host, step), Inverse::Left(why.to_owned()));
        Ok(())
    }

    /// In reverse, without leaving one out, never beside anything in flight, and never while a person is asked.
    fn is_undone_next(&self, host: u32, step: u32) -> Result<(), IllegalEvent> {
        if self.cell(host, step).is_none() {
            return Err(IllegalEvent::OutOfPlan("step"));
        }
        if self.next_to_undo(host) != Some(step) {
            return Err(IllegalEvent::NotUndoing { host });
        }
        if self.is_busy(host) || self.question(host).is_some() {
            return Err(IllegalEvent::Occupied { host });
        }
        Ok(())
    }
}
