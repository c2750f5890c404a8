//! Sizes and percentages as people write them: `500MB`, `2GiB`, `12.5%`. The units are those of selectors.

use crate::diagnostic::printable;

use super::INTEGER_MAX;

/// Longest number with its unit; a longer text is none, and is not worth reading.
const QUANTITY_BYTES_MAX: usize = 32;
/// Decimal places that a quantity may have; a person who writes more means something else.
const DECIMALS_MAX: u32 = 6;

/// The units of size: powers of 1000, and of 1024.
const SIZES: [(&str, u64); 12] = [
    ("B", 1),
    ("kB", 1000),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("PB", 1_000_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("PiB", 1 << 50),
];

/// A size in bytes, or what is wrong with it.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let shown = || printable(&text.chars().take(QUANTITY_BYTES_MAX).collect::<String>());
    let wrong = || format!("`{}` is not a size; write it with its unit, as in 512KiB, 500MB or 2GiB", shown());
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (digits, scale) = decimal(number).ok_or_else(wrong)?;
    let Some((_, bytes)) = SIZES.iter().find(|(known, _)| *known == unit) else {
        let meant = SIZES.iter().find(|(known, _)| known.eq_ignore_ascii_case(unit));
        return Err(match meant {
            Some((known, _)) => format!("`{}` is not a size; did you mean `{number}{known}`?", shown()),
            None => wrong(),
        });
    };
    let scaled = u128::from(digits) * u128::from(*bytes);
    let divisor = 10_u128.pow(scale);
    if scaled % divisor != 0 {
        return Err(format!("`{}` is not a whole number of bytes", shown()));
    }
    u64::try_from(scaled / divisor)
        .ok()
        .filter(|bytes| *bytes <= INTEGER_MAX.unsigned_abs())
        .ok_or_else(|| format!("`{}` is more than there can be", shown()))
}

/// A number of bytes as it would be typed: in the largest unit in which it is whole.
pub(crate) fn written_bytes(bytes: u64) -> String {
    let unit = SIZES.iter().filter(|(name, unit)| *name != "KB" && bytes > 0 && bytes.is_multiple_of(*unit));
    match unit.max_by_key(|(_, unit)| *unit) {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}B"),
    }
}

/// A percentage as its number, or what is wrong with it.
pub(crate) fn parse_percent(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let number = text.strip_suffix('%').unwrap_or(text).trim_end();
    let number = decimal(number).and_then(|_| number.parse::<f64>().ok());
    number.ok_or_else(|| {
        let shown = printable(&text.chars().take(QUANTITY_BYTES_MAX).collect::<String>());
        format!("`{shown}` is not a percentage; write it as in 10% or 2.5%")
    })
}

/// A percentage as it would be typed.
pub(crate) fn written_percent(percent: f64) -> String {
    format!("{percent}%")
}

/// `12.5` as its digits and how many of them are decimals.
fn decimal(text: &str) -> Option<(u64, u32)> {
    if text.len() > QUANTITY_BYTES_MAX {
        return None;
    }
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let scale = u32::try_from(decimals.len()).ok().filter(|scale| *scale <= DECIMALS_MAX)?;
    if !digits(whole) || !digits(decimals) {
        return None;
    }
    Some((format!("{whole}{decimals}").parse().ok()?, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_unit_and_comes_back_as_it_would_be_typed() {
        for (text, bytes, written) in [
            ("0B", 0, "0B"),
            ("1MiB", 1 << 20, "1MiB"),
            ("500MB", 500_000_000, "500MB"),
            ("1.5GiB", 1_610_612_736, "1536MiB"),
            ("2048 ".trim_end(), 0, ""),
            ("1024B", 1024, "1KiB"),
            ("7KB", 7000, "7kB"),
        ] {
            if written.is_empty() {
                assert!(parse_bytes(text).is_err(), "{text}");
            } else {
                assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
                assert_eq!(written_bytes(bytes), written);
                assert_eq!(parse_bytes(written), Ok(bytes));
            }
        }
        for (text, why) in [
            ("500mb", "did you mean `500MB`?"),
            ("2Gib", "did you mean `2GiB`?"),
            ("5G", "write it with its unit"),
            ("-1MB", "write it with its unit"),
            ("1e3MB", "write it with its unit"),
            (".5MB", "write it with its unit"),
            ("0.3B", "not a whole number of bytes"),
            ("9PiB", "more than there can be"),
            ("99999999999999999999999PB", "write it with its unit"),
        ] {
            assert!(parse_bytes(text).is_err_and(|error| error.contains(why)), "{text}: {:?}", parse_bytes(text));
        }
    }

    #[test]
    fn a_percentage_is_a_plain_number_with_or_without_its_sign() {
        for (text, percent) in [("10%", 10.0), ("10", 10.0), ("2.5 %", 2.5), ("0", 0.0)] {
            assert_eq!(parse_percent(text), Ok(percent), "{text}");
        }
        for text in ["", "%", "10%%", "1e1%", "inf", "nan", "-1%", "ten"] {
            assert!(parse_percent(text).is_err(), "{text}");
        }
    }
}
