//! Where output that is had from a host again meets what the store has of it. Pure.
//!
//! Masking is the same whatever pieces a stream comes in, so what was stored before is made again from
//! the stream's beginning, compared, and not stored twice. Only where it comes out differently (a secret
//! was changed in between, or the store lost something) does the store say that it does not fit.

use daytwo_model::digest::Hashing;

use crate::ports::KeptStream;

/// Stands between two parts of a stream that do not fit together.
const NOTE: &str = "\n‹daytwo: the console was restarted here, and what is above was masked or kept differently; \
bytes may be missing or repeated at this place›\n";

/// One stream of which the store has the beginning.
pub(crate) struct Seam {
    kept: KeptStream,
    /// Of the kept bytes, those that have not come again.
    left: u64,
    again: Hashing,
}

impl Seam {
    /// None where nothing is kept.
    pub(crate) fn behind(kept: KeptStream) -> Option<Self> {
        (kept.bytes > 0).then(|| Self { kept, left: kept.bytes, again: Hashing::default() })
    }

    /// What of these bytes is to be stored.
    pub(crate) fn pass(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        if self.left == 0 || bytes.is_empty() {
            return bytes;
        }
        let known = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let rest = bytes.split_off(known);
        self.again.update(&bytes);
        self.left -= known as u64;
        if self.left > 0 || self.again.digest() == self.kept.digest {
            return rest;
        }
        let mut noted = NOTE.as_bytes().to_vec();
        noted.extend(rest);
        noted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daytwo_model::Digest;

    fn stored(kept: &str, again: &str, piece: usize) -> String {
        let kept = KeptStream { bytes: kept.len() as u64, digest: Digest::of(kept.as_bytes()) };
        let mut seam = Seam::behind(kept).unwrap();
        let stored = again.as_bytes().chunks(piece).flat_map(|piece| seam.pass(piece.to_vec()));
        String::from_utf8(stored.collect()).unwrap()
    }

    #[test]
    fn what_is_kept_is_not_stored_twice_whatever_pieces_it_comes_in() {
        for piece in 1..9 {
            assert_eq!(stored("one\ntw", "one\ntwo\n", piece), "o\n", "pieces of {piece}");
            assert_eq!(stored("one\n", "one\n", piece), "", "pieces of {piece}");
            assert_eq!(stored("one\n", "on", piece), "", "pieces of {piece}");
        }
    }

    #[test]
    fn what_does_not_fit_together_is_never_joined_without_a_word() {
        for piece in 1..9 {
            assert_eq!(stored("one\n", "ONE\ntwo\n", piece), format!("{NOTE}two\n"), "pieces of {piece}");
        }
    }
}
