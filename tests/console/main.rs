//! The built command line as a user has it: real files, real OpenSSH, the demo fleet, real crashes.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

mod authoring;
mod command_line;
mod full_disk;
mod gateways;
mod plan_file;
mod real_host;
mod selection;
mod support;
mod survival;
mod terminal;
mod together;
mod waiting;
