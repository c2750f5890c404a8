//! The events of a run, and the chained records that the journal keeps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use crate::attempt::{CancelReason, Exit, ProcessIdentity, SkipReason};
use crate::digest::{Digest, NotCanonical};
use crate::id::{AttemptId, CaptureName, RunId};
use crate::run::RunOutcome;
use crate::time::Timestamp;

/// Something that happened in a run. Hosts and steps are indices into the plan that the run executes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run exists. Always the first event.
    RunOpened {
        /// The digest of the plan that is executed.
        plan: Digest,
        /// Who started it.
        by: String,
    },
    /// The hosts of this batch may start.
    BatchStarted {
        /// Index of the batch in the plan.
        batch: u32,
    },
    /// The intent to act, journalled before anything is sent.
    AttemptSent {
        /// The new attempt.
        attempt: AttemptId,
        /// Index of the host in the plan.
        host: u32,
        /// Index of the step in the plan.
        step: u32,
    },
    /// The host confirmed the start.
    AttemptRunning {
        /// Which attempt.
        attempt: AttemptId,
        /// The process there.
        process: ProcessIdentity,
    },
    /// The end was seen.
    AttemptFinished {
        /// Which attempt.
        attempt: AttemptId,
        /// How it ended.
        exit: Exit,
        /// Values captured from its output or answer.
        captured: BTreeMap<CaptureName, Value>,
        /// How much it wrote.
        output: OutputTally,
    },
    /// The post-condition held. (An inverse becomes undone.)
    AttemptVerified {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// The post-condition did not hold in its time.
    AttemptNotVerified {
        /// Which attempt.
        attempt: AttemptId,
        /// What was seen instead.
        why: String,
    },
    /// The inverse was applied and verified.
    AttemptUndone {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// The inverse failed.
    AttemptStuck {
        /// Which attempt.
        attempt: AttemptId,
        /// What failed.
        why: String,
    },
    /// The process is gone without an exit code.
    AttemptLost {
        /// Which attempt.
        attempt: AttemptId,
        /// What was seen.
        why: String,
    },
    /// Its end was not seen.
    AttemptUnknown {
        /// Which attempt.
        attempt: AttemptId,
        /// Why not.
        why: String,
    },
    /// No connection could be had; nothing was started.
    AttemptUnreachable {
        /// Which attempt.
        attempt: AttemptId,
        /// What was tried.
        why: String,
    },
    /// Refused before it started.
    AttemptRefused {
        /// Which attempt.
        attempt: AttemptId,
        /// By whom and why.
        why: String,
    },
    /// Killed, and seen dead.
    AttemptCancelled {
        /// Which attempt.
        attempt: AttemptId,
        /// Who wanted it.
        reason: CancelReason,
        /// How much it wrote until then.
        output: OutputTally,
    },
    /// A step was not started on a host.
    StepSkipped {
        /// Index of the host.
        host: u32,
        /// Index of the step.
        step: u32,
        /// Why not.
        why: SkipReason,
    },
    /// Every host of the batch has come to an end, and the health hold after it has passed.
    BatchEnded {
        /// Index of the batch.
        batch: u32,
    },
    /// A person asked that the run stop.
    CancelRequested {
        /// Who.
        by: String,
        /// Why, in their words; may be empty.
        why: String,
    },
    /// The process that drove the run is gone. What was in flight then is unknown.
    RunInterrupted {
        /// Who found it.
        found_by: String,
    },
    /// The run is over. Always the last event.
    RunEnded {
        /// How.
        outcome: RunOutcome,
    },
}

/// How much an attempt wrote, in bytes, and how much of that could not be kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct OutputTally {
    /// Bytes on standard output (or in the HTTP body).
    #[ts(type = "number")]
    pub stdout_bytes: u64,
    /// Bytes on standard error.
    #[ts(type = "number")]
    pub stderr_bytes: u64,
    /// Bytes beyond the limit per attempt: counted, not kept.
    #[ts(type = "number")]
    pub dropped_bytes: u64,
}

/// Which output stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output, or the body of an HTTP answer.
    Stdout,
    /// Standard error.
    Stderr,
}

/// An event as the journal keeps it: numbered without gaps, dated, chained to the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The run.
    pub run: RunId,
    /// 0, 1, 2, … without gaps.
    #[ts(type = "number")]
    pub index: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
    /// The hash of the record before; zero for the first.
    pub previous: Digest,
    /// The hash of all of the above.
    pub hash: Digest,
}

/// Why a sequence of records is not the history of one run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// A record is missing or out of order.
    #[error("record {expected} is missing: found {found} in its place")]
    Gap {
        /// The index that should be there.
        expected: u64,
        /// The index that is.
        found: u64,
    },
    /// A record was changed after it was written.
    #[error("record {index} does not match its hash")]
    Altered {
        /// Its index.
        index: u64,
    },
}

impl Record {
    /// Numbers, dates and chains `event` behind `previous`.
    pub fn seal(run: RunId, previous: Option<&Self>, at: Timestamp, event: Event) -> Result<Self, NotCanonical> {
        let (index, previous) = previous.map_or((0, Digest::ZERO), |record| (record.index + 1, record.hash));
        let hash = Self::hash_of(run, index, at, &event, previous)?;
        Ok(Self { run, index, at, event, previous, hash })
    }

    fn hash_of(run: RunId, index: u64, at: Timestamp, event: &Event, previous: Digest) -> Result<Digest, NotCanonical> {
        Digest::of_canonical(&(run, index, at, event, previous))
    }

    /// Checks that this record follows `previous` and was not changed.
    ///
    /// The chain finds accidents and careless edits. Somebody who can write the database can
    /// also recompute it: only a head that is kept elsewhere proves more.
    pub fn check(&self, previous: Option<&Self>) -> Result<(), BrokenChain> {
        let (expected, before) = previous.map_or((0, Digest::ZERO), |record| (record.index + 1, record.hash));
        if self.index != expected {
            return Err(BrokenChain::Gap { expected, found: self.index });
        }
        let hash = Self::hash_of(self.run, self.index, self.at, &self.event, self.previous);
        if self.previous != before || hash.ok() != Some(self.hash) {
            return Err(BrokenChain::Altered { index: self.index });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_changed_or_missing_record_is_found() {
        let run = RunId::from_uuid(Uuid::nil());
        let first = Record::seal(run, None, Timestamp::EPOCH, Event::BatchStarted { batch: 0 }).unwrap();
        let second = Record::seal(run, Some(&first), Timestamp::EPOCH, Event::BatchEnded { batch: 0 }).unwrap();
        assert_eq!(first.check(None), Ok(()));
        assert_eq!(second.check(Some(&first)), Ok(()));
        assert_eq!(second.check(None), Err(BrokenChain::Gap { expected: 0, found: 1 }));
        let altered = Record { event: Event::BatchEnded { batch: 1 }, ..second };
        assert_eq!(altered.check(Some(&first)), Err(BrokenChain::Altered { index: 1 }));
    }
}
