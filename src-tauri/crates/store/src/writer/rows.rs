//! Many rows in few statements. One statement for many rows is several times faster than one for each,
//! and a statement of which there are only a few sizes is prepared once and kept.

/// Rows per statement, the largest first: each half of the one before, so that few statements do for any number.
/// SQLite takes 32,766 values in one; the widest row has 13.
const ROWS_PER_STATEMENT: [usize; 9] = [256, 128, 64, 32, 16, 8, 4, 2, 1];

/// A statement for many rows. Its texts, one for each size, are made once.
pub(super) struct ManyRows {
    texts: [String; ROWS_PER_STATEMENT.len()],
}

impl ManyRows {
    /// The text is `before`, a list of rows of `columns` values, and `after`.
    pub(super) fn new(before: &str, columns: usize, after: &str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(", "));
        let texts =
            ROWS_PER_STATEMENT.map(|size| format!("{before}VALUES {}{after}", vec![row.as_str(); size].join(", ")));
        Self { texts }
    }

    /// Cuts rows into as few statements as they fit, in their order: each one's text, and its rows.
    pub(super) fn over<'r, T>(&'static self, rows: &'r [T]) -> impl Iterator<Item = (&'static str, &'r [T])> {
        let mut rest = rows;
        std::iter::from_fn(move || {
            let sizes = ROWS_PER_STATEMENT.into_iter().zip(&self.texts);
            let (size, text) = sizes.into_iter().find(|(size, _)| *size <= rest.len())?;
            let (rows, after) = rest.split_at_checked(size)?;
            rest = after;
            Some((text.as_str(), rows))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    static PAIRS: LazyLock<ManyRows> = LazyLock::new(|| ManyRows::new("INSERT INTO pairs ", 2, " RETURNING 1"));

    #[test]
    fn every_row_is_in_one_statement_and_in_order() {
        for count in [0, 1, 3, 31, 32, 255, 256, 300, 1000] {
            let rows: Vec<usize> = (0..count).collect();
            let statements: Vec<(&str, &[usize])> = PAIRS.over(&rows).collect();
            assert_eq!(statements.iter().flat_map(|(_, rows)| rows.to_vec()).collect::<Vec<_>>(), rows);
            for (text, rows) in statements {
                assert_eq!(text.matches("(?, ?)").count(), rows.len(), "{count}: {text}");
            }
        }
    }

    #[test]
    fn a_text_has_its_rows_between_its_two_ends() {
        let (text, _) = PAIRS.over(&[1, 2]).next().unwrap();
        assert_eq!(text, "INSERT INTO pairs VALUES (?, ?), (?, ?) RETURNING 1");
    }
}
