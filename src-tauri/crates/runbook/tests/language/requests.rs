//! What requests become in a plan.

use std::collections::BTreeMap;

use daytwo_model::plan::{
    Action, Body, CaptureFrom, ClientKey, Direction, Effect, HttpMethod, HttpSet, LocalFile, Proxy, WayBack, WriteForm,
};
use daytwo_model::{Digest, FactSheet, Host, HostName, Plan, RunbookName};
use daytwo_runbook::{PlanRequest, Runbook, Surroundings, parse};

use crate::kit::{fleet, planned, refused, request, runbook};

/// Local files by their paths, with their sizes.
struct Files(BTreeMap<&'static str, u64>);

impl Surroundings for Files {
    fn runbook(&self, _name: &RunbookName) -> Option<std::sync::Arc<Runbook>> {
        None
    }

    fn file(&self, path: &str) -> Result<LocalFile, String> {
        let bytes = self.0.get(path).ok_or_else(|| format!("there is no file {path}"))?;
        Ok(LocalFile { digest: Digest::of(path.as_bytes()), bytes: *bytes })
    }

    fn text_beside(&self, _file: &str, path: &str) -> Result<String, String> {
        Err(format!("there is no file {path}"))
    }

    fn choices(&self, _runbook: &RunbookName, _input: &str) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }

    fn host_keys(&self, _host: &Host) -> Vec<String> {
        Vec::new()
    }

    fn gateway_of(&self, _host: &Host) -> Option<String> {
        None
    }

    fn facts(&self, _host: &HostName) -> Option<&FactSheet> {
        None
    }
}

fn files() -> Files {
    Files([("bundle.tgz", 9), ("ca.pem", 1), ("client.pem", 2), ("large", 2 << 30)].into())
}

fn every_form() -> Runbook {
    parse("requests.yaml", include_str!("../data/valid/requests.yaml")).unwrap_or_else(|errors| panic!("{errors}"))
}

fn action<'p>(plan: &'p Plan, step: &str) -> &'p Action {
    plan.steps.iter().find(|it| it.id.as_str() == step).and_then(|it| it.action.get(0)).unwrap()
}

fn set<'p>(plan: &'p Plan, step: &str) -> &'p HttpSet {
    let Action::HttpSet { set } = action(plan, step) else { panic!("{step} sets nothing") };
    set
}

#[test]
fn a_plan_holds_everything_that_decides_what_is_sent_and_to_whom_and_no_secret() {
    let (fleet, files) = (fleet(), files());
    let asked = PlanRequest { surroundings: &files, ..request(&fleet, "role=web", &[]) };
    let sealed = planned(&every_form(), &asked);
    let plan = sealed.plan();
    let Action::Http { request: login } = action(plan, "login") else { panic!("no request") };
    let Some(Body::Form(fields)) = &login.body else { panic!("{:?}", login.body) };
    assert_eq!(fields[1].1.preview(), "‹secret api-password›");
    let client = login.client.as_ref().unwrap();
    assert_eq!((client.chain.content.bytes, &client.chain.path[..]), (2, "client.pem"));
    assert!(matches!(&client.key, ClientKey::Text(key) if key.preview() == "‹secret client-key›"));
    assert_eq!(login.authorities.as_ref().unwrap().content.digest, Digest::of(b"ca.pem"));
    assert!(
        matches!(&login.proxy, Proxy::At(url) if url.preview() == "http://ops:‹secret api-password›@proxy.example.com:3128")
    );
    let captures: Vec<&CaptureFrom> = plan.steps[0].captures.iter().map(|capture| &capture.from).collect();
    assert!(captures.contains(&&CaptureFrom::Header("ETag".into())), "{captures:?}");
    let Action::Http { request: upload } = action(plan, "upload") else { panic!("no request") };
    let Some(Body::File { content_type, file }) = &upload.body else { panic!("{:?}", upload.body) };
    assert_eq!((&content_type[..], file.content.digest), ("application/gzip", Digest::of(b"bundle.tgz")));
    assert_eq!(upload.proxy, Proxy::None);
    let Action::Http { request: purge } = action(plan, "purge") else { panic!("no request") };
    assert_eq!(
        (&purge.method, purge.client.as_ref().map(|client| &client.key)),
        (&HttpMethod::new("PURGE").unwrap(), Some(&ClientKey::File("client.key".into())),)
    );
    assert!(matches!(&purge.body, Some(Body::Text { text, .. }) if text.preview() == "800 ‹captured etag›"));
}

#[test]
fn members_are_read_before_they_are_set_and_the_way_back_compares_first() {
    let (fleet, files) = (fleet(), files());
    let asked = PlanRequest { surroundings: &files, ..request(&fleet, "role=web", &[]) };
    let sealed = planned(&every_form(), &asked);
    let plan = sealed.plan();
    let index = plan.steps.iter().position(|step| step.id.as_str() == "set").unwrap();
    let (before, change) = (&plan.steps[index - 1], &plan.steps[index]);
    assert_eq!((before.id.as_str(), before.effect, change.effect), ("set.before", Effect::Read, Effect::Change));
    assert!(change.needs.contains(&u32::try_from(index - 1).unwrap()));
    let kept: Vec<_> = before.captures.iter().map(|capture| capture.from.clone()).collect();
    let pointers = ["/limit", "/meta/owner", "/note", "/old"].map(|pointer| CaptureFrom::Member(pointer.to_owned()));
    assert_eq!(kept, pointers);
    let forward = set(plan, "set");
    let told = |set: &HttpSet| -> Vec<(String, String)> {
        set.members.iter().map(|it| (it.from.preview(), it.to.preview())).collect()
    };
    let was = |n: usize| format!("‹captured typed_was_set_n{n}›");
    let wanted = ["[800]", "[\"ops\"]", "[null]", "[]"].map(str::to_owned);
    let pairs: Vec<_> = wanted.iter().enumerate().map(|(n, to)| (was(n), to.clone())).collect();
    assert_eq!((told(forward), forward.write.method.as_str()), (pairs, "PUT"));
    let WayBack::Inverse { action, verify } = &change.way_back else { panic!("no way back") };
    let Some(Action::HttpSet { set: back }) = action.get(0) else { panic!("nothing is set back") };
    let pairs: Vec<_> = wanted.iter().enumerate().map(|(n, ours)| (ours.clone(), was(n))).collect();
    assert_eq!((told(back), back.direction), (pairs, Direction::Back));
    let expected = &verify.as_ref().unwrap().probe.get(0).unwrap().expect.members;
    assert_eq!((expected[3].0.as_str(), expected[3].1.preview()), ("/old", was(3)));
    let expected = &change.verify.as_ref().unwrap().probe.get(0).unwrap().expect.members;
    assert_eq!((expected[3].0.as_str(), expected[3].1.preview().as_str()), ("/old", "[]"));

    let patch = set(plan, "patch");
    assert_eq!((&patch.form, patch.write.method.as_str()), (&WriteForm::MergePatch, "POST"));
    assert_eq!(patch.write.url.preview(), "https://api.example.com/key/update");
    let position = plan.steps.iter().position(|step| step.id.as_str() == "patch").unwrap();
    let expected = &plan.steps[position].verify.as_ref().unwrap().probe.get(0).unwrap().expect.members;
    assert_eq!(expected[0].0, "/info/limit", "in the answer, below the document");
    let fields = set(plan, "fields");
    assert!(matches!(&fields.form, WriteForm::Fields { with } if with.preview() == r#"{"key":"a"}"#));
    assert_eq!(fields.write.method, HttpMethod::POST);
}

#[test]
fn a_file_that_is_not_there_or_too_large_is_said_when_the_plan_is_made() {
    let (fleet, files) = (fleet(), files());
    for (http, why) in [
        ("{ method: PUT, url: 'http://a/', file: gone }", "there is no file gone"),
        ("{ method: PUT, url: 'http://a/', file: large }", "larger than 1024 MiB"),
        ("{ url: 'https://a/', tls: { ca: large } }", "larger than 1 MiB"),
        ("{ url: 'https://a/', tls: { cert: ca.pem, key: '{{ host.name }}' } }", "a private key is a secret"),
    ] {
        let book = runbook(&format!("steps:\n  - {{ id: a, effect: read, http: {http} }}\n"));
        let asked = PlanRequest { surroundings: &files, ..request(&fleet, "role=web", &[]) };
        let errors = refused(&book, &asked);
        assert!(errors.to_string().contains(why), "{errors}");
    }
}
