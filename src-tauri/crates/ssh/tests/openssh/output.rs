//! The output of attempts that their hosts keep: complete, in time, and each byte as it was written.

use std::fs;
use std::time::{Duration, Instant};

use daytwo_engine::ports::ShellEnd;
use daytwo_model::Exit;
use daytwo_ssh::SshTransport;

use crate::drive::{FINE, Job, new_attempt, until, wait_for};
use crate::kept::Folder;
use crate::shells;
use crate::sshd::{Sshd, is_alive};

#[tokio::test]
async fn output_comes_while_the_script_runs_and_is_complete_in_every_shell() {
    for host in shells::all() {
        let transport = SshTransport::new(host.sshd.options());
        let (attempt, gate) = (new_attempt(), host.sshd.path("gate"));
        let _folder = Folder::of(attempt);
        let script = format!(
            "echo one; head -c 3000000 /dev/zero; {0}\n\
             head -c 300000 /dev/zero >&2; head -c 3000000 /dev/zero; echo two",
            wait_for(&gate)
        );
        let mut job = Job::deliver(&transport, &host.sshd.host("h1"), attempt, &script);
        job.until_stdout_has("one\n").await;
        fs::write(gate, "").unwrap();
        assert_eq!(job.end().await, FINE, "{}", host.name);
        assert_eq!((job.stdout.len(), job.stderr.len()), (6_000_008, 300_000), "{}", host.name);
        assert!(job.stdout.ends_with(b"\0two\n"), "{}", host.name);
    }
}

#[tokio::test]
async fn output_that_ends_like_the_beginning_of_a_mark_is_whole_in_every_shell() {
    for host in shells::all() {
        for wait in ["", "sleep 0.4; "] {
            let transport = SshTransport::new(host.sshd.options());
            let attempt = new_attempt();
            let _folder = Folder::of(attempt);
            let script = format!("{wait}printf 'not found: d'; printf 'failed at day' >&2; exit 1");
            let mut job = Job::deliver(&transport, &host.sshd.host("h1"), attempt, &script);
            assert_eq!(job.end().await, ShellEnd::Exited(Exit::Code(1)), "{} {wait}", host.name);
            assert_eq!((job.out(), job.err()), ("not found: d".into(), "failed at day".into()), "{} {wait}", host.name);
        }
    }
}

#[tokio::test]
async fn a_process_left_in_the_background_keeps_its_output_and_does_not_hold_the_end_back() {
    for host in shells::all() {
        let transport = SshTransport::new(host.sshd.options());
        let (attempt, gate) = (new_attempt(), host.sshd.path("gate"));
        let folder = Folder::of(attempt);
        let script = format!("({}; echo later) & echo $!; exit 3", wait_for(&gate));
        let begun = Instant::now();
        let mut job = Job::deliver(&transport, &host.sshd.host("h1"), attempt, &script);
        assert_eq!(job.end().await, ShellEnd::Exited(Exit::Code(3)), "{}", host.name);
        assert!(begun.elapsed() < Duration::from_secs(10), "{}", host.name);
        fs::write(gate, "").unwrap();
        let pid = job.pids()[0];
        until("it wrote without being hurt", || folder.text("out").ends_with("later\n")).await;
        until("it is over", || !is_alive(pid)).await;
        until("nothing of the connection's processes waits for it", || folder.file("done").exists()).await;
    }
}

#[tokio::test]
async fn fifty_megabytes_arrive_complete_also_from_a_host_that_keeps_them() {
    let sshd = Sshd::start("");
    let transport = SshTransport::new(sshd.options());
    let attempt = new_attempt();
    let _folder = Folder::of(attempt);
    let script = "head -c 50000000 /dev/zero; head -c 300000 /dev/zero >&2";
    let mut job = Job::deliver(&transport, &sshd.host("h1"), attempt, script);
    assert_eq!(job.end().await, FINE);
    assert_eq!((job.stdout.len(), job.stderr.len()), (50_000_000, 300_000));
}
