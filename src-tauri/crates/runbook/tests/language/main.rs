//! What the runbook language promises, from the outside.

#![cfg(test)]

mod hostile;
mod kit;
mod performing;
mod planning;
mod properties;
mod shipped;
mod undoing;
