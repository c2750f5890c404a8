//! Watches the files that people edit, and says when to read them again.

use std::path::Path;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

/// After a change, more changes are waited for so long: editors write a file in several steps.
const SETTLE: Duration = Duration::from_millis(200);

/// Tells that something changed. Dropping it ends the watching.
pub(crate) struct FilesChanged {
    _watcher: RecommendedWatcher,
    changed: mpsc::Receiver<()>,
}

impl FilesChanged {
    /// Watches these folders, not what is below them. A folder that cannot be watched is logged:
    /// the console works, and reads files again at its next start.
    #[must_use]
    pub(crate) fn in_folders<'a>(folders: impl Iterator<Item = &'a Path>) -> Option<Self> {
        // One place: a second change while the first waits to be taken says nothing new.
        let (tell, changed) = mpsc::channel(1);
        let handler = move |event: notify::Result<notify::Event>| match event {
            Ok(event) if event.kind.is_access() => {}
            Ok(_) => {
                let _ = tell.try_send(());
            }
            Err(error) => tracing::warn!(%error, "watching files"),
        };
        let mut watcher = notify::recommended_watcher(handler)
            .inspect_err(|error| tracing::warn!(%error, "files are not watched"))
            .ok()?;
        for folder in folders {
            if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                tracing::info!(folder = %folder.display(), %error, "not watched");
            }
        }
        Some(Self { _watcher: watcher, changed })
    }

    /// Waits until something changed and the writing has settled; false when watching has ended.
    pub(crate) async fn wait(&mut self) -> bool {
        if self.changed.recv().await.is_none() {
            return false;
        }
        while let Ok(Some(())) = tokio::time::timeout(SETTLE, self.changed.recv()).await {}
        true
    }
}
