//! The use cases, one file for each place of the window.

pub(crate) mod asking;
mod catalogue;
mod editing;
mod fleet;
mod history;
mod keys;
mod output;
mod past;
pub(crate) mod planning;
mod resume;
mod runs;
mod secrets;
mod settings;
mod touched;
pub(crate) mod waiting;
