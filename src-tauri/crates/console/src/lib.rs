//! Composition: the use cases that window and command line call.

pub mod wire;
