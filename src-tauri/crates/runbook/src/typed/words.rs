//! How a step's values get into a script: each as one quoted word behind `name=`, ahead of the
//! constant text that uses them as `"$name"`.

use daytwo_model::quote::{Quote, shell};
use daytwo_model::text::{Late, Part};
use daytwo_model::{CaptureName, Text};

use super::Flawed;
use crate::template::{Rendering, Template};

/// A script's first lines: the values that its constant text uses.
#[derive(Debug, Clone, Default)]
pub(super) struct Preamble(Vec<Part>);

impl Preamble {
    /// A value that was rendered for this host.
    pub(super) fn text(mut self, name: &str, value: &Text) -> Self {
        self.0.push(Part::Plain(format!("{name}=")));
        self.0.extend(word(value));
        self.0.push(Part::Plain("\n".to_owned()));
        self
    }

    /// A value that is the same on all hosts.
    pub(super) fn known(self, name: &str, value: &str) -> Self {
        self.text(name, &Text::plain(value))
    }

    /// What the read before the change said.
    pub(super) fn captured(self, name: &str, capture: &CaptureName) -> Self {
        self.text(name, &late(capture))
    }

    /// These values and then these constant texts.
    pub(super) fn script(&self, constant: &[&str]) -> Text {
        let constant = constant.iter().map(|text| Part::Plain((*text).to_owned()));
        Text::new(self.0.iter().cloned().chain(constant))
    }
}

/// The parts of one shell word. Quoted pieces that touch are one word, so each is quoted for itself.
fn word(value: &Text) -> Vec<Part> {
    if value.parts().is_empty() {
        return vec![Part::Plain(shell(""))];
    }
    let quoted = |part: &Part| match part {
        Part::Plain(text) => Part::Plain(shell(text)),
        Part::Late { value, .. } => Part::Late { value: value.clone(), quote: Quote::Shell },
    };
    value.parts().iter().map(quoted).collect()
}

/// A captured value for people, or for [`Preamble`].
pub(super) fn late(capture: &CaptureName) -> Text {
    Text::new([Part::Late { value: Late::Capture(capture.clone()), quote: Quote::None }])
}

/// One line for people, of pieces.
pub(super) fn line(pieces: &[&Text]) -> Text {
    Text::new(pieces.iter().flat_map(|piece| piece.parts().iter().cloned()))
}

/// Renders a value that becomes an argument of a command on the host.
pub(super) fn argument(what: &str, template: &Template, rendering: &Rendering<'_>) -> Result<Text, Flawed> {
    let flawed = |message: String| (Some(template.place().line), message);
    let value = template.render(rendering).map_err(flawed)?;
    if !value.secrets().is_empty() {
        return Err(flawed(format!("`{what}` holds a secret, and every user of the host could read it there")));
    }
    if value.parts().is_empty() {
        return Err(flawed(format!("`{what}` is empty")));
    }
    let controls = |part: &Part| matches!(part, Part::Plain(text) if text.contains(char::is_control));
    if value.parts().iter().any(controls) {
        return Err(flawed(format!("`{what}` holds a line end or another control character")));
    }
    Ok(value)
}

/// Renders a path on the host: absolute, and of something in a directory.
pub(super) fn path(what: &str, template: &Template, rendering: &Rendering<'_>) -> Result<Text, Flawed> {
    let value = argument(what, template, rendering)?;
    let begins = matches!(value.parts().first(), Some(Part::Plain(text)) if !text.starts_with('/'));
    let ends = matches!(value.parts().last(), Some(Part::Plain(text)) if text.ends_with('/'));
    if begins || ends {
        let message = format!("`{what}` is {:?}, which is not the absolute path of one file", value.preview());
        return Err((Some(template.place().line), message));
    }
    Ok(value)
}

/// An optional yes or no, as the scripts read it; empty where nobody says.
pub(super) const fn yes_no(value: Option<bool>) -> &'static str {
    match value {
        None => "",
        Some(true) => "yes",
        Some(false) => "no",
    }
}
