//! One step of a plan as it is shown.

use daytwo_model::plan::{
    CaptureFrom, CheckAnswer, Effect, FailurePolicy, Intent, On, PerHost, Phase, Plan, PlannedStep, Retry, WayBack,
};
use daytwo_model::{Answer, HostName};

use super::action::{action_text, meaning, probe_text};
use super::{duration, names};
use crate::view::words::names as some_names;
use crate::wire::plan::{AskedGroup, PlanStepView, RenderedGroup};

/// Hosts that are named in a note; the rest is counted.
const NAMES_MAX: usize = 5;

pub(super) fn view(plan: &Plan, step: &PlannedStep) -> PlanStepView {
    let (way_back, inverse) = match &step.way_back {
        WayBack::NotNeeded => ("not needed", Vec::new()),
        WayBack::None => ("no way back", Vec::new()),
        WayBack::Inverse { action, .. } => ("this inverse", groups(plan, action, action_text, meaning)),
    };
    PlanStepView {
        id: step.id.to_string(),
        title: step.title.clone(),
        phase: phase(step.phase).to_owned(),
        changes: step.effect == Effect::Change,
        timeout: duration(step.timeout_ms),
        notes: notes(plan, step),
        not_on: not_on(plan, step),
        actions: groups(plan, &step.action, action_text, meaning),
        check: step.check.as_ref().map(|check| groups(plan, check, probe_text, |_| None)).unwrap_or_default(),
        asked: step.asked.as_ref().map(|asked| answers(plan, asked)).unwrap_or_default(),
        verify: step
            .verify
            .as_ref()
            .map(|verify| groups(plan, &verify.probe, probe_text, |_| None))
            .unwrap_or_default(),
        way_back: way_back.to_owned(),
        inverse,
    }
}

/// A phase's word for the window.
pub(in crate::view) const fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Main => "main",
        Phase::OnFailure => "on_failure",
        Phase::Always => "always",
    }
}

/// Hosts without it, where that is because of its `when`; a step that is done once is elsewhere on purpose, and of
/// one in a plan that is made of an earlier run a note says why.
fn not_on(plan: &Plan, step: &PlannedStep) -> Vec<HostName> {
    if step.on != On::Host || plan.intent != Intent::Forward { Vec::new() } else { without(plan, step) }
}

/// Hosts on which nothing is done for a step, nor was before.
fn without(plan: &Plan, step: &PlannedStep) -> Vec<HostName> {
    let idle = |host: &u32| step.action.get(*host).is_none() && step.done_before.binary_search(host).is_err();
    let hosts = (0_u32..).zip(&plan.hosts).filter(|(host, _)| idle(host));
    hosts.map(|(_, host)| host.name.clone()).collect()
}

/// What an earlier run means for a step: where it is behind a host, and where there is nothing to do.
fn of_the_earlier_run(plan: &Plan, step: &PlannedStep) -> Vec<String> {
    let mut notes = Vec::new();
    if !step.done_before.is_empty() {
        let hosts = some_names(&names(plan, &step.done_before), NAMES_MAX);
        notes.push(format!("{}, on {hosts}", done_before(plan)));
    }
    let nothing = match plan.intent {
        Intent::Forward => return notes,
        Intent::Undo { .. } => "there is nothing that it takes back",
        Intent::Resume { .. } | Intent::Late { .. } => "it is not due there, as it was not then",
    };
    let without = if step.on == On::Host { without(plan, step) } else { Vec::new() };
    if !without.is_empty() {
        notes.push(format!("not on {}: {nothing}", some_names(&without, NAMES_MAX)));
    }
    notes
}

/// `done before, in run …`: what is behind a host in a plan that is made of an earlier run.
pub(in crate::view) fn done_before(plan: &Plan) -> String {
    match &plan.intent {
        Intent::Forward => "done before".to_owned(),
        Intent::Undo { after, .. } => match after.as_slice() {
            [one] => format!("undone before, in run {one}"),
            _ => "undone before, in an earlier undo".to_owned(),
        },
        Intent::Resume { of, .. } | Intent::Late { of } => format!("done before, in run {of}"),
    }
}

/// What becomes of a host on which the step fails, where that is not that it ends there.
fn policy(step: &PlannedStep) -> Option<String> {
    Some(match step.on_failure {
        FailurePolicy::Stop => return None,
        FailurePolicy::Continue => "if it fails, the host goes on with the next step, and counts as failed".to_owned(),
        FailurePolicy::Undo => "if it fails, what was done on the host is taken back".to_owned(),
        FailurePolicy::Ask { within_ms, otherwise } => {
            let otherwise = match otherwise {
                Answer::Retry => "it is made again once",
                Answer::Skip => "it is left as it is, and the host goes on",
                Answer::Exclude => "the host is left out of the rest",
                Answer::Undo => "what was done on the host is taken back",
                Answer::Stop => "the run stops",
                Answer::Continue => "the host goes on, and counts as failed",
            };
            format!("if it fails, a person decides; without an answer within {}, {otherwise}", duration(within_ms))
        }
    })
}

fn notes(plan: &Plan, step: &PlannedStep) -> Vec<String> {
    let mut notes = of_the_earlier_run(plan, step);
    match step.on {
        On::Host => {}
        On::One => notes.push("done once, on the first host; the others wait for it".to_owned()),
        On::Console => notes.push("done once, on this machine".to_owned()),
    }
    if let Some(when) = &step.when {
        let late = if step.condition.is_some() { " (decided on the way)" } else { "" };
        notes.push(format!("when {when}{late}"));
    }
    if !step.needs.is_empty() {
        let needed = step.needs.iter().filter_map(|step| plan.steps.get(*step as usize)).map(|step| step.id.as_str());
        notes.push(format!("needs {}", needed.collect::<Vec<_>>().join(", ")));
    }
    if let Some(retry) = &step.retry {
        notes.push(retries(retry));
    }
    // Neither an undo nor the end of a host asks about failures.
    if step.phase == Phase::Main && !matches!(plan.intent, Intent::Undo { .. }) {
        notes.extend(policy(step));
    }
    if let Some(verify) = step.verify.as_ref().filter(|verify| verify.samples > 1) {
        notes.push(format!("verified by {} samples, of which {} must hold", verify.samples, verify.at_least));
    }
    for capture in &step.captures {
        let from = match &capture.from {
            CaptureFrom::Stdout => "its output".to_owned(),
            CaptureFrom::Json(pointer) => format!("{pointer} of its output"),
            CaptureFrom::Regex(pattern) => format!("what {pattern} finds in its output"),
            CaptureFrom::ExitCode => "its exit code, whatever that is".to_owned(),
            CaptureFrom::Header(name) => format!("the header {name} of the answer"),
            CaptureFrom::Member(pointer) => format!("{pointer} of the answer, or that it is not there"),
        };
        notes.push(format!("keeps {from} as {}", capture.name));
    }
    if let Some(ms) = step.dead_man_ms {
        notes.push(format!("the host takes it back alone unless all is well within {}", duration(ms)));
    }
    notes
}

fn retries(retry: &Retry) -> String {
    let codes: Vec<String> = retry.exit_codes.iter().map(ToString::to_string).collect();
    let after = if codes.is_empty() { "a failure".to_owned() } else { format!("exit {}", codes.join(", ")) };
    let pause = duration(retry.delay_ms);
    let growing = if retry.backoff_percent > 100 { ", and longer each time" } else { "" };
    format!("tried up to {} times after {after}, {pause} apart{growing}", retry.attempts_max)
}

fn groups<T>(
    plan: &Plan,
    values: &PerHost<T>,
    text: fn(&T) -> (String, String),
    meaning: fn(&T) -> Option<String>,
) -> Vec<RenderedGroup> {
    values
        .groups()
        .map(|(value, hosts)| {
            let (text, kind) = text(value);
            RenderedGroup { hosts: names(plan, &hosts), text, kind, meaning: meaning(value) }
        })
        .collect()
}

fn answers(plan: &Plan, asked: &PerHost<CheckAnswer>) -> Vec<AskedGroup> {
    let mut groups: Vec<AskedGroup> = Vec::new();
    for (answer, hosts) in asked.groups() {
        let verdict = match answer.needed {
            Some(true) => "needed",
            Some(false) => "not needed",
            None => "no answer",
        };
        // Each host answered at a moment of its own; the oldest is told.
        match groups.iter_mut().find(|group| group.verdict == verdict && group.said == answer.said) {
            Some(group) => {
                group.hosts.extend(names(plan, &hosts));
                group.at = group.at.min(answer.at);
            }
            None => groups.push(AskedGroup {
                hosts: names(plan, &hosts),
                verdict: verdict.to_owned(),
                said: answer.said.clone(),
                at: answer.at,
            }),
        }
    }
    groups
}
