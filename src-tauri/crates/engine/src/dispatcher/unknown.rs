//! Attempts whose end was not seen: when their hosts are asked again, while the run goes on.

use std::collections::{BTreeSet, HashMap};

use daytwo_model::AttemptId;
use tokio::time::Instant;

use crate::pace::{Pauses, later};
use crate::settings::Settings;

/// Which attempts are asked about again, and when.
#[derive(Default)]
pub(super) struct Unknown {
    /// In the order in which they are due.
    due: BTreeSet<(Instant, AttemptId)>,
    pauses: HashMap<AttemptId, Pauses>,
    /// How many are being asked about.
    asking: usize,
}

impl Unknown {
    /// The end of an attempt was not seen.
    pub(super) fn add(&mut self, attempt: AttemptId, settings: &Settings) {
        let pauses = || Pauses::new(attempt, settings.unknown_asked_first, settings.unknown_asked_max);
        let pause = self.pauses.entry(attempt).or_insert_with(pauses).next();
        self.due.insert((later(Instant::now(), pause), attempt));
    }

    /// The end of an attempt was not seen by the process that is gone.
    pub(super) fn add_now(&mut self, attempt: AttemptId) {
        self.due.insert((Instant::now(), attempt));
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// One that is due by now; whoever takes it asks, and tells when that is over.
    pub(super) fn take_due(&mut self) -> Option<AttemptId> {
        let now = Instant::now();
        let (at, attempt) = self.due.first().copied().filter(|(at, _)| *at <= now)?;
        self.due.remove(&(at, attempt));
        self.asking += 1;
        Some(attempt)
    }

    /// It was asked about, and is known or not.
    pub(super) fn asked(&mut self) {
        self.asking = self.asking.saturating_sub(1);
    }

    /// How many are being asked about: units of work for which no run waits.
    pub(super) const fn asking(&self) -> usize {
        self.asking
    }
}
