//! Where things stand in the file that the parsed runbook keeps no place for.

use crate::diagnostic::Place;

/// Where the characters from `start` to `end` of a text stand that was read at `place`.
///
/// A text in a block stands in the file line by line, a short one in its line. One that YAML has
/// folded or unescaped does not stand there as it reads; then its beginning is the answer.
pub(super) fn spot(lines: &[&str], text: &str, place: Place, start: usize, end: usize) -> Place {
    let Some((row, column)) = position(text, start) else { return place };
    let line = text.split('\n').nth(row).unwrap_or_default();
    let Some(first) = line_start(lines, line, place, row) else { return place };
    let width = end.saturating_sub(start).min(line.chars().count().saturating_sub(column)).max(1);
    Place { line: small(place.line as usize + row), column: small(first + column + 1), width: small(width) }
}

/// In which column (from 0) of the file the line `row` of a text begins.
pub(super) fn line_start(lines: &[&str], line: &str, place: Place, row: usize) -> Option<usize> {
    let in_file = lines.get((place.line as usize).checked_sub(1)? + row)?;
    let skip = if row == 0 { place.column.saturating_sub(1) as usize } else { 0 };
    let from = in_file.char_indices().nth(skip).map_or(in_file.len(), |(index, _)| index);
    // A block's own place may be behind the white space that its first line begins with.
    let found = in_file.get(from..)?.find(line).map(|index| index + from).or_else(|| in_file.find(line))?;
    Some(in_file.get(..found)?.chars().count())
}

/// Line and column, both from 0, of a character of a text.
fn position(text: &str, index: usize) -> Option<(usize, usize)> {
    let mut left = index;
    for (row, line) in text.split('\n').enumerate() {
        let length = line.chars().count();
        if left <= length {
            return Some((row, left));
        }
        left -= length + 1;
    }
    None
}

/// Where the last of some keys stands, each looked for behind the one before it, in a step that begins
/// at `step` and ends before the line `until`; the step's own place where one of them is not found.
pub(super) fn field(lines: &[&str], step: Place, until: u32, path: &[&str]) -> Place {
    let mut path = path.iter();
    let Some(mut key) = path.next() else { return step };
    let first = step.line.saturating_sub(1) as usize;
    let count = (until.saturating_sub(step.line) as usize).max(1);
    for (row, line) in lines.iter().enumerate().skip(first).take(count) {
        let mut from = 0;
        while let Some(at) = key_in(line, key, from) {
            let Some(next) = path.next() else {
                let column = line.get(..at).unwrap_or_default().chars().count() + 1;
                return Place { line: small(row + 1), column: small(column), width: small(key.chars().count()) };
            };
            from = at + key.len();
            key = next;
        }
    }
    step
}

/// The byte where a key or a list item of this name begins in a line.
fn key_in(line: &str, key: &str, from: usize) -> Option<usize> {
    let inside = |c: char| c.is_alphanumeric() || "_-:".contains(c);
    line.get(from..)?.match_indices(key).map(|(index, _)| index + from).find(|index| {
        let before = line.get(..*index).unwrap_or_default().trim_end_matches(['"', '\'']);
        let after = line.get(index + key.len()..).unwrap_or_default().trim_start_matches(['"', '\'']);
        !before.ends_with(inside) && after.trim_start().starts_with([':', ']', ','])
    })
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_of_a_script_is_found_in_the_file_and_a_folded_text_at_its_beginning() {
        let file = ["steps:", "  - id: a", "    run: |", "      echo a", "      é $b", "    title: > "];
        let block = Place { line: 4, column: 7, width: 1 };
        assert_eq!(spot(&file, "echo a\né $b\n", block, 9, 11), Place { line: 5, column: 9, width: 2 });
        let plain = Place { line: 2, column: 9, width: 1 };
        assert_eq!(spot(&file, "a", plain, 0, 1), Place { line: 2, column: 9, width: 1 });
        assert_eq!(spot(&file, "not there", plain, 4, 9), plain);
    }

    #[test]
    fn a_field_is_found_behind_its_parent_and_not_beyond_its_step() {
        let file = ["  - id: sudo-a", "    run: raw", "    waive: { raw: why }", "  - id: b", "    retry: 1"];
        let step = Place { line: 1, column: 9, width: 1 };
        assert_eq!(field(&file, step, 4, &["waive", "raw"]), Place { line: 3, column: 14, width: 3 });
        assert_eq!(field(&file, step, 4, &["retry"]), step);
    }
}
