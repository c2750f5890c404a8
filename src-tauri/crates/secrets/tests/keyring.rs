//! The real keyring: a Secret Service of its own, on a bus of its own, in a home of its own.
//!
//! Each test starts this very program again under `dbus-run-session`; the part that runs there is
//! a test that is ignored otherwise.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Instant;

use daytwo_model::{SecretName, SecretValue};
use daytwo_secrets::{Backend, NobodyToAsk, SecretsError, SecretsHandle, SecretsOptions, VaultState};

/// Unlocks a new keyring, as a login does.
const UNLOCKED: &str = "printf test | gnome-keyring-daemon --unlock --components=secrets >/dev/null; exec \"$@\"";
/// A bus without a keyring that was ever unlocked: the service is there and cannot be used.
const LOCKED: &str = "exec \"$@\"";
const HERE: &str = "DAYTWO_TEST_DIR";

/// Whether the two programs are installed; `cargo xtask test` installs them.
fn available() -> bool {
    let there = |program: &str| Command::new(program).arg("--version").output().is_ok_and(|out| out.status.success());
    let both = there("dbus-run-session") && there("gnome-keyring-daemon");
    if !both {
        println!("not run: dbus-run-session or gnome-keyring-daemon is not installed");
    }
    both
}

/// Runs one ignored test of this program in a session of its own.
fn in_session(dir: &Path, set_up: &str, test: &str) -> Output {
    let home = dir.join("home");
    std::fs::create_dir_all(&home).unwrap();
    Command::new("dbus-run-session")
        .args(["--", "timeout", "60", "sh", "-c", set_up, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", test, "--nocapture"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", &home)
        .env("XDG_RUNTIME_DIR", &home)
        .env(HERE, dir)
        .output()
        .unwrap()
}

fn passes(output: &Output) {
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("1 passed"), "{told}\n{errors}");
}

fn options() -> SecretsOptions {
    let mut options = SecretsOptions::new(Path::new(&std::env::var_os(HERE).unwrap()).join("data"));
    options.cost = daytwo_secrets::vault::Cost { memory_kib: 64, passes: 1, lanes: 1 };
    options
}

fn name(text: &str) -> SecretName {
    SecretName::new(text).unwrap()
}

#[test]
fn a_secret_is_kept_in_the_keyring_over_a_restart_and_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    if available() {
        passes(&in_session(dir.path(), UNLOCKED, "keeps"));
        passes(&in_session(dir.path(), UNLOCKED, "finds_again"));
        let index = std::fs::read_to_string(dir.path().join("data/secrets-index.json")).unwrap();
        assert!(!index.contains("sk-in-the-keyring"));
        assert!(!dir.path().join("data/secrets.vault").exists());
        // Gone with its bus, it is not "no value".
        passes(&in_session(dir.path(), "unset DBUS_SESSION_BUS_ADDRESS; exec \"$@\"", "says_that_the_keyring_is_gone"));
    }
}

#[test]
#[ignore = "run by another test, in a session of its own"]
fn keeps() {
    inside(async {
        let secrets = SecretsHandle::open(options(), Arc::new(NobodyToAsk)).await;
        assert_eq!(secrets.status(), Backend::Keyring);
        secrets.set(&name("gateway/master-key"), SecretValue::new("sk-in-the-keyring")).await.unwrap();
        secrets.set(&name("other"), SecretValue::new("x")).await.unwrap();
        assert!(secrets.delete(&name("other")).await.unwrap());
        assert!(!secrets.delete(&name("other")).await.unwrap());
        assert!(secrets.read(&name("other")).await.unwrap().is_none());
    });
}

#[test]
#[ignore = "run by another test, in a session of its own"]
fn finds_again() {
    inside(async {
        let secrets = SecretsHandle::open(options(), Arc::new(NobodyToAsk)).await;
        assert_eq!(secrets.list().await.unwrap(), [name("gateway/master-key")]);
        let value = secrets.read(&name("gateway/master-key")).await.unwrap().unwrap();
        assert_eq!(value.expose(), "sk-in-the-keyring");
    });
}

#[test]
#[ignore = "run by another test, in a session of its own"]
fn says_that_the_keyring_is_gone() {
    inside(async {
        let secrets = SecretsHandle::open(options(), Arc::new(NobodyToAsk)).await;
        let error = secrets.read(&name("gateway/master-key")).await.unwrap_err();
        assert!(matches!(error, SecretsError::KeyringGone { .. }), "{error}");
    });
}

#[test]
fn without_a_keyring_that_works_the_vault_is_used_and_the_reason_told_in_time() {
    let dir = tempfile::tempdir().unwrap();
    if available() {
        let start = Instant::now();
        passes(&in_session(dir.path(), LOCKED, "falls_back"));
        passes(&in_session(dir.path(), "unset DBUS_SESSION_BUS_ADDRESS; exec \"$@\"", "falls_back"));
        assert!(start.elapsed().as_secs() < 60);
    }
}

#[test]
#[ignore = "run by another test, in a session of its own"]
fn falls_back() {
    inside(async {
        let secrets = SecretsHandle::open(options(), Arc::new(NobodyToAsk)).await;
        let Backend::Vault { state, why } = secrets.status() else { panic!("{:?}", secrets.status()) };
        println!("why: {why}");
        assert!(why.starts_with("use the keyring: "), "{why}");
        if state == VaultState::Absent {
            secrets.unlock(SecretValue::new("correct horse")).await.unwrap();
        }
    });
}

/// With several threads, as the program has: the keyring must not mind.
fn inside(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test);
}
