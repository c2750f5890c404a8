//! The typed steps against what they are for: a real systemd, a real dpkg, real files; and the switch that takes a change
//! back when nobody can say any more that all is well.

use std::process::{Child, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::kit::{Fault, Fleet, Host, until};

const CHANGES: &str = "\
runbook: changes
title: Change what typed steps change
summary: A file, a link, a service and a hold, on a real Debian.
owner: tests
kind: operation
targets: role=web
steps:
  - { id: file, sudo: true, file: { path: /etc/greeting, content: 'hello', mode: 0640, owner: 'root:ops' } }
  - { id: link, sudo: true, link: { path: /srv/current, to: releases/2 } }
  - { id: service, sudo: true, service: { unit: cron.service, state: stopped, enabled: false } }
  - { id: package, sudo: true, package: { name: cron, hold: true } }
";

const SWITCH: &str = "\
runbook: switch
title: Change with a dead-man switch
summary: The host takes the change back alone unless the console says in time that all is well.
owner: tests
kind: operation
targets: role=web
steps:
  - id: change
    run: 'echo new >/srv/switch/value; sleep 2'
    undo: { run: 'echo old >/srv/switch/value' }
    dead_man: 8s
    verify: { run: 'cat /srv/switch/value', expect: { stdout: new } }
";

/// What the typed steps change, as the host itself sees it.
const LOOK: &str = "\
cat /etc/greeting 2>/dev/null; stat -c '%a %U:%G' /etc/greeting 2>/dev/null
readlink /srv/current
systemctl is-active cron; systemctl is-enabled cron
apt-mark showhold";

#[test]
#[ignore = "boots real hosts; `cargo xtask test` asks for it where it can"]
fn typed_steps_change_a_real_host_and_their_undo_leaves_it_as_it_was() {
    let Some(fleet) = Fleet::up(1) else { return };
    let host = fleet.host(1);
    host.exec("mkdir -p /srv/releases/1 /srv/releases/2; ln -s releases/1 /srv/current");
    fleet.runbook("changes", CHANGES);
    let look = || host.exec(&format!("{{ {}; }} || true", LOOK.replace('\n', "; ")));
    let before = look();
    assert_eq!(before, "releases/1\nactive\nenabled\n");

    succeeded(fleet.daytwo(&["run", "changes", "--yes"]).output().unwrap());
    assert_eq!(look(), "hello640 root:ops\nreleases/2\ninactive\ndisabled\ncron\n");
    // Once more: each step finds that there is nothing to do.
    succeeded(fleet.daytwo(&["run", "changes", "--yes"]).output().unwrap());

    let runs = json(fleet.daytwo(&["--json", "runs"]).output().unwrap());
    let first = runs.pointer("/1/id").unwrap().as_str().unwrap().to_owned();
    succeeded(fleet.daytwo(&["undo", &first, "--yes"]).output().unwrap());
    assert_eq!(look(), before);

    let touched = json(fleet.daytwo(&["--json", "touched", host.name()]).output().unwrap());
    let touches = touched["touches"].as_array().unwrap();
    let what: Vec<&str> = touches.iter().map(|touch| touch["what"].as_str().unwrap()).collect();
    assert!(what.iter().any(|what| what.contains("changes")), "{what:?}");
}

#[test]
#[ignore = "boots real hosts; `cargo xtask test` asks for it where it can"]
fn a_dead_man_switch_fires_while_the_link_is_cut_and_is_disarmed_where_all_is_well() {
    let Some(fleet) = Fleet::up(2) else { return };
    fleet.runbook("switch", SWITCH);
    for host in fleet.hosts() {
        host.exec("install -o ops -d /srv/switch");
    }
    let (well, cut) = (fleet.host(1), fleet.host(2));
    let value = |host: &Host| host.exec("cat /srv/switch/value 2>/dev/null || true").trim().to_owned();

    let run = start(&fleet, "web-1");
    succeeded(run.wait_with_output().unwrap());
    std::thread::sleep(Duration::from_secs(9));
    assert_eq!(value(well), "new", "a switch that was disarmed has fired");

    let run = start(&fleet, "web-2");
    until("the change is made", || value(cut) == "new");
    cut.fault(Fault::Unplug);
    until("the host takes it back alone", || value(cut) == "old");
    cut.fault(Fault::Plug);
    let ended = run.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1), "a step that was taken back is no success: {ended:?}");
    assert_eq!(value(cut), "old");
    let runs = json(fleet.daytwo(&["--json", "runs"]).output().unwrap());
    let run = runs.pointer("/0/id").unwrap().as_str().unwrap();
    let shown = json(fleet.daytwo(&["--json", "show", run]).output().unwrap());
    let cell = shown.pointer("/hosts/0/cells/0").unwrap().to_string();
    assert!(cell.contains("took it back") || cell.contains("switch"), "the journal does not say it: {cell}");
}

fn start(fleet: &Fleet, selector: &str) -> Child {
    let run = ["run", "switch", "--select", selector, "--yes"];
    fleet.daytwo(&run).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn succeeded(output: Output) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}\n{said}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
}

fn json(output: Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}
