//! Attempts that outlive their connection, in every shell.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use daytwo_engine::ports::{Kept, Shell as _, ShellEnd};
use daytwo_model::plan::RunAs;
use daytwo_model::{AttemptId, Exit, ProcessIdentity};
use daytwo_ssh::{SshTransport, TouchState};

use crate::drive::{Job, bounded, kept, kept_job, new_attempt, until};
use crate::shells;
use crate::sshd::{Sshd, command_line, environment, is_alive, processes, signal};

const FINE: ShellEnd = ShellEnd::Exited(Exit::Code(0));

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

    fn replace(&self, name: &str, index: usize, word: &str) {
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
async fn output_comes_while_the_script_runs_and_is_complete_in_every_shell() {
    for host in shells::all() {
        let transport = SshTransport::new(host.sshd.options());
        let (attempt, gate) = (new_attempt(), host.sshd.path("gate"));
        let _folder = Folder::of(attempt);
        let script = format!(
            "echo one; head -c 3000000 /dev/zero; while [ ! -e {0} ]; do sleep 0.05; done\n\
             head -c 300000 /dev/zero >&2; head -c 3000000 /dev/zero; echo two",
            gate.display()
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
async fn a_script_that_removes_what_is_kept_of_it_has_run_all_the_same_in_every_shell() {
    for host in shells::all() {
        let transport = SshTransport::new(host.sshd.options());
        let (attempt, gate) = (new_attempt(), host.sshd.path("gate"));
        let folder = Folder::of(attempt);
        let wait = format!("echo up; while [ ! -e {} ]; do sleep 0.05; done", gate.display());
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
        let script = format!(
            "echo one; echo err >&2; while [ ! -e {0} ]; do sleep 0.05; done; echo two; echo more >&2; exit 5",
            gate.display()
        );
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

#[tokio::test]
async fn a_process_left_in_the_background_keeps_its_output_and_does_not_hold_the_end_back() {
    for host in shells::all() {
        let transport = SshTransport::new(host.sshd.options());
        let (attempt, gate) = (new_attempt(), host.sshd.path("gate"));
        let folder = Folder::of(attempt);
        let script = format!("(while [ ! -e {} ]; do sleep 0.05; done; echo later) & echo $!; exit 3", gate.display());
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
async fn no_secret_is_in_a_process_list_an_environment_or_a_file() {
    for host in shells::all() {
        let transport = SshTransport::new(host.sshd.options());
        let (attempt, gate) = (new_attempt(), host.sshd.path("gate"));
        let folder = Folder::of(attempt);
        let script = format!("secret=never-seen-4711\necho up\nwhile [ ! -e {} ]; do sleep 0.05; done", gate.display());
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
        assert_eq!(disarmed, daytwo_engine::ports::DeadManEnd::Disarmed, "{}", host.name);
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
