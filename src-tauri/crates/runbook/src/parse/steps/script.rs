//! Scripts for other interpreters, from files, with arguments.

use daytwo_model::plan::RunAs;
use daytwo_model::quote::Quote;

use super::super::fields::{Fields, items, parsed, scalar, template};
use super::super::shape::{Shape, Takes, may};
use crate::diagnostic::Found;
use crate::step::{ScriptSource, ScriptTemplate};
use crate::yaml::Node;

/// The most arguments of a script.
const ARGUMENTS_MAX: usize = 50;
/// The interpreters whose quoting is known, so that their text may hold values.
const SHELLS: &[&str] = &["sh", "bash", "dash", "ksh"];

pub(crate) static SCRIPT: Shape = Shape::new(
    "script",
    "`script`",
    "A script for an interpreter. A POSIX shell's text may hold values; other texts get them as arguments.",
    &[
        may("text", Takes::Script, "The script."),
        may("file", Takes::Text, "A file beside the runbook that holds the script, sent byte for byte."),
        may(
            "interpreter",
            Takes::Name("/?[A-Za-z0-9_][A-Za-z0-9_./+-]*"),
            "The interpreter's name or absolute path on the host; `sh` where it is absent.",
        ),
        may("args", Takes::List { of: &Takes::Template, min: 0, max: ARGUMENTS_MAX }, "Its arguments."),
    ],
)
.exactly_one(&["text", "file"]);

/// Reads `script`.
pub(super) fn read(node: &Node, run_as: RunAs, found: &mut Found<'_>) -> Option<ScriptTemplate> {
    let fields = Fields::of(node, &SCRIPT, found)?;
    let interpreter = match fields.get("interpreter") {
        Some(node) => parsed(node, "the interpreter", found, interpreter),
        None => Some("sh".to_owned()),
    };
    let args = fields.get("args").map(|node| arguments(node, found)).unwrap_or_default();
    let (word, node) = fields.the_one(found)?;
    let interpreter = interpreter?;
    let source = if word == "file" {
        let path = parsed(node, "the file", found, beside)?;
        ScriptSource::File { path, place: node.place }
    } else if is_shell(&interpreter) {
        ScriptSource::Shell(template(node, "the script", Quote::Shell, found)?)
    } else {
        let text = &scalar(node, "the script", found)?.text;
        if text.contains("{{") {
            let place = found.locate_name(node.place, "{{");
            found.error_with(
                "template",
                place,
                format!("how a value is quoted inside a script for {interpreter} is not known, so it takes none"),
                "hand values over with `args: [\"{{ name }}\"]`; a script that needs these braces itself goes into a file",
            );
            return None;
        }
        ScriptSource::Text { text: text.clone(), place: node.place }
    };
    Some(ScriptTemplate { source, interpreter, args, run_as })
}

fn is_shell(interpreter: &str) -> bool {
    let name = interpreter.rsplit('/').next().unwrap_or(interpreter);
    SHELLS.contains(&name)
}

fn arguments(node: &Node, found: &mut Found<'_>) -> Vec<crate::template::Template> {
    let nodes = items(node, "`args`", found).unwrap_or_default();
    if let Some(node) = nodes.get(ARGUMENTS_MAX) {
        found.error("limit", node.place, format!("a script has at most {ARGUMENTS_MAX} arguments"));
    }
    nodes.iter().take(ARGUMENTS_MAX).filter_map(|node| template(node, "an argument", Quote::None, found)).collect()
}

/// The narrow alphabet keeps options and shell syntax out of the line that starts it.
fn interpreter(text: &str) -> Result<String, String> {
    let known = |c: char| c.is_ascii_alphanumeric() || "._+/-".contains(c);
    let name = text.strip_prefix('/').unwrap_or(text);
    let relative = name == text && text.contains('/');
    if name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && name.chars().all(known) && !relative {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is neither the name nor the absolute path of a program; options go into the script"))
    }
}

/// A path that stays in the runbook's folder.
fn beside(text: &str) -> Result<String, String> {
    if text.contains("{{") {
        return Err("the file is a part of the runbook, so its name takes no values".to_owned());
    }
    let inside = text.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    if inside && !text.contains('\\') {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` does not stand beside the runbook; write a path such as tools/collect.py"))
    }
}
