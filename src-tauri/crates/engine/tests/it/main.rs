//! The promises of the engine, kept against ports in memory.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests, with helpers that the test exemption does not cover"
)]

mod attached;
mod budgets;
mod cancel;
mod conditions;
mod dead_man;
mod deciding;
mod desk;
mod farm;
mod health;
mod journal;
mod keeping;
mod links;
mod once;
mod outcome;
mod phases;
mod plans;
mod recover;
mod retry;
mod scale;
mod secrets;
mod silence;
mod support;
mod text;
mod unsupported;
mod verify;
