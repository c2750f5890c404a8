//! The fleet file as it is written: every value still text, with its place. Meaning comes later.
//!
//! Unknown fields are collected instead of ending the reading, so that one look at the file tells
//! everything that is to be put right.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_saphyr::Spanned;

/// Text with its place.
pub(super) type Word = Spanned<String>;

/// The whole file.
#[derive(Debug, Default)]
pub(super) struct RawFile {
    pub(super) defaults: Option<RawEntry>,
    pub(super) hosts: Vec<(Word, RawEntry)>,
    pub(super) has_hosts: bool,
    pub(super) unknown: Vec<Word>,
}

/// A host, or the defaults, which have the same fields.
#[derive(Debug, Default)]
pub(super) struct RawEntry {
    pub(super) address: Option<Word>,
    pub(super) port: Option<Word>,
    pub(super) user: Option<Word>,
    pub(super) identity_file: Option<Word>,
    pub(super) labels: Pairs,
    pub(super) vars: Pairs,
    pub(super) unknown: Vec<Word>,
}

/// The fields of a file.
pub(super) const FILE_FIELDS: &[&str] = &["defaults", "hosts"];
/// The fields of an entry.
pub(super) const ENTRY_FIELDS: &[&str] = &["address", "port", "user", "identity_file", "labels", "vars"];

/// Keys and values in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Pairs(pub(super) Vec<(Word, Word)>);

impl<'de> Deserialize<'de> for RawFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FileVisitor)
    }
}

struct FileVisitor;

impl<'de> Visitor<'de> for FileVisitor {
    type Value = RawFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping with `hosts:`")
    }

    /// An empty file is a fleet without hosts.
    fn visit_unit<E: Error>(self) -> Result<RawFile, E> {
        Ok(RawFile { has_hosts: true, ..RawFile::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawFile, A::Error> {
        let mut file = RawFile::default();
        while let Some(key) = map.next_key::<Word>()? {
            match key.value.as_str() {
                "defaults" => file.defaults = map.next_value::<Option<RawEntry>>()?,
                "hosts" => {
                    file.has_hosts = true;
                    file.hosts = map.next_value::<Option<RawHosts>>()?.unwrap_or_default().0;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    file.unknown.push(key);
                }
            }
        }
        Ok(file)
    }
}

#[derive(Default)]
struct RawHosts(Vec<(Word, RawEntry)>);

impl<'de> Deserialize<'de> for RawHosts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        collect_map(deserializer, "a mapping of host names").map(Self)
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        collect_map(deserializer, "a mapping of names to texts").map(Self)
    }
}

/// Reads a mapping into a list, so that order and places are kept.
fn collect_map<'de, V, D>(deserializer: D, expecting: &'static str) -> Result<Vec<(Word, V)>, D::Error>
where
    V: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct Collect<V>(&'static str, std::marker::PhantomData<V>);
    impl<'de, V: Deserialize<'de>> Visitor<'de> for Collect<V> {
        type Value = Vec<(Word, V)>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = map.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }
    deserializer.deserialize_any(Collect(expecting, std::marker::PhantomData))
}

impl<'de> Deserialize<'de> for RawEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = RawEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address, or a mapping with address, port, user, identity_file, labels, vars")
    }

    /// `web-01:` alone is reached under its own name.
    fn visit_unit<E: Error>(self) -> Result<RawEntry, E> {
        Ok(RawEntry::default())
    }

    /// `web-01: 10.0.0.7`
    fn visit_str<E: Error>(self, address: &str) -> Result<RawEntry, E> {
        // The place of the short form is that of its key, which the reader of this fills in.
        let nowhere = serde_saphyr::Location::UNKNOWN;
        Ok(RawEntry { address: Some(Spanned::new(address.to_owned(), nowhere, nowhere)), ..RawEntry::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawEntry, A::Error> {
        let mut entry = RawEntry::default();
        while let Some(key) = map.next_key::<Word>()? {
            match key.value.as_str() {
                "address" => entry.address = Some(map.next_value()?),
                "port" => entry.port = Some(map.next_value()?),
                "user" => entry.user = Some(map.next_value()?),
                "identity_file" => entry.identity_file = Some(map.next_value()?),
                "labels" => entry.labels = map.next_value::<Option<Pairs>>()?.unwrap_or_default(),
                "vars" => entry.vars = map.next_value::<Option<Pairs>>()?.unwrap_or_default(),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    entry.unknown.push(key);
                }
            }
        }
        Ok(entry)
    }
}
