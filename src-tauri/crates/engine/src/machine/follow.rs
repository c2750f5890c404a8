//! What follows from what is known of a host's current step: the same while a run goes on, and when it is
//! taken up by another process.

use daytwo_model::run::{Attempt, DeadManSwitch};
use daytwo_model::{AttemptId, AttemptState, Event};

use super::course::Waits;
use super::{Effect, Machine, Move};

impl Machine {
    /// Something about an attempt became known.
    pub(super) fn attempt_changed(&mut self, attempt: AttemptId) -> Vec<Move> {
        if self.state.find(attempt).is_some_and(|known| known.found_later) {
            return self.found_later(attempt);
        }
        let Some((host, _)) = self.state.place(attempt) else { return Vec::new() };
        if self.state.is_inverse(attempt) { self.follow_inverse(attempt) } else { self.follow(host) }
    }

    /// What follows on a host.
    pub(super) fn follow(&mut self, host: u32) -> Vec<Move> {
        if self.state.is_undoing_now(host) {
            return self.go_on_undoing(host);
        }
        let Some(step) = self.next_step(host) else { return Vec::new() };
        let Some(known) = self.state.attempt(host, step) else { return self.moves_of(host) };
        let Some(attempt) = known.id else { return self.ended(host, step) };
        let Some(planned) = self.step(step) else { return Vec::new() };
        match &known.state {
            AttemptState::Sent | AttemptState::Running { .. } => Vec::new(),
            AttemptState::Finished { exit } if planned.accepts(exit) => {
                if !planned.captures.iter().all(|capture| known.captured.contains_key(&capture.name)) {
                    // Whoever read the output says next why it could not be captured.
                    return Vec::new();
                }
                match &planned.verify {
                    Some(verify) if verify.probe.get(host).is_some() => {
                        vec![Move::Perform(Effect::Verify { attempt, host, step, inverse: false })]
                    }
                    Some(_) => vec![not_checked(attempt)],
                    None if self.undo => vec![Move::Record(Event::AttemptUndone { attempt })],
                    None => self.settled(host, step, attempt),
                }
            }
            AttemptState::Finished { exit } if self.undo && !self.state.retry_is_due(host, step) => {
                vec![Move::Record(Event::AttemptStuck { attempt, why: self.why_stuck(attempt, exit) })]
            }
            AttemptState::Verified { .. } if self.undo => vec![Move::Record(Event::AttemptUndone { attempt })],
            AttemptState::NotVerified { why, .. } if self.undo => {
                vec![Move::Record(Event::AttemptStuck { attempt, why: why.clone() })]
            }
            _ => self.settled(host, step, attempt),
        }
    }

    /// An attempt has come to its own end. Where it armed a dead-man switch, that is looked after first.
    fn settled(&mut self, host: u32, step: u32, attempt: AttemptId) -> Vec<Move> {
        let armed = |known: &Attempt| known.dead_man.as_deref() == Some(&DeadManSwitch::Armed);
        if self.state.attempt(host, step).is_some_and(armed) {
            self.wait_for(host, Waits::DeadMan);
            // What is made again is not to be taken back beside it.
            if self.state.has_done_its_work(host, step) || self.would_be_made_again(host, step) {
                return vec![Move::Perform(Effect::Disarm { attempt, host, step })];
            }
            self.count_early(host, step);
            return vec![Move::Perform(Effect::AwaitDeadMan { attempt, host, step })];
        }
        if self.state.retry_is_due(host, step) { self.pause(host, step) } else { self.ended(host, step) }
    }

    fn would_be_made_again(&self, host: u32, step: u32) -> bool {
        let Some(known) = self.state.attempt(host, step) else { return false };
        let AttemptState::Finished { exit } = &known.state else { return false };
        let retry = self.step(step).and_then(|planned| planned.retry.as_ref());
        let may_be = !known.found_later && self.is_closed(host, step).is_none();
        may_be && retry.is_some_and(|retry| retry.applies(known.attempts, exit))
    }

    /// What became of a dead-man switch.
    pub(super) fn dead_man_told(&mut self, attempt: AttemptId) -> Vec<Move> {
        let Some((host, _)) = self.state.place(attempt) else { return Vec::new() };
        if self.waits(host) != Waits::DeadMan {
            return Vec::new();
        }
        self.wait_for(host, Waits::Nothing);
        self.follow(host)
    }

    fn pause(&mut self, host: u32, step: u32) -> Vec<Move> {
        if self.state.retry_is_granted(host, step) {
            return vec![Move::Send { host, step }];
        }
        let attempts = self.state.attempt(host, step).map_or(1, |known| known.attempts);
        let retry = self.step(step).and_then(|planned| planned.retry.as_ref());
        let ms = retry.map_or(0, |retry| retry.pause_ms(attempts));
        self.wait_for(host, Waits::Pause);
        vec![Move::Perform(Effect::Pause { host, step, ms })]
    }

    /// A step has come to its end on a host.
    fn ended(&mut self, host: u32, step: u32) -> Vec<Move> {
        if self.state.is_good(host, step) { self.go_on(host) } else { self.failed(host, step) }
    }
}

pub(super) fn not_checked(attempt: AttemptId) -> Move {
    Move::Record(Event::AttemptNotVerified { attempt, why: "the plan has no check for this host".to_owned() })
}
