//! The rule about secrets in places that are recorded, or that others can read.
//!
//! A run's output, its messages and its plan are kept; a command's arguments are in the host's list of
//! processes for as long as it runs; a URL is in the logs of every server on its way.

use std::collections::BTreeSet;

use super::commands::{Reading, readings};
use super::flat::Tag;
use super::pieces::pieces;
use super::shell::{Command, Word};
use super::{Report, Subject};
use crate::diagnostic::Place;
use crate::input::InputKind;
use crate::runbook::Runbook;
use crate::step::{ActionTemplate, Step};
use crate::template::{Template, words};

/// The commands that a shell does itself: no process of theirs is ever listed.
const BUILT_IN: &[&str] = &[
    ".", ":", "[", "[[", "break", "cd", "continue", "echo", "eval", "exit", "export", "false", "local", "printf",
    "pwd", "read", "readonly", "return", "set", "shift", "test", "trap", "true", "umask", "unset",
];

const ON_STDIN: &str = "give it on standard input: printf '…%s…' {{ secret }} | command, \
                        for curl with `--config -` (printf is part of the shell, so nothing lists its arguments)";

pub(super) fn secret_in_record<'r>(subject: &Subject<'r>, report: &mut Report<'r>) {
    let names = names(subject.runbook);
    let mut said = BTreeSet::new();
    for reading in readings(subject.runbook) {
        of_script(subject, &reading, &names, &mut said, report);
    }
    for step in subject.runbook.all_steps() {
        for piece in pieces(step) {
            of_action(subject, step, piece.action, &names, report);
        }
    }
}

/// The names that stand for secrets in templates.
fn names(runbook: &Runbook) -> BTreeSet<&str> {
    let inputs = runbook.inputs.iter().filter(|(_, input)| input.kind == InputKind::Secret);
    inputs.map(|(name, _)| name.as_str()).chain(std::iter::once("secrets")).collect()
}

fn is_secret(code: &str, names: &BTreeSet<&str>) -> bool {
    words(code).iter().any(|word| names.contains(word.as_str()))
}

fn of_script<'r>(
    subject: &Subject<'r>,
    reading: &Reading<'r>,
    names: &BTreeSet<&str>,
    said: &mut BTreeSet<Place>,
    report: &mut Report<'r>,
) {
    let step = reading.step;
    // Variables that hold a secret, in the order in which they get it.
    let mut holders = BTreeSet::new();
    for binding in &reading.script.bindings {
        if binding.value.as_ref().is_some_and(|value| secret_in(value, reading, names, &holders).is_some()) {
            holders.insert(binding.name.clone());
        }
    }
    for command in &reading.script.commands {
        let first = |words: &[Word]| words.iter().find_map(|word| secret_in(word, reading, names, &holders));
        let argued = first(&command.words).zip(leak(command, step));
        let inherited =
            || exported(command, &holders).or_else(|| first(&command.assignments)).zip(environment(command));
        let Some(((start, end), (what, hint))) = argued.or_else(inherited) else { continue };
        let place = subject.spot(reading.template, start, end);
        if said.insert(place) {
            report.warn(step, place, format!("the secret is {what}"), hint);
        }
    }
}

/// Where a word's value gets to be seen, as an argument of its command.
fn leak(command: &Command, step: &Step) -> Option<(String, String)> {
    match command.name() {
        Some(name @ ("echo" | "printf")) => {
            let kept = if step.captures.is_empty() { "recorded" } else { "recorded and captured" };
            let what = format!("printed by `{name}`, and what a step prints is {kept}");
            let hint = "leave it out, or send it on into the command that needs it: printf '%s' {{ secret }} | …";
            (!command.prints_elsewhere).then(|| (what, hint.to_owned()))
        }
        Some("export") => environment(command),
        Some(name) if BUILT_IN.contains(&name) => None,
        Some(name) => {
            let what = format!("an argument of `{name}`, and everybody on the host can list those");
            Some((what, ON_STDIN.to_owned()))
        }
        None => None,
    }
}

/// Where `export NAME` names a variable that holds a secret.
fn exported(command: &Command, holders: &BTreeSet<String>) -> Option<(usize, usize)> {
    let arguments = command.words.iter().skip(1);
    let mut held = arguments.filter(|word| word.literal.as_ref().is_some_and(|name| holders.contains(name)));
    (command.name() == Some("export")).then(|| held.next()).flatten().map(|word| (word.start, word.end))
}

/// Where a value gets to be seen that stands before a command, or is exported to all of them.
fn environment(command: &Command) -> Option<(String, String)> {
    let name = command.name()?;
    let of = match name {
        "export" => "every command that follows".to_owned(),
        _ if BUILT_IN.contains(&name) => return None,
        _ => format!("`{name}`"),
    };
    Some((format!("in the environment of {of}, which lists it and hands it on to its children"), ON_STDIN.to_owned()))
}

/// Where the first secret of a word stands: one of the template's, or a variable that holds one.
fn secret_in(
    word: &Word,
    reading: &Reading<'_>,
    names: &BTreeSet<&str>,
    holders: &BTreeSet<String>,
) -> Option<(usize, usize)> {
    let tags = word.values.iter().filter_map(|index| reading.flat.tag_at(*index));
    let tag = tags.into_iter().find(|tag: &&Tag| is_secret(&tag.code, names)).map(|tag| (tag.start, tag.end));
    tag.or_else(|| {
        let held = |name: &String| holders.contains(name);
        let of = word
            .expansions
            .iter()
            .find(|expansion| matches!(&expansion.of, super::shell::ExpansionOf::Variable(name) if held(name)));
        of.map(|expansion| (expansion.start, expansion.end))
    })
}

fn of_action<'r>(
    subject: &Subject<'r>,
    step: &'r Step,
    action: &'r ActionTemplate,
    names: &BTreeSet<&str>,
    report: &mut Report<'r>,
) {
    let mut look = |template: &'r Template, what: &str, hint: &str| {
        if let Some(place) = place_of_secret(subject, template, names) {
            report.warn(step, place, format!("the secret is {what}"), hint);
        }
    };
    const NAME: &str = "part of a path or name, and those are shown and recorded";
    const LEAVE_OUT: &str = "name the thing by something that is no secret";
    match action {
        ActionTemplate::Http(_) | ActionTemplate::HttpSet(_) => {
            for template in urls(action) {
                let what = "part of a URL, and every server on the way writes those into its log";
                look(template, what, "send it in a header: Authorization: \"Bearer {{ secret }}\"");
            }
        }
        ActionTemplate::Notify(it) => look(&it.text, "part of a message, which is recorded and sent", LEAVE_OUT),
        ActionTemplate::Ask(it) => look(&it.question, "part of a question, which is recorded", LEAVE_OUT),
        ActionTemplate::File(it) => {
            if let (Some(content), Some(mode)) = (&it.content, &it.mode)
                && everybody_reads(mode)
            {
                let what = format!("written into a file that everybody on the host can read (mode {mode})");
                look(content, &what, "give it a mode such as '0600' or '0640'");
            }
        }
        ActionTemplate::Fetch(_) | ActionTemplate::Put(_) => {
            for template in action.templates() {
                look(template, NAME, LEAVE_OUT);
            }
        }
        // Scripts are read above. A secret among the words of the others is an error of the language.
        ActionTemplate::Run { .. }
        | ActionTemplate::Script(_)
        | ActionTemplate::Link(_)
        | ActionTemplate::Service(_)
        | ActionTemplate::Package(_)
        | ActionTemplate::Wait(_)
        | ActionTemplate::Call(_) => {}
    }
}

/// The templates of the URLs that an action asks.
fn urls(action: &ActionTemplate) -> Vec<&Template> {
    match action {
        ActionTemplate::Http(http) => http.url.templates().collect(),
        ActionTemplate::HttpSet(set) => set.url_templates().collect(),
        _ => Vec::new(),
    }
}

fn everybody_reads(mode: &str) -> bool {
    u32::from_str_radix(mode, 8).is_ok_and(|mode| mode & 0o004 != 0)
}

/// Where the first secret of a template stands.
fn place_of_secret(subject: &Subject<'_>, template: &Template, names: &BTreeSet<&str>) -> Option<Place> {
    let (offset, code, _) = template.tags().find(|(_, code, _)| is_secret(code, names))?;
    let text = template.written();
    let start = text.get(..offset)?.chars().count();
    Some(subject.spot(template, start, start + code.chars().count() + 4))
}
