//! Which phases of a plan are open on a host: the main one until something ends it, then those for
//! its end.

use daytwo_model::SkipReason;
use daytwo_model::plan::Phase;

use super::Machine;
use super::course::Course;

impl Machine {
    /// Why no step of this phase may start on a host.
    pub(super) fn is_closed(&self, host: u32, phase: Phase) -> Option<SkipReason> {
        let course = self.courses.get(host as usize)?;
        match phase {
            Phase::Main => course.skip_rest.clone().or_else(|| self.is_cancelled().then_some(SkipReason::Cancelled)),
            Phase::OnFailure => course.no_end().or_else(|| course.is_good_so_far().then_some(SkipReason::NoFailure)),
            Phase::Always => course.no_end(),
        }
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

    /// Why the steps for a host's end do not run here.
    fn no_end(&self) -> Option<SkipReason> {
        if let Some(why) = &self.gone {
            return Some(SkipReason::Unreachable { why: why.clone() });
        }
        if self.end_unknown {
            return Some(SkipReason::EndUnknown);
        }
        // Never started, so there is nothing to bring to an end.
        if self.touched { None } else { self.skip_rest.clone() }
    }
}
