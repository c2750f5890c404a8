//! The nouns of Daytwo: ids, hosts, selectors, plans, events and states.
//!
//! This crate is pure: no I/O, no clock, no randomness, no async. What is *true* lives here
//! ([`RunState`] and [`AttemptState`] with their `next` functions); what to *do* about it is
//! decided in `daytwo-engine`.

pub mod attempt;
mod canonical;
pub mod digest;
pub mod event;
pub mod facts;
pub mod host;
pub mod id;
pub mod plan;
pub mod quote;
pub mod run;
pub mod secret;
pub mod selector;
pub mod suggest;
pub mod text;
pub mod time;

pub use attempt::{AttemptState, CancelDegree, CancelReason, Exit, ProcessIdentity, SkipReason};
pub use digest::{Digest, Hashing};
pub use event::{Answer, Event, Note, OutputTally, Question, Record, Stream};
pub use facts::{Fact, FactSheet, FactValue};
pub use host::{Endpoint, Host, Labels};
pub use id::{AttemptId, CaptureName, HostName, InvalidName, RunId, RunbookName, SecretName, StepId, UserName};
pub use plan::{Plan, SealedPlan};
pub use run::{BatchState, IllegalEvent, RunOutcome, RunState, RunStatus};
pub use secret::SecretValue;
pub use selector::{Explanation, Selector, Verdict};
pub use text::Text;
pub use time::Timestamp;
