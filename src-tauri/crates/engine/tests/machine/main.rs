//! The pure machine against worlds that answer in any order: no ports, no clock, no journal.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests, with helpers that the test exemption does not cover"
)]

#[path = "../it/plans.rs"]
#[expect(dead_code, reason = "shared with the tests of the whole engine, which use the rest")]
mod plans;

mod checks;
mod invariants;
mod surprises;
mod taking_up;
mod traits;
mod world;
