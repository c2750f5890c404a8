//! A value per host, kept once where hosts share it.

use std::hash::Hash;

use indexmap::IndexSet;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A value per host, stored once where hosts share it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct PerHost<T> {
    /// The different values.
    variants: Vec<T>,
    /// Which host has which.
    of_host: OfHost,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
enum OfHost {
    /// This many hosts, and all of them have the only value. The usual case, and the small document.
    All(u32),
    /// For each host of the plan, the index of its value; none where the host has none.
    Each(Vec<Option<u32>>),
}

impl<T: Eq + Hash> PerHost<T> {
    /// From one value per host, in the order of the plan's hosts. Equal values are kept once.
    pub fn collect(values: impl IntoIterator<Item = Option<T>>) -> Self {
        let mut variants: IndexSet<T> = IndexSet::new();
        let of_host: Vec<Option<u32>> =
            values.into_iter().map(|value| u32::try_from(variants.insert_full(value?).0).ok()).collect();
        Self::of_indices(variants.into_iter().collect(), of_host)
    }
}

impl<T> PerHost<T> {
    /// The same value for this many hosts.
    #[must_use]
    pub fn same(value: T, hosts: u32) -> Self {
        Self { variants: vec![value], of_host: OfHost::All(hosts) }
    }

    /// From the different values, and for each host the index of its own.
    #[must_use]
    pub fn of_indices(variants: Vec<T>, of_host: Vec<Option<u32>>) -> Self {
        // One spelling for one meaning, so that equal plans have equal digests.
        let all = variants.len() == 1 && of_host.iter().all(|variant| *variant == Some(0));
        let hosts = u32::try_from(of_host.len()).unwrap_or(u32::MAX);
        Self { variants, of_host: if all { OfHost::All(hosts) } else { OfHost::Each(of_host) } }
    }

    /// The value for the host with this index.
    #[must_use]
    pub fn get(&self, host: u32) -> Option<&T> {
        self.variants.get(self.variant(host)? as usize)
    }

    /// The different values.
    #[must_use]
    pub fn variants(&self) -> &[T] {
        &self.variants
    }

    /// Each different value with the indices of the hosts that share it.
    pub fn groups(&self) -> impl Iterator<Item = (&T, Vec<u32>)> {
        let mut hosts = vec![Vec::new(); self.variants.len()];
        match &self.of_host {
            OfHost::All(count) => hosts.iter_mut().take(1).for_each(|list| list.extend(0..*count)),
            OfHost::Each(of_host) => {
                for (host, variant) in (0_u32..).zip(of_host) {
                    if let Some(list) = variant.and_then(|variant| hosts.get_mut(variant as usize)) {
                        list.push(host);
                    }
                }
            }
        }
        self.variants.iter().zip(hosts)
    }

    /// The values of these hosts, in this order; each value that one of them has is kept once.
    #[must_use]
    pub fn pick(&self, hosts: impl IntoIterator<Item = Option<u32>>) -> Self
    where
        T: Clone,
    {
        let mut picked: Vec<T> = Vec::new();
        let mut renumbered: Vec<Option<u32>> = vec![None; self.variants.len()];
        let mut of_host = Vec::new();
        for host in hosts {
            let variant = host.and_then(|host| self.variant(host));
            of_host.push(variant.and_then(|variant| {
                let slot = renumbered.get_mut(variant as usize)?;
                if slot.is_none() {
                    *slot = u32::try_from(picked.len()).ok();
                    picked.push(self.variants.get(variant as usize)?.clone());
                }
                *slot
            }));
        }
        Self::of_indices(picked, of_host)
    }

    /// The index of a host's value.
    fn variant(&self, host: u32) -> Option<u32> {
        match &self.of_host {
            OfHost::All(hosts) => (host < *hosts).then_some(0),
            OfHost::Each(of_host) => *of_host.get(host as usize)?,
        }
    }

    /// The same sharing with other values; the first error ends it.
    pub fn try_map<U, E>(&self, map: impl FnMut(&T) -> Result<U, E>) -> Result<PerHost<U>, E> {
        let variants = self.variants.iter().map(map).collect::<Result<_, E>>()?;
        Ok(PerHost { variants, of_host: self.of_host.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hosts_share_is_kept_once_and_spelled_one_way() {
        let same = PerHost::collect([Some("a"), Some("a"), Some("a")]);
        assert_eq!(same, PerHost::same("a", 3));
        assert_eq!((same.get(2), same.get(3)), (Some(&"a"), None));
        assert_eq!(same.groups().collect::<Vec<_>>(), [(&"a", vec![0, 1, 2])]);
        let mixed = PerHost::collect([Some("a"), None, Some("b"), Some("a")]);
        assert_eq!(mixed.groups().collect::<Vec<_>>(), [(&"a", vec![0, 3]), (&"b", vec![2])]);
        assert_eq!(mixed.get(1), None);
        // What is picked is spelled as if it had never been anything else.
        assert_eq!(mixed.pick([Some(2), Some(1), None]), PerHost::collect([Some("b"), None, None]));
        assert_eq!(mixed.pick([Some(3), Some(0)]), PerHost::same("a", 2));
    }
}
