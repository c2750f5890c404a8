//! Host lists, observations, freshness.

pub mod ports;
