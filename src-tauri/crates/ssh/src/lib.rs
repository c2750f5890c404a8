//! SSH transport, client and server side; the only crate that knows russh.
