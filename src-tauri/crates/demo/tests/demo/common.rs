//! A fleet for one test, and commands in its hosts.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use daytwo_demo::{DemoFleet, DemoHost, DemoOptions};
use daytwo_model::HostName;

/// Long enough for a loaded machine with two cores; a wait ends as soon as its condition holds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn fleet(dir: &Path, names: &[&str]) -> DemoFleet {
    let only = Some(names.iter().map(|name| HostName::new(*name).unwrap()).collect());
    let options = DemoOptions { reboot_delay: Duration::from_millis(200), only, ..DemoOptions::default() };
    DemoFleet::start(dir, options).await.expect("these tests need namespaces: run them where `unshare --user` works")
}

pub(crate) fn host(fleet: &DemoFleet, name: &str) -> Arc<DemoHost> {
    Arc::clone(fleet.machine(&HostName::new(name).unwrap()).unwrap())
}

/// Executes a command, and returns exit code, standard output and standard error.
pub(crate) async fn sh(host: &DemoHost, command: &str) -> (Option<i32>, String, String) {
    let done = host.capture(command, b"", PATIENCE).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    (done.status.code(), text(&done.stdout), text(&done.stderr))
}

/// Standard output of a command that must succeed.
pub(crate) async fn out(host: &DemoHost, command: &str) -> String {
    let (code, stdout, stderr) = sh(host, command).await;
    assert_eq!(code, Some(0), "{command}: {stdout} {stderr}");
    stdout
}

/// Asks again and again until the answer is `true`.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let start = tokio::time::Instant::now();
    while !ask().await {
        assert!(start.elapsed() < PATIENCE, "{what} did not happen in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the host has another boot id than this one.
pub(crate) async fn rebooted(host: &DemoHost, before: &str) -> String {
    eventually("the reboot", || async { host.boot_id().is_some_and(|now| now != before) }).await;
    host.boot_id().unwrap()
}
