//! Composition: the use cases that window and command line call.
//!
//! Here the parts are put together, and here is the only clock and the only reader of the
//! environment. A use case asks the domain crates and the adapters and turns what they say into
//! [`wire`] data; it decides nothing that they could decide.

mod catalogue;
mod check;
mod choices;
mod clock;
mod compose;
mod console;
mod editing;
mod follow;
mod inventory;
mod local_shell;
pub mod logging;
mod process;
mod profile;
mod recover;
mod report;
mod revision;
mod selection;
mod session;
mod shelf;
mod shellcheck;
mod surroundings;
mod use_cases;
pub mod view;
mod watch_files;
mod whereabouts;
pub mod wire;

pub use check::{CheckReport, Finding, TestReport, TestedFile, check, rehearse};
pub use clock::SystemClock;
pub use console::{Console, Mode};
pub use follow::{Change, Follow};
pub use profile::{CONFIG_DIR_VAR, DATA_DIR_VAR, Profile, ProfileKind};
pub use session::Session;
pub use use_cases::asking::Asked;
pub use use_cases::planning::{PLAN_FILE_BYTES_MAX, PlanDocument};
pub use use_cases::waiting::Delivery;
