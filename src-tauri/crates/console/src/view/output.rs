//! A host's output made safe to show: valid Unicode, nothing that a terminal or browser would obey.

/// `bytes` as text. Line ends become `\n`, tabs stay, every other control character becomes its
/// visible picture (ESC is `␛`), and what is not UTF-8 becomes `�`.
///
/// A piece that was cut inside a character shows `�` there; the stored bytes are whole.
#[must_use]
pub fn visible(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\t' => out.push(c),
            // The pictures of U+0000..U+001F begin at U+2400; DEL has its own.
            '\0'..='\u{1f}' => out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('�')),
            '\u{7f}' => out.push('␡'),
            '\u{80}'..='\u{9f}' => out.push('�'),
            // Directional overrides could make a line read as another one.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => out.push('�'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_would_obey_is_left() {
        assert_eq!(visible(b"ok\r\n\x1b[2J\x07\tx\xff\x7f"), "ok\n␛[2J␇\tx\u{fffd}␡");
        assert_eq!(visible("a\u{202e}b\u{9b}31m".as_bytes()), "a\u{fffd}b\u{fffd}31m");
    }
}
