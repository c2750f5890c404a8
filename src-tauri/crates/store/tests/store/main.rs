//! The store on a real disk: what it promises about writes, crashes, other processes and reads.
#![expect(clippy::unwrap_used, reason = "a test")]

mod course;
mod disk;
mod journal;
mod kit;
mod late;
mod opening;
mod processes;
mod reading;
