//! What only the world can say about an input is asked when a plan is made.

use daytwo_model::plan::{Action, InputValue};
use daytwo_runbook::PlanRequest;
use serde_json::json;

use crate::kit::{Around, fleet, planned, refused, request, runbook};

const BOOK: &str = "inputs:\n  peer: { type: host, default: web-fra-1 }\n  peers: { type: list, of: { type: host }, required: false }\n  conf: { type: file, default: a.conf }\n  tag: { type: choice, choices: { run: 'git tag' }, default: v1 }\nsteps:\n  - { id: a, run: 'x {{ peer }} {{ tag }} {% for p in peers %}{{ p }} {% endfor %}' }\n  - { id: b, put: { from: '{{ conf }}', to: /etc/a.conf } }\n";

fn around() -> Around {
    Around {
        files: [("a.conf".to_owned(), "content".to_owned())].into(),
        choices: [("tag".to_owned(), Ok(vec!["v1".to_owned(), "v2".to_owned()]))].into(),
        ..Around::default()
    }
}

#[test]
fn hosts_files_and_choices_are_there_or_the_input_is_refused() {
    let (fleet, around, book) = (fleet(), around(), runbook(BOOK));
    let with = |inputs| PlanRequest { surroundings: &around, ..request(&fleet, "role=web", inputs) };
    let sealed = planned(&book, &with(&[("tag", "v2"), ("peers", "web-ams-1, web-ams-2")]));
    assert_eq!(sealed.plan().inputs["peers"], InputValue::Value(json!(["web-ams-1", "web-ams-2"])));
    let Some(Action::Put { content, .. }) = sealed.plan().steps[1].action.get(0) else { panic!("not a put") };
    assert_eq!(content.bytes, 7);
    for (inputs, expected) in [
        (&[("peer", "web-fra-3")][..], "input peer: the fleet has no host `web-fra-3` (did you mean `web-fra-1`?)"),
        (&[("peers", "web-ams-1\nmail-1")], "input peers: the fleet has no host `mail-1`"),
        (&[("conf", "b.conf")], "input conf: there is no file b.conf"),
        (&[("tag", "v3")], "input tag: `v3` is not one of the choices (did you mean `v1`?)"),
    ] {
        let errors = refused(&book, &with(inputs));
        assert_eq!(errors.to_string(), expected);
    }
}

#[test]
fn choices_that_could_not_be_read_are_an_error_that_says_why() {
    let fleet = fleet();
    let around = Around { choices: [("tag".to_owned(), Err("git: not found".to_owned()))].into(), ..around() };
    let request = PlanRequest { surroundings: &around, ..request(&fleet, "role=web", &[]) };
    let errors = refused(&runbook(BOOK), &request);
    assert_eq!(errors.to_string(), "input tag: its choices could not be read: git: not found");
}
