//! The store on a real disk: what it promises about writes, crashes, other processes and reads.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests, with helpers that the test exemption does not cover")]

mod course;
mod disk;
mod driven;
mod journal;
mod kit;
mod late;
mod made_of;
mod opening;
mod processes;
mod reading;
