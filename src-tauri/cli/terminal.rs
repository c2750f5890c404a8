//! Colours, marks and columns on a terminal. Plain text where it is none, or where `NO_COLOR` is set.

use std::io::IsTerminal;

use daytwo_console::wire::Mark;

/// How output is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    colour: bool,
}

impl Style {
    /// As standard output allows.
    pub(crate) fn detect() -> Self {
        Self { colour: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    fn paint(self, sgr: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{sgr}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A mark with its colour; the word beside it says the same.
    pub(crate) fn mark(self, mark: Mark) -> String {
        let (shape, sgr) = match mark {
            Mark::Ok => ("●", "32"),
            Mark::Running => ("◐", "34"),
            Mark::Changed => ("▲", "33"),
            Mark::Failed => ("✕", "31"),
            Mark::Unknown => ("?", "35"),
            Mark::Unreachable => ("◌", "33"),
            Mark::Waiting => ("⧖", "2"),
            Mark::Skipped => ("⊘", "2"),
            Mark::Undone => ("↩", "36"),
        };
        self.paint(sgr, shape)
    }

    /// A heading.
    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// Something of less weight.
    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }
}

/// Rows in aligned columns, two spaces apart; the last column is not padded.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (index, cell) in row.iter().enumerate() {
            let width = visible_width(cell);
            match widths.get_mut(index) {
                Some(known) => *known = (*known).max(width),
                None => widths.push(width),
            }
        }
    }
    let mut out = String::new();
    for row in rows {
        let last = row.len().saturating_sub(1);
        for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
            out.push_str(cell);
            if index < last {
                out.push_str(&" ".repeat(width + 2 - visible_width(cell)));
            }
        }
        out.truncate(out.trim_end_matches(' ').len());
        out.push('\n');
    }
    out
}

/// Characters that are seen: everything but SGR sequences.
fn visible_width(text: &str) -> usize {
    let mut width = 0;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            for c in chars.by_ref() {
                if c == 'm' {
                    break;
                }
            }
        } else {
            width += 1;
        }
    }
    width
}

/// The first `max` names, and how many more there are.
pub(crate) fn some_names<T: ToString>(names: &[T], max: usize) -> String {
    let shown: Vec<String> = names.iter().take(max).map(ToString::to_string).collect();
    match names.len().saturating_sub(max) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `text` with every line that holds something indented.
pub(crate) fn indent(text: &str, by: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{by}{line}\n") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_whatever_the_colours() {
        let rows = vec![vec!["\u{1b}[32m●\u{1b}[0m".into(), "a".into(), "x".into()], vec!["○".into(), "bbb".into()]];
        assert_eq!(columns(&rows), "\u{1b}[32m●\u{1b}[0m  a    x\n○  bbb\n");
        assert_eq!(some_names(&["a", "b", "c"], 2), "a, b and 1 more");
    }
}
