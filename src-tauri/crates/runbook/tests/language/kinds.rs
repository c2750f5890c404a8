//! What each kind of step becomes in a plan.

use daytwo_model::plan::{Action, Effect, Otherwise, WayBack};

use crate::kit::{fleet, ids, planned, refused, request, runbook};

#[test]
fn waits_questions_and_fetches_are_planned_as_they_are_written() {
    let fleet = fleet();
    let book = runbook(
        "inputs: { settle: { type: duration, default: 1m30s } }\nsteps:\n  - { id: a, wait: { for: '{{ settle }}' } }\n  - { id: b, wait: 500ms }\n  - { id: c, wait: { until: { run: up, expect: { stdout: ready } }, within: 5m } }\n  - { id: d, ask: { question: 'Go on with {{ host.labels.role }}?', within: 30m, otherwise: stop } }\n  - { id: e, fetch: { from: '/var/log/{{ host.name }}.log', to: logs, max: 1MiB } }\n",
    );
    let sealed = planned(&book, &request(&fleet, "role=web", &[]));
    let actions: Vec<&Action> = sealed.plan().steps.iter().map(|step| step.action.get(0).unwrap()).collect();
    assert_eq!((actions[0], actions[1]), (&Action::Wait { ms: 90_000 }, &Action::Wait { ms: 500 }));
    let until = sealed.plan().steps[2].verify.as_ref().unwrap();
    assert_eq!((actions[2], until.within_ms), (&Action::Wait { ms: 0 }, 300_000));
    assert!(
        matches!(actions[3], Action::Ask { question, otherwise: Otherwise::Stop, within_ms: 1_800_000 } if question.preview() == "Go on with web?")
    );
    assert!(
        matches!(actions[4], Action::Fetch { from, bytes_max: 1_048_576, .. } if from.preview() == "/var/log/web-ams-1.log")
    );
    assert!(sealed.plan().steps.iter().all(|step| step.effect == Effect::Read));
    let lengths: Vec<u64> = sealed.plan().steps.iter().map(|step| step.timeout_ms).collect();
    assert_eq!(lengths[..4], [90_000, 500, 300_000, 1_800_000], "what takes its own time says how long that is");
}

#[test]
fn a_typed_step_reads_before_it_changes_and_knows_its_way_back() {
    let fleet = fleet();
    let book = runbook(
        "inputs: { l: { type: list, of: { type: string }, default: [a, b] } }\nsteps:\n  - { id: sw, for_each: '{{ l }}', sudo: true, link: { path: '/srv/{{ item }}/current', to: releases/7 } }\n  - { id: svc, service: { unit: nginx.service, state: restarted }, undo: none, needs: [sw] }\n",
    );
    let sealed = planned(&book, &request(&fleet, "role=web", &[]));
    let plan = sealed.plan();
    assert_eq!(ids(plan), ["sw.1.before", "sw.1", "sw.2.before", "sw.2", "svc.before", "svc"]);
    let effects: Vec<Effect> = plan.steps.iter().map(|step| step.effect).collect();
    assert_eq!(effects[..2], [Effect::Read, Effect::Change]);
    assert_eq!(plan.steps[5].needs, [1, 3, 4]);
    let names: std::collections::BTreeSet<_> =
        plan.steps.iter().flat_map(|step| &step.captures).map(|capture| &capture.name).collect();
    let captures: usize = plan.steps.iter().map(|step| step.captures.len()).sum();
    assert_eq!(names.len(), captures, "two typed steps never share a capture");
    assert!(matches!(plan.steps[1].way_back, WayBack::Inverse { .. }));
    assert!(matches!(plan.steps[5].way_back, WayBack::None));
    assert!(plan.steps[3].verify.is_some());
    assert!(matches!(plan.steps[1].action.get(0), Some(Action::Run { meaning: Some(_), .. })));
    assert_eq!(plan.steps[1].action.variants().len(), 1);
}

#[test]
fn a_message_is_not_available_yet() {
    let fleet = fleet();
    let book = runbook("steps:\n  - { id: a, notify: { to: ops, text: done } }\n");
    assert_eq!(refused(&book, &request(&fleet, "role=web", &[])).to_string(), "step a: `notify` is not available yet");
}
