//! `package`: stand-ins for dpkg and apt keep one package's state in a file.

use std::fs;

use tempfile::TempDir;

use super::kit::{OnHost, Shell, package, program, shells};

/// Prints what dpkg's status file says.
const DPKG_QUERY: &str = r#"#!/bin/sh
cd "${0%/*}"
[ "$*" = '-W -f ${Status} ${Version}\n nginx' ] || { echo "not asked so: $*" >&2; exit 2; }
[ -s status ] || exit 1
cat status
"#;

/// Holds to the rules of apt that the scripts depend on.
const APT_GET: &str = r#"#!/bin/sh
set -eu
cd "${0%/*}"
case " $* " in *' -o DPkg::Lock::Timeout=60 '*) ;; *) exit 90 ;; esac
[ "${DEBIAN_FRONTEND-}" = noninteractive ] || exit 91
[ "${LC_ALL-}" = C.UTF-8 ] || exit 94
echo "$*" >>asked
held_ok='' simulated='' no_remove='' verb=''
while [ $# -gt 1 ]; do
  case $1 in
    -o) shift ;;
    -s) simulated=yes ;;
    --allow-change-held-packages) held_ok=yes ;;
    --no-remove) no_remove=yes ;;
    install | remove) verb=$1 ;;
    -y | -q | --allow-downgrades) ;;
    *) exit 92 ;;
  esac
  shift
done
want=unknown
if [ -s status ]; then read -r want rest <status; fi
if [ "$want" = hold ] && [ -z "$held_ok" ]; then echo 'E: Held packages were changed' >&2; exit 100; fi
case $verb in
  install)
    [ "$no_remove" = yes ] || exit 93
    version=${1#nginx}; version=${version#=}
    [ "$want" = hold ] || want=install
    echo "$want ok installed ${version:-1.4}" >status ;;
  remove)
    if [ -n "$simulated" ]; then cat others 2>/dev/null || :; echo 'Remv nginx [1.2]'; exit 0; fi
    echo 'deinstall ok config-files 1.2' >status ;;
esac
"#;

const APT_MARK: &str = r#"#!/bin/sh
set -eu
cd "${0%/*}"
echo "apt-mark $*" >>asked
want=unknown rest='ok not-installed'
if [ -s status ]; then read -r want rest <status; fi
case $1 in hold) want=hold ;; unhold) want=install ;; esac
echo "$want $rest" >status
"#;

struct Debian(TempDir);

impl Debian {
    fn with(status: &str) -> Self {
        let dir = TempDir::new().unwrap();
        program(dir.path(), "dpkg-query", DPKG_QUERY);
        program(dir.path(), "apt-get", APT_GET);
        program(dir.path(), "apt-mark", APT_MARK);
        let it = Self(dir);
        it.set(status);
        it
    }

    fn set(&self, status: &str) {
        let lines: String = status.lines().map(|line| format!("{line}\n")).collect();
        fs::write(self.0.path().join("status"), lines).unwrap();
    }

    fn status(&self) -> String {
        fs::read_to_string(self.0.path().join("status")).unwrap().trim_end().to_owned()
    }

    fn was_asked(&self) -> bool {
        self.0.path().join("asked").exists()
    }

    fn step(&self, shell: Shell, version: Option<&str>, present: bool, hold: Option<bool>) -> OnHost {
        OnHost::new(shell, &package(version, present, hold)).with_programs(self.0.path())
    }
}

#[test]
fn a_package_comes_back_to_the_version_and_hold_that_it_had() {
    let installed = "install ok installed 1.2";
    let held = "hold ok installed 1:1.2~rc1+b2";
    let gone = "deinstall ok config-files 1.2";
    for shell in shells() {
        for (status, version, present, hold) in [
            (installed, Some("1.3"), true, None),
            (installed, Some("1.1"), true, Some(true)),
            (installed, None, false, None),
            (installed, None, true, Some(true)),
            (held, Some("1.3"), true, Some(true)),
            (held, Some("1.3"), true, Some(false)),
            (held, None, false, Some(false)),
            (held, None, true, Some(false)),
            (gone, Some("1.3"), true, Some(true)),
            (gone, None, true, None),
        ] {
            let debian = Debian::with(status);
            let mut host = debian.step(shell, version, present, hold);
            host.perform();
            assert!(debian.was_asked());
            assert_ne!(debian.status(), status);
            host.take_back();
            assert_eq!(debian.status(), status, "{shell:?} {version:?} {present} {hold:?}");
        }
    }
}

#[test]
fn a_package_that_dpkg_never_heard_of_is_absent_before_and_after() {
    for shell in shells() {
        let debian = Debian::with("");
        let mut host = debian.step(shell, None, true, None);
        assert_eq!(host.before().well().stdout, "absent - free\n");
        host.perform();
        assert_eq!(debian.status(), "install ok installed 1.4");
        host.take_back();
    }
}

#[test]
fn what_is_so_already_is_left_alone() {
    for shell in shells() {
        for (status, version, present, hold) in [
            ("install ok installed 1.2", Some("1.2"), true, None),
            ("hold ok installed 1.2", Some("1.2"), true, None),
            ("install ok triggers-pending 1.2", None, true, Some(false)),
            ("deinstall ok config-files 1.2", None, false, None),
            ("", None, false, None),
        ] {
            let debian = Debian::with(status);
            let mut host = debian.step(shell, version, present, hold);
            host.perform();
            host.take_back();
            assert!(!debian.was_asked(), "{shell:?} {status}");
        }
    }
}

#[test]
fn what_would_surprise_somebody_is_refused() {
    for shell in shells() {
        for (status, version, present, words) in [
            ("hold ok installed 1.2", Some("1.3"), true, "nginx is held"),
            ("hold ok installed 1.2", None, false, "nginx is held"),
            ("install ok half-configured 1.2", Some("1.3"), true, "half-configured"),
            ("install reinstreq half-installed 1.2", Some("1.3"), true, "by hand"),
            ("install ok installed 1\ninstall ok installed 1", Some("1.3"), true, "several architectures"),
        ] {
            let debian = Debian::with(status);
            let mut host = debian.step(shell, version, present, None);
            host.before().refused(words);
            host.change().refused(words);
            assert_eq!(debian.status(), status);
            assert!(!debian.was_asked());
        }
        let debian = Debian::with("install ok installed 1.2");
        fs::write(debian.0.path().join("others"), "Remv site [3]\n").unwrap();
        debian.step(shell, None, false, None).change().refused("remove others that need it: site");
        assert_eq!(debian.status(), "install ok installed 1.2");
    }
}

#[test]
fn the_way_back_leaves_what_somebody_changed_since() {
    for shell in shells() {
        let debian = Debian::with("install ok installed 1.2");
        let mut host = debian.step(shell, Some("1.3"), true, None);
        host.perform();
        for since in ["install ok installed 1.4", "deinstall ok config-files 1.3"] {
            debian.set(since);
            host.inverse().refused("was changed since");
            host.verify_inverse().refused("expected: installed 1.2 free");
            assert_eq!(debian.status(), since);
        }
        debian.set("hold ok installed 1.3");
        host.inverse().refused("nginx is held");
        host.verify().well();
        debian.set("install ok installed 1.4");
        host.verify().refused("is not as wanted: installed 1.4 free");
    }
}
