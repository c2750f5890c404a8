//! Attempts that outlive their connection, in every shell.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use daytwo_engine::ports::{Kept, ShellEnd};
use daytwo_model::{AttemptId, Exit, ProcessIdentity};
use daytwo_ssh::SshTransport;

use crate::drive::{FINE, Job, kept, new_attempt, wait_for};
use crate::shells;
use crate::sshd::{Sshd, is_alive, signal};

/// The folder of an attempt on this machine; removed at the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn of(attempt: AttemptId) -> Self {
        let uid = std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap());
        Self(format!("/var/tmp/daytwo-{uid}/{attempt}").into())
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// One word of the first line of a file.
    pub(crate) fn word(&self, name: &str, index: usize) -> String {
        self.text(name).split_whitespace().nth(index).unwrap_or_default().to_owned()
    }

    pub(crate) fn replace(&self, name: &str, index: usize, word: &str) {
        let text = self.text(name);
        let mut words: Vec<&str> = text.lines().next().unwrap().split_whitespace().collect();
        words[index] = word;
        fs::write(self.file(name), words.join(" ") + "\n").unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The host may still be about to write its last word there.
        for _ in 0..200 {
            if fs::remove_dir_all(&self.0).is_ok() || !self.0.exists() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn cut_link(sshd: &Sshd) {
    for pid in sshd.sessions() {
        signal("KILL", pid);
    }
}

fn is_unseen(end: &ShellEnd) -> bool {
    matches!(end, ShellEnd::Unseen { .. })
}

#[tokio::test]
async fn a_kept_script_runs_as_an_attached_one_does_in_every_shell() {
    for host in shells::all() {
        let transport = SshTransport::new(host.sshd.options());
        let attempt = new_attempt();
        let folder = Folder::of(attempt);
        let script = "printf 'a\\000b\\377'; echo err >&2; read line && echo stdin-was-open; set -- x\n\
                      grep SigIgn /proc/self/status >&2; cat <<EOF\n$# $dt_s$dt_script $$\nEOF\nexit 7";
        let h1 = host.sshd.host("h1");
        let (_, attached) = crate::drive::run(&transport, &h1, "grep SigIgn /proc/self/status").await;
        let mut job = Job::deliver(&transport, &h1, attempt, script);
        let name = host.name;
        assert_eq!(job.end().await, ShellEnd::Exited(Exit::Code(7)), "{name}");
        let started = job.started.clone().unwrap();
        let pid = started.pid;
        assert_eq!(job.stdout, [b"a\0b\xff1  ", pid.to_string().as_bytes(), b"\n"].concat(), "{name}");
        assert_eq!(job.err(), format!("err\n{}", attached.out()), "{name}: no signal is ignored that was not before");
        assert_eq!(started.place.as_deref(), folder.0.to_str(), "{name}");
        assert_eq!((started.group, folder.word("end", 1).as_str()), (None, "7"), "{name}");
        assert_eq!(folder.text("about"), "by ada@desk\nwhat restart / stop it (run 0198)\n", "{name}");
        assert_eq!(fs::read(folder.file("out")).unwrap(), job.stdout, "{name}");
        let mode =
            |file| std::os::unix::fs::PermissionsExt::mode(&fs::metadata(folder.file(file)).unwrap().permissions());
        assert_eq!((mode("out") & 0o777, mode("end") & 0o777, mode("") & 0o777), (0o600, 0o644, 0o755), "{name}");
        assert_eq!(host.sshd.sessions().len(), 1, "{name}: one connection");
    }
}

#[tokio::test]
async fn a_script_that_removes_what_is_kept_of_it_has_run_all_the_same_in_every_shell() {
    for host in shells::all() {
        let transport = SshTransport::new(host.sshd.options());
        let (attempt, gate) = (new_attempt(), host.sshd.path("gate"));
        let folder = Folder::of(attempt);
        let wait = format!("echo up; {}", wait_for(&gate));
        let script = format!("{wait}; rm -rf {}; echo removed; exit 4", folder.0.display());
        let mut job = Job::deliver(&transport, &host.sshd.host("h1"), attempt, &script);
        job.until_stdout_has("up\n").await;
        fs::write(gate, "").unwrap();
        let end = job.end().await;
        if host.name == "busybox" {
            // Its tail knows no parts of a second, so the follower looks at the folder, and that is gone.
            assert!(matches!(&end, ShellEnd::Lost { why } if why.contains("has been removed")), "{end:?}");
        } else {
            assert_eq!(end, ShellEnd::Exited(Exit::Code(4)), "{}", host.name);
            assert_eq!(job.out(), "up\nremoved\n", "{}", host.name);
        }
    }
}

#[tokio::test]
async fn a_script_outlives_a_cut_link_and_every_byte_comes_once_in_every_shell() {
    for host in shells::all() {
        let (transport, name) = (SshTransport::new(host.sshd.options()), host.name);
        let (attempt, gate) = (new_attempt(), host.sshd.path("gate"));
        let folder = Folder::of(attempt);
        let script = format!("echo one; echo err >&2; {0}; echo two; echo more >&2; exit 5", wait_for(&gate));
        let h1 = host.sshd.host("h1");
        let mut job = Job::deliver(&transport, &h1, attempt, &script);
        job.until_stdout_has("one\n").await;
        cut_link(&host.sshd);
        let end = job.end().await;
        assert!(is_unseen(&end), "{name}: {end:?}");

        let mut again = Job::reattach(&transport, &h1, kept(attempt, Some(&job)));
        fs::write(gate, "").unwrap();
        assert_eq!(again.end().await, ShellEnd::Exited(Exit::Code(5)), "{name}");
        assert!(again.started.is_none(), "{name}: the start was known");
        assert_eq!((job.out() + &again.out(), job.err() + &again.err()), ("one\ntwo\n".into(), "err\nmore\n".into()));

        // Long after its end, and by a console that knows nothing of it.
        let mut late = Job::reattach(&transport, &h1, kept(attempt, None));
        assert_eq!(late.end().await, ShellEnd::Exited(Exit::Code(5)), "{name}");
        assert_eq!((late.out().as_str(), late.err().as_str()), ("one\ntwo\n", "err\nmore\n"), "{name}");
        assert_eq!(late.started.map(|process| process.place), Some(folder.0.to_str().map(str::to_owned)), "{name}");
    }
}

#[tokio::test]
async fn a_second_delivery_is_refused_and_the_script_ran_once() {
    for host in shells::all() {
        let transport = SshTransport::new(host.sshd.options());
        let (attempt, counter) = (new_attempt(), host.sshd.path("counter"));
        let _folder = Folder::of(attempt);
        let script = format!("echo x >>{}", counter.display());
        let h1 = host.sshd.host("h1");
        let mut jobs: Vec<Job> = (0..3).map(|_| Job::deliver(&transport, &h1, attempt, &script)).collect();
        let mut ends = Vec::new();
        for job in &mut jobs {
            ends.push(job.end().await);
        }
        assert_eq!(ends.iter().filter(|end| **end == FINE).count(), 1, "{}: {ends:?}", host.name);
        let refused = |end: &&ShellEnd| matches!(end, ShellEnd::Refused { why } if why.contains("a second time"));
        assert_eq!(ends.iter().filter(refused).count(), 2, "{}: {ends:?}", host.name);
        assert_eq!(fs::read_to_string(counter).unwrap(), "x\n", "{}", host.name);
    }
}

#[tokio::test]
async fn what_had_not_arrived_when_the_host_was_asked_never_begins_in_every_shell() {
    for host in shells::all() {
        let transport = SshTransport::new(host.sshd.options());
        let (attempt, trace) = (new_attempt(), host.sshd.path("trace"));
        let _folder = Folder::of(attempt);
        let h1 = host.sshd.host("h1");
        for _ in 0..2 {
            let end = Job::reattach(&transport, &h1, kept(attempt, None)).end().await;
            assert!(matches!(end, ShellEnd::NotStarted { .. }), "{}: {end:?}", host.name);
        }
        let end = Job::deliver(&transport, &h1, attempt, &format!("touch {}", trace.display())).end().await;
        assert!(matches!(end, ShellEnd::Refused { .. }), "{}: {end:?}", host.name);
        assert!(!trace.exists(), "{}", host.name);
    }
}

/// What a host says of an attempt of which it holds no folder.
async fn asked_about_nothing(kept: impl FnOnce(&mut Kept)) -> ShellEnd {
    let sshd = Sshd::start("");
    let transport = SshTransport::new(sshd.options());
    let mut asked = crate::drive::kept(new_attempt(), None);
    let _folder = Folder::of(asked.attempt);
    kept(&mut asked);
    Job::reattach(&transport, &sshd.host("h1"), asked).end().await
}

#[tokio::test]
async fn no_folder_means_not_started_only_where_nothing_can_have_taken_it() {
    let lost =
        |end: &ShellEnd, word: &str| assert!(matches!(end, ShellEnd::Lost { why } if why.contains(word)), "{end:?}");
    lost(&asked_about_nothing(|kept| kept.sent_ago = Duration::from_secs(3650 * 86_400)).await, "started since");
    let place = Some("/var/tmp/daytwo-0/x".to_owned());
    let known = ProcessIdentity { pid: 1, place, ..ProcessIdentity::default() };
    lost(&asked_about_nothing(|kept| kept.process = Some(known)).await, "removed");
    let attached = ProcessIdentity { pid: u32::MAX - 1, ..ProcessIdentity::default() };
    lost(&asked_about_nothing(|kept| kept.process = Some(attached)).await, "process is gone");
}

/// A script that runs until it is killed, known to one console that lost its link.
async fn left_alone(transport: &Arc<SshTransport>, sshd: &Sshd, attempt: AttemptId) -> Job {
    let mut job = Job::deliver(transport, &sshd.host("h1"), attempt, "echo $$ up; exec sleep 1000");
    job.until_stdout_has("up\n").await;
    cut_link(sshd);
    let end = job.end().await;
    assert!(is_unseen(&end), "{end:?}");
    assert!(is_alive(job.started.as_ref().unwrap().pid), "it outlives its link");
    job
}

#[tokio::test]
async fn a_process_that_is_gone_without_an_end_is_lost_and_a_reused_pid_is_nobodys() {
    let sshd = Sshd::start("");
    let transport = SshTransport::new(sshd.options());
    let h1 = sshd.host("h1");
    let attempt = new_attempt();
    let folder = Folder::of(attempt);
    let job = left_alone(&transport, &sshd, attempt).await;
    let pid = job.started.as_ref().unwrap().pid;

    // As if the pid had been given to somebody else, and the shell that waited for it were gone too.
    let keeper: u32 = folder.word("keeper", 0).parse().unwrap();
    folder.replace("proc", 2, "1");
    signal("KILL", keeper);
    let reused = ProcessIdentity { start_ticks: Some("1".into()), ..job.started.clone().unwrap() };
    let mut asked = kept(attempt, Some(&job));
    asked.process = Some(reused);
    let again = Job::reattach(&transport, &h1, asked.clone());
    again.cancel.kill();
    let mut again = again;
    let end = again.end().await;
    assert!(is_unseen(&end) || matches!(end, ShellEnd::Lost { .. }), "{end:?}");
    assert!(is_alive(pid), "a process with another start time was signalled");
    let end = Job::reattach(&transport, &h1, asked).end().await;
    assert!(matches!(&end, ShellEnd::Lost { why } if why.contains("left no exit code")), "{end:?}");
    signal("KILL", pid);
}

#[tokio::test]
async fn a_host_that_was_started_since_has_lost_it() {
    let sshd = Sshd::start("");
    let transport = SshTransport::new(sshd.options());
    let attempt = new_attempt();
    let folder = Folder::of(attempt);
    let job = left_alone(&transport, &sshd, attempt).await;
    folder.replace("keeper", 2, "00000000-0000-0000-0000-000000000000");
    let end = Job::reattach(&transport, &sshd.host("h1"), kept(attempt, Some(&job))).end().await;
    assert!(matches!(&end, ShellEnd::Lost { why } if why.contains("has been started since")), "{end:?}");
    signal("KILL", job.started.unwrap().pid);
}

#[tokio::test]
async fn a_cancel_ends_all_of_a_kept_attempt_in_every_shell() {
    for host in shells::all() {
        for hard in [false, true] {
            let transport = SshTransport::new(host.sshd.options());
            let attempt = new_attempt();
            let folder = Folder::of(attempt);
            let script =
                "trap '' TERM; sh -c 'echo $$ in; while :; do sleep 1000; done' & echo $$ out; wait; sleep 1000";
            let mut job = Job::deliver(&transport, &host.sshd.host("h1"), attempt, script);
            job.until_stdout_has("in\n").await;
            job.until_stdout_has("out\n").await;
            let pids = job.pids();
            assert!(pids.len() == 2 && pids.iter().all(|pid| is_alive(*pid)), "{}: {}", host.name, job.out());
            if hard {
                job.cancel.kill()
            } else {
                job.cancel.terminate()
            }
            assert_eq!(job.end().await, ShellEnd::Killed, "{} hard={hard}", host.name);
            assert!(!pids.iter().any(|pid| is_alive(*pid)), "{}: {pids:?} survived", host.name);
            assert!(folder.file("killed").exists(), "{}: others read it too", host.name);
            let end = Job::reattach(&transport, &host.sshd.host("h1"), kept(attempt, Some(&job))).end().await;
            assert_eq!(end, ShellEnd::Killed, "{}: whoever asks later hears the same", host.name);
        }
    }
}

#[tokio::test]
async fn an_attempt_that_is_followed_again_can_be_ended_too() {
    let sshd = Sshd::start("");
    let transport = SshTransport::new(sshd.options());
    let attempt = new_attempt();
    let _folder = Folder::of(attempt);
    let job = left_alone(&transport, &sshd, attempt).await;
    for knows in [false, true] {
        let known = kept(attempt, knows.then_some(&job));
        let mut again = Job::reattach(&transport, &sshd.host("h1"), known);
        again.cancel.terminate();
        assert_eq!(again.end().await, ShellEnd::Killed, "knows={knows}");
    }
    assert!(!is_alive(job.started.unwrap().pid));
}
