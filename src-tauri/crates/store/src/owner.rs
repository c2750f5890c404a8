//! Who is alive: one locked file per process.
//!
//! The operating system drops a file lock with the process, however it ends, so a lock that can be
//! had means that its owner is gone. No clock and no heartbeat is involved: a laptop that slept for
//! a night still owns its runs.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::error::Error;

/// Attempts to make an own lock file. One suffices unless a cleaner meets the file in the instant
/// between its creation and its locking.
const OWN_TRIES_MAX: usize = 8;

/// The folder of the lock files.
const OWNERS_FOLDER: &str = "owners";

/// This process's entry among the owners; the lock goes with it.
#[derive(Debug)]
pub(crate) struct Owner {
    id: String,
    folder: PathBuf,
    /// Held for its lock only.
    file: File,
}

impl Owner {
    /// Makes and locks an own file in `dir`.
    pub(crate) fn register(dir: &Path) -> Result<Self, Error> {
        let folder = dir.join(OWNERS_FOLDER);
        let failed = |path: &Path| {
            let path = path.to_owned();
            |source| Error::Prepare { path, source }
        };
        create_private_folder(&folder).map_err(failed(&folder))?;
        for _ in 0..OWN_TRIES_MAX {
            let id = Uuid::new_v4().to_string();
            let path = lock_path(&folder, &id);
            let file = create_private_file(&path).map_err(failed(&path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => continue,
                Err(TryLockError::Error(source)) => return Err(Error::Prepare { path, source }),
            }
            // A cleaner removes only what it has locked. We have the lock now, so a file that is
            // still there stays.
            if path.try_exists().map_err(failed(&path))? {
                return Ok(Self { id, folder, file });
            }
        }
        let source = io::Error::other("another process removed the lock file each time");
        Err(Error::Prepare { path: folder, source })
    }

    /// Its name.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Whether the owner of this name is a running process. What cannot be asked counts as alive:
    /// two drivers of one run would be worse than an orphan that waits.
    pub(crate) fn is_alive(&self, id: &str) -> bool {
        if id == self.id {
            return true;
        }
        // Names come from the database. One that is not ours to look up is nobody's.
        let Ok(uuid) = Uuid::parse_str(id) else { return false };
        match File::open(lock_path(&self.folder, &uuid.to_string())) {
            // Shared, so that several processes that ask at one time do not take each other for the owner.
            Ok(file) => !matches!(file.try_lock_shared(), Ok(())),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Removes the files of processes that are gone. Best effort: a file that stays harms nobody.
    pub(crate) fn remove_stale(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            if path.extension().is_none_or(|extension| extension != "lock") || path == lock_path(&self.folder, &self.id)
            {
                continue;
            }
            let Ok(file) = File::open(&path) else { continue };
            // Exclusive: neither its owner nor anybody who is just asking has it.
            if file.try_lock().is_ok()
                && let Err(error) = std::fs::remove_file(&path)
            {
                tracing::debug!(path = %path.display(), %error, "a stale lock file stays");
            }
        }
    }

    /// Ends the ownership: from now on its unfinished runs are orphans.
    pub(crate) fn retire(&self) {
        if let Err(error) = std::fs::remove_file(lock_path(&self.folder, &self.id)) {
            tracing::debug!(%error, "the own lock file stays, unlocked");
        }
        if let Err(error) = self.file.unlock() {
            tracing::debug!(%error, "the lock goes with the process");
        }
    }
}

fn lock_path(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.lock"))
}

/// Makes a folder that only this user may enter. One that exists stays as it is: its rights are
/// the user's choice.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes a file that only this user may read; an error where it exists.
pub(crate) fn create_private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_alive_until_its_lock_is_free_and_only_then_is_its_file_removed() {
        let dir = tempfile::tempdir().expect("a folder");
        let one = Owner::register(dir.path()).expect("an owner");
        let two = Owner::register(dir.path()).expect("an owner");
        let gone = one.id().to_owned();
        two.remove_stale();
        assert!(two.is_alive(&gone) && one.is_alive(two.id()));

        drop(one);
        assert!(!two.is_alive(&gone), "the lock went with its holder");
        let path = lock_path(&two.folder, &gone);
        assert!(path.exists());
        two.remove_stale();
        assert!(!path.exists());
        assert!(!two.is_alive(&gone), "a missing file is a dead owner");
        assert!(!two.is_alive("../../etc/passwd"));
    }
}
