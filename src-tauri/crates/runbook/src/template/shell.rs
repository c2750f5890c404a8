//! Where in a shell script an expression may stand.
//!
//! A value is quoted as one word of a POSIX shell. That is safe where a word may begin, and only
//! there: inside the author's own quotes, a here-document, a comment, back-ticks, `${…}` or `$((…))`
//! the quote characters mean something else, and a hostile value could break out. This reads the
//! literal text around the expressions as a shell would and refuses every place that is not plain.
//! Where it cannot follow the script, it refuses too.

use super::segment::{Flaw, Role, Segment, is_raw};

/// The deepest nesting of quotes and substitutions that is followed.
const NESTING_MAX: usize = 64;

/// Stands in `before` where a `{% %}` tag was: what precedes depends on the branch that was taken.
const BRANCH: char = '\u{1}';

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Context {
    /// Commands, inside `$(…)` or a subshell.
    Command,
    Single,
    Double,
    Backtick,
    /// `${…}`.
    Parameter,
    /// `$((…))` or `((…))`.
    Arithmetic,
}

/// A here-document.
#[derive(Debug)]
struct Here {
    end: String,
    /// `<<-`: tabs at the beginning of its lines do not count.
    tabs: bool,
    /// Its end mark is quoted, so that a backslash in it joins no lines.
    quoted: bool,
}

#[derive(Debug, Default)]
struct Scan {
    stack: Vec<Context>,
    comment: bool,
    /// Here-documents whose body starts on the next line.
    announced: Vec<Here>,
    /// The here-document that is being read.
    body: Option<Here>,
    line: String,
    /// The characters before, newest last; only what the rules below look at.
    before: String,
    /// Set when the script uses what this reader does not follow.
    lost: Option<&'static str>,
}

/// Checks every expression and tag of a script.
pub(crate) fn check(segments: &[Segment]) -> Result<(), Flaw> {
    let mut scan = Scan::default();
    let mut tags: Vec<Vec<Context>> = Vec::new();
    for segment in segments {
        match segment {
            Segment::Literal(text) => scan.read(text),
            Segment::Expression { code, offset } => {
                if !is_raw(code) {
                    scan.may_stand().map_err(|(where_, hint)| {
                        Flaw::with(
                            *offset,
                            format!("`{{{{{code}}}}}` stands {where_}, where quoting it is not safe"),
                            hint,
                        )
                    })?;
                }
                scan.value();
            }
            Segment::Block { role, offset, .. } => {
                if scan.may_stand().is_err() || !scan.announced.is_empty() {
                    let message = "a `{% %}` tag cannot stand inside quotes, comments or here-documents";
                    return Err(Flaw::new(*offset, message));
                }
                scan.before = BRANCH.to_string();
                let same = match role {
                    Role::Open => {
                        tags.push(scan.stack.clone());
                        true
                    }
                    Role::Divide => tags.last().is_none_or(|open| *open == scan.stack),
                    Role::Close => tags.pop().is_none_or(|open| open == scan.stack),
                };
                if !same {
                    return Err(Flaw::new(
                        *offset,
                        "the text between two `{% %}` tags opens or closes a parenthesis or quote",
                    ));
                }
            }
        }
    }
    Ok(())
}

impl Scan {
    fn top(&self) -> Context {
        self.stack.last().copied().unwrap_or(Context::Command)
    }

    fn may_stand(&self) -> Result<(), (&'static str, &'static str)> {
        const QUOTES: &str = "leave out the quotes around it; a value is always quoted as one word, and words may be joined: prefix-{{ x }}.log";
        const ELSEWHERE: &str = "put the value into a shell variable first (name={{ x }}) and use \"$name\" here";
        if let Some(why) = self.lost {
            return Err((why, ELSEWHERE));
        }
        if self.body.is_some() {
            return Err(("in a here-document", "write the line with printf '%s\\n' {{ x }} instead"));
        }
        if self.comment {
            return Err(("in a comment", "leave it out of the comment"));
        }
        match self.top() {
            Context::Command => {}
            Context::Single | Context::Double => return Err(("inside quotes", QUOTES)),
            Context::Backtick => return Err(("inside back-ticks", "use $(…) instead of back-ticks")),
            Context::Parameter => return Err(("inside ${…}", ELSEWHERE)),
            Context::Arithmetic => return Err(("inside $((…))", ELSEWHERE)),
        }
        if self.before.ends_with('\\') {
            return Err(("after a backslash", "leave out the backslash"));
        }
        if self.before.ends_with('$') {
            return Err(("after a dollar sign", "leave out the dollar sign"));
        }
        if self.here_document_begins() {
            return Err(("as the end mark of a here-document", "write the mark itself"));
        }
        Ok(())
    }

    /// `<<` or `<<-` was read, and its end mark was not.
    fn here_document_begins(&self) -> bool {
        let text = self.before.trim_end_matches([' ', '\t']);
        let text = text.strip_suffix('-').unwrap_or(text);
        text.ends_with("<<") && !text.ends_with("<<<")
    }

    /// A value stands here: it is part of a word, and nothing that follows is at a word's beginning.
    fn value(&mut self) {
        let ends_mark = self.before.ends_with(|c: char| !" \t;&|()<>\n".contains(c));
        if !self.announced.is_empty() && ends_mark {
            self.lost = Some("after a value that joins the end mark of a here-document");
        }
        self.before = "v".to_owned();
    }

    fn read(&mut self, text: &str) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let taken = self.step(c, rest);
            for c in rest.chars().take(taken) {
                self.remember(c);
            }
            let bytes: usize = rest.chars().take(taken).map(char::len_utf8).sum();
            rest = rest.get(bytes..).unwrap_or_default();
            if self.stack.len() > NESTING_MAX {
                self.stack.clear();
                self.lost = Some("where quotes are nested too deeply to follow");
            }
        }
    }

    fn remember(&mut self, c: char) {
        if self.before.ends_with('\\') && c == '\n' {
            // The shell joins the two lines: what stood before the backslash stands before what follows.
            self.before.pop();
        } else if self.before.ends_with('\\') {
            // An escaped backslash escapes nothing itself.
            self.before.clear();
            self.before.push('e');
        } else {
            self.before.push(c);
        }
        if self.before.len() > 16 {
            let keep = self.before.char_indices().rev().nth(7).map_or(0, |(index, _)| index);
            self.before.drain(..keep);
        }
    }

    /// Reads what begins with `c`, and says how many characters that were.
    fn step(&mut self, c: char, rest: &str) -> usize {
        if self.body.is_some() {
            self.step_body(c);
            return 1;
        }
        if c == '\n' && self.top() != Context::Single {
            if std::mem::take(&mut self.comment) {
                // A backslash in a comment joins nothing.
                self.before.clear();
            }
            if self.stack.contains(&Context::Arithmetic) {
                self.lost = Some("after a `((` that goes over several lines, which shells read differently");
            }
            if !self.announced.is_empty() {
                if self.top() != Context::Command {
                    self.lost = Some("after a here-document that begins inside quotes");
                }
                self.body = self.next_body();
            }
            return 1;
        }
        if self.comment {
            return 1;
        }
        match self.top() {
            Context::Single => {
                if c == '\'' {
                    self.stack.pop();
                }
                1
            }
            _ if self.before.ends_with('\\') => 1,
            Context::Backtick => {
                if c == '`' {
                    self.stack.pop();
                }
                1
            }
            Context::Command | Context::Double | Context::Parameter | Context::Arithmetic => {
                self.step_unquoted(c, rest)
            }
        }
    }

    /// A character of a here-document.
    fn step_body(&mut self, c: char) {
        let Some(Here { end, tabs, quoted }) = &self.body else { return };
        if c != '\n' {
            self.line.push(c);
            return;
        }
        let backslashes = self.line.chars().rev().take_while(|c| *c == '\\').count();
        if !quoted && backslashes % 2 == 1 {
            // The next line belongs to this one, and is no end mark.
            self.line.push(c);
            return;
        }
        let line = if *tabs { self.line.trim_start_matches('\t') } else { &self.line };
        if line == end.as_str() {
            self.body = self.next_body();
        }
        self.line.clear();
    }

    fn next_body(&mut self) -> Option<Here> {
        (!self.announced.is_empty()).then(|| self.announced.remove(0))
    }

    fn step_unquoted(&mut self, c: char, rest: &str) -> usize {
        let top = self.top();
        let in_double = self.stack.contains(&Context::Double);
        let mut push = |context: Context, taken: usize| {
            self.stack.push(context);
            taken
        };
        match c {
            '$' if rest.starts_with("$((") => return push(Context::Arithmetic, 3),
            '$' if rest.starts_with("$(") => return push(Context::Command, 2),
            '$' if rest.starts_with("${") => return push(Context::Parameter, 2),
            '$' if rest.starts_with("$'") && top == Context::Command => {
                self.lost = Some("after $'…', which shells read differently");
            }
            '`' => return push(Context::Backtick, 1),
            '"' if top == Context::Double => {
                self.stack.pop();
            }
            '"' => return push(Context::Double, 1),
            '\'' if top == Context::Parameter && in_double => {
                self.lost = Some("after a quote in \"${…}\", which shells read differently");
            }
            // No arithmetic holds one, but a comment does, where `((` begins two subshells.
            '\'' if top == Context::Arithmetic => {
                self.lost = Some("after a quote in `((`, which shells read differently");
            }
            '\'' if top != Context::Double => return push(Context::Single, 1),
            '}' if top == Context::Parameter => {
                self.stack.pop();
            }
            ')' if top == Context::Arithmetic => {
                self.stack.pop();
                return if rest.starts_with("))") { 2 } else { 1 };
            }
            '(' if top == Context::Arithmetic => return push(Context::Arithmetic, 1),
            _ if top == Context::Command => return self.step_command(c, rest),
            _ => {}
        }
        1
    }

    fn step_command(&mut self, c: char, rest: &str) -> usize {
        let after_branch = self.before.ends_with(BRANCH);
        let at_word =
            after_branch || self.before.chars().next_back().is_none_or(|before| " \t\n;&|()<>".contains(before));
        match c {
            '(' if rest.starts_with("((") => {
                self.stack.push(Context::Arithmetic);
                return 2;
            }
            '(' => self.stack.push(Context::Command),
            ')' => {
                self.stack.pop();
            }
            '#' if after_branch => self.lost = Some("after a `#` that only some branches make a comment"),
            '#' if at_word => self.comment = true,
            '<' if rest.starts_with("<<") && !rest.starts_with("<<<") => return self.announce(rest),
            // The patterns of `case` end in a parenthesis that nothing opened.
            'c' if at_word && !self.stack.is_empty() && rest.starts_with("case") => {
                self.lost = Some("after a `case` inside $(…), which cannot be followed");
            }
            _ => {}
        }
        1
    }

    /// Reads `<<END`, `<<-END`, `<<'END'`.
    fn announce(&mut self, rest: &str) -> usize {
        let after = rest.get(2..).unwrap_or_default();
        let (tabs, after) = after.strip_prefix('-').map_or((false, after), |after| (true, after));
        let word_at = after.trim_start_matches([' ', '\t']);
        let word: String = word_at.chars().take_while(|c| !" \t\n;&|()<>".contains(*c)).collect();
        if word.is_empty() {
            return 2;
        }
        if !self.stack.is_empty() {
            self.lost = Some("after a here-document inside $(…), which cannot be followed");
        }
        if word.chars().filter(|c| "'\"".contains(*c)).count() % 2 == 1 {
            self.lost = Some("after a here-document whose end mark holds a space, which cannot be followed");
        }
        let end: String = word.chars().filter(|c| !"'\"\\".contains(*c)).collect();
        let quoted = end != word;
        self.announced.push(Here { end, tabs, quoted });
        let skipped = rest.len() - word_at.len();
        rest.get(..skipped).map_or(2, |skipped| skipped.chars().count()) + word.chars().count()
    }
}

#[cfg(test)]
mod tests {
    use super::super::segment::cut;
    use super::*;

    fn verdict(script: &str) -> Result<(), String> {
        check(&cut(script).unwrap()).map_err(|flaw| flaw.message)
    }

    #[test]
    fn a_value_may_stand_wherever_a_word_may() {
        for good in [
            "systemctl restart {{ unit }}",
            "a={{ x }}; echo \"$a\" 'b' {{ x }}",
            "echo \"$(cat {{ x }})\" {{ x }}",
            "f() { echo \"${1%%.*} ${#a} $((1 + 2))\"; }\nf {{ x }}",
            "cat <<EOF\nit's $a\nEOF\necho {{ x }}",
            "cat <<-'END' | sort\n\tit's\n\tEND\necho {{ x }}",
            "# don't\necho {{ x }}",
            "echo a#'b' {{ x }}",
            "case $a in *'x') echo {{ x }};; y) echo {{ x }};; esac\necho {{ x }}",
            "echo \\' {{ x }} \\\\{{ x }}",
            "tar -C {{ x }} -czf /tmp/{{ x }}-{{ y }}.tar.gz .",
            "{% if x %}echo {{ x }}{% else %}true{% endif %} {{ y }}",
            "(cd {{ x }} && ls)\nawk '{ print $1 }' {{ x }}",
            "echo '{{ x | raw }}'",
            "echo a \\\n  b \\\n  {{ x }}",
            "echo a \\\n# it's fine\necho {{ x }}",
            "# it's\\\necho {{ x }}",
            "cat <<'EOF'\na\\\nEOF\necho {{ x }}",
            "a=$((1 + 2)); echo {{ x }} \"${a:-b}\" {{ x }}",
        ] {
            assert_eq!(verdict(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_value_is_refused_wherever_its_quotes_would_not_be_quotes() {
        for bad in [
            "echo '{{ x }}'",
            "echo \"{{ x }}\"",
            "echo \"a $(b) {{ x }}\"",
            "sh -c \"$(echo \"{{ x }}\")\"",
            "cat <<EOF\n{{ x }}\nEOF",
            "cat <<EOF <<'B'\na\nEOF\n{{ x }}\nB",
            "cat <<{{ x }}",
            "# {{ x }}",
            "true # it {{ x }}",
            "`echo {{ x }}`",
            "echo ${a:-{{ x }}}",
            "echo $(( {{ x }} ))",
            "(( a = {{ x }} ))",
            "echo \\{{ x }}",
            "echo ${{ x }}",
            "echo $'a\\'b' {{ x }}",
            "a=\"$(case b in b) echo \"c\";; esac)\" {{ x }}",
            "{% if x %}'{% else %}'{% endif %} {{ x }}",
            "echo '{% if x %}a{% endif %}'",
            "{% if x %}({% endif %} {{ x }}",
            "\\{% if x %}{% endif %}{{ x }}",
            "a{% if x %}{% endif %}# '\n{{ x }}'",
            "{% if x %}cat <<EOF {% endif %}\nit's\nEOF\n{{ x }}",
            "cat <<EOF{{ x }}\nEOF\n{{ x }}",
            "cat <<EOF \"a\nb\"\nEOF\n\"{{ x }}",
            "echo a \\\n# it's fine\necho 'a {{ x }}'",
            "# see foo\\\n# it's x\necho '{{ x }}'",
            "echo \"${x:-it's}\"; echo '}\" {{ x }}'",
            "((true # it's\n) ); echo ') {{ x }}'",
            "((true # say \"\n) ); echo '\") {{ x }}'",
            "cat <<EOF\nfoo\\\nEOF\n{{ x }}\nEOF\n",
            "cat <<'E F'\n{{ x }}\nE F\n",
            "$\\\n{{ x }}",
        ] {
            assert!(verdict(bad).is_err(), "{bad} was accepted");
        }
    }
}
