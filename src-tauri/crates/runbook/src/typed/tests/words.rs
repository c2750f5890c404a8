//! How values get into scripts, and which do not.

use std::io::Write as _;
use std::process::{Command, Stdio};

use daytwo_model::StepId;
use daytwo_model::plan::RunAs;
use daytwo_model::quote::Quote;

use super::kit::{content, file, late_content, link, literal, package, scripts, service, spelled};
use crate::diagnostic::Place;
use crate::step::{ActionTemplate, FileTemplate, LinkTemplate, ServiceState};
use crate::template::Template;
use crate::typed::{captured_as, spelled_id};

#[test]
fn a_person_reads_in_one_line_what_a_step_does() {
    let meaning = |it: &ActionTemplate| spelled(it).unwrap().meaning.preview();
    let it = FileTemplate { mode: Some("0644".into()), owner: Some(literal("root")), ..content("/etc/x", "secret") };
    for (it, line) in [
        (link("/srv/app/current", "releases/7"), "link /srv/app/current to releases/7"),
        (ActionTemplate::File(Box::new(it)), "write /etc/x (mode 644, owner root)"),
        (service(Some(ServiceState::Restarted), None), "restart app.service (a restart cannot be taken back)"),
        (service(Some(ServiceState::Started), Some(true)), "enable and start app.service"),
        (package(Some("1.2"), true, Some(true)), "install nginx 1.2 and hold it"),
        (package(None, false, None), "remove nginx"),
    ] {
        assert_eq!(meaning(&it), line);
    }
}

#[test]
fn values_that_cannot_be_an_argument_are_refused_at_planning() {
    let of = |path: &str| {
        let path = Template::new(path, Quote::None, Place::START).unwrap();
        let it = LinkTemplate { path, to: literal("7"), run_as: RunAs::Login };
        spelled(&ActionTemplate::Link(Box::new(it))).map(|it| it.meaning.preview())
    };
    assert!(of("/x/{{ secrets.key }}").unwrap_err().contains("holds a secret"));
    assert!(of("/x\n").unwrap_err().contains("control character"));
    assert!(of("x").unwrap_err().contains("not the absolute path"));
    assert!(of("/x/").unwrap_err().contains("not the absolute path"));
    assert!(of("").unwrap_err().contains("is empty"));
    assert_eq!(of("/x/{{ captured.found }}").unwrap(), "link /x/‹captured found› to 7");
    let gone = FileTemplate { present: false, ..content("/x", "a") };
    assert!(spelled(&ActionTemplate::File(Box::new(gone))).unwrap_err().contains("not to be there"));
    assert!(spelled(&ActionTemplate::File(Box::new(file("/x")))).unwrap_err().contains("nothing to do"));
    assert!(spelled(&service(None, None)).unwrap_err().contains("nothing to do"));
    assert!(spelled(&package(Some("1"), false, None)).unwrap_err().contains("no version"));
}

#[test]
fn only_what_can_be_taken_back_has_a_way_back() {
    let has = |state, enabled| spelled(&service(state, enabled)).unwrap().inverse.is_some();
    assert!(!has(Some(ServiceState::Restarted), None));
    assert!(!has(Some(ServiceState::Reloaded), None));
    assert!(has(Some(ServiceState::Restarted), Some(true)));
    assert!(has(Some(ServiceState::Stopped), None));
}

#[test]
fn steps_with_different_ids_never_share_a_capture() {
    let ids = ["a-b", "a_b", "a.b", "a/b", "a__b", "a_-b", "a-_b", "a_db", "adb"];
    let mut names: Vec<String> = ids.iter().map(|id| spelled_id(&StepId::new(*id).unwrap())).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), ids.len());
    let long = StepId::new("a-".repeat(100)).unwrap();
    assert!(captured_as(&long).unwrap().as_str().starts_with("typed_was_"));
}

/// Where shellcheck is installed, every script passes it.
#[test]
fn every_script_is_clean_for_shellcheck() {
    let file_step = |it: FileTemplate| ActionTemplate::File(Box::new(it));
    let steps = [
        link("/srv/it's/current", "-n"),
        file_step(FileTemplate {
            mode: Some("600".into()),
            owner: Some(literal("a:b")),
            ..content("/etc/x y", "it's\n")
        }),
        file_step(FileTemplate { mode: Some("600".into()), owner: Some(literal("a:b")), ..file("/etc/x") }),
        file_step(FileTemplate { present: false, ..file("/etc/x") }),
        late_content("/etc/x", "{{ secrets.key }}"),
        service(Some(ServiceState::Started), Some(true)),
        package(Some("1.2-3"), true, Some(true)),
    ];
    for script in steps.iter().flat_map(scripts) {
        // Values are known here, so shellcheck sees branches that only another step takes, and quoted
        // values with a `$` in them that nobody is to expand.
        let arguments = ["--shell=sh", "--severity=style", "--exclude=SC2016,SC2194,SC2157,SC2317,SC2329,SC2034", "-"];
        let child = Command::new("shellcheck").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let Ok(mut child) = child else { return };
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}\n{script}", String::from_utf8_lossy(&output.stdout));
    }
}
