//! The words and signs of a condition, each with its place in the text.

use std::collections::VecDeque;

use daytwo_model::plan::Comparison;
use serde_json::Number;

use crate::template::Flaw;

/// The longest part of a text that a message repeats.
const SHOWN_CHARS_MAX: usize = 32;

/// A word or sign.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'t> {
    /// A word of the language or a dotted name.
    Word(&'t str),
    Text(String),
    Number(Number),
    Compare(Comparison),
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
    End,
}

impl Token<'_> {
    /// What it is, for messages.
    pub(super) fn what(&self) -> String {
        match self {
            Self::Word(word @ ("and" | "or" | "not" | "in" | "is" | "true" | "false" | "none" | "defined")) => {
                format!("`{word}`")
            }
            Self::Word(name) => format!("the name `{}`", shown(name)),
            Self::Text(_) => "a text".to_owned(),
            Self::Number(number) => format!("the number {number}"),
            Self::Compare(_) => "a comparison".to_owned(),
            Self::Open => "`(`".to_owned(),
            Self::Close => "`)`".to_owned(),
            Self::OpenList => "`[`".to_owned(),
            Self::CloseList => "`]`".to_owned(),
            Self::Comma => "`,`".to_owned(),
            Self::End => "the end".to_owned(),
        }
    }
}

/// The words and signs that are still to be read. Bounded by the text that they were cut from.
pub(super) struct Tokens<'t> {
    left: VecDeque<(usize, Token<'t>)>,
    end: usize,
}

impl<'t> Tokens<'t> {
    /// Cuts `text`; the first thing that belongs nowhere is the flaw.
    pub(super) fn of(text: &'t str) -> Result<Self, Flaw> {
        let mut left = VecDeque::new();
        let mut offset = 0;
        while let Some(rest) = text.get(offset..)
            && let Some(c) = rest.chars().next()
        {
            if c.is_whitespace() {
                offset += c.len_utf8();
                continue;
            }
            let (token, length) = cut(rest, c, offset)?;
            left.push_back((offset, token));
            offset += length;
        }
        Ok(Self { left, end: text.trim_end().len() })
    }

    /// The next one, which stays.
    pub(super) fn peek(&self) -> (usize, &Token<'t>) {
        self.left.front().map_or((self.end, &Token::End), |(offset, token)| (*offset, token))
    }

    /// The next one.
    pub(super) fn next(&mut self) -> (usize, Token<'t>) {
        self.left.pop_front().unwrap_or((self.end, Token::End))
    }

    /// Takes this word if it comes next.
    pub(super) fn takes_word(&mut self, word: &str) -> bool {
        let takes = matches!(self.peek().1, Token::Word(next) if *next == word);
        if takes {
            self.left.pop_front();
        }
        takes
    }

    /// Takes these two words if they come next.
    pub(super) fn takes_words(&mut self, first: &str, second: &str) -> bool {
        let takes = matches!(self.peek().1, Token::Word(next) if *next == first)
            && matches!(self.left.get(1), Some((_, Token::Word(next))) if *next == second);
        if takes {
            self.left.drain(..2);
        }
        takes
    }

    /// Takes a sign of comparison if it comes next.
    pub(super) fn takes_comparison(&mut self) -> Option<Comparison> {
        let Token::Compare(op) = self.peek().1 else { return None };
        let op = *op;
        self.left.pop_front();
        Some(op)
    }

    /// Whether a comparison comes next, by sign or word.
    pub(super) fn at_comparison(&self) -> bool {
        matches!(self.peek().1, Token::Compare(_) | Token::Word("in" | "is" | "not"))
    }
}

/// The token at the beginning of `rest`, and its length in bytes.
fn cut(rest: &str, first: char, offset: usize) -> Result<(Token<'_>, usize), Flaw> {
    const SIGNS: &[(&str, Comparison)] = &[
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    if let Some((sign, op)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) {
        return Ok((Token::Compare(*op), sign.len()));
    }
    match first {
        '(' => Ok((Token::Open, 1)),
        ')' => Ok((Token::Close, 1)),
        '[' => Ok((Token::OpenList, 1)),
        ']' => Ok((Token::CloseList, 1)),
        ',' => Ok((Token::Comma, 1)),
        '\'' | '"' => text(rest, first, offset),
        '0'..='9' | '-' => number(rest, offset),
        c if c.is_ascii_alphabetic() || c == '_' => word(rest, offset),
        c => Err(stray(c, offset)),
    }
}

/// A sign that the language does not have, with the one that was meant.
fn stray(c: char, offset: usize) -> Flaw {
    let message = format!("the language of conditions has no `{}`", crate::diagnostic::printable(&c.to_string()));
    let hint = match c {
        '=' => "`==` compares",
        '&' => "write `and`",
        '!' => "write `not`",
        '|' => "write `or`; a condition has no filters",
        '+' | '*' | '/' | '%' => "a condition does not calculate",
        _ => return Flaw::new(offset, message),
    };
    Flaw::with(offset, message, hint)
}

fn text(rest: &str, quote: char, offset: usize) -> Result<(Token<'_>, usize), Flaw> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Ok((Token::Text(text), at + 1));
        }
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some((_, c @ ('\\' | '\'' | '"'))) => text.push(c),
            Some((_, 'n')) => text.push('\n'),
            Some((_, 't')) => text.push('\t'),
            _ => {
                let message = "the language does not know this escape; it knows \\\\, \\', \\\", \\n and \\t";
                return Err(Flaw::new(offset + at, message));
            }
        }
    }
    Err(Flaw::new(offset, "this text is not closed by its quote"))
}

fn number(rest: &str, offset: usize) -> Result<(Token<'_>, usize), Flaw> {
    // A sign belongs to a number at its beginning and after its `e`, and nowhere else.
    let mut before = 'e';
    let length = rest
        .find(|c: char| {
            let sign = matches!(c, '-' | '+') && matches!(before, 'e' | 'E');
            before = c;
            !(sign || c.is_ascii_alphanumeric() || c == '.' || c == '_')
        })
        .unwrap_or(rest.len());
    let digits = rest.get(..length).unwrap_or_default();
    match serde_json::from_str::<Number>(digits) {
        Ok(number) => Ok((Token::Number(number), length)),
        Err(_) => {
            let message = format!("`{}` is not a number", shown(digits));
            Err(Flaw::with(offset, message, "a text stands in quotes"))
        }
    }
}

fn word(rest: &str, offset: usize) -> Result<(Token<'_>, usize), Flaw> {
    // A hyphen is part of a name after a dot: labels have them, and there is nothing to subtract.
    let mut dotted = false;
    let length = rest
        .find(|c: char| {
            dotted |= c == '.';
            !(c.is_ascii_alphanumeric() || c == '_' || c == '.' || (dotted && c == '-'))
        })
        .unwrap_or(rest.len());
    let word = rest.get(..length).unwrap_or_default();
    if word.split('.').any(str::is_empty) {
        return Err(Flaw::new(offset, format!("`{}` is not a name: something is missing at its dot", shown(word))));
    }
    if matches!(word, "True" | "False" | "None" | "null" | "AND" | "OR" | "NOT") {
        let meant = if word == "null" { "none".to_owned() } else { word.to_ascii_lowercase() };
        return Err(Flaw::with(offset, format!("the language has no `{word}`"), format!("write `{meant}`")));
    }
    Ok((Token::Word(word), length))
}

fn shown(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}
