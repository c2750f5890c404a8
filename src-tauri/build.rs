//! Compiles the window's configuration into the desktop binary. Without the `gui` feature there is nothing to compile,
//! and neither webkit nor a built UI is needed.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=src-tauri/build.rs");
    #[cfg(feature = "gui")]
    window()?;
    Ok(())
}

/// `tauri-build` runs in the repository's root, where `tauri.conf.json` is; what belongs to the window lives under
/// `src-tauri`, so each path is given here.
#[cfg(feature = "gui")]
fn window() -> Result<(), Box<dyn Error>> {
    use std::path::Path;

    // The UI is embedded by a macro that cargo does not watch; the other two come with giving the paths ourselves.
    for watched in ["ui/dist", "src-tauri/capabilities", "src-tauri/permissions"] {
        println!("cargo:rerun-if-changed={watched}");
    }
    tauri_build::try_build(
        tauri_build::Attributes::new()
            .capabilities_path_pattern("./src-tauri/capabilities/*.json")
            .app_manifest(tauri_build::AppManifest::new().permissions_path_pattern("./src-tauri/permissions/*.toml")),
    )?;
    // The schemas always go to `./gen`; the top level of the repository is kept for people.
    let generated = Path::new("gen");
    if generated.is_dir() {
        let kept = Path::new("src-tauri/gen");
        if kept.is_dir() {
            std::fs::remove_dir_all(kept)?;
        }
        std::fs::rename(generated, kept)?;
    }
    Ok(())
}
