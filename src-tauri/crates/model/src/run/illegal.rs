//! Why an event cannot have happened.

use crate::attempt::IllegalChange;
use crate::id::AttemptId;

/// An event that cannot follow what is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IllegalEvent {
    /// Anything after the end but what became of an attempt whose end was unknown.
    #[error("the run is over, and nothing may follow")]
    AfterEnd,
    /// Anything before the run was opened, or a second opening.
    #[error("a run is opened once, by its first event")]
    Opening,
    /// A host, step or batch that the plan does not have, or that is not due.
    #[error("the plan has no such {0} here")]
    OutOfPlan(&'static str),
    /// A second attempt in flight on a host, a second use of an attempt id, or a second result of a step.
    #[error("host {host} has something in flight, or has this step behind it")]
    Occupied {
        /// Index of the host.
        host: u32,
    },
    /// Something about an attempt that was made again since.
    #[error("attempt {0} is behind: a later one took its place")]
    Superseded(AttemptId),
    /// A start after a person asked to stop, or after the run was interrupted.
    #[error("nothing may start any more")]
    NothingMayStart,
    /// An attempt that was never sent.
    #[error("attempt {0} was never sent")]
    NoSuchAttempt(AttemptId),
    /// An attempt cannot change in this way.
    #[error(transparent)]
    Change(#[from] IllegalChange),
    /// The end of a run or batch while attempts are in flight.
    #[error("attempts are still in flight")]
    InFlight,
    /// A note about an attempt that is over.
    #[error("attempt {0} is not in flight")]
    NotInFlight(AttemptId),
    /// A question that is not to be asked here, or an answer that nobody asked for or that is none to it.
    #[error("host {host} has no such question or answer now")]
    NoSuchQuestion {
        /// Index of the host.
        host: u32,
    },
    /// A cancel that is not harder than what was asked for before, or is of no host.
    #[error("nothing changes by this cancel")]
    NothingToCancel,
    /// What is taken back where nothing is, twice, or out of its order.
    #[error("host {host} does not take this step back now")]
    NotUndoing {
        /// Index of the host.
        host: u32,
    },
    /// Something about a dead-man switch that was not armed, or that has come to its end.
    #[error("attempt {0} has no dead-man switch of which this could be said")]
    NoDeadMan(AttemptId),
}
