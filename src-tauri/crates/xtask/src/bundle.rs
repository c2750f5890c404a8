//! `cargo xtask bundle`: the release binaries, the packages to install, and how big they are.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::checkout::{COMMAND_LINE, Checkout, DESKTOP};
use crate::process::in_words;
use crate::run::log_of;
use crate::system::{self, For};
use crate::ui;

/// A release build with link-time optimisation of everything, on two slow cores.
const BUNDLE_DEADLINE: Duration = Duration::from_secs(75 * 60);

/// Builds, packs, prints sizes.
pub(crate) fn bundle(checkout: &Checkout) -> Result<()> {
    system::ensure_packages(&[For::Compiling, For::Window])?;
    system::ensure_node()?;
    let started = Instant::now();
    let log = log_of(checkout, "bundle-ui.log")?;
    ui::install(checkout, &log)
        .with_context(|| format!("UI packages could not be installed; see {}", log.display()))?;

    let tauri = checkout.ui().join("node_modules/.bin/tauri");
    let target = checkout.target.to_string_lossy().into_owned();
    let build = checkout.program(&tauri.to_string_lossy()).args(["build", "--", "--locked"]);
    build.env("CARGO_TARGET_DIR", &target).deadline(BUNDLE_DEADLINE).attached()?;

    let mut made = vec![checkout.binary("release", DESKTOP), checkout.binary("release", COMMAND_LINE)];
    let bundles = checkout.target.join("release/bundle");
    for folder in entries(&bundles)?.into_iter().filter(|path| path.is_dir()) {
        made.extend(entries(&folder)?.into_iter().filter(|path| path.is_file()));
    }
    println!();
    for path in &made {
        let bytes = fs::metadata(path).with_context(|| format!("{} was not built", path.display()))?.len();
        println!("{:>8}  {}", megabytes(bytes), checkout.shown(path));
    }
    ensure!(made.len() > 2, "no package was made in {}", bundles.display());
    println!("Bundled in {}: {} packages.", in_words(started.elapsed()), made.len() - 2);
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let listing = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut paths = listing.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_in_decimal_megabytes_as_package_lists_show_them() {
        assert_eq!(super::megabytes(16_849_999), "16.8 MB");
    }
}
