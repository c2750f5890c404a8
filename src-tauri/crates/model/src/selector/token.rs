//! A selector's text, cut into words and signs.

use super::error::{SelectorError, quoted};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Word { text: String, quoted: bool },
    Equals,
    Differs,
    Like,
    Less,
    AtMost,
    More,
    AtLeast,
    And,
    Or,
    Minus,
    Open,
    Close,
    Comma,
    End,
}

/// A word or sign, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// In characters, from 1.
    pub(super) column: usize,
    pub(super) width: usize,
    /// In bytes, end exclusive.
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token {
    pub(super) fn describe(&self) -> String {
        let sign = match &self.kind {
            Kind::Word { text, .. } => return quoted(text),
            Kind::End => return "the end".to_owned(),
            Kind::Equals => "=",
            Kind::Differs => "!=",
            Kind::Like => "~",
            Kind::Less => "<",
            Kind::AtMost => "<=",
            Kind::More => ">",
            Kind::AtLeast => ">=",
            Kind::And => "&",
            Kind::Or => "|",
            Kind::Minus => "-",
            Kind::Open => "(",
            Kind::Close => ")",
            Kind::Comma => ",",
        };
        quoted(sign)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Word { text, quoted: false } if text == word)
    }
}

/// Cuts the text up. The last token is always [`Kind::End`].
pub(super) fn tokenize(text: &str) -> Result<Vec<Token>, SelectorError> {
    let mut cutter = Cutter { text, at: 0, column: 1 };
    let mut tokens = Vec::new();
    loop {
        while cutter.peek().is_some_and(char::is_whitespace) {
            cutter.take();
        }
        let (start, column) = (cutter.at, cutter.column);
        let kind = cutter.kind()?;
        let done = kind == Kind::End;
        tokens.push(Token { kind, column, width: cutter.column - column, start, end: cutter.at });
        if done {
            return Ok(tokens);
        }
    }
}

struct Cutter<'t> {
    text: &'t str,
    at: usize,
    column: usize,
}

impl Cutter<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at..).and_then(|rest| rest.chars().next())
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        self.column += 1;
        Some(c)
    }

    fn take_if(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.take();
        }
        there
    }

    fn kind(&mut self) -> Result<Kind, SelectorError> {
        let column = self.column;
        if let Some(error) = self.foreign() {
            return Err(error);
        }
        let Some(c) = self.take() else { return Ok(Kind::End) };
        Ok(match c {
            '=' => Kind::Equals,
            '~' => Kind::Like,
            '&' => Kind::And,
            '|' => Kind::Or,
            '(' => Kind::Open,
            ')' => Kind::Close,
            ',' => Kind::Comma,
            '!' if self.take_if('=') => Kind::Differs,
            '<' if self.take_if('=') => Kind::AtMost,
            '<' => Kind::Less,
            '>' if self.take_if('=') => Kind::AtLeast,
            '>' => Kind::More,
            '"' | '\'' => self.quoted(c, column)?,
            c if is_word_char(c) => self.word(c),
            other => {
                let hint = match other {
                    '!' => Some("write not in front of a condition"),
                    '\u{201c}' | '\u{201d}' | '\u{2018}' | '\u{2019}' | '`' => Some("quote with \"…\" or '…'"),
                    '\u{2013}' | '\u{2014}' | '\u{2212}' => Some("write a plain hyphen, -"),
                    ';' | '$' | '#' | '^' | '\\' => Some("put a text with such a character between quotes"),
                    _ => None,
                };
                let error = SelectorError::new(column, 1, "a label, a pattern or \"(\"", format!("{other:?}"));
                return Err(error.hint(hint.map(str::to_owned)));
            }
        })
    }

    /// Signs of other languages, and how they are written in this one.
    fn foreign(&self) -> Option<SelectorError> {
        const SIGNS: [(&str, &str); 8] = [
            ("==", "write ="),
            ("=~", "write ~"),
            ("!~", "write not in front of a comparison with ~"),
            ("=>", "write >="),
            ("=<", "write <="),
            ("<>", "write !="),
            ("&&", "write & or and"),
            ("||", "write | or or"),
        ];
        let rest = self.text.get(self.at..)?;
        let (sign, hint) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign))?;
        let error = SelectorError::new(self.column, 2, "one of = != ~ < <= > >= & | -", quoted(sign));
        Some(error.hint(Some((*hint).to_owned())))
    }

    fn quoted(&mut self, quote: char, column: usize) -> Result<Kind, SelectorError> {
        let mut word = String::new();
        loop {
            match self.take() {
                Some(c) if c == quote => return Ok(Kind::Word { text: word, quoted: true }),
                Some(c) if !c.is_control() => word.push(c),
                Some(c) => {
                    let (width, found) = (self.column - column, format!("{c:?} in it"));
                    return Err(SelectorError::new(column, width, "a closing quote", found));
                }
                None => {
                    let width = self.column - column;
                    return Err(SelectorError::new(column, width, "a closing quote", "none".to_owned()));
                }
            }
        }
    }

    /// A word ends where its characters do; between brackets and braces a few more belong to it,
    /// so that `rack[1,3]`, `{a,b}` and `[!a]` need no quotes.
    fn word(&mut self, first: char) -> Kind {
        let mut word = String::from(first);
        let mut depth = usize::from(matches!(first, '[' | '{'));
        while let Some(c) = self.peek().filter(|c| is_word_char(*c) || (depth > 0 && matches!(c, ',' | '!' | '^'))) {
            self.take();
            word.push(c);
            match c {
                '[' | '{' => depth += 1,
                ']' | '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        if word == "-" { Kind::Minus } else { Kind::Word { text: word, quoted: false } }
    }
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || "_-.:/@*?[]{}+%".contains(c)
}
