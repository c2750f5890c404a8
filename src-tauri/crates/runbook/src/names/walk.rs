//! The way through a runbook: what is known at each of its points.

use std::collections::{BTreeMap, BTreeSet};

use daytwo_model::plan::On;
use daytwo_model::{CaptureName, SecretName, StepId};
use indexmap::IndexMap;

use super::{CapturedBy, Scope, root_of, say, stands_alone};
use crate::diagnostic::Found;
use crate::input::InputSpec;
use crate::step::{ActionTemplate, HealthTemplate, HttpTemplate, Step, Undo, WaitTemplate};
use crate::template::{JsonTemplate, Template, words};

/// What of a runbook has names in it, or gives them.
pub(crate) struct Sections<'r> {
    pub(crate) inputs: &'r IndexMap<String, InputSpec>,
    pub(crate) secrets: &'r IndexMap<String, SecretName>,
    pub(crate) vars: &'r IndexMap<String, JsonTemplate>,
    pub(crate) health: Option<&'r HealthTemplate>,
    pub(crate) steps: &'r [Step],
    pub(crate) on_failure: &'r [Step],
    pub(crate) always: &'r [Step],
}

/// A step that was passed on the way through its section.
struct Passed<'r> {
    /// What it captures.
    captures: Vec<&'r CaptureName>,
    /// Whether it may be skipped on a host that comes past it.
    skippable: bool,
    /// The steps that were done where it was, itself among them.
    implies: BTreeSet<&'r StepId>,
}

/// Checks every name of a runbook where it stands.
pub(crate) fn check(sections: &Sections<'_>, found: &mut Found<'_>) {
    let mut scope = Scope {
        inputs: sections.inputs,
        secrets: sections.secrets,
        vars: IndexMap::new(),
        captured: BTreeMap::new(),
        sure: BTreeSet::new(),
        item: false,
        host: true,
    };
    for (name, value) in sections.vars {
        let mut differs = false;
        for template in value.templates() {
            for name in template.names() {
                differs |= scope.differs(name);
                // That nothing in a variable is late is said where variables are read.
                if let Err(wrong) = scope.check_name(name)
                    && !matches!(root_of(name), "secrets" | "captured")
                {
                    say(wrong, found.locate_name(template.place(), name), found);
                }
            }
        }
        scope.vars.insert(name, differs);
    }
    if let Some(health) = sections.health {
        check_health(health, &scope, found);
    }
    for steps in [sections.steps, sections.on_failure, sections.always] {
        // A section is entered wherever the one before it ended, so nothing of that one is certain.
        scope.sure.clear();
        scope.captured.values_mut().for_each(|by| by.by_need = false);
        section(steps, &mut scope, found);
    }
}

fn section<'r>(steps: &'r [Step], scope: &mut Scope<'r>, found: &mut Found<'_>) {
    let mut passed: BTreeMap<&StepId, Passed<'r>> = BTreeMap::new();
    for step in steps {
        let mut implies: BTreeSet<&StepId> = BTreeSet::from([&step.id]);
        let mut skippable = step.when.is_some() || step.check.is_some();
        for need in step.needs.iter().filter_map(|need| passed.get(need)) {
            implies.extend(&need.implies);
            skippable |= need.skippable;
        }
        scope.host = step.on != On::Console;
        scope.item = step.for_each.is_some();
        let certain = scope.sure.clone();
        let needed = implies.iter().filter_map(|id| passed.get(id)).flat_map(|passed| &passed.captures);
        scope.sure.extend(needed.map(|capture| (*capture).clone()));
        check_step(step, scope, found);
        scope.sure = certain;
        // A check that holds leaves the step undone although nothing skipped those that need it.
        let captures = if step.check.is_some() { Vec::new() } else { names_of(step) };
        if !skippable {
            scope.sure.extend(captures.iter().map(|capture| (*capture).clone()));
        }
        passed.insert(&step.id, Passed { captures, skippable, implies });
    }
}

fn names_of(step: &Step) -> Vec<&CaptureName> {
    step.captures.iter().map(|capture| &capture.name).collect()
}

fn check_step(step: &Step, scope: &mut Scope<'_>, found: &mut Found<'_>) {
    if let Some(when) = &step.when {
        scope.check_when(when, found);
        let defined = scope.captured.keys().filter(|name| when.needs_defined(&format!("captured.{name}")));
        let defined: Vec<CaptureName> = defined.cloned().collect();
        scope.sure.extend(defined);
    }
    if let Some(list) = &step.for_each {
        let item = std::mem::replace(&mut scope.item, false);
        list.templates().into_iter().for_each(|template| scope.check_known(template, "`for_each`", found));
        scope.item = item;
    }
    check_action(&step.action, scope, found);
    let check = step.check.iter().flat_map(|check| check.templates());
    check.for_each(|template| scope.check(template, found));
    // What the step captures is there for its proof and its way back.
    for capture in &step.captures {
        let by = CapturedBy { step: step.id.clone(), by_need: step.check.is_none() };
        if scope.captured.insert(capture.name.clone(), by).is_some() {
            let place = found.locate_name(step.place, capture.name.as_str());
            let message = format!("`{}` is captured a second time", capture.name);
            found.error_with("duplicate-capture", place, message, "a captured name stands for one value");
        }
        scope.sure.insert(capture.name.clone());
    }
    let verify = step.verify.iter().flat_map(|verify| verify.probe.templates());
    verify.for_each(|template| scope.check(template, found));
    if let Undo::Inverse(inverse) = &step.undo {
        check_action(&inverse.action, scope, found);
        let verify = inverse.verify.iter().flat_map(|verify| verify.probe.templates());
        verify.for_each(|template| scope.check(template, found));
        if step.dead_man_ms.is_some() {
            check_armed(step, &inverse.action, scope, found);
        }
    }
}

/// What is asked of the service as a whole knows no host and nothing that a step captured. A secret may stand
/// in a header; in a script of this machine, or in a URL, it would be there for others to see.
fn check_health(health: &HealthTemplate, scope: &Scope<'_>, found: &mut Found<'_>) {
    let action = &health.probe.action;
    let known: Vec<&Template> = match action {
        ActionTemplate::Http(http) => http.url.templates().collect(),
        ActionTemplate::HttpSet(set) => set.url_templates().collect(),
        other => other.templates(),
    };
    for template in health.probe.templates() {
        for name in template.names().iter().filter(|name| scope.differs(name)) {
            let place = found.locate_name(template.place(), name);
            let message = format!("`{name}` is about one host, and health is asked once for all of them");
            found.error_with("no-host-here", place, message, "use an input");
        }
        if known.iter().any(|other| std::ptr::eq(*other, template)) {
            scope.check_known(template, "what is asked about the service's health", found);
        } else {
            scope.check(template, found);
        }
    }
}

fn check_action(action: &ActionTemplate, scope: &Scope<'_>, found: &mut Found<'_>) {
    match action {
        ActionTemplate::Put(put) => {
            check_kind(&put.from, "file", "`from`", scope, found);
            [&put.to].into_iter().chain(&put.owner).for_each(|template| scope.check(template, found));
        }
        ActionTemplate::Http(http) => check_request(http, action.templates(), scope, found),
        ActionTemplate::HttpSet(set) => check_request(&set.read, action.templates(), scope, found),
        ActionTemplate::Wait(wait) => match wait.as_ref() {
            WaitTemplate::For { duration } => check_kind(duration, "duration", "how long to wait", scope, found),
            WaitTemplate::Until { probe, .. } => {
                probe.templates().into_iter().for_each(|template| scope.check(template, found));
            }
        },
        ActionTemplate::Call(call) => {
            for (name, value) in &call.inputs {
                // A secret may be handed on by its name; whether the other runbook takes one there is asked with it.
                let secret = value.names().iter().any(|name| scope.is_secret(root_of(name)));
                if secret {
                    scope.check(value, found);
                } else {
                    scope.check_known(value, &format!("the input `{name}`"), found);
                }
            }
        }
        _ => action.templates().into_iter().for_each(|template| scope.check(template, found)),
    }
    for template in arguments(action) {
        for name in template.names().iter().filter(|name| scope.is_secret(root_of(name))) {
            let place = found.locate_name(template.place(), name);
            let message = "a secret cannot stand here: this becomes an argument of a command, which every user of the host can see";
            found.error_with(
                "secret-argument",
                place,
                message,
                "put it into the text of a script, or into the content of a file",
            );
        }
    }
}

/// The files of a request are known when it is planned; everything else may come late.
fn check_request(http: &HttpTemplate, all: Vec<&Template>, scope: &Scope<'_>, found: &mut Found<'_>) {
    let files = http.files();
    for (path, what) in &files {
        check_kind(path, "file", what, scope, found);
    }
    let is_file = |template: &Template| files.iter().any(|(path, _)| std::ptr::eq(*path, template));
    all.into_iter().filter(|template| !is_file(template)).for_each(|template| scope.check(template, found));
}

/// A value that is written in the runbook, or comes as it is from an input of one type.
fn check_kind(template: &Template, word: &str, what: &str, scope: &Scope<'_>, found: &mut Found<'_>) {
    scope.check_known(template, what, found);
    if let Some((_, code, _)) = template.tags().find(|(_, code, expression)| !(*expression && stands_alone(code))) {
        let place = found.locate_name(template.place(), code.trim());
        found.error("bad-value", place, format!("{what} takes an input of type {word} as it is"));
        return;
    }
    for name in template.names().iter().filter(|name| scope.check_name(name).is_ok()) {
        let root = root_of(name);
        let fits = root == "item" || scope.inputs.get(root).is_some_and(|input| input.kind.word() == word);
        if !fits && !scope.is_late(root) {
            let place = found.locate_name(template.place(), name);
            let message =
                format!("{what} is written here, or comes from an input of type {word}, which `{name}` is not");
            found.error("bad-value", place, message);
        }
    }
}

/// The templates that a host's process list would show.
fn arguments(action: &ActionTemplate) -> Vec<&Template> {
    match action {
        ActionTemplate::Script(it) => it.args.iter().collect(),
        ActionTemplate::File(it) => std::iter::once(&it.path).chain(&it.owner).collect(),
        ActionTemplate::Link(_) | ActionTemplate::Service(_) | ActionTemplate::Package(_) => action.templates(),
        _ => Vec::new(),
    }
}

/// An inverse that a host holds before its step begins knows nothing of what that step will capture, and no secret.
fn check_armed(step: &Step, inverse: &ActionTemplate, scope: &Scope<'_>, found: &mut Found<'_>) {
    for template in inverse.templates() {
        for name in template.tags().flat_map(|(_, code, _)| words(code)).filter(|word| scope.is_secret(word)) {
            let place = found.locate_name(template.place(), &name);
            let message = "a host that takes a step back alone would have to keep this secret on its disk";
            found.error_with(
                "dead-man",
                place,
                message,
                "leave out `dead_man`, or read the secret from a file of the host",
            );
        }
        for name in template.names() {
            let own = |capture: &&CaptureName| name.strip_prefix("captured.") == Some(capture.as_str());
            if names_of(step).iter().any(own) {
                let place = found.locate_name(template.place(), name);
                let message = format!(
                    "the host must know the way back before the step begins, and `{name}` is captured by the step itself"
                );
                found.error_with("dead-man", place, message, "capture it in a step before this one");
            }
        }
    }
}
