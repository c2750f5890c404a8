//! The embedded demo fleet, and the test kit: sandboxed real hosts, simulated hosts.
