//! Real hosts: Debian with systemd as PID 1, an sshd and an address of their own, and everything that can go wrong with
//! them. Slow to make, so they are ignored unless asked for: `cargo xtask test` asks for them where they can be had.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "these are tests")]
#![expect(clippy::print_stderr, reason = "a skipped test says why")]

mod acting;
mod faults;
mod kit;
mod program;
mod truth;
