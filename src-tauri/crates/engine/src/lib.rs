//! A run: the pure state machine and the dispatcher that performs its effects through ports.

pub mod ports;
