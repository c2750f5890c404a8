//! Where a name stands in the file.

use crate::diagnostic::{Found, Place};

/// A name that is part of this many other words is not worth a longer search.
const PARTS_MAX: usize = 64;
/// A template is not longer than this many lines, or its messages point to its beginning.
const LINES_MAX: usize = 2000;

/// Where a text stands: the line, its index, and the byte in it.
type Spot<'t> = (&'t str, usize, usize);

impl Found<'_> {
    /// The first place at or after `from` where `name` stands on its own; where it stands at all when it
    /// never does; `from` itself when it is not found.
    pub(crate) fn locate_name(&self, from: Place, name: &str) -> Place {
        if self.is_full() {
            // Nobody will be told, and a hostile file has a hundred thousand names.
            return from;
        }
        let needle = name.lines().next().unwrap_or(name);
        let part = |c: char| c.is_alphanumeric() || c == '_';
        let mut first = None;
        for spot in self.spots(from, needle).take(PARTS_MAX) {
            let (line, _, byte) = spot;
            let before = line.get(..byte).and_then(|before| before.chars().next_back());
            let after = line.get(byte + needle.len()..).and_then(|after| after.chars().next());
            if before.is_none_or(|c| !part(c) && c != '.') && after.is_none_or(|c| !part(c)) {
                return place(spot, needle);
            }
            first.get_or_insert(spot);
        }
        first.map_or(from, |spot| place(spot, needle))
    }

    /// The place of the `skip`-th next occurrence of `needle` at or after `from`.
    pub(crate) fn locate(&self, from: Place, needle: &str, skip: usize) -> Place {
        self.spots(from, needle).nth(skip).map_or(from, |spot| place(spot, needle))
    }

    fn spots<'s>(&'s self, from: Place, needle: &'s str) -> impl Iterator<Item = Spot<'s>> {
        let first = from.line.saturating_sub(1) as usize;
        let lines = self.source.text.lines().enumerate().skip(first).take(LINES_MAX);
        let lines = lines.filter(|_| !needle.is_empty());
        lines.flat_map(move |(index, line)| {
            let start = if index == first { from.column.saturating_sub(1) as usize } else { 0 };
            let start = line.char_indices().nth(start).map_or(line.len(), |(byte, _)| byte);
            let found = line.get(start..).unwrap_or_default().match_indices(needle);
            found.map(move |(byte, _)| (line, index, start + byte))
        })
    }
}

fn place((line, index, byte): Spot<'_>, needle: &str) -> Place {
    let column = line.get(..byte).unwrap_or_default().chars().count() + 1;
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place { line: small(index + 1), column: small(column), width: small(needle.chars().count()) }
}
