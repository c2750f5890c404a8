//! The one place that knows the template engine: what it may do, and how values leave it.
//!
//! The environment starts empty. There is no loader, no clock, no file and no way to build large
//! values; the filters are the list below, and work is bounded by fuel.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::sync::Arc;

use daytwo_model::quote::Quote;
use daytwo_model::text::{Late, Part};
use daytwo_model::{CaptureName, SecretName, Text};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Object;
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, filters};

use super::segment::{Flaw, Piece};

/// The longest text that a template may render to, in bytes.
pub const RENDERED_BYTES_MAX: usize = 256 * 1024;

/// Instructions that one rendering may take; a loop over a thousand items takes some ten thousand.
const FUEL: u64 = 100_000;

/// The deepest recursion of the engine; tags are short, so this is never near.
const RECURSION_MAX: usize = 64;

/// The filters of the language. None of them builds a value much larger than its input.
pub(super) const FILTERS: &[&str] =
    &["default", "first", "int", "last", "length", "lower", "raw", "split", "trim", "upper"];

/// The tests of the language: `is defined`, `is none`.
pub(super) const TESTS: &[&str] = &["defined", "none"];

/// Opens and closes a late value in rendered text. It is refused in runbooks, inputs and host values.
const MARK: char = '\0';

/// A value that is known only when the text is sent.
#[derive(Debug)]
struct LateValue {
    late: Late,
    raw: bool,
}

impl Object for LateValue {
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only reached when something other than the formatter wants its text. A lone mark is then
        // found in what comes out, and refused.
        write!(f, "{MARK}")
    }
}

/// A value that leaves as it is.
#[derive(Debug)]
struct RawValue(String);

impl Object for RawValue {
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A late value for a template's context.
pub(crate) fn late(late: Late) -> Value {
    Value::from_object(LateValue { late, raw: false })
}

/// The names that a template uses, after checking that the engine can read it.
pub(super) fn names(source: &str, quote: Quote) -> Result<BTreeSet<String>, Flaw> {
    let environment = environment(quote);
    match environment.template_from_str(source) {
        Ok(template) => Ok(template.undeclared_variables(true).into_iter().collect()),
        Err(error) => {
            let offset = error
                .line()
                .map_or(0, |line| source.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum());
            Err(Flaw::new(offset, explain(&error)))
        }
    }
}

/// Renders templates with one set of values.
pub(crate) struct Rendering<'e> {
    engines: &'e Engines,
    values: Value,
}

/// One environment per language; made once per plan. Each keeps what it has compiled, so that a
/// template is read once for all hosts.
pub(crate) struct Engines(Vec<(Quote, RefCell<Environment<'static>>)>);

impl Engines {
    pub(crate) fn new() -> Self {
        let languages = [Quote::Shell, Quote::Json, Quote::JsonString, Quote::Url, Quote::None];
        Self(languages.into_iter().map(|quote| (quote, RefCell::new(environment(quote)))).collect())
    }

    pub(crate) const fn with(&self, values: Value) -> Rendering<'_> {
        Rendering { engines: self, values }
    }
}

impl Rendering<'_> {
    /// The value of a dotted name; undefined where any part of it is.
    pub(crate) fn value(&self, path: &str) -> Value {
        path.split('.').fold(self.values.clone(), |value, name| value.get_attr(name).unwrap_or_default())
    }

    /// Renders what holds nothing but text and plain names, which is nearly every template. The
    /// values leave by the same rules as through the engine.
    pub(super) fn render_plain(&self, pieces: &[Piece], quote: Quote) -> Result<Text, String> {
        let mut parts = Vec::with_capacity(pieces.len());
        let mut bytes: usize = 0;
        for piece in pieces {
            let part = match piece {
                Piece::Literal(text) => Part::Plain(text.clone()),
                Piece::Name(path) => match leaving(&self.value(path), quote).map_err(|error| explain(&error))? {
                    Leaving::Text(text) => Part::Plain(text),
                    Leaving::Late(value, raw) => Part::Late { value, quote: if raw { Quote::None } else { quote } },
                },
            };
            if let Part::Plain(text) = &part {
                bytes = bytes.saturating_add(text.len());
            }
            if bytes > RENDERED_BYTES_MAX {
                return Err(too_long());
            }
            parts.push(part);
        }
        Ok(Text::new(parts))
    }

    pub(super) fn render(&self, source: &str, quote: Quote) -> Result<Text, String> {
        let (_, environment) = self
            .engines
            .0
            .iter()
            .find(|(language, _)| *language == quote)
            .ok_or_else(|| "the template's language is not known".to_owned())?;
        // Its source is its name: what is equal is compiled once.
        if environment.borrow().get_template(source).is_err() {
            let compiled = environment.borrow_mut().add_template_owned(source.to_owned(), source.to_owned());
            compiled.map_err(|error| explain(&error))?;
        }
        let environment = environment.borrow();
        let template = environment.get_template(source).map_err(|error| explain(&error))?;
        let mut out = Bounded(Vec::new());
        match template.render_captured_to(self.values.clone(), &mut out) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WriteFailure && out.0.len() >= RENDERED_BYTES_MAX => {
                return Err(too_long());
            }
            Err(error) => return Err(explain(&error)),
        }
        let text = String::from_utf8(out.0).map_err(|_| "the rendered text is not UTF-8".to_owned())?;
        split(&text, quote)
    }
}

fn too_long() -> String {
    format!("the rendered text is longer than {RENDERED_BYTES_MAX} bytes")
}

/// Takes the marks of late values out of rendered text.
fn split(text: &str, quote: Quote) -> Result<Text, String> {
    let mut parts = Vec::new();
    for (index, piece) in text.split(MARK).enumerate() {
        if index % 2 == 0 {
            parts.push(Part::Plain(piece.to_owned()));
            continue;
        }
        let confused = || "a value that is known only later was used in a way that needs it now".to_owned();
        let (kind, name) = piece.split_once(':').ok_or_else(confused)?;
        let (value, raw) = match kind {
            "secret" | "secret raw" => (SecretName::new(name).map(Late::Secret), kind.ends_with("raw")),
            "captured" | "captured raw" => (CaptureName::new(name).map(Late::Capture), kind.ends_with("raw")),
            _ => return Err(confused()),
        };
        let quote = if raw { Quote::None } else { quote };
        parts.push(Part::Late { value: value.map_err(|_| confused())?, quote });
    }
    Ok(Text::new(parts))
}

fn environment(quote: Quote) -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION_MAX);
    environment.set_formatter(move |out, _: &mut State<'_, '_>, value| write_value(out, value, quote));
    environment.add_filter("default", filters::default);
    environment.add_filter("first", filters::first);
    environment.add_filter("int", filters::int);
    environment.add_filter("last", filters::last);
    environment.add_filter("length", filters::length);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("raw", raw);
    environment.add_filter("split", filters::split);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("upper", filters::upper);
    environment.add_test("defined", minijinja::tests::is_defined);
    environment.add_test("none", minijinja::tests::is_none);
    // Shell scripts hold `${#name}`. YAML has comments of its own, so the template's can never begin.
    let syntax = SyntaxConfig::builder().comment_delimiters("\0#", "#\0").keep_trailing_newline(true).build();
    if let Ok(syntax) = syntax {
        environment.set_syntax(syntax);
    }
    environment
}

fn raw(value: &Value) -> Result<Value, Error> {
    if let Some(LateValue { late, .. }) = value.downcast_object_ref::<LateValue>() {
        return Ok(Value::from_object(LateValue { late: late.clone(), raw: true }));
    }
    if value.is_undefined() {
        return Err(Error::new(ErrorKind::UndefinedError, "the value is not defined"));
    }
    Ok(Value::from_object(RawValue(plain(value)?)))
}

fn plain(value: &Value) -> Result<String, Error> {
    json_of(value).map(|value| daytwo_model::quote::plain(&value))
}

fn json_of(value: &Value) -> Result<serde_json::Value, Error> {
    serde_json::to_value(value)
        .map_err(|_| Error::new(ErrorKind::BadSerialization, "the value cannot be put into text"))
}

/// A value on its way out.
enum Leaving {
    Text(String),
    /// Known only when the text is sent; and whether it then stands as it is.
    Late(Late, bool),
}

/// What a value is in the language around it. The only way in which one leaves a template.
fn leaving(value: &Value, quote: Quote) -> Result<Leaving, Error> {
    if value.is_undefined() {
        return Err(Error::new(ErrorKind::UndefinedError, "the value is not defined"));
    }
    let text = if let Some(LateValue { late, raw }) = value.downcast_object_ref::<LateValue>() {
        return Ok(Leaving::Late(late.clone(), *raw));
    } else if let Some(RawValue(text)) = value.downcast_object_ref::<RawValue>() {
        text.clone()
    } else {
        let value = json_of(value)?;
        if daytwo_model::quote::plain(&value).contains(MARK) {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                "the value holds a NUL character, or is known only later",
            ));
        }
        quote.apply(&value)
    };
    if text.contains(MARK) {
        return Err(Error::new(ErrorKind::InvalidOperation, "the value holds a NUL character"));
    }
    Ok(Leaving::Text(text))
}

fn write_value(out: &mut Output<'_>, value: &Value, quote: Quote) -> Result<(), Error> {
    let text = match leaving(value, quote)? {
        Leaving::Text(text) => text,
        Leaving::Late(late, raw) => {
            let raw = if raw { " raw" } else { "" };
            match late {
                Late::Secret(name) => format!("{MARK}secret{raw}:{name}{MARK}"),
                Late::Capture(name) => format!("{MARK}captured{raw}:{name}{MARK}"),
            }
        }
    };
    Ok(out.write_str(&text)?)
}

/// The late value that this is, if it is one.
pub(crate) fn as_late(value: &Value) -> Option<&Late> {
    value.downcast_object_ref::<LateValue>().map(|LateValue { late, .. }| late)
}

/// The engine's message without its own idea of file and line, which are not the runbook's.
fn explain(error: &Error) -> String {
    let detail = error.detail().unwrap_or_default();
    match error.kind() {
        ErrorKind::OutOfFuel => "the template takes too long: a loop is too large".to_owned(),
        ErrorKind::UndefinedError if detail.is_empty() => "a value is not defined".to_owned(),
        kind if detail.is_empty() => kind.to_string(),
        _ => detail.to_owned(),
    }
}

/// Stops a rendering that grows too long.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > RENDERED_BYTES_MAX {
            self.0.resize(RENDERED_BYTES_MAX, b' ');
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
