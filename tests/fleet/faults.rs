//! The hosts are what they claim to be, and each fault is what it says, as OpenSSH's own client sees it.

use std::net::TcpStream;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::kit::{ConsoleFault, Fault, Fleet, Host, PATIENCE, until};

fn answer(host: &Host, command: &str) -> String {
    let output = host.ssh(command).output().unwrap();
    assert!(output.status.success(), "{}: `{command}`: {output:?}", host.name());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(255), "ssh did not fail: {output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn refusal(host: &Host) -> String {
    complaint(&host.ssh("true").output().unwrap())
}

/// A session that is known to have begun, as its mark is on the host.
fn session(host: &Host, mark: &str) -> std::process::Child {
    let child = host.ssh(&format!("touch /tmp/{mark}; exec sleep 60")).spawn().unwrap();
    until("the session begins", || !host.exec(&format!("ls /tmp/{mark} 2>/dev/null || true")).is_empty());
    child
}

#[test]
#[ignore = "boots real hosts; `cargo xtask test` asks for it where it can"]
fn hosts_run_systemd_and_keep_their_disk_through_reboot_and_power_cut() {
    let Some(fleet) = Fleet::up(2) else { return };
    let mut boots = Vec::new();
    for host in fleet.hosts() {
        assert_eq!(answer(host, "uname -n; cat /proc/1/comm"), format!("{}\nsystemd", host.name()));
        assert_eq!(
            answer(host, "systemctl is-system-running; systemctl is-active nginx cron"),
            "running\nactive\nactive"
        );
        assert_eq!(answer(host, "sudo -n id -un"), "root");
        boots.push(host.boot_id());
    }
    let (one, other) = (fleet.host(1), fleet.host(2));
    answer(one, "echo kept > ~/kept; sync");
    for fault in [Fault::Reboot, Fault::Kill, Fault::Stop] {
        one.fault(fault);
        one.fault(Fault::Start);
        assert_eq!(answer(one, "cat ~/kept"), "kept", "after {fault:?}");
        boots.push(one.boot_id());
    }
    assert_eq!(other.boot_id(), boots[1], "a fault of one host reached the other");
    boots.sort();
    boots.dedup();
    assert_eq!(boots.len(), 5, "a boot has the id of another: {boots:?}");
}

#[test]
#[ignore = "boots real hosts; `cargo xtask test` asks for it where it can"]
fn a_host_that_shuts_down_says_so_and_one_without_power_is_silent() {
    let Some(fleet) = Fleet::up(2) else { return };
    let stopped = session(fleet.host(1), "session");
    fleet.host(1).fault(Fault::Stop);
    assert!(complaint(&stopped.wait_with_output().unwrap()).contains("closed by remote host"));

    let killed = session(fleet.host(2), "session");
    fleet.host(2).fault(Fault::Kill);
    let told = complaint(&killed.wait_with_output().unwrap());
    assert!(told.contains("not responding"), "a host without power said: {told}");
    for host in fleet.hosts() {
        let told = refusal(host);
        assert!(told.contains("timed out") || told.contains("No route to host"), "a host without power said: {told}");
    }
}

#[test]
#[ignore = "boots real hosts; `cargo xtask test` asks for it where it can"]
fn a_host_that_lost_power_and_is_back_at_once_does_not_remember_its_sessions() {
    let Some(fleet) = Fleet::up(1) else { return };
    let host = fleet.host(1);
    let killed = session(host, "session");
    host.fault(Fault::Kill);
    host.fault(Fault::Start);
    let told = complaint(&killed.wait_with_output().unwrap());
    assert!(!told.contains("closed by remote host"), "a host said goodbye after it had lost its power: {told}");
}

#[test]
#[ignore = "boots real hosts; `cargo xtask test` asks for it where it can"]
fn each_fault_of_the_network_is_seen_by_ssh_for_what_it_is_and_ends() {
    let Some(fleet) = Fleet::up(1) else { return };
    let host = fleet.host(1);
    for (fault, end, words) in [
        (Fault::Unplug, Fault::Plug, &["timed out", "No route to host"][..]),
        (Fault::Blackhole, Fault::Unblackhole, &["timed out"]),
        (Fault::Reject, Fault::Unreject, &["Connection refused"]),
        (Fault::Freeze, Fault::Thaw, &["banner exchange"]),
        (Fault::loss(100), Fault::Repair, &["timed out", "No route to host"]),
    ] {
        // Twice, as everything here may be asked for again.
        host.fault(fault);
        host.fault(fault);
        let told = refusal(host);
        assert!(words.iter().any(|word| told.contains(word)), "{fault:?} is seen as: {told}");
        host.fault(end);
        host.fault(end);
        assert_eq!(answer(host, "echo well"), "well", "after {end:?}");
    }

    let slow = Fault::Impair { delay_ms: 100, jitter_ms: 0, loss: 0, duplicate: 10, rate_kbit: 0 };
    host.fault(slow);
    let begun = Instant::now();
    TcpStream::connect_timeout(&(host.address(), 22).into(), PATIENCE).unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(200), "a way of 100 ms took {:?} both ways", begun.elapsed());

    host.fault(Fault::rate(1000));
    let begun = Instant::now();
    let sent = host.ssh("head -c 250000 /dev/zero").output().unwrap();
    assert_eq!(sent.stdout.len(), 250_000);
    assert!(begun.elapsed() >= Duration::from_millis(1500), "2 Mbit at 1 Mbit/s took {:?}", begun.elapsed());

    // One more host may come while this one is ill; and a session holds through a cable that was touched.
    host.fault(Fault::Unplug);
    host.fault(Fault::Kill);
    fleet.up_again(2);
    host.fault(Fault::Heal);
    assert_eq!(answer(host, "systemctl is-system-running"), "running");
}

#[test]
#[ignore = "boots real hosts; `cargo xtask test` asks for it where it can"]
fn a_full_disk_and_a_wrong_clock_are_so_for_every_program_and_end() {
    let Some(fleet) = Fleet::up(1) else { return };
    let host = fleet.host(1);
    answer(host, "echo before > ~/before");
    host.fault(Fault::DiskFull);
    for place in ["/home/ops", "/tmp", "/var/tmp"] {
        let output = host.ssh(&format!("cat ~/before; echo lost > {place}/more")).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains("No space left on device"), "{place}: {output:?}");
        assert_eq!(output.stdout, b"before\n");
    }
    host.fault(Fault::DiskFree);
    answer(host, "echo kept > ~/more");

    let clock = || answer(host, "date +%s; cut -d. -f1 /proc/uptime");
    let seconds = |text: &str, line: usize| text.lines().nth(line).unwrap().parse::<i64>().unwrap();
    let before = clock();
    host.fault(Fault::Clock(-86_400));
    let after = clock();
    // A day less the few seconds that the test took.
    let jump = seconds(&before, 0) - seconds(&after, 0);
    assert!((86_000..=86_400).contains(&jump), "the clock went back by {jump} s");
    assert!(seconds(&after, 1) >= seconds(&before, 1), "the time since the boot went back as well");
    host.fault(Fault::Clock(0));
    assert!(seconds(&clock(), 0) >= seconds(&before, 0));
}

#[test]
#[ignore = "boots real hosts; `cargo xtask test` asks for it where it can"]
fn the_console_reaches_the_hosts_and_its_own_disk_and_clock_can_fail() {
    let Some(fleet) = Fleet::up(2) else { return };
    fleet.runbook("name", NAME);
    let ran = fleet.daytwo(&["run", "name", "--yes"]).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let runs = fleet.daytwo(&["--json", "runs"]).output().unwrap();
    let runs: serde_json::Value = serde_json::from_slice(&runs.stdout).unwrap();
    assert_eq!(runs[0]["status"], "succeeded", "{runs}");

    let more = fleet.data_dir().join("more");
    fleet.console_fault(ConsoleFault::DiskFull);
    let refused = std::fs::write(&more, [0; 8192]).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::StorageFull);
    fleet.console_fault(ConsoleFault::DiskFree);
    std::fs::write(&more, [0; 8192]).unwrap();

    fleet.console_fault(ConsoleFault::Clock(7 * 86_400));
    fleet.daytwo(&["run", "name", "--yes"]).output().unwrap();
    let listed = fleet.daytwo(&["--json", "runs"]).output().unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    // Timestamps are text that sorts by time.
    let week_less_a_day =
        Command::new("date").args(["--utc", "--date=6 days", "+%Y-%m-%dT%H:%M:%SZ"]).output().unwrap();
    let started = listed[0]["started_at"].as_str().unwrap();
    assert!(started > String::from_utf8(week_less_a_day.stdout).unwrap().as_str(), "the run began at {started}");
}

const NAME: &str = "\
runbook: name
title: Ask for the name
summary: Asks a host for its name.
owner: test
kind: diagnostic
targets: role=web
steps:
  - id: look
    run: uname -n
    effect: read
";

#[test]
#[ignore = "boots real hosts; `cargo xtask test` asks for it where it can"]
fn down_leaves_nothing_behind_whatever_the_hosts_went_through() {
    let Some(fleet) = Fleet::up(2) else { return };
    let name = fleet.folder().file_name().unwrap().to_str().unwrap().to_owned();
    fleet.host(1).fault(Fault::loss(5));
    fleet.host(2).fault(Fault::Freeze);
    assert!(!traces(&name).is_empty(), "a fleet that is up leaves no traces, so nothing is tested here");
    drop(fleet);
    assert_eq!(traces(&name), Vec::<String>::new());
}

/// Everything on this machine that a fleet of this name has made: files, mounts, networks, cgroups, processes.
fn traces(name: &str) -> Vec<String> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    let list = |folder: &str| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path().display().to_string()).collect::<Vec<_>>()
    };
    let processes = Command::new("ps").args(["-eo", "args"]).output().unwrap();
    let mut found: Vec<String> = read("/proc/mounts").lines().map(str::to_owned).collect();
    found.extend(String::from_utf8_lossy(&processes.stdout).lines().map(str::to_owned));
    for folder in ["/run/netns", "/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/run/systemd/nspawn/propagate"] {
        found.extend(list(folder));
    }
    found.extend(list(&std::env::temp_dir().display().to_string()));
    found.retain(|line| line.contains(name));
    found
}
