//! JSON documents whose strings are templates.
//!
//! A string that is exactly one expression keeps the value's type: `"{{ limit }}"` becomes `60000`,
//! not `"60000"`. Everything else in a string stays inside that string, whatever the values hold.

use daytwo_model::Text;
use daytwo_model::quote::Quote;
use daytwo_model::text::Part;
use serde_json::Value;

use super::engine::Rendering;
use super::segment::Flaw;
use super::{Template, segment};
use crate::diagnostic::Place;

/// A JSON document whose strings are templates.
#[derive(Debug, Clone)]
pub(crate) enum JsonTemplate {
    Literal(Value),
    /// One expression; its value stands with its own type.
    Whole(Template),
    /// Text with expressions, inside one string.
    String(Template),
    Array(Vec<JsonTemplate>),
    Object(Vec<(String, JsonTemplate)>),
}

impl JsonTemplate {
    /// A string of the document.
    pub(crate) fn string(text: &str, place: Place) -> Result<Self, Flaw> {
        let segments = segment::cut(text)?;
        if segments.iter().all(|segment| matches!(segment, segment::Segment::Literal(_))) {
            return Ok(Self::Literal(Value::String(text.to_owned())));
        }
        match Template::whole(text, place)? {
            Some(whole) => Ok(Self::Whole(whole)),
            None => Template::new(text, Quote::JsonString, place).map(Self::String),
        }
    }

    pub(crate) fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Literal(_) => Vec::new(),
            Self::Whole(template) | Self::String(template) => vec![template],
            Self::Array(items) => items.iter().flat_map(Self::templates).collect(),
            Self::Object(fields) => fields.iter().flat_map(|(_, value)| value.templates()).collect(),
        }
    }

    pub(crate) fn render(&self, rendering: &Rendering<'_>) -> Result<Text, String> {
        let mut parts = Vec::new();
        self.render_into(&mut parts, rendering)?;
        Ok(Text::new(parts))
    }

    fn render_into(&self, parts: &mut Vec<Part>, rendering: &Rendering<'_>) -> Result<(), String> {
        let plain = |text: String| Part::Plain(text);
        match self {
            Self::Literal(value) => parts.push(plain(value.to_string())),
            Self::Whole(template) => parts.extend(template.render(rendering)?.parts().iter().cloned()),
            Self::String(template) => {
                parts.push(plain("\"".to_owned()));
                parts.extend(template.render(rendering)?.parts().iter().cloned());
                parts.push(plain("\"".to_owned()));
            }
            Self::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    parts.push(plain(if index == 0 { "[" } else { "," }.to_owned()));
                    item.render_into(parts, rendering)?;
                }
                parts.push(plain(if items.is_empty() { "[]" } else { "]" }.to_owned()));
            }
            Self::Object(fields) => {
                for (index, (name, value)) in fields.iter().enumerate() {
                    let open = if index == 0 { "{" } else { "," };
                    parts.push(plain(format!("{open}{}:", Value::String(name.clone()))));
                    value.render_into(parts, rendering)?;
                }
                parts.push(plain(if fields.is_empty() { "{}" } else { "}" }.to_owned()));
            }
        }
        Ok(())
    }
}
