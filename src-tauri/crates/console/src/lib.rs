//! Composition: the use cases that window and command line call.
//!
//! Here the parts are put together, and here is the only clock and the only reader of the
//! environment. A use case asks the domain crates and the adapters and turns what they say into
//! [`wire`] data; it decides nothing that they could decide.

mod catalogue;
mod check;
mod clock;
mod compose;
mod console;
mod follow;
mod inventory;
pub mod logging;
mod profile;
mod recover;
mod report;
mod session;
mod shelf;
mod use_cases;
pub mod view;
mod watch_files;
pub mod wire;

pub use check::{CheckReport, Finding};
pub use clock::SystemClock;
pub use console::{Console, Mode};
pub use follow::{Change, Follow};
pub use profile::{CONFIG_DIR_VAR, DATA_DIR_VAR, Profile, ProfileKind};
pub use session::Session;
