//! HTTP transport; the only crate that knows reqwest.
