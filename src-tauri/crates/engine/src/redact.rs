//! Finds the values of secrets in bytes and puts [`MASK`] in their place. Pure.
//!
//! Covered are the value itself (without surrounding white space), each longer line of a value of
//! several lines, and the forms that shells, JSON, URLs and base64 give it. Not covered: hashes,
//! encryption, compression, base64 that is wrapped within the value, and values shorter than
//! [`SECRET_CHARS_MIN`]: they would mask ordinary words, so whoever keeps such a secret is warned.

use std::collections::BTreeSet;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use daytwo_model::SecretValue;
use daytwo_model::quote;
use daytwo_model::secret::MASK;
use serde_json::Value;

/// Shorter values are not masked: three characters are found by chance in most logs.
pub const SECRET_CHARS_MIN: usize = 4;
/// Single lines of a longer value are masked from this length on: PEM and JSON have short lines
/// (braces, `-----`) that mean nothing by themselves.
const LINE_CHARS_MIN: usize = 8;
/// Base64 of a value within a longer one is masked from this length on; less is found by chance.
const INNER_BASE64_CHARS_MIN: usize = 8;

/// The secrets cannot be searched for: together they are too large.
#[derive(Debug, thiserror::Error)]
#[error("the secrets are too large to search for")]
pub struct TooLarge(#[source] aho_corasick::BuildError);

/// Whether a secret is too short to be masked in output. Tell the person who keeps it.
#[must_use]
pub fn is_too_short_to_mask(secret: &SecretValue) -> bool {
    secret.expose().trim().chars().count() < SECRET_CHARS_MIN
}

/// Knows the secrets of a run. (No `Debug`: it would print them.)
pub struct Mask {
    matcher: Option<AhoCorasick>,
    /// Sorted.
    forms: Vec<Vec<u8>>,
    longest: usize,
}

impl Mask {
    /// For these secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretValue>) -> Result<Self, TooLarge> {
        let mut forms = BTreeSet::new();
        for secret in secrets {
            if !is_too_short_to_mask(secret) {
                let whole = secret.expose().trim();
                add_forms(&mut forms, whole);
                for line in whole.lines().map(str::trim).filter(|line| line.chars().count() >= LINE_CHARS_MIN) {
                    add_forms(&mut forms, line);
                }
            }
        }
        let forms: Vec<Vec<u8>> = forms.into_iter().collect();
        let longest = forms.iter().map(Vec::len).max().unwrap_or(0);
        let matcher = if forms.is_empty() {
            None
        } else {
            // Overlapping matches, so that every byte of every occurrence is covered.
            Some(AhoCorasick::builder().match_kind(MatchKind::Standard).build(&forms).map_err(TooLarge)?)
        };
        Ok(Self { matcher, forms, longest })
    }

    /// `text` without secrets.
    #[must_use]
    pub fn text(self: &Arc<Self>, text: &str) -> String {
        if self.matcher.is_none() {
            return text.to_owned();
        }
        let mut stream = self.stream();
        let mut out = stream.push(text.as_bytes());
        out.extend(stream.finish(Ending::Seen));
        // Masks begin and end where whole forms do, so this loses nothing.
        String::from_utf8_lossy(&out).into_owned()
    }

    /// A JSON value without secrets, in keys and in texts.
    #[must_use]
    pub fn value(self: &Arc<Self>, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.value(item)).collect()),
            Value::Object(map) => {
                Value::Object(map.into_iter().map(|(key, item)| (self.text(&key), self.value(item))).collect())
            }
            // A secret of digits only may stand as a number.
            Value::Number(number) => {
                let masked = self.text(&number.to_string());
                if masked.contains(MASK) { Value::String(masked) } else { Value::Number(number) }
            }
            other @ (Value::Null | Value::Bool(_)) => other,
        }
    }

    /// For one stream of bytes that arrives in pieces.
    #[must_use]
    pub fn stream(self: &Arc<Self>) -> MaskStream {
        MaskStream { mask: Arc::clone(self), held: Vec::new(), covered: 0 }
    }

    /// The first position from which on the bytes could become a secret when more of them arrive.
    fn undecided_from(&self, bytes: &[u8]) -> usize {
        let first = bytes.len().saturating_sub(self.longest.saturating_sub(1));
        (first..bytes.len())
            .find(|start| {
                let rest = bytes.get(*start..).unwrap_or_default();
                // Sorted, so the forms that begin with the rest follow each other.
                let candidates = self.forms.get(self.forms.partition_point(|form| form.as_slice() <= rest)..);
                candidates.and_then(<[_]>::first).is_some_and(|form| form.starts_with(rest))
            })
            .unwrap_or(bytes.len())
    }

    /// Where secrets are, in order; overlapping ones as one.
    fn occurrences(&self, bytes: &[u8], covered: usize) -> Vec<(usize, usize)> {
        let Some(matcher) = &self.matcher else { return Vec::new() };
        let mut found: Vec<(usize, usize)> =
            matcher.find_overlapping_iter(bytes).map(|found| (found.start(), found.end())).collect();
        if covered > 0 {
            found.push((0, covered));
        }
        found.sort_unstable();
        let mut joined: Vec<(usize, usize)> = Vec::with_capacity(found.len());
        for (start, end) in found {
            match joined.last_mut() {
                Some(last) if start < last.1 => last.1 = last.1.max(end),
                _ => joined.push((start, end)),
            }
        }
        joined
    }
}

/// How a stream came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It is complete: what looked like the beginning of a secret was none.
    Seen,
    /// It was cut off: what looks like the beginning of a secret may be one.
    CutOff,
}

/// Masks one stream of bytes that arrives in pieces. The result does not depend on the pieces.
pub struct MaskStream {
    mask: Arc<Mask>,
    /// Bytes that could still become part of a secret; fewer than the longest form has.
    held: Vec<u8>,
    /// How many of the held bytes belong to a mask that was already written.
    covered: usize,
}

impl MaskStream {
    /// Takes bytes, gives what can be shown by now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.mask.matcher.is_none() {
            return bytes.to_vec();
        }
        self.held.extend_from_slice(bytes);
        let until = self.mask.undecided_from(&self.held);
        self.release(until)
    }

    /// Gives the rest.
    pub fn finish(&mut self, ending: Ending) -> Vec<u8> {
        let mut out = Vec::new();
        if ending == Ending::CutOff && self.held.len() > self.covered {
            out.extend_from_slice(MASK.as_bytes());
        } else {
            out = self.release(self.held.len());
        }
        self.held.clear();
        self.covered = 0;
        out
    }

    fn release(&mut self, until: usize) -> Vec<u8> {
        if until == 0 {
            return Vec::new();
        }
        let mut out = Vec::with_capacity(until);
        let mut shown_to = 0;
        let mut still_covered = 0;
        for (start, end) in self.mask.occurrences(&self.held, self.covered) {
            if start >= until {
                break;
            }
            out.extend_from_slice(self.held.get(shown_to..start).unwrap_or_default());
            let continues = start == 0 && self.covered > 0;
            if !continues {
                out.extend_from_slice(MASK.as_bytes());
            }
            shown_to = end.min(until);
            still_covered = end.saturating_sub(until);
        }
        out.extend_from_slice(self.held.get(shown_to..until).unwrap_or_default());
        self.held.drain(..until);
        self.covered = still_covered;
        out
    }
}

fn add_forms(forms: &mut BTreeSet<Vec<u8>>, value: &str) {
    let mut add = |form: String| {
        if form.chars().count() >= SECRET_CHARS_MIN {
            forms.insert(form.into_bytes());
        }
    };
    add(value.to_owned());
    // Within single quotes: as we write it, and as dash's `set -x` does.
    add(value.replace('\'', r"'\''"));
    add(value.replace('\'', r#"'"'"'"#));
    add(quote::json_string_inner(value));
    add(quote::json_string_inner(value).replace('/', r"\/"));
    let url = quote::url(value);
    add(lower_percent(&url));
    add(url.replace("%20", "+"));
    add(url);
    add(STANDARD_NO_PAD.encode(value));
    add(URL_SAFE_NO_PAD.encode(value));
    for offset in 1..3 {
        add_inner_base64(forms, value, offset);
    }
    // At offset 0 within longer text the last character may differ.
    add_inner_base64(forms, value, 0);
}

/// The characters of base64 that depend on the value only, when it stands `offset` bytes into a
/// group of three (as in `user:password`).
fn add_inner_base64(forms: &mut BTreeSet<Vec<u8>>, value: &str, offset: usize) {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(value.as_bytes());
    let from = (offset * 8).div_ceil(6);
    let to = bytes.len() * 8 / 6;
    for encoded in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
        if let Some(inner) = encoded.get(from..to)
            && inner.len() >= INNER_BASE64_CHARS_MIN
        {
            forms.insert(inner.as_bytes().to_vec());
        }
    }
}

/// Percent-encoding with lower-case digits, as some clients write it.
fn lower_percent(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    let mut digits = 0;
    for c in url.chars() {
        out.push(if digits > 0 { c.to_ascii_lowercase() } else { c });
        digits = if c == '%' { 2 } else { usize::saturating_sub(digits, 1) };
    }
    out
}
