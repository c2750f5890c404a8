//! What others see of attempts on a host: who and what, and no secret; and what keeping them costs it.

use std::fs;
use std::time::Duration;

use daytwo_engine::ports::{DeadManEnd, Shell as _, ShellEnd};
use daytwo_model::Exit;
use daytwo_model::plan::RunAs;
use daytwo_ssh::{SshTransport, TouchState};

use crate::drive::{FINE, Job, bounded, kept, kept_job, new_attempt, wait_for};
use crate::kept::Folder;
use crate::shells;
use crate::sshd::{Sshd, command_line, environment, processes};

#[tokio::test]
async fn no_secret_is_in_a_process_list_an_environment_or_a_file() {
    for host in shells::all() {
        let transport = SshTransport::new(host.sshd.options());
        let (attempt, gate) = (new_attempt(), host.sshd.path("gate"));
        let folder = Folder::of(attempt);
        let script = format!("secret=never-seen-4711\necho up\n{}", wait_for(&gate));
        let dead_man = Some((Duration::from_secs(600), ": never-seen-4711"));
        let job = kept_job(attempt, &script, RunAs::Login, dead_man);
        let mut job = Job::begin_job(&transport, &host.sshd.host("h1"), job);
        job.until_stdout_has("up\n").await;
        let own = std::process::id();
        for pid in processes().filter(|pid| *pid != own) {
            assert!(!command_line(pid).contains("never-seen-4711"), "{}: in the arguments of {pid}", host.name);
            assert!(!environment(pid).contains("never-seen-4711"), "{}: in the environment of {pid}", host.name);
        }
        for entry in fs::read_dir(&folder.0).unwrap().flatten() {
            let bytes = fs::read(entry.path()).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains("never-seen-4711"), "{}: {entry:?}", host.name);
        }
        fs::write(gate, "").unwrap();
        assert_eq!(job.end().await, FINE, "{}", host.name);
        let disarmed = bounded(transport.disarm(&host.sshd.host("h1"), &kept(attempt, Some(&job)))).await;
        assert_eq!(disarmed, DeadManEnd::Disarmed, "{}", host.name);
    }
}

#[tokio::test]
async fn whoever_asks_hears_who_worked_on_the_host_and_what_lives_there() {
    for host in shells::all_empty() {
        let transport = SshTransport::new(host.sshd.options());
        let h1 = host.sshd.host("h1");
        let (ended, running, never) = (new_attempt(), new_attempt(), new_attempt());
        assert_eq!(Job::deliver(&transport, &h1, ended, "exit 4").end().await, ShellEnd::Exited(Exit::Code(4)));
        Job::reattach(&transport, &h1, kept(never, None)).end().await;
        let mut job = Job::deliver(&transport, &h1, running, "echo up; sleep 1000");
        job.until_stdout_has("up\n").await;

        let touched = bounded(transport.touched(&h1, &RunAs::Login)).await.unwrap();
        let found = |attempt| touched.touches.iter().find(|touch| touch.attempt == attempt).unwrap();
        assert_eq!(found(running).state, TouchState::Running, "{}", host.name);
        assert_eq!(found(ended).state, TouchState::Finished { exit: Exit::Code(4) }, "{}", host.name);
        assert_eq!(found(never).state, TouchState::NotStarted, "{}", host.name);
        assert_eq!(found(ended).by, "ada@desk");
        assert_eq!(found(ended).what, "restart / stop it (run 0198)");
        let since = found(running).since_s.unwrap();
        assert!((0..60).contains(&(touched.now_s - since)), "{}: {since} {}", host.name, touched.now_s);

        let looked = bounded(transport.look(&h1, &kept(running, None))).await.unwrap();
        assert!(looked.contains("sleep") && looked.contains("none waits"), "{}: {looked}", host.name);
        assert_eq!(bounded(transport.look(&h1, &kept(ended, None))).await.as_deref(), Some("it has ended"));
        job.cancel.kill();
        assert_eq!(job.end().await, ShellEnd::Killed, "{}", host.name);
    }
}

/// Processor time that a connection's processes and all that they waited for have used, in ticks of 10 ms.
fn ticks_of(sshd: &Sshd) -> u64 {
    let used = |pid: u32| -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields = text.rsplit(") ").next()?.split(' ').skip(11).take(4);
        Some(fields.filter_map(|field| field.parse::<u64>().ok()).sum())
    };
    sshd.sessions().into_iter().filter_map(used).sum()
}

/// The bound is loose, because other tests run beside this one; the figures are printed. Both hold what the
/// login shell's own start-up files cost, which may be the most of it.
#[tokio::test]
async fn keeping_an_attempt_costs_a_host_little() {
    const JOBS: u64 = 20;
    for host in shells::all() {
        let transport = SshTransport::new(host.sshd.options());
        let h1 = host.sshd.host("h1");
        crate::drive::run(&transport, &h1, "true").await;
        let before = ticks_of(&host.sshd);
        for _ in 0..JOBS {
            assert_eq!(crate::drive::run(&transport, &h1, "true").await.0, FINE);
        }
        let attached = ticks_of(&host.sshd) - before;
        for _ in 0..JOBS {
            let attempt = new_attempt();
            let _folder = Folder::of(attempt);
            assert_eq!(Job::deliver(&transport, &h1, attempt, "true").end().await, FINE, "{}", host.name);
        }
        let kept = ticks_of(&host.sshd) - before - attached;
        let each = |ticks: u64| ticks * 10 / JOBS;
        println!("{}: {} ms of CPU for an attached job, {} ms for a kept one", host.name, each(attached), each(kept));
        assert!(each(kept.saturating_sub(attached)) < 60, "{}: {} ms", host.name, each(kept));
    }
}
