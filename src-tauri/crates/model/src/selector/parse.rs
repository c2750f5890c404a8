//! The parser, by recursive descent. The grammar stands in the documentation of [`super`].

use super::error::{SelectorError, quoted};
use super::expr::Expr;
use super::pattern::Pattern;
use super::quantity::Quantity;
use super::term::{Key, Sign, Term, Test, Value};
use super::token::{Kind, Token, tokenize};
use super::{FACT_AGE_MAX, SELECTOR_BYTES_MAX, SELECTOR_DEPTH_MAX, SELECTOR_TERMS_MAX};
use crate::suggest::nearest;

/// Words that mean something where they stand without quotes.
const RESERVED: [&str; 4] = ["and", "or", "not", "in"];
const CONDITION: &str = "a label, a pattern or \"(\"";

pub(super) fn parse(text: &str) -> Result<Expr, SelectorError> {
    if text.len() > SELECTOR_BYTES_MAX {
        let found = format!("{} bytes", text.len());
        return Err(SelectorError::new(1, 1, "a selector of at most 4096 bytes", found));
    }
    let mut parser = Parser { text, tokens: tokenize(text)?, next: 0, depth: 0, terms: 0 };
    let expr = parser.or()?;
    match parser.peek().kind {
        Kind::End => Ok(expr),
        _ => Err(parser.unexpected("\"and\", \"or\", \"-\" or the end").hint(parser.after_condition())),
    }
}

/// Stands for whatever is asked for beyond the last token, which is always `End` too.
const BEYOND: Token = Token { kind: Kind::End, column: 1, width: 1, start: 0, end: 0 };

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    terms: usize,
}

impl Parser<'_> {
    fn at(&self, index: usize) -> &Token {
        self.tokens.get(index).or(self.tokens.last()).unwrap_or(&BEYOND)
    }

    fn peek(&self) -> &Token {
        self.at(self.next)
    }

    fn take_if(&mut self, wanted: impl FnOnce(&Token) -> bool) -> bool {
        let there = wanted(self.peek());
        self.next += usize::from(there);
        there
    }

    fn unexpected(&self, expected: &'static str) -> SelectorError {
        let token = self.peek();
        SelectorError::new(token.column, token.width, expected, token.describe())
    }

    fn or(&mut self) -> Result<Expr, SelectorError> {
        let mut any = vec![self.and()?];
        while self.take_if(|token| token.kind == Kind::Or || token.is_word("or")) {
            any.push(self.and()?);
        }
        Ok(one_or(any, Expr::Or))
    }

    fn and(&mut self) -> Result<Expr, SelectorError> {
        let mut all = vec![self.without()?];
        while self.take_if(|token| token.kind == Kind::And || token.is_word("and")) {
            all.push(self.without()?);
        }
        Ok(one_or(all, Expr::And))
    }

    fn without(&mut self) -> Result<Expr, SelectorError> {
        let mut all = vec![self.not()?];
        while self.take_if(|token| token.kind == Kind::Minus) {
            all.push(Expr::Not(Box::new(self.not()?)));
        }
        Ok(one_or(all, Expr::And))
    }

    fn not(&mut self) -> Result<Expr, SelectorError> {
        self.depth += 1;
        if self.depth > SELECTOR_DEPTH_MAX {
            return Err(self.unexpected("at most 64 levels of nesting"));
        }
        let expr = if self.take_if(|token| token.is_word("not")) {
            Expr::Not(Box::new(self.not()?))
        } else if self.take_if(|token| token.kind == Kind::Open) {
            let inner = self.or()?;
            if !self.take_if(|token| token.kind == Kind::Close) {
                return Err(self.unexpected("\")\"").hint(self.after_condition()));
            }
            inner
        } else {
            self.terms += 1;
            if self.terms > SELECTOR_TERMS_MAX {
                return Err(self.unexpected("at most 512 conditions"));
            }
            self.term()?
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn term(&mut self) -> Result<Expr, SelectorError> {
        let first = self.next;
        let (word, quoted) = self.word(CONDITION)?;
        // `label."a.b/c"` is one name: the quotes stand right behind the dot.
        let explicit = !quoted && matches!(word.as_str(), "label." | "fact.");
        let joined = explicit && self.peek().start == self.at(first).end;
        let (quoted, word) = match &self.peek().kind {
            Kind::Word { text, quoted: true } if joined => {
                let word = format!("{word}{text}");
                self.next += 1;
                (false, word)
            }
            _ => (quoted, word),
        };
        let operator = self.next;
        let negated = self.peek().kind == Kind::Differs
            || (self.peek().is_word("not") && self.at(self.next + 1).is_word("in") && self.take_if(|_| true));
        let Some(asked) = self.asked() else {
            let test = Test::Like(self.pattern_of(first, &word)?);
            return Ok(self.finished(first, Key::Host, false, test));
        };
        let mut key = key_of(&word, quoted).map_err(|(expected, hint)| {
            let (from, to) = (self.at(first), self.at(operator.saturating_sub(1)));
            let width = (to.column + to.width).saturating_sub(from.column);
            SelectorError::new(from.column, width, expected, self::quoted(&word)).hint(hint)
        })?;
        if key == Key::Host && matches!(asked, Asked::Order(_)) {
            let token = self.at(operator);
            let error = SelectorError::new(token.column, token.width, "= != ~ or in after host", token.describe());
            return Err(error.hint("a host's name has no order; a label of that name is label.host".to_owned()));
        }
        let test = match asked {
            Asked::One => Test::OneOf(vec![self.value()?]),
            Asked::OneOf => Test::OneOf(self.list()?),
            Asked::Like => {
                let at = self.next;
                let (pattern, _) = self.word("a pattern")?;
                Test::Like(self.pattern_of(at, &pattern)?)
            }
            Asked::Order(sign) => Test::Order { sign, than: self.quantity()? },
        };
        self.within(&mut key)?;
        Ok(self.finished(first, key, negated, test))
    }

    /// The operator that stands here, taken; none behind a bare pattern.
    fn asked(&mut self) -> Option<Asked> {
        let asked = match self.peek().kind {
            Kind::Equals | Kind::Differs => Asked::One,
            Kind::Like => Asked::Like,
            Kind::Less => Asked::Order(Sign::Less),
            Kind::AtMost => Asked::Order(Sign::AtMost),
            Kind::More => Asked::Order(Sign::More),
            Kind::AtLeast => Asked::Order(Sign::AtLeast),
            _ if self.peek().is_word("in") => Asked::OneOf,
            _ => return None,
        };
        self.next += 1;
        Some(asked)
    }

    fn finished(&self, first: usize, key: Key, negated: bool, test: Test) -> Expr {
        let (from, to) = (self.at(first).start, self.at(self.next.saturating_sub(1)).end);
        Expr::Term(Term { text: self.text.get(from..to).unwrap_or_default().into(), key, negated, test })
    }

    /// `within 6h`: how old the fact may be.
    fn within(&mut self, key: &mut Key) -> Result<(), SelectorError> {
        if !self.peek().is_word("within") {
            return Ok(());
        }
        let Key::Fact { age_ms_max, .. } = key else {
            let error = self.unexpected("\"and\", \"or\", \"-\" or the end");
            return Err(error.hint("only facts have an age: disk.root.free < 10% within 6h".to_owned()));
        };
        self.next += 1;
        let at = self.next;
        let (word, _) = self.word("a duration")?;
        let Some(Quantity::Seconds(seconds)) = Quantity::parse(&word).filter(|_| !word.starts_with('-')) else {
            let hint = Quantity::suggestion(&word).map(|meant| format!("did you mean {meant}?"));
            return Err(self.bad_word(at, "a duration such as 6h or 1h30m", &word).hint(hint));
        };
        // Saturates, far beyond the age of anything.
        *age_ms_max = (seconds * 1000.0) as u64;
        Ok(())
    }

    fn list(&mut self) -> Result<Vec<Value>, SelectorError> {
        if !self.take_if(|token| token.kind == Kind::Open) {
            let hint = "a list stands between parentheses: site in (ams, fra)";
            return Err(self.unexpected("\"(\"").hint(hint.to_owned()));
        }
        let mut values = vec![self.value()?];
        while self.take_if(|token| token.kind == Kind::Comma) {
            values.push(self.value()?);
        }
        if !self.take_if(|token| token.kind == Kind::Close) {
            return Err(self.unexpected("\",\" or \")\""));
        }
        Ok(values)
    }

    fn value(&mut self) -> Result<Value, SelectorError> {
        let at = self.next;
        let (text, quoted) = self.word("a value")?;
        // `role != w*` would pick every host, and `host in (web-[1-3])` none, without a word.
        if !quoted && text.contains(['*', '?', '[', ']', '{', '}']) {
            let hint = "a pattern is compared with ~; put the text between quotes if it is meant as it stands";
            return Err(self.bad_word(at, "a value", &text).hint(hint.to_owned()));
        }
        Ok(Value { quantity: Quantity::parse(&text), text: text.into() })
    }

    fn quantity(&mut self) -> Result<Quantity, SelectorError> {
        const EXPECTED: &str = "a number, with its unit where it has one (10%, 5GiB, 2h30m, 3.5)";
        let at = self.next;
        let (word, _) = self.word(EXPECTED)?;
        Quantity::parse(&word).ok_or_else(|| {
            let hint = Quantity::suggestion(&word).map(|meant| format!("did you mean {meant}?"));
            self.bad_word(at, EXPECTED, &word).hint(hint)
        })
    }

    fn pattern_of(&self, at: usize, text: &str) -> Result<Pattern, SelectorError> {
        Pattern::parse(text).map_err(|why| self.bad_word(at, "a pattern", text).hint(why))
    }

    fn bad_word(&self, at: usize, expected: &'static str, word: &str) -> SelectorError {
        let token = self.at(at);
        SelectorError::new(token.column, token.width, expected, quoted(word))
    }

    /// Takes a word, and tells whether it stood between quotes.
    fn word(&mut self, expected: &'static str) -> Result<(String, bool), SelectorError> {
        let Kind::Word { text, quoted } = self.peek().kind.clone() else {
            return Err(self.unexpected(expected).hint(self.before_word(expected)));
        };
        if !quoted && RESERVED.contains(&text.as_str()) {
            let hint = if expected == CONDITION {
                format!("a condition is missing before {text}")
            } else {
                format!("write \"{text}\" between quotes if that word is meant")
            };
            return Err(self.unexpected(expected).hint(hint));
        }
        self.next += 1;
        Ok((text, quoted))
    }

    fn before_word(&self, expected: &'static str) -> Option<String> {
        let hint = match self.peek().kind {
            Kind::End if self.next == 0 => "for example role=web and site in (ams, fra), or web-[01-20]",
            Kind::Minus if expected != CONDITION => "put a hyphen that is a value between quotes: \"-\"",
            Kind::Minus => "- takes hosts away from what stands before it: role=web - host~\"*-canary\"",
            Kind::Less | Kind::AtMost | Kind::More | Kind::AtLeast | Kind::Equals if expected == CONDITION => {
                "the name stands first: disk.root.free < 10%"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// What to do about something behind a complete condition.
    fn after_condition(&self) -> Option<String> {
        let hint = match &self.peek().kind {
            Kind::Close => "there is one ) too many".to_owned(),
            Kind::Open => "put and, or or - between two conditions".to_owned(),
            Kind::Comma => "a list stands behind in: site in (ams, fra)".to_owned(),
            Kind::Word { text, quoted: false } if text.starts_with('-') => {
                "put a blank on both sides of the - that takes hosts away".to_owned()
            }
            Kind::Word { text, quoted: false }
                if text.starts_with('%') || Quantity::parse(&format!("1{text}")).is_some() =>
            {
                "write a number and its unit without a blank: 10%".to_owned()
            }
            Kind::Word { text, quoted: false } => match nearest(text, ["and", "or", "not", "in", "within"]) {
                Some(near) if near != text => format!("did you mean {near}?"),
                _ => "put and, or or - between two conditions; a label is compared with =, as in role=web".to_owned(),
            },
            Kind::Word { .. } => "put and, or or - between two conditions".to_owned(),
            _ => return None,
        };
        Some(hint)
    }
}

/// How the value stands to the name.
enum Asked {
    One,
    OneOf,
    Like,
    Order(Sign),
}

fn one_or(mut parts: Vec<Expr>, many: impl FnOnce(Vec<Expr>) -> Expr) -> Expr {
    if parts.len() == 1 { parts.remove(0) } else { many(parts) }
}

/// What a name in front of an operator means; else what could stand there, and a hint.
fn key_of(word: &str, quoted: bool) -> Result<Key, (&'static str, Option<String>)> {
    let fact = |name: &str| Key::Fact { name: name.into(), age_ms_max: FACT_AGE_MAX.as_millis() as u64 };
    let plain =
        |name: &str, extra: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || extra.contains(c));
    if let Some(label) = word.strip_prefix("label.").filter(|_| !quoted) {
        return if label.is_empty() {
            Err(("a label's name after label.", None))
        } else {
            Ok(Key::Label(label.into()))
        };
    }
    if let Some(name) = word.strip_prefix("fact.").filter(|_| !quoted) {
        let hint = "facts are named like disk.root.free";
        return if plain(name, "_-.") { Ok(fact(name)) } else { Err(("a fact's name after fact.", Some(hint.into()))) };
    }
    match word {
        "host" => Ok(Key::Host),
        "" => Err(("a label or a fact", None)),
        label if quoted => Ok(Key::Label(label.into())),
        name if name.contains('.') && plain(name, "_-.") => Ok(fact(name)),
        name if name.contains('.') => Err((
            "a label or a fact",
            Some(format!("a name with a dot is a fact; if a label is meant, write label.\"{name}\"")),
        )),
        label if plain(label, "_-/:@+") => Ok(Key::Label(label.into())),
        _ => {
            Err(("a label or a fact", Some("a name is compared with = or in, a pattern of hosts stands alone".into())))
        }
    }
}
