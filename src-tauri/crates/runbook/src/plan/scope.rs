//! What the templates of one runbook see: its inputs, vars and secrets, the host, the moment, and
//! the names of what is captured. A called runbook has a scope of its own and sees nothing of its caller's.
//!
//! A value that differs from host to host is a [`Column`]: the different values, and who has which.
//! No value tree is built per host; an attribute is looked up when a template asks for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use daytwo_model::plan::InputValue;
use daytwo_model::text::Late;
use daytwo_model::{CaptureName, Host, SecretName, Timestamp};
use indexmap::IndexMap;
use minijinja::Value;
use minijinja::value::{Enumerator, Object};

use crate::expression::Meaning;
use crate::template::{as_late, late};

/// A value per host, kept once where hosts share it.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) values: Vec<Value>,
    /// For each host the index of its value; none where it has none.
    pub(super) of_host: Vec<Option<u32>>,
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub(super) enum Binding {
    /// The same on every host.
    Same(Value),
    /// Its own on each host.
    Differs(Arc<Column>),
}

impl Binding {
    /// An input's value.
    pub(super) fn of_input(value: &InputValue) -> Self {
        Self::Same(match value {
            InputValue::Value(value) => known(value),
            InputValue::Secret(name) => late(Late::Secret(name.clone())),
        })
    }

    fn on(&self, host: u32) -> Option<Value> {
        match self {
            Self::Same(value) => Some(value.clone()),
            Self::Differs(column) => {
                let variant = (*column.of_host.get(host as usize)?)?;
                column.values.get(variant as usize).cloned()
            }
        }
    }
}

/// A known value as templates see it.
pub(super) fn known(value: &serde_json::Value) -> Value {
    Value::from(minijinja::value::Serde(value))
}

/// Something by which the values of two hosts can differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Axis {
    /// Each host has its own: its name, or all that is known of it.
    Host,
    /// A label.
    Label(String),
    /// A value of the host.
    Var(String),
    /// A name of the scope.
    Bound(String),
}

/// What the templates of one runbook see.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    hosts: Arc<Vec<Host>>,
    bindings: BTreeMap<String, Binding>,
    /// Not in steps that are done on the console.
    knows_host: bool,
}

impl Scope {
    /// What every template of a runbook sees, whatever its inputs and vars are.
    pub(super) fn new(
        hosts: &Arc<Vec<Host>>,
        at: Timestamp,
        secrets: &IndexMap<String, SecretName>,
        captured: &BTreeMap<String, CaptureName>,
    ) -> Self {
        let at = at.to_string();
        // The same moment without what a file name should not hold: 20261121T030405678Z.
        let stamp: String = at.chars().filter(char::is_ascii_alphanumeric).collect();
        let secrets = secrets.iter().map(|(name, kept)| (name.clone(), late(Late::Secret(kept.clone()))));
        let captured = captured.iter().map(|(name, kept)| (name.clone(), late(Late::Capture(kept.clone()))));
        let bindings = [
            ("run", Value::from_pairs([("at", at), ("stamp", stamp)])),
            ("secrets", Value::from_pairs(secrets)),
            ("captured", Value::from_pairs(captured)),
        ];
        let bindings = bindings.into_iter().map(|(name, value)| (name.to_owned(), Binding::Same(value)));
        Self { hosts: Arc::clone(hosts), bindings: bindings.collect(), knows_host: true }
    }

    pub(super) fn bind(&mut self, name: &str, binding: Binding) {
        self.bindings.insert(name.to_owned(), binding);
    }

    /// The same scope with one more name.
    pub(super) fn with(&self, name: &str, binding: Binding) -> Self {
        let mut scope = self.clone();
        scope.bind(name, binding);
        scope
    }

    /// The scope of a step that is done on the console, where no host is meant.
    pub(super) fn without_host(&self) -> Self {
        Self { knows_host: false, ..self.clone() }
    }

    /// What a name stands for.
    pub(super) fn binding(&self, name: &str) -> Option<&Binding> {
        self.bindings.get(name)
    }

    /// By what the value of a dotted name can differ from host to host.
    pub(super) fn axis(&self, name: &str) -> Option<Axis> {
        let mut path = name.splitn(3, '.');
        let root = path.next().unwrap_or_default();
        if root != "host" {
            return match self.bindings.get(root)? {
                Binding::Differs(_) if self.knows_host => Some(Axis::Bound(root.to_owned())),
                Binding::Same(_) | Binding::Differs(_) => None,
            };
        }
        // A key with dots in it is looked up piece by piece, so only a key without is an axis of its own.
        match (path.next(), path.next()) {
            (Some("labels"), Some(key)) if !key.contains('.') => Some(Axis::Label(key.to_owned())),
            (Some("vars"), Some(key)) if !key.contains('.') => Some(Axis::Var(key.to_owned())),
            _ => Some(Axis::Host),
        }
    }

    /// By what anything with these names can differ from host to host.
    pub(super) fn axes<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> BTreeSet<Axis> {
        names.into_iter().filter_map(|name| self.axis(name)).collect()
    }

    /// What templates see on a host.
    pub(super) fn sight(self: &Arc<Self>, host: u32) -> Value {
        Value::from_object(Sight { scope: Arc::clone(self), host })
    }

    /// What a dotted name of an expression stands for on a host.
    pub(super) fn meaning(self: &Arc<Self>, name: &str, host: u32) -> Meaning {
        let value = name.split('.').fold(self.sight(host), |value, name| value.get_attr(name).unwrap_or_default());
        match as_late(&value) {
            Some(Late::Capture(name)) => return Meaning::Captured(name.clone()),
            Some(Late::Secret(_)) => return Meaning::Secret,
            None => {}
        }
        if value.is_undefined() {
            return Meaning::Absent;
        }
        serde_json::to_value(&value).map_or(Meaning::Absent, Meaning::Known)
    }

    /// The label or value that a host does not have, in words. The engine itself only says "undefined".
    pub(super) fn what_is_missing<'n>(&self, host: u32, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
        let host = self.hosts.get(host as usize)?;
        names.into_iter().find_map(|name| {
            let root = name.split('.').next().unwrap_or(name);
            if !self.knows_host && matches!(self.bindings.get(root), Some(Binding::Differs(_))) {
                return Some(format!("`{root}` differs from host to host, and this step is done once, on the console"));
            }
            let lacks = |kind: &str, map: &BTreeMap<String, String>, what: &str| {
                let key = name.strip_prefix(kind)?;
                (!map.contains_key(key))
                    .then(|| format!("it has no {what} `{key}`, and the step needs it ({{{{ {name} }}}})"))
            };
            lacks("host.labels.", &host.labels, "label").or_else(|| lacks("host.vars.", &host.vars, "value"))
        })
    }
}

/// A scope as one host's templates see it.
#[derive(Debug)]
struct Sight {
    scope: Arc<Scope>,
    host: u32,
}

impl Object for Sight {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "host" if self.scope.knows_host => Some(Value::from_object(HostSight {
                hosts: Arc::clone(&self.scope.hosts),
                host: self.host,
                part: HostPart::Whole,
            })),
            // What differs from host to host is none's where no host is meant.
            name => match self.scope.bindings.get(name)? {
                Binding::Differs(_) if !self.scope.knows_host => None,
                binding => binding.on(self.host),
            },
        }
    }
}

/// One host, or a part of it.
#[derive(Debug)]
struct HostSight {
    hosts: Arc<Vec<Host>>,
    host: u32,
    part: HostPart,
}

#[derive(Debug, Clone, Copy)]
enum HostPart {
    Whole,
    Labels,
    Vars,
}

impl HostSight {
    fn map(&self) -> Option<&BTreeMap<String, String>> {
        let host = self.hosts.get(self.host as usize)?;
        match self.part {
            HostPart::Whole => None,
            HostPart::Labels => Some(&host.labels),
            HostPart::Vars => Some(&host.vars),
        }
    }
}

impl Object for HostSight {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        if let Some(map) = self.map() {
            return map.get(key).map(|value| Value::from(value.as_str()));
        }
        let part = |part| Some(Value::from_object(Self { hosts: Arc::clone(&self.hosts), host: self.host, part }));
        match key {
            "name" => Some(Value::from(self.hosts.get(self.host as usize)?.name.as_str())),
            "labels" => part(HostPart::Labels),
            "vars" => part(HostPart::Vars),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.map() {
            Some(map) => Enumerator::Values(map.keys().map(|key| Value::from(key.as_str())).collect()),
            None => Enumerator::Str(&["name", "labels", "vars"]),
        }
    }
}
