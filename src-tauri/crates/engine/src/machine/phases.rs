//! Which phases of a plan are open on a host: the main one until something ends it, then those for
//! its end.

use daytwo_model::SkipReason;
use daytwo_model::plan::{On, Phase, PlannedStep};

use super::Machine;
use super::course::Course;

impl Machine {
    /// Why a step may not start on a host, by its phase.
    pub(super) fn is_closed(&self, host: u32, step: u32) -> Option<SkipReason> {
        let course = self.courses.get(host as usize)?;
        let planned = self.step(step)?;
        if self.is_killed(host) {
            return Some(
                course.skip_rest.clone().filter(|_| planned.phase == Phase::Main).unwrap_or(SkipReason::Cancelled),
            );
        }
        match planned.phase {
            Phase::Main => course.skip_rest.clone().or_else(|| {
                let cancelled = self.state.cancelled(host).map(|_| SkipReason::Cancelled);
                cancelled.or_else(|| self.interrupted.then_some(SkipReason::Interrupted))
            }),
            _ if planned.on != On::Host => self.is_finale_closed(course, planned),
            Phase::OnFailure => course.no_end().or_else(|| course.is_good_so_far().then_some(SkipReason::NoFailure)),
            Phase::Always => course.no_end(),
        }
    }

    /// What is done once at the end is for the run as a whole: after a failure anywhere, or in any case.
    fn is_finale_closed(&self, home: &Course, planned: &PlannedStep) -> Option<SkipReason> {
        if planned.phase == Phase::OnFailure && self.rollout.hosts_good == self.courses.len() {
            return Some(SkipReason::NoFailure);
        }
        if !self.touched {
            return Some(self.stop.clone().unwrap_or(SkipReason::NotPlanned));
        }
        // On this machine it needs no host.
        if planned.on == On::Console { None } else { home.unavailable() }
    }
}

impl Course {
    /// The main phase ended well.
    fn is_good_so_far(&self) -> bool {
        !self.main_failed && self.skip_rest.is_none()
    }

    /// Every step ended well, or was not called for.
    pub(super) fn is_good(&self) -> bool {
        !self.bad && self.is_good_so_far()
    }

    /// Why nothing more can be done on this host.
    fn unavailable(&self) -> Option<SkipReason> {
        if let Some(why) = &self.gone {
            return Some(SkipReason::Unreachable { why: why.clone() });
        }
        self.end_unknown.then_some(SkipReason::EndUnknown)
    }

    /// Why the steps for a host's end do not run here.
    fn no_end(&self) -> Option<SkipReason> {
        // Never started, so there is nothing to bring to an end.
        self.unavailable().or_else(|| if self.touched { None } else { self.skip_rest.clone() })
    }
}
