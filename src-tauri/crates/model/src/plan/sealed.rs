//! A plan with its digest.

use serde::{Deserialize, Serialize};

use super::{PLAN_FORMAT, Plan};
use crate::digest::{Digest, NotCanonical};

/// A plan with its digest: the only thing that the engine executes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealedPlan {
    plan: Plan,
    digest: Digest,
}

/// Why a document is not a plan that can be executed.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPlan {
    /// Not JSON of this shape.
    #[error("it is not a plan document")]
    Shape(#[from] serde_json::Error),
    /// Written by another version.
    #[error("it has format {0}, and this version reads format {PLAN_FORMAT}")]
    Format(u32),
    /// No host.
    #[error("it selects no host")]
    NoHosts,
    /// A host appears in no batch or in more than one, or a batch names a host that is not there.
    #[error("its batches do not hold every host exactly once")]
    Batches,
    /// Cannot be digested.
    #[error(transparent)]
    NotCanonical(#[from] NotCanonical),
    /// Changed since it was sealed.
    #[error("its digest is {stated}, but its content has {actual}: it was changed after it was sealed")]
    Altered {
        /// What the document says.
        stated: Digest,
        /// What it is.
        actual: Digest,
    },
}

impl SealedPlan {
    /// Checks and digests a plan.
    pub fn seal(plan: Plan) -> Result<Self, InvalidPlan> {
        if plan.format != PLAN_FORMAT {
            return Err(InvalidPlan::Format(plan.format));
        }
        if plan.hosts.is_empty() {
            return Err(InvalidPlan::NoHosts);
        }
        let mut seen = vec![0_u32; plan.hosts.len()];
        for host in plan.batches.iter().flatten() {
            *seen.get_mut(*host as usize).ok_or(InvalidPlan::Batches)? += 1;
        }
        if seen.iter().any(|count| *count != 1) {
            return Err(InvalidPlan::Batches);
        }
        let digest = Digest::of_large_canonical(&plan)?;
        Ok(Self { plan, digest })
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its digest.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The document, for a file or the history.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Reads a document back; refuses one that was changed.
    pub fn from_json(text: &str) -> Result<Self, InvalidPlan> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Document {
            plan: Plan,
            digest: Digest,
        }
        let document: Document = serde_json::from_str(text)?;
        let sealed = Self::seal(document.plan)?;
        if sealed.digest != document.digest {
            return Err(InvalidPlan::Altered { stated: document.digest, actual: sealed.digest });
        }
        Ok(sealed)
    }
}
