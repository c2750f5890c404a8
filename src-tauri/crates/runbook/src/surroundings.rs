//! What planning may ask of the world around it. The console answers; this crate reads nothing itself.

use std::sync::Arc;

use daytwo_model::plan::LocalFile;
use daytwo_model::{FactSheet, Host, HostName, RunbookName};

use crate::runbook::Runbook;

/// What planning may ask. Every answer becomes part of the plan.
pub trait Surroundings: Sync {
    /// Another runbook of the catalogue.
    fn runbook(&self, name: &RunbookName) -> Option<Arc<Runbook>>;
    /// Size and digest of a local file; the error is a sentence.
    fn file(&self, path: &str) -> Result<LocalFile, String>;
    /// The text of a file beside the runbook called `file`; the error is a sentence.
    fn text_beside(&self, file: &str, path: &str) -> Result<String, String>;
    /// The choices of an input that a command or URL gives, as they were last read; the error says why there are none.
    fn choices(&self, runbook: &RunbookName, input: &str) -> Result<Vec<String>, String>;
    /// The SHA-256 fingerprints of the keys that are trusted for a host; none where it is not known yet.
    fn host_keys(&self, host: &Host) -> Vec<String>;
    /// The gateway through which a host is reached, by a name that its neighbours behind it share; none where it
    /// is reached directly. Only asked where a runbook limits how many hosts behind one gateway work at one time.
    fn gateway_of(&self, host: &Host) -> Option<String>;
    /// What is known of a host beside its labels; none where nothing is.
    fn facts(&self, host: &HostName) -> Option<&FactSheet>;
}

/// Surroundings in which there is nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nowhere;

impl Surroundings for Nowhere {
    fn runbook(&self, _name: &RunbookName) -> Option<Arc<Runbook>> {
        None
    }

    fn file(&self, path: &str) -> Result<LocalFile, String> {
        Err(format!("there is no file {path} here"))
    }

    fn text_beside(&self, _file: &str, path: &str) -> Result<String, String> {
        Err(format!("there is no file {path} here"))
    }

    fn choices(&self, _runbook: &RunbookName, _input: &str) -> Result<Vec<String>, String> {
        Err("nobody can be asked for the choices here".to_owned())
    }

    fn host_keys(&self, _host: &Host) -> Vec<String> {
        Vec::new()
    }

    fn gateway_of(&self, _host: &Host) -> Option<String> {
        None
    }

    fn facts(&self, _host: &HostName) -> Option<&FactSheet> {
        None
    }
}
