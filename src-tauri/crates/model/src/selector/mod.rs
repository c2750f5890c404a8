//! Selectors: boolean expressions that pick hosts.
//!
//! ```text
//! role=web and site in (ams, fra) and not host~"*-canary"
//! web-*                      a bare pattern stands for host~web-*
//! ```

mod parse;

use std::fmt;

use globset::{Glob, GlobMatcher};

use crate::host::Host;
pub use parse::SelectorError;

/// The longest selector, in bytes. An operator types it, or a runbook holds it.
pub const SELECTOR_BYTES_MAX: usize = 4096;
/// The deepest nesting of parentheses and `not`: bounds the recursion of parser and evaluation.
pub const SELECTOR_DEPTH_MAX: usize = 64;

/// A parsed selector. Keeps its text, which is what people and plans see.
#[derive(Debug, Clone)]
pub struct Selector {
    text: String,
    expr: Expr,
}

#[derive(Debug, Clone)]
enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Is { key: Key, values: Vec<String> },
    Like { key: Key, pattern: GlobMatcher },
}

/// What is compared: the host's name, or a label.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Host,
    Label(String),
}

impl Key {
    fn of<'a>(&self, host: &'a Host) -> Option<&'a str> {
        match self {
            Self::Host => Some(host.name.as_str()),
            Self::Label(label) => host.labels.get(label).map(String::as_str),
        }
    }
}

impl Selector {
    /// Parses an expression.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        Ok(Self { text: text.trim().to_owned(), expr: parse::parse(text)? })
    }

    /// Whether the host is picked. A label that a host does not have equals nothing:
    /// `site=ams` is false there and `not site=ams` is true.
    #[must_use]
    pub fn matches(&self, host: &Host) -> bool {
        self.expr.matches(host)
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Expr {
    fn matches(&self, host: &Host) -> bool {
        match self {
            Self::And(all) => all.iter().all(|expr| expr.matches(host)),
            Self::Or(any) => any.iter().any(|expr| expr.matches(host)),
            Self::Not(expr) => !expr.matches(host),
            Self::Is { key, values } => key.of(host).is_some_and(|have| values.iter().any(|value| value == have)),
            Self::Like { key, pattern } => key.of(host).is_some_and(|have| pattern.is_match(have)),
        }
    }
}

fn glob(pattern: &str) -> Result<GlobMatcher, globset::Error> {
    Glob::new(pattern).map(|glob| glob.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Endpoint;
    use crate::id::HostName;

    fn host(name: &str, labels: &[(&str, &str)]) -> Host {
        Host {
            name: HostName::new(name).unwrap(),
            endpoint: Endpoint::Simulated,
            labels: labels.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            vars: std::collections::BTreeMap::new(),
            source: "test".into(),
        }
    }

    #[test]
    fn picks_exactly_what_was_written() {
        let fleet = [
            host("web-ams-1", &[("role", "web"), ("site", "ams")]),
            host("web-fra-1", &[("role", "web"), ("site", "fra")]),
            host("web-fra-canary", &[("role", "web"), ("site", "fra")]),
            host("db-ams-1", &[("role", "database"), ("site", "ams")]),
            host("bare", &[]),
        ];
        for (text, expect) in [
            ("role=web", vec!["web-ams-1", "web-fra-1", "web-fra-canary"]),
            ("role=web and site in (ams, fra) and not host~\"*-canary\"", vec!["web-ams-1", "web-fra-1"]),
            ("web-* and site=fra", vec!["web-fra-1", "web-fra-canary"]),
            ("role=database or site=fra and not *-canary", vec!["web-fra-1", "db-ams-1"]),
            ("(role=database or site=fra) and not *-canary", vec!["web-fra-1", "db-ams-1"]),
            ("site!=ams", vec!["web-fra-1", "web-fra-canary", "bare"]),
            ("not role in (web,database)", vec!["bare"]),
            ("role not in (web)", vec!["db-ams-1", "bare"]),
            ("role~w*", vec!["web-ams-1", "web-fra-1", "web-fra-canary"]),
            ("role=w*", vec![]),
            ("*", vec!["web-ams-1", "web-fra-1", "web-fra-canary", "db-ams-1", "bare"]),
        ] {
            let selector = Selector::parse(text).unwrap();
            let got: Vec<_> = fleet.iter().filter(|h| selector.matches(h)).map(|h| h.name.as_str()).collect();
            assert_eq!(got, expect, "{text}");
        }
    }
}
