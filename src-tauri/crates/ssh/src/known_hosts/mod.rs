//! Which host keys are known, and what a presented key means.
//!
//! Nothing is accepted here on first sight: an unknown key is reported, and only [`append`]
//! (called when a person has accepted it) makes it known. Files of the user are never written.

#[cfg(test)]
mod differential;
mod line;

use std::collections::HashMap;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use russh::keys::Algorithm;

use self::line::{Entry, Marker};
use crate::keys::PublicKey;

/// Largest known_hosts file that is read; about a hundred thousand hosts.
const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// What a presented key means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the host's key.
    Known,
    /// No file knows a key of this host.
    Unknown,
    /// Files know keys of this host, and this is not one of them.
    Changed(Place),
    /// A file says that this key must not be accepted.
    Revoked(Place),
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: PathBuf,
    pub(crate) line: usize,
}

/// A file that is there and cannot be read. It is not taken for an empty one: it may hold a revocation.
#[derive(Debug, Clone, thiserror::Error)]
#[error("read the known host keys in {}: {why}", file.display())]
pub(crate) struct Unreadable {
    file: PathBuf,
    why: String,
}

/// Parsed files, kept until they change.
#[derive(Debug, Default)]
pub(crate) struct KnownHosts {
    parsed: Mutex<HashMap<PathBuf, (Stamp, Entries)>>,
}

/// A file's lines, shared by all that look at them.
type Entries = Arc<Vec<Entry>>;

/// What changes when a file is written.
type Stamp = (Option<SystemTime>, u64);

/// The files that count for one host, as they were when the connection began.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    files: Vec<(PathBuf, Entries)>,
}

impl KnownHosts {
    /// Reads those of `files` that are there.
    pub(crate) async fn snapshot(&self, files: &[PathBuf]) -> Result<Snapshot, Unreadable> {
        let mut snapshot = Snapshot::default();
        for file in files {
            if let Some(entries) = self.read(file).await? {
                snapshot.files.push((file.clone(), entries));
            }
        }
        Ok(snapshot)
    }

    async fn read(&self, file: &Path) -> Result<Option<Entries>, Unreadable> {
        let unreadable = |why: &dyn ToString| Unreadable { file: file.to_owned(), why: why.to_string() };
        let meta = match tokio::fs::metadata(file).await {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(&error)),
        };
        if meta.len() > FILE_BYTES_MAX {
            return Err(unreadable(&"it is larger than 32 MiB"));
        }
        let stamp = (meta.modified().ok(), meta.len());
        {
            let parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((kept, entries)) = parsed.get(file)
                && *kept == stamp
            {
                return Ok(Some(Arc::clone(entries)));
            }
        }
        let bytes = tokio::fs::read(file).await.map_err(|error| unreadable(&error))?;
        let entries = Arc::new(parse(&String::from_utf8_lossy(&bytes)));
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        parsed.insert(file.to_owned(), (stamp, Arc::clone(&entries)));
        Ok(Some(entries))
    }
}

fn parse(text: &str) -> Vec<Entry> {
    text.lines().enumerate().filter_map(|(index, line)| Entry::parse(index + 1, line)).collect()
}

impl Snapshot {
    fn about<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a Path, &'a Entry)> {
        self.files
            .iter()
            .flat_map(|(file, entries)| entries.iter().map(move |entry| (file.as_path(), entry)))
            .filter(move |(_, entry)| entry.is_about(name))
    }

    /// What it means that the host called `name` (see [`name_of`]) presents `key`.
    ///
    /// As in OpenSSH: a revocation beats everything; one equal key among several is enough; any
    /// other key for the host makes it changed.
    pub(crate) fn judge(&self, name: &str, key: &PublicKey) -> Verdict {
        let mut known = false;
        let mut other: Option<Place> = None;
        let mut other_has_type = false;
        for (file, entry) in self.about(name) {
            let place = || Place { file: file.to_owned(), line: entry.line };
            match entry.marker {
                Marker::CertAuthority => {}
                Marker::Revoked if entry.key == *key => return Verdict::Revoked(place()),
                Marker::Revoked => {}
                Marker::HostKey if entry.key == *key => known = true,
                Marker::HostKey => {
                    // The line with a key of the same type is the one that a person must look at.
                    let has_type = entry.key.algorithm() == key.algorithm();
                    if other.is_none() || (has_type && !other_has_type) {
                        other = Some(place());
                        other_has_type = has_type;
                    }
                }
            }
        }
        match other {
            _ if known => Verdict::Known,
            Some(place) => Verdict::Changed(place),
            None => Verdict::Unknown,
        }
    }

    /// Whether both hold the same reading of the same files.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.files.len() == other.files.len()
            && self.files.iter().zip(&other.files).all(|(a, b)| a.0 == b.0 && Arc::ptr_eq(&a.1, &b.1))
    }

    /// The SHA-256 fingerprints of the keys that are trusted for the host called `name`, sorted.
    pub(crate) fn fingerprints(&self, name: &str) -> Vec<String> {
        let revoked: Vec<&PublicKey> = self
            .about(name)
            .filter(|(_, entry)| entry.marker == Marker::Revoked)
            .map(|(_, entry)| &entry.key)
            .collect();
        let mut keys: Vec<String> = self
            .about(name)
            .filter(|(_, entry)| entry.marker == Marker::HostKey && !revoked.contains(&&entry.key))
            .map(|(_, entry)| entry.key.fingerprint())
            .collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// Key types that are known of the host, so that the server is asked for one of those first.
    pub(crate) fn known_algorithms(&self, name: &str) -> Vec<Algorithm> {
        let plain = self.about(name).filter(|(_, entry)| entry.marker == Marker::HostKey);
        plain.map(|(_, entry)| entry.key.inner().algorithm()).collect()
    }
}

/// The name under which known_hosts files keep a host: in lower case, with the port unless it is 22.
pub(crate) fn name_of(address: &str, port: u16) -> String {
    let address = address.to_lowercase();
    if port == 22 { address } else { format!("[{address}]:{port}") }
}

/// Adds a key for `name` to `file`, which is made with mode 0600 where it is missing.
///
/// Appended under a lock and in one write, so that two processes that accept keys at one time lose
/// neither, and a reader never sees half a line as a key of another host.
pub(crate) fn append(file: &Path, name: &str, key: &PublicKey) -> io::Result<()> {
    if let Some(dir) = file.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut open = options.open(file)?;
    open.lock()?;
    let mut line = format!("{name} {}\n", key.to_openssh());
    if open.metadata()?.len() > 0 {
        open.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        open.read_exact(&mut last)?;
        if last != *b"\n" {
            line.insert(0, '\n');
        }
    }
    open.write_all(line.as_bytes())?;
    open.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::HostKey;

    fn key() -> PublicKey {
        HostKey::generate().unwrap().public()
    }

    fn snapshot(text: &str) -> Snapshot {
        Snapshot { files: vec![(PathBuf::from("kh"), Arc::new(parse(text)))] }
    }

    #[test]
    fn known_unknown_changed_and_revoked_are_four_outcomes() {
        let (a, b) = (key(), key());
        let text = format!(
            "# comment\n\nalpha,[beta]:2222 {a}\n@revoked * {b}\n@cert-authority *.corp {a}\nbroken line\n",
            a = a.to_openssh(),
            b = b.to_openssh()
        );
        let files = snapshot(&text);
        let place = |line| Place { file: "kh".into(), line };
        assert_eq!(files.judge("alpha", &a), Verdict::Known);
        assert_eq!(files.judge("[beta]:2222", &a), Verdict::Known);
        assert_eq!(files.judge("beta", &a), Verdict::Unknown);
        assert_eq!(files.judge("alpha", &key()), Verdict::Changed(place(3)));
        assert_eq!(files.judge("alpha", &b), Verdict::Revoked(place(4)));
        assert_eq!(files.judge("x.corp", &a), Verdict::Unknown, "an authority's key is not a host's");
    }

    #[test]
    fn an_accepted_key_is_appended_once_per_call_even_after_a_line_without_an_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("sub/trusted");
        let (a, b) = (key(), key());
        append(&file, "alpha", &a).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.trim_end()).unwrap();
        append(&file, "beta", &b).unwrap();
        let files = snapshot(&std::fs::read_to_string(&file).unwrap());
        assert_eq!(files.judge("alpha", &a), Verdict::Known);
        assert_eq!(files.judge("beta", &b), Verdict::Known);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
