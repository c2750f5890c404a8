//! A stream of a kept attempt: what the script wrote, with marked lines in between.

use bytes::{Bytes, BytesMut};

/// What stands before the first mark is kept up to this, for the text of a refusal.
const NOISE_BYTES_MAX: usize = 2 * 1024;

/// Longest line that begins with a mark; a folder's path is the longest thing in it.
const LINE_BYTES_MAX: usize = 8 * 1024;

/// A part of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// What the script wrote.
    Data(Bytes),
    /// What stands behind a mark, to the end of its line.
    Line(String),
}

/// Cuts a stream at its marks. Holds back only what may be the beginning of one.
#[derive(Debug)]
pub(crate) struct Marks {
    mark: Vec<u8>,
    held: BytesMut,
    noise: Vec<u8>,
    begun: bool,
}

impl Marks {
    pub(crate) fn new(mark: &str) -> Self {
        Self { mark: mark.as_bytes().to_vec(), held: BytesMut::new(), noise: Vec::new(), begun: false }
    }

    /// Whether a mark was seen: the program runs.
    pub(crate) const fn begun(&self) -> bool {
        self.begun
    }

    /// The last of what came before the first mark, for people.
    pub(crate) fn noise(&self) -> String {
        let held: &[u8] = if self.begun { &[] } else { &self.held };
        let all = [self.noise.as_slice(), held].concat();
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        String::from_utf8_lossy(&all).trim().chars().map(printable).collect()
    }

    /// Takes more of the stream.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.held.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        while let Some(at) = find_beginning(&self.held, &self.mark) {
            self.pass(at, &mut pieces);
            let Some(behind) = self.held.get(self.mark.len()..) else { return pieces };
            match behind.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    let line = self.held.split_to(self.mark.len() + end + 1);
                    let line = line.get(self.mark.len()..).unwrap_or_default();
                    self.begun = true;
                    pieces.push(Piece::Line(String::from_utf8_lossy(line).trim().to_owned()));
                }
                None if behind.len() > LINE_BYTES_MAX => {
                    // No line of ours after all; go on behind it.
                    self.pass(self.mark.len(), &mut pieces);
                }
                None => return pieces,
            }
        }
        self.pass(self.held.len(), &mut pieces);
        pieces
    }

    fn pass(&mut self, count: usize, pieces: &mut Vec<Piece>) {
        if count == 0 {
            return;
        }
        let passed = self.held.split_to(count);
        if self.begun {
            pieces.push(Piece::Data(passed.freeze()));
        } else {
            self.noise.extend_from_slice(&passed);
            let excess = self.noise.len().saturating_sub(NOISE_BYTES_MAX);
            self.noise.drain(..excess);
        }
    }
}

/// Where the mark stands, or what may become one when more of the stream is there.
fn find_beginning(held: &[u8], mark: &[u8]) -> Option<usize> {
    let first = *mark.first()?;
    let mut from = 0;
    while let Some(at) = held.get(from..)?.iter().position(|byte| *byte == first) {
        let rest = held.get(from + at..)?;
        let compared = rest.len().min(mark.len());
        if rest.get(..compared) == mark.get(..compared) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
        let mut all: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (all.last_mut(), piece) {
                (Some(Piece::Data(before)), Piece::Data(more)) => *before = [&before[..], &more[..]].concat().into(),
                (_, piece) => all.push(piece),
            }
        }
        all
    }

    #[test]
    fn marks_are_found_wherever_the_stream_is_cut() {
        let stream = b"motd daytwo-xy start 7\nno newline\x00day\xffdaytwo-xy at 5\nmore\ndaytwo-xdaytwo-xy end\n";
        let expected = [
            Piece::Line("start 7".into()),
            Piece::Data(Bytes::from_static(b"no newline\x00day\xff")),
            Piece::Line("at 5".into()),
            Piece::Data(Bytes::from_static(b"more\ndaytwo-x")),
            Piece::Line("end".into()),
        ];
        for cut in 0..=stream.len() {
            let mut marks = Marks::new("daytwo-xy");
            let (head, tail) = stream.split_at(cut);
            let mut pieces = marks.feed(head);
            pieces.extend(marks.feed(tail));
            assert_eq!(joined(pieces), expected, "cut at {cut}");
            assert_eq!(marks.noise(), "motd");
        }
    }

    #[test]
    fn output_is_not_held_back() {
        let mut marks = Marks::new("daytwo-xy");
        marks.feed(b"daytwo-xy start\n");
        assert_eq!(marks.feed(b"Continue? [y] "), [Piece::Data(Bytes::from_static(b"Continue? [y] "))]);
    }

    #[test]
    fn noise_and_a_line_without_end_are_held_in_bounded_memory() {
        let mut marks = Marks::new("daytwo-xy");
        for _ in 0..1000 {
            assert_eq!(marks.feed(&[b'x'; 4096]), []);
        }
        assert!(marks.noise().len() <= NOISE_BYTES_MAX);
        marks.feed(b"daytwo-xy");
        for _ in 0..1000 {
            marks.feed(&[b'x'; 4096]);
        }
        assert!(marks.noise.capacity() + marks.held.capacity() < 64 * 1024);
    }
}
