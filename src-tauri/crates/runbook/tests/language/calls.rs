//! Called runbooks: their steps in place, with a scope, names and needs of their own.

use daytwo_model::plan::{Action, CaptureFrom, Condition, Phase};
use daytwo_runbook::PlanRequest;

use crate::kit::{Around, fleet, ids, planned, refused, request, runbook, shown};

const INNER: &str = "inputs: { unit: { type: string }, list: { type: list, of: { type: string }, default: [] }, wait: { type: duration, default: 1s } }\nsteps:\n  - { id: look, effect: read, run: 'state {{ unit }}', capture: { state: stdout } }\n  - { id: act, run: 'act {{ unit }} {{ captured.state }} {{ wait }}', needs: [look], undo: { run: 'back {{ captured.state }}' } }\n";

fn with<'a>(request: PlanRequest<'a>, around: &'a Around) -> PlanRequest<'a> {
    PlanRequest { surroundings: around, ..request }
}

#[test]
fn a_called_runbook_stands_in_its_place_with_names_of_its_own() {
    let fleet = fleet();
    let around = Around::with_runbooks(&[("inner", INNER)]);
    let book = runbook(
        "inputs: { s: { type: duration, default: 90s } }\nsteps:\n  - { id: first, effect: read, run: id, capture: { state: stdout } }\n  - { id: one, call: { runbook: inner, inputs: { unit: 'web-{{ host.labels.site }}', wait: '{{ s }}' } } }\n  - { id: two, needs: [one], call: { runbook: inner, inputs: { unit: b } } }\n  - { id: last, run: 'use {{ captured.state }}' }\n",
    );
    let sealed = planned(&book, &with(request(&fleet, "role=web", &[]), &around));
    let plan = sealed.plan();
    assert_eq!(ids(plan), ["first", "one/look", "one/act", "two/look", "two/act", "last"]);
    assert_eq!(shown(plan, "one/act", "web-fra-1").as_deref(), Some("act web-fra ‹captured one_state› 90"));
    assert_eq!(shown(plan, "two/act", "web-fra-1").as_deref(), Some("act b ‹captured two_state› 1"));
    assert_eq!(shown(plan, "last", "web-ams-1").as_deref(), Some("use ‹captured state›"));
    let captured: Vec<&str> =
        plan.steps.iter().flat_map(|step| &step.captures).map(|capture| capture.name.as_str()).collect();
    assert_eq!(captured, ["state", "one_state", "two_state"]);
    assert!(plan.steps[1].captures.iter().all(|capture| capture.from == CaptureFrom::Stdout));
    let needs: Vec<&[u32]> = plan.steps.iter().map(|step| step.needs.as_slice()).collect();
    assert_eq!(needs, [&[][..], &[], &[1], &[1, 2], &[1, 2, 3], &[]]);
    let called: Vec<&str> = plan.called.iter().map(|called| called.name.as_str()).collect();
    assert_eq!(called, ["inner"]);
}

#[test]
fn the_condition_of_a_call_is_the_condition_of_each_of_its_steps() {
    let fleet = fleet();
    let around = Around::with_runbooks(&[(
        "inner",
        "steps:\n  - { id: a, effect: read, run: a, capture: { x: stdout } }\n  - { id: b, run: b, when: captured.x == 'go' }\nalways: [{ id: c, run: c }]\n",
    )]);
    let book = runbook(
        "steps:\n  - { id: ask, effect: read, run: id, capture: { x: stdout } }\n  - { id: sub, when: host.labels.site == 'ams' and captured.x == 'yes', call: { runbook: inner } }\nalways: [{ id: z, run: z }]\n",
    );
    let sealed = planned(&book, &with(request(&fleet, "role=web", &[]), &around));
    let plan = sealed.plan();
    assert_eq!(ids(plan), ["ask", "sub/a", "sub/b", "sub/c", "z"]);
    assert_eq!(shown(plan, "sub/b", "web-fra-1"), None);
    assert_eq!(shown(plan, "sub/c", "web-fra-1"), None);
    let step = &plan.steps[2];
    assert_eq!(
        step.when.as_deref(),
        Some("(host.labels.site == 'ams' and captured.x == 'yes') and (captured.x == 'go')")
    );
    let Some(Condition::All(parts)) = step.condition.as_ref().and_then(|condition| condition.get(0)) else {
        panic!("{step:?}")
    };
    let said = format!("{parts:?}");
    assert!(said.contains("CaptureName(\"x\")") && said.contains("CaptureName(\"sub_x\")"), "{said}");
    // What is called cleans up only where it was begun, and before its caller does.
    assert_eq!((plan.steps[3].phase, plan.steps[3].needs.as_slice()), (Phase::Always, &[1][..]));
}

#[test]
fn secrets_stay_secrets_and_lists_stay_lists_when_they_are_handed_over() {
    let fleet = fleet();
    let around = Around::with_runbooks(&[
        (
            "inner",
            "inputs: { key: { type: secret }, names: { type: list, of: { type: string } } }\nsteps:\n  - { id: a, run: 'login {{ key }}' }\n  - { id: b, for_each: '{{ names }}', run: 'add {{ item }}' }\n",
        ),
        ("plain", "inputs: { key: { type: string } }\nsteps: [{ id: a, run: 'echo {{ key }}' }]\n"),
    ]);
    let head = "inputs: { k: { type: secret, default: api-key }, l: { type: list, of: { type: string }, default: ['a,b', 'c d'] } }\n";
    let book = runbook(&format!(
        "{head}steps: [{{ id: m, call: {{ runbook: inner, inputs: {{ key: '{{{{ k }}}}', names: '{{{{ l }}}}' }} }} }}]\n"
    ));
    let sealed = planned(&book, &with(request(&fleet, "role=web", &[]), &around));
    assert_eq!(shown(sealed.plan(), "m/a", "web-ams-1").as_deref(), Some("login ‹secret api-key›"));
    assert_eq!(shown(sealed.plan(), "m/b.1", "web-ams-1").as_deref(), Some("add a,b"));
    assert_eq!(shown(sealed.plan(), "m/b.2", "web-ams-1").as_deref(), Some("add 'c d'"));
    let leaks =
        runbook(&format!("{head}steps: [{{ id: m, call: {{ runbook: plain, inputs: {{ key: '{{{{ k }}}}' }} }} }}]\n"));
    let errors = refused(&leaks, &with(request(&fleet, "role=web", &[]), &around));
    assert!(errors.to_string().contains("input key: this is a secret"), "{errors}");
}

#[test]
fn calls_that_cannot_be_made_are_refused_with_the_reason() {
    let fleet = fleet();
    let call = |name: &str| format!("steps: [{{ id: m, call: {{ runbook: {name} }} }}]\n");
    let mut books = vec![
        ("a".to_owned(), call("b")),
        ("b".to_owned(), call("a")),
        ("narrow".to_owned(), "targets: role=database\nsteps: [{ id: x, run: x }]\n".to_owned()),
        (
            "needs".to_owned(),
            "inputs: { n: { type: integer, max: 3 } }\nsteps: [{ id: x, run: 'x {{ n }}' }]\n".to_owned(),
        ),
    ];
    books.extend((1..10).map(|level| (format!("deep-{level}"), call(&format!("deep-{}", level + 1)))));
    books.push(("deep-10".to_owned(), "steps: [{ id: x, run: x }]\n".to_owned()));
    let books: Vec<(&str, &str)> = books.iter().map(|(name, rest)| (name.as_str(), rest.as_str())).collect();
    let around = Around::with_runbooks(&books);
    for (steps, expected) in [
        (call("a"), "the runbook calls itself: a → b → a"),
        (call("nowhere"), "there is no runbook `nowhere` to call"),
        (call("deep-1"), "calls go at most 8 deep"),
        (
            call("narrow"),
            "the runbook narrow is for `role=database`, and web-ams-1 is not known to be one of them, nor are 3 hosts more",
        ),
        (call("needs"), "input n: a value is needed here"),
        (
            "steps: [{ id: m, call: { runbook: needs, inputs: { n: '7' } } }]\n".to_owned(),
            "input n: this is more than 3",
        ),
        (
            "steps: [{ id: m, call: { runbook: needs, inputs: { n: '1', m: '2' } } }]\n".to_owned(),
            "input m: the runbook needs has no such input (did you mean `n`?)",
        ),
    ] {
        let errors = refused(&runbook(&steps), &with(request(&fleet, "role=web", &[]), &around));
        assert!(errors.to_string().contains(expected), "{errors}");
    }
}

#[test]
fn a_called_runbook_sees_nothing_of_its_caller() {
    let fleet = fleet();
    let around = Around::with_runbooks(&[(
        "inner",
        "vars: { app: '/srv/{{ host.labels.role }}' }\nsecrets: { token: inner-token }\nsteps: [{ id: a, run: 'x {{ app }} {{ secrets.token }}' }]\n",
    )]);
    let book = runbook(
        "vars: { app: outer }\nsteps:\n  - { id: m, call: { runbook: inner } }\n  - { id: o, run: 'y {{ app }}' }\n",
    );
    let sealed = planned(&book, &with(request(&fleet, "role=web", &[]), &around));
    assert_eq!(shown(sealed.plan(), "m/a", "web-ams-1").as_deref(), Some("x /srv/web ‹secret inner-token›"));
    assert_eq!(shown(sealed.plan(), "o", "web-ams-1").as_deref(), Some("y outer"));
    assert!(matches!(sealed.plan().steps[0].action.variants(), [Action::Run { .. }]));
}

#[test]
fn what_is_to_clean_up_after_a_call_runs_wherever_the_call_was_begun() {
    let fleet = fleet();
    let make = |steps: &str| {
        let around =
            Around::with_runbooks(&[("inner", &format!("steps:\n{steps}always: [{{ id: tidy, run: tidy }}]\n"))]);
        let book = runbook("steps:\n  - { id: sub, call: { runbook: inner } }\n");
        daytwo_runbook::plan(&book, &with(request(&fleet, "role=web", &[]), &around))
    };
    let sealed = make("  - { id: a, file: { path: /x, content: x } }\n  - { id: b, run: b }\n").unwrap();
    assert_eq!(ids(sealed.plan()), ["sub/a.before", "sub/a", "sub/b", "sub/tidy"]);
    assert_eq!(sealed.plan().steps[3].needs, [0], "begun is begun, also where the first step failed");
    for first in ["when: host.labels.site == 'ams'", "for_each: '{{ host.labels.site | split(\"ams\") }}'"] {
        let made = make(&format!("  - {{ id: a, run: a, {first} }}\n  - {{ id: b, run: b }}\n"));
        match (made, first.contains("when")) {
            (Err(errors), true) => assert!(errors.to_string().contains("may be left out"), "{errors}"),
            (Ok(_), false) => {}
            (other, _) => panic!("{first}: {other:?}"),
        }
    }
}

#[test]
fn a_step_of_a_call_that_is_done_once_is_not_left_out_in_silence() {
    let fleet = fleet();
    let around = Around::with_runbooks(&[(
        "inner",
        "inputs: { at: { type: string } }\nsteps:\n  - { id: drain, on: console, http: { method: POST, url: 'http://lb/{{ at }}' }, undo: none }\n",
    )]);
    let plan = |rest: &str| {
        let book = runbook(&format!("steps:\n  - {{ id: sub, call: {{ runbook: inner, inputs: {{ at: {rest} }}\n"));
        daytwo_runbook::plan(&book, &with(request(&fleet, "role=web", &[]), &around))
            .map_err(|errors| errors.to_string())
    };
    assert!(plan("x } }").is_ok());
    // The first host is one of ams.
    assert!(plan("x } }, when: host.labels.site == 'ams'").is_ok());
    assert!(plan("x } }, when: host.labels.site == 'none'").is_ok());
    let left_out = plan("x } }, when: host.labels.site == 'fra'").unwrap_err();
    assert!(left_out.contains("done once, on web-ams-1, and the call around it leaves out that host"), "{left_out}");
    // Otherwise the first host's value would stand for all.
    let differs = plan("'{{ host.labels.site }}' } }").unwrap_err();
    assert!(differs.contains("`at` differs from host to host"), "{differs}");
}

#[test]
fn a_plan_names_every_secret_that_it_and_what_it_calls_may_use() {
    let fleet = fleet();
    let inner = "secrets: { token: inner-token }\nsteps:\n  - { id: a, effect: read, run: 'cat <<EOF\n{{ secrets.token }}\nEOF' }\n";
    let around = Around::with_runbooks(&[("inner", inner)]);
    let book = runbook(
        "inputs: { key: { type: secret, default: my-key } }\nsecrets: { never: never-sent }\nsteps:\n  - { id: a, when: host.name == 'nobody', effect: read, run: 'true {{ key }}' }\n  - { id: b, call: { runbook: inner } }\n",
    );
    let sealed = planned(&book, &with(request(&fleet, "role=web", &[]), &around));
    let named: Vec<&str> = sealed.plan().secrets.iter().map(daytwo_model::SecretName::as_str).collect();
    assert_eq!(named, ["inner-token", "my-key", "never-sent"]);
}
