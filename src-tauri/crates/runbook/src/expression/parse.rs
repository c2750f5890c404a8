//! Reads the text of a `when`. The grammar, from the loosest binding to the tightest:
//!
//! ```text
//! or         := and ("or" and)*
//! and        := not ("and" not)*
//! not        := "not" not | comparison
//! comparison := value [("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not" "in") value | "is" ["not"] "defined"]
//! value      := string | number | "true" | "false" | "none" | "[" value, … "]" | name("."name)* | "(" or ")"
//! ```
//!
//! Text, nesting and lists are bounded, so that nothing that is written here can exhaust the stack or
//! the memory of whoever reads it. What a name means is not decided here.

use daytwo_model::plan::Comparison;
use serde_json::Value;

use super::token::{Token, Tokens};
use super::{Expression, Operand, Term};
use crate::diagnostic::Place;
use crate::template::Flaw;

/// The longest `when`, in bytes. What needs more than this belongs into a step that captures its answer.
const TEXT_BYTES_MAX: usize = 2048;
/// The deepest nesting of parentheses, lists and `not`.
const DEPTH_MAX: usize = 16;
/// The most items of a list.
const ITEMS_MAX: usize = 100;

/// What a value can begin with, for messages.
const VALUE: &str = "a name, a text in quotes, a number, true, false, none, a list or a parenthesis";

/// Reads `text`. The flaw's offset counts in `text`.
pub(crate) fn parse(text: &str, place: Place) -> Result<Expression, Flaw> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the condition has {} bytes, and may have {TEXT_BYTES_MAX}", text.len());
        return Err(Flaw::with(0, message, "let a step work it out and capture its answer"));
    }
    if let Some(offset) = text.find("{{") {
        let hint =
            "a condition is an expression already; leave out the braces, as in `when: host.labels.env == 'prod'`";
        return Err(Flaw::with(offset, "there are no braces in a condition", hint));
    }
    let mut parser = Parser { tokens: Tokens::of(text)?, depth: 0 };
    let root = parser.or()?;
    let (offset, token) = parser.tokens.peek();
    match token {
        Token::End => Ok(Expression { text: text.trim().to_owned(), root, place }),
        Token::Close => Err(Flaw::new(offset, "this parenthesis closes nothing")),
        token => Err(Flaw::with(
            offset,
            format!("the condition could end here, and {} follows", token.what()),
            "parts are joined by `and` or `or`, and values compared by ==, !=, <, <=, >, >= or in",
        )),
    }
}

struct Parser<'t> {
    tokens: Tokens<'t>,
    depth: usize,
}

/// What was read: a condition, or a value that something may be compared with.
enum Part {
    Term(Term),
    Value(Operand),
}

impl Part {
    fn into_term(self) -> Term {
        match self {
            Self::Term(term) => term,
            Self::Value(operand) => Term::Truthy(operand),
        }
    }
}

impl Parser<'_> {
    fn or(&mut self) -> Result<Term, Flaw> {
        self.or_part().map(Part::into_term)
    }

    fn or_part(&mut self) -> Result<Part, Flaw> {
        self.joined("or", Term::Any, Self::and_part)
    }

    fn and_part(&mut self) -> Result<Part, Flaw> {
        self.joined("and", Term::All, Self::not_part)
    }

    /// Parts with `word` between them; a lone part stays what it is.
    fn joined(
        &mut self,
        word: &str,
        join: fn(Vec<Term>) -> Term,
        next: fn(&mut Self) -> Result<Part, Flaw>,
    ) -> Result<Part, Flaw> {
        let first = next(self)?;
        if !self.tokens.takes_word(word) {
            return Ok(first);
        }
        let mut terms = vec![first.into_term(), next(self)?.into_term()];
        while self.tokens.takes_word(word) {
            terms.push(next(self)?.into_term());
        }
        Ok(Part::Term(join(terms)))
    }

    fn not_part(&mut self) -> Result<Part, Flaw> {
        let offset = self.tokens.peek().0;
        if !self.tokens.takes_word("not") {
            return self.comparison();
        }
        let inner = self.nested(offset, Self::not_part)?;
        Ok(Part::Term(Term::Not(Box::new(inner.into_term()))))
    }

    fn comparison(&mut self) -> Result<Part, Flaw> {
        let left_offset = self.tokens.peek().0;
        let left = self.value()?;
        let (offset, _) = self.tokens.peek();
        if self.tokens.takes_word("is") {
            return self.defined(left, left_offset).map(Part::Term);
        }
        let negated = self.tokens.takes_words("not", "in");
        let op =
            if negated || self.tokens.takes_word("in") { Some(Comparison::In) } else { self.tokens.takes_comparison() };
        let Some(op) = op else { return Ok(left) };
        let right_offset = self.tokens.peek().0;
        let right = self.value()?;
        if self.tokens.at_comparison() {
            let next = self.tokens.peek().0;
            return Err(Flaw::with(next, "comparisons do not chain", "write `a < b and b < c`"));
        }
        let compared = |part: Part, offset: usize| match part {
            Part::Value(operand) => Ok(operand),
            Part::Term(_) => Err(Flaw::new(offset, "values are compared with each other, and this is a condition")),
        };
        let (left, right) = (compared(left, left_offset)?, compared(right, right_offset)?);
        if op == Comparison::In && matches!(right, Operand::Literal(Value::Number(_) | Value::Bool(_) | Value::Null)) {
            return Err(Flaw::with(right_offset, "nothing can be in this", "after `in` stands a list or a text"));
        }
        let by_size =
            matches!(op, Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual);
        if by_size && [&left, &right].into_iter().any(|side| matches!(side, Operand::List(_))) {
            return Err(Flaw::new(offset, "lists have no order; they are compared with ==, != or in"));
        }
        let comparison = Term::Compare { left, op, right };
        Ok(Part::Term(if negated { Term::Not(Box::new(comparison)) } else { comparison }))
    }

    /// What follows `is`.
    fn defined(&mut self, left: Part, left_offset: usize) -> Result<Term, Flaw> {
        let negated = self.tokens.takes_word("not");
        let offset = self.tokens.peek().0;
        if self.tokens.takes_word("none") {
            let op = if negated { "!=" } else { "==" };
            return Err(Flaw::with(offset, "after `is` stands `defined`", format!("write `{op} none`")));
        }
        if !self.tokens.takes_word("defined") {
            return Err(Flaw::with(
                offset,
                format!("after `is` stands `defined` or `not defined`, not {}", self.tokens.peek().1.what()),
                "values are compared with ==",
            ));
        }
        let Part::Value(Operand::Name(name)) = left else {
            return Err(Flaw::new(left_offset, "only a name can be defined or not"));
        };
        let defined = Term::Defined(name);
        Ok(if negated { Term::Not(Box::new(defined)) } else { defined })
    }

    fn value(&mut self) -> Result<Part, Flaw> {
        let (offset, token) = self.tokens.next();
        let operand = match token {
            Token::Text(text) => Operand::Literal(Value::String(text)),
            Token::Number(number) => Operand::Literal(Value::Number(number)),
            Token::Word("true") => Operand::Literal(Value::Bool(true)),
            Token::Word("false") => Operand::Literal(Value::Bool(false)),
            Token::Word("none") => Operand::Literal(Value::Null),
            Token::Word(word @ ("and" | "or" | "not" | "in" | "is" | "defined")) => {
                return Err(Flaw::new(offset, format!("{VALUE} is expected here, not `{word}`")));
            }
            Token::Word(name) => Operand::Name(name.to_owned()),
            Token::OpenList => return self.nested(offset, |it| it.list(offset)).map(Part::Value),
            Token::Open => return self.nested(offset, |it| it.group(offset)),
            token => return Err(Flaw::new(offset, format!("{VALUE} is expected here, not {}", token.what()))),
        };
        Ok(Part::Value(operand))
    }

    fn group(&mut self, open: usize) -> Result<Part, Flaw> {
        let part = self.or_part()?;
        match self.tokens.next() {
            (_, Token::Close) => Ok(part),
            (_, Token::End) => Err(Flaw::new(open, "this parenthesis is not closed")),
            (offset, token) => Err(Flaw::new(offset, format!("`)` is expected here, not {}", token.what()))),
        }
    }

    fn list(&mut self, open: usize) -> Result<Operand, Flaw> {
        let mut items = Vec::new();
        if matches!(self.tokens.peek().1, Token::CloseList) {
            self.tokens.next();
            return Ok(Operand::List(items));
        }
        loop {
            let offset = self.tokens.peek().0;
            match self.value()? {
                Part::Value(item) => items.push(item),
                Part::Term(_) => return Err(Flaw::new(offset, "a list holds values, not conditions")),
            }
            if items.len() > ITEMS_MAX {
                return Err(Flaw::new(offset, format!("a list has at most {ITEMS_MAX} items")));
            }
            match self.tokens.next() {
                (_, Token::Comma) => {}
                (_, Token::CloseList) => return Ok(Operand::List(items)),
                (_, Token::End) => return Err(Flaw::new(open, "this list is not closed")),
                (offset, token) => {
                    return Err(Flaw::new(offset, format!("`,` or `]` is expected here, not {}", token.what())));
                }
            }
        }
    }

    fn nested<T>(&mut self, offset: usize, inner: impl FnOnce(&mut Self) -> Result<T, Flaw>) -> Result<T, Flaw> {
        if self.depth >= DEPTH_MAX {
            return Err(Flaw::new(offset, format!("the condition is nested deeper than {DEPTH_MAX}")));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The term in a short form, so that precedence can be read.
    fn short(term: &Term) -> String {
        let list = |terms: &[Term], word: &str| terms.iter().map(short).collect::<Vec<_>>().join(word);
        match term {
            Term::All(terms) => format!("({})", list(terms, " & ")),
            Term::Any(terms) => format!("({})", list(terms, " | ")),
            Term::Not(inner) => format!("!{}", short(inner)),
            Term::Compare { left, op, right } => format!("{} {op:?} {}", operand(left), operand(right)),
            Term::Defined(name) => format!("{name}?"),
            Term::Truthy(value) => operand(value),
        }
    }

    fn operand(value: &Operand) -> String {
        match value {
            Operand::Literal(value) => value.to_string(),
            Operand::List(items) => format!("[{}]", items.iter().map(operand).collect::<Vec<_>>().join(",")),
            Operand::Name(name) => format!("<{name}>"),
        }
    }

    #[test]
    fn conditions_bind_as_in_the_template_language() {
        for (text, expected) in [
            ("a", "<a>"),
            (" true ", "true"),
            ("a and b or c and not d", "((<a> & <b>) | (<c> & !<d>))"),
            ("a and (b or c)", "(<a> & (<b> | <c>))"),
            ("not a == 'x'", "!<a> Equal \"x\""),
            ("(a) != \"it's\"", "<a> NotEqual \"it's\""),
            ("host.labels.env-name in ['prod', 'st\\'g']", "<host.labels.env-name> In [\"prod\",\"st'g\"]"),
            ("1.50 not in [1, -2, none, []]", "!1.5 In [1,-2,null,[]]"),
            ("captured.n >= 1e3 and captured.m<-1", "(<captured.n> GreaterOrEqual 1000.0 & <captured.m> Less -1)"),
            ("captured.x is defined", "captured.x?"),
            ("captured.x is not defined or not captured.x is defined", "(!captured.x? | !captured.x?)"),
            ("not not a", "!!<a>"),
            ("android", "<android>"),
        ] {
            let read = parse(text, Place::START).unwrap_or_else(|flaw| panic!("{text}: {flaw:?}"));
            assert_eq!(short(&read.root), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_condition_is_refused_at_its_place() {
        for (text, offset, part) in [
            ("", 0, "not the end"),
            ("a ==", 4, "not the end"),
            ("a = 'x'", 2, "`=`"),
            ("a && b", 2, "`&`"),
            ("a || b", 2, "`|`"),
            ("!a", 0, "`!`"),
            ("a b", 2, "the name `b` follows"),
            ("a == 'x", 5, "not closed"),
            ("(a or b", 0, "not closed"),
            ("[a, b", 0, "not closed"),
            ("a)", 1, "closes nothing"),
            ("a < b < c", 6, "do not chain"),
            ("a is none", 5, "defined"),
            ("a is prod", 5, "defined"),
            ("'a' is defined", 0, "only a name"),
            ("(a and b) == c", 0, "this is a condition"),
            ("a in 3", 5, "nothing can be in this"),
            ("a < [1]", 2, "no order"),
            ("0777 == a", 0, "`0777`"),
            ("a == 1.2.3", 5, "`1.2.3`"),
            ("a == 10%", 7, "`%`"),
            ("a. == 1", 0, "`a.`"),
            ("a == 'x\\y'", 7, "escape"),
            ("{{ a }}", 0, "braces"),
            ("a | lower == 'x'", 2, "`|`"),
            ("x == True", 5, "`True`"),
            ("and", 0, "not `and`"),
            ("f(x)", 1, "follows"),
            ("é", 0, "`é`"),
        ] {
            match parse(text, Place::START) {
                Ok(read) => panic!("{text} was read as {}", short(&read.root)),
                Err(flaw) => {
                    assert_eq!(flaw.offset, offset, "{text}: {}", flaw.message);
                    assert!(flaw.message.contains(part), "{text}: {}", flaw.message);
                }
            }
        }
    }

    #[test]
    fn length_and_depth_are_bounded() {
        for text in [
            "(".repeat(1000),
            "[".repeat(1000),
            "not ".repeat(500),
            format!("a in [{}]", "1,".repeat(500)),
            "a or ".repeat(1000),
        ] {
            assert!(parse(&text, Place::START).is_err());
        }
        assert!(parse(&format!("{}a{}", "(".repeat(15), ")".repeat(15)), Place::START).is_ok());
        assert!(parse("a or ".repeat(300).trim_end_matches(" or "), Place::START).is_ok());
    }
}
