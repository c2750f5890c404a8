//! The tests of the shipped runbooks pass, and a test that is wrong says so.

mod own;
mod shipped;
