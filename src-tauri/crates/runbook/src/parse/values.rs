//! What a runbook brings along itself: secrets that nobody is asked for, and values worked out per host.

use daytwo_model::SecretName;
use indexmap::IndexMap;

use super::fields::{entries, parsed};
use super::{SECRETS_MAX, VARS_MAX, json};
use crate::diagnostic::{Found, Place};
use crate::input::{InputKind, InputSpec};
use crate::names::RESERVED;
use crate::template::JsonTemplate;
use crate::yaml::{Key, Node};

/// Things by name, and where their names stand.
pub(super) type Named<T> = (IndexMap<String, T>, IndexMap<String, Place>);

/// Reads `secrets`.
pub(super) fn secrets(
    node: Option<&Node>,
    inputs: &IndexMap<String, InputSpec>,
    found: &mut Found<'_>,
) -> Named<SecretName> {
    let (mut secrets, mut places) = (IndexMap::new(), IndexMap::new());
    for (key, node) in bounded(node, "`secrets`", SECRETS_MAX, "secrets", found) {
        check_name(key, "a secret", found);
        check_free(key, "an input", inputs.contains_key(&key.name), found);
        let hint = "here stands the name under which the secret is kept, never the secret itself";
        let read = |text: &str| SecretName::new(text).map_err(|_| hint);
        if let Some(name) = parsed(node, "the secret", found, read) {
            secrets.insert(key.name.clone(), name);
            places.insert(key.name.clone(), key.place);
        }
    }
    (secrets, places)
}

/// Reads `vars`. Each is worked out before anything is sent, so that nothing in it may be known only later.
pub(super) fn vars(
    node: Option<&Node>,
    inputs: &IndexMap<String, InputSpec>,
    secrets: &IndexMap<String, SecretName>,
    found: &mut Found<'_>,
) -> Named<JsonTemplate> {
    let (mut vars, mut places) = (IndexMap::new(), IndexMap::new());
    for (key, node) in bounded(node, "`vars`", VARS_MAX, "variables", found) {
        check_name(key, "a variable", found);
        check_free(key, "an input", inputs.contains_key(&key.name), found);
        check_free(key, "a secret", secrets.contains_key(&key.name), found);
        let Some(value) = json::document(node, found) else { continue };
        for template in value.templates() {
            for name in template.names() {
                let root = name.split('.').next().unwrap_or_default();
                let secret = inputs.get(root).is_some_and(|input| input.kind == InputKind::Secret);
                if matches!(root, "secrets" | "captured") || secret {
                    let place = found.locate_name(template.place(), name);
                    let message = format!("`{name}` is known only when a step runs, and a variable before");
                    found.error_with("late-value", place, message, "write it in the step itself");
                }
            }
        }
        vars.insert(key.name.clone(), value);
        places.insert(key.name.clone(), key.place);
    }
    (vars, places)
}

fn bounded<'n>(
    node: Option<&'n Node>,
    what: &str,
    max: usize,
    plural: &str,
    found: &mut Found<'_>,
) -> &'n [(Key, Node)] {
    let entries = node.and_then(|node| entries(node, what, found)).unwrap_or_default();
    if let Some((key, _)) = entries.get(max) {
        found.error("limit", key.place, format!("a runbook has at most {max} {plural}"));
    }
    entries.get(..max).unwrap_or(entries)
}

/// A name that templates can use and that means nothing else to them.
pub(super) fn check_name(key: &Key, what: &str, found: &mut Found<'_>) {
    let name = key.name.as_str();
    let well_formed = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !well_formed {
        let message = format!("`{name}` cannot name {what}: letters, digits and _ can, beginning with a letter");
        found.error("bad-name", key.place, message);
    } else if RESERVED.contains(&name) {
        found.error("bad-name", key.place, format!("`{name}` has a meaning of its own in templates"));
    }
}

/// One name stands for one thing, also where templates could tell them apart: people could not.
fn check_free(key: &Key, taken_by: &str, taken: bool, found: &mut Found<'_>) {
    if taken {
        found.error("bad-name", key.place, format!("`{}` is the name of {taken_by} already", key.name));
    }
}
