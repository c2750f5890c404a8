//! Numbers and durations in words.

use daytwo_model::Timestamp;

/// `1 host`, `12 hosts`.
#[must_use]
pub fn count(number: usize, singular: &str) -> String {
    if number == 1 { format!("1 {singular}") } else { format!("{number} {singular}s") }
}

/// `a`, `a and b`, `a, b and 7 more`: at most `max` of them by name.
#[must_use]
pub fn names<T: ToString>(names: &[T], max: usize) -> String {
    let shown: Vec<String> = names.iter().take(max).map(ToString::to_string).collect();
    match (names.len().saturating_sub(max), shown.as_slice()) {
        (0, [one]) => one.clone(),
        (0, [before @ .., last]) => format!("{} and {last}", before.join(", ")),
        (more, shown) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `1st`, `2nd`, `3rd`, `11th`.
#[must_use]
pub fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// A duration as a person would say it: `250 ms`, `30 s`, `5 min`, `2 h`.
#[must_use]
pub fn duration(ms: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    match UNITS.into_iter().find(|(unit_ms, _)| ms >= *unit_ms && ms.is_multiple_of(*unit_ms)) {
        Some((unit_ms, unit)) => format!("{} {unit}", ms / unit_ms),
        None => format!("{ms} ms"),
    }
}

/// An age, rounded down to one unit: `now`, `40 s`, `12 min`, `3 h`, `2 d`.
#[must_use]
pub fn age(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.ms_since(then) / 1_000;
    match seconds {
        0..5 => "now".to_owned(),
        5..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// How long ago: `just now`, `3 h ago`.
#[must_use]
pub fn ago(now: Timestamp, then: Timestamp) -> String {
    match age(now, then) {
        age if age == "now" => "just now".to_owned(),
        age => format!("{age} ago"),
    }
}

/// How long it is until then, in one unit and not less than it is, but for days: `no time`, `40 s`, `12 min`, `3 h`.
#[must_use]
pub fn until(now: Timestamp, then: Timestamp) -> String {
    let seconds = then.ms_since(now).div_ceil(1_000);
    match seconds {
        0 => "no time".to_owned(),
        1..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds.div_ceil(60)),
        7_200..172_800 => format!("{} h", seconds.div_ceil(3_600)),
        // Of days, what is nearer: three days are said to be three until they are less than two and a half.
        _ => format!("{} d", (seconds + 43_200) / 86_400),
    }
}

/// `part` of `whole` as a percentage, rounded to the nearest whole number; `<1 %` rather than 0.
#[must_use]
pub fn percent(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "0 %".to_owned();
    }
    match (part * 200 + whole) / (whole * 2) {
        0 if part > 0 => "<1 %".to_owned(),
        rounded => format!("{rounded} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_names_read_as_people_say_them() {
        let said = |list: &[&str]| names(list, 2);
        assert_eq!([said(&["a"]), said(&["a", "b"]), said(&["a", "b", "c"])], ["a", "a and b", "a, b and 1 more"]);
    }

    #[test]
    fn numbers_of_attempts_read_as_people_say_them() {
        assert_eq!(
            [1, 2, 3, 4, 11, 12, 13, 21].map(ordinal),
            ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st"]
        );
    }

    #[test]
    fn ages_and_durations_read_as_people_say_them() {
        let at = |ms: i64| Timestamp::from_unix_ms(ms);
        let ages = [0, 40_000, 12 * 60_000, 3 * 3_600_000, 2 * 86_400_000].map(|ms| age(at(ms), at(0)));
        assert_eq!(ages, ["now", "40 s", "12 min", "3 h", "2 d"]);
        assert_eq!(age(at(0), at(60_000)), "now", "a clock that went backwards is not an age");
        assert_eq!(
            [250, 1_500, 30_000, 300_000, 7_200_000].map(duration),
            ["250 ms", "1500 ms", "30 s", "5 min", "2 h"]
        );
        let left = [0, 90, 121, 7_201, 60 * 3_600, 60 * 3_600 - 1, 72 * 3_600].map(|s| until(at(0), at(s * 1_000)));
        assert_eq!(left, ["no time", "90 s", "3 min", "3 h", "3 d", "2 d", "3 d"]);
        assert_eq!([percent(1, 3), percent(1, 1000), percent(0, 5)], ["33 %", "<1 %", "0 %"]);
    }
}
