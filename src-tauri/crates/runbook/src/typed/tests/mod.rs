//! What the scripts of typed steps do, run by real shells.

mod file;
mod kit;
mod link;
mod package;
mod service;
mod words;
