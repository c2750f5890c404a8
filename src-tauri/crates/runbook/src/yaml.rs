//! YAML text to a tree of nodes, each with its place.
//!
//! Scalars stay the text that was written: what `no`, `1e3` or `0777` means is decided by the field
//! that they stand in, so a string input stays the string that its author typed. Anchors, aliases
//! and tags are not part of the language: what a reviewer reads is what is there, and there is no
//! alias bomb. The tree is built without recursion and within fixed bounds.

use serde_saphyr::granit_parser::{Event, Options, Parser, ScalarStyle, Span};

use crate::diagnostic::{Found, Place, turns_direction};

/// The longest runbook, in bytes. The longest in use are some ten kilobytes; this is what a hostile file may cost.
pub const TEXT_BYTES_MAX: usize = 512 * 1024;
/// The deepest nesting of mappings and sequences. The language itself needs six, a JSON body some more.
pub const DEPTH_MAX: usize = 32;
/// The most nodes in one runbook.
pub const NODES_MAX: usize = 20_000;

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) data: Data,
}

#[derive(Debug, Clone)]
pub(crate) enum Data {
    Scalar(Scalar),
    Seq(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A scalar as it was written, after YAML's own escapes.
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes: may be a number, a boolean or nothing.
    Plain,
    /// In quotes: always a string.
    Quoted,
    /// A block: always a string; its place is where its text starts.
    Block,
}

#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) place: Place,
}

impl Scalar {
    /// Nothing was written, or YAML's word for nothing.
    pub(crate) fn is_null(&self) -> bool {
        self.style == Style::Plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// YAML 1.2's booleans only: `no` and `on` are words.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match (self.style, self.text.as_str()) {
            (Style::Plain, "true") => Some(true),
            (Style::Plain, "false") => Some(false),
            _ => None,
        }
    }
}

impl Node {
    /// What it is, for messages.
    pub(crate) const fn what(&self) -> &'static str {
        match &self.data {
            Data::Scalar(_) => "a single value",
            Data::Seq(_) => "a list",
            Data::Map(_) => "a mapping",
        }
    }
}

enum Frame {
    Seq { place: Place, items: Vec<Node> },
    Map { place: Place, entries: Vec<(Key, Node)>, key: Option<Key> },
}

/// The root of the one document in the text; none when it cannot be read, which `found` then says.
pub(crate) fn read(found: &mut Found<'_>) -> Option<Node> {
    let text = found.source.text;
    if text.len() > TEXT_BYTES_MAX {
        found.error("limit", Place::START, too_long(text.len()));
        return None;
    }
    if let Some(place) = forbidden(text) {
        found.error("control-character", place, FORBIDDEN);
        return None;
    }
    let mut options = Options::default();
    options.emit_comments = false;
    options.disallow_directives = true;
    // The scanner reads ahead of the builder; its own limit is wider, so that the builder's message is the one seen.
    options.flow_nesting_limit = 4 * DEPTH_MAX;
    options.block_nesting_limit = 4 * DEPTH_MAX;
    let mut builder = Builder { stack: Vec::new(), root: None, nodes: 0, documents: 0 };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => {
                builder.take(event, place_of(&span), found)?;
            }
            Err(error) => {
                let mark = error.marker();
                let message = format!("this is not YAML: {}", error.info());
                found.error("syntax", place_at(mark.line(), mark.col() + 1, 1), message);
                return None;
            }
        }
    }
    if builder.root.is_none() {
        found.error("empty", Place::START, "there is no runbook in this file");
    }
    builder.root
}

pub(crate) fn too_long(bytes: usize) -> String {
    format!("the file has {bytes} bytes; a runbook may have {TEXT_BYTES_MAX}")
}

const FORBIDDEN: &str =
    "control characters other than tabs and line ends, and characters that turn the direction of text, are not allowed";

/// NUL would break the marks that late values are carried by; escapes would move a reader's cursor,
/// and a turned direction would show another script than the one that runs.
fn is_forbidden(c: char) -> bool {
    (c.is_control() && c != '\t' && c != '\n') || turns_direction(c)
}

fn forbidden(text: &str) -> Option<Place> {
    (1..).zip(text.split('\n')).find_map(|(line, content)| {
        let content = content.strip_suffix('\r').unwrap_or(content);
        let column = content.chars().position(is_forbidden)?;
        Some(place_at(line, column + 1, 1))
    })
}

fn place_of(span: &Span) -> Place {
    let width = if span.start.line() == span.end.line() { span.end.col().saturating_sub(span.start.col()) } else { 1 };
    place_at(span.start.line(), span.start.col() + 1, width)
}

fn place_at(line: usize, column: usize, width: usize) -> Place {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).max(1);
    Place { line: small(line), column: small(column), width: small(width) }
}

struct Builder {
    stack: Vec<Frame>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
}

impl Builder {
    /// Takes one event. None: reading stops here.
    fn take(&mut self, event: Event<'_>, place: Place, found: &mut Found<'_>) -> Option<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse_extras(anchor, tag.is_some(), place, found);
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    _ => Style::Block,
                };
                self.count(place, found)?;
                // A quoted scalar can spell by an escape what the text itself may not hold.
                if text.contains(is_forbidden) {
                    found.error("control-character", place, FORBIDDEN);
                    return None;
                }
                self.put(Node { place, data: Data::Scalar(Scalar { text: text.into_owned(), style }) }, found);
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_extras(anchor, tag.is_some(), place, found);
                self.open(Frame::Seq { place, items: Vec::new() }, place, found)?;
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_extras(anchor, tag.is_some(), place, found);
                self.open(Frame::Map { place, entries: Vec::new(), key: None }, place, found)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let node = match self.stack.pop()? {
                    Frame::Seq { place, items } => Node { place, data: Data::Seq(items) },
                    Frame::Map { place, entries, .. } => Node { place, data: Data::Map(entries) },
                };
                self.put(node, found);
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                found.error_with(
                    "anchor",
                    place,
                    "aliases are not part of the language",
                    "write the value out, so that a reviewer sees what is there",
                );
                return None;
            }
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    found.error("documents", place, "a file holds one runbook, and a second document starts here");
                    return None;
                }
            }
            _ => {}
        }
        Some(())
    }

    fn open(&mut self, frame: Frame, place: Place, found: &mut Found<'_>) -> Option<()> {
        if self.stack.len() >= DEPTH_MAX {
            found.error("limit", place, format!("the nesting is deeper than {DEPTH_MAX}"));
            return None;
        }
        self.stack.push(frame);
        self.count(place, found)
    }

    fn count(&mut self, place: Place, found: &mut Found<'_>) -> Option<()> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            found.error("limit", place, format!("the file has more than {NODES_MAX} values"));
            return None;
        }
        Some(())
    }

    fn put(&mut self, node: Node, found: &mut Found<'_>) {
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Frame::Seq { items, .. }) => items.push(node),
            Some(Frame::Map { entries, key, .. }) => match key.take() {
                None => *key = Some(key_of(node, found)),
                Some(name) => {
                    // A key that is no name was refused already.
                    let named = !name.name.is_empty();
                    if let Some((first, _)) = entries.iter().find(|(other, _)| named && other.name == name.name) {
                        let message = format!("`{}` stands here a second time", name.name);
                        found.error_with(
                            "duplicate-field",
                            name.place,
                            message,
                            format!("the first is in line {}", first.place.line),
                        );
                    } else {
                        entries.push((name, node));
                    }
                }
            },
        }
    }
}

fn key_of(node: Node, found: &mut Found<'_>) -> Key {
    match node.data {
        Data::Scalar(scalar) => {
            if scalar.text.is_empty() {
                found.error("key", node.place, "a name is missing here");
            }
            Key { name: scalar.text, place: node.place }
        }
        Data::Seq(_) | Data::Map(_) => {
            found.error_with(
                "key",
                node.place,
                "a name is expected here, not a list or a mapping",
                "a value that begins with `{{` needs quotes: \"{{ name }}\"",
            );
            Key { name: String::new(), place: node.place }
        }
    }
}

fn refuse_extras(anchor: usize, tag: bool, place: Place, found: &mut Found<'_>) {
    if anchor != 0 {
        found.error("anchor", place, "anchors are not part of the language");
    }
    if tag {
        found.error_with("tag", place, "tags are not part of the language", "put a string into quotes instead");
    }
}
