//! The demo fleet as its users find it: harmless, lifelike, and the same over SSH and HTTP.
//!
//! These tests need Linux with namespaces for unprivileged users; they run as root and as anybody.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests, outside of test functions")]

mod common;
mod sandbox;
mod services;
mod ssh;
mod stand_ins;
