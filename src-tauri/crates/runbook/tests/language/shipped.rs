//! The shipped catalogue parses, has nothing to complain about, and can be planned.

use std::collections::BTreeMap;
use std::path::Path;

use crate::kit::{fleet, now, planned, request};
use daytwo_model::plan::{Action, Effect, WayBack, WriteForm};
use daytwo_runbook::{Runbook, Stewardship, Undo, lint, parse};

pub(crate) fn catalogue() -> BTreeMap<String, Runbook> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../runbooks");
    let mut runbooks = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".yaml") && !name.ends_with(".test.yaml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let runbook = parse(&name, &text).unwrap_or_else(|errors| panic!("{errors}"));
            assert_eq!(format!("{}.yaml", runbook.name), name);
            runbooks.insert(runbook.name.to_string(), runbook);
        }
    }
    runbooks
}

#[test]
fn every_shipped_runbook_is_without_a_warning_and_says_its_way_back() {
    let catalogue = catalogue();
    let names: Vec<&str> = catalogue.keys().map(String::as_str).collect();
    let expected =
        ["adjust-token-limit", "adjust-token-limit-file", "back-up", "fetch-logs", "restart-service", "roll-back"];
    assert!(expected.iter().all(|name| names.contains(name)), "{names:?}");
    for (name, runbook) in &catalogue {
        let warnings = lint(runbook, now());
        assert!(warnings.is_empty(), "{}", warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
        assert_eq!(runbook.stewardship, Stewardship::Central, "{name}");
        for step in runbook.steps.iter().filter(|step| step.effect == Effect::Change) {
            let says_so = step.verify.is_some() && !matches!(step.undo, Undo::Unsaid);
            assert!(says_so || step.action.is_typed(), "{name}: {}", step.id);
        }
    }
}

#[test]
fn every_shipped_runbook_can_be_planned_for_the_hosts_that_it_is_for() {
    let fleet = fleet();
    for (name, selection, inputs, hosts) in [
        ("fetch-logs", "site=ams", &[("unit", "ssh.service")][..], 6),
        ("restart-service", "role=web", &[][..], 4),
        ("back-up", "role=database", &[("paths", "/var/lib/app /etc/hosts")][..], 2),
        ("adjust-token-limit", "", &[("key", "sk-demo-team-a"), ("tpm_limit", "1200")][..], 2),
        ("adjust-token-limit-file", "site=fra", &[("max_tokens", "1024")][..], 2),
        ("roll-back", "role=web", &[("version", "2.3.0")][..], 4),
    ] {
        let plan = planned(&catalogue()[name], &request(&fleet, selection, inputs));
        let plan = plan.plan();
        assert_eq!(plan.hosts.len(), hosts, "{name}");
        assert_eq!(plan.batches.concat().len(), hosts, "{name}");
        for step in &plan.steps {
            for host in 0..u32::try_from(hosts).unwrap() {
                assert!(step.action.get(host).is_some(), "{name}: {}", step.id);
            }
        }
    }
}

#[test]
fn the_gateway_runbook_sends_numbers_as_numbers_and_keeps_the_key_out_of_the_plan() {
    let fleet = fleet();
    let inputs = [("key", "sk-demo-team-a"), ("tpm_limit", "1200")];
    let sealed = planned(&catalogue()["adjust-token-limit"], &request(&fleet, "", &inputs));
    let steps = &sealed.plan().steps;
    assert_eq!(steps.iter().map(|step| step.id.as_str()).collect::<Vec<_>>(), ["adjust.before", "adjust"]);
    let Some(Action::HttpSet { set }) = steps[1].action.get(0) else { panic!("nothing is set") };
    assert_eq!(set.read.url.preview(), "http://127.0.0.1:4000/key/info?key=sk-demo-team-a");
    assert_eq!(
        (set.write.method.as_str(), set.write.url.preview().as_str()),
        ("POST", "http://127.0.0.1:4000/key/update")
    );
    assert_eq!(set.write.headers[0].1.preview(), "Bearer ‹secret gateway-master-key›");
    let WriteForm::Fields { with } = &set.form else { panic!("{:?}", set.form) };
    assert_eq!(with.preview(), r#"{"key":"sk-demo-team-a"}"#);
    assert_eq!((set.members[0].pointer.as_str(), set.members[0].to.preview().as_str()), ("/tpm_limit", "[1200]"));
    let WayBack::Inverse { action, .. } = &steps[1].way_back else { panic!("no way back") };
    let Some(Action::HttpSet { set: back }) = action.get(0) else { panic!("nothing is set back") };
    assert_eq!(back.members[0].from.preview(), "[1200]", "only where it is still ours");
    // Where there was no limit, the way back is to have none.
    let was = back.members[0].to.with_captures(|_| Some(serde_json::json!([null])));
    assert_eq!(was.preview(), "[null]");
}

#[test]
fn the_scripts_of_the_catalogue_are_posix_shell() {
    let fleet = fleet();
    let inputs: BTreeMap<&str, &[(&str, &str)]> = [
        ("fetch-logs", &[("unit", "ssh.service")][..]),
        ("adjust-token-limit", &[("key", "abc"), ("tpm_limit", "1")][..]),
        ("adjust-token-limit-file", &[("max_tokens", "1024")][..]),
    ]
    .into();
    for (name, runbook) in catalogue() {
        let typed = inputs.get(name.as_str()).copied().unwrap_or_default();
        let sealed = planned(&runbook, &request(&fleet, "host~\"*\"", typed));
        for step in &sealed.plan().steps {
            let inverse = match &step.way_back {
                WayBack::Inverse { action, verify } => (action.get(0), verify.as_ref()),
                WayBack::None | WayBack::NotNeeded => (None, None),
            };
            let verifies = step.verify.iter().chain(inverse.1).filter_map(|verify| verify.probe.get(0));
            let actions = step.action.get(0).into_iter().chain(inverse.0).chain(verifies.map(|probe| &probe.action));
            for action in actions {
                let Action::Run { script, .. } = action else { continue };
                let script = script.with_captures(|_| Some("x y".into())).preview();
                let checked = std::process::Command::new("/bin/sh").args(["-n", "-c", &script]).output().unwrap();
                assert!(checked.status.success(), "{name} {}: {}", step.id, String::from_utf8_lossy(&checked.stderr));
            }
        }
    }
}
