//! Demo hosts over SSH, through the transport that real hosts are reached with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use daytwo_demo::{DemoFleet, DemoOptions};
use daytwo_engine::ports::{Cancel, Keep, Kept, SHELL_EVENTS_MAX, Shell as _, ShellEnd, ShellEvent, ShellJob};
use daytwo_fleet::ports::{NoAnswer, Reach as _};
use daytwo_model::plan::RunAs;
use daytwo_model::{Exit, Host, SecretValue, Stream};
use daytwo_ssh::{SshOptions, SshTransport};
use tokio::sync::mpsc;

use crate::common::{PATIENCE, fleet, host, out, rebooted};

fn transport(fleet: &DemoFleet) -> Arc<SshTransport> {
    SshTransport::new(SshOptions { pinned: fleet.pinned().to_vec(), ..SshOptions::default() })
}

async fn run(transport: &SshTransport, host: &Host, script: &str, cancel: &Cancel) -> (ShellEnd, String, String) {
    let (sender, mut events) = mpsc::channel(SHELL_EVENTS_MAX);
    let job = ShellJob::read(SecretValue::new(script), RunAs::Root);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let read = async {
        while let Some(event) = events.recv().await {
            match event {
                ShellEvent::Started(_) => {}
                ShellEvent::Output(Stream::Stdout, bytes) => stdout.extend_from_slice(&bytes),
                ShellEvent::Output(_, bytes) => stderr.extend_from_slice(&bytes),
            }
        }
    };
    let (end, ()) = tokio::join!(transport.run(host, job, sender, cancel.clone()), read);
    (end, String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_hosts_answer_over_ssh_but_the_one_that_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let fleet = DemoFleet::start(dir.path(), DemoOptions::default()).await.unwrap();
    let transport = transport(&fleet);
    let transport = &*transport;
    let script = "printf '%s ' $(hostname); systemctl is-active ssh";
    let reads = fleet.hosts().iter().map(|host| async move { (host, transport.read(host, script, PATIENCE).await) });
    let answers = futures::future::join_all(reads).await;
    println!("24 hosts answered after {:?}", begun.elapsed());
    for (host, answer) in answers {
        match host.name.as_str() {
            "inference-sgp-2" => assert!(matches!(answer, Err(NoAnswer::Unreachable(_))), "{answer:?}"),
            name => assert_eq!(answer.as_deref(), Ok(format!("{name} active\n").as_str())),
        }
    }
    let begun = Instant::now();
    fleet.stop().await;
    println!("and were stopped after {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_exit_codes_and_signals_are_real_and_escapes_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = fleet(dir.path(), &["web-ams-1"]).await;
    let transport = transport(&fleet);
    let (web, never) = (&fleet.hosts()[0], Cancel::new());
    let (end, stdout, stderr) = run(&transport, web, "echo out; echo err >&2; exit 7", &never).await;
    assert_eq!((end, stdout.as_str(), stderr.as_str()), (ShellEnd::Exited(Exit::Code(7)), "out\n", "err\n"));

    let witness = dir.path().join("witness");
    std::fs::write(&witness, "untouched").unwrap();
    let escape = format!("echo changed >{}; ls /work /home /root; cat /etc/shadow", witness.display());
    let (end, ..) = run(&transport, web, &escape, &never).await;
    assert_ne!(end, ShellEnd::Exited(Exit::Code(0)));
    assert_eq!(std::fs::read_to_string(&witness).unwrap(), "untouched");

    let cancel = Cancel::new();
    let stop = async {
        let process = host(&fleet, "web-ams-1");
        let running = || async { out(&process, "pgrep -fc '[s]leep 4242' || :").await != "0" };
        crate::common::eventually("the job's start", running).await;
        cancel.terminate();
    };
    let ((end, ..), ()) = tokio::join!(run(&transport, web, "sleep 4242", &cancel), stop);
    assert_eq!(end, ShellEnd::Killed);
    assert_eq!(out(&host(&fleet, "web-ams-1"), "pgrep -fc '[s]leep 4242' || :").await, "0");
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reboot_breaks_the_connection_and_its_end_is_not_made_up() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = fleet(dir.path(), &["web-ams-1"]).await;
    let transport = transport(&fleet);
    let web = &fleet.hosts()[0];
    let machine = host(&fleet, "web-ams-1");
    let before = out(&machine, "cat /proc/sys/kernel/random/boot_id").await;
    let (end, ..) = run(&transport, web, "reboot; sleep 60", &Cancel::new()).await;
    assert!(matches!(end, ShellEnd::Unseen { .. }), "{end:?}");
    rebooted(&machine, &before).await;
    let answer = transport.read(web, "cat /proc/sys/kernel/random/boot_id", Duration::from_secs(20)).await;
    assert_ne!(answer.unwrap().trim(), before);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changing_step_is_kept_on_the_hosts_own_disk_and_outlives_the_console() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = fleet(dir.path(), &["web-ams-1"]).await;
    let web = &fleet.hosts()[0];
    let attempt: daytwo_model::AttemptId = "0198c1d2-0000-7000-8000-0000000000de".parse().unwrap();
    let keep =
        Keep { attempt, by: "ada".to_owned(), what: "demo".to_owned(), lease: Duration::from_secs(60), dead_man: None };
    let script = SecretValue::new("echo one; while [ ! -e /root/go ]; do sleep 0.05; done; echo two; exit 3");
    let job = ShellJob { script, run_as: RunAs::Root, keep: Some(keep) };
    let first = transport(&fleet);
    let (sender, mut events) = mpsc::channel(SHELL_EVENTS_MAX);
    let mut place = None;
    let running = first.run(web, job, sender, Cancel::new());
    let watching = async {
        while let Some(event) = events.recv().await {
            match event {
                ShellEvent::Started(process) => place = process.place,
                // The console goes away as soon as it has heard something.
                ShellEvent::Output(..) => first.close().await,
            }
        }
    };
    let (end, ()) = tokio::join!(running, watching);
    assert!(matches!(end, ShellEnd::Unseen { .. }), "{end:?}");
    assert_eq!(place.as_deref(), Some(format!("/var/tmp/daytwo-0/{attempt}").as_str()));

    let second = transport(&fleet);
    second.read(web, "touch /root/go", PATIENCE).await.unwrap();
    let sent_ago = Duration::from_secs(1);
    let kept = Kept { attempt, run_as: RunAs::Root, process: None, attached: false, have: (4, 0), sent_ago };
    let (sender, mut events) = mpsc::channel(SHELL_EVENTS_MAX);
    let mut rest = Vec::new();
    let asking = second.reattach(web, kept, sender, Cancel::new());
    let watching = async {
        while let Some(event) = events.recv().await {
            if let ShellEvent::Output(Stream::Stdout, bytes) = event {
                rest.extend_from_slice(&bytes);
            }
        }
    };
    let (end, ()) = tokio::join!(asking, watching);
    assert_eq!((end, rest.as_slice()), (ShellEnd::Exited(Exit::Code(3)), &b"two\n"[..]));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flaky_link_swallows_an_end_now_and_then() {
    let dir = tempfile::tempdir().unwrap();
    let fleet = fleet(dir.path(), &["web-fra-2"]).await;
    let transport = transport(&fleet);
    let (web, mut swallowed) = (&fleet.hosts()[0], 0);
    for _ in 0..14 {
        if transport.read(web, "true", Duration::from_secs(20)).await.is_err() {
            swallowed += 1;
        }
    }
    assert!((1..=4).contains(&swallowed), "{swallowed} of 14");
    fleet.stop().await;
}
