//! What a run's state has to know of the plan's steps.

use crate::attempt::Exit;
use crate::plan::{Action, Effect, On, Phase, PlannedStep, Retry, WayBack};

/// What may become of a step's attempts.
#[derive(Debug)]
pub(super) struct StepRule {
    /// It has a post-condition.
    pub(super) verifies: bool,
    /// It is due in its turn, not when hosts come to their end.
    pub(super) main: bool,
    /// It is done on one host for all.
    pub(super) once: bool,
    pub(super) retry: Option<Retry>,
    /// It may change something.
    pub(super) changes: bool,
    /// There may be something to take back.
    pub(super) leaves: bool,
    /// It has an inverse.
    pub(super) inverse: bool,
    /// It is a question, at least on some hosts.
    pub(super) asks: bool,
    /// The host takes it back alone unless it is told that all is well.
    pub(super) dead_man: bool,
    any_code: bool,
}

impl StepRule {
    pub(super) fn of(step: &PlannedStep) -> Self {
        Self {
            verifies: step.verify.is_some(),
            main: step.phase == Phase::Main,
            once: step.on != On::Host,
            retry: step.retry.clone(),
            changes: step.effect == Effect::Change,
            leaves: step.effect == Effect::Change && step.way_back != WayBack::NotNeeded,
            inverse: matches!(step.way_back, WayBack::Inverse { .. }),
            asks: step.action.variants().iter().any(|action| matches!(action, Action::Ask { .. })),
            dead_man: step.dead_man_ms.is_some(),
            any_code: step.accepts(&Exit::Code(1)),
        }
    }

    /// It is done once for all, after all hosts have come to their end.
    pub(super) const fn is_finale(&self) -> bool {
        self.once && !self.main
    }

    /// [`PlannedStep::accepts`].
    pub(super) const fn accepts(&self, exit: &Exit) -> bool {
        exit.is_success() || (self.any_code && matches!(exit, Exit::Code(_) | Exit::Status(_)))
    }

    /// Whether an attempt that ended so is followed by another.
    pub(super) fn retries(&self, attempts: u32, exit: &Exit) -> bool {
        !self.accepts(exit) && self.retry.as_ref().is_some_and(|retry| retry.applies(attempts, exit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{CaptureName, StepId};
    use crate::plan::{Capture, CaptureFrom, PerHost};
    use crate::text::Text;

    #[test]
    fn a_rule_accepts_what_its_step_accepts() {
        let mut step =
            PlannedStep::new(StepId::new("a").unwrap(), PerHost::same(Action::script(Text::plain("true")), 1));
        for from in [CaptureFrom::Stdout, CaptureFrom::ExitCode] {
            step.captures = vec![Capture { name: CaptureName::new("x").unwrap(), from }];
            let rule = StepRule::of(&step);
            for exit in
                [Exit::Code(0), Exit::Code(7), Exit::Status(200), Exit::Status(404), Exit::Signal("TERM".into())]
            {
                assert_eq!(rule.accepts(&exit), step.accepts(&exit), "{exit}");
            }
        }
    }
}
