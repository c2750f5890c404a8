//! Plans that were shown and may be started: a plan is started by its digest, so exactly what was
//! shown is what runs.

use std::collections::VecDeque;

use daytwo_model::{Digest, SealedPlan};

/// How many plans are kept. A form makes a new one with each key; the one on screen is the newest.
const PLANS_MAX: usize = 32;

/// The newest plans.
#[derive(Debug, Default)]
pub(crate) struct Shelf(VecDeque<SealedPlan>);

impl Shelf {
    /// Keeps a plan; the oldest leaves when there are too many.
    pub(crate) fn put(&mut self, plan: SealedPlan) {
        self.0.retain(|kept| kept.digest() != plan.digest());
        self.0.push_back(plan);
        if self.0.len() > PLANS_MAX {
            self.0.pop_front();
        }
    }

    /// Takes a plan: it is started once. Starting it again needs a new look.
    pub(crate) fn take(&mut self, digest: Digest) -> Option<SealedPlan> {
        let index = self.0.iter().position(|plan| plan.digest() == digest)?;
        self.0.remove(index)
    }

    /// Looks at a plan without taking it.
    #[must_use]
    pub(crate) fn get(&self, digest: Digest) -> Option<&SealedPlan> {
        self.0.iter().find(|plan| plan.digest() == digest)
    }
}
