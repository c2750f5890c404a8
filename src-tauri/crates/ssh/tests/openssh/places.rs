//! Hosts that lack something: a place that can be written, room on the disk, a program, a quiet login shell.

use std::fs;

use daytwo_engine::ports::ShellEnd;
use daytwo_model::Exit;
use daytwo_model::plan::RunAs;
use daytwo_ssh::{SshTransport, TouchState};

use crate::drive::{FINE, Job, bounded, kept, kept_job, new_attempt};
use crate::jobs::with_sudo;
use crate::kept::Folder;
use crate::shells;
use crate::sshd::Sshd;

pub(crate) const NO_VAR_TMP: &str = "mount -t tmpfs -o ro none /var/tmp";
pub(crate) const NO_HOME: &str = "mount --bind \"$HOME\" \"$HOME\"; mount -o remount,ro,bind \"$HOME\"";
pub(crate) const NO_TMP: &str = "mount --bind /tmp /tmp; mount -o remount,ro,bind /tmp";
pub(crate) const NO_SHM: &str = "mount -t tmpfs -o ro none /dev/shm";

/// A view of its own of every place, so that nothing of other tests is there.
pub(crate) const EMPTY: &str = "mount -t tmpfs none /var/tmp; mount -t tmpfs none /dev/shm";

#[tokio::test]
async fn an_attempt_is_kept_in_the_first_place_that_can_be_written() {
    let views = [
        (vec![NO_VAR_TMP], "/.local/state/daytwo/"),
        (vec![NO_VAR_TMP, NO_HOME, "mount -t tmpfs -o noexec none /mnt; mount --bind /mnt /dev/shm"], "/tmp/daytwo-"),
        (vec![NO_VAR_TMP, NO_HOME, NO_TMP], "/dev/shm/daytwo-"),
    ];
    for (view, place) in views {
        let Some(sshd) = Sshd::start_in(&view.join("\n")) else { return };
        let transport = SshTransport::new(sshd.options());
        let attempt = new_attempt();
        let mut job = Job::deliver(&transport, &sshd.host("h1"), attempt, "echo out; exit 3");
        assert_eq!(job.end().await, ShellEnd::Exited(Exit::Code(3)), "{view:?}");
        let at = job.started.clone().unwrap().place.unwrap();
        let _folder = Folder(at.clone().into());
        assert!(at.contains(place), "{view:?}: {at}");
        let mut again = Job::reattach(&transport, &sshd.host("h1"), kept(attempt, None));
        assert_eq!((again.end().await, again.out().as_str()), (ShellEnd::Exited(Exit::Code(3)), "out\n"), "{view:?}");
    }
}

#[tokio::test]
async fn a_full_disk_is_not_felt_by_the_script_and_does_not_hide_its_end() {
    let Some(sshd) = Sshd::start_in("mount -t tmpfs -o size=256k none /var/tmp") else { return };
    let transport = SshTransport::new(sshd.options());
    let h1 = sshd.host("h1");
    let attempt = new_attempt();
    let script = "set -e; head -c 1000000 /dev/zero; sleep 0.5; echo not-hurt >&2; head -c 1000000 /dev/zero; exit 6";
    let mut job = Job::deliver(&transport, &h1, attempt, script);
    assert_eq!(job.end().await, ShellEnd::Exited(Exit::Code(6)));
    assert!((100_000..256 * 1024).contains(&job.stdout.len()), "{}", job.stdout.len());
    assert!(job.err().contains("did not keep all output"), "{}", job.err());
    let mut again = Job::reattach(&transport, &h1, kept(attempt, None));
    assert_eq!(again.end().await, ShellEnd::Exited(Exit::Code(6)));
    assert_eq!(again.stdout.len(), job.stdout.len());

    // The next one finds no room there, and goes elsewhere.
    let next = new_attempt();
    let mut job = Job::deliver(&transport, &h1, next, "exit 0");
    assert_eq!(job.end().await, FINE);
    let at = job.started.unwrap().place.unwrap();
    assert!(!at.starts_with("/var/tmp"), "{at}");
    let _folder = Folder(at.into());
}

#[tokio::test]
async fn without_setsid_it_runs_and_its_start_says_that_it_shares_a_group() {
    let (sshd, _bin) = shells::without("setsid");
    let transport = SshTransport::new(sshd.options());
    let attempt = new_attempt();
    let _folder = Folder::of(attempt);
    let mut job = Job::deliver(&transport, &sshd.host("h1"), attempt, "echo $$ up; exec sleep 1000");
    job.until_stdout_has("up\n").await;
    let started = job.started.clone().unwrap();
    assert!(started.group.is_some_and(|group| group != started.pid), "{started:?}");
    job.cancel.terminate();
    let end = job.end().await;
    assert!(matches!(&end, ShellEnd::Unseen { why } if why.contains("no process group of its own")), "{end:?}");
}

#[tokio::test]
async fn login_shells_of_any_kind_and_what_they_print_do_not_matter() {
    let banner = "ForceCommand echo motd; printf hint >&2; printf 'no newline'; eval \"$SSH_ORIGINAL_COMMAND\"";
    let login = |shell: &str| format!("ForceCommand exec {shell} -c \"$SSH_ORIGINAL_COMMAND\"");
    let mut servers = vec![("banner", banner.to_owned())];
    for shell in ["fish", "tcsh", "bash", "busybox sh", "mksh"] {
        let program = shell.split(' ').next().unwrap();
        if std::path::Path::new("/usr/bin").join(program).exists()
            || std::path::Path::new("/bin").join(program).exists()
        {
            servers.push((shell, login(shell)));
        } else {
            eprintln!("not tested here, because it is not installed: {shell}");
        }
    }
    for (name, config) in servers {
        let sshd = Sshd::start(&config);
        let transport = SshTransport::new(sshd.options());
        let h1 = sshd.host("h1");
        let attempt = new_attempt();
        let _folder = Folder::of(attempt);
        let mut job = Job::deliver(&transport, &h1, attempt, "echo \"it's\" out!; echo err >&2; exit 2");
        assert_eq!(job.end().await, ShellEnd::Exited(Exit::Code(2)), "{name}");
        assert_eq!((job.out().as_str(), job.err().as_str()), ("it's out!\n", "err\n"), "{name}");
        let (end, attached) = crate::drive::run(&transport, &h1, "echo out; exit 3").await;
        assert_eq!((end, attached.out().as_str()), (ShellEnd::Exited(Exit::Code(3)), "out\n"), "{name}");
    }
}

#[tokio::test]
async fn sudo_that_wants_a_password_is_a_refusal_also_of_what_would_be_kept() {
    let (sshd, _bin) = with_sudo("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n");
    let transport = SshTransport::new(sshd.options());
    let job = kept_job(new_attempt(), "echo out", RunAs::Root, None);
    let end = Job::begin_job(&transport, &sshd.host("h1"), job).end().await;
    assert!(matches!(&end, ShellEnd::Refused { why } if why.contains("without a password")), "{end:?}");
    let mut asked = kept(new_attempt(), None);
    asked.run_as = RunAs::Root;
    let end = Job::reattach(&transport, &sshd.host("h1"), asked).end().await;
    assert!(matches!(&end, ShellEnd::Unseen { why } if why.contains("without a password")), "{end:?}");
}

#[tokio::test]
async fn what_other_users_leave_there_is_not_believed_and_hurts_nobody() {
    let Some(sshd) = Sshd::start_in(EMPTY) else { return };
    let transport = SshTransport::new(sshd.options());
    let h1 = sshd.host("h1");
    let script = "chmod 1777 /var/tmp; b=/var/tmp/daytwo-65534; i=0198c1d2-0000-7000-8000-00000000000
        mkdir -p $b/${i}1 $b/${i}2 $b/${i}3; chown -R 65534 $b
        echo '4000000 1 a[$(touch /tmp/never)] b c d' >$b/${i}1/keeper; ln -s /etc/passwd $b/${i}1/about
        mkfifo $b/${i}2/keeper $b/${i}2/about $b/${i}2/end
        echo 'exit 0' >$b/${i}3/end; printf 'by eve\\nend\\nattempt %s4 exit 0\\nby forged' $i >$b/${i}3/about
        mkdir -p /var/tmp/daytwo-0x /var/tmp/daytwo-7/${i}5; echo 'exit 0' >/var/tmp/daytwo-7/${i}5/end
        ln -s /etc /dev/shm/daytwo-0";
    assert_eq!(crate::drive::run(&transport, &h1, script).await.0, FINE);
    let touched = bounded(transport.touched(&h1, &RunAs::Login)).await.unwrap();
    let theirs: Vec<_> = touched.touches.iter().filter(|touch| touch.place.starts_with("/var/tmp")).collect();
    let said: Vec<_> = theirs.iter().map(|touch| (touch.by.as_str(), &touch.state)).collect();
    let fine = TouchState::Finished { exit: Exit::Code(0) };
    assert_eq!(said, [("eve", &fine), ("", &TouchState::Lost), ("", &TouchState::Lost)], "{theirs:?}");
    assert!(!fs::exists("/tmp/never").unwrap());

    // Somebody else's folder, or a link, in the place of one's own: the next place is used.
    let script = "rm -rf /var/tmp/daytwo-0; mkdir /var/tmp/daytwo-0; chown 65534 /var/tmp/daytwo-0";
    assert_eq!(crate::drive::run(&transport, &h1, script).await.0, FINE);
    let mut job = Job::deliver(&transport, &h1, new_attempt(), "exit 0");
    assert_eq!(job.end().await, FINE);
    let at = job.started.unwrap().place.unwrap();
    let _folder = Folder(at.clone().into());
    assert!(!at.starts_with("/var/tmp") && !at.starts_with("/dev/shm"), "{at}");
}
