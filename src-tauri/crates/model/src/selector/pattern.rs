//! Patterns of `~` and of bare words: globs that also know ranges of numbers.
//!
//! ```text
//! *  any run    ?  any one character    {a,b}  either    [a-z] [!a]  one of, none of    \*  itself
//! [01-20]  [1,3,7-9]     brackets with digits, commas and hyphens only: numbers, as a fleet file reads them
//! ```
//!
//! A pattern follows all its possible places in a text at once, so hostile ones (`{*a,*b}*…`) cost
//! their length times that of the text and never more, and a range of a billion numbers is two
//! numbers in memory.

/// The deepest nesting of braces: bounds the recursion.
const BRACES_DEPTH_MAX: usize = 8;
/// Most digits of a number in a range, as in a fleet file.
const DIGITS_MAX: usize = 9;
/// Texts shorter than this are matched without a byte on the heap. Every host name (253 bytes) is.
const PLACES_ON_STACK: usize = 256;

/// A pattern, cut up for matching.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pattern {
    /// What every match begins with: most hosts are told apart by it alone.
    prefix: Box<str>,
    middle: Vec<Piece>,
    suffix: Box<str>,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(Box<str>),
    AnyRun,
    AnyOne,
    OneOf { negated: bool, spans: Vec<(char, char)> },
    Number(Vec<Numbers>),
    Either(Vec<Vec<Piece>>),
}

/// `08-11`: numbers written with at least the width of the first.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Numbers {
    from: u32,
    to: u32,
    width: usize,
}

impl Numbers {
    /// Whether the number that is written as `digits` is one of these, written as these are.
    fn hold(self, digits: &str, number: u32) -> bool {
        let wide = digits.len() == self.width || (digits.len() > self.width && !digits.starts_with('0'));
        wide && (self.from..=self.to).contains(&number)
    }
}

impl Pattern {
    /// Reads a pattern; the error is what to do about it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { rest: text, depth: 0 };
        let mut middle = reader.pieces()?;
        let prefix = match middle.first() {
            Some(Piece::Text(_)) => middle.remove(0).into_text(),
            _ => Box::default(),
        };
        let suffix = match middle.last() {
            Some(Piece::Text(_)) => middle.pop().map(Piece::into_text).unwrap_or_default(),
            _ => Box::default(),
        };
        Ok(Self { prefix, middle, suffix })
    }

    /// Whether the whole of `text` fits.
    pub(super) fn is_match(&self, text: &str) -> bool {
        let inner = text.strip_prefix(&*self.prefix).and_then(|rest| rest.strip_suffix(&*self.suffix));
        let Some(inner) = inner else { return false };
        match self.middle.as_slice() {
            [] => inner.is_empty(),
            [Piece::AnyRun] => true,
            pieces if inner.len() < PLACES_ON_STACK => fits(pieces, inner, [0_u64; PLACES_ON_STACK / 64]),
            pieces => fits(pieces, inner, vec![0_u64; inner.len() / 64 + 1]),
        }
    }
}

impl Piece {
    fn into_text(self) -> Box<str> {
        if let Self::Text(text) = self { text } else { Box::default() }
    }
}

/// A set of places in a text (byte offsets), one bit each.
trait Places: Clone + AsRef<[u64]> + AsMut<[u64]> {}
impl<T: Clone + AsRef<[u64]> + AsMut<[u64]>> Places for T {}

fn add(places: &mut impl Places, place: usize) {
    if let Some(word) = places.as_mut().get_mut(place / 64) {
        *word |= 1 << (place % 64);
    }
}

fn has(places: &impl Places, place: usize) -> bool {
    places.as_ref().get(place / 64).is_some_and(|word| word & (1 << (place % 64)) != 0)
}

fn each(places: &impl Places) -> impl Iterator<Item = usize> {
    places.as_ref().iter().enumerate().flat_map(|(index, word)| {
        let mut left = *word;
        std::iter::from_fn(move || {
            let bit = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            (bit < u64::BITS).then_some(index * 64 + bit as usize)
        })
    })
}

fn fits<P: Places>(pieces: &[Piece], text: &str, none: P) -> bool {
    let mut start = none.clone();
    add(&mut start, 0);
    has(&advance(pieces, text, start, &none), text.len())
}

/// Where in `text` one can be after all of `pieces`, coming from any of `places`.
fn advance<P: Places>(pieces: &[Piece], text: &str, mut places: P, none: &P) -> P {
    for piece in pieces {
        let mut next = none.clone();
        match piece {
            Piece::AnyRun => {
                // From the first place on, every place; those inside a character lead nowhere.
                if let Some(first) = each(&places).next() {
                    (first..=text.len()).for_each(|place| add(&mut next, place));
                }
            }
            Piece::Either(branches) => {
                for branch in branches {
                    let reached = advance(branch, text, places.clone(), none);
                    next.as_mut().iter_mut().zip(reached.as_ref()).for_each(|(all, one)| *all |= one);
                }
            }
            Piece::Text(_) | Piece::AnyOne | Piece::OneOf { .. } | Piece::Number(_) => {
                for place in each(&places) {
                    if let Some(rest) = text.get(place..) {
                        step(piece, rest, |length| add(&mut next, place + length));
                    }
                }
            }
        }
        places = next;
    }
    places
}

/// Tells the lengths of all the beginnings of `rest` that fit a simple piece.
fn step(piece: &Piece, rest: &str, mut fits: impl FnMut(usize)) {
    match piece {
        Piece::Text(text) if rest.starts_with(&**text) => fits(text.len()),
        Piece::AnyOne => {
            if let Some(c) = rest.chars().next() {
                fits(c.len_utf8());
            }
        }
        Piece::OneOf { negated, spans } => {
            if let Some(c) = rest.chars().next()
                && spans.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *negated
            {
                fits(c.len_utf8());
            }
        }
        Piece::Number(ranges) => {
            let mut number = 0_u32;
            for (index, digit) in rest.chars().take(DIGITS_MAX).enumerate() {
                let Some(value) = digit.to_digit(10) else { break };
                number = number * 10 + value;
                let digits = rest.get(..=index).unwrap_or_default();
                if ranges.iter().any(|range| range.hold(digits, number)) {
                    fits(index + 1);
                }
            }
        }
        Piece::Text(_) | Piece::AnyRun | Piece::Either(_) => {}
    }
}

struct Reader<'t> {
    rest: &'t str,
    depth: usize,
}

impl Reader<'_> {
    fn take(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }

    fn take_if(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Up to the end; inside braces, up to a comma or a closing brace.
    fn pieces(&mut self) -> Result<Vec<Piece>, String> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        while let Some(c) = self.rest.chars().next() {
            if self.depth > 0 && matches!(c, ',' | '}') {
                break;
            }
            self.take();
            let piece = match c {
                '*' => Piece::AnyRun,
                '?' => Piece::AnyOne,
                '[' => self.brackets()?,
                '{' => self.braces()?,
                ']' => return Err("a ] has no [".to_owned()),
                '}' => return Err("a } has no {".to_owned()),
                '\\' => {
                    text.push(self.take().ok_or("a \\ stands before the character that it makes plain")?);
                    continue;
                }
                plain => {
                    text.push(plain);
                    continue;
                }
            };
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text).into()));
            }
            if piece != Piece::AnyRun || pieces.last() != Some(&Piece::AnyRun) {
                pieces.push(piece);
            }
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text.into()));
        }
        Ok(pieces)
    }

    fn braces(&mut self) -> Result<Piece, String> {
        if self.depth == BRACES_DEPTH_MAX {
            return Err(format!("braces may be nested {BRACES_DEPTH_MAX} deep"));
        }
        self.depth += 1;
        let mut branches = vec![self.pieces()?];
        while self.take_if(',') {
            branches.push(self.pieces()?);
        }
        if !self.take_if('}') {
            return Err("a { has no }".to_owned());
        }
        self.depth -= 1;
        Ok(Piece::Either(branches))
    }

    fn brackets(&mut self) -> Result<Piece, String> {
        let numbers = self.rest.split_once(']').filter(|(inside, _)| {
            !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_digit() || b",-".contains(&byte))
        });
        if let Some((inside, after)) = numbers {
            self.rest = after;
            return numbers_of(inside).map(Piece::Number);
        }
        let negated = self.take_if('!') || self.take_if('^');
        let mut spans = Vec::new();
        loop {
            let from = match self.take() {
                Some(']') if spans.is_empty() => return Err("[] holds nothing".to_owned()),
                Some(']') => return Ok(Piece::OneOf { negated, spans }),
                c => self.class_char(c)?,
            };
            // A hyphen at the end of a class is itself.
            let to = if self.rest.starts_with("-]") || !self.take_if('-') {
                from
            } else {
                let c = self.take();
                self.class_char(c)?
            };
            if from > to {
                return Err(format!("[{from}-{to}] runs backwards"));
            }
            spans.push((from, to));
        }
    }

    fn class_char(&mut self, c: Option<char>) -> Result<char, String> {
        match c {
            Some('\\') => self.take(),
            c => c,
        }
        .ok_or_else(|| "a [ has no ]".to_owned())
    }
}

fn numbers_of(inside: &str) -> Result<Vec<Numbers>, String> {
    if inside.len() > 1 && inside.bytes().all(|byte| byte.is_ascii_digit()) {
        // A fleet file reads one number here, a shell one digit: neither is guessed.
        let digits: Vec<String> = inside.chars().take(DIGITS_MAX).map(String::from).collect();
        return Err(format!("[{inside}] could mean two things: write {inside} or [{}]", digits.join(",")));
    }
    let number = |digits: &str| match digits.len() {
        1..=DIGITS_MAX => digits.parse::<u32>().ok(),
        _ => None,
    };
    let range = |item: &str| {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        Some(Numbers { from: number(first)?, to: number(last)?, width: first.len() })
    };
    let ranges: Option<Vec<Numbers>> = inside.split(',').map(range).collect();
    let ranges = ranges.ok_or_else(|| format!("[{inside}] is not a range of numbers like [01-20] or [1,3,7-9]"))?;
    if ranges.iter().any(|range| range.from > range.to) {
        return Err(format!("the range [{inside}] runs backwards"));
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_what_they_say_and_nothing_else() {
        for (pattern, yes, no) in [
            ("web-*", "web- web-1 web-a-b", "web xweb-1"),
            ("*-canary", "a-canary -canary", "canary a-canary-b"),
            ("a?c", "abc aéc", "ac abbc"),
            ("*a*b*", "ab xaxbx", "ba a b"),
            ("{web,db}-[a-c]", "web-a db-c", "web-d webdb-a web-"),
            ("a{,b,{c,d}e}f", "af abf acef adef", "abcef af- aef"),
            ("[!a-c]x", "dx éx", "ax x"),
            ("[^a]", "b", "a"),
            ("[a-]", "a -", "b"),
            (r"\*\[1\]", "*[1]", "x[1] *1"),
            ("[1-3]", "1 2 3", "0 4 11 01"),
            ("web-[08-11]", "web-08 web-09 web-10 web-11", "web-8 web-008 web-12 web-111"),
            ("web-[8-11]", "web-8 web-11", "web-08 web-011"),
            ("r[1-2]n[1,3,7-9]*", "r1n1 r2n3 r1n8x r1n10", "r3n1 r1n2"),
            ("[1-2][1-2]", "11 22", "1 111"),
            ("h[0-999999999]", "h0 h123456789", "h00 h1234567890 h"),
            ("", "", "a"),
        ] {
            let compiled = Pattern::parse(pattern).unwrap();
            for (texts, fits) in [(yes, true), (no, false)] {
                for text in texts.split(' ') {
                    assert_eq!(compiled.is_match(text), fits, "{pattern} on {text:?}");
                }
            }
            let long = "x".repeat(1000);
            assert!(!compiled.is_match(&long), "{pattern}");
        }
        assert!(Pattern::parse("x*[1-3]?").unwrap().is_match(&format!("x{}2é", "é".repeat(500))));
    }

    #[test]
    fn what_is_no_pattern_says_what_to_do() {
        for (pattern, why) in [
            ("[", "a [ has no ]"),
            ("a]", "a ] has no ["),
            ("{a,b", "a { has no }"),
            ("a}", "a } has no {"),
            ("[]", "[] holds nothing"),
            ("[c-a]", "[c-a] runs backwards"),
            ("[3-1]", "the range [3-1] runs backwards"),
            ("[1-]", "[1-] is not a range of numbers like [01-20] or [1,3,7-9]"),
            ("[0-1234567890]", "[0-1234567890] is not a range of numbers like [01-20] or [1,3,7-9]"),
            ("[13]", "[13] could mean two things: write 13 or [1,3]"),
            ("a\\", "a \\ stands before the character that it makes plain"),
            ("{{{{{{{{{a}}}}}}}}}", "braces may be nested 8 deep"),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap_err(), why, "{pattern}");
        }
    }

    #[test]
    fn a_hostile_pattern_costs_no_more_than_its_length_times_the_texts() {
        let pattern = Pattern::parse(&format!("{}c", "{*a,*b,a*}*".repeat(300))).unwrap();
        assert!(!pattern.is_match(&"ab".repeat(120)));
    }
}
