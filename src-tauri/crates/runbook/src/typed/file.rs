//! A file's content, mode and owner.
//!
//! Three forms, with scripts of their own: content is written to a new file that takes the old one's
//! place, mode and owner alone are changed where the file is, and a file that is not to be there is
//! moved aside. In the first and the last, the old file itself stays beside it as
//! `.NAME.daytwo-STAMP-STEP.bak`, and `….note` says what the step left, for the way back to compare. A way back that
//! was taken removes both; otherwise the host does, when it forgets the attempt (`leave.sh`).
//!
//! A digest of a content with a secret in it would let everybody who reads it try secrets out. So where
//! a step's content holds one, all digests stay on the host, in the note that only its owner can read:
//! what is captured has the time of the last write instead, which decides only where there is no note
//! or backup, and then nothing is ever replaced. No script prints a digest to people, with or without a secret.

use daytwo_model::attempt::KEPT_DAYS;
use daytwo_model::{StepId, Text};

use super::words::{Preamble, argument, late, line, path};
use super::{BEGIN, Flawed, Inverse, Spelled, capture, captured_as, mark, probe};
use crate::step::FileTemplate;
use crate::template::Rendering;

const PATHS: &str = include_str!("sh/file/paths.sh");
const STATE: &str = include_str!("sh/file/state.sh");
const ATTRIBUTES: &str = include_str!("sh/file/attributes.sh");
const CONTENT: &str = include_str!("sh/file/content.sh");
const RECORDED: &str = include_str!("sh/file/recorded.sh");
const BEFORE: &str = include_str!("sh/file/before.sh");
const LEAVE: &str = include_str!("sh/file/leave.sh");
const WRITE: &str = include_str!("sh/file/write.sh");
const WRITTEN: &str = include_str!("sh/file/written.sh");
const REMOVE: &str = include_str!("sh/file/remove.sh");
const REMOVED: &str = include_str!("sh/file/removed.sh");
const NOTED: &str = include_str!("sh/file/noted.sh");
const INVERSE: &str = include_str!("sh/file/inverse.sh");
const AS_BEFORE: &str = include_str!("sh/file/as-before.sh");
const ATTRIBUTES_STATE: &str = include_str!("sh/file/attributes-state.sh");
const ATTRIBUTES_BEFORE: &str = include_str!("sh/file/attributes-before.sh");
const ATTRIBUTES_CHANGE: &str = include_str!("sh/file/attributes-change.sh");
const ATTRIBUTES_VERIFY: &str = include_str!("sh/file/attributes-verify.sh");
const ATTRIBUTES_WANTED_BEFORE: &str = include_str!("sh/file/attributes-wanted-before.sh");
const ATTRIBUTES_INVERSE: &str = include_str!("sh/file/attributes-inverse.sh");

/// The mode of a new file of which nobody says one: what the host's umask leaves of it.
const FRESH: &str = "=rw";
/// The same for one that holds a secret.
const FRESH_SECRET: &str = "600";

pub(super) fn spell(step: &StepId, it: &FileTemplate, rendering: &Rendering<'_>) -> Result<Spelled, Flawed> {
    let of = path("path", &it.path, rendering)?;
    let line_of = Some(it.path.place().line);
    if !it.present {
        if it.content.is_some() || it.mode.is_some() || it.owner.is_some() {
            return Err((line_of, "a file that is not to be there has no content, mode or owner".to_owned()));
        }
        return remove(step, it, &of, rendering);
    }
    let owner = it.owner.as_ref().map(|owner| argument("owner", owner, rendering)).transpose()?;
    let attributes = Attributes { mode: it.mode.as_deref().map(plain_mode).unwrap_or_default(), owner };
    match &it.content {
        Some(content) => {
            let content = content.render(rendering).map_err(|message| (Some(content.place().line), message))?;
            write(step, it, &of, &content, &attributes, rendering)
        }
        None if it.mode.is_none() && it.owner.is_none() => Err((
            line_of,
            "the file is to have neither content nor mode nor owner, so there is nothing to do".to_owned(),
        )),
        None => change_attributes(step, it, &of, &attributes),
    }
}

struct Attributes {
    /// As `stat` writes it; empty where nobody asks for one.
    mode: String,
    owner: Option<Text>,
}

impl Attributes {
    fn put(&self, preamble: Preamble) -> Preamble {
        let nobody = Text::plain("");
        preamble.known("mode", &self.mode).text("owner", self.owner.as_ref().unwrap_or(&nobody))
    }

    /// ` (mode 644, owner root)`
    fn meaning(&self) -> Text {
        let mode = (!self.mode.is_empty()).then(|| Text::plain(format!("mode {}", self.mode)));
        let owner = self.owner.as_ref().map(|owner| line(&[&Text::plain("owner "), owner]));
        match (mode, owner) {
            (None, None) => Text::plain(""),
            (Some(one), None) | (None, Some(one)) => line(&[&Text::plain(" ("), &one, &Text::plain(")")]),
            (Some(mode), Some(owner)) => {
                line(&[&Text::plain(" ("), &mode, &Text::plain(", "), &owner, &Text::plain(")")])
            }
        }
    }
}

fn write(
    step: &StepId,
    it: &FileTemplate,
    of: &Text,
    content: &Text,
    attributes: &Attributes,
    rendering: &Rendering<'_>,
) -> Result<Spelled, Flawed> {
    let marked = Preamble::default().text("path", of).text("mark", &mark(step, rendering)?);
    let was = captured_as(step)?;
    let secret = !content.secrets().is_empty();
    let fresh = if secret { FRESH_SECRET } else { FRESH };
    let compared = marked.clone().known("secret", if secret { "yes" } else { "" });
    let wanted = attributes.put(Preamble::default().text("path", of)).text("content", content);
    let writing = attributes.put(marked.clone()).known("fresh", fresh).text("content", content);
    let verify = wanted.script(&[BEGIN, PATHS, ATTRIBUTES, CONTENT, WRITTEN]);
    Ok(Spelled {
        before: compared.script(&[BEGIN, PATHS, STATE, RECORDED, BEFORE]),
        captures: capture(&was),
        change: writing.script(&[BEGIN, PATHS, STATE, ATTRIBUTES, CONTENT, LEAVE, WRITE]),
        meaning: line(&[&Text::plain("write "), of, &attributes.meaning()]),
        verify: probe(verify, &it.run_as),
        inverse: Some(restore(&was, of, &compared, it)),
    })
}

fn remove(step: &StepId, it: &FileTemplate, of: &Text, rendering: &Rendering<'_>) -> Result<Spelled, Flawed> {
    let at = Preamble::default().text("path", of);
    let marked = at.clone().text("mark", &mark(step, rendering)?);
    let compared = marked.clone().known("secret", "");
    let was = captured_as(step)?;
    Ok(Spelled {
        before: compared.script(&[BEGIN, PATHS, STATE, RECORDED, BEFORE]),
        captures: capture(&was),
        change: marked.script(&[BEGIN, PATHS, STATE, LEAVE, REMOVE]),
        meaning: line(&[&Text::plain("remove "), of]),
        verify: probe(at.script(&[BEGIN, PATHS, REMOVED]), &it.run_as),
        inverse: Some(restore(&was, of, &compared, it)),
    })
}

/// The way back to what the backup holds, or to no file.
fn restore(was: &daytwo_model::CaptureName, of: &Text, compared: &Preamble, it: &FileTemplate) -> Inverse {
    let knowing = compared.clone().captured("was", was);
    Inverse {
        script: knowing
            .clone()
            .known("days", &KEPT_DAYS.to_string())
            .script(&[BEGIN, PATHS, STATE, RECORDED, NOTED, INVERSE]),
        meaning: line(&[&Text::plain("put "), of, &Text::plain(" back as it was: "), &late(was)]),
        verify: probe(knowing.script(&[BEGIN, PATHS, STATE, RECORDED, NOTED, AS_BEFORE]), &it.run_as),
    }
}

fn change_attributes(step: &StepId, it: &FileTemplate, of: &Text, attributes: &Attributes) -> Result<Spelled, Flawed> {
    let at = Preamble::default().text("path", of);
    let wanted = attributes.put(at.clone());
    let was = captured_as(step)?;
    let knowing = wanted.clone().captured("was", &was);
    let begin = [BEGIN, PATHS, ATTRIBUTES_STATE];
    let with = |preamble: &Preamble, rest: &[&str]| preamble.script(&[begin.as_slice(), rest].concat());
    let as_before = with(&knowing, &[ATTRIBUTES, ATTRIBUTES_WANTED_BEFORE, ATTRIBUTES_VERIFY]);
    Ok(Spelled {
        before: with(&at, &[ATTRIBUTES_BEFORE]),
        captures: capture(&was),
        change: with(&wanted, &[ATTRIBUTES, ATTRIBUTES_CHANGE]),
        meaning: line(&[&Text::plain("change "), of, &attributes.meaning()]),
        verify: probe(with(&wanted, &[ATTRIBUTES, ATTRIBUTES_VERIFY]), &it.run_as),
        inverse: Some(Inverse {
            script: with(&knowing, &[ATTRIBUTES, ATTRIBUTES_WANTED_BEFORE, ATTRIBUTES_INVERSE]),
            meaning: line(&[&Text::plain("give "), of, &Text::plain(" mode and owner as before: "), &late(&was)]),
            verify: probe(as_before, &it.run_as),
        }),
    })
}

/// An octal mode as `stat` writes it: without zeros in front.
fn plain_mode(mode: &str) -> String {
    let digits = mode.trim_start_matches('0');
    if digits.is_empty() { "0".to_owned() } else { digits.to_owned() }
}
