//! Why a run could not be driven to its end. A run that *ended*, well or badly, is not an error.

use daytwo_model::event::BrokenChain;
use daytwo_model::{Digest, IllegalEvent, SecretName};

use crate::ports::PortError;

/// Why a run could not be driven to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan asks for what this engine does not perform. Nothing was opened and nothing was sent.
    #[error("perform the plan: {}", .0.join("; "))]
    Unsupported(Vec<String>),
    /// The plan needs a secret that has no value. Nothing was opened and nothing was sent.
    #[error("find secret {0}: no value is kept under this name")]
    SecretMissing(SecretName),
    /// A secret could not be read. Nothing was opened and nothing was sent.
    #[error("read secret {name}")]
    Secret {
        /// Which one.
        name: SecretName,
        /// Why not.
        #[source]
        source: PortError,
    },
    /// The secrets cannot be recognised in output, so nothing may be run with them.
    #[error("prepare the masking of secrets: {0}")]
    Mask(String),
    /// The run could not be created in the journal. Nothing was sent.
    #[error("open the run in the journal")]
    Open(#[source] PortError),
    /// The journal did not take records. Nothing was sent after that; what was in flight was followed to its end,
    /// and what changes something is kept on its host, where [`crate::take_up`] finds it.
    #[error(
        "write the journal; what was in flight is kept on the hosts, and is asked for when the run is taken up again"
    )]
    Journal(#[source] PortError),
    /// A record has no canonical form, so it cannot be chained.
    #[error("chain a record")]
    Seal(#[source] daytwo_model::digest::NotCanonical),
    /// The engine saw an event that cannot have happened: a defect of this program, and the run was stopped.
    #[error("follow the run: an event arrived that cannot have happened")]
    Illegal(#[source] IllegalEvent),
    /// Nothing is in flight, nothing is due, and the run has not ended: a defect of this program.
    #[error("go on with the run: nothing is left to wait for")]
    Stalled,
    /// The records of a run are damaged.
    #[error("read the run's records")]
    Chain(#[source] BrokenChain),
    /// The records belong to another run than the right to write does, or there are none.
    #[error("match the records with the run that is to be recovered")]
    OtherRun,
    /// The records were made from another plan.
    #[error("match the records with the plan: they were made from plan {recorded}, this is {given}", recorded = recorded.short(), given = given.short())]
    OtherPlan {
        /// In the records.
        recorded: Digest,
        /// Of the plan at hand.
        given: Digest,
    },
}
