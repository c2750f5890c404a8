//! The dead-man switch: what a host does alone.

use std::fs;
use std::time::Duration;

use daytwo_engine::ports::{DeadManEnd, Shell as _, ShellEnd};
use daytwo_model::Exit;
use daytwo_model::plan::RunAs;
use daytwo_ssh::SshTransport;

use crate::drive::{Job, bounded, kept, kept_job, new_attempt, until};
use crate::kept::Folder;
use crate::shells;
use crate::sshd::{command_line, is_alive, processes, signal};

#[tokio::test]
async fn a_switch_that_is_not_disarmed_fires_alone_and_ends_the_script_first_in_every_shell() {
    for host in shells::all() {
        let transport = SshTransport::new(host.sshd.options());
        let h1 = host.sshd.host("h1");
        let (attempt, trace) = (new_attempt(), host.sshd.path("trace"));
        let folder = Folder::of(attempt);
        let inverse = format!("echo undone; echo back >>{}; exit 9", trace.display());
        let dead_man = Some((Duration::from_secs(2), inverse.as_str()));
        let job = kept_job(attempt, "echo $$ up; while :; do sleep 1000; done", RunAs::Login, dead_man);
        let mut job = Job::begin_job(&transport, &h1, job);
        job.until_stdout_has("up\n").await;
        let pid = job.started.as_ref().unwrap().pid;
        for session in host.sshd.sessions() {
            signal("KILL", session);
        }
        job.end().await;
        until("the host took the step back", || folder.file("undo.end").exists()).await;
        assert_eq!(fs::read_to_string(&trace).unwrap(), "back\n", "{}", host.name);
        until("what it printed is kept", || folder.text("undo") == "undone\n").await;
        assert!(!is_alive(pid), "{}: a way back beside the way forward", host.name);
        let told = bounded(transport.disarm(&h1, &kept(attempt, Some(&job)))).await;
        assert_eq!(told, DeadManEnd::Fired(Some(Exit::Code(9))), "{}", host.name);
        let end = Job::reattach(&transport, &h1, kept(attempt, Some(&job))).end().await;
        assert_eq!(end, ShellEnd::Killed, "{}", host.name);
    }
}

#[tokio::test]
async fn a_switch_that_is_disarmed_never_fires() {
    for host in shells::all() {
        let transport = SshTransport::new(host.sshd.options());
        let h1 = host.sshd.host("h1");
        let (attempt, trace) = (new_attempt(), host.sshd.path("trace"));
        let folder = Folder::of(attempt);
        let inverse = format!("echo back >>{}", trace.display());
        // Nothing else here sleeps for three seconds.
        let dead_man = Some((Duration::from_secs(3), inverse.as_str()));
        let mut job = Job::begin_job(&transport, &h1, kept_job(attempt, "exit 0", RunAs::Login, dead_man));
        assert_eq!(job.end().await, ShellEnd::Exited(Exit::Code(0)), "{}", host.name);
        for _ in 0..2 {
            let told = bounded(transport.disarm(&h1, &kept(attempt, Some(&job)))).await;
            assert_eq!(told, DeadManEnd::Disarmed, "{}", host.name);
        }
        let waits = || processes().any(|pid| command_line(pid).trim_end().ends_with("sleep 3"));
        until("its time is over", || !waits()).await;
        assert!(!trace.exists() && !folder.file("fired").exists(), "{}", host.name);
    }
}

#[tokio::test]
async fn a_switch_outlives_the_end_of_its_script_by_force() {
    let sshd = crate::sshd::Sshd::start("");
    let transport = SshTransport::new(sshd.options());
    let h1 = sshd.host("h1");
    let (attempt, trace) = (new_attempt(), sshd.path("trace"));
    let folder = Folder::of(attempt);
    let inverse = format!("echo back >>{}", trace.display());
    let dead_man = Some((Duration::from_secs(2), inverse.as_str()));
    let mut job = Job::begin_job(&transport, &h1, kept_job(attempt, "echo up; sleep 1000", RunAs::Login, dead_man));
    job.until_stdout_has("up\n").await;
    job.cancel.kill();
    assert_eq!(job.end().await, ShellEnd::Killed);
    until("the host took the step back", || folder.file("undo.end").exists()).await;
    assert_eq!(fs::read_to_string(&trace).unwrap(), "back\n");
}

#[tokio::test]
async fn a_switch_that_was_never_armed_is_not_said_to_be_disarmed() {
    let sshd = crate::sshd::Sshd::start("");
    let transport = SshTransport::new(sshd.options());
    let h1 = sshd.host("h1");
    let attempt = new_attempt();
    let _folder = Folder::of(attempt);
    let nothing = bounded(transport.disarm(&h1, &kept(attempt, None))).await;
    assert!(matches!(&nothing, DeadManEnd::Unknown { why } if why.contains("keeps nothing")), "{nothing:?}");
    Job::deliver(&transport, &h1, attempt, "exit 0").end().await;
    let unarmed = bounded(transport.disarm(&h1, &kept(attempt, None))).await;
    assert!(matches!(&unarmed, DeadManEnd::Unknown { why } if why.contains("no switch")), "{unarmed:?}");
}
