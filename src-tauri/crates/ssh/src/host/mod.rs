//! Attempts that outlive their connection: what runs on a host around a script that changes something.
//!
//! The texts are plain POSIX sh, one file per purpose, put together into programs by [`program`]. An
//! exec request is always the same constant; program, script and everything that varies travel on
//! standard input, so that no process list, environment or file ever holds any of it. The console
//! hears lines that begin with the mark ([`line`]), and between them what the script writes.
//!
//! Three promises are kept on the host itself, whatever becomes of console and connection:
//! - **At most once**: the attempt's folder is made by `mkdir`. Who does not make it, starts nothing.
//! - **Never a guess**: "not started" is said only of an attempt that this host has made impossible
//!   from then on, and only where nothing can have taken its folder away.
//! - **The script feels neither console nor disk**: what it writes goes through collectors that let go of
//!   what does not fit, and the keeper that waits for its end ignores what ends a connection.
//!
//! Nothing in the texts may make a temporary file of a script (no here-documents: some shells write
//! them to disk), or give one as an argument to a program.

mod asked;
mod line;
mod program;
mod touched;

pub(crate) use self::asked::{disarmed, looked};
pub(crate) use self::line::{End, Ended, Line};
pub(crate) use self::program::{Known, deliver, disarm, end_group, look, reattach, touched};
pub(crate) use self::touched::parse as parse_touched;
pub use self::touched::{TOUCHES_MAX, Touch, TouchState, Touched};
