//! The events of a run, and the chained records that the journal keeps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use crate::attempt::{CancelDegree, CancelReason, Exit, ProcessIdentity, SkipReason};
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
        /// It is the step's recorded inverse that is sent, in the same run.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        inverse: bool,
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
        /// How much it wrote, as far as that was seen.
        #[serde(default, skip_serializing_if = "OutputTally::is_empty")]
        output: OutputTally,
    },
    /// Its end was not seen.
    AttemptUnknown {
        /// Which attempt.
        attempt: AttemptId,
        /// Why not.
        why: String,
        /// How much it wrote, as far as that was seen.
        #[serde(default, skip_serializing_if = "OutputTally::is_empty")]
        output: OutputTally,
    },
    /// The host was asked later: nothing of it began, and the host will refuse it from now on.
    AttemptNotStarted {
        /// Which attempt.
        attempt: AttemptId,
        /// Why it did not begin.
        why: String,
    },
    /// Something is known of an attempt in flight that changes nothing about its state.
    AttemptNoted {
        /// Which attempt.
        attempt: AttemptId,
        /// What.
        note: Note,
    },
    /// The host was told in time that all is well: its dead-man switch will not take the step back.
    DeadManDisarmed {
        /// The attempt that armed it.
        attempt: AttemptId,
    },
    /// The host was not told in time, and took the step back alone.
    DeadManFired {
        /// The attempt that armed it.
        attempt: AttemptId,
        /// How the inverse ended there; none while that is not known.
        exit: Option<Exit>,
    },
    /// The host was not told in time, and did not take the step back: the way forward could not be ended, and
    /// nothing runs beside that.
    DeadManFailed {
        /// The attempt that armed it.
        attempt: AttemptId,
        /// What is known.
        why: String,
        /// Nothing of the way forward runs any more, and nothing takes it back any more.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        over: bool,
    },
    /// Whether the host took the step back alone is not known.
    DeadManUnknown {
        /// The attempt that armed it.
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
    /// From here on, what was done on this host is taken back, step by step in reverse.
    UndoStarted {
        /// Index of the host.
        host: u32,
    },
    /// A step that something was sent for is not taken back on a host that is being undone.
    InverseSkipped {
        /// Index of the host.
        host: u32,
        /// Index of the step.
        step: u32,
        /// Why it is left as it is.
        why: String,
    },
    /// A person has to decide about a step on a host; the host waits.
    QuestionAsked {
        /// Index of the host.
        host: u32,
        /// Index of the step.
        step: u32,
        /// What is asked.
        question: Question,
        /// How long an answer may take, in milliseconds.
        #[ts(type = "number")]
        within_ms: u64,
        /// What no answer in that time means.
        otherwise: Answer,
    },
    /// The answer to the same question on some hosts.
    QuestionAnswered {
        /// Indices of the hosts.
        hosts: Vec<u32>,
        /// Index of the step.
        step: u32,
        /// The answer.
        answer: Answer,
        /// Who decided; none where nobody did in time.
        by: Option<String>,
        /// Why, in their words; may be empty.
        why: String,
    },
    /// Nobody has to decide any more: the host told what became of the attempt that a question is about, and what
    /// follows from that comes next.
    QuestionWithdrawn {
        /// Index of the host.
        host: u32,
        /// Index of the step.
        step: u32,
        /// Why, in one sentence.
        why: String,
    },
    /// The health check after a batch was asked.
    HealthChecked {
        /// Index of the batch.
        batch: u32,
        /// Whether it held.
        holds: bool,
        /// What was seen.
        said: String,
    },
    /// Every host of the batch has come to an end, and the health hold after it has passed.
    BatchEnded {
        /// Index of the batch.
        batch: u32,
    },
    /// A person asked that the run stop, or that some of its hosts do.
    CancelRequested {
        /// Who.
        by: String,
        /// Why, in their words; may be empty.
        why: String,
        /// How hard.
        #[serde(default, skip_serializing_if = "CancelDegree::is_default")]
        degree: CancelDegree,
        /// Indices of the hosts; none: the whole run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hosts: Option<Vec<u32>>,
    },
    /// The process that drove the run is gone, and another has taken it over. Nothing of the main phase
    /// starts after this; hosts are asked what became of what was in flight.
    RunInterrupted {
        /// Who found it.
        found_by: String,
    },
    /// The run is over. After it, only answers about attempts whose end was unknown may follow.
    RunEnded {
        /// How.
        outcome: RunOutcome,
    },
}

impl Event {
    /// The attempt that it is about, where it is about one.
    #[must_use]
    pub const fn attempt(&self) -> Option<AttemptId> {
        match self {
            Self::AttemptSent { attempt, .. }
            | Self::AttemptRunning { attempt, .. }
            | Self::AttemptFinished { attempt, .. }
            | Self::AttemptVerified { attempt }
            | Self::AttemptNotVerified { attempt, .. }
            | Self::AttemptUndone { attempt }
            | Self::AttemptStuck { attempt, .. }
            | Self::AttemptLost { attempt, .. }
            | Self::AttemptUnknown { attempt, .. }
            | Self::AttemptNotStarted { attempt, .. }
            | Self::AttemptNoted { attempt, .. }
            | Self::DeadManDisarmed { attempt }
            | Self::DeadManFired { attempt, .. }
            | Self::DeadManFailed { attempt, .. }
            | Self::DeadManUnknown { attempt, .. }
            | Self::AttemptUnreachable { attempt, .. }
            | Self::AttemptRefused { attempt, .. }
            | Self::AttemptCancelled { attempt, .. } => Some(*attempt),
            Self::RunOpened { .. }
            | Self::BatchStarted { .. }
            | Self::BatchEnded { .. }
            | Self::StepSkipped { .. }
            | Self::UndoStarted { .. }
            | Self::InverseSkipped { .. }
            | Self::QuestionAsked { .. }
            | Self::QuestionAnswered { .. }
            | Self::QuestionWithdrawn { .. }
            | Self::HealthChecked { .. }
            | Self::CancelRequested { .. }
            | Self::RunInterrupted { .. }
            | Self::RunEnded { .. } => None,
        }
    }
}

/// What is known of an attempt in flight beside its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// It has written nothing for a while. It is never killed for that.
    Silent {
        /// For how long, in milliseconds.
        #[ts(type = "number")]
        ms: u64,
        /// What the host says of its processes: `2 processes alive; sudo waits for a terminal`.
        known: String,
    },
    /// The connection is lost; the host is asked again and again.
    OutOfSight {
        /// How it was lost.
        why: String,
    },
    /// It is followed again, or has written again.
    InSight,
    /// Its host has no way to keep it, so it is going to run attached to its connection, and what becomes of it
    /// can be seen only as long as that stands. On disk before any of it is sent.
    Attached {
        /// What the host lacks.
        why: String,
    },
}

/// What a person is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum Question {
    /// The step did not end well.
    Failure {
        /// What was seen.
        why: String,
        /// Whether it may be made again: its end was seen.
        may_retry: bool,
    },
    /// The step itself is a question.
    Step {
        /// Its text.
        text: String,
    },
}

/// What a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The step is made again. Of a failure whose end was seen only.
    Retry,
    /// The step is left as it is, and the host goes on with the next. It does not count as failed.
    Skip,
    /// The host is left out of the rest of the run. It counts as failed.
    Exclude,
    /// What was done on this host is taken back. It counts as failed.
    Undo,
    /// No further host starts, and this one ends here.
    Stop,
    /// Go on with the next step. To a question that is a step: yes. After a failure: the host counts as failed.
    Continue,
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

impl OutputTally {
    /// Nothing was written, or nothing is known of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
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
        self.check_place(previous)?;
        self.check_hash()
    }

    /// The first half of [`Record::check`]: that it follows `previous`.
    pub fn check_place(&self, previous: Option<&Self>) -> Result<(), BrokenChain> {
        let (expected, before) = previous.map_or((0, Digest::ZERO), |record| (record.index + 1, record.hash));
        if self.index != expected {
            return Err(BrokenChain::Gap { expected, found: self.index });
        }
        if self.previous != before {
            return Err(BrokenChain::Altered { index: self.index });
        }
        Ok(())
    }

    /// The second half of [`Record::check`]: that it was not changed. It needs no other record.
    pub fn check_hash(&self) -> Result<(), BrokenChain> {
        let hash = Self::hash_of(self.run, self.index, self.at, &self.event, self.previous);
        if hash.ok() != Some(self.hash) {
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
    fn a_record_s_hash_is_that_of_its_canonical_text_in_every_version() {
        let run = RunId::from_uuid(Uuid::nil());
        let captured = [("zone", serde_json::json!({"b": 1.50, "a": "é\n"})), ("left", Value::from(3_i64))];
        let event = Event::AttemptFinished {
            attempt: AttemptId::from_uuid(Uuid::max()),
            exit: Exit::Code(-1),
            captured: captured.map(|(name, value)| (CaptureName::new(name).unwrap(), value)).into(),
            output: OutputTally { stdout_bytes: 7, ..OutputTally::default() },
        };
        let record = Record::seal(run, None, Timestamp::from_unix_ms(1_500), event).unwrap();
        let zeros = "0".repeat(64);
        let text = format!(
            "[\"00000000-0000-0000-0000-000000000000\",0,\"1970-01-01T00:00:01.5Z\",\
             {{\"attempt\":\"ffffffff-ffff-ffff-ffff-ffffffffffff\",\
             \"captured\":{{\"left\":3,\"zone\":{{\"a\":\"é\\n\",\"b\":1.5}}}},\"event\":\"attempt_finished\",\
             \"exit\":{{\"code\":-1}},\"output\":{{\"dropped_bytes\":0,\"stderr_bytes\":0,\"stdout_bytes\":7}}}},\
             \"{zeros}\"]"
        );
        assert_eq!(record.hash, Digest::of(text.as_bytes()));
    }

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
