//! Reading of mappings and single values, with an error for everything that is not known.

use daytwo_model::quote::Quote;

use crate::diagnostic::{Found, Place};
use crate::template::{Flaw, Template};
use crate::yaml::{Data, Key, Node, Scalar, Style};
use crate::{duration, suggest};

/// A mapping whose names are all known.
pub(super) struct Fields<'n> {
    what: &'static str,
    pub(super) place: Place,
    entries: &'n [(Key, Node)],
}

impl<'n> Fields<'n> {
    /// Reads `node` as a mapping of `known` names; says what else it is or holds.
    pub(super) fn of(
        node: &'n Node,
        what: &'static str,
        known: &[&'static str],
        found: &mut Found<'_>,
    ) -> Option<Self> {
        let Data::Map(entries) = &node.data else {
            let message = format!("{what} is a mapping of {}, not {}", known.join(", "), node.what());
            found.error("wrong-type", node.place, message);
            return None;
        };
        for (key, _) in entries {
            if !key.name.is_empty() && !known.contains(&key.name.as_str()) {
                let message = format!("{what} has no field `{}`", key.name);
                match suggest::hint(&key.name, known) {
                    Some(hint) => found.error_with("unknown-field", key.place, message, hint),
                    None => found.error("unknown-field", key.place, message),
                }
            }
        }
        Some(Self { what, place: node.place, entries })
    }

    /// The value of a field that may be absent.
    pub(super) fn get(&self, name: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// The place of a field's name; of the mapping where it is absent.
    pub(super) fn place_of(&self, name: &str) -> Place {
        self.entries.iter().find(|(key, _)| key.name == name).map_or(self.place, |(key, _)| key.place)
    }

    /// The value of a field that must be there.
    pub(super) fn need(&self, name: &str, found: &mut Found<'_>) -> Option<&'n Node> {
        let node = self.get(name);
        if node.is_none() {
            found.error("missing-field", self.place, format!("{} needs a field `{name}`", self.what));
        }
        node
    }
}

/// Any mapping, as its names and values.
pub(super) fn entries<'n>(node: &'n Node, what: &str, found: &mut Found<'_>) -> Option<&'n [(Key, Node)]> {
    match &node.data {
        Data::Map(entries) => Some(entries),
        Data::Scalar(_) | Data::Seq(_) => {
            found.error("wrong-type", node.place, format!("{what} is a mapping, not {}", node.what()));
            None
        }
    }
}

/// A list.
pub(super) fn items<'n>(node: &'n Node, what: &str, found: &mut Found<'_>) -> Option<&'n [Node]> {
    match &node.data {
        Data::Seq(items) => Some(items),
        Data::Scalar(_) | Data::Map(_) => {
            found.error("wrong-type", node.place, format!("{what} is a list, not {}", node.what()));
            None
        }
    }
}

/// A single value that is not empty.
pub(super) fn scalar<'n>(node: &'n Node, what: &str, found: &mut Found<'_>) -> Option<&'n Scalar> {
    match &node.data {
        Data::Scalar(scalar) if scalar.is_null() => {
            found.error("wrong-type", node.place, format!("{what} is empty"));
            None
        }
        Data::Scalar(scalar) => Some(scalar),
        Data::Map(entries) if entries.iter().any(|(key, _)| key.name.is_empty()) => None,
        Data::Seq(_) | Data::Map(_) => {
            let hint = "a value that begins with `{`, `[` or `*` needs quotes";
            found.error_with("wrong-type", node.place, format!("{what} is a single value, not {}", node.what()), hint);
            None
        }
    }
}

/// A text, exactly as it was written: `no` and `0777` stay what they are.
pub(super) fn text(node: &Node, what: &str, found: &mut Found<'_>) -> Option<String> {
    scalar(node, what, found).map(|scalar| scalar.text.clone())
}

/// A text that says something.
pub(super) fn saying(node: &Node, what: &str, found: &mut Found<'_>) -> Option<String> {
    let text = text(node, what, found)?;
    if text.trim().is_empty() {
        found.error("bad-value", node.place, format!("{what} is empty"));
    }
    Some(text.trim().to_owned())
}

/// A value that its own type checks.
pub(super) fn parsed<T, E: std::fmt::Display>(
    node: &Node,
    what: &str,
    found: &mut Found<'_>,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Option<T> {
    let text = text(node, what, found)?;
    match read(&text) {
        Ok(value) => Some(value),
        Err(error) => {
            found.error("bad-value", node.place, format!("{what}: {error}"));
            None
        }
    }
}

/// `true` or `false`.
pub(super) fn boolean(node: &Node, what: &str, found: &mut Found<'_>) -> Option<bool> {
    let value = scalar(node, what, found)?.as_bool();
    if value.is_none() {
        found.error("bad-value", node.place, format!("{what} is either true or false"));
    }
    value
}

/// One of these words.
pub(super) fn one_of<T: Copy>(
    node: &Node,
    what: &str,
    known: &[(&'static str, T)],
    found: &mut Found<'_>,
) -> Option<T> {
    let text = text(node, what, found)?;
    let value = known.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if value.is_none() {
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        let message = format!("{what} cannot be `{text}`");
        found.error_with("bad-value", node.place, message, suggest::hint(&text, &words).unwrap_or_default());
    }
    value
}

/// A whole number within bounds.
pub(super) fn number(
    node: &Node,
    what: &str,
    bounds: std::ops::RangeInclusive<i64>,
    found: &mut Found<'_>,
) -> Option<i64> {
    parsed(node, what, found, |text| match text.parse::<i64>() {
        Ok(number) if bounds.contains(&number) => Ok(number),
        _ => Err(format!("`{text}` is not a whole number from {} to {}", bounds.start(), bounds.end())),
    })
}

/// A duration in milliseconds.
pub(super) fn duration_ms(node: &Node, what: &str, found: &mut Found<'_>) -> Option<u64> {
    parsed(node, what, found, duration::parse_ms)
}

/// A template for one language.
pub(super) fn template(node: &Node, what: &str, quote: Quote, found: &mut Found<'_>) -> Option<Template> {
    let scalar = scalar(node, what, found)?;
    flawless(node, &scalar.text, Template::new(&scalar.text, quote, node.place), found)
}

/// Says what is wrong with a template, at its place in the file.
pub(super) fn flawless<T>(node: &Node, text: &str, result: Result<T, Flaw>, found: &mut Found<'_>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(flaw) => {
            let place = place_in(node, text, flaw.offset, found);
            match flaw.hint {
                Some(hint) => found.error_with("template", place, flaw.message, hint),
                None => found.error("template", place, flaw.message),
            }
            None
        }
    }
}

/// Where the byte at `offset` of a scalar's text stands in the file.
fn place_in(node: &Node, text: &str, offset: usize, found: &Found<'_>) -> Place {
    let block = matches!(&node.data, Data::Scalar(Scalar { style: Style::Block, .. }));
    let from = if block { Place { column: 1, ..node.place } } else { node.place };
    let Some((before, after)) = text.split_at_checked(offset) else { return node.place };
    let end = ["}}", "%}"].iter().filter_map(|mark| after.find(mark)).min().map_or(after.len(), |end| end + 2);
    let needle = after.get(..end).unwrap_or(after).lines().next().unwrap_or_default();
    if needle.is_empty() {
        return node.place;
    }
    let place = found.locate(from, needle, before.matches(needle).count());
    if place == from { node.place } else { place }
}
