//! Numbers with units, as people write them: `10%`, `5GiB`, `500MB`, `2h30m`, `3.5`, `-2s`.
//!
//! A unit is never guessed: `5G` and `10 min` are told what to write instead.

/// The longest number with its units; longer texts are words.
const QUANTITY_BYTES_MAX: usize = 64;

/// A number and what it counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Quantity {
    Number(f64),
    Percent(f64),
    Bytes(f64),
    Seconds(f64),
}

/// Units of size; the first that fits a text is its unit.
const SIZES: [(&str, f64); 12] = [
    ("B", 1.0),
    ("kB", 1e3),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("PB", 1e15),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
    ("PiB", 1_125_899_906_842_624.0),
];

/// Units of time, in the order in which they follow each other.
const TIMES: [(&str, f64); 6] =
    [("w", 604_800.0), ("d", 86_400.0), ("h", 3_600.0), ("m", 60.0), ("s", 1.0), ("ms", 0.001)];

/// What people write instead of a unit, and the unit.
const MISTAKEN: [(&str, &[&str]); 9] = [
    ("B", &["byte", "bytes"]),
    ("%", &["percent", "pct"]),
    ("d", &["day", "days"]),
    ("h", &["hr", "hrs", "hour", "hours"]),
    ("m", &["min", "mins", "minute", "minutes"]),
    ("s", &["sec", "secs", "second", "seconds"]),
    ("ms", &["msec", "millis", "milliseconds"]),
    ("w", &["week", "weeks"]),
    ("KiB", &["kib", "ki"]),
];

impl Quantity {
    /// Reads a number with its units.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > QUANTITY_BYTES_MAX {
            return None;
        }
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1.0, digits),
            None => (1.0, text),
        };
        let (number, rest) = number(digits)?;
        let size = || SIZES.iter().find(|(unit, _)| *unit == rest).map(|(_, bytes)| Self::Bytes(sign * number * bytes));
        match rest {
            "" => Some(Self::Number(sign * number)),
            "%" => Some(Self::Percent(sign * number)),
            _ => size().or_else(|| seconds(digits).map(|seconds| Self::Seconds(sign * seconds))),
        }
    }

    /// What was probably meant by a text that is none.
    pub(super) fn suggestion(text: &str) -> Option<String> {
        let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-')))?;
        let (number, unit) = text.split_at_checked(end).filter(|(number, _)| Self::parse(number).is_some())?;
        let small = unit.to_lowercase();
        if let [letter @ ("k" | "m" | "g" | "t" | "p")] = [small.as_str()] {
            let letter = letter.to_uppercase();
            return Some(format!("{number}{letter}iB or {number}{letter}B"));
        }
        let sized = || SIZES.iter().map(|(unit, _)| *unit).find(|unit| unit.to_lowercase() == small);
        let timed = || TIMES.iter().map(|(unit, _)| *unit).find(|unit| *unit == small);
        let worded = || MISTAKEN.iter().find(|(_, words)| words.contains(&small.as_str())).map(|(unit, _)| *unit);
        let unit = sized().or_else(timed).or_else(worded)?;
        Some(format!("{number}{unit}"))
    }
}

/// The number that `text` begins with, and the rest. No exponents, signs or bare points: `1e3` is a word.
fn number(text: &str) -> Option<(f64, &str)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(text);
    let after = text.get(whole..)?;
    let fraction = after.strip_prefix('.').map_or(0, |fraction| match digits(fraction) {
        0 => 0,
        count => count + 1,
    });
    let (number, rest) = text.split_at_checked(whole + fraction)?;
    if whole == 0 {
        return None;
    }
    Some((number.parse().ok()?, rest))
}

/// `2h30m`: units from the longest to the shortest, each at most once.
fn seconds(text: &str) -> Option<f64> {
    let (mut rest, mut total, mut next) = (text, 0.0, 0);
    while !rest.is_empty() {
        let (count, after) = number(rest)?;
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at_checked(letters)?;
        let index = TIMES.iter().position(|(name, _)| *name == unit).filter(|index| *index >= next)?;
        total += count * TIMES.get(index)?.1;
        (rest, next) = (after, index + 1);
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_with_its_unit_or_not_at_all() {
        use Quantity::{Bytes, Number, Percent, Seconds};
        for (text, read) in [
            ("3.5", Some(Number(3.5))),
            ("-2", Some(Number(-2.0))),
            ("10%", Some(Percent(10.0))),
            ("5GiB", Some(Bytes(5_368_709_120.0))),
            ("500MB", Some(Bytes(5e8))),
            ("0B", Some(Bytes(0.0))),
            ("2h30m", Some(Seconds(9_000.0))),
            ("-2s", Some(Seconds(-2.0))),
            ("1.5d", Some(Seconds(129_600.0))),
            ("250ms", Some(Seconds(0.25))),
            ("30m2h", None),
            ("1h1h", None),
            ("", None),
            ("-", None),
            ("%", None),
            (".5", None),
            ("5.", None),
            ("1e3", None),
            ("5G", None),
            ("10%%", None),
            ("٣", None),
        ] {
            assert_eq!(Quantity::parse(text), read, "{text}");
        }
    }

    #[test]
    fn a_mistaken_unit_gets_the_one_that_exists() {
        for (text, meant) in [
            ("5G", Some("5GiB or 5GB")),
            ("5gib", Some("5GiB")),
            ("10min", Some("10m")),
            ("10percent", Some("10%")),
            ("3H", Some("3h")),
            ("3parsec", None),
            ("web", None),
            ("é", None),
        ] {
            assert_eq!(Quantity::suggestion(text).as_deref(), meant, "{text}");
        }
    }
}
