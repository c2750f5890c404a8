//! Reading of mappings and single values, with an error for everything that is not known.

use daytwo_model::quote::Quote;

use super::shape::{Shape, Tagged};
use crate::diagnostic::{Found, Place};
use crate::template::{Flaw, Template};
use crate::yaml::{Data, Key, Node, Scalar, Style};
use crate::{duration, suggest};

/// A mapping whose names are all known.
pub(super) struct Fields<'n> {
    shape: &'static Shape,
    pub(super) place: Place,
    entries: &'n [(Key, Node)],
}

impl<'n> Fields<'n> {
    /// Reads `node` as a mapping of this shape; says what else it is or holds, and which fields do not go together.
    pub(super) fn of(node: &'n Node, shape: &'static Shape, found: &mut Found<'_>) -> Option<Self> {
        let fields = Self::of_names(node, shape, &[], found)?;
        for (one, other) in shape.not_both {
            if fields.get(one).is_some() && fields.get(other).is_some() {
                let message = format!("there is `{one}` and `{other}`, and only one of them can be meant");
                found.error("two-fields", fields.place_of(other), message);
            }
        }
        Some(fields)
    }

    /// Reads `node` as the mapping that the word in its tag says; none where there is no such word.
    pub(super) fn tagged(
        node: &'n Node,
        tagged: &'static Tagged,
        found: &mut Found<'_>,
    ) -> Option<(&'static str, Self)> {
        let known = tagged.shapes.first().map(|(_, shape)| shape.names()).unwrap_or_default();
        let entries = mapping(node, tagged.what, &known, found)?;
        let Some((_, word)) = entries.iter().find(|(key, _)| key.name == tagged.tag) else {
            let words: Vec<&str> = tagged.shapes.iter().map(|(word, _)| *word).collect();
            let message = format!("{} needs a field `{}`", tagged.what, tagged.tag);
            found.error_with("missing-field", node.place, message, format!("it is one of {}", words.join(", ")));
            return None;
        };
        let what = format!("the {} of {}", tagged.tag, tagged.what);
        let words: Vec<_> = tagged.shapes.iter().map(|(word, shape)| (*word, (*word, *shape))).collect();
        let (word, shape) = one_of(word, &what, &words, found)?;
        Self::of_names(node, shape, tagged.shapes, found).map(|fields| (word, fields))
    }

    /// `others` are the shapes among which this one was chosen by a word: a field of one of them is explained.
    fn of_names(
        node: &'n Node,
        shape: &'static Shape,
        others: &[(&'static str, &'static Shape)],
        found: &mut Found<'_>,
    ) -> Option<Self> {
        let known = shape.names();
        let entries = mapping(node, shape.what, &known, found)?;
        for (key, _) in entries {
            if key.name.is_empty() || shape.has(&key.name) {
                continue;
            }
            // What cannot be said any more is not worth a search for what was meant.
            if found.is_full() {
                break;
            }
            let owners: Vec<&str> =
                others.iter().filter(|(_, other)| other.has(&key.name)).map(|(word, _)| *word).collect();
            let message = format!("{} has no field `{}`", shape.what, key.name);
            let elsewhere = shape.elsewhere.iter().find(|(word, _)| *word == key.name);
            let hint = match (elsewhere, owners.is_empty()) {
                (Some((_, instead)), _) => Some((*instead).to_owned()),
                (None, true) => suggest::hint(&key.name, &known),
                (None, false) => Some(format!("`{}` is for type {}", key.name, owners.join(", "))),
            };
            match hint {
                Some(hint) => found.error_with("unknown-field", key.place, message, hint),
                None => found.error("unknown-field", key.place, message),
            }
        }
        Some(Self { shape, place: node.place, entries })
    }

    /// The shape that was read.
    pub(super) const fn shape(&self) -> &'static Shape {
        self.shape
    }

    /// The one field of those of which exactly one must be there, with its value.
    pub(super) fn the_one(&self, found: &mut Found<'_>) -> Option<(&'static str, &'n Node)> {
        let names = self.shape.exactly_one;
        let mut there = names.iter().filter_map(|name| self.get(name).map(|node| (*name, node)));
        let Some(first) = there.next() else {
            let message = format!("{} needs one of {}", self.shape.what, names.join(", "));
            found.error("missing-field", self.place, message);
            return None;
        };
        let Some((second, _)) = there.next() else { return Some(first) };
        let message = format!("there is `{}` and `{second}`, and only one of them can be meant", first.0);
        found.error("two-actions", self.place_of(second), message);
        None
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
            found.error("missing-field", self.place, format!("{} needs a field `{name}`", self.shape.what));
        }
        node
    }
}

/// The entries of a mapping that has known fields; names the first of these where it is something else.
fn mapping<'n>(node: &'n Node, what: &str, known: &[&str], found: &mut Found<'_>) -> Option<&'n [(Key, Node)]> {
    /// Enough to recognise what is meant; the whole list would hide it.
    const NAMED_MAX: usize = 12;
    let Data::Map(entries) = &node.data else {
        let more = if known.len() > NAMED_MAX { ", …" } else { "" };
        let known = known.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
        found.error("wrong-type", node.place, format!("{what} is a mapping of {known}{more}, not {}", node.what()));
        return None;
    };
    Some(entries)
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
            let place = place_of_flaw(node, text, flaw.offset, found);
            match flaw.hint {
                Some(hint) => found.error_with("template", place, flaw.message, hint),
                None => found.error("template", place, flaw.message),
            }
            None
        }
    }
}

/// Where the tag at the byte `offset` of a scalar's text stands in the file.
fn place_of_flaw(node: &Node, text: &str, offset: usize, found: &Found<'_>) -> Place {
    let Some((before, after)) = text.split_at_checked(offset) else { return node.place };
    let end = ["}}", "%}"].iter().filter_map(|mark| after.find(mark)).min().map_or(after.len(), |end| end + 2);
    let needle = after.get(..end).unwrap_or(after).lines().next().unwrap_or_default();
    if needle.is_empty() {
        return node.place;
    }
    let from = start_of(node);
    let place = found.locate(from, needle, before.matches(needle).count());
    if place == from { node.place } else { place }
}

/// Where `width` characters stand in the file that begin `skip` characters into a scalar's text. The whole
/// scalar where its text is not written out in the file, as with escapes.
pub(super) fn place_in(node: &Node, text: &str, skip: usize, width: usize, found: &Found<'_>) -> Place {
    let mut left = skip;
    for line in text.lines() {
        let length = line.chars().count();
        if left <= length {
            let place = found.locate(start_of(node), line, 0);
            let there = found.source.line(place.line).chars().skip(place.column.saturating_sub(1) as usize);
            if line.is_empty() || !there.collect::<String>().starts_with(line) {
                return node.place;
            }
            let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
            // An end that was reached too early is marked after the text.
            let width = width.min(length - left).max(1);
            return Place { column: place.column + small(left), width: small(width), ..place };
        }
        left -= length + 1;
    }
    node.place
}

/// From where a scalar's text is looked for: a block's text begins in any column.
fn start_of(node: &Node) -> Place {
    let block = matches!(&node.data, Data::Scalar(Scalar { style: Style::Block, .. }));
    if block { Place { column: 1, ..node.place } } else { node.place }
}
