//! Journal, history, outputs and observations on disk; the only crate that knows sqlx.
