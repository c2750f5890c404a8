//! What the runbook language promises, from the outside.

#![cfg(test)]

mod again;
mod asking;
mod calls;
mod conditions;
mod differing;
mod hostile;
mod inputs;
mod kinds;
mod kit;
mod linting;
mod loops;
mod performing;
mod planning;
mod properties;
mod requests;
mod resuming;
mod rollouts;
mod schema;
mod scripts;
mod selection;
mod shipped;
mod tale;
mod undoing;
mod valid;
