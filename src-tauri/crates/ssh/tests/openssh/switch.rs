//! The dead-man switch: what a host does alone.

use std::fs;
use std::time::Duration;

use daytwo_engine::ports::{DeadManEnd, Shell as _, ShellEnd};
use daytwo_model::Exit;
use daytwo_model::plan::RunAs;
use daytwo_ssh::SshTransport;

use tokio::task::JoinSet;

use crate::drive::{Job, bounded, kept, kept_job, new_attempt, until, until_within};
use crate::kept::Folder;
use crate::shells::{self, ShellHost};
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
        assert_eq!(end, ShellEnd::DeadMan, "{}", host.name);
    }
}

#[tokio::test]
async fn a_script_that_its_switch_has_ended_is_told_so_to_whoever_follows_it_in_every_shell() {
    for host in shells::all() {
        let transport = SshTransport::new(host.sshd.options());
        let attempt = new_attempt();
        let folder = Folder::of(attempt);
        // What it says of its own end is not how it came to that.
        let script =
            "trap 'exit 0' TERM; echo up; n=0; while [ $n -lt 600 ]; do n=$((n + 1)); sleep 0.05; done; exit 3";
        let job = kept_job(attempt, script, RunAs::Login, Some((Duration::from_secs(1), ":")));
        let mut job = Job::begin_job(&transport, &host.sshd.host("h1"), job);
        assert_eq!(job.end().await, ShellEnd::DeadMan, "{}", host.name);
        until("the host took the step back", || folder.file("undo.end").exists()).await;
        let told = bounded(transport.disarm(&host.sshd.host("h1"), &kept(attempt, Some(&job)))).await;
        assert_eq!(told, DeadManEnd::Fired(Some(Exit::Code(0))), "{}", host.name);
    }
}

/// Some part of the script belongs to another user, as after a `sudo` in it, so the host cannot end that.
#[tokio::test]
async fn a_way_back_never_runs_beside_a_script_that_cannot_be_ended_in_every_shell() {
    let Some((login, become_root)) = shells::as_nobody() else { return };
    let mut jobs = JoinSet::new();
    for host in shells::all_with(&login) {
        let become_root = become_root.path().join("become").display().to_string();
        jobs.spawn(async move { outlives_its_switch(host, &become_root).await });
    }
    jobs.join_all().await;
}

async fn outlives_its_switch(host: ShellHost, become_root: &str) {
    let transport = SshTransport::new(host.sshd.options());
    let h1 = host.sshd.host("h1");
    let attempt = new_attempt();
    let script = format!("{become_root} --reuid=0 --regid=0 --clear-groups sleep 100 & echo $! up; wait $!; sleep 100");
    let job = kept_job(attempt, &script, RunAs::Login, Some((Duration::from_secs(1), "touch \"$daytwo_left.undone\"")));
    let mut job = Job::begin_job(&transport, &h1, job);
    job.until_stdout_has("up\n").await;
    let (pid, place) = (job.pids()[0], job.started.as_ref().unwrap().place.clone().unwrap());
    let folder = Folder(place.into());
    let tried = Duration::from_secs(90);
    until_within(tried, "it has tried", || folder.text("undo.end").starts_with("alive")).await;
    assert!(is_alive(pid), "{}", host.name);
    assert!(!folder.file("left.undone").exists(), "{}: a way back beside the way forward", host.name);
    let told = bounded(transport.disarm(&h1, &kept(attempt, Some(&job)))).await;
    assert!(
        matches!(&told, DeadManEnd::Failed { why, over: false } if why.contains("was not run")),
        "{}: {told:?}",
        host.name
    );
    // Its own shell could be ended, and was.
    assert_eq!(job.end().await, ShellEnd::DeadMan, "{}", host.name);
    let ask = async || bounded(transport.disarm(&h1, &kept(attempt, Some(&job)))).await;
    let is_over = |told: DeadManEnd| matches!(told, DeadManEnd::Failed { over: true, .. });
    // What lives is none of it where the host was started since.
    let boot = folder.word("keeper", 2);
    folder.replace("keeper", 2, "00000000-0000-0000-0000-000000000000");
    assert!(is_over(ask().await), "{}", host.name);
    folder.replace("keeper", 2, &boot);
    assert!(!is_over(ask().await), "{}: it still lives", host.name);
    signal("KILL", pid);
    until("it is gone", || !is_alive(pid)).await;
    let told = ask().await;
    assert!(is_over(told.clone()), "{}: a person has ended it: {told:?}", host.name);
}

/// What a host says while it is still at it is never taken for the end of that.
#[tokio::test]
async fn a_switch_whose_way_back_still_runs_is_not_said_to_have_taken_anything_back_in_every_shell() {
    for host in shells::all() {
        let transport = SshTransport::new(host.sshd.options());
        let h1 = host.sshd.host("h1");
        let (attempt, gate) = (new_attempt(), host.sshd.path("gate"));
        let folder = Folder::of(attempt);
        let inverse =
            format!("n=0; until [ -e {} ] || [ $n -ge 600 ]; do n=$((n + 1)); sleep 0.05; done", gate.display());
        let dead_man = Some((Duration::from_secs(1), inverse.as_str()));
        let mut job = Job::begin_job(&transport, &h1, kept_job(attempt, "echo up; sleep 1000", RunAs::Login, dead_man));
        assert_eq!(job.end().await, ShellEnd::DeadMan, "{}", host.name);
        until("the way back runs", || !folder.text("undo.proc").is_empty()).await;
        let ask = async || bounded(transport.disarm(&h1, &kept(attempt, Some(&job)))).await;
        let told = ask().await;
        assert!(matches!(&told, DeadManEnd::Unknown { why } if why.contains("not known yet")), "{told:?}");
        // A host that is started anew in the middle of it has no more to say.
        let boot = folder.word("keeper", 2);
        folder.replace("keeper", 2, "00000000-0000-0000-0000-000000000000");
        assert_eq!(ask().await, DeadManEnd::Fired(None), "{}", host.name);
        folder.replace("keeper", 2, &boot);
        fs::write(&gate, "").unwrap();
        until("the host took the step back", || folder.file("undo.end").exists()).await;
        assert_eq!(ask().await, DeadManEnd::Fired(Some(Exit::Code(0))), "{}", host.name);
    }
}

#[tokio::test]
async fn without_setsid_the_switch_ends_what_the_script_had_started_too() {
    let (sshd, _bin) = shells::without("setsid");
    let transport = SshTransport::new(sshd.options());
    let attempt = new_attempt();
    let folder = Folder::of(attempt);
    let script =
        "sh -c 'trap \"\" TERM; echo $$ up; n=0; while [ $n -lt 600 ]; do n=$((n + 1)); sleep 0.1; done'; echo on";
    let job = kept_job(attempt, script, RunAs::Login, Some((Duration::from_secs(1), "exit 4")));
    let mut job = Job::begin_job(&transport, &sshd.host("h1"), job);
    job.until_stdout_has("up\n").await;
    let (pid, shell) = (job.pids()[0], job.started.as_ref().unwrap().pid);
    until("the host took the step back", || folder.file("undo.end").exists()).await;
    assert!(!is_alive(pid) && !is_alive(shell), "a way back beside the way forward");
    assert_eq!(folder.text("undo.end"), "exit 4\n");
    assert_eq!(job.end().await, ShellEnd::DeadMan);
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
