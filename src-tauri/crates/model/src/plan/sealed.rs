//! A plan with its digest.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::upgrade::{self, FORMAT_OLDEST};
use super::{PLAN_FORMAT, Plan};
use crate::digest::{Digest, NotCanonical};

/// A plan with its digest: the only thing that the engine executes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPlan {
    plan: Plan,
    digest: Digest,
    /// The document as an earlier version wrote it: the digest is of this, not of what it means today.
    original: Option<Arc<str>>,
}

/// The document, borrowed for writing.
#[derive(Serialize)]
struct Written<'p> {
    plan: &'p Plan,
    digest: Digest,
}

/// The document, read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<P> {
    plan: P,
    digest: Digest,
}

/// The one field of a document that says how the others are to be read.
#[derive(Deserialize)]
struct Peek {
    plan: PeekPlan,
}

#[derive(Deserialize)]
struct PeekPlan {
    format: u32,
}

/// Why a document is not a plan that can be executed.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPlan {
    /// Not JSON of this shape.
    #[error("it is not a plan document")]
    Shape(#[from] serde_json::Error),
    /// Written by another version.
    #[error("it has format {0}, and this version reads formats {FORMAT_OLDEST} to {PLAN_FORMAT}")]
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
        check_hosts(&plan)?;
        let digest = Digest::of_canonical(&plan)?;
        Ok(Self { plan, digest, original: None })
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

    /// Whether an earlier version wrote it. The history shows such a plan and can undo it; a new run
    /// starts from a new plan.
    #[must_use]
    pub const fn is_of_an_earlier_version(&self) -> bool {
        self.original.is_some()
    }

    /// The document, for a file or the history; one of an earlier version as that wrote it.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        match &self.original {
            Some(original) => Ok(original.as_ref().to_owned()),
            None => serde_json::to_string(&Written { plan: &self.plan, digest: self.digest }),
        }
    }

    /// Reads a document back, also one of an earlier version; refuses one that was changed.
    pub fn from_json(text: &str) -> Result<Self, InvalidPlan> {
        let document: Document<Plan> = match serde_json::from_str(text) {
            Ok(document) => document,
            // The usual document is read once. Only one that is not of today is asked what it is.
            Err(error) => {
                return match serde_json::from_str(text) {
                    Ok(Peek { plan: PeekPlan { format } }) if (FORMAT_OLDEST..PLAN_FORMAT).contains(&format) => {
                        Self::from_older(format, text)
                    }
                    Ok(Peek { plan: PeekPlan { format } }) if format != PLAN_FORMAT => Err(InvalidPlan::Format(format)),
                    _ => Err(error.into()),
                };
            }
        };
        let sealed = Self::seal(document.plan)?;
        unchanged(document.digest, sealed.digest)?;
        Ok(sealed)
    }

    fn from_older(format: u32, text: &str) -> Result<Self, InvalidPlan> {
        let document: Document<Value> = serde_json::from_str(text)?;
        let digest = Digest::of_canonical(&document.plan)?;
        unchanged(document.digest, digest)?;
        let plan: Plan = serde_json::from_value(upgrade::upgraded(format, document.plan))?;
        check_hosts(&plan)?;
        Ok(Self { plan, digest, original: Some(text.into()) })
    }
}

fn unchanged(stated: Digest, actual: Digest) -> Result<(), InvalidPlan> {
    if stated == actual { Ok(()) } else { Err(InvalidPlan::Altered { stated, actual }) }
}

/// Every host is in one batch, and there is one.
fn check_hosts(plan: &Plan) -> Result<(), InvalidPlan> {
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
    Ok(())
}
