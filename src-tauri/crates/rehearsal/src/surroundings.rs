//! What planning is told in a rehearsal: files, choices and facts come from the tests, runbooks from the catalogue.

use std::sync::Arc;

use daytwo_model::plan::LocalFile;
use daytwo_model::{Digest, FactSheet, Host, HostName, RunbookName};
use daytwo_runbook::{RehearsalFile, Runbook, Surroundings};

/// The surroundings of a case.
pub(crate) struct Played<'a> {
    pub(crate) file: &'a RehearsalFile,
    pub(crate) around: &'a dyn Surroundings,
}

impl Surroundings for Played<'_> {
    fn runbook(&self, name: &RunbookName) -> Option<Arc<Runbook>> {
        self.around.runbook(name)
    }

    fn file(&self, path: &str) -> Result<LocalFile, String> {
        let content = self.file.files.get(path).ok_or_else(|| format!("the tests have no file {path}"))?;
        let bytes = u64::try_from(content.len()).unwrap_or(u64::MAX);
        Ok(LocalFile { digest: Digest::of(content.as_bytes()), bytes })
    }

    fn text_beside(&self, file: &str, path: &str) -> Result<String, String> {
        self.around.text_beside(file, path)
    }

    fn choices(&self, _runbook: &RunbookName, input: &str) -> Result<Vec<String>, String> {
        self.file.choices.get(input).cloned().ok_or_else(|| format!("the tests have no choices for {input}"))
    }

    fn host_keys(&self, _host: &Host) -> Vec<String> {
        Vec::new()
    }

    /// Hosts of a test name their gateway themselves, in the value that templates read too.
    fn gateway_of(&self, host: &Host) -> Option<String> {
        host.vars.get("gateway").cloned()
    }

    fn facts(&self, host: &HostName) -> Option<&FactSheet> {
        self.file.facts.get(host)
    }
}
