//! The selector's grammar, by recursive descent.
//!
//! ```text
//! or   = and { "or" and }
//! and  = not { "and" not }
//! not  = "not" not | "(" or ")" | term
//! term = key ("=" | "!=" | "~") word | key ["not"] "in" "(" word { "," word } ")" | pattern
//! ```

use super::{Expr, Key, SELECTOR_BYTES_MAX, SELECTOR_DEPTH_MAX, glob};

/// Why a text is not a selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: expected {expected}, found {found}")]
pub struct SelectorError {
    /// Column of the problem, in characters from 1.
    pub column: usize,
    /// What could stand there.
    pub expected: &'static str,
    /// What does.
    pub found: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word { text: String, quoted: bool },
    Equals,
    Differs,
    Like,
    Open,
    Close,
    Comma,
    End,
}

impl Token {
    fn describe(&self) -> String {
        match self {
            Self::Word { text, .. } => format!("{text:?}"),
            Self::Equals => "\"=\"".into(),
            Self::Differs => "\"!=\"".into(),
            Self::Like => "\"~\"".into(),
            Self::Open => "\"(\"".into(),
            Self::Close => "\")\"".into(),
            Self::Comma => "\",\"".into(),
            Self::End => "the end".into(),
        }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word { text, quoted: false } if text == word)
    }
}

pub(super) fn parse(text: &str) -> Result<Expr, SelectorError> {
    if text.len() > SELECTOR_BYTES_MAX {
        let found = format!("{} bytes", text.len());
        return Err(SelectorError { column: 1, expected: "a selector of at most 4096 bytes", found });
    }
    let mut parser = Parser { tokens: tokenize(text)?, next: 0, depth: 0 };
    let expr = parser.or()?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected("\"and\", \"or\" or the end")),
    }
}

fn tokenize(text: &str) -> Result<Vec<(usize, Token)>, SelectorError> {
    let mut tokens = Vec::new();
    let mut chars = (1_usize..).zip(text.chars()).peekable();
    while let Some((column, c)) = chars.next() {
        let token = match c {
            c if c.is_whitespace() => continue,
            '=' => Token::Equals,
            '~' => Token::Like,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '!' if chars.next_if(|(_, next)| *next == '=').is_some() => Token::Differs,
            '"' => {
                let mut word = String::new();
                loop {
                    match chars.next() {
                        Some((_, '"')) => break,
                        Some((_, c)) if !c.is_control() => word.push(c),
                        Some(_) | None => {
                            return Err(SelectorError { column, expected: "a closing quote", found: "none".into() });
                        }
                    }
                }
                Token::Word { text: word, quoted: true }
            }
            c if is_word_char(c) => {
                let mut word = String::from(c);
                while let Some((_, c)) = chars.next_if(|(_, next)| is_word_char(*next)) {
                    word.push(c);
                }
                Token::Word { text: word, quoted: false }
            }
            other => {
                let found = format!("{other:?}");
                return Err(SelectorError { column, expected: "a label, a pattern or \"(\"", found });
            }
        };
        tokens.push((column, token));
    }
    tokens.push((text.chars().count() + 1, Token::End));
    Ok(tokens)
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || "_-.:/@*?[]{}+%".contains(c)
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn at(&self, index: usize) -> (usize, &Token) {
        // The last token is always `End`, and nothing is taken after it.
        self.tokens.get(index).or(self.tokens.last()).map_or((1, &Token::End), |(column, token)| (*column, token))
    }

    fn peek(&self) -> &Token {
        self.at(self.next).1
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn unexpected(&self, expected: &'static str) -> SelectorError {
        let (column, token) = self.at(self.next);
        SelectorError { column, expected, found: token.describe() }
    }

    fn or(&mut self) -> Result<Expr, SelectorError> {
        let mut any = vec![self.and()?];
        while self.peek().is_word("or") {
            self.take();
            any.push(self.and()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Expr::Or(any) })
    }

    fn and(&mut self) -> Result<Expr, SelectorError> {
        let mut all = vec![self.not()?];
        while self.peek().is_word("and") {
            self.take();
            all.push(self.not()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expr::And(all) })
    }

    fn not(&mut self) -> Result<Expr, SelectorError> {
        self.depth += 1;
        if self.depth > SELECTOR_DEPTH_MAX {
            return Err(self.unexpected("at most 64 levels of nesting"));
        }
        let expr = if self.peek().is_word("not") {
            self.take();
            Expr::Not(Box::new(self.not()?))
        } else if *self.peek() == Token::Open {
            self.take();
            let inner = self.or()?;
            self.close()?;
            inner
        } else {
            self.term()?
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn term(&mut self) -> Result<Expr, SelectorError> {
        let (column, _) = self.at(self.next);
        let word = self.word("a label, a pattern or \"(\"")?;
        let key = if word == "host" { Key::Host } else { Key::Label(word.clone()) };
        match self.peek() {
            Token::Equals => {
                self.take();
                Ok(Expr::Is { key, values: vec![self.word("a value")?] })
            }
            Token::Differs => {
                self.take();
                Ok(Expr::Not(Box::new(Expr::Is { key, values: vec![self.word("a value")?] })))
            }
            Token::Like => {
                self.take();
                let (column, _) = self.at(self.next);
                let pattern = self.word("a pattern")?;
                like(key, &pattern, column)
            }
            token if token.is_word("in") => {
                self.take();
                Ok(Expr::Is { key, values: self.list()? })
            }
            token if token.is_word("not") && self.at(self.next + 1).1.is_word("in") => {
                self.take();
                self.take();
                Ok(Expr::Not(Box::new(Expr::Is { key, values: self.list()? })))
            }
            _ => like(Key::Host, &word, column),
        }
    }

    fn list(&mut self) -> Result<Vec<String>, SelectorError> {
        if *self.peek() != Token::Open {
            return Err(self.unexpected("\"(\""));
        }
        self.take();
        let mut values = vec![self.word("a value")?];
        while *self.peek() == Token::Comma {
            self.take();
            values.push(self.word("a value")?);
        }
        self.close()?;
        Ok(values)
    }

    fn close(&mut self) -> Result<(), SelectorError> {
        if *self.peek() != Token::Close {
            return Err(self.unexpected("\")\""));
        }
        self.take();
        Ok(())
    }

    fn word(&mut self, expected: &'static str) -> Result<String, SelectorError> {
        match self.peek() {
            Token::Word { text, quoted } => {
                let reserved = !quoted && ["and", "or", "not", "in"].contains(&text.as_str());
                if reserved {
                    return Err(self.unexpected(expected));
                }
                let word = text.clone();
                self.take();
                Ok(word)
            }
            _ => Err(self.unexpected(expected)),
        }
    }
}

fn like(key: Key, pattern: &str, column: usize) -> Result<Expr, SelectorError> {
    let pattern = glob(pattern).map_err(|_| SelectorError {
        column,
        expected: "a glob pattern",
        found: format!("{pattern:?}"),
    })?;
    Ok(Expr::Like { key, pattern })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_column_and_what_could_stand_there() {
        for (text, message) in [
            ("", "column 1: expected a label, a pattern or \"(\", found the end"),
            ("role=", "column 6: expected a value, found the end"),
            ("role=web and", "column 13: expected a label, a pattern or \"(\", found the end"),
            ("role=web site=ams", "column 10: expected \"and\", \"or\" or the end, found \"site\""),
            ("site in ams", "column 9: expected \"(\", found \"ams\""),
            ("(role=web", "column 10: expected \")\", found the end"),
            ("host~\"[\"", "column 6: expected a glob pattern, found \"[\""),
            ("role=\"web", "column 6: expected a closing quote, found none"),
            ("role;web", "column 5: expected a label, a pattern or \"(\", found ';'"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message, "{text:?}");
        }
        assert!(parse(&"(".repeat(4000)).is_err());
        assert!(parse(&"not ".repeat(1000)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[ -~é]{0,80}") {
            let _ = parse(&text);
        }
    }
}
