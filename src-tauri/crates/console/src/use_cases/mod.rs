//! The use cases, one file for each place of the window.

mod catalogue;
mod editing;
mod fleet;
mod history;
mod keys;
mod output;
pub(crate) mod planning;
mod runs;
mod secrets;
mod settings;
