//! After the process that drove a run is gone: what was in flight then is unknown, and says so.

use daytwo_model::{Event, OutputTally, Record, RunState, RunStatus, SealedPlan};
use tokio::time::timeout;

use crate::dispatcher::APPEND_RECORDS_MAX;
use crate::error::RunError;
use crate::ports::{Fence, PortError, Ports};
use crate::settings::JOURNAL_WAIT;

/// Closes the books of a run that lost its driver: every attempt in flight becomes unknown, and
/// the run interrupted. Sends nothing. Of a run that is over, or was recovered before, it only
/// reads the state.
///
/// `records` are all records of the run; `fence` is the right to write it, newly taken.
pub async fn recover(
    plan: &SealedPlan,
    records: &[Record],
    fence: Fence,
    found_by: String,
    ports: &Ports,
) -> Result<RunState, RunError> {
    let mut state = replay(plan, records, fence)?;
    let in_flight: Vec<_> = state.attempts_in_flight().collect();
    let settled = matches!(state.status(), Some(RunStatus::Interrupted | RunStatus::Ended { .. }));
    if settled && in_flight.is_empty() {
        return Ok(state);
    }
    let mut last = records.last().ok_or(RunError::OtherRun)?.clone();
    let why = "the console that followed it is gone, and did not record an end";
    let unknown = in_flight.into_iter().map(|attempt| Event::AttemptUnknown {
        attempt,
        why: why.to_owned(),
        output: OutputTally::default(),
    });
    let mut added = Vec::new();
    for event in unknown.chain([Event::RunInterrupted { found_by }]) {
        state.apply(&event).map_err(RunError::Illegal)?;
        last = Record::seal(fence.run, Some(&last), ports.clock.now(), event).map_err(RunError::Seal)?;
        added.push(last.clone());
    }
    for part in added.chunks(APPEND_RECORDS_MAX) {
        match timeout(JOURNAL_WAIT, ports.journal.append(fence, part)).await {
            Ok(result) => result.map_err(RunError::Journal)?,
            Err(_) => return Err(RunError::Journal(PortError("no answer in time".to_owned()))),
        }
    }
    tracing::info!(run = %fence.run, unknown = added.len() - 1, "recovered an interrupted run");
    Ok(state)
}

fn replay(plan: &SealedPlan, records: &[Record], fence: Fence) -> Result<RunState, RunError> {
    let mut state = RunState::new(plan.plan());
    let mut previous = None;
    for record in records {
        if record.run != fence.run {
            return Err(RunError::OtherRun);
        }
        record.check(previous).map_err(RunError::Chain)?;
        if let Event::RunOpened { plan: recorded, .. } = &record.event
            && *recorded != plan.digest()
        {
            return Err(RunError::OtherPlan { recorded: *recorded, given: plan.digest() });
        }
        state.apply(&record.event).map_err(RunError::Illegal)?;
        previous = Some(record);
    }
    if previous.is_none() {
        return Err(RunError::OtherRun);
    }
    Ok(state)
}
