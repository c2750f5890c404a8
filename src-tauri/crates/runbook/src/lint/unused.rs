//! Rules about names that nothing uses: a leftover, or a typing mistake somewhere else.

use std::collections::BTreeSet;

use daytwo_model::plan::CaptureFrom;

use super::{Report, Subject};
use crate::runbook::Runbook;
use crate::step::Step;
use crate::template::JsonTemplate;

/// Every name that a runbook uses, dotted, with each of its beginnings: `secrets.a.b` uses `secrets.a`.
fn used(runbook: &Runbook) -> BTreeSet<String> {
    let of_steps = runbook.all_steps().flat_map(Step::templates);
    let of_vars = runbook.vars.values().flat_map(JsonTemplate::templates);
    let of_health = runbook.health.iter().flat_map(|health| health.probe.templates());
    let in_templates =
        of_steps.chain(of_vars).chain(of_health).flat_map(|template| template.names().iter().map(String::as_str));
    let in_conditions = runbook.all_steps().filter_map(|step| step.when.as_ref()).flat_map(|when| when.names());
    let mut used = BTreeSet::new();
    for name in in_templates.chain(in_conditions) {
        for (dot, _) in name.match_indices('.') {
            used.extend(name.get(..dot).map(str::to_owned));
        }
        used.insert(name.to_owned());
    }
    used
}

pub(super) fn unused_input(subject: &Subject<'_>, report: &mut Report<'_>) {
    let used = used(subject.runbook);
    for (name, place) in &subject.runbook.places.inputs {
        if !used.contains(name) {
            let hint = format!("leave it out, or use it as {{{{ {name} }}}}");
            report.warn(None, *place, format!("no step uses the input `{name}`"), hint);
        }
    }
}

pub(super) fn unused_secret(subject: &Subject<'_>, report: &mut Report<'_>) {
    let used = used(subject.runbook);
    // A bare `secrets` hands over all of them.
    let all = used.contains("secrets") && !used.iter().any(|name| name.starts_with("secrets."));
    for (name, place) in &subject.runbook.places.secrets {
        if !all && !used.contains(&format!("secrets.{name}")) {
            let hint = format!("leave it out, or use it as {{{{ secrets.{name} }}}}");
            report.warn(None, *place, format!("no step uses the secret `{name}`"), hint);
        }
    }
}

pub(super) fn unused_var(subject: &Subject<'_>, report: &mut Report<'_>) {
    let used = used(subject.runbook);
    for (name, place) in &subject.runbook.places.vars {
        if !used.contains(name) {
            let hint = format!("leave it out, or use it as {{{{ {name} }}}}");
            report.warn(None, *place, format!("nothing uses the value `{name}`"), hint);
        }
    }
}

/// A captured exit code is used by being captured: the step then takes every code for an answer.
pub(super) fn unused_capture<'r>(subject: &Subject<'r>, report: &mut Report<'r>) {
    let used = used(subject.runbook);
    for step in subject.runbook.all_steps() {
        for capture in step.captures.iter().filter(|capture| capture.from != CaptureFrom::ExitCode) {
            let name = capture.name.as_str();
            if !used.contains(&format!("captured.{name}")) {
                let hint = format!("leave it out, or use it as {{{{ captured.{name} }}}}");
                let place = subject.field(step, &["capture", name]);
                report.warn(step, place, format!("nothing uses the captured value `{name}`"), hint);
            }
        }
    }
}
