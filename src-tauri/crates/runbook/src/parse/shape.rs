//! The grammar as data: which fields a mapping has, and what each takes.
//!
//! One [`Shape`] per kind of mapping. The readers take their known fields from it, and the JSON Schema
//! that editors use is made from it, so the two cannot say different things. A shape says what can be
//! written; what that means is the business of the reader that stands beside it, and not of this file.

/// A mapping with known fields.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Its name in the schema: `step`. Two shapes of one name are one shape.
    pub(crate) name: &'static str,
    /// What messages call it, with its article: `a step`.
    pub(crate) what: &'static str,
    /// What an editor shows about it: one or two sentences.
    pub(crate) doc: &'static str,
    /// Its fields, in the order in which people write them.
    pub(crate) fields: &'static [Field],
    /// Further fields, which other shapes have too.
    pub(crate) shared: &'static [Field],
    /// Exactly one of these fields is there; empty where there is no such choice.
    pub(crate) exactly_one: &'static [&'static str],
    /// Of each of these pairs at most one field is there.
    pub(crate) not_both: &'static [(&'static str, &'static str)],
    /// Words that people look for here, each with what to say instead.
    pub(crate) elsewhere: &'static [(&'static str, &'static str)],
}

impl Shape {
    /// A shape without rules about which of its fields go together.
    pub(crate) const fn new(
        name: &'static str,
        what: &'static str,
        doc: &'static str,
        fields: &'static [Field],
    ) -> Self {
        Self { name, what, doc, fields, shared: &[], exactly_one: &[], not_both: &[], elsewhere: &[] }
    }

    /// The same, with these fields too.
    pub(crate) const fn shared(self, fields: &'static [Field]) -> Self {
        Self { shared: fields, ..self }
    }

    /// The same, with exactly one of these fields.
    pub(crate) const fn exactly_one(self, names: &'static [&'static str]) -> Self {
        Self { exactly_one: names, ..self }
    }

    /// The same, with at most one field of each of these pairs.
    pub(crate) const fn not_both(self, pairs: &'static [(&'static str, &'static str)]) -> Self {
        Self { not_both: pairs, ..self }
    }

    /// The same, with what is said about words that belong somewhere else.
    pub(crate) const fn elsewhere(self, words: &'static [(&'static str, &'static str)]) -> Self {
        Self { elsewhere: words, ..self }
    }

    /// All its fields.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().chain(self.shared)
    }

    /// The names of its fields.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.all().map(|field| field.name).collect()
    }

    /// Whether it has a field of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.all().any(|field| field.name == name)
    }
}

/// A field of a mapping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// What an editor shows about it: one or two sentences.
    pub(crate) doc: &'static str,
    pub(crate) takes: Takes,
    pub(crate) required: bool,
}

/// A field that may be absent.
pub(crate) const fn may(name: &'static str, takes: Takes, doc: &'static str) -> Field {
    Field { name, doc, takes, required: false }
}

/// A field that must be there.
pub(crate) const fn must(name: &'static str, takes: Takes, doc: &'static str) -> Field {
    Field { name, doc, takes, required: true }
}

/// A mapping whose fields depend on the word in one of them, as an input's do on its `type`.
#[derive(Debug)]
pub(crate) struct Tagged {
    /// Its name in the schema.
    pub(crate) name: &'static str,
    /// What messages call it, with its article: `an input`.
    pub(crate) what: &'static str,
    /// What an editor shows about it.
    pub(crate) doc: &'static str,
    /// The field that holds the word.
    pub(crate) tag: &'static str,
    /// What an editor shows about that field.
    pub(crate) tag_doc: &'static str,
    /// The words, each with the shape that it stands for; the shapes have the tag among their fields.
    pub(crate) shapes: &'static [(&'static str, &'static Shape)],
}

/// What a field takes. Every single value is written as YAML writes it; `no`, `0777` and `1.2` stay the
/// text that they are where text is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Takes {
    /// Text that says something.
    Text,
    /// Text that may be empty.
    AnyText,
    /// Text that matches this pattern as a whole.
    Name(&'static str),
    /// Text with `{{ values }}`; it may be empty.
    Template,
    /// A script for a POSIX shell, with `{{ values }}`.
    Script,
    /// `true` or `false`.
    Boolean,
    /// A whole number within bounds.
    Integer { min: i64, max: i64 },
    /// A number within bounds; none where it has none.
    Number { min: Option<f64>, max: Option<f64> },
    /// `90s`, `1m30s`.
    Duration,
    /// `500MB`, `2GiB`.
    Size,
    /// `10%`.
    Percentage,
    /// A number of something, or a percentage of it.
    Share,
    /// `2026-11-20`
    Date,
    /// A regular expression.
    Regex,
    /// A JSON pointer.
    Pointer,
    /// One of these words, each with what an editor shows about it.
    Words(&'static [&'static str]),
    /// A list of this, with at least and at most so many items.
    List { of: &'static Takes, min: usize, max: usize },
    /// A mapping of names that match this pattern as a whole to this, with at most so many entries.
    Map { key: &'static str, to: &'static Takes, max: usize },
    /// A mapping with known fields.
    Shape(&'static Shape),
    /// A mapping whose fields depend on a word in it.
    Tagged(&'static Tagged),
    /// Any one of these forms.
    OneOf(&'static [Takes]),
    /// Any JSON, with `{{ values }}` in its strings.
    Json,
}

/// The characters of a name that templates use: an input, a captured value, a variable.
pub(crate) const TEMPLATE_NAME: &str = "[A-Za-z][A-Za-z0-9_]*";
/// Any name at all, as long as there is one.
pub(crate) const ANY_NAME: &str = ".+";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::parse::{REHEARSAL, RUNBOOK};

    /// Every shape that can be reached, by its name; two shapes of one name are an error.
    #[derive(Default)]
    struct Reached {
        shapes: BTreeMap<&'static str, &'static Shape>,
        tagged: BTreeMap<&'static str, &'static Tagged>,
    }

    impl Reached {
        fn shape(&mut self, shape: &'static Shape) {
            if let Some(other) = self.shapes.insert(shape.name, shape) {
                assert!(std::ptr::eq(other, shape), "two shapes are called {}", shape.name);
                return;
            }
            shape.all().for_each(|field| self.takes(field.takes));
        }

        fn takes(&mut self, takes: Takes) {
            match takes {
                Takes::Shape(shape) => self.shape(shape),
                Takes::List { of, .. } => self.takes(*of),
                Takes::Map { to, .. } => self.takes(*to),
                Takes::OneOf(forms) => forms.iter().for_each(|form| self.takes(*form)),
                Takes::Tagged(tagged) => {
                    if let Some(other) = self.tagged.insert(tagged.name, tagged) {
                        assert!(std::ptr::eq(other, tagged), "two are called {}", tagged.name);
                        return;
                    }
                    tagged.shapes.iter().for_each(|(_, shape)| self.shape(shape));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn the_grammar_does_not_contradict_itself_and_explains_every_field() {
        let mut reached = Reached::default();
        reached.shape(&RUNBOOK);
        reached.shape(&REHEARSAL);
        assert!(reached.shapes.len() > 30, "only {} shapes", reached.shapes.len());
        for shape in reached.shapes.values() {
            let mut names = shape.names();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), shape.all().count(), "{} has a field twice", shape.name);
            assert!(shape.doc.ends_with('.'), "{}: {}", shape.name, shape.doc);
            for field in shape.all() {
                assert!(field.doc.ends_with('.'), "{}.{}: {:?}", shape.name, field.name, field.doc);
            }
            let pairs = shape.not_both.iter().flat_map(|(one, other)| [one, other]);
            for name in shape.exactly_one.iter().chain(pairs) {
                let field = shape.all().find(|field| field.name == *name);
                assert!(field.is_some_and(|field| !field.required), "{}.{name}", shape.name);
            }
        }
        for tagged in reached.tagged.values() {
            assert!(!reached.shapes.contains_key(tagged.name), "{} is also a shape", tagged.name);
            for (word, shape) in tagged.shapes {
                let tag = shape.all().find(|field| field.name == tagged.tag).map(|field| field.takes);
                assert!(matches!(tag, Some(Takes::Words(words)) if words == [*word]), "{} {word}", tagged.name);
            }
        }
    }
}
