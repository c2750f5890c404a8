//! How much of the fleet a batch takes, in words: `50 % of role=db in site=ams`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use daytwo_model::Host;

use super::super::words::percent;

/// What a host is for. Taking all hosts of one purpose is what an outage is made of.
const PURPOSE: &str = "role";
/// Where a host is.
const PLACE: &str = "site";
/// A label with more values than this tells hosts apart; it does not group them.
const VALUES_MAX: usize = 64;

/// The groups of the fleet that a mistake would be felt in, with their sizes.
pub(super) struct Radius {
    keys: Vec<Vec<String>>,
    sizes: HashMap<Vec<(String, String)>, usize>,
}

impl Radius {
    /// The groups by purpose and place; by every label that groups where hosts have neither.
    pub(super) fn of(fleet: &[Host]) -> Self {
        let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (key, value) in fleet.iter().flat_map(|host| &host.labels) {
            let seen = values.entry(key).or_default();
            if seen.len() <= VALUES_MAX {
                seen.insert(value);
            }
        }
        let has = |key: &str| values.contains_key(key);
        let keys: Vec<Vec<String>> = match (has(PURPOSE), has(PLACE)) {
            (true, true) => vec![vec![PURPOSE.to_owned(), PLACE.to_owned()]],
            (true, false) => vec![vec![PURPOSE.to_owned()]],
            (false, true) => vec![vec![PLACE.to_owned()]],
            (false, false) => values
                .iter()
                .filter(|(_, values)| (2..=VALUES_MAX).contains(&values.len()))
                .map(|(key, _)| vec![(*key).to_owned()])
                .collect(),
        };
        let mut sizes = HashMap::new();
        for group in fleet.iter().flat_map(|host| groups(&keys, host)) {
            *sizes.entry(group).or_insert(0) += 1;
        }
        Self { keys, sizes }
    }

    /// The group that these hosts take most of; none where they take a whole group of one host each.
    pub(super) fn words<'h>(&self, batch: impl Iterator<Item = &'h Host>) -> Option<String> {
        let mut taken: BTreeMap<Vec<(String, String)>, usize> = BTreeMap::new();
        for group in batch.flat_map(|host| groups(&self.keys, host)) {
            *taken.entry(group).or_insert(0) += 1;
        }
        let shares = taken.into_iter().filter_map(|(group, taken)| {
            let of = *self.sizes.get(&group)?;
            (of > 1).then_some((group, taken, of))
        });
        // The largest share; of equal shares the one with more hosts.
        let (group, taken, of) = shares.max_by(|a, b| (a.1 * b.2, a.1).cmp(&(b.1 * a.2, b.1)))?;
        let group: Vec<String> = group.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let share = if taken >= of { "all".to_owned() } else { percent(taken, of) };
        Some(format!("{share} of {}", group.join(" in ")))
    }
}

fn groups(keys: &[Vec<String>], host: &Host) -> Vec<Vec<(String, String)>> {
    keys.iter()
        .filter_map(|keys| keys.iter().map(|key| Some((key.clone(), host.labels.get(key)?.clone()))).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use daytwo_model::{Endpoint, HostName};

    fn host(name: &str, labels: &[(&str, &str)]) -> Host {
        Host {
            name: HostName::new(name).unwrap(),
            endpoint: Endpoint::Simulated,
            labels: labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
            vars: BTreeMap::new(),
            source: "test".into(),
        }
    }

    #[test]
    fn a_batch_says_of_what_it_takes_most() {
        let mut fleet = Vec::new();
        for (role, site, number) in [("db", "ams", 2), ("db", "fra", 4), ("web", "ams", 8), ("cache", "ams", 1)] {
            fleet.extend((0..number).map(|n| host(&format!("{role}-{site}-{n}"), &[("role", role), ("site", site)])));
        }
        let radius = Radius::of(&fleet);
        let of = |wanted: &[&str]| radius.words(fleet.iter().filter(|host| wanted.contains(&host.name.as_str())));
        assert_eq!(of(&["db-ams-0", "db-fra-0", "web-ams-0"]).unwrap(), "50 % of role=db in site=ams");
        assert_eq!(of(&["db-ams-0", "db-ams-1"]).unwrap(), "all of role=db in site=ams");
        assert_eq!(of(&["cache-ams-0"]), None);
        let bare = [host("a", &[("env", "prod")]), host("b", &[("env", "prod")]), host("c", &[("env", "test")])];
        assert_eq!(Radius::of(&bare).words(bare.iter().take(1)).unwrap(), "50 % of env=prod");
        assert_eq!(Radius::of(&[]).words(bare.iter()), None);
    }
}
