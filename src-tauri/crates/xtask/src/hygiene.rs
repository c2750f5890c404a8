//! What must not be in a file of the repository, because it is true of one machine only.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::checkout::Checkout;

/// A path shorter than this (such as `/`) occurs everywhere.
const MACHINE_PATH_MIN: usize = 6;

/// Looks at every file that is or would be committed; returns one line, or all that is wrong.
pub(crate) fn check(checkout: &Checkout) -> Result<String> {
    let files = committed(checkout)?;
    let forbidden = machine_paths(checkout);
    let mut wrong = Vec::new();
    for file in &files {
        // Deleted, and not yet staged.
        let Ok(bytes) = fs::read(checkout.root.join(file)) else { continue };
        // Pictures and other binaries are not text.
        let Ok(text) = String::from_utf8(bytes) else { continue };
        wrong.extend(machine_specific(file, &text, &forbidden));
        wrong.extend(registry_in_lock(file, &text));
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(format!("{} files", files.len()))
}

fn committed(checkout: &Checkout) -> Result<Vec<PathBuf>> {
    let listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let answer = checkout.program("git").args(listing).answer()?;
    Ok(answer.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect())
}

/// Where this checkout, its build and cargo's downloads happen to be.
fn machine_paths(checkout: &Checkout) -> Vec<String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    [Some(checkout.root.clone()), Some(checkout.target.clone()), home]
        .into_iter()
        .flatten()
        .map(|path| path.display().to_string())
        .filter(|path| path.len() >= MACHINE_PATH_MIN)
        .collect()
}

fn machine_specific(file: &Path, text: &str, forbidden: &[String]) -> Vec<String> {
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(at, line)| forbidden.iter().find(|path| line.contains(*path)).map(|path| (at + 1, path)))
        .map(|(line, path)| format!("{}:{line} names {path}, a path of this machine", file.display()))
        .collect()
}

/// A lock file names packages and digests; where they are fetched from is each machine's own matter.
fn registry_in_lock(file: &Path, text: &str) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    let line = match name {
        "package-lock.json" => {
            text.lines().find(|line| line.trim_start().starts_with("\"resolved\"") && line.contains("://"))
        }
        "Cargo.lock" => {
            let mut sources = text.lines().filter(|line| line.starts_with("source = "));
            let first = sources.next();
            sources.find(|line| Some(*line) != first)
        }
        _ => None,
    }?;
    Some(format!("{} pins where a package comes from: {}", file.display(), line.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_this_machine_is_found_with_its_line() {
        let forbidden = ["/somewhere/checkout".to_owned()];
        let found = machine_specific(Path::new("a.md"), "one\nsee /somewhere/checkout/x\n", &forbidden);
        assert_eq!(found, ["a.md:2 names /somewhere/checkout, a path of this machine"]);
        assert!(machine_specific(Path::new("a.md"), "see /usr/bin/env\n", &forbidden).is_empty());
    }

    #[test]
    fn a_lock_file_that_names_a_mirror_is_found() {
        let npm = Path::new("ui/package-lock.json");
        assert!(registry_in_lock(npm, "  \"resolved\": \"https://mirror.example/x.tgz\",\n").is_some());
        assert!(registry_in_lock(npm, "  \"url\": \"https://funding.example\"\n").is_none());
        let cargo = Path::new("Cargo.lock");
        assert!(registry_in_lock(cargo, "source = \"registry+a\"\nsource = \"registry+a\"\n").is_none());
        assert!(registry_in_lock(cargo, "source = \"registry+a\"\nsource = \"git+b\"\n").is_some());
    }
}
