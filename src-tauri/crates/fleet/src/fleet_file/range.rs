//! Names that stand for many: `web-[01-20]`, `rack[1-2]-node[1,3,7-9]`.

/// Most names that one text may stand for; the whole fleet is bounded by the same number.
pub(super) const RANGE_NAMES_MAX: usize = crate::HOSTS_MAX;

/// All the names that `text` stands for, in order. Digits keep the width that they are written in.
pub(super) fn expand(text: &str) -> Result<Vec<String>, String> {
    let mut names = vec![String::new()];
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        let (inside, after) = after.split_once(']').ok_or("a [ has no ]")?;
        let choices = choices(inside)?;
        if names.len().saturating_mul(choices.len()) > RANGE_NAMES_MAX {
            return Err(format!("it stands for more than {RANGE_NAMES_MAX} hosts"));
        }
        names =
            names.iter().flat_map(|name| choices.iter().map(move |choice| format!("{name}{before}{choice}"))).collect();
        rest = after;
    }
    if rest.contains(']') {
        return Err("a ] has no [".to_owned());
    }
    for name in &mut names {
        name.push_str(rest);
    }
    Ok(names)
}

fn choices(inside: &str) -> Result<Vec<String>, String> {
    let mut choices = Vec::new();
    for item in inside.split(',') {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let (from, to) = (number(first, inside)?, number(last, inside)?);
        if from > to {
            return Err(format!("the range [{inside}] runs backwards"));
        }
        if choices.len().saturating_add((to - from) as usize) >= RANGE_NAMES_MAX {
            return Err(format!("it stands for more than {RANGE_NAMES_MAX} hosts"));
        }
        choices.extend((from..=to).map(|n| format!("{n:0width$}", width = first.len())));
    }
    Ok(choices)
}

fn number(digits: &str, inside: &str) -> Result<u32, String> {
    const DIGITS_MAX: usize = 9;
    let plain = !digits.is_empty() && digits.len() <= DIGITS_MAX && digits.bytes().all(|b| b.is_ascii_digit());
    let parsed = if plain { digits.parse().ok() } else { None };
    parsed.ok_or_else(|| format!("[{inside}] is not a range of numbers like [01-20] or [1,3,7-9]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_stand_for_the_names_that_one_would_write_out() {
        let check = |text: &str, expected: &str| {
            let seen = expand(text).unwrap_or_else(|why| vec![format!("error: {why}")]).join(" ");
            assert_eq!(seen, expected, "{text}");
        };
        check("web-1", "web-1");
        check("web-[08-11]", "web-08 web-09 web-10 web-11");
        check("r[1-2]n[1,3]", "r1n1 r1n3 r2n1 r2n3");
        check("web-[3-1]", "error: the range [3-1] runs backwards");
        check("web-[a-c]", "error: [a-c] is not a range of numbers like [01-20] or [1,3,7-9]");
        check("web-[1-2", "error: a [ has no ]");
        check("web-1]", "error: a ] has no [");
        check("h[0-999999999]", "error: it stands for more than 100000 hosts");
        check("h[1-1000]x[1-1000]", "error: it stands for more than 100000 hosts");
    }
}
