//! What is wrong with a file that a person wrote, said so that it can be put right.

use std::fmt;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Most problems of one file that are told; after that, one line says how many more there are.
pub const PROBLEMS_TOLD_MAX: usize = 50;
/// A suggestion is made for a word that is at most this many edits away.
const SUGGESTION_EDITS_MAX: usize = 2;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
pub struct Problem {
    /// Line, from 1; 0 where the place is not known.
    pub line: u32,
    /// Column in characters, from 1; 0 where the place is not known.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What would put it right.
    pub hint: Option<String>,
}

/// All that is wrong with one file. Displays as one `file:line:column: message` a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct FileProblems {
    /// The file, as it is named to people.
    pub file: String,
    /// What is wrong, in the order of the file.
    pub problems: Vec<Problem>,
}

impl fmt::Display for FileProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().take(PROBLEMS_TOLD_MAX).enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:", self.file)?;
            if problem.line > 0 {
                write!(f, "{}:{}:", problem.line, problem.column)?;
            }
            write!(f, " {}", problem.message)?;
            if let Some(hint) = &problem.hint {
                write!(f, " ({hint})")?;
            }
        }
        match self.problems.len().saturating_sub(PROBLEMS_TOLD_MAX) {
            0 => Ok(()),
            more => write!(f, "\n{}: and {more} more", self.file),
        }
    }
}

/// The one of `known` that was probably meant by `word`.
pub(crate) fn meant<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (edits(&word.to_lowercase(), candidate), *candidate))
        .filter(|(edits, candidate)| *edits <= SUGGESTION_EDITS_MAX && *edits < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions and replacements between two words (Levenshtein); short words only.
fn edits(a: &str, b: &str) -> usize {
    const WORD_MAX: usize = 32;
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(WORD_MAX).collect(), b.chars().take(WORD_MAX).collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut left = i + 1;
        let mut next = vec![left];
        for (to, above) in b.iter().zip(row.windows(2)) {
            let [diagonal, above] = above else { continue };
            left = (left + 1).min(above + 1).min(diagonal + usize::from(from != to));
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_is_recognised_and_a_foreign_one_is_not() {
        let known = ["address", "port", "user", "labels"];
        assert_eq!(meant("adress", &known), Some("address"));
        assert_eq!(meant("lables", &known), Some("labels"));
        assert_eq!(meant("Port", &known), Some("port"));
        assert_eq!(meant("colour", &known), None);
    }
}
