//! Finding the wrapper's mark in a stream, after whatever a login shell printed before it.

use bytes::{Bytes, BytesMut};

/// What stands before a mark is kept up to this, for the text of a refusal.
const NOISE_BYTES_MAX: usize = 2 * 1024;

/// Longest line that begins with a mark: mark, pid, boot id, ticks.
const LINE_BYTES_MAX: usize = 256;

/// A text that nobody could have printed by accident or on purpose before the wrapper ran.
pub(crate) fn new_mark() -> Result<String, String> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(|error| format!("no random numbers: {error}"))?;
    Ok(format!("daytwo-{}", hex::encode(random)))
}

/// Looks for the line that begins with the mark. Holds a bounded part of the stream.
#[derive(Debug)]
pub(crate) struct Scan {
    mark: String,
    held: BytesMut,
    noise: Vec<u8>,
}

/// What follows a mark.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The rest of the mark's line, without the space before it.
    pub(crate) line: String,
    /// What came after that line.
    pub(crate) rest: Bytes,
}

impl Scan {
    pub(crate) fn new(mark: &str) -> Self {
        Self { mark: mark.to_owned(), held: BytesMut::new(), noise: Vec::new() }
    }

    /// Takes more of the stream.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Option<Found> {
        self.held.extend_from_slice(bytes);
        let mark = self.mark.len();
        let Some(at) = find(&self.held, self.mark.as_bytes()) else {
            // The mark may have begun at the end of what is here.
            self.pass(self.held.len().saturating_sub(mark - 1));
            return None;
        };
        self.pass(at);
        let after = self.held.get(mark..).unwrap_or_default();
        if let Some(end) = after.iter().position(|byte| *byte == b'\n') {
            let line = self.held.split_to(mark + end + 1);
            let line = String::from_utf8_lossy(line.get(mark..).unwrap_or_default()).trim().to_owned();
            return Some(Found { line, rest: self.held.split().freeze() });
        }
        if after.len() > LINE_BYTES_MAX {
            // Not the wrapper's line after all; go on behind it.
            self.pass(mark);
        }
        None
    }

    /// The last of what came before the mark, for people.
    pub(crate) fn noise(&self) -> String {
        let all = [self.noise.as_slice(), &self.held].concat();
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        String::from_utf8_lossy(&all).trim().chars().map(printable).collect()
    }

    fn pass(&mut self, count: usize) {
        self.noise.extend_from_slice(&self.held.split_to(count));
        let excess = self.noise.len().saturating_sub(NOISE_BYTES_MAX);
        self.noise.drain(..excess);
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_found_wherever_the_stream_is_cut() {
        let stream = b"Welcome to web-1\nno newline daytwo-xy 7 boot 99\n\x00binary\xff";
        for cut in 0..stream.len() {
            let mut scan = Scan::new("daytwo-xy");
            let (head, tail) = stream.split_at(cut);
            let found = scan.feed(head);
            let (found, rest) = match found {
                Some(found) => {
                    let rest = [&found.rest[..], tail].concat();
                    (found, rest)
                }
                None => {
                    let found = scan.feed(tail).unwrap_or_else(|| panic!("not found when cut at {cut}"));
                    let rest = found.rest.to_vec();
                    (found, rest)
                }
            };
            assert_eq!((found.line.as_str(), rest.as_slice()), ("7 boot 99", &b"\x00binary\xff"[..]), "cut at {cut}");
            assert_eq!(scan.noise(), "Welcome to web-1 no newline");
        }
    }

    #[test]
    fn noise_without_end_is_held_in_bounded_memory() {
        let mut scan = Scan::new("daytwo-xy");
        for _ in 0..1000 {
            assert_eq!(scan.feed(&[b'x'; 4096]), None);
        }
        assert!(scan.noise.capacity() + scan.held.capacity() < 64 * 1024);
        assert!(scan.noise().len() <= NOISE_BYTES_MAX + 16);
    }
}
