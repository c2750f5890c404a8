//! Opens the console, then the window on it; closes both in the other order.

use std::sync::Arc;

use anyhow::Context as _;
use daytwo_console::{Console, Mode, Profile, ProfileKind};
use tauri::Manager as _;
use tokio::runtime::Runtime;

use crate::commands;

/// Runs until the window is closed.
pub(crate) fn run() -> anyhow::Result<()> {
    let demo = demo_wanted()?;
    let kind = if demo { ProfileKind::Demo } else { ProfileKind::Own };
    let profile = Profile::from_environment(kind)?;
    let _log = daytwo_console::logging::start(&profile.logs_dir())?;
    prefer_software_rendering_without_a_gpu();
    let runtime = Runtime::new().context("cannot start the async runtime")?;
    let console = runtime.block_on(Console::open(profile, Mode::Window))?;
    tauri::async_runtime::set(runtime.handle().clone());
    let result = window(Arc::clone(&console));
    runtime.block_on(console.close());
    result
}

fn window(console: Arc<Console>) -> anyhow::Result<()> {
    tauri::Builder::default()
        .plugin(tauri_plugin_window_state::Builder::default().build())
        .manage(commands::Window::new(console))
        .invoke_handler(commands::handler())
        .build(context())
        .context("cannot open the window")?
        .run(|app, event| match event {
            tauri::RunEvent::WindowEvent { event: tauri::WindowEvent::CloseRequested { api, .. }, .. }
                if !app.state::<commands::Window>().may_close() =>
            {
                api.prevent_close();
            }
            tauri::RunEvent::Exit => app.state::<commands::Window>().close(),
            _ => {}
        });
    Ok(())
}

/// The window's configuration and the UI, built into this program.
#[expect(clippy::disallowed_methods, reason = "the macro's own code names process::exit; it is not called by us")]
fn context() -> tauri::Context {
    tauri::generate_context!()
}

fn demo_wanted() -> anyhow::Result<bool> {
    let mut demo = false;
    for argument in std::env::args_os().skip(1) {
        match argument.to_str() {
            Some("--demo") => demo = true,
            _ => anyhow::bail!(
                "unknown argument {argument:?}; the window takes --demo, and `daytwo --help` lists the rest"
            ),
        }
    }
    Ok(demo)
}

/// Where there is no GPU, WebKit's DMABUF renderer costs twice the memory and draws slower.
/// The user's own value wins.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "set_var is unsafe since other threads could read the environment")]
fn prefer_software_rendering_without_a_gpu() {
    const VARIABLE: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
    let has_gpu = std::fs::read_dir("/dev/dri")
        .is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("renderD")));
    if !has_gpu && std::env::var_os(VARIABLE).is_none() {
        // SAFETY: the runtime is not started yet, and the log's writer thread reads no environment.
        unsafe { std::env::set_var(VARIABLE, "1") };
    }
}

#[cfg(not(target_os = "linux"))]
const fn prefer_software_rendering_without_a_gpu() {}
