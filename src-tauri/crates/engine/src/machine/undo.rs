//! Takes back what was done on a host, in the same run: inverses in reverse order, one at a time.

use daytwo_model::plan::{Action, On, WayBack};
use daytwo_model::run::Trace;
use daytwo_model::{AttemptId, AttemptState, Event};

use super::follow::not_checked;
use super::{Effect, Machine, Move};

impl Machine {
    /// The undo of a host goes on, from wherever it is.
    pub(super) fn go_on_undoing(&mut self, host: u32) -> Vec<Move> {
        match self.state.inverse_last_sent(host) {
            Some(attempt) if !self.state.is_over(attempt) => self.follow_inverse(attempt),
            _ => self.undo_next(host),
        }
    }

    /// The next inverse, or why it is not sent; after the last the host goes on to its end.
    pub(super) fn undo_next(&mut self, host: u32) -> Vec<Move> {
        let Some(step) = self.state.next_to_undo(host) else {
            let is_behind = self.next_step(host).is_some_and(|step| self.state.attempt(host, step).is_some());
            return if is_behind { self.go_on(host) } else { self.moves_of(host) };
        };
        vec![match self.why_left(host, step) {
            Some(why) => Move::Record(Event::InverseSkipped { host, step, why }),
            None => Move::Invert { host, step },
        }]
    }

    /// Why a step is left as it is.
    fn why_left(&self, host: u32, step: u32) -> Option<String> {
        let course = self.courses.get(host as usize)?;
        let planned = self.step(step)?;
        if self.is_killed(host) {
            return Some("everything on this host was killed, its undo among it".to_owned());
        }
        match self.state.trace(host, step) {
            Trace::Unclear(why) => return Some(why),
            Trace::Nothing => return Some("the host took it back alone".to_owned()),
            Trace::Ended => {}
        }
        if course.end_unknown {
            return Some("something whose end is not known may still be running on this host".to_owned());
        }
        let shared = planned.on != On::Host && self.courses.len() > 1 && self.state.is_good(host, step);
        if shared {
            return Some("it was done once, for the other hosts too".to_owned());
        }
        let inverse = match &planned.way_back {
            WayBack::Inverse { action, .. } => action.get(host),
            WayBack::None | WayBack::NotNeeded => return Some("no way back".to_owned()),
        };
        match (inverse, &course.gone) {
            (None, _) => Some("the plan has no inverse for this host".to_owned()),
            // An API may still be reached.
            (Some(Action::Http { .. } | Action::HttpSet { .. }), _) | (Some(_), None) => None,
            (Some(_), Some(why)) => Some(format!("the host cannot be reached: {why}")),
        }
    }

    /// What follows from what is known of an inverse.
    pub(super) fn follow_inverse(&mut self, attempt: AttemptId) -> Vec<Move> {
        let Some((host, step)) = self.state.place(attempt) else { return Vec::new() };
        let Some(known) = self.state.find(attempt) else { return Vec::new() };
        let planned = self.step(step);
        let way_back = planned.map(|planned| &planned.way_back);
        let verify = match way_back {
            Some(WayBack::Inverse { verify, .. }) => verify.as_ref(),
            _ => None,
        };
        match &known.state {
            AttemptState::Sent | AttemptState::Running { .. } => Vec::new(),
            AttemptState::Finished { exit } if exit.is_success() => vec![match verify {
                Some(verify) if verify.probe.get(host).is_some() => {
                    Move::Perform(Effect::Verify { attempt, host, step, inverse: true })
                }
                Some(_) => not_checked(attempt),
                None => Move::Record(Event::AttemptUndone { attempt }),
            }],
            AttemptState::Finished { exit } => {
                vec![Move::Record(Event::AttemptStuck { attempt, why: self.why_stuck(attempt, exit) })]
            }
            AttemptState::Verified { .. } => vec![Move::Record(Event::AttemptUndone { attempt })],
            AttemptState::NotVerified { why, .. } => {
                vec![Move::Record(Event::AttemptStuck { attempt, why: why.clone() })]
            }
            _ => {
                self.note_inverse(host, step);
                self.undo_next(host)
            }
        }
    }

    /// What the end of an inverse means for what comes after it on its host.
    pub(super) fn note_inverse(&mut self, host: u32, step: u32) {
        let Some(known) = self.state.inverse(host, step) else { return };
        let is_request = self.step(step).is_some_and(|planned| match &planned.way_back {
            WayBack::Inverse { action, .. } => {
                matches!(action.get(host), Some(Action::Http { .. } | Action::HttpSet { .. }))
            }
            WayBack::None | WayBack::NotNeeded => false,
        });
        let (gone, runs_on) = match &known.state {
            AttemptState::Unreachable { why } if !is_request => (Some(why.clone()), false),
            AttemptState::Unknown { .. } => (None, true),
            _ => return,
        };
        self.note_unavailable(host, gone, runs_on);
    }
}
