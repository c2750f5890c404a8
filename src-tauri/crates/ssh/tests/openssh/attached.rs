//! Attempts that a host cannot keep: nothing is said of them that nobody can know.

use std::time::Duration;

use daytwo_engine::ports::{Kept, ShellEnd};
use daytwo_model::plan::RunAs;
use daytwo_ssh::SshTransport;

use crate::drive::{FINE, Job, kept, kept_job, new_attempt};
use crate::places::{NO_HOME, NO_SHM, NO_TMP, NO_VAR_TMP};
use crate::sshd::{Sshd, is_alive, signal};

/// A host on which no place can be written. None where that cannot be had.
fn without_a_place() -> Option<Sshd> {
    Sshd::start_in(&[NO_VAR_TMP, NO_HOME, NO_TMP, NO_SHM].join("\n"))
}

fn cannot_be_asked(end: &ShellEnd) {
    assert!(matches!(end, ShellEnd::Unseen { why } if why.contains("cannot be asked")), "{end:?}");
}

#[tokio::test]
async fn a_host_without_any_place_starts_nothing_and_says_so() {
    let Some(sshd) = without_a_place() else { return };
    let transport = SshTransport::new(sshd.options());
    let (h1, trace) = (sshd.host("h1"), sshd.path("trace"));
    for dead_man in [None, Some((Duration::from_secs(60), ":"))] {
        let job = kept_job(new_attempt(), &format!("touch {}", trace.display()), RunAs::Login, dead_man);
        let end = Job::begin_job(&transport, &h1, job).end().await;
        assert!(matches!(&end, ShellEnd::CannotKeep { why } if why.contains("no place")), "{end:?}");
    }
    // Nothing can be fenced there, so nothing is claimed.
    let end = Job::reattach(&transport, &h1, kept(new_attempt(), None)).end().await;
    assert!(matches!(end, ShellEnd::Unseen { .. }), "{end:?}");
    assert!(!trace.exists());
}

#[tokio::test]
async fn what_runs_attached_is_looked_for_by_its_process() {
    let Some(sshd) = without_a_place() else { return };
    let transport = SshTransport::new(sshd.options());
    let h1 = sshd.host("h1");
    let attempt = new_attempt();
    let mut job = Job::begin(&transport, &h1, "echo $$ up; exec sleep 1000");
    job.until_stdout_has("up\n").await;
    assert_eq!(job.started.clone().unwrap().place, None);
    for pid in sshd.sessions() {
        signal("KILL", pid);
    }
    let end = job.end().await;
    assert!(matches!(end, ShellEnd::Unseen { .. }), "{end:?}");
    let end = Job::reattach(&transport, &h1, kept(attempt, Some(&job))).end().await;
    assert!(matches!(&end, ShellEnd::Unseen { why } if why.contains("still runs")), "{end:?}");
    let mut again = Job::reattach(&transport, &h1, kept(attempt, Some(&job)));
    again.cancel.kill();
    assert_eq!(again.end().await, ShellEnd::Killed);
    let end = Job::reattach(&transport, &h1, kept(attempt, Some(&job))).end().await;
    assert!(matches!(end, ShellEnd::Lost { .. }), "{end:?}");
}

/// A console dies when it has sent a script to run attached, and before it knows that it began; and the host can
/// write again when the next console asks.
#[tokio::test]
async fn what_was_sent_to_run_attached_is_never_said_not_to_have_begun() {
    let Some(sshd) = without_a_place() else { return };
    let transport = SshTransport::new(sshd.options());
    let h1 = sshd.host("h1");
    let (sent, never_sent) = (new_attempt(), new_attempt());
    for attempt in [sent, never_sent] {
        let end = Job::deliver(&transport, &h1, attempt, "exit 0").end().await;
        assert!(matches!(end, ShellEnd::CannotKeep { .. }), "{end:?}");
    }
    let mut job = Job::begin(&transport, &h1, "echo $$; echo up; exec sleep 1000");
    job.until_stdout_has("up\n").await;
    let pid = job.pids()[0];
    transport.close().await;
    job.end().await;
    assert!(is_alive(pid), "it goes on without its console");

    let next = SshTransport::new(sshd.options());
    assert_eq!(crate::drive::run(&next, &h1, "mount -o remount,rw /var/tmp").await.0, FINE);
    let noted = Kept { attached: true, ..kept(sent, None) };
    for _ in 0..2 {
        cannot_be_asked(&Job::reattach(&next, &h1, noted.clone()).end().await);
    }
    let before_its_boot = Kept { sent_ago: Duration::from_secs(3650 * 86_400), ..noted };
    let end = Job::reattach(&next, &h1, before_its_boot).end().await;
    assert!(matches!(&end, ShellEnd::Lost { why } if why.contains("started since")), "{end:?}");
    // Without that note nothing of it was sent.
    let end = Job::reattach(&next, &h1, kept(never_sent, None)).end().await;
    assert!(matches!(end, ShellEnd::NotStarted { .. }), "{end:?}");
    signal("KILL", pid);
}
