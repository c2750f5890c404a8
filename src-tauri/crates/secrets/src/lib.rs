//! Secret values by reference; the only crate that knows the keyring.
