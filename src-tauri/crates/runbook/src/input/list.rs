//! Lists as they are typed: one item per line, or separated by commas on one line.

/// The items of a list, each without the white space around it. An empty text holds none.
///
/// The order decides nothing and no item may be empty: a forgotten name between two commas is a slip.
pub(super) fn split(typed: &str) -> Vec<&str> {
    let lines = typed.strip_suffix('\n').unwrap_or(typed);
    if lines.trim().is_empty() {
        Vec::new()
    } else if typed.contains('\n') {
        lines.split('\n').map(str::trim).collect()
    } else {
        lines.split(',').map(str::trim).collect()
    }
}

/// The items as they would be typed, so that [`split`] gives them back.
pub(super) fn join(items: &[String]) -> String {
    if items.iter().any(|item| item.contains(',')) {
        items.iter().flat_map(|item| [item.as_str(), "\n"]).collect()
    } else {
        items.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_split_at_line_ends_where_there_are_some_and_at_commas_otherwise() {
        for (typed, items) in [
            ("", &[][..]),
            (" \n", &[]),
            ("a", &["a"]),
            (" a , b", &["a", "b"]),
            ("a\nb\n", &["a", "b"]),
            ("a,b\n", &["a,b"]),
            ("a,b\nc", &["a,b", "c"]),
            ("a,,b", &["a", "", "b"]),
            ("a,", &["a", ""]),
            ("a\n\nb", &["a", "", "b"]),
        ] {
            assert_eq!(split(typed), items, "{typed:?}");
        }
    }
}
