//! From the model to what people see. Pure: everything comes in as arguments, also the time.

pub mod attempt;
pub mod fleet;
pub mod found;
pub mod output;
pub mod pace;
pub mod plan;
pub mod questions;
pub mod run;
pub mod runbook;
#[cfg(test)]
pub(crate) mod testing;
pub mod words;
