//! Questions to the history. Each is answered from one snapshot, with a bound on what it returns.

pub(crate) mod attempts;
pub(crate) mod decisions;
pub(crate) mod journal;
pub(crate) mod made_of;
pub(crate) mod observations;
pub(crate) mod output;
pub(crate) mod requests;
pub(crate) mod runs;
pub(crate) mod settings;
pub(crate) mod step;
pub(crate) mod waiting;
