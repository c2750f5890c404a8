//! `service`: a stand-in for systemctl keeps a unit's state in files.

use std::fs;

use tempfile::TempDir;

use super::kit::{OnHost, Shell, program, service, shells};
use crate::step::ServiceState::{self, Reloaded, Restarted, Started, Stopped};

/// Knows one unit, `app.service`, as `load active sub file`, and notes what it was asked to change.
const SYSTEMCTL: &str = r#"#!/bin/sh
set -eu
cd "${0%/*}"
runtime=''
case $* in *' -- app.service') ;; *) echo "unknown unit: $*" >&2; exit 5 ;; esac
while :; do
  case $1 in
    --no-ask-password) shift ;;
    --runtime) runtime=-runtime; shift ;;
    *) break ;;
  esac
done
read -r load active sub file <unit
case $1 in
  show)
    printf 'UnitFileState=%s\nSubState=%s\nActiveState=%s\nLoadState=%s\n' "${file#-}" "$sub" "$active" "$load"
    exit 0 ;;
esac
echo "$1$runtime" >>asked
case $1 in
  start | restart) active=active sub=running ;;
  stop) active=inactive sub=dead ;;
  reload) [ "$active" = active ] || exit 1 ;;
  enable) file=enabled$runtime ;;
  disable) case $file:$runtime in enabled: | enabled-runtime:-runtime) file=disabled ;; esac ;;
  *) exit 2 ;;
esac
echo "$load $active $sub $file" >unit
"#;

struct Systemd(TempDir);

impl Systemd {
    fn with(unit: &str) -> Self {
        let dir = TempDir::new().unwrap();
        program(dir.path(), "systemctl", SYSTEMCTL);
        let it = Self(dir);
        it.set(unit);
        it
    }

    fn set(&self, unit: &str) {
        fs::write(self.0.path().join("unit"), format!("{unit}\n")).unwrap();
    }

    fn unit(&self) -> String {
        fs::read_to_string(self.0.path().join("unit")).unwrap().trim_end().to_owned()
    }

    /// What it was asked to change, in order.
    fn asked(&self) -> String {
        fs::read_to_string(self.0.path().join("asked")).unwrap_or_default().replace('\n', " ").trim_end().to_owned()
    }

    fn step(&self, shell: Shell, state: Option<ServiceState>, enabled: Option<bool>) -> OnHost {
        OnHost::new(shell, &service(state, enabled)).with_programs(self.0.path())
    }
}

const UP: &str = "loaded active running enabled";
const DOWN: &str = "loaded inactive dead disabled";

#[test]
fn a_unit_comes_back_to_the_state_that_it_had() {
    let units = [UP, DOWN, "loaded active running disabled", "loaded inactive dead enabled-runtime"];
    let mut steps = Vec::new();
    for unit in units {
        for state in [None, Some(Started), Some(Stopped)] {
            steps.extend([None, Some(true), Some(false)].map(|enabled| (unit, state, enabled)));
        }
    }
    // Each shell takes its share; what a shell could read differently is the same in all of them.
    let shells = shells();
    let something = steps.into_iter().filter(|(_, state, enabled)| state.is_some() || enabled.is_some());
    for ((unit, state, enabled), shell) in something.zip(shells.iter().cycle()) {
        let systemd = Systemd::with(unit);
        let mut host = systemd.step(shell, state, enabled);
        host.perform();
        let asked = systemd.asked();
        host.change().well();
        assert_eq!(systemd.asked(), asked, "the second time changes nothing");
        host.take_back();
        assert_eq!(systemd.unit(), unit, "{shell:?} {state:?} {enabled:?}");
    }
}

#[test]
fn only_what_is_needed_is_asked_of_systemd() {
    for shell in shells() {
        for (unit, state, enabled, asked) in [
            (UP, Some(Started), Some(true), ""),
            (DOWN, Some(Stopped), Some(false), ""),
            ("loaded failed failed disabled", Some(Stopped), None, ""),
            ("loaded failed failed disabled", Some(Started), None, "start"),
            ("loaded activating auto-restart enabled", Some(Started), None, "start"),
            (DOWN, Some(Started), Some(true), "enable start"),
            (UP, Some(Restarted), None, "restart"),
            (UP, Some(Reloaded), None, "reload"),
        ] {
            let systemd = Systemd::with(unit);
            systemd.step(shell, state, enabled).perform();
            assert_eq!(systemd.asked(), asked, "{unit} {state:?} {enabled:?} {shell:?}");
        }
    }
}

#[test]
fn a_restart_is_not_taken_back_but_what_came_with_it_is() {
    for shell in shells() {
        let systemd = Systemd::with("loaded active running disabled");
        let mut host = systemd.step(shell, Some(Restarted), Some(true));
        host.perform();
        systemd.set("loaded inactive dead enabled");
        host.take_back();
        assert_eq!(systemd.unit(), "loaded inactive dead disabled");
    }
}

#[test]
fn what_cannot_be_done_is_refused_before_the_change() {
    for shell in shells() {
        for (unit, enabled, words) in [
            ("not-found inactive dead -", None, "there is no unit app.service"),
            ("bad-setting inactive dead -", None, "systemd says bad-setting"),
            ("loaded active running static", Some(true), "cannot be enabled: its unit file is static"),
            ("loaded active running generated", Some(false), "cannot be disabled"),
            ("masked inactive dead masked", Some(true), "cannot be enabled: its unit file is masked"),
            ("loaded active running -", Some(true), "cannot be enabled"),
        ] {
            let systemd = Systemd::with(unit);
            let mut host = systemd.step(shell, Some(Started), enabled);
            host.before().refused(words);
            host.change().refused(words);
            assert_eq!(systemd.asked(), "");
        }
    }
}

#[test]
fn a_unit_that_is_not_as_wanted_is_not_verified() {
    for shell in shells() {
        let systemd = Systemd::with("loaded activating start-pre disabled");
        systemd.step(shell, Some(Restarted), None).verify().refused("is not active");
        systemd.step(shell, Some(Stopped), None).verify().refused("is not stopped");
        systemd.set(UP);
        systemd.step(shell, Some(Started), Some(false)).verify().refused("is not enabled as wanted");
    }
}

#[test]
fn the_way_back_leaves_what_somebody_changed_since() {
    for shell in shells() {
        // The step found it active and left it so; somebody stopped it since.
        let systemd = Systemd::with(UP);
        let mut host = systemd.step(shell, Some(Started), None);
        host.perform();
        systemd.set("loaded inactive dead enabled");
        host.inverse().refused("was changed since");
        assert_eq!(systemd.asked(), "");
        // Enabled by the step, masked by somebody since: not even the half that could be is taken back.
        let systemd = Systemd::with(DOWN);
        let mut host = systemd.step(shell, Some(Started), Some(true));
        host.perform();
        systemd.set("masked active running masked");
        host.inverse().refused("masked");
        assert_eq!(systemd.asked(), "enable start");
    }
}
