//! Many rows in few statements. One statement for many rows is several times faster than one for each,
//! and a statement of which there are only a few sizes is prepared once and kept.

/// Rows per statement, the largest first. SQLite takes 32,766 values in one; the widest row has 13.
const ROWS_PER_STATEMENT: [usize; 4] = [256, 32, 4, 1];

/// Cuts rows into as few statements of these sizes as they fit.
pub(super) fn in_statements<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let size = ROWS_PER_STATEMENT.into_iter().find(|size| *size <= rest.len())?;
        let (rows, after) = rest.split_at_checked(size)?;
        rest = after;
        Some(rows)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_statement_and_in_order() {
        for count in [0, 1, 3, 31, 32, 255, 256, 300, 1000] {
            let rows: Vec<usize> = (0..count).collect();
            let statements: Vec<&[usize]> = in_statements(&rows).collect();
            assert_eq!(statements.concat(), rows);
            assert!(statements.iter().all(|rows| ROWS_PER_STATEMENT.contains(&rows.len())), "{count}");
        }
    }
}
