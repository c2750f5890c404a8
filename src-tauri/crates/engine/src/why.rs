//! Reasons as they may stand in the journal.

use crate::expect::shortened;

/// Characters of a reason in the journal; the beginning says what matters.
const WHY_CHARS_MAX: usize = 500;

/// A reason that is not longer than it helps, and holds nothing that moves the cursor of the terminal
/// that shows it: a host may have had a say in it.
pub(crate) fn reason(text: &str) -> String {
    shortened(&text.replace(char::is_control, " "), WHY_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_hosts_words_in_a_reason_cannot_draw_on_the_terminal() {
        assert_eq!(super::reason("bye\x1b[2K\r\u{9b}2Jok"), "bye [2K  2Jok");
    }
}
