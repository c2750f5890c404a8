//! What the scripts of typed steps do, run by real shells.

mod file;
mod kit;
mod left;
mod link;
mod package;
mod secret;
mod service;
mod words;
