//! Quoting of values for the languages that they are put into.
//!
//! One place, used at planning (values known then) and at sending (secrets, captures), so that a
//! value cannot be quoted in two ways.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

/// The language around a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Quote {
    /// POSIX shell: one word, whatever it holds.
    Shell,
    /// JSON: a whole value, with its type.
    Json,
    /// JSON: inside a string literal that the template wrote.
    JsonString,
    /// URL: one component, percent-encoded.
    Url,
    /// As it is.
    None,
}

impl Quote {
    /// `value` as it must stand in this language.
    #[must_use]
    pub fn apply(self, value: &Value) -> String {
        match self {
            Self::Shell => shell(&plain(value)),
            Self::Json => value.to_string(),
            Self::JsonString => json_string_inner(&plain(value)),
            Self::Url => url(&plain(value)),
            Self::None => plain(value),
        }
    }
}

/// A value as a person would write it: strings without quotes, everything else as JSON.
#[must_use]
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
    }
}

/// `text` as one word of a POSIX shell.
///
/// Left bare when it holds only characters that no shell treats specially; otherwise in single
/// quotes, where only the single quote itself is special.
#[must_use]
pub fn shell(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "@%_+:,./-".contains(c);
    if !text.is_empty() && text.chars().all(bare) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// `text` as it stands between the quotes of a JSON string.
#[must_use]
pub fn json_string_inner(text: &str) -> String {
    let quoted = Value::String(text.to_owned()).to_string();
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

/// `text` percent-encoded as one URL component (RFC 3986: all but the unreserved characters).
#[must_use]
pub fn url(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Whether a URL's path holds a segment `.` or `..`, which every client takes for a step up: a value
/// of `..` cannot be written so that it stays one component, encoded or not.
#[must_use]
pub fn climbs(url: &str) -> bool {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after_scheme.split(['?', '#']).next().unwrap_or_default();
    // The first piece is the address.
    let mut segments = path.split(['/', '\\']).skip(1);
    segments.any(|segment| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_word_is_one_word_whatever_it_holds() {
        for (text, word) in [
            ("nginx.service", "nginx.service"),
            ("", "''"),
            ("a b", "'a b'"),
            ("$(reboot)", "'$(reboot)'"),
            ("it's", r"'it'\''s'"),
            ("a\nb", "'a\nb'"),
            ("~root", "'~root'"),
            ("a=b", "'a=b'"),
            ("-n", "-n"),
        ] {
            assert_eq!(shell(text), word);
        }
    }

    #[test]
    fn json_keeps_types_and_escapes_strings() {
        assert_eq!(Quote::Json.apply(&Value::Null), "null");
        assert_eq!(Quote::Json.apply(&Value::from(60)), "60");
        assert_eq!(Quote::Json.apply(&Value::from("a\"b")), r#""a\"b""#);
        assert_eq!(Quote::JsonString.apply(&Value::from("a\"\n")), r#"a\"\n"#);
        assert_eq!(Quote::Url.apply(&Value::from("a/b c?é")), "a%2Fb%20c%3F%C3%A9");
    }

    #[test]
    fn a_path_that_steps_up_is_seen_however_it_is_written() {
        for (url, expected) in [
            ("http://h/keys/..", true),
            ("http://h/keys/%2E%2e/x", true),
            ("http://h/./x", true),
            ("http://h\\..\\x", true),
            ("http://..", false),
            ("http://h/a..b/...?q=/../", false),
            ("https://h:1/v1.2/x#/..", false),
        ] {
            assert_eq!(climbs(url), expected, "{url}");
        }
    }
}
