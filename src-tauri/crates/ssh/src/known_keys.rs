//! The keys that are trusted for hosts now: asked without the network, when a plan is made and when
//! one is opened again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use daytwo_model::{Host, HostName};
use futures::StreamExt as _;

use crate::known_hosts::Snapshot;
use crate::target::Target;
use crate::transport::SshTransport;

/// `ssh -G` processes at one time, for hosts that are named in ssh_config.
pub(crate) const RESOLVED_AT_ONCE_MAX: usize = 8;

/// What was found for a name, as long as the files are what they were. Hashed lines have to be tried
/// one by one for every name, and a form plans again with each key that is typed.
#[derive(Default)]
pub(crate) struct KnownKeys(Mutex<HashMap<String, (Snapshot, Vec<String>)>>);

impl KnownKeys {
    fn of(&self, name: &str, files: &Snapshot) -> Vec<String> {
        let kept = || {
            let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            found.get(name).filter(|(then, _)| then.is_same(files)).map(|(_, keys)| keys.clone())
        };
        kept().unwrap_or_else(|| {
            let keys = files.fingerprints(name);
            let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            found.insert(name.to_owned(), (files.clone(), keys.clone()));
            keys
        })
    }
}

impl SshTransport {
    /// The SHA-256 fingerprints of the keys that are trusted for each host, sorted. A host without
    /// any, and one whose files or configuration cannot be read, is not in the answer: that it cannot
    /// be trusted is said when it is contacted.
    pub async fn known_keys(&self, hosts: &[Host]) -> HashMap<HostName, Vec<String>> {
        let mut resolving = Vec::with_capacity(hosts.len());
        for host in hosts {
            resolving.push(async { Some((host.name.clone(), self.resolver.resolve(&host.endpoint).await.ok()?)) });
        }
        let targets: Vec<Option<(HostName, Arc<Target>)>> =
            futures::stream::iter(resolving).buffered(RESOLVED_AT_ONCE_MAX).collect().await;
        let mut snapshots: HashMap<_, Option<Snapshot>> = HashMap::new();
        let mut asked = Vec::with_capacity(targets.len());
        for (name, target) in targets.into_iter().flatten() {
            if let Some(pinned) = self.pool.pinned_key(&target.address, target.port) {
                asked.push((name, target, None, vec![pinned.fingerprint()]));
                continue;
            }
            if !snapshots.contains_key(&target.known_hosts) {
                let files = self.pool.known_hosts.snapshot(&target.known_hosts).await.ok();
                snapshots.insert(target.known_hosts.clone(), files);
            }
            let files = snapshots.get(&target.known_hosts).cloned().flatten();
            asked.push((name, target, files, Vec::new()));
        }
        let known = Arc::clone(&self.known_keys);
        // Hashed lines cost a hash each: not on the threads that keep connections alive.
        let matching = tokio::task::spawn_blocking(move || {
            let found = asked.into_iter().map(|(name, target, files, pinned)| {
                let keys = files.map_or(pinned, |files| known.of(&target.key_name, &files));
                (name, keys)
            });
            found.filter(|(_, keys)| !keys.is_empty()).collect()
        });
        matching.await.unwrap_or_default()
    }
}
