//! A template's text cut into literals and tags, with the tags held to what the language allows.
//!
//! The cut is made here, and not left to the template engine, because what surrounds an expression
//! decides whether quoting it is safe. Everything in which the two could differ is refused: white
//! space control (`{{-`), comments, verbatim blocks, and tags other than `if` and `for`.

use std::collections::BTreeSet;

use super::engine::{FILTERS, TESTS};
use crate::suggest;

/// The longest tag. With no assignment, no multiplication and no list-building filter it also bounds what one expression
/// can make out of an input.
pub(crate) const TAG_BYTES_MAX: usize = 512;

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Text that stands for itself.
    Literal(String),
    /// `{{ … }}`: the expression between the braces.
    Expression {
        /// As it was written, without the braces.
        code: String,
        /// Where it begins in the template's text, in bytes.
        offset: usize,
    },
    /// `{% … %}`.
    Block {
        /// Whether it opens, divides or closes.
        role: Role,
        /// As it was written, without the braces.
        code: String,
        /// Where it begins in the template's text, in bytes.
        offset: usize,
    },
}

/// A piece of a template that holds nothing but text and plain names.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    /// Text that stands for itself.
    Literal(String),
    /// `{{ host.labels.site }}`
    Name(String),
}

/// A template's pieces, with each literal as `spell` has it; none when a tag is more than a name.
pub(crate) fn plain_pieces(segments: &[Segment], spell: impl Fn(&str) -> String) -> Option<Vec<Piece>> {
    segments
        .iter()
        .map(|segment| match segment {
            Segment::Literal(text) => Some(Piece::Literal(spell(text))),
            Segment::Expression { code, .. } => plain_name(code).map(|name| Piece::Name(name.to_owned())),
            Segment::Block { .. } => None,
        })
        .collect()
}

/// A dotted name and nothing else. Words of the template language are left to its engine.
fn plain_name(code: &str) -> Option<&str> {
    const WORDS: &[&str] =
        &["true", "false", "none", "True", "False", "None", "not", "and", "or", "in", "is", "if", "else"];
    let name = code.trim();
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !WORDS.contains(&word)
    };
    name.split('.').all(word).then_some(name)
}

/// What a block tag does to the nesting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Open,
    Divide,
    Close,
}

/// What is wrong with a template, and where in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// In bytes from the beginning of the template's text.
    pub(crate) offset: usize,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Flaw {
    pub(crate) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into(), hint: None }
    }

    pub(crate) fn with(offset: usize, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { offset, message: message.into(), hint: Some(hint.into()) }
    }
}

/// Cuts `text` into segments.
pub(crate) fn cut(text: &str) -> Result<Vec<Segment>, Flaw> {
    let mut segments = Vec::new();
    let mut rest = text;
    let mut offset = 0;
    while let Some(start) = next_tag(rest) {
        let (literal, tag) = rest.split_at(start);
        if !literal.is_empty() {
            segments.push(Segment::Literal(literal.to_owned()));
        }
        offset += start;
        let expression = tag.starts_with("{{");
        let body = tag.get(2..).unwrap_or_default();
        let close = if expression { "}}" } else { "%}" };
        let Some(length) = end_of_tag(body, close) else {
            let open = if expression { "{{" } else { "{%" };
            return Err(Flaw::new(offset, format!("`{open}` is not closed by `{close}`")));
        };
        let code = body.get(..length).unwrap_or_default();
        check_code(code, offset)?;
        check_raw(code, expression, offset)?;
        segments.push(if expression {
            Segment::Expression { code: code.to_owned(), offset }
        } else {
            Segment::Block { role: role_of(code, offset)?, code: code.to_owned(), offset }
        });
        rest = body.get(length + 2..).unwrap_or_default();
        offset += length + 4;
    }
    if !rest.is_empty() {
        segments.push(Segment::Literal(rest.to_owned()));
    }
    Ok(segments)
}

fn next_tag(text: &str) -> Option<usize> {
    // Not by searching for each of the two: one that is never there would be searched to the end at every tag.
    text.match_indices('{').map(|(index, _)| index).find(|index| {
        let after = text.as_bytes().get(index + 1);
        matches!(after, Some(b'{' | b'%'))
    })
}

/// Where the tag's end mark stands, outside of strings.
fn end_of_tag(body: &str, close: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (index, c) in body.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            None if body.get(index..).is_some_and(|here| here.starts_with(close)) => return Some(index),
            None => {}
        }
    }
    None
}

fn check_code(code: &str, offset: usize) -> Result<(), Flaw> {
    if code.len() > TAG_BYTES_MAX {
        return Err(Flaw::new(offset, format!("the tag is longer than {TAG_BYTES_MAX} bytes")));
    }
    if code.starts_with(['-', '+']) || code.ends_with(['-', '+']) {
        return Err(Flaw::new(offset, "white space control (`{{-`, `-}}`) is not part of the language"));
    }
    if outside_strings(code).any(|c| c == '*') {
        return Err(Flaw::new(offset, "templates do not multiply"));
    }
    check_calls(code, offset)?;
    // A brace would let a map or a nested tag begin inside, where the two readers of a template could part ways.
    if outside_strings(code).any(|c| c == '{' || c == '}') {
        return Err(Flaw::new(offset, "a tag cannot hold braces"));
    }
    Ok(())
}

/// The way out of quoting is the end of an expression, or it is not there: behind `if`, in a list or before another
/// filter the value would leave as it is, and nobody would be told.
fn check_raw(code: &str, expression: bool, offset: usize) -> Result<(), Flaw> {
    let bare: String = outside_strings(code).collect();
    let raws = bare.split('|').skip(1).filter(|filter| first_word(filter) == "raw").count();
    if raws == 0 || (expression && raws == 1 && is_raw(&bare)) {
        return Ok(());
    }
    Err(Flaw::with(offset, "`raw` stands only at the end of an expression", "write {{ name | raw }}"))
}

/// Checks the names of filters (`| name`) and tests (`is name`); the engine itself looks for them only when it renders.
fn check_calls(code: &str, offset: usize) -> Result<(), Flaw> {
    let code: String = outside_strings(code).collect();
    let mut filters = code.split('|').skip(1).map(first_word);
    if let Some(unknown) = filters.find(|name| !FILTERS.contains(name)) {
        let hint = suggest::hint(unknown, FILTERS).unwrap_or_default();
        return Err(Flaw::with(offset, format!("the language has no filter `{unknown}`"), hint));
    }
    let mut words = code.split_whitespace();
    while let Some(word) = words.next() {
        if word != "is" {
            continue;
        }
        let name = first_word(words.by_ref().find(|word| *word != "not").unwrap_or_default());
        if !TESTS.contains(&name) {
            let hint = format!("after `is` stands one of {}", TESTS.join(", "));
            return Err(Flaw::with(offset, format!("the language has no test `{name}`"), hint));
        }
    }
    Ok(())
}

fn first_word(text: &str) -> &str {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn role_of(code: &str, offset: usize) -> Result<Role, Flaw> {
    match code.split_whitespace().next().unwrap_or_default() {
        "if" | "for" => Ok(Role::Open),
        "elif" | "else" => Ok(Role::Divide),
        "endif" | "endfor" => Ok(Role::Close),
        other => Err(Flaw::with(
            offset,
            format!("the language has no tag `{}`", other.chars().take(32).collect::<String>()),
            "it has if, elif, else, endif, for and endfor",
        )),
    }
}

/// The characters of a tag that are not inside a string.
fn outside_strings(code: &str) -> impl Iterator<Item = char> {
    let mut quote = None;
    let mut escaped = false;
    code.chars().filter(move |c| match quote {
        Some(_) if escaped => {
            escaped = false;
            false
        }
        Some(_) if *c == '\\' => {
            escaped = true;
            false
        }
        Some(open) => {
            if *c == open {
                quote = None;
            }
            false
        }
        None if *c == '\'' || *c == '"' => {
            quote = Some(*c);
            false
        }
        None => true,
    })
}

/// The names that a tag uses, without those after a dot and those inside strings.
pub(crate) fn words(code: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut word = String::new();
    let mut before = ' ';
    // A string leaves nothing behind, so a mark takes its place to keep its neighbours apart.
    let code: String = outside_strings(code).chain(std::iter::once(' ')).collect();
    for c in code.chars() {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        if !word.is_empty() && before != '.' {
            words.insert(word.clone());
        }
        if !word.is_empty() || !c.is_whitespace() {
            before = c;
        }
        word.clear();
    }
    words
}

/// Whether an expression ends in `| raw`.
pub(crate) fn is_raw(code: &str) -> bool {
    code.trim_end().strip_suffix("raw").is_some_and(|rest| rest.trim_end().ends_with('|'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_its_tags_and_nowhere_else() {
        let segments = cut("a {{ x }}b{% if y %}${#n} ${v%%.*}{% endif %}").unwrap();
        let expected = [
            Segment::Literal("a ".into()),
            Segment::Expression { code: " x ".into(), offset: 2 },
            Segment::Literal("b".into()),
            Segment::Block { role: Role::Open, code: " if y ".into(), offset: 10 },
            Segment::Literal("${#n} ${v%%.*}".into()),
            Segment::Block { role: Role::Close, code: " endif ".into(), offset: 34 },
        ];
        assert_eq!(segments, expected);
        assert_eq!(cut("{{ '}}' }}").unwrap(), [Segment::Expression { code: " '}}' ".into(), offset: 0 }]);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for bad in [
            "{{ x",
            "{{- x }}",
            "{{ x -}}",
            "{% raw %}",
            "{% set a = 1 %}",
            "{{ 'a' * 9 }}",
            "{{ {'a': 1} }}",
            "{% %}",
            "{{ x | tojson }}",
            "{% if x is not none and x is odd %}",
            "{{ x | raw if y else x }}",
            "{{ x | raw | default('') }}",
            "{{ (x | raw) }}",
            "{{ [x | raw] | first }}",
            "{{ x if y else 'a | raw' | raw | raw }}",
            "{% for i in [x | raw] %}{% endfor %}",
        ] {
            assert!(cut(bad).is_err(), "{bad} was accepted");
        }
    }

    #[test]
    fn words_are_the_names_that_a_tag_starts_from() {
        let found: Vec<String> = words("if captured.pid == 'host.key' and unit|length > x . y").into_iter().collect();
        assert_eq!(found, ["and", "captured", "if", "length", "unit", "x"]);
    }
}
