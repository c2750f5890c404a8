//! The revision of a folder of runbooks, where it is a Git checkout: for people, and for the plan's record.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use crate::process::{Said, ask};

/// How long `git` may take to say where a folder stands.
const GIT_WAIT: Duration = Duration::from_secs(5);
/// A status of a folder with this much to say is not read by anybody.
const GIT_BYTES_MAX: u64 = 64 * 1024;
/// Digits of a commit that people see; Git itself finds a commit by them.
const SHOWN_DIGITS: usize = 12;

/// `git 1f3a9c2b7d10`, with `, modified` where `file` is not as it was committed; none where the
/// folder is no checkout, or nobody can say.
pub(crate) async fn of(file: &Path) -> Option<String> {
    let folder = file.parent()?;
    let commit = git(folder, &["rev-parse", "--verify", "HEAD"]).await.ok()?;
    let digits: String = commit.trim().chars().take(SHOWN_DIGITS).collect();
    let name = file.file_name()?.to_str()?;
    let status = git(folder, &["status", "--porcelain", "--", name]).await.ok()?;
    let modified = if status.trim().is_empty() { "" } else { ", modified" };
    Some(format!("git {digits}{modified}"))
}

/// What `git` says in a folder; the error is a sentence.
pub(crate) async fn git(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    git_with(folder, arguments, b"", None).await
}

/// [`git`], with something to read on its standard input, and an index of its own.
pub(crate) async fn git_with(
    folder: &Path,
    arguments: &[&str],
    input: &[u8],
    index: Option<&Path>,
) -> Result<String, String> {
    let mut command = Command::new("git");
    if let Some(index) = index {
        command.env("GIT_INDEX_FILE", index);
    }
    // A prompt would wait for somebody who is not there, and a hook of the folder is not what was asked for.
    command
        .arg("-C")
        .arg(folder)
        .args(["-c", "core.hooksPath=", "-c", "core.fsmonitor=false"])
        .args(arguments)
        .env("GIT_TERMINAL_PROMPT", "0");
    let Said { code, stdout, complaint } =
        ask(command, input, GIT_WAIT, GIT_BYTES_MAX).await.map_err(|silent| silent.to_string())?;
    if code != Some(0) {
        return Err(complaint.lines().next().unwrap_or("git failed and did not say why").to_owned());
    }
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}
