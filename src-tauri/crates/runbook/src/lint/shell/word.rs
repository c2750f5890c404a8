//! Words: quotes, and what a shell replaces inside them.

use super::super::flat::VALUE;
use super::read::{End, Lost, Reader};
use super::{Expansion, ExpansionOf, Word};

/// Ends a word that is not quoted.
const META: &str = " \t\n;&|<>()";

impl Reader<'_> {
    /// Reads one word. The caller has seen that one begins here.
    pub(super) fn word(&mut self) -> Result<Word, Lost> {
        let mut word = Word { start: self.at, literal: Some(String::new()), ..Word::default() };
        while let Some(c) = self.peek(0) {
            match c {
                _ if META.contains(c) => break,
                '\\' => {
                    if let Some(next) = self.peek(1).filter(|next| *next != '\n') {
                        word.push(next);
                    }
                    self.at += 2;
                }
                '\'' => self.single(&mut word)?,
                '"' => self.double(&mut word)?,
                '$' => self.dollar(&mut word, false)?,
                '`' => self.backtick(&mut word, false)?,
                c => {
                    word.take(c, self.at);
                    self.at += 1;
                }
            }
        }
        if self.at == word.start {
            return Err(Lost);
        }
        word.end = self.at;
        Ok(word)
    }

    fn single(&mut self, word: &mut Word) -> Result<(), Lost> {
        self.at += 1;
        loop {
            let c = self.peek(0).ok_or(Lost)?;
            if c != '\'' {
                word.take(c, self.at);
            }
            self.at += 1;
            if c == '\'' {
                return Ok(());
            }
        }
    }

    fn double(&mut self, word: &mut Word) -> Result<(), Lost> {
        self.nest()?;
        self.at += 1;
        loop {
            match self.peek(0).ok_or(Lost)? {
                '"' => {
                    self.at += 1;
                    self.unnest();
                    return Ok(());
                }
                '\\' => {
                    let next = self.peek(1).ok_or(Lost)?;
                    if !"$`\"\\\n".contains(next) {
                        word.push('\\');
                    }
                    if next != '\n' {
                        word.push(next);
                    }
                    self.at += 2;
                }
                '$' => self.dollar(word, true)?,
                '`' => self.backtick(word, true)?,
                c => {
                    word.take(c, self.at);
                    self.at += 1;
                }
            }
        }
    }

    /// Back-ticks have escapes of their own, so what is in them is not looked at.
    fn backtick(&mut self, word: &mut Word, quoted: bool) -> Result<(), Lost> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek(0).ok_or(Lost)? {
                '\\' => self.at += 2,
                '`' => break,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        word.expand(start, self.at, ExpansionOf::Output(None), quoted);
        Ok(())
    }

    fn dollar(&mut self, word: &mut Word, quoted: bool) -> Result<(), Lost> {
        let start = self.at;
        let of = match self.peek(1) {
            Some('(') if self.peek(2) == Some('(') => {
                self.at += 1;
                self.arithmetic()?;
                ExpansionOf::Harmless
            }
            Some('(') => {
                self.at += 2;
                let from = self.script.commands.len();
                self.list(End::Parenthesis)?;
                self.prints_elsewhere(from);
                let name = self.script.commands.get(from).and_then(|command| command.name());
                ExpansionOf::Output(name.map(str::to_owned))
            }
            Some('{') => self.parameter()?,
            Some('\'') if !quoted => return self.ansi(word),
            // A translated string; its quotes are read next.
            Some('"') if !quoted => {
                self.at += 1;
                return Ok(());
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                self.at += 1;
                ExpansionOf::Variable(self.name())
            }
            Some(c) if c.is_ascii_digit() || "@*".contains(c) => {
                self.at += 2;
                ExpansionOf::Variable(c.to_string())
            }
            Some(c) if "#?-$!".contains(c) => {
                self.at += 2;
                ExpansionOf::Harmless
            }
            _ => {
                word.push('$');
                self.at += 1;
                return Ok(());
            }
        };
        word.expand(start, self.at, of, quoted);
        Ok(())
    }

    /// `$'…'`
    fn ansi(&mut self, word: &mut Word) -> Result<(), Lost> {
        self.at += 2;
        word.literal = None;
        loop {
            match self.peek(0).ok_or(Lost)? {
                '\\' => self.at += 2,
                '\'' => {
                    self.at += 1;
                    return Ok(());
                }
                _ => self.at += 1,
            }
        }
    }

    /// `${…}`
    fn parameter(&mut self) -> Result<ExpansionOf, Lost> {
        self.nest()?;
        self.at += 2;
        let length = self.peek(0) == Some('#') && self.peek(1) != Some('}');
        if length {
            self.at += 1;
        }
        let name = self.name();
        let alternative = matches!((self.peek(0), self.peek(1)), (Some('+'), _) | (Some(':'), Some('+')));
        let mut inside = Word::default();
        loop {
            match self.peek(0).ok_or(Lost)? {
                '}' => break,
                '\\' => self.at += 2,
                '\'' => self.single(&mut inside)?,
                '"' => self.double(&mut inside)?,
                '$' => self.dollar(&mut inside, false)?,
                '`' => self.backtick(&mut inside, false)?,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.unnest();
        // `${x:+-n "$x"}` is how an optional argument is written; quotes around it would break it.
        let harmless = length || alternative || matches!(name.as_str(), "#" | "?" | "$" | "!" | "-");
        Ok(if harmless { ExpansionOf::Harmless } else { ExpansionOf::Variable(name) })
    }

    /// `((…))`, the first parenthesis of which stands here.
    pub(super) fn arithmetic(&mut self) -> Result<(), Lost> {
        let mut depth = 0_usize;
        loop {
            match self.peek(0).ok_or(Lost)? {
                '(' => depth += 1,
                ')' if depth == 1 => {
                    self.at += 1;
                    // `$( (…) )` would have been something else.
                    let before = self.at.checked_sub(2).and_then(|index| self.chars.get(index));
                    return if before == Some(&')') { Ok(()) } else { Err(Lost) };
                }
                ')' => depth -= 1,
                '\'' | '"' | '`' => return Err(Lost),
                _ => {}
            }
            self.at += 1;
        }
    }

    /// A variable's name, or a special one of one character.
    pub(super) fn name(&mut self) -> String {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let named = |c: &&char| c.is_ascii_alphanumeric() || **c == '_';
        let mut name: String = rest.iter().take_while(named).collect();
        if name.is_empty() {
            name.extend(rest.first().filter(|c| "@*#?-$!".contains(**c)));
        }
        self.at += name.len();
        name
    }
}

impl Word {
    fn push(&mut self, c: char) {
        if let Some(literal) = &mut self.literal {
            literal.push(c);
        }
    }

    /// A character that stands for itself, or a part of a value.
    fn take(&mut self, c: char, at: usize) {
        if c == VALUE {
            self.literal = None;
            self.values.push(at);
        } else {
            self.push(c);
        }
    }

    fn expand(&mut self, start: usize, end: usize, of: ExpansionOf, quoted: bool) {
        self.literal = None;
        self.expansions.push(Expansion { start, end, of, quoted });
    }
}
