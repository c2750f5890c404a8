//! `when`: decided at planning as far as it can be, and asked on the way for the rest.

use std::collections::BTreeMap;

use daytwo_model::CaptureName;
use serde_json::json;

use crate::kit::{fleet, ids, planned, refused, request, runbook, shown};

#[test]
fn where_a_condition_is_false_the_step_is_not_planned() {
    let fleet = fleet();
    let book = runbook(
        "inputs: { n: { type: integer, default: 2 } }\nvars: { big: '{{ host.name }}' }\nsteps:\n  - { id: a, run: a, when: host.labels.site == 'ams' }\n  - { id: b, run: b, when: n > 5 }\n  - { id: c, run: 'c {{ host.labels.rack }}', when: host.labels.rack is defined }\n  - { id: d, run: d, when: \"big in ['web-ams-2', 'x']\" }\n",
    );
    let sealed = planned(&book, &request(&fleet, "role=web", &[]));
    let plan = sealed.plan();
    assert_eq!(ids(plan), ["a", "b", "c", "d"], "a step that is not done is still shown");
    let has = |id: &str| ["web-ams-1", "web-ams-2", "web-fra-1"].map(|host| shown(plan, id, host).is_some());
    assert_eq!(has("a"), [true, true, false]);
    assert_eq!(has("b"), [false; 3]);
    assert_eq!(has("c"), [false; 3], "a label that is not there is not asked for");
    assert_eq!(has("d"), [false, true, false]);
    assert!(plan.steps.iter().all(|step| step.condition.is_none()));
    assert_eq!(plan.steps[1].when.as_deref(), Some("n > 5"));
}

#[test]
fn what_depends_on_captured_values_is_asked_on_the_way_and_known_parts_are_gone() {
    let fleet = fleet();
    let book = runbook(
        "steps:\n  - { id: look, effect: read, run: id, capture: { state: stdout } }\n  - { id: act, run: act, when: host.labels.site == 'ams' and captured.state != 'up' or host.name == 'web-fra-1' }\n",
    );
    let sealed = planned(&book, &request(&fleet, "role=web", &[]));
    let step = &sealed.plan().steps[1];
    let condition = step.condition.as_ref().unwrap();
    let holds = |host: u32, state: &str| {
        let captured = BTreeMap::from([(CaptureName::new("state").unwrap(), json!(state))]);
        condition.get(host).map(|condition| condition.holds(&captured).unwrap())
    };
    assert_eq!((holds(0, "up"), holds(0, "down")), (Some(false), Some(true)));
    assert_eq!(holds(2, "up"), None, "web-fra-1 has the step in any case");
    assert!(step.action.get(2).is_some());
    assert!(step.action.get(3).is_none(), "web-fra-2 never has it");
    assert_eq!(condition.variants().len(), 1);
    let said = serde_json::to_string(condition).unwrap();
    assert!(!said.contains("ams"), "{said}");
}

#[test]
fn a_condition_without_an_answer_is_an_error_with_its_line() {
    let fleet = fleet();
    for (when, expected) in [
        ("host.labels.rack == 'a'", "step a (line 8): web-ams-1: `host.labels.rack` is not there"),
        ("host.labels.site < 3", "is not a number, and it is compared by size"),
    ] {
        let errors = refused(
            &runbook(&format!("steps:\n  - {{ id: a, run: a, when: \"{when}\" }}\n")),
            &request(&fleet, "role=web", &[]),
        );
        assert!(errors.to_string().contains(expected), "{errors}");
    }
}

#[test]
fn what_is_done_once_is_done_on_the_first_host_of_the_first_batch() {
    let fleet = fleet();
    let book = runbook(
        "rollout: { batches: [1, 100%], spread: site }\nsteps:\n  - { id: a, run: 'a {{ host.name }}', on: one }\n  - { id: b, run: b, on: console }\n  - { id: c, run: c }\n",
    );
    let sealed = planned(&book, &request(&fleet, "role=web", &[]));
    let plan = sealed.plan();
    let first = plan.batches[0][0];
    for step in &plan.steps[..2] {
        let hosts: Vec<u32> = (0..4).filter(|host| step.action.get(*host).is_some()).collect();
        assert_eq!(hosts, [first]);
    }
    assert_eq!(plan.steps[2].action.groups().next().unwrap().1.len(), 4);
}
