//! Rules about the commands of shell scripts.

use std::collections::BTreeSet;

use daytwo_model::plan::RunAs;

use super::flat::{Branch, Flat, flat};
use super::pieces::{pieces, shell_script};
use super::shell::{Binding, Command, Expansion, ExpansionOf, Script, Word, read};
use super::{Report, Subject};
use crate::input::InputKind;
use crate::runbook::Runbook;
use crate::step::Step;
use crate::template::Template;

/// Commands whose `name=value` arguments are assignments in the shells that people use.
const DECLARING: &[&str] = &["export", "readonly", "local", "declare", "typeset"];

/// Commands whose output is a number, or numbers that are meant to become words.
const PRINT_NUMBERS: &[&str] = &["seq", "pgrep", "pidof"];

/// A shell script of a step, read.
pub(super) struct Reading<'r> {
    pub(super) step: &'r Step,
    pub(super) template: &'r Template,
    pub(super) flat: Flat,
    pub(super) script: Script,
    /// The step's own action, not its check or way back.
    pub(super) own: bool,
}

/// Every shell script that can be followed, once for each way through its `{% if %}`.
pub(super) fn readings<'r>(runbook: &'r Runbook) -> Vec<Reading<'r>> {
    let is_number = |code: &str| {
        runbook.inputs.get(code).is_some_and(|input| {
            let number = matches!(
                input.kind,
                InputKind::Integer { .. }
                    | InputKind::Number { .. }
                    | InputKind::Boolean
                    | InputKind::Duration { .. }
                    | InputKind::Size { .. }
                    | InputKind::Percentage { .. }
            );
            // Where nothing is typed there is no number but nothing.
            number && (input.required || input.default.is_some())
        })
    };
    let mut readings = Vec::new();
    for step in runbook.all_steps() {
        for (index, piece) in pieces(step).into_iter().enumerate() {
            let Some((template, _)) = shell_script(piece.action) else { continue };
            let branches = if template.tags().any(|(_, _, expression)| !expression) {
                &[Branch::First, Branch::Last][..]
            } else {
                &[Branch::First]
            };
            for branch in branches {
                let flat = flat(template, *branch, &is_number);
                if let Some(script) = read(&flat.chars) {
                    readings.push(Reading { step, template, flat, script, own: index == 0 });
                }
            }
        }
    }
    readings
}

pub(super) fn unquoted_variable<'r>(subject: &Subject<'r>, report: &mut Report<'r>) {
    let mut said = BTreeSet::new();
    for reading in readings(subject.runbook) {
        for expansion in reading.script.commands.iter().flat_map(|command| unquoted(command, &reading.script)) {
            let place = subject.spot(reading.template, expansion.start, expansion.end);
            if !said.insert(place) {
                continue;
            }
            let text = reading.template.written();
            let text: String = text.chars().skip(expansion.start).take(expansion.end - expansion.start).collect();
            let shown = text.lines().next().unwrap_or_default();
            let message = match &expansion.of {
                ExpansionOf::Output(_) => {
                    format!("what `{shown}` prints is cut at its blanks and its wildcards are filled in")
                }
                _ => format!("`{shown}` is cut at its blanks and its wildcards are filled in"),
            };
            report.warn(reading.step, place, message, format!("put it into double quotes: \"{shown}\""));
        }
    }
}

/// The expansions of a command that a shell cuts into words and that may hold something to cut.
fn unquoted<'s>(command: &'s Command, script: &'s Script) -> Vec<&'s Expansion> {
    let declares = command.name().is_some_and(|name| DECLARING.contains(&name));
    // A variable as the command itself is cut on purpose: `$run_as systemctl …`.
    command
        .words
        .iter()
        .enumerate()
        .filter(|(index, word)| *index > 0 || word.expansions.len() > 1)
        .filter(|_| !declares)
        .flat_map(|(_, word)| &word.expansions)
        .filter(|expansion| !expansion.quoted && may_split(&expansion.of, script))
        .collect()
}

fn may_split(of: &ExpansionOf, script: &Script) -> bool {
    match of {
        ExpansionOf::Harmless => false,
        ExpansionOf::Output(name) => !name.as_deref().is_some_and(|name| PRINT_NUMBERS.contains(&name)),
        ExpansionOf::Variable(name) => {
            let mut given = script.bindings.iter().filter(|binding| binding.name == *name).peekable();
            given.peek().is_none() || given.any(|binding: &Binding| binding.value.as_ref().is_none_or(Word::may_split))
        }
    }
}

pub(super) fn needless_sudo<'r>(subject: &Subject<'r>, report: &mut Report<'r>) {
    let mut said = BTreeSet::new();
    for reading in readings(subject.runbook).into_iter().filter(|reading| reading.own) {
        let step = reading.step;
        let root = step.action.run_as() == Some(&RunAs::Root);
        let commands = &reading.script.commands;
        let looks = commands.iter().any(is_open_read);
        let nothing_else = commands.iter().all(|command| is_open_read(command) || is_harmless(command));
        if root && looks && nothing_else && said.insert(step.id.clone()) {
            let place = subject.field(step, &["sudo"]);
            let message = format!("step `{}` is done as root, and any login may do what it does", step.id);
            report.warn(step, place, message, "leave out `sudo`");
        }
    }
}

/// Whether a command only says something or ends the script.
fn is_harmless(command: &Command) -> bool {
    let writes = command.redirects.iter().any(|redirect| redirect.writes());
    let name = command.name();
    let alone = command.words.is_empty() && !command.assignments.is_empty();
    !writes && (alone || matches!(name, Some("echo" | "printf" | "true" | "false" | ":" | "exit" | "set")))
}

/// Whether a command certainly reads what everybody may read.
fn is_open_read(command: &Command) -> bool {
    const OPEN_FILES: &[&str] = &[
        "/etc/debian_version",
        "/etc/hostname",
        "/etc/hosts",
        "/etc/issue",
        "/etc/os-release",
        "/proc/cpuinfo",
        "/proc/loadavg",
        "/proc/meminfo",
        "/proc/mounts",
        "/proc/uptime",
        "/proc/version",
    ];
    const OPEN_VERBS: &[&str] =
        &["is-active", "is-enabled", "is-failed", "list-timers", "list-unit-files", "list-units", "show", "status"];
    if command.redirects.iter().any(|redirect| redirect.writes()) || !command.assignments.is_empty() {
        return false;
    }
    let arguments: Vec<Option<&str>> = command.words.iter().skip(1).map(|word| word.literal.as_deref()).collect();
    let options_only = arguments.iter().all(|argument| argument.is_some_and(|argument| argument.starts_with('-')));
    match command.name() {
        Some("uptime" | "uname" | "nproc" | "free") => options_only,
        // With a name, or a file of names, it sets the name.
        Some("hostname") => {
            arguments.iter().all(|argument| matches!(argument, Some("-f" | "-s" | "-i" | "-I" | "-d" | "--fqdn")))
        }
        Some("df") => arguments
            .iter()
            .all(|argument| argument.is_some_and(|argument| argument.starts_with('-') || argument == "/")),
        Some("cat") => {
            !arguments.is_empty()
                && arguments.iter().all(|argument| argument.is_some_and(|argument| OPEN_FILES.contains(&argument)))
        }
        Some("systemctl") => {
            let verb = arguments.iter().find(|argument| !argument.is_some_and(|argument| argument.starts_with('-')));
            matches!(verb, Some(Some(verb)) if OPEN_VERBS.contains(verb))
        }
        _ => false,
    }
}
