//! What changed between a plan that somebody saw and what would be planned now; and that nothing did.

use daytwo_model::{Endpoint, Host, Plan, Selector};
use daytwo_runbook::{PlanRequest, Runbook, differences};

use crate::kit::{Around, fleet, planned, request, runbook};

const BOOK: &str = "steps:\n  - { id: a, run: 'a {{ host.labels.site }} {{ run.at }}' }\n  - { id: b, put: { from: conf/x.conf, to: /etc/x.conf } }\n  - { id: c, run: c }\n";

fn around(content: &str, key: &str) -> Around {
    let keys = fleet().into_iter().map(|host| (host.name, vec![key.to_owned()])).collect();
    Around { files: [("conf/x.conf".to_owned(), content.to_owned())].into(), keys, ..Around::default() }
}

fn made(book: &Runbook, fleet: &[Host], around: &Around) -> Plan {
    let selection = Some(Selector::parse("role=web").unwrap());
    planned(book, &PlanRequest { surroundings: around, selection, ..request(fleet, "", &[]) }).plan().clone()
}

fn said(planned: &Plan, now: &Plan) -> Vec<String> {
    differences(planned, now).iter().map(ToString::to_string).collect()
}

#[test]
fn the_same_request_is_no_difference_and_has_the_same_digest() {
    let (book, fleet, around) = (runbook(BOOK), fleet(), around("x", "SHA256:a"));
    let (one, other) = (made(&book, &fleet, &around), made(&book, &fleet, &around));
    assert_eq!(said(&one, &other), Vec::<String>::new());
    let digests = [one, other].map(|plan| daytwo_model::SealedPlan::seal(plan).unwrap().digest());
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn each_change_is_said_with_its_host_or_its_lines() {
    let (book, old, before) = (runbook(BOOK), fleet(), around("x", "SHA256:a"));
    let was = made(&book, &old, &before);

    let changed = runbook(&BOOK.replace("run: c }", "run: d }"));
    let [difference] = &differences(&was, &made(&changed, &old, &before))[..] else { panic!("not one") };
    assert_eq!(difference.message, "the runbook test was changed since the plan was made");
    assert_eq!(difference.lines, ["-   - { id: c, run: c }", "+   - { id: c, run: d }"]);

    let mut fleet = old.clone();
    fleet[0].labels.insert("site".to_owned(), "iad".to_owned());
    fleet[1].endpoint = Endpoint::SshConfig { alias: "elsewhere".to_owned() };
    fleet.remove(2);
    fleet[3].labels.insert("role".to_owned(), "web".to_owned());
    assert_eq!(
        said(&was, &made(&book, &fleet, &before)),
        [
            "web-ams-2 is reached by ssh elsewhere now, and was by simulated",
            "web-fra-1 is not picked any more, or has left the fleet",
            "database-ams-1 is picked now, and was not".replace("database-ams-1", fleet[3].name.as_str()).as_str(),
            "web-ams-1 gets another text in the step a: its label site is \"iad\" now, and was \"ams\"",
        ]
    );

    let after = around("xyz", "SHA256:b");
    let now = said(&was, &made(&book, &old, &after));
    assert_eq!(now.len(), 5);
    assert_eq!(now[0], "the host key of web-ams-1 is another: it was SHA256:a, and now SHA256:b");
    assert!(now[4].starts_with("the file conf/x.conf was changed: it has 3 bytes and digest "), "{}", now[4]);
}

#[test]
fn a_label_that_no_text_reads_is_no_difference() {
    let (book, old, around) = (runbook(BOOK), fleet(), around("x", "SHA256:a"));
    let mut fleet = old.clone();
    fleet[0].labels.insert("team".to_owned(), "a".to_owned());
    fleet[0].source = "elsewhere".to_owned();
    assert_eq!(said(&made(&book, &old, &around), &made(&book, &fleet, &around)), Vec::<String>::new());
}
