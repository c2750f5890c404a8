//! Scripts for other interpreters, spelled out for the host's shell: the text goes to a private file,
//! the interpreter reads it there, and it is gone when the interpreter ends.
//!
//! A value that is known only later is quoted twice, once for the shell that writes the file and
//! once for the shell that reads it. The second quoting is done by the script itself.

use daytwo_model::Text;
use daytwo_model::quote::{Quote, shell};
use daytwo_model::text::{Late, Part};

use super::render::{Flawed, at};
use crate::step::{ScriptSource, ScriptTemplate};
use crate::template::{RENDERED_BYTES_MAX, Rendering};

/// Makes the file, and removes it however the script ends.
const BEFORE: &str = r#"daytwo_script=$(umask 077 && mktemp "${TMPDIR:-/tmp}/daytwo.XXXXXXXXXX") || exit 1
trap 'rm -f "$daytwo_script"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
"#;

/// Writes its argument as one word of a shell. The `x` keeps line ends at its end, which `$( )` takes away.
const QUOTED: &str = r#"daytwo_quoted() {
  daytwo_word=$(printf '%sx' "$1" | sed "s/'/'\\\\''/g")
  printf "'%s'" "${daytwo_word%x}"
}
"#;

/// The script that the host's shell gets. `beside` reads a file beside the runbook.
pub(super) fn spell(
    script: &ScriptTemplate,
    rendering: &Rendering<'_>,
    beside: impl Fn(&str) -> Result<String, String>,
) -> Result<Text, Flawed> {
    let text = match &script.source {
        ScriptSource::Shell(text) => at(text, text.render(rendering))?,
        ScriptSource::Text { text, .. } => Text::plain(text.clone()),
        ScriptSource::File { path, place } => {
            let read = inside(path).and_then(|()| beside(path)).and_then(sendable);
            Text::plain(read.map_err(|why| (Some(place.line), why))?)
        }
    };
    let mut args = Vec::with_capacity(script.args.len());
    for arg in &script.args {
        args.push(at(arg, arg.render(rendering).and_then(|text| word(&text)))?);
    }
    // The host's shell is an `sh` already.
    if script.interpreter == "sh" && args.is_empty() {
        return Ok(text);
    }
    let mut parts = vec![Part::Plain(BEFORE.to_owned())];
    write_file(&text, &mut parts);
    parts.push(Part::Plain(format!("{} \"$daytwo_script\"", shell(&script.interpreter))));
    for arg in args {
        parts.push(Part::Plain(" ".to_owned()));
        parts.extend(arg);
    }
    parts.push(Part::Plain("\n".to_owned()));
    Ok(Text::new(parts))
}

/// Whether a path stays in the runbook's folder, whatever stands there.
fn inside(path: &str) -> Result<(), String> {
    let stays = !path.is_empty()
        && !path.starts_with('/')
        && !path.contains(['\\', ':'])
        && !path.contains(char::is_control)
        && path.split('/').all(|part| !part.is_empty() && part != "..");
    if stays { Ok(()) } else { Err(format!("{path:?} is not a path inside the runbook's folder")) }
}

fn sendable(text: String) -> Result<String, String> {
    if text.len() > RENDERED_BYTES_MAX {
        return Err(format!(
            "the file is longer than {RENDERED_BYTES_MAX} bytes; bring it with `put` and run it there"
        ));
    }
    if text.contains('\0') {
        return Err("the file holds a NUL character, so it is not a script".to_owned());
    }
    Ok(text)
}

/// An argument as one word of the shell.
fn word(text: &Text) -> Result<Vec<Part>, String> {
    // The list of processes shows every argument to every user of the host.
    if !text.secrets().is_empty() {
        return Err("a secret cannot be an argument: every user of the host would see it".to_owned());
    }
    if text.parts().is_empty() {
        return Ok(vec![Part::Plain(shell(""))]);
    }
    Ok(text.parts().iter().map(quoted).collect())
}

/// A part as (a piece of) one word of the shell.
fn quoted(part: &Part) -> Part {
    match part {
        Part::Plain(text) => Part::Plain(shell(text)),
        Part::Late { value, .. } => Part::Late { value: value.clone(), quote: Quote::Shell },
    }
}

fn write_file(text: &Text, parts: &mut Vec<Part>) {
    let mut plain = |text: String| parts.push(Part::Plain(text));
    match text.parts() {
        [Part::Plain(text)] if text.ends_with('\n') => {
            let end = delimiter(text);
            plain(format!("cat >\"$daytwo_script\" <<'{end}'\n{text}{end}\n"));
        }
        [Part::Plain(text)] => plain(format!("printf '%s' {} >\"$daytwo_script\"\n", shell(text))),
        pieces => {
            plain(format!("{QUOTED}{{\n"));
            for piece in pieces {
                // What the inner shell must read as one word is made one word for it.
                let as_word =
                    matches!(piece, Part::Late { quote: Quote::Shell, value: Late::Secret(_) | Late::Capture(_) });
                let write = if as_word { "daytwo_quoted" } else { "printf '%s'" };
                parts.extend([Part::Plain(format!("{write} ")), quoted(piece), Part::Plain("\n".to_owned())]);
            }
            parts.push(Part::Plain("} >\"$daytwo_script\"\n".to_owned()));
        }
    }
}

/// A here-document's end that is no line of the text.
fn delimiter(text: &str) -> String {
    let mut end = "END_OF_SCRIPT".to_owned();
    while text.lines().any(|line| line == end) {
        end.push('_');
    }
    end
}
