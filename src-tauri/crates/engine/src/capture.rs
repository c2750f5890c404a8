//! Takes values from output for later steps and for the way back. Pure.
//!
//! A value that cannot be taken makes its step not verified: a later step, or the way back, would
//! have to guess it.

use std::collections::BTreeMap;
use std::sync::Arc;

use daytwo_model::plan::{Capture, CaptureFrom};
use daytwo_model::quote::plain;
use daytwo_model::{CaptureName, Exit};
use regex::Regex;
use serde_json::Value;

use crate::expect::pattern;
use crate::http::header;
use crate::redact::Mask;

/// Output kept in memory to capture from and to compare with: far above any API answer, far below
/// what a thousand hosts at one time could exhaust.
pub const KEPT_BYTES_MAX: usize = 1024 * 1024;
/// One captured value. It stands in the journal, and maybe in a command line.
pub const CAPTURED_BYTES_MAX: usize = 64 * 1024;

/// The beginning of a stream, or of an answer's body with its headers. Not redacted: it stays in memory.
#[derive(Default)]
pub struct Kept {
    bytes: Vec<u8>,
    overflowed: bool,
    headers: Vec<(String, String)>,
}

impl Kept {
    /// Keeps what fits.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = KEPT_BYTES_MAX - self.bytes.len().min(KEPT_BYTES_MAX);
        self.overflowed |= bytes.len() > room;
        self.bytes.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }

    /// The same, with an answer's headers.
    #[must_use]
    pub fn with_headers(mut self, headers: Vec<(String, String)>) -> Self {
        self.headers = headers;
        self
    }

    /// The headers of the answer; none where it is no answer.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// All of it as text; an error where it was more than could be kept.
    pub fn whole(&self) -> Result<String, String> {
        if self.overflowed {
            return Err(format!("it wrote more than {} KiB", KEPT_BYTES_MAX / 1024));
        }
        Ok(String::from_utf8_lossy(&self.bytes).into_owned())
    }

    /// Whether it is all that was written.
    pub(crate) const fn is_whole(&self) -> bool {
        !self.overflowed
    }

    /// All of it as JSON.
    pub fn json(&self) -> Result<Value, String> {
        serde_json::from_str(&self.whole()?).map_err(|error| format!("what it wrote is not JSON: {error}"))
    }
}

/// What was captured, with secrets masked, and why something was not.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// By name.
    pub values: BTreeMap<CaptureName, Value>,
    /// The first failure.
    pub failed: Option<String>,
}

/// Takes the values that `captures` asks for.
#[must_use]
pub fn capture(captures: &[Capture], exit: &Exit, stdout: &Kept, mask: &Arc<Mask>) -> Captured {
    let mut taken = Captured::default();
    let mut document: Option<Result<Value, String>> = None;
    for wanted in captures {
        let value = match &wanted.from {
            CaptureFrom::Stdout => {
                stdout.whole().map(|text| Value::String(text.trim_end_matches(['\n', '\r']).to_owned()))
            }
            CaptureFrom::Json(pointer) => match document.get_or_insert_with(|| stdout.json()) {
                Ok(document) => {
                    document.pointer(pointer).cloned().ok_or_else(|| format!("it has no value at {pointer:?}"))
                }
                Err(why) => Err(why.clone()),
            },
            // In the masked text: a part of a secret would not be recognised as one.
            CaptureFrom::Regex(text) => pattern(text).and_then(|pattern| found(&pattern, &mask.text(&stdout.whole()?))),
            CaptureFrom::ExitCode => match exit {
                Exit::Code(code) => Ok(Value::from(*code)),
                Exit::Status(status) => Ok(Value::from(*status)),
                Exit::Signal(_) => Err(format!("it has no exit code: {exit}")),
            },
            CaptureFrom::Header(name) => header(stdout.headers(), name)
                .map(|value| Value::String(value.to_owned()))
                .ok_or_else(|| format!("the answer has no header {name}")),
            CaptureFrom::Member(pointer) => match document.get_or_insert_with(|| stdout.json()) {
                Ok(document) => Ok(Value::Array(document.pointer(pointer).cloned().into_iter().collect())),
                Err(why) => Err(why.clone()),
            },
        };
        match value.and_then(short_enough) {
            Ok(value) => {
                taken.values.insert(wanted.name.clone(), mask.value(value));
            }
            Err(why) => {
                taken.failed.get_or_insert_with(|| format!("could not capture {}: {why}", wanted.name));
            }
        }
    }
    taken
}

/// The first group of the first match; all of the match where the pattern has no group.
fn found(pattern: &Regex, text: &str) -> Result<Value, String> {
    let found =
        pattern.captures(text).ok_or_else(|| format!("nothing that it wrote matches {:?}", pattern.as_str()))?;
    let part = if found.len() > 1 { found.get(1) } else { found.get(0) };
    part.map(|part| Value::String(part.as_str().to_owned()))
        .ok_or_else(|| format!("the first group of {:?} is not in what matches it", pattern.as_str()))
}

fn short_enough(value: Value) -> Result<Value, String> {
    if plain(&value).len() > CAPTURED_BYTES_MAX {
        return Err(format!("the value is larger than {} KiB", CAPTURED_BYTES_MAX / 1024));
    }
    Ok(value)
}
