//! The scripts of the shipped runbooks, performed by a real `/bin/sh` on real files, there and back.
//!
//! The engine is not here: this checks the scripts themselves. `systemctl` is a stand-in on the PATH
//! that counts starts; `sudo` is left out, the files are the test's own.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use daytwo_model::plan::{Action, CaptureFrom, Expect, Verify, WayBack};
use daytwo_model::{CaptureName, Plan};
use serde_json::Value;

use crate::kit::{fleet, planned, request};
use crate::shipped::catalogue;

const SYSTEMCTL: &str = r#"#!/bin/sh
[ -e "$STATE/pid" ] || echo 100 >"$STATE/pid"
case $1 in
restart) echo $(($(cat "$STATE/pid") + 1)) >"$STATE/pid" ;;
is-active) echo active ;;
show) cat "$STATE/pid" ;;
esac
"#;

/// One host: a folder, and what its steps captured.
struct Host {
    folder: tempfile::TempDir,
    plan: Plan,
    captured: BTreeMap<CaptureName, Value>,
}

impl Host {
    /// Plans a shipped runbook for one host; `{}` in an input is the host's folder.
    fn with(name: &str, selection: &str, inputs: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_str().unwrap().to_owned();
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        std::fs::write(folder.path().join("bin/systemctl"), SYSTEMCTL).unwrap();
        assert!(Command::new("chmod").arg("755").arg(folder.path().join("bin/systemctl")).status().unwrap().success());
        let typed: Vec<(&str, String)> = inputs.iter().map(|(key, value)| (*key, value.replace("{}", &root))).collect();
        let typed: Vec<(&str, &str)> = typed.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let plan = planned(&catalogue()[name], &request(&fleet(), selection, &typed)).plan().clone();
        Self { folder, plan, captured: BTreeMap::new() }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn sh(&self, script: &str) -> (i32, String) {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let output =
            Command::new("/bin/sh").args(["-c", script]).env("PATH", path).env("STATE", self.folder.path()).output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        eprintln!("{said}\n{}", String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap(), said)
    }

    fn act(&self, action: &Action) -> (i32, String) {
        let Action::Run { script, .. } = action else { panic!("not a script") };
        self.sh(script.fill(|_| None, |name| self.captured.get(name).cloned()).unwrap().expose())
    }

    fn holds(&self, verify: Option<&Verify>) -> bool {
        let Some(probe) = verify.and_then(|verify| verify.probe.get(0)) else { return true };
        let Expect { exit_code, stdout: None, stdout_matches: None, .. } = &probe.expect else {
            panic!("not handled here")
        };
        self.act(&probe.action).0 == exit_code.unwrap_or(0)
    }

    /// Performs every step, and says whether each ended well and was verified.
    fn forward(&mut self) -> bool {
        for step in self.plan.steps.clone() {
            let (code, said) = self.act(step.action.get(0).unwrap());
            for capture in &step.captures {
                assert_eq!(capture.from, CaptureFrom::Stdout);
                self.captured.insert(capture.name.clone(), Value::from(said.as_str()));
            }
            if code != 0 || !self.holds(step.verify.as_ref()) {
                return false;
            }
        }
        true
    }

    /// Performs the inverses in reverse.
    fn back(&self) -> bool {
        self.plan.steps.iter().rev().all(|step| match &step.way_back {
            WayBack::Inverse { action, verify } => {
                self.act(action.get(0).unwrap()).0 == 0 && self.holds(verify.as_ref())
            }
            WayBack::None | WayBack::NotNeeded => true,
        })
    }
}

fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_back_up_can_be_read_and_its_undo_removes_exactly_it() {
    let inputs = [("paths", "{}/data {}/bin"), ("directory", "{}/backups/today")];
    let mut host = Host::with("back-up", "host~web-ams-1", &inputs);
    assert!(!host.forward(), "there is nothing to back up yet");
    std::fs::create_dir(host.path("data")).unwrap();
    std::fs::write(host.path("data/file"), "content").unwrap();
    assert!(host.forward());
    let backups = host.path("backups/today");
    let made = entries(&backups);
    assert_eq!(made.len(), 2);
    assert!(made[0].starts_with("web-ams-1-2026") && made[1] == format!("{}.sha256", made[0]), "{made:?}");
    assert!(!host.forward(), "an archive that is there is not overwritten");
    std::fs::write(backups.join("other"), "").unwrap();
    assert!(host.back());
    assert_eq!(entries(&backups), ["other"]);
}

#[test]
fn a_back_up_refuses_to_hold_itself() {
    let mut host = Host::with("back-up", "host~web-ams-1", &[("paths", "{}/data"), ("directory", "{}/data/backups")]);
    std::fs::create_dir(host.path("data")).unwrap();
    assert!(!host.forward());
    assert!(entries(&host.path("data")).is_empty());
}

#[test]
fn a_limit_in_a_file_is_changed_alone_and_comes_back() {
    let inputs = [("max_tokens", "1024"), ("file", "{}/config.yaml")];
    let mut host = Host::with("adjust-token-limit-file", "host~inference-ams-1", &inputs);
    let before = "model: demo\nmax_tokens: 2048\nother_max_tokens: 1\n";
    std::fs::write(host.path("config.yaml"), before).unwrap();
    assert!(host.forward());
    let now = std::fs::read_to_string(host.path("config.yaml")).unwrap();
    assert_eq!(now, "model: demo\nmax_tokens: 1024\nother_max_tokens: 1\n");
    assert_eq!(std::fs::read_to_string(host.path("pid")).unwrap(), "101\n");
    assert!(host.back());
    assert_eq!(std::fs::read_to_string(host.path("config.yaml")).unwrap(), before);
    assert_eq!(entries(host.folder.path()), ["bin", "config.yaml", "pid"]);
    assert_eq!(std::fs::read_to_string(host.path("pid")).unwrap(), "102\n");

    std::fs::write(host.path("config.yaml"), "max_tokens: 1\nmax_tokens: 2\n").unwrap();
    assert!(!host.forward(), "a file with two limits is left alone");
}

#[test]
fn a_roll_back_switches_the_link_and_its_undo_switches_it_back() {
    let releases = |host: &Host| {
        host.sh(&format!(
            "cd {} && for v in 1.9 1.10 1.11; do mkdir -p app/releases/$v/bin; printf '#!/bin/sh\\n[ $0 != broken ]\\n' >app/releases/$v/bin/healthcheck; chmod 755 app/releases/$v/bin/healthcheck; done; ln -s releases/1.11 app/current",
            host.folder.path().display()
        ));
    };
    let target = |host: &Host| std::fs::read_link(host.path("app/current")).unwrap().to_string_lossy().into_owned();

    let mut host = Host::with("roll-back", "host~web-ams-1", &[("app", "{}/app")]);
    releases(&host);
    assert!(host.forward());
    assert!(target(&host).ends_with("/app/releases/1.10"), "the newest version before the current one");
    assert!(host.back());
    assert_eq!(target(&host), "releases/1.11");
    assert_eq!(entries(&host.path("app")), ["current", "releases"]);

    std::os::unix::fs::symlink("releases/1.9", host.path("app/previous")).unwrap();
    assert!(host.forward());
    assert_eq!(target(&host), "releases/1.9");

    for version in ["1.11", "7.0"] {
        let mut host = Host::with("roll-back", "host~web-ams-1", &[("app", "{}/app"), ("version", version)]);
        releases(&host);
        assert!(!host.forward(), "{version} is current, or is not there");
        assert_eq!(target(&host), "releases/1.11");
    }

    let mut host = Host::with("roll-back", "host~web-ams-1", &[("app", "{}/app"), ("version", "1.9")]);
    releases(&host);
    std::fs::write(host.path("app/releases/1.9/bin/healthcheck"), "#!/bin/sh\nexit 1\n").unwrap();
    assert!(!host.forward(), "a release that is not healthy is not verified");
    assert!(host.back());
    assert_eq!(target(&host), "releases/1.11");
}

#[test]
fn a_restart_is_verified_by_another_process() {
    let mut host = Host::with("restart-service", "host~web-ams-1", &[("settle", "0s")]);
    assert!(host.forward());
    assert_eq!(host.captured[&CaptureName::new("old_pid").unwrap()], Value::from("100"));
    // A restart that changes nothing is not a restart.
    std::fs::write(host.path("bin/systemctl"), SYSTEMCTL.replace("restart)", "never)")).unwrap();
    assert!(!host.forward());
}

#[test]
fn logs_come_from_files_where_there_is_no_journal() {
    let mut host = Host::with("fetch-logs", "host~web-ams-1", &[("unit", "there-is-no-such-unit.service")]);
    std::fs::write(host.path("bin/journalctl"), "#!/bin/sh\nexit 1\n").unwrap();
    assert!(Command::new("chmod").arg("755").arg(host.path("bin/journalctl")).status().unwrap().success());
    let logs = host.plan.steps[1].action.get(0).unwrap().clone();
    let found = host.act(&logs);
    let syslog = Path::new("/var/log/syslog").exists();
    assert!(found.0 == 1 || syslog, "{found:?}");
    std::fs::write(host.path("bin/journalctl"), "#!/bin/sh\necho \"$@\"\n").unwrap();
    assert_eq!(
        host.act(&logs),
        (0, "-u there-is-no-such-unit.service --since=-3600s -n 200 --no-pager -o short-iso".to_owned())
    );
    assert!(host.forward());
}
