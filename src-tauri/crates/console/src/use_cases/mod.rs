//! The use cases, one file for each place of the window.

mod catalogue;
mod fleet;
mod keys;
mod planning;
pub(crate) mod runs;
mod secrets;
mod settings;
