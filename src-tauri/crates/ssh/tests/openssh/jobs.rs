//! What happens to a job.

use std::fs;
use std::time::Duration;

use daytwo_engine::ports::ShellEnd;
use daytwo_fleet::ports::{NoAnswer, Reach as _};
use daytwo_model::plan::RunAs;
use daytwo_model::{Exit, UserName};
use daytwo_ssh::SshTransport;

use crate::drive::{Job, bounded, run, until, wait_for};
use crate::sshd::{PATIENCE, Sshd, command_line, environment, is_alive, processes, signal};

#[tokio::test]
async fn streams_stay_apart_and_the_exit_code_is_the_scripts() {
    let sshd = Sshd::start("");
    let transport = SshTransport::new(sshd.options());
    let script = "printf 'a\\000b\\377'; echo err >&2; read line && echo stdin-was-open; set -- x; exit 7";
    let (end, job) = run(&transport, &sshd.host("h1"), script).await;
    assert_eq!(end, ShellEnd::Exited(Exit::Code(7)));
    assert_eq!(job.stdout, b"a\0b\xff");
    assert_eq!(job.err(), "err\n");
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let started = job.started.unwrap();
    assert_eq!(started.boot_id.as_deref(), Some(boot.trim()));
    assert!(started.start_ticks.unwrap().parse::<u64>().unwrap() > 0);

    let (end, job) = run(&transport, &sshd.host("h1"), "kill -KILL $$").await;
    assert_eq!(end, ShellEnd::Exited(Exit::Signal("KILL".into())));
    assert!(job.started.is_some());
    let (end, job) = run(&transport, &sshd.host("h1"), "cat <<EOF\n$# $daytwo_s\nEOF").await;
    assert_eq!((end, job.out().as_str()), (ShellEnd::Exited(Exit::Code(0)), "0 \n"));
    assert_eq!(sshd.sessions().len(), 1, "three jobs share one connection");
}

#[tokio::test]
async fn output_streams_before_the_end_and_the_script_is_in_no_process_list() {
    let sshd = Sshd::start("");
    let transport = SshTransport::new(sshd.options());
    let gate = sshd.path("gate");
    let script = format!(": never-in-argv-4711\necho one\n{}\necho two", wait_for(&gate));
    let mut job = Job::begin(&transport, &sshd.host("h1"), &script);
    job.until_stdout_has("one\n").await;
    let own = std::process::id();
    for pid in processes().filter(|pid| *pid != own) {
        assert!(!command_line(pid).contains("never-in-argv-4711"), "in the arguments of {pid}");
        assert!(!environment(pid).contains("never-in-argv-4711"), "in the environment of {pid}");
    }
    fs::write(gate, "").unwrap();
    assert_eq!(job.end().await, ShellEnd::Exited(Exit::Code(0)));
    assert_eq!(job.out(), "one\ntwo\n");
}

/// Starts a job with a child, cancels it, and expects both to be gone; both ignore SIGTERM if `stubborn`.
async fn cancel_kills(sshd: &Sshd, stubborn: bool, run_as: RunAs) {
    let transport = SshTransport::new(sshd.options());
    let trap = if stubborn { "trap '' TERM; " } else { "" };
    let script = format!("{trap}sh -c 'echo $$ in; while :; do sleep 1000; done' & echo $$ out\nwait\nsleep 1000");
    let mut job = Job::begin_as(&transport, &sshd.host("h1"), &script, run_as);
    job.until_stdout_has("in\n").await;
    job.until_stdout_has("out\n").await;
    let pids = job.pids();
    assert_eq!(pids.len(), 2, "{}", job.out());
    assert!(pids.iter().all(|pid| is_alive(*pid)));
    job.cancel.terminate();
    assert_eq!(job.end().await, ShellEnd::Killed);
    assert!(!pids.iter().any(|pid| is_alive(*pid)), "{pids:?} survived");
}

#[tokio::test]
async fn cancel_kills_the_process_and_its_children_and_looks_that_they_are_gone() {
    cancel_kills(&Sshd::start(""), false, RunAs::Login).await;
}

#[tokio::test]
async fn cancel_escalates_when_the_processes_ignore_being_asked() {
    cancel_kills(&Sshd::start(""), true, RunAs::Login).await;
}

#[tokio::test]
async fn cancel_works_on_a_server_that_allows_one_session_per_connection() {
    cancel_kills(&Sshd::start("MaxSessions 1"), false, RunAs::Login).await;
}

#[tokio::test]
async fn a_cut_link_is_unseen_and_never_a_result() {
    let sshd = Sshd::start("");
    let transport = SshTransport::new(sshd.options());
    let mut job = Job::begin(&transport, &sshd.host("h1"), "trap '' PIPE; echo $$ up; exec sleep 1000");
    job.until_stdout_has("up\n").await;
    for pid in sshd.sessions() {
        signal("KILL", pid);
    }
    let end = job.end().await;
    assert!(matches!(&end, ShellEnd::Unseen { why } if why.contains("was lost")), "{end:?}");
    for pid in job.pids() {
        assert!(is_alive(pid), "the test wants a job that outlives its link");
        signal("KILL", pid);
    }
    // The next use connects again.
    let (end, _) = run(&transport, &sshd.host("h1"), "exit 0").await;
    assert_eq!(end, ShellEnd::Exited(Exit::Code(0)));
}

#[tokio::test]
async fn fifty_megabytes_arrive_complete() {
    let sshd = Sshd::start("");
    let transport = SshTransport::new(sshd.options());
    let (end, job) =
        run(&transport, &sshd.host("h1"), "head -c 50000000 /dev/zero; head -c 300000 /dev/zero >&2").await;
    assert_eq!(end, ShellEnd::Exited(Exit::Code(0)));
    assert_eq!((job.stdout.len(), job.stderr.len()), (50_000_000, 300_000));
}

#[tokio::test]
async fn a_process_left_in_the_background_does_not_hold_the_end_back() {
    let sshd = Sshd::start("");
    let transport = SshTransport::new(sshd.options());
    let (end, job) = run(&transport, &sshd.host("h1"), "sleep 1000 & echo $!; exit 3").await;
    assert_eq!(end, ShellEnd::Exited(Exit::Code(3)));
    for pid in job.pids() {
        signal("KILL", pid);
    }
}

#[tokio::test]
async fn what_a_login_shell_prints_is_not_the_scripts_output() {
    let sshd =
        Sshd::start("ForceCommand echo motd; printf hint >&2; printf 'no newline'; eval \"$SSH_ORIGINAL_COMMAND\"");
    let transport = SshTransport::new(sshd.options());
    let host = sshd.host("h1");
    let (end, job) = run(&transport, &host, "echo out; echo err >&2").await;
    assert_eq!(end, ShellEnd::Exited(Exit::Code(0)));
    assert_eq!((job.out().as_str(), job.err().as_str()), ("out\n", "err\n"));
    assert_eq!(transport.read(&host, "uname -s", PATIENCE).await, Ok("Linux\n".to_owned()));
}

#[tokio::test]
async fn an_account_without_a_shell_is_a_refusal_with_the_hosts_words() {
    let sshd = Sshd::start("ForceCommand echo This account is closed.; exit 1");
    let transport = SshTransport::new(sshd.options());
    let host = sshd.host("h1");
    let (end, job) = run(&transport, &host, "echo out").await;
    assert!(matches!(&end, ShellEnd::Refused { why } if why.contains("This account is closed.")), "{end:?}");
    assert!(job.started.is_none() && job.stdout.is_empty());
    let read = transport.read(&host, "echo out", PATIENCE).await;
    assert!(matches!(&read, Err(NoAnswer::Failed(why)) if why.contains("This account is closed.")), "{read:?}");
}

/// A server whose sessions find this `sudo` first on their path.
pub(crate) fn with_sudo(text: &str) -> (Sshd, tempfile::TempDir) {
    use std::os::unix::fs::PermissionsExt as _;
    let bin = tempfile::tempdir().unwrap();
    let sudo = bin.path().join("sudo");
    fs::write(&sudo, text).unwrap();
    fs::set_permissions(&sudo, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("SetEnv PATH={}:/usr/local/bin:/usr/bin:/bin", bin.path().display());
    (Sshd::start(&path), bin)
}

#[tokio::test]
async fn sudo_that_wants_a_password_is_a_refusal_that_says_so() {
    let (sshd, _bin) = with_sudo("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n");
    let transport = SshTransport::new(sshd.options());
    let mut job = Job::begin_as(&transport, &sshd.host("h1"), "echo out", RunAs::Root);
    let end = job.end().await;
    assert!(matches!(&end, ShellEnd::Refused { why } if why.contains("without a password")), "{end:?}");
    assert!(job.started.is_none());
}

#[tokio::test]
async fn a_job_with_sudo_runs_and_is_cancelled_through_sudo() {
    let trace = tempfile::tempdir().unwrap();
    let log = trace.path().join("calls");
    let text = format!("#!/bin/sh\necho call >>{}\n[ \"$1\" = -n ] || exit 1\nshift\n\"$@\"\n", log.display());
    let (sshd, _bin) = with_sudo(&text);
    cancel_kills(&sshd, false, RunAs::Root).await;
    assert_eq!(fs::read_to_string(log).unwrap().lines().count(), 2, "one call to run, one to kill");
}

#[tokio::test]
async fn a_job_as_another_user_runs_and_is_cancelled_as_that_user() {
    let trace = tempfile::tempdir().unwrap();
    let log = trace.path().join("calls");
    let text = format!("#!/bin/sh\necho \"$1 $2 $3 $4\" >>{}\nshift 3\n\"$@\"\n", log.display());
    let (sshd, _bin) = with_sudo(&text);
    cancel_kills(&sshd, false, RunAs::User(UserName::new("www-data").unwrap())).await;
    assert_eq!(fs::read_to_string(log).unwrap(), "-n -u www-data sh\n".repeat(2), "one call to run, one to kill");
}

#[tokio::test]
async fn a_user_that_the_host_does_not_have_is_a_refusal_that_says_so() {
    let (sshd, _bin) = with_sudo("#!/bin/sh\necho 'sudo: unknown user app' >&2\nexit 1\n");
    let transport = SshTransport::new(sshd.options());
    let run_as = RunAs::User(UserName::new("app").unwrap());
    let end = Job::begin_as(&transport, &sshd.host("h1"), "echo out", run_as).end().await;
    assert!(matches!(&end, ShellEnd::Refused { why } if why.contains("has no user app")), "{end:?}");
}

#[tokio::test]
async fn reads_share_the_connection_of_runs_and_keep_to_their_deadline() {
    let sshd = Sshd::start("");
    let transport = SshTransport::new(sshd.options());
    let host = sshd.host("h1");
    let mut job = Job::begin(&transport, &host, "echo up; exec sleep 1000");
    job.until_stdout_has("up").await;
    let reads = (0..6).map(|n| {
        let (transport, host) = (&transport, &host);
        async move { transport.read(host, &format!("echo $(({n}*7))"), PATIENCE).await }
    });
    let answers = futures::future::join_all(reads).await;
    assert_eq!(answers.last(), Some(&Ok("35\n".to_owned())));
    assert_eq!(sshd.sessions().len(), 1, "one connection, even when all ask at once");
    let late = transport.read(&host, "exec sleep 1000", Duration::from_millis(300)).await;
    assert!(matches!(&late, Err(NoAnswer::Failed(why)) if why.contains("within 0.3 s")), "{late:?}");
    let long = transport.read(&host, "head -c 3000000 /dev/zero", PATIENCE).await;
    assert!(matches!(&long, Err(NoAnswer::Failed(why)) if why.contains("1 MiB")), "{long:?}");
    job.cancel.terminate();
    assert_eq!(job.end().await, ShellEnd::Killed);
    bounded(transport.close()).await;
    until("the connection was closed", || sshd.sessions().is_empty()).await;
}
