//! The log file: daily, bounded in number, readable by its owner only. `RUST_LOG` sets what goes in.

use std::path::Path;

use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::EnvFilter;

/// How many daily files are kept: two weeks, enough to look back at an incident after its review.
const LOG_FILES_MAX: usize = 14;

/// Why there is no log file.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The directory cannot be made.
    #[error("cannot make the log directory")]
    Directory(#[source] std::io::Error),
    /// The file cannot be opened.
    #[error("cannot open the log file")]
    File(#[source] tracing_appender::rolling::InitError),
}

/// Starts logging into `dir`. Keep the guard until the program ends: it writes what is left.
pub fn start(dir: &Path) -> Result<WorkerGuard, LogError> {
    std::fs::create_dir_all(dir).map_err(LogError::Directory)?;
    owner_only(dir).map_err(LogError::Directory)?;
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("daytwo")
        .filename_suffix("log")
        .max_log_files(LOG_FILES_MAX)
        .build(dir)
        .map_err(LogError::File)?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,russh=warn"));
    // A second start in one process (tests) keeps the first subscriber.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(writer).try_init();
    Ok(guard)
}

#[cfg(unix)]
fn owner_only(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))
}

/// Elsewhere a user's data directory is private already.
#[cfg(not(unix))]
fn owner_only(_: &Path) -> std::io::Result<()> {
    Ok(())
}
