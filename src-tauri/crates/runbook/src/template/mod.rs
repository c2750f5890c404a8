//! Templates: text with `{{ … }}` and `{% … %}`, for one of the languages that values are put into.
//!
//! A template is checked once, when the runbook is parsed, and rendered for each host when a plan is
//! made. Every value is quoted by the language around it; `| raw` is the one way out. Values that a
//! plan must not or cannot hold (secrets, captured values) stay parts of the rendered [`Text`].

mod engine;
mod json;
mod segment;
mod shell;

use std::collections::BTreeSet;

use daytwo_model::Text;
use daytwo_model::quote::{Quote, json_string_inner};

pub use engine::RENDERED_BYTES_MAX;
pub(crate) use engine::{Engines, Rendering, as_late, late};
pub(crate) use json::JsonTemplate;
pub(crate) use segment::Flaw;
pub(crate) use segment::words;
use segment::{Piece, Segment, is_raw};

use crate::diagnostic::Place;

/// A template for one language, checked.
#[derive(Debug, Clone)]
pub struct Template {
    /// As the engine reads it.
    source: String,
    quote: Quote,
    segments: Vec<Segment>,
    place: Place,
    names: BTreeSet<String>,
    /// Present where it holds nothing but text and plain names.
    pieces: Option<Vec<Piece>>,
}

impl Template {
    /// Checks `text` for the language of `quote`. The flaw's offset counts in `text`.
    pub(crate) fn new(text: &str, quote: Quote, place: Place) -> Result<Self, Flaw> {
        let segments = segment::cut(text)?;
        if quote == Quote::Shell {
            shell::check(&segments)?;
        }
        let source = segments.iter().map(|segment| spelled(segment, quote)).collect();
        Self::checked(source, quote, segments, place)
    }

    fn checked(source: String, quote: Quote, segments: Vec<Segment>, place: Place) -> Result<Self, Flaw> {
        let names = engine::names(&source, quote)?;
        let pieces = segment::plain_pieces(&segments, |text| literal(text, quote));
        Ok(Self { source, quote, segments, place, names, pieces })
    }

    /// A template that is one expression and keeps its value's type; none when `text` is anything else.
    fn whole(text: &str, place: Place) -> Result<Option<Self>, Flaw> {
        let segments = segment::cut(text.trim())?;
        match segments.as_slice() {
            [Segment::Expression { .. }] => {
                let source = text.trim().to_owned();
                Self::checked(source, Quote::Json, segments, place).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Cuts a URL into the expression that it begins with, if it begins with one, and the rest.
    ///
    /// A value at the very beginning is an address and taken as it is; everything after it is one
    /// URL component per expression.
    pub(crate) fn url(text: &str, place: Place) -> Result<UrlTemplate, Flaw> {
        let text = text.trim();
        let segments = segment::cut(text)?;
        let Some(Segment::Expression { code, .. }) = segments.first() else {
            if !is_web_address(text) {
                return Err(Flaw::with(
                    0,
                    "a URL begins with http:// or https://, or with a value that does",
                    "for example {{ host.vars.api_url }}/health",
                ));
            }
            return Ok(UrlTemplate { base: None, rest: Self::new(text, Quote::Url, place)? });
        };
        let length = code.len() + 4;
        let (base, rest) = text.split_at_checked(length).unwrap_or((text, ""));
        let base = Self::new(base, Quote::None, place)?;
        let rest = Self::new(rest, Quote::Url, place).map_err(|flaw| Flaw { offset: flaw.offset + length, ..flaw })?;
        Ok(UrlTemplate { base: Some(base), rest })
    }

    /// A template's text as one component of a URL: what it says is percent-encoded, its tags stay what they are.
    pub(crate) fn in_url(text: &str) -> Result<String, Flaw> {
        let encoded = segment::cut(text)?.into_iter().map(|segment| match segment {
            Segment::Literal(text) => daytwo_model::quote::url(&text),
            tag => spelled(&tag, Quote::Url),
        });
        Ok(encoded.collect())
    }

    /// The text as it was written.
    pub(crate) fn written(&self) -> String {
        self.segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(text) => text.clone(),
                Segment::Expression { code, .. } => format!("{{{{{code}}}}}"),
                Segment::Block { code, .. } => format!("{{%{code}%}}"),
            })
            .collect()
    }

    /// Where its text stands in the runbook.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// The names that it uses, dotted: `unit`, `host.labels.site`, `captured.old_pid`.
    #[must_use]
    pub const fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// The first expression that takes the way out of quoting.
    pub(crate) fn first_raw(&self) -> Option<usize> {
        self.segments.iter().find_map(|segment| match segment {
            Segment::Expression { code, offset } if is_raw(code) => Some(*offset),
            _ => None,
        })
    }

    /// Every tag with what it says: offset, code, and whether it is an expression.
    pub(crate) fn tags(&self) -> impl Iterator<Item = (usize, &str, bool)> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Expression { code, offset } => Some((*offset, code.as_str(), true)),
            Segment::Block { code, offset, .. } => Some((*offset, code.as_str(), false)),
        })
    }

    /// Its text with these values in it.
    pub(crate) fn render(&self, rendering: &Rendering<'_>) -> Result<Text, String> {
        match &self.pieces {
            Some(pieces) => rendering.render_plain(pieces, self.quote),
            None => rendering.render(&self.source, self.quote),
        }
    }

    /// The name that it consists of, if it is `{{ name }}` and nothing else.
    pub(crate) fn only_name(&self) -> Option<&str> {
        match self.pieces.as_deref() {
            Some([Piece::Name(name)]) => Some(name),
            _ => None,
        }
    }
}

/// A URL: what it begins with is taken as it is, the rest is quoted.
#[derive(Debug, Clone)]
pub(crate) struct UrlTemplate {
    base: Option<Template>,
    rest: Template,
}

impl UrlTemplate {
    /// The URL as it was written.
    pub(crate) fn written(&self) -> String {
        self.templates().map(Template::written).collect()
    }

    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        self.base.iter().chain(std::iter::once(&self.rest))
    }

    pub(crate) fn render(&self, rendering: &Rendering<'_>) -> Result<Text, String> {
        let rest = self.rest.render(rendering)?;
        let Some(base) = &self.base else { return Ok(rest) };
        let base = base.render(rendering)?;
        let [daytwo_model::text::Part::Plain(address)] = base.parts() else {
            return Err("a URL cannot begin with a value that is known only when it is sent".to_owned());
        };
        let address = address.trim();
        if !is_web_address(address) || address.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(format!("the URL begins with {address:?}, which is not an http:// or https:// address"));
        }
        // Addresses are written with and without the last slash; servers tell `//health` from `/health`.
        let slash = rest.preview().starts_with('/');
        let address = if slash { address.trim_end_matches('/') } else { address };
        let parts = std::iter::once(daytwo_model::text::Part::Plain(address.to_owned()));
        Ok(Text::new(parts.chain(rest.parts().iter().cloned())))
    }
}

fn is_web_address(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|host| !host.is_empty()))
}

/// A segment as the engine reads it in this language.
fn spelled(segment: &Segment, quote: Quote) -> String {
    match segment {
        Segment::Literal(text) => literal(text, quote),
        Segment::Expression { code, .. } => format!("{{{{{code}}}}}"),
        Segment::Block { code, .. } => format!("{{%{code}%}}"),
    }
}

/// A literal's text in this language.
fn literal(text: &str, quote: Quote) -> String {
    if quote == Quote::JsonString { json_string_inner(text) } else { text.to_owned() }
}
