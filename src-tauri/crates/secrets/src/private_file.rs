//! Files that only this user may read, replaced whole or not at all.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::SecretsError;

/// Another process that writes has so long; a write takes milliseconds, deriving a key below 2 s.
pub(crate) const LOCK_DEADLINE: Duration = Duration::from_secs(10);
/// How often a lock is tried: advisory locks have no waiting with a deadline.
const LOCK_RETRY: Duration = Duration::from_millis(20);
/// The name of the lock's file. It stays: removing it would let two hold "the" lock.
const LOCK_FILE: &str = "secrets.lock";

fn failed(what: &'static str) -> impl FnOnce(io::Error) -> SecretsError {
    move |source| SecretsError::File { what, source }
}

/// Makes the folder, for this user only.
pub(crate) fn make_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Held while index and vault are read, changed and written. Blocks; not for an async thread.
pub(crate) fn lock(dir: &Path) -> Result<File, SecretsError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(dir.join(LOCK_FILE)).map_err(failed("open the lock of the secrets' files"))?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if start.elapsed() < LOCK_DEADLINE => std::thread::sleep(LOCK_RETRY),
            Err(TryLockError::WouldBlock) => return Err(SecretsError::Busy(LOCK_DEADLINE)),
            Err(TryLockError::Error(source)) => {
                return Err(SecretsError::File { what: "lock the secrets' files", source });
            }
        }
    }
}

/// The file's bytes, `None` where there is no such file. A file that is larger than `bytes_max`
/// is an error, not a prefix.
pub(crate) fn read(path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is larger than it can be"));
    }
    Ok(Some(bytes))
}

/// Replaces the file: written beside it (mode 0600), synced, renamed, and the folder synced.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), SecretsError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".secrets-").tempfile_in(dir)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        // Elsewhere a folder cannot be opened to be synced.
        #[cfg(unix)]
        File::open(dir)?.sync_all()?;
        Ok(())
    };
    write().map_err(failed("write the secrets' files"))
}
