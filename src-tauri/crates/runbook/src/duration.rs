//! Durations as people write them: `90s`, `1m30s`, `2h`, `500ms`.

/// The longest duration that the language knows, in milliseconds: 30 days. A longer one is a mistake in its unit.
pub(crate) const DURATION_MS_MAX: u64 = 30 * 24 * 60 * 60 * 1000;

/// `text` in milliseconds, or what is wrong with it.
pub(crate) fn parse_ms(text: &str) -> Result<u64, String> {
    let expected = || {
        format!(
            "`{}` is not a duration; write it with its unit, as in 500ms, 30s, 1m30s, 2h or 1d",
            crate::diagnostic::printable(text)
        )
    };
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(expected());
    }
    let mut total: u64 = 0;
    let mut last_unit = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let unit_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" | "min" => 60 * 1000,
            "h" => 60 * 60 * 1000,
            "d" => 24 * 60 * 60 * 1000,
            _ => return Err(expected()),
        };
        // Units fall, so that 30s1m, which is more likely a slip than a wish, is not silently added up.
        if unit_ms >= last_unit {
            return Err(expected());
        }
        last_unit = unit_ms;
        let number: u64 = number.parse().map_err(|_| expected())?;
        total = number.checked_mul(unit_ms).and_then(|ms| ms.checked_add(total)).unwrap_or(u64::MAX);
        rest = after;
    }
    if total > DURATION_MS_MAX {
        return Err(format!("`{}` is longer than 30 days", crate::diagnostic::printable(text)));
    }
    Ok(total)
}

/// Milliseconds as a person would write them: `1m30s`.
pub(crate) fn written_ms(ms: u64) -> String {
    let mut rest = ms;
    let mut text = String::new();
    for (unit, unit_ms) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        if rest >= unit_ms {
            text.push_str(&format!("{}{unit}", rest / unit_ms));
            rest %= unit_ms;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_as_it_would_be_typed() {
        for (ms, text) in [(0, "0s"), (500, "500ms"), (90_000, "1m30s"), (90_061_001, "1d1h1m1s1ms")] {
            assert_eq!(written_ms(ms), text);
            assert_eq!(parse_ms(text), Ok(ms));
        }
    }

    #[test]
    fn a_duration_has_a_unit_and_falls_from_large_to_small() {
        for (text, ms) in
            [("0s", 0), ("500ms", 500), ("30s", 30_000), ("1m30s", 90_000), ("2h", 7_200_000), ("1d", 86_400_000)]
        {
            assert_eq!(parse_ms(text), Ok(ms), "{text}");
        }
        for bad in [
            "",
            "30",
            "s",
            "30 s",
            "-1s",
            "1.5s",
            "30s1m",
            "1s1s",
            "31d",
            "99999999999999999999s",
            "18446744073709551615d",
            "5x",
        ] {
            assert!(parse_ms(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
