//! A script's simple commands with their words: what a warning about a script needs to know.
//!
//! This reads the grammar of POSIX sh, and of bash what looks the same. It is honest rather than
//! complete: where it cannot follow a script it says nothing about any of it, because a wrong
//! warning teaches people to ignore the right ones.

mod read;
mod word;

pub(super) use read::read;

/// What a script holds.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// Every simple command, those inside substitutions too; a substitution's before the command that it stands in.
    pub(super) commands: Vec<Command>,
    /// Every value that a variable is given.
    pub(super) bindings: Vec<Binding>,
}

/// A simple command.
#[derive(Debug, Default)]
pub(super) struct Command {
    /// `a=b` before its name, or alone.
    pub(super) assignments: Vec<Word>,
    /// Its name and its arguments.
    pub(super) words: Vec<Word>,
    /// Where its input comes from and its output goes.
    pub(super) redirects: Vec<Redirect>,
    /// Whether what it prints goes anywhere but into the script's own output, or may do.
    pub(super) prints_elsewhere: bool,
}

impl Command {
    /// Its name, where it stands there literally.
    pub(super) fn name(&self) -> Option<&str> {
        self.words.first()?.literal.as_deref()
    }
}

/// `2>/dev/null`
#[derive(Debug)]
pub(super) struct Redirect {
    /// `>`, `>>`, `<`, `>&`, …
    pub(super) operator: String,
    /// The number before it.
    pub(super) descriptor: Option<String>,
    pub(super) target: Word,
}

impl Redirect {
    /// Whether standard output leaves the script's own output by it. Standard error is recorded as well.
    pub(super) fn takes_output(&self) -> bool {
        let recorded = matches!(self.target.literal.as_deref(), Some("1" | "2")) && self.operator == ">&"
            || matches!(self.target.literal.as_deref(), Some("/dev/stdout" | "/dev/stderr"));
        self.operator.starts_with('>') && matches!(self.descriptor.as_deref(), None | Some("1")) && !recorded
    }

    /// Whether it writes a file.
    pub(super) fn writes(&self) -> bool {
        let nowhere = self.target.literal.as_deref() == Some("/dev/null") || self.operator == ">&";
        self.operator.contains('>') && !nowhere
    }
}

/// One word.
#[derive(Debug, Default, Clone)]
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) end: usize,
    /// What it stands for, where nothing in it is expanded or put in by a template.
    pub(super) literal: Option<String>,
    pub(super) expansions: Vec<Expansion>,
    /// Where the template's values stand directly in it: an index into the text for each of their characters.
    pub(super) values: Vec<usize>,
}

/// `$x`, `${x}`, `$(…)`, or the same with back-ticks.
#[derive(Debug, Clone)]
pub(super) struct Expansion {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) of: ExpansionOf,
    /// Inside double quotes.
    pub(super) quoted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ExpansionOf {
    /// A variable or a positional parameter.
    Variable(String),
    /// A command's output; the command's name where it is known.
    Output(Option<String>),
    /// A number by its nature, or something that its author has quoted inside.
    Harmless,
}

/// A value that a variable is given; none where it cannot be known.
#[derive(Debug)]
pub(super) struct Binding {
    pub(super) name: String,
    pub(super) value: Option<Word>,
}

impl Word {
    /// Whether its value may hold blanks or wildcards.
    pub(super) fn may_split(&self) -> bool {
        match &self.literal {
            Some(text) => text.contains(|c: char| c.is_whitespace() || "*?[".contains(c)),
            // The parts that are known are not kept apart; an expansion that is a number stands alone or joins letters.
            None => {
                !self.values.is_empty()
                    || self.expansions.is_empty()
                    || self.expansions.iter().any(|expansion| expansion.of != ExpansionOf::Harmless)
            }
        }
    }
}
