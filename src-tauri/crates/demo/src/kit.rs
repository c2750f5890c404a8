//! The files that demo hosts are made of, laid out where the sandbox's user can read them.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// What runs outside of a host, and its first stage.
const OUTSIDE: [(&str, &str); 2] =
    [("guard.sh", include_str!("../hosts/guard.sh")), ("boot.sh", include_str!("../hosts/boot.sh"))];

/// What a host finds under `/opt/daytwo`.
const INSIDE: [(&str, &str); 17] = [
    ("init", include_str!("../hosts/init.sh")),
    ("lib", include_str!("../hosts/lib.sh")),
    ("seed", include_str!("../hosts/seed.sh")),
    ("pulse", include_str!("../hosts/pulse.sh")),
    ("enter", include_str!("../hosts/enter.sh")),
    ("hangup", include_str!("../hosts/hangup.sh")),
    ("service", include_str!("../hosts/service.sh")),
    ("state", include_str!("../hosts/state.sh")),
    ("bin/systemctl", include_str!("../hosts/bin/systemctl")),
    ("bin/journalctl", include_str!("../hosts/bin/journalctl")),
    ("bin/sudo", include_str!("../hosts/bin/sudo")),
    ("bin/hostname", include_str!("../hosts/bin/hostname")),
    ("bin/dmesg", include_str!("../hosts/bin/dmesg")),
    ("bin/reboot", REBOOT),
    ("bin/poweroff", REBOOT),
    ("bin/shutdown", REBOOT),
    ("inference/nvidia-smi", include_str!("../hosts/inference/nvidia-smi")),
];

/// One script under three names; it looks at the name.
const REBOOT: &str = include_str!("../hosts/bin/reboot");

/// How the folders are named; what has another name is never touched.
const PREFIX: &str = "daytwo-demo-";
/// The file in a folder that is locked as long as its console lives.
const LOCK: &str = "lock";

/// A temporary folder with the files; removed when this is dropped, or by the next console where
/// this one is killed.
///
/// It lies in the system's temporary folder and not in the user's home, because a console that runs
/// as root starts its hosts as another user, who can read nothing there. It holds no secret.
pub(crate) struct Kit {
    dir: TempDir,
    /// Held, not used.
    _lock: File,
}

impl Kit {
    pub(crate) fn lay_out() -> io::Result<Self> {
        Self::lay_out_in(&std::env::temp_dir())
    }

    fn lay_out_in(parent: &Path) -> io::Result<Self> {
        remove_abandoned(parent);
        let dir = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        // Locked before it has its name: a folder with a lock that is free is one without a console.
        let new = dir.path().join("lock.new");
        let lock = File::create(&new)?;
        lock.lock()?;
        std::fs::rename(new, dir.path().join(LOCK))?;
        let kit = Self { dir, _lock: lock };
        for folder in ["", "root", "state", "files", "files/bin", "files/inference"] {
            let path = kit.path().join(folder);
            std::fs::create_dir_all(&path)?;
            readable(&path)?;
        }
        for (name, text) in OUTSIDE {
            write(&kit.path().join(name), text)?;
        }
        for (name, text) in INSIDE {
            write(&kit.path().join("files").join(name), text)?;
        }
        Ok(kit)
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where the archive is put that a host finds at its next boot.
    pub(crate) fn state(&self, host: &str) -> PathBuf {
        self.path().join("state").join(format!("{host}.tar"))
    }

    /// Puts a host's archive there, or takes it away.
    pub(crate) fn put_state(&self, host: &str, archive: Option<&[u8]>) -> io::Result<()> {
        let path = self.state(host);
        match archive {
            Some(bytes) => {
                std::fs::write(&path, bytes)?;
                readable(&path)
            }
            None => match std::fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                other => other,
            },
        }
    }
}

/// Removes the folders of consoles that were killed. What cannot be removed is another user's.
fn remove_abandoned(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if File::open(entry.path().join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    std::fs::write(path, text)?;
    readable(path)
}

#[cfg(unix)]
fn readable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn readable(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_killed_console_go_with_the_next_start_and_those_of_a_living_one_stay() {
        let parent = tempfile::tempdir().unwrap();
        let living = Kit::lay_out_in(parent.path()).unwrap();
        let killed = Kit::lay_out_in(parent.path()).unwrap();
        let Kit { dir, _lock } = killed;
        drop(_lock);
        let left_behind = dir.keep();
        let _next = Kit::lay_out_in(parent.path()).unwrap();
        assert!(!left_behind.exists());
        assert!(living.path().join("guard.sh").exists());
    }
}
