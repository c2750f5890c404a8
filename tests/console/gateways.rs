//! Hosts behind a real OpenSSH gateway.
#![cfg(target_os = "linux")]

use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Desk, Sshd, login, until};

/// How many hosts behind the gateway work at one time, as the runbook says.
const AT_ONCE: usize = 2;
/// How many hosts are behind it.
const BEHIND: usize = 6;

/// Each host makes a lock, counts the locks of its kind, and waits until it may go, at most for a minute.
const COUNTED: &str = "\
runbook: counted
title: Count who works
summary: Holds a lock until it may go.
owner: test
kind: operation
targets: host in (behind-1, behind-2, behind-3, behind-4, behind-5, behind-6, direct-1, direct-2, direct-3)
rollout: { batches: [100%], at_once_per_gateway: 2 }
inputs:
  folder: { type: string, title: Folder }
steps:
  - id: hold
    run: |
      cd {{ folder }}
      kind={{ host.name }}
      kind=${kind%-*}
      mkdir $kind/{{ host.name }}
      ls $kind | wc -l >> $kind.seen
      left=1200
      until [ -e go ] || [ -e {{ host.name }}.go ]; do
        left=$((left - 1))
        [ $left -gt 0 ] || exit 9
        sleep 0.05
      done
      rmdir $kind/{{ host.name }}
    undo: none
    verify: { run: 'true' }
";

/// A desk whose ssh_config has six hosts behind one gateway, and three that are reached directly.
fn desk(gate: &Sshd, inner: &Sshd) -> Desk {
    let desk = Desk::new();
    let ssh = desk.path(".ssh");
    std::fs::create_dir_all(&ssh).unwrap();
    let known = [gate, inner].map(|sshd| format!("[127.0.0.1]:{} {}\n", sshd.port, sshd.host_key())).concat();
    std::fs::write(ssh.join("known_hosts"), known).unwrap();
    let host = |name: &str, sshd: &Sshd, rest: &str| {
        format!("Host {name}\n  Port {}\n  IdentityFile {}\n{rest}", sshd.port, sshd.client_key().display())
    };
    let mut config = host("gate", gate, "");
    for number in 1..=BEHIND {
        config += &host(&format!("behind-{number}"), inner, "  ProxyJump gate\n");
    }
    for number in 1..=3 {
        config += &host(&format!("direct-{number}"), inner, "");
    }
    let known = ssh.join("known_hosts");
    config += &format!("Host *\n  HostName 127.0.0.1\n  User {}\n  UserKnownHostsFile {}\n", login(), known.display());
    std::fs::write(ssh.join("config"), config).unwrap();
    // The program takes the home of whoever it runs as, not the one of this desk.
    let program = desk.path("bin/ssh");
    std::fs::create_dir_all(desk.path("bin")).unwrap();
    let text = format!("#!/bin/sh\nPATH=${{PATH#*:}}\nexec ssh -F '{}' \"$@\"\n", ssh.join("config").display());
    std::fs::write(&program, text).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    desk.runbook("counted", COUNTED);
    desk
}

fn names(desk: &Desk, folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(desk.path(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn behind_one_gateway_never_more_hosts_work_at_one_time_than_the_runbook_allows() {
    let (gate, inner) = (Sshd::start(), Sshd::start());
    let desk = desk(&gate, &inner);
    for kind in ["behind", "direct"] {
        std::fs::create_dir(desk.path(kind)).unwrap();
    }
    let folder = format!("folder={}", desk.dir.path().display());
    let mut console = desk.daytwo(&["run", "counted", "-i", &folder, "--yes"]);
    let path = format!("{}:{}", desk.path("bin").display(), std::env::var("PATH").unwrap());
    let console = console.env("PATH", path).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let console = console.spawn().unwrap();

    until("all that are reached directly work", || names(&desk, "direct").len() == 3);
    let mut done = Vec::new();
    while done.len() < BEHIND {
        let due = AT_ONCE.min(BEHIND - done.len());
        until("as many as may work behind the gateway do", || {
            let working = names(&desk, "behind");
            assert!(working.len() <= AT_ONCE, "{working:?} work behind one gateway");
            working.iter().filter(|host| !done.contains(*host)).count() == due
        });
        let next = names(&desk, "behind").into_iter().find(|host| !done.contains(host)).unwrap();
        desk.open(&format!("{next}.go"));
        until("it is done", || !names(&desk, "behind").contains(&next));
        done.push(next);
    }
    desk.open("go");
    let ended = console.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let most =
        |kind: &str| desk.read(&format!("{kind}.seen")).lines().filter_map(|line| line.trim().parse().ok()).max();
    // The hosts' own counts: each looked when it had its lock.
    assert_eq!((most("behind"), most("direct")), (Some(AT_ONCE), Some(3)));
    assert!(gate.log().contains("Accepted publickey"), "nobody came through the gateway: {}", gate.log());
}
