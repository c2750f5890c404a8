//! The use cases, one file for each place of the window.

mod catalogue;
mod fleet;
mod history;
mod keys;
mod output;
mod planning;
mod runs;
mod secrets;
mod settings;
