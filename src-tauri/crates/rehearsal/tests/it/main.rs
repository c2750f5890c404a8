//! The tests of the shipped runbooks pass, and a test that is wrong says so.
#![expect(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod deciding;
mod failing;
mod own;
mod shipped;
