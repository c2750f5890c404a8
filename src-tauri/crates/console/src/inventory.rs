//! Where hosts come from: the fleet file and ssh_config, read at the start and whenever they change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use daytwo_fleet::ports::ReadFiles;
use daytwo_fleet::sources::{Fleet, Sources};
use daytwo_fleet::ssh_config::{self, SshPlaces};
use daytwo_model::Host;
use tokio::sync::watch;

use crate::catalogue::read_bounded;
use crate::clock::SystemClock;
use crate::profile::Profile;

/// How people know the two sources.
const FLEET_FILE: &str = "fleet.yaml";
const SSH_CONFIG: &str = "~/.ssh/config";

/// How many entries of a folder are looked at for an `Include` with a pattern.
const FOLDER_ENTRIES_MAX: usize = 4_096;

/// The fleet as its sources tell it.
pub(crate) struct Inventory {
    sources: Mutex<Sources>,
    fleet_file: Option<PathBuf>,
    ssh_config: Option<(PathBuf, SshPlaces)>,
    fleet: watch::Sender<Arc<Fleet>>,
}

impl Inventory {
    /// The fleet of one's own files. Reads them once; [`Inventory::read`] reads them again.
    #[must_use]
    pub(crate) fn of_files(profile: &Profile) -> Self {
        let fleet_file = profile.fleet_file();
        let ssh_config = profile.ssh_dir.as_ref().map(|ssh_dir| {
            let home = ssh_dir.parent().unwrap_or(ssh_dir).to_owned();
            (ssh_dir.join("config"), SshPlaces { ssh_dir: ssh_dir.clone(), home })
        });
        let mut sources = vec![(FLEET_FILE.to_owned(), fleet_file.display().to_string())];
        sources.extend(ssh_config.iter().map(|(path, _)| (SSH_CONFIG.to_owned(), path.display().to_string())));
        let inventory = Self {
            sources: Mutex::new(Sources::new(sources)),
            fleet_file: Some(fleet_file),
            ssh_config,
            fleet: watch::Sender::new(Arc::new(Fleet::default())),
        };
        inventory.read();
        inventory
    }

    /// A fleet that is given, as the demo's is.
    #[must_use]
    pub(crate) fn of_hosts(source: &str, hosts: Vec<Host>) -> Self {
        let mut sources = Sources::new([(source.to_owned(), String::new())]);
        sources.apply(source, SystemClock.now(), Ok(hosts));
        let fleet = watch::Sender::new(Arc::new(sources.fleet()));
        Self { sources: Mutex::new(sources), fleet_file: None, ssh_config: None, fleet }
    }

    /// The fleet as it is now.
    #[must_use]
    pub(crate) fn fleet(&self) -> Arc<Fleet> {
        Arc::clone(&self.fleet.borrow())
    }

    /// Tells when the fleet changes.
    #[must_use]
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Fleet>> {
        self.fleet.subscribe()
    }

    /// Reads the files again. A file that is not there is an empty source; one that cannot be
    /// read keeps the hosts that it had.
    pub(crate) fn read(&self) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = &self.fleet_file {
            let hosts = when_there(path, |text| {
                daytwo_fleet::fleet_file::parse(FLEET_FILE, text).map_err(|problems| problems.to_string())
            });
            sources.apply(FLEET_FILE, SystemClock.now(), hosts);
        }
        if let Some((path, places)) = &self.ssh_config {
            let hosts = when_there(path, |_| {
                ssh_config::hosts(path, SSH_CONFIG, places, &Disk).map(|found| {
                    for note in &found.notes {
                        tracing::warn!(note, "ssh_config");
                    }
                    found.hosts
                })
            });
            sources.apply(SSH_CONFIG, SystemClock.now(), hosts);
        }
        self.fleet.send_replace(Arc::new(sources.fleet()));
    }

    /// Folders in which a change may mean a changed fleet.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &Path> {
        let files = self.fleet_file.iter().chain(self.ssh_config.iter().map(|(path, _)| path));
        files.filter_map(|path| path.parent())
    }
}

fn when_there(path: &Path, read: impl FnOnce(&str) -> Result<Vec<Host>, String>) -> Result<Vec<Host>, String> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    read(&read_bounded(path)?)
}

/// The real file system, for the files that an ssh_config includes.
struct Disk;

impl ReadFiles for Disk {
    fn read(&self, path: &Path) -> Result<String, String> {
        read_bounded(path)
    }

    fn list(&self, folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.take(FOLDER_ENTRIES_MAX).map(|entry| entry.path()).collect()
    }
}
