//! What planning may ask, answered by this console: a snapshot that is taken before planning starts,
//! so that planning itself waits for nothing and one plan sees one world.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use daytwo_model::facts::FactSheet;
use daytwo_model::plan::LocalFile;
use daytwo_model::{Digest, Host, HostName, RunbookName};
use daytwo_runbook::{Runbook, Surroundings};

use crate::catalogue::{Catalogue, read_bounded};

/// The largest local file that a plan may hold a digest of; larger ones are not configuration.
const LOCAL_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// The world as one planning sees it.
pub(crate) struct Snapshot {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) facts: HashMap<HostName, FactSheet>,
    pub(crate) host_keys: HashMap<HostName, Vec<String>>,
    /// Of the hosts that are reached through one; empty where no limit depends on it.
    pub(crate) gateways: HashMap<HostName, String>,
    /// By runbook and input; the error says why there are none.
    pub(crate) choices: HashMap<(RunbookName, String), Vec<String>>,
}

impl Surroundings for Snapshot {
    fn runbook(&self, name: &RunbookName) -> Option<Arc<Runbook>> {
        self.catalogue.get(name)?.runbook.as_ref().ok().map(Arc::clone)
    }

    fn gateway_of(&self, host: &Host) -> Option<String> {
        self.gateways.get(&host.name).cloned()
    }

    fn facts(&self, host: &HostName) -> Option<&FactSheet> {
        self.facts.get(host)
    }

    fn file(&self, path: &str) -> Result<LocalFile, String> {
        local_file(Path::new(path)).map_err(|why| format!("{path}: {why}"))
    }

    fn text_beside(&self, file: &str, path: &str) -> Result<String, String> {
        let folder = self.folder_of(file).ok_or("a runbook that is built into the program has no files beside it")?;
        text_beside(&folder, path)
    }

    fn choices(&self, runbook: &RunbookName, input: &str) -> Result<Vec<String>, String> {
        let known = self.choices.get(&(runbook.clone(), input.to_owned()));
        known.cloned().ok_or_else(|| "its choices were never read; open its form, or ask for them".to_owned())
    }

    fn host_keys(&self, host: &Host) -> Vec<String> {
        self.host_keys.get(&host.name).cloned().unwrap_or_default()
    }
}

impl Snapshot {
    /// The folder of the runbook that messages call `file`.
    fn folder_of(&self, file: &str) -> Option<PathBuf> {
        let entry = self.catalogue.entries().find(|entry| entry.file == file);
        match entry {
            Some(entry) => entry.path.as_deref().and_then(Path::parent).map(Path::to_owned),
            None => Path::new(file).parent().map(Path::to_owned),
        }
    }
}

fn local_file(path: &Path) -> Result<LocalFile, String> {
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("it is not a file".to_owned());
    }
    if meta.len() > LOCAL_FILE_BYTES_MAX {
        return Err("it is larger than 4 GiB".to_owned());
    }
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let digest = Digest::of_reader(file).map_err(|error| error.to_string())?;
    Ok(LocalFile { digest, bytes: meta.len() })
}

/// The text of a file in the folder of a runbook, or below it.
pub(crate) fn text_beside(folder: &Path, path: &str) -> Result<String, String> {
    // What is below the folder, and nothing else, was reviewed with the runbook.
    if Path::new(path).components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(format!("{path} is not below the runbook's folder"));
    }
    let full = folder.join(path);
    let real = full.canonicalize().map_err(|error| format!("{path}: {error}"))?;
    let root = folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))?;
    if !real.starts_with(&root) {
        return Err(format!("{path} leads out of the runbook's folder"));
    }
    read_bounded(&real).map_err(|why| format!("{path}: {why}"))
}
