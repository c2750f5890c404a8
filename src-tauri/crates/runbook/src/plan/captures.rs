//! Names of captured values, each meant once in a plan: what a called runbook captures must not be
//! taken for what its caller does.

use std::collections::{BTreeMap, BTreeSet};

use daytwo_model::CaptureName;
use daytwo_model::id::NAME_BYTES_MAX;

use crate::runbook::Runbook;
use crate::typed::CAPTURE_PREFIX;

/// The names that are taken.
#[derive(Default)]
pub(super) struct CaptureNames(BTreeSet<CaptureName>);

impl CaptureNames {
    /// For each name that a runbook captures, the name in the plan. `prefix` is that of its steps: `call/`.
    pub(super) fn of(&mut self, runbook: &Runbook, prefix: &str) -> BTreeMap<String, CaptureName> {
        let written: BTreeSet<&CaptureName> =
            runbook.all_steps().flat_map(|step| &step.captures).map(|capture| &capture.name).collect();
        let prefix: String = prefix.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
        // What typed steps capture begins so, and nothing else may.
        let prefix = if prefix.starts_with(CAPTURE_PREFIX) { format!("call_{prefix}") } else { prefix };
        let mut names = BTreeMap::new();
        for name in written {
            if let Some(unique) = self.unique(&prefix, name) {
                self.0.insert(unique.clone());
                names.insert(name.to_string(), unique);
            }
        }
        names
    }

    /// The first free name; among one more than are taken, one is free.
    fn unique(&self, prefix: &str, name: &CaptureName) -> Option<CaptureName> {
        (0..=self.0.len()).find_map(|tried| {
            let number = if tried == 0 { String::new() } else { format!("_{}", tried + 1) };
            let candidate = format!("{prefix}{name}{number}");
            // A deep call has a long name; its end tells more than its beginning.
            let excess = candidate.len().saturating_sub(NAME_BYTES_MAX);
            let end = (excess..candidate.len()).find_map(|from| candidate.get(from..))?;
            CaptureName::new(end).ok().filter(|name| !self.0.contains(name))
        })
    }
}
