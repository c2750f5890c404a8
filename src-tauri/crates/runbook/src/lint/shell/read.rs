//! Commands: lists, groups, loops, `case`, here-documents and redirections.

use super::{Binding, Command, Redirect, Script, Word};

/// The deepest nesting of quotes and substitutions that is followed.
const NESTING_MAX: usize = 64;

/// The script cannot be followed.
#[derive(Debug)]
pub(super) struct Lost;

/// What ends a list of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Text,
    Parenthesis,
    /// `;;`, or the `esac` that is not read.
    Arm,
}

/// A group, loop or condition whose end has not been read.
struct Group {
    /// Its first command.
    from: usize,
    /// A function's body: where its output goes is decided by whoever calls it.
    function: bool,
}

pub(super) struct Reader<'t> {
    pub(super) chars: &'t [char],
    pub(super) at: usize,
    pub(super) script: Script,
    depth: usize,
    groups: Vec<Group>,
    function_begins: bool,
    /// Here-documents whose bodies start on the next line: end mark, and whether leading tabs are removed.
    bodies: Vec<(String, bool)>,
}

/// Reads a flat script; none where it cannot be followed.
pub(crate) fn read(chars: &[char]) -> Option<Script> {
    let mut reader = Reader {
        chars,
        at: 0,
        script: Script::default(),
        depth: 0,
        groups: Vec::new(),
        function_begins: false,
        bodies: Vec::new(),
    };
    reader.list(End::Text).ok()?;
    Some(reader.script)
}

impl Reader<'_> {
    pub(super) fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn begins(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(ahead, c)| self.peek(ahead) == Some(c))
    }

    pub(super) fn nest(&mut self) -> Result<(), Lost> {
        self.depth += 1;
        if self.depth > NESTING_MAX { Err(Lost) } else { Ok(()) }
    }

    pub(super) const fn unnest(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// What the commands from this one on print is taken by something.
    pub(super) fn prints_elsewhere(&mut self, from: usize) {
        for command in self.script.commands.iter_mut().skip(from) {
            command.prints_elsewhere = true;
        }
    }

    /// Reads commands until the end that is meant, and that end.
    pub(super) fn list(&mut self, end: End) -> Result<(), Lost> {
        self.nest()?;
        let base = self.groups.len();
        loop {
            self.blanks();
            match self.peek(0) {
                None if end == End::Text => break,
                None => return Err(Lost),
                Some('\n') => self.line_ends()?,
                Some(';') if self.begins(";;") || self.begins(";&") => {
                    if end != End::Arm {
                        return Err(Lost);
                    }
                    self.at += if self.begins(";;&") { 3 } else { 2 };
                    break;
                }
                Some(';' | '&' | '|') => self.at += 1,
                Some(')') if end == End::Parenthesis => {
                    self.at += 1;
                    break;
                }
                Some(')') => return Err(Lost),
                Some('(') if self.begins("((") => self.arithmetic()?,
                Some('(') => {
                    let from = self.script.commands.len();
                    self.at += 1;
                    self.list(End::Parenthesis)?;
                    self.after_group(from)?;
                }
                Some(_) if end == End::Arm && self.bare() == "esac" => break,
                Some(_) => self.command(base)?,
            }
        }
        self.unnest();
        if self.groups.len() == base { Ok(()) } else { Err(Lost) }
    }

    /// Blanks, continued lines and comments, but not the end of a line.
    fn blanks(&mut self) {
        loop {
            match self.peek(0) {
                Some(' ' | '\t') => self.at += 1,
                Some('\\') if self.peek(1) == Some('\n') => self.at += 2,
                Some('#') => {
                    while self.peek(0).is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    fn blank_lines(&mut self) -> Result<(), Lost> {
        loop {
            self.blanks();
            if self.peek(0) != Some('\n') {
                return Ok(());
            }
            self.line_ends()?;
        }
    }

    /// The end of a line, and the here-documents that begin after it.
    fn line_ends(&mut self) -> Result<(), Lost> {
        self.at += 1;
        for (mark, tabs) in std::mem::take(&mut self.bodies) {
            loop {
                let rest = self.chars.get(self.at..).filter(|rest| !rest.is_empty()).ok_or(Lost)?;
                let line: String = rest.iter().take_while(|c| **c != '\n').collect();
                self.at = (self.at + line.chars().count() + 1).min(self.chars.len());
                let line = if tabs { line.trim_start_matches('\t') } else { line.as_str() };
                if line == mark {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The letters up to the next blank or operator, as they stand: a reserved word, perhaps.
    fn bare(&self) -> String {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        rest.iter().take_while(|c| !" \t\n;&|<>()".contains(**c)).take(16).collect()
    }

    fn command(&mut self, base: usize) -> Result<(), Lost> {
        let word = self.bare();
        let skip = word.chars().count();
        match word.as_str() {
            "then" | "else" | "elif" | "do" | "!" | "time" => self.at += skip,
            "if" | "while" | "until" | "{" => {
                self.at += skip;
                self.open();
            }
            "fi" | "done" | "}" => {
                self.at += skip;
                let group = if self.groups.len() > base { self.groups.pop() } else { None };
                let group = group.ok_or(Lost)?;
                if group.function {
                    self.prints_elsewhere(group.from);
                }
                self.after_group(group.from)?;
            }
            "for" | "select" => {
                self.at += skip;
                self.open();
                self.for_head()?;
            }
            "case" => {
                self.at += skip;
                self.case()?;
            }
            "[[" => self.double_bracket()?,
            "function" | "coproc" => return Err(Lost),
            _ => self.simple()?,
        }
        Ok(())
    }

    fn open(&mut self) {
        let function = std::mem::take(&mut self.function_begins);
        self.groups.push(Group { from: self.script.commands.len(), function });
    }

    /// Redirections of a group, and a pipe after it, take what its commands print.
    fn after_group(&mut self, from: usize) -> Result<(), Lost> {
        loop {
            self.blanks();
            if !self.at_redirect() {
                break;
            }
            if self.redirect()?.takes_output() {
                self.prints_elsewhere(from);
            }
        }
        if self.at_pipe() {
            self.prints_elsewhere(from);
        }
        Ok(())
    }

    fn at_pipe(&self) -> bool {
        self.peek(0) == Some('|') && self.peek(1) != Some('|')
    }

    fn for_head(&mut self) -> Result<(), Lost> {
        self.blanks();
        let name = self.name();
        if name.is_empty() {
            return Err(Lost);
        }
        self.blank_lines()?;
        if self.bare() != "in" {
            self.script.bindings.push(Binding { name, value: None });
            return Ok(());
        }
        self.at += 2;
        loop {
            self.blanks();
            match self.peek(0) {
                Some('\n' | ';') => return Ok(()),
                None => return Err(Lost),
                Some(_) => {
                    let value = Some(self.word()?);
                    self.script.bindings.push(Binding { name: name.clone(), value });
                }
            }
        }
    }

    fn case(&mut self) -> Result<(), Lost> {
        let from = self.script.commands.len();
        self.blanks();
        self.word()?;
        self.blank_lines()?;
        if self.bare() != "in" {
            return Err(Lost);
        }
        self.at += 2;
        loop {
            self.blank_lines()?;
            if self.bare() == "esac" {
                self.at += 4;
                return self.after_group(from);
            }
            if self.peek(0) == Some('(') {
                self.at += 1;
            }
            loop {
                self.blanks();
                self.word()?;
                self.blanks();
                match self.peek(0) {
                    Some('|') => self.at += 1,
                    Some(')') => break,
                    _ => return Err(Lost),
                }
            }
            self.at += 1;
            self.list(End::Arm)?;
        }
    }

    /// `[[ … ]]` does not split words; only what is substituted in it is looked at.
    fn double_bracket(&mut self) -> Result<(), Lost> {
        loop {
            self.blanks();
            match self.peek(0).ok_or(Lost)? {
                '\n' => self.line_ends()?,
                '&' | '|' | '<' | '>' | '(' | ')' => self.at += 1,
                ';' => return Err(Lost),
                _ => {
                    if self.word()?.literal.as_deref() == Some("]]") {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn simple(&mut self) -> Result<(), Lost> {
        let mut command = Command::default();
        loop {
            self.blanks();
            match self.peek(0) {
                None | Some('\n' | ';' | '|' | ')') => break,
                Some('&') if self.begins("&>") => return Err(Lost),
                Some('&') => break,
                Some('(') => {
                    let definition = command.words.len() == 1 && command.redirects.is_empty() && self.begins("()");
                    if !definition {
                        return Err(Lost);
                    }
                    self.at += 2;
                    self.function_begins = true;
                    return Ok(());
                }
                Some(_) if self.at_redirect() => {
                    let redirect = self.redirect()?;
                    command.redirects.push(redirect);
                }
                Some(_) => {
                    let word = self.word()?;
                    match self.assigned(&word) {
                        Some(name) => {
                            self.script.bindings.push(Binding { name, value: Some(word.clone()) });
                            if command.words.is_empty() {
                                command.assignments.push(word);
                            } else {
                                command.words.push(word);
                            }
                        }
                        None => command.words.push(word),
                    }
                }
            }
        }
        if command.name() == Some("read") {
            let names = command.words.iter().skip(1).filter_map(|word| word.literal.clone());
            let bindings = names.map(|name| Binding { name, value: None });
            self.script.bindings.extend(bindings);
        }
        let redirected = command.redirects.iter().any(Redirect::takes_output);
        command.prints_elsewhere = redirected || self.at_pipe();
        self.script.commands.push(command);
        if redirected && self.script.commands.last().is_some_and(|command| command.name() == Some("exec")) {
            self.prints_elsewhere(0);
        }
        Ok(())
    }

    /// The variable that a word like `name=value` sets.
    pub(super) fn assigned(&self, word: &Word) -> Option<String> {
        let text = self.chars.get(word.start..word.end)?;
        let name: String = text.iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '_').collect();
        let starts_well = name.starts_with(|c: char| !c.is_ascii_digit());
        let after = text.get(name.len()..)?;
        (starts_well && (after.starts_with(&['=']) || after.starts_with(&['+', '=']))).then_some(name)
    }

    fn at_redirect(&self) -> bool {
        let digits = self.chars.get(self.at..).unwrap_or_default().iter().take_while(|c| c.is_ascii_digit()).count();
        matches!(self.peek(digits), Some('<' | '>'))
    }

    fn redirect(&mut self) -> Result<Redirect, Lost> {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let descriptor: String = rest.iter().take_while(|c| c.is_ascii_digit()).collect();
        self.at += descriptor.len();
        const OPERATORS: &[&str] = &["<<<", "<<-", "<<", "<>", "<&", ">>", ">&", ">|", "<", ">"];
        let operator = OPERATORS.iter().find(|operator| self.begins(operator)).ok_or(Lost)?;
        self.at += operator.len();
        if self.peek(0) == Some('(') {
            return Err(Lost);
        }
        self.blanks();
        let target = self.word()?;
        if matches!(*operator, "<<" | "<<-") {
            let mark = target.literal.clone().ok_or(Lost)?;
            self.bodies.push((mark, *operator == "<<-"));
        }
        let descriptor = (!descriptor.is_empty()).then_some(descriptor);
        Ok(Redirect { operator: (*operator).to_owned(), descriptor, target })
    }
}
