//! Where a name stands in the file.

use crate::diagnostic::{Found, Place};

impl Found<'_> {
    /// The first place at or after `from` where `name` stands on its own; where it stands at all when it
    /// never does; `from` itself when it is not found.
    pub(crate) fn locate_name(&self, from: Place, name: &str) -> Place {
        /// A name that is part of this many other words is not worth a longer search.
        const PARTS_MAX: usize = 64;
        let needle = name.lines().next().unwrap_or(name);
        let first = self.locate(from, needle, 0);
        let part = |c: char| c.is_alphanumeric() || c == '_';
        for skip in 0..PARTS_MAX {
            let place = self.locate(from, needle, skip);
            if place == from {
                break;
            }
            let line: Vec<char> = self.source.line(place.line).chars().collect();
            let start = place.column.saturating_sub(1) as usize;
            let before = start.checked_sub(1).and_then(|index| line.get(index));
            let after = line.get(start + place.width as usize);
            let begins = before.is_none_or(|c| !part(*c) && *c != '.');
            if begins && after.is_none_or(|c| !part(*c)) {
                return place;
            }
        }
        first
    }

    /// The place of the `skip`-th next occurrence of `needle` at or after `from`.
    pub(crate) fn locate(&self, from: Place, needle: &str, skip: usize) -> Place {
        /// A template is not longer than this many lines, or its messages point to its beginning.
        const LINES_MAX: usize = 2000;
        if needle.is_empty() {
            return from;
        }
        let mut left = skip;
        let first = from.line.saturating_sub(1) as usize;
        for (index, line) in self.source.text.lines().enumerate().skip(first).take(LINES_MAX) {
            let start = if index == first { from.column.saturating_sub(1) as usize } else { 0 };
            let start = line.char_indices().nth(start).map_or(line.len(), |(byte, _)| byte);
            for (byte, _) in line.get(start..).unwrap_or_default().match_indices(needle) {
                if left > 0 {
                    left -= 1;
                    continue;
                }
                let column = line.get(..start + byte).unwrap_or_default().chars().count() + 1;
                let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
                return Place { line: small(index + 1), column: small(column), width: small(needle.chars().count()) };
            }
        }
        from
    }
}
