//! The shells that hosts have, each as the `sh` that a session finds first.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::sshd::{Sshd, can_have_a_view, user};

/// A host whose `sh` is this shell.
pub(crate) struct ShellHost {
    pub(crate) name: &'static str,
    pub(crate) sshd: Sshd,
    _bin: TempDir,
}

/// One host for each shell; those that are not installed are named and left out.
pub(crate) fn all() -> Vec<ShellHost> {
    all_with("")
}

/// The same, with more lines of their servers' configuration.
pub(crate) fn all_with(config: &str) -> Vec<ShellHost> {
    NAMES.into_iter().filter_map(|name| host_with(name, config, None)).collect()
}

/// A configuration by which everybody works as nobody, and a folder with the program `become`, by which nobody
/// can become somebody else. None where that cannot be had.
pub(crate) fn as_nobody() -> Option<(String, TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("become");
    let has_program = fs::copy("/usr/bin/setpriv", &program).is_ok();
    if !has_program || user() != "root" {
        eprintln!("not tested here, because it takes root and setpriv");
        return None;
    }
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
    let nobody = "/usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups";
    Some((format!("ForceCommand exec {nobody} sh -c \"$SSH_ORIGINAL_COMMAND\""), folder))
}

/// One host for each shell, whose places hold nothing yet. None where that cannot be had.
pub(crate) fn all_empty() -> Vec<ShellHost> {
    if !can_have_a_view() {
        return Vec::new();
    }
    NAMES.into_iter().filter_map(|name| host_with(name, "", Some(crate::places::EMPTY))).collect()
}

const NAMES: [&str; 4] = ["dash", "bash", "busybox", "mksh"];

fn host_with(name: &'static str, config: &str, view: Option<&str>) -> Option<ShellHost> {
    let program = Path::new("/usr/bin").join(name);
    if !program.exists() {
        assert_ne!(name, "dash", "these tests are written on a system that has dash");
        eprintln!("not tested here, because it is not installed: {name}");
        return None;
    }
    let bin = tempfile::tempdir().unwrap();
    // Others than its owner find programs there, too.
    fs::set_permissions(bin.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut path = bin.path().display().to_string();
    if name == "busybox" {
        // All programs are its own, as on an edge device.
        let list = Command::new(&program).arg("--list").output().unwrap();
        for applet in String::from_utf8_lossy(&list.stdout).lines().filter(|applet| !matches!(*applet, "su" | "sudo")) {
            symlink(&program, bin.path().join(applet)).unwrap();
        }
    } else {
        symlink(&program, bin.path().join("sh")).unwrap();
        path += ":/usr/local/bin:/usr/bin:/bin";
    }
    let sshd = Sshd::start_with(&format!("SetEnv PATH={path}\n{config}"), view);
    Some(ShellHost { name, sshd, _bin: bin })
}

/// A host whose sessions find no program of this name.
pub(crate) fn without(program: &str) -> (Sshd, TempDir) {
    let bin = tempfile::tempdir().unwrap();
    for folder in ["/usr/bin", "/bin"] {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            if entry.file_name() != program {
                let _ = symlink(entry.path(), bin.path().join(entry.file_name()));
            }
        }
    }
    (Sshd::start(&format!("SetEnv PATH={}", bin.path().display())), bin)
}
