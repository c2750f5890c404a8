//! A script's template as the shell's grammar sees it: same characters, same columns, one branch of
//! each `{% if %}`, and marks where values stand.
//!
//! Nothing here changes a length, so that an index into the flat text is an index into the template.

use crate::template::Template;

/// Stands where a value does: part of a word, of unknown content, already quoted.
pub(super) const VALUE: char = '\u{1}';

/// Stands where a number does. It holds neither blanks nor wildcards, whatever it is.
const NUMBER: char = '0';

/// Which branch of each `{% if %}` is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Branch {
    First,
    Last,
}

/// A template with its tags taken out.
#[derive(Debug)]
pub(super) struct Flat {
    /// The characters, as many as the template has.
    pub(super) chars: Vec<char>,
    /// The expressions that are left, in their order.
    pub(super) tags: Vec<Tag>,
}

/// An expression.
#[derive(Debug)]
pub(super) struct Tag {
    /// Its first character's index, and the index after its last.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) code: String,
}

impl Flat {
    /// The expression at an index.
    pub(super) fn tag_at(&self, index: usize) -> Option<&Tag> {
        // They stand in their order and do not overlap: the first that ends after the index is the only candidate.
        let first = self.tags.partition_point(|tag| tag.end <= index);
        self.tags.get(first).filter(|tag| tag.start <= index)
    }
}

/// An `{% if %}` or `{% for %}` whose end has not been read: where each of its sections stands.
struct Open {
    from: usize,
    sections: Vec<(usize, usize)>,
}

/// Flattens a template. `is_number` says of an expression whether its value is always a number or boolean.
pub(super) fn flat(template: &Template, branch: Branch, is_number: &dyn Fn(&str) -> bool) -> Flat {
    let text = template.written();
    let mut chars: Vec<char> = text.chars().collect();
    let mut tags = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut counted = (0, 0);
    for (offset, code, expression) in template.tags() {
        let before = text.get(counted.0..offset).unwrap_or_default().chars().count();
        let start = counted.1 + before;
        counted = (offset, start);
        let end = start + code.chars().count() + 4;
        if expression {
            fill(&mut chars, start, end, if is_number(code.trim()) { NUMBER } else { VALUE });
            tags.push(Tag { start, end, code: code.to_owned() });
            continue;
        }
        fill_blank(&mut chars, start, end);
        match code.split_whitespace().next().unwrap_or_default() {
            "if" | "for" => open.push(Open { from: end, sections: Vec::new() }),
            "else" | "elif" => {
                if let Some(block) = open.last_mut() {
                    block.sections.push((block.from, start));
                    block.from = end;
                }
            }
            _ => {
                let Some(mut block) = open.pop() else { continue };
                block.sections.push((block.from, start));
                let kept = if branch == Branch::First { 0 } else { block.sections.len() - 1 };
                for (index, (from, to)) in block.sections.into_iter().enumerate() {
                    if index != kept {
                        fill_blank(&mut chars, from, to);
                        let first = tags.partition_point(|tag| tag.start < from);
                        let after = tags.partition_point(|tag| tag.start < to);
                        tags.drain(first..after);
                    }
                }
            }
        }
    }
    Flat { chars, tags }
}

fn fill(chars: &mut [char], start: usize, end: usize, with: char) {
    for c in chars.iter_mut().take(end).skip(start) {
        *c = with;
    }
}

/// Blanks, but keeps the lines.
fn fill_blank(chars: &mut [char], start: usize, end: usize) {
    for c in chars.iter_mut().take(end).skip(start) {
        if *c != '\n' {
            *c = ' ';
        }
    }
}
