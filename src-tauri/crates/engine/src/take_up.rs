//! Takes up a run whose process is gone: asks the hosts what became of what was in flight, brings the run to
//! its end, and sends nothing of the main phase.
//!
//! The same for a run that is over: hosts are asked again about attempts whose end is not known.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use daytwo_model::event::Note;
use daytwo_model::{AttemptId, Event, ProcessIdentity, Record, RunState, SealedPlan, Timestamp};

use crate::dispatcher::{Begin, Driver, driver};
use crate::error::RunError;
use crate::handle::{Handle, Published};
use crate::ports::{Fence, Ports};
use crate::settings::Settings;
use crate::shell::Earlier;

/// As long ago as anything was ever sent; what is said of an attempt whose time of sending lies in the future,
/// because the clock was set back: too long is careful (the host may have been started since), too short is a guess.
const LONG_AGO: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 10);

/// A run as an earlier process left it.
pub(crate) struct TakenUp {
    pub(crate) state: RunState,
    pub(crate) last: Record,
    pub(crate) fence: Fence,
    /// Who takes it up.
    pub(crate) by: String,
    /// Who opened it.
    pub(crate) opened_by: String,
    pub(crate) earlier: HashMap<AttemptId, Sent>,
}

/// What the journal knows of an attempt that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    at: Timestamp,
    process: Option<ProcessIdentity>,
    /// Its host could not keep it.
    attached: bool,
}

impl Sent {
    /// Takes what a record tells of attempts.
    pub(crate) fn note(sent: &mut HashMap<AttemptId, Self>, record: &Record) {
        match &record.event {
            Event::AttemptSent { attempt, .. } => {
                sent.insert(*attempt, Self { at: record.at, process: None, attached: false });
            }
            Event::AttemptRunning { attempt, process } => {
                if let Some(sent) = sent.get_mut(attempt) {
                    sent.process = Some(process.clone());
                }
            }
            Event::AttemptNoted { attempt, note: Note::Attached { .. } } => {
                if let Some(sent) = sent.get_mut(attempt) {
                    sent.attached = true;
                }
            }
            _ => {}
        }
    }

    /// As it is to be asked about now.
    pub(crate) fn as_of(&self, now: Timestamp, over: bool) -> Earlier {
        let sent_ago = if now < self.at { LONG_AGO } else { Duration::from_millis(now.ms_since(self.at)) };
        Earlier { sent_ago, process: self.process.clone(), attached: self.attached, over }
    }
}

/// Prepares to take up a run; nothing happens before [`Driver::run`], which gives its outcome.
///
/// Of a run that has not ended, attempts in flight are brought to their true state and end steps are
/// performed; of one that has, hosts are asked again about what is still unknown. `records` are all records
/// of the run; `fence` is the right to write it, newly taken; `by` is who takes it up.
///
/// Secrets that cannot be read are not needed to find out what happened: steps that would send them are
/// refused, and output that could hold them is counted and not kept.
pub fn take_up(
    plan: SealedPlan,
    records: &[Record],
    fence: Fence,
    by: String,
    ports: Ports,
    settings: Settings,
) -> Result<(Driver, Handle), RunError> {
    let (state, earlier) = replay(&plan, records, fence)?;
    let last = records.last().ok_or(RunError::OtherRun)?.clone();
    let opened_by = match records.first().map(|record| &record.event) {
        Some(Event::RunOpened { by, .. }) => by.clone(),
        _ => return Err(RunError::OtherRun),
    };
    let published = Published::of(fence.run, state.clone());
    let taken = TakenUp { state, last, fence, by, opened_by, earlier };
    Ok(driver(Arc::new(plan), ports, settings, published, Begin::TakeUp(Box::new(taken))))
}

/// The state after all records, and what they say of attempts of which something is still to be found out.
fn replay(
    plan: &SealedPlan,
    records: &[Record],
    fence: Fence,
) -> Result<(RunState, HashMap<AttemptId, Sent>), RunError> {
    let mut state = RunState::new(plan.plan());
    let mut sent: HashMap<AttemptId, Sent> = HashMap::new();
    let mut previous = None;
    for record in records {
        if record.run != fence.run {
            return Err(RunError::OtherRun);
        }
        record.check(previous).map_err(RunError::Chain)?;
        match &record.event {
            Event::RunOpened { plan: recorded, .. } if *recorded != plan.digest() => {
                return Err(RunError::OtherPlan { recorded: *recorded, given: plan.digest() });
            }
            _ => Sent::note(&mut sent, record),
        }
        state.apply(&record.event).map_err(RunError::Illegal)?;
        previous = Some(record);
    }
    sent.retain(|attempt, _| state.find(*attempt).is_some_and(daytwo_model::run::Attempt::may_still_run));
    Ok((state, sent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_never_makes_an_attempt_younger_than_its_host() {
        let sent = Sent { at: Timestamp::from_unix_ms(10_000), process: None, attached: false };
        assert_eq!(sent.as_of(Timestamp::from_unix_ms(12_500), false).sent_ago, Duration::from_millis(2_500));
        assert_eq!(sent.as_of(Timestamp::from_unix_ms(9_999), false).sent_ago, LONG_AGO);
    }
}
