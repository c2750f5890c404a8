//! Hosts put together by what a text reads of them, so that it is rendered once per difference and
//! not once per host.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::rc::Rc;
use std::sync::Arc;

use daytwo_model::Host;
use daytwo_model::plan::PerHost;
use indexmap::IndexSet;

use super::scope::{Axis, Binding, Scope};

/// Which hosts take part in something; all where it says nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct There(Option<Rc<Vec<bool>>>);

impl There {
    pub(super) fn holds(&self, host: u32) -> bool {
        self.0.as_ref().is_none_or(|hosts| hosts.get(host as usize).copied().unwrap_or(false))
    }

    /// Whether none of so many hosts takes part.
    pub(super) fn is_nowhere(&self, hosts: usize) -> bool {
        (0_u32..).take(hosts).all(|host| !self.holds(host))
    }

    /// Those of them for which `holds`, of so many hosts.
    pub(super) fn and(&self, hosts: usize, holds: impl Fn(u32) -> bool) -> Self {
        let every: Vec<bool> = (0_u32..).take(hosts).map(|host| self.holds(host) && holds(host)).collect();
        if every.iter().all(|holds| *holds) { Self(None) } else { Self(Some(Rc::new(every))) }
    }
}

/// Hosts put together.
#[derive(Debug)]
pub(super) struct Groups {
    /// For each host its group; none where it does not take part.
    pub(super) of_host: Vec<Option<u32>>,
    /// For each group its first host. Groups are in the order of their first hosts.
    pub(super) first: Vec<u32>,
}

impl Groups {
    /// How many hosts a group has.
    pub(super) fn size(&self, group: u32) -> usize {
        self.of_host.iter().filter(|of| **of == Some(group)).count()
    }

    /// One value per group, as what each host has. Equal values are kept once.
    pub(super) fn spread<T: Eq + Hash>(&self, values: impl IntoIterator<Item = Option<T>>) -> PerHost<T> {
        let mut variants: IndexSet<T> = IndexSet::with_capacity(self.first.len());
        let variant_of: Vec<Option<u32>> =
            values.into_iter().map(|value| u32::try_from(variants.insert_full(value?).0).ok()).collect();
        let of_host = self.of_host.iter().map(|group| variant_of.get((*group)? as usize).copied().flatten());
        PerHost::of_indices(variants.into_iter().collect(), of_host.collect())
    }
}

/// The hosts of a plan, and how they differ. Each label is read once per plan.
pub(super) struct Crowd {
    pub(super) hosts: Arc<Vec<Host>>,
    columns: RefCell<HashMap<Axis, Rc<Vec<u32>>>>,
}

impl Crowd {
    pub(super) fn new(hosts: Arc<Vec<Host>>) -> Self {
        Self { hosts, columns: RefCell::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Puts those hosts together that are the same on every axis.
    pub(super) fn groups(&self, scope: &Scope, axes: &BTreeSet<Axis>, there: &There) -> Groups {
        let each = || (0_u32..).take(self.len());
        if axes.contains(&Axis::Host) {
            let first: Vec<u32> = each().filter(|host| there.holds(*host)).collect();
            let mut next = 0..;
            let of_host = each().map(|host| if there.holds(host) { next.next() } else { None }).collect();
            return Groups { of_host, first };
        }
        let mut key_of: Vec<u32> = vec![0; self.len()];
        for axis in axes {
            let column = self.column(scope, axis);
            let mut together: HashMap<(u32, u32), u32> = HashMap::new();
            for (key, value) in key_of.iter_mut().zip(column.iter()) {
                let next = u32::try_from(together.len()).unwrap_or(u32::MAX);
                *key = *together.entry((*key, *value)).or_insert(next);
            }
        }
        let mut groups: HashMap<u32, u32> = HashMap::new();
        let mut first = Vec::new();
        let of_host = each().zip(&key_of).map(|(host, key)| {
            there.holds(host).then(|| {
                *groups.entry(*key).or_insert_with(|| {
                    first.push(host);
                    u32::try_from(first.len() - 1).unwrap_or(u32::MAX)
                })
            })
        });
        Groups { of_host: of_host.collect(), first }
    }

    /// For each host a number; hosts with the same number have the same value.
    fn column(&self, scope: &Scope, axis: &Axis) -> Rc<Vec<u32>> {
        match axis {
            // `u32::MAX` for a host without a value: no column has so many.
            Axis::Bound(name) => match scope.binding(name) {
                Some(Binding::Differs(column)) => {
                    Rc::new(column.of_host.iter().map(|of| of.unwrap_or(u32::MAX)).collect())
                }
                Some(Binding::Same(_)) | None => Rc::new(vec![0; self.len()]),
            },
            Axis::Host => Rc::new((0_u32..).take(self.len()).collect()),
            Axis::Label(key) => self.kept(axis, |host| &host.labels, key),
            Axis::Var(key) => self.kept(axis, |host| &host.vars, key),
        }
    }

    fn kept(&self, axis: &Axis, map: fn(&Host) -> &BTreeMap<String, String>, key: &str) -> Rc<Vec<u32>> {
        if let Some(column) = self.columns.borrow().get(axis) {
            return Rc::clone(column);
        }
        let mut values: HashMap<Option<&str>, u32> = HashMap::new();
        let numbers = self.hosts.iter().map(|host| {
            let next = u32::try_from(values.len()).unwrap_or(u32::MAX);
            *values.entry(map(host).get(key).map(String::as_str)).or_insert(next)
        });
        let column: Rc<Vec<u32>> = Rc::new(numbers.collect());
        self.columns.borrow_mut().insert(axis.clone(), Rc::clone(&column));
        column
    }
}
