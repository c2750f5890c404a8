//! Several sources of hosts become one fleet.
//!
//! A host is never dropped because its source could not be read: what was last read stays, with
//! the error and its time beside it. Reading is the caller's.

use std::collections::HashMap;

use daytwo_model::{Host, HostName, Timestamp};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::HOSTS_MAX;

/// How a source is doing, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SourceStatus {
    /// Its name, unique among the sources: `fleet.yaml`, `~/.ssh/config`, `demo`.
    pub name: String,
    /// Where it is read from, for people.
    pub path: String,
    /// How many hosts it named when it was last read.
    pub hosts: u32,
    /// When it was last read with success.
    pub read_at: Option<Timestamp>,
    /// The trouble, if the last reading failed; the hosts are those of `read_at`.
    pub error: Option<SourceError>,
}

/// Why a source could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SourceError {
    /// What went wrong; may have several lines.
    pub why: String,
    /// When it was tried.
    pub at: Timestamp,
}

/// A host that a second source names too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Duplicate {
    /// The name.
    pub host: HostName,
    /// The source whose entry counts.
    pub kept: String,
    /// The source whose entry does not.
    pub dropped: String,
}

/// All hosts of all sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fleet {
    /// In the order of the sources, and in each source in its own order.
    pub hosts: Vec<Host>,
    /// In the order in which they count.
    pub sources: Vec<SourceStatus>,
    /// Names that were given more than once.
    pub duplicates: Vec<Duplicate>,
    /// Hosts that were left out because the fleet would have had more than [`HOSTS_MAX`].
    pub left_out: usize,
}

/// The sources of a fleet, and what each of them last said.
#[derive(Debug, Clone, Default)]
pub struct Sources(Vec<Source>);

#[derive(Debug, Clone)]
struct Source {
    status: SourceStatus,
    hosts: Vec<Host>,
}

impl Sources {
    /// Sources by name and path, in the order in which they count.
    #[must_use]
    pub fn new(sources: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut made = Self::default();
        made.set(sources);
        made
    }

    /// Replaces the list of sources. A source that was there before keeps what it said, unless its
    /// path changed; one that is not listed any more is forgotten with its hosts.
    pub fn set(&mut self, sources: impl IntoIterator<Item = (String, String)>) {
        let mut before = std::mem::take(&mut self.0);
        for (name, path) in sources {
            let known = before.iter().position(|source| source.status.name == name && source.status.path == path);
            let source = known.map(|index| before.swap_remove(index)).unwrap_or_else(|| Source {
                status: SourceStatus { name, path, hosts: 0, read_at: None, error: None },
                hosts: Vec::new(),
            });
            self.0.push(source);
        }
    }

    /// Takes what a source said, or why it could not be read. A name that is not among the
    /// sources changes nothing: it was removed while it was being read.
    pub fn apply(&mut self, name: &str, at: Timestamp, result: Result<Vec<Host>, String>) {
        let Some(source) = self.0.iter_mut().find(|source| source.status.name == name) else { return };
        match result {
            Ok(hosts) => {
                source.status.hosts = u32::try_from(hosts.len()).unwrap_or(u32::MAX);
                source.status.read_at = Some(at);
                source.status.error = None;
                source.hosts = hosts;
            }
            Err(why) => source.status.error = Some(SourceError { why, at }),
        }
    }

    /// One fleet of all of them. The first source that names a host counts.
    #[must_use]
    pub fn fleet(&self) -> Fleet {
        let mut fleet = Fleet::default();
        let mut owner: HashMap<&HostName, &str> = HashMap::new();
        for source in &self.0 {
            fleet.sources.push(source.status.clone());
            for host in &source.hosts {
                if let Some(kept) = owner.get(&host.name) {
                    fleet.duplicates.push(Duplicate {
                        host: host.name.clone(),
                        kept: (*kept).to_owned(),
                        dropped: source.status.name.clone(),
                    });
                } else if fleet.hosts.len() >= HOSTS_MAX {
                    fleet.left_out += 1;
                } else {
                    owner.insert(&host.name, &source.status.name);
                    fleet.hosts.push(host.clone());
                }
            }
        }
        fleet
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet_file::parse;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_unix_ms(s * 1000)
    }

    fn names(fleet: &Fleet) -> String {
        fleet.hosts.iter().map(|host| format!("{}@{}", host.name, host.source)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_first_source_counts_and_the_duplicate_is_told() {
        let mut sources = Sources::new([("a".to_owned(), "/a".to_owned()), ("b".to_owned(), "/b".to_owned())]);
        sources.apply("b", at(1), Ok(parse("b", "hosts: { x: 10.0.0.2, y: 10.0.0.3 }").unwrap()));
        sources.apply("a", at(2), Ok(parse("a", "hosts: { x: 10.0.0.1 }").unwrap()));
        sources.apply("gone", at(3), Ok(parse("gone", "hosts: { z: 10.0.0.9 }").unwrap()));
        let fleet = sources.fleet();
        assert_eq!(names(&fleet), "x@a y@b");
        let host = HostName::new("x").unwrap();
        assert_eq!(fleet.duplicates, [Duplicate { host, kept: "a".into(), dropped: "b".into() }]);
    }

    #[test]
    fn a_source_that_cannot_be_read_keeps_its_hosts_and_says_so() {
        let mut sources = Sources::new([("a".to_owned(), "/a".to_owned())]);
        sources.apply("a", at(1), Ok(parse("a", "hosts: { x: 10.0.0.1 }").unwrap()));
        sources.apply("a", at(9), Err("permission denied".to_owned()));
        let fleet = sources.fleet();
        assert_eq!(names(&fleet), "x@a");
        assert_eq!(
            fleet.sources,
            [SourceStatus {
                name: "a".into(),
                path: "/a".into(),
                hosts: 1,
                read_at: Some(at(1)),
                error: Some(SourceError { why: "permission denied".into(), at: at(9) }),
            }]
        );
        sources.set([("a".to_owned(), "/a".to_owned()), ("new".to_owned(), "/n".to_owned())]);
        assert_eq!(names(&sources.fleet()), "x@a", "settings that keep a source keep its hosts");
        sources.apply("a", at(10), Ok(Vec::new()));
        assert!(sources.fleet().hosts.is_empty(), "a source that says it has none is believed");
        assert_eq!(sources.fleet().sources[0].error, None);
    }
}
