//! The promises of the engine, kept against ports in memory.
#![expect(clippy::unwrap_used, reason = "tests, with helpers that the test exemption does not cover")]

mod budgets;
mod cancel;
mod journal;
mod machine;
mod outcome;
mod recover;
mod scale;
mod secrets;
mod support;
mod text;
mod verify;
