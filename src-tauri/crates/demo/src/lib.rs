//! The embedded demo fleet, and the test kit: sandboxed real hosts, simulated hosts.
//!
//! A demo host is a set of Linux namespaces with a small disk of its own, reached over SSH on
//! loopback. Whatever is typed into a runbook, it can harm nothing but itself. Nothing here may run
//! a host's command outside of its sandbox, not even where a sandbox cannot be had: then
//! [`DemoFleet::start`] says why, and [`SimulatedFleet`] is what is offered.
//!
//! The scripts that a host consists of are in `hosts/`; the shape of the fleet is in [`spec`].

mod error;
mod fleet;
mod http;
mod kit;
mod machine;
mod sandbox;
mod serve;
pub mod simulated;
pub mod spec;
mod supervisor;

pub use error::{Error, Unavailable};
pub use fleet::{DemoFleet, DemoOptions};
pub use machine::{Captured, DemoHost, HostDown};
pub use sandbox::ToolPaths;
pub use simulated::SimulatedFleet;
