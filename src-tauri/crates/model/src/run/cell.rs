//! What is known of one attempt: its state, and what is known beside it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::attempt::{AttemptState, CancelReason, Exit};
use crate::event::{Note, OutputTally};
use crate::id::{AttemptId, CaptureName};

/// The last attempt of a step on a host, as the events tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its id; none for a step that was skipped, and for one that was a question.
    pub id: Option<AttemptId>,
    /// What is known of it.
    pub state: AttemptState,
    /// How many attempts of the step were sent to this host, this one among them; 0 where none was.
    pub attempts: u32,
    /// What it captured.
    pub captured: BTreeMap<CaptureName, Value>,
    /// How much it wrote.
    pub output: OutputTally,
    /// What is known beside its state, while it is in flight.
    pub note: Option<Box<Note>>,
    /// Its dead-man switch, where it armed one.
    pub dead_man: Option<Box<DeadManSwitch>>,
    /// Its end was not seen at first, and was found out later. Nothing follows from such an end by itself that
    /// would do the step again.
    pub found_later: bool,
    /// Its host could not keep it: what became of it cannot be asked there.
    pub attached: bool,
}

/// Where a dead-man switch stands: the way back that a host takes alone unless it is told that all is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadManSwitch {
    /// The host takes the step back unless it is told in time.
    Armed,
    /// It was told in time.
    Disarmed,
    /// It was not, and took the step back.
    Fired {
        /// How the inverse ended there; none while that is not known.
        exit: Option<Exit>,
    },
    /// It was not, and did not take the step back.
    Failed {
        /// What is known.
        why: String,
        /// Nothing of the way forward runs any more, and nothing takes it back any more.
        over: bool,
    },
    /// Whether it took the step back is not known.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// What an attempt left behind, and so what its way back would meet. In-run undo and the undo of a whole
/// run go by the same answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trace {
    /// Nothing was changed by it.
    Nothing,
    /// It may have changed something, and its end was seen.
    Ended,
    /// It may have half happened, or still happen; what an inverse would meet is not known.
    Unclear(String),
}

impl Attempt {
    /// The last of this many attempts of a step.
    pub(super) const fn new(id: Option<AttemptId>, state: AttemptState, attempts: u32) -> Self {
        Self {
            id,
            state,
            attempts,
            captured: BTreeMap::new(),
            output: OutputTally { stdout_bytes: 0, stderr_bytes: 0, dropped_bytes: 0 },
            note: None,
            dead_man: None,
            found_later: false,
            attached: false,
        }
    }

    /// What it left behind, by itself: an inverse of it is not looked at. See `RunState::trace`.
    #[must_use]
    pub fn trace(&self) -> Trace {
        use AttemptState as S;
        match &self.state {
            // It was made again after it had failed, and the first time it may have changed something.
            S::Unreachable { .. } | S::Refused { .. } | S::NotStarted { .. } if self.attempts > 1 => Trace::Ended,
            S::Finished { .. } | S::Verified { .. } | S::NotVerified { .. } if self.id.is_some() => Trace::Ended,
            // Ended by the host: like a script that gave up half-way by itself. What its switch could not end is
            // the switch's to say.
            S::Cancelled { reason: CancelReason::Deadline | CancelReason::DeadMan } => Trace::Ended,
            S::Cancelled { reason: CancelReason::Operator } => {
                Trace::Unclear("it was cancelled and may have half happened".to_owned())
            }
            S::Sent | S::Running { .. } => Trace::Unclear("it was still in flight".to_owned()),
            S::Lost { why } => Trace::Unclear(format!("it was lost and may have half happened: {why}")),
            S::Unknown { why } => Trace::Unclear(format!("whether it happened is not known: {why}")),
            S::Finished { .. }
            | S::Verified { .. }
            | S::NotVerified { .. }
            | S::Unreachable { .. }
            | S::Refused { .. }
            | S::NotStarted { .. }
            | S::Skipped { .. }
            | S::Undone
            | S::Stuck { .. } => Trace::Nothing,
        }
    }

    /// Whether it may be made again when a person says so: its end was seen, or nothing of it was started,
    /// and no way back of it is due or unclear.
    #[must_use]
    pub fn may_be_made_again(&self) -> bool {
        use AttemptState as S;
        let ended = matches!(
            self.state,
            S::Finished { .. }
                | S::NotVerified { .. }
                | S::Cancelled { .. }
                | S::Unreachable { .. }
                | S::Refused { .. }
                | S::NotStarted { .. }
        );
        ended && self.dead_man.as_deref().is_none_or(DeadManSwitch::is_settled)
    }

    /// Whether something of it may still be running or may still happen.
    #[must_use]
    pub fn may_still_run(&self) -> bool {
        matches!(self.state, AttemptState::Sent | AttemptState::Running { .. } | AttemptState::Unknown { .. })
            || self.dead_man.as_deref().is_some_and(DeadManSwitch::is_unclear)
    }
}

impl DeadManSwitch {
    /// The host may take the step back at any time, or what is to be taken back may still go on.
    const fn is_unclear(&self) -> bool {
        matches!(self, Self::Armed | Self::Failed { over: false, .. } | Self::Unknown { .. })
    }

    /// Told in time, or fired and ended well. What fired for nothing is not made again on top of what it left.
    const fn is_settled(&self) -> bool {
        match self {
            Self::Disarmed => true,
            Self::Fired { exit: Some(exit) } => exit.is_success(),
            Self::Fired { exit: None } | Self::Armed | Self::Failed { .. } | Self::Unknown { .. } => false,
        }
    }
}
