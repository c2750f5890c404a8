//! A run: the pure state machine and the dispatcher that performs its effects through ports.
//!
//! ```text
//! fact ─► Machine::next ─► events ─► journal ─► effects ─► units of work ─► facts
//! ```
//!
//! [`machine`] decides, without I/O and without a clock. The dispatcher journals what was decided,
//! and only then lets units of work touch a host. Nothing here prints, reads the environment, or
//! knows how a host is reached or where the journal is kept.

mod asked;
mod cancel;
pub mod capture;
mod dead_man;
mod dispatcher;
mod error;
pub mod expect;
mod follow;
mod handle;
mod health;
mod http;
mod late;
pub mod machine;
mod pace;
pub mod ports;
mod read;
pub mod redact;
mod seam;
mod secrets;
pub mod settings;
mod shell;
mod silence;
mod sink;
mod take_up;
mod unit;
mod unsupported;
mod verify;
mod why;

pub use asked::ask_checks;
pub use dispatcher::{Driver, open};
pub use error::RunError;
pub use handle::{Handle, Notice, Request};
pub use secrets::secrets_needed;
pub use settings::Settings;
pub use take_up::take_up;
pub use unsupported::unsupported;
