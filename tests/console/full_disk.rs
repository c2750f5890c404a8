//! A history that cannot be written any more in the middle of a run: what is said, and that the truth is found
//! afterwards.
#![cfg(target_os = "linux")]

use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::support::{Desk, Ended, SLOW, Sshd, decided, until, words};

/// A file system that is small enough to be filled in an instant, and large enough for a history.
const SMALL: &str = "size=16m";

/// Starts the slow run, and waits for its second step.
fn running(desk: &Desk) -> Child {
    let command = desk.daytwo(&["run", "slow", "-i", &desk.input("counter"), "--yes"]);
    // The signal would end the process before it learns that its write was refused.
    let mut deaf = Command::new("sh");
    deaf.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(command.get_program()).args(command.get_args());
    deaf.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let console = deaf.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("the second step runs on the host", || !desk.read("counter").is_empty());
    until("the journal says so", || words(&desk.last_run())[1] == "running");
    console
}

/// Lets the step end, which the console cannot write down. It says so, and what it knows.
fn is_given_up(desk: &Desk, console: Child, why: &str) {
    desk.open("counter.go");
    let ended = Ended::of(console.wait_with_output().unwrap());
    ended.expect(6);
    assert!(ended.stdout.contains("● verified  ◐ running  ⧖ planned"), "{}", ended.stdout);
    for words in ["could not be driven to its end", "write the journal", why, "daytwo recover"] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
}

/// The step that was on its way was found out, and nothing was sent again.
fn is_found_out(desk: &Desk) {
    let found = desk.run(&["recover"]);
    found.expect(0);
    assert!(found.stdout.contains("long on local finished with exit 0"), "{found:?}");
    let run = desk.last_run();
    assert_eq!(words(&run), ["verified", "verified", "skipped"], "{run}");
    assert_eq!(decided(&run), ["started the run", "found the run interrupted"]);
    for (file, lines) in [("counter.first", "once\n"), ("counter", "once\n"), ("counter.last", "")] {
        assert_eq!(desk.read(file), lines, "{file}");
    }
}

#[test]
fn a_history_whose_disk_fails_in_the_middle_of_a_run_is_said_so_and_recovered_later() {
    let (_sshd, desk) = Desk::ready(&["local"], "slow", SLOW);
    let console = running(&desk);
    // From now on every file refuses to grow, which SQLite tells as an I/O error.
    let none = Rlimit { current: Some(0), maximum: None };
    let process = Pid::from_raw(i32::try_from(console.id()).unwrap());
    prlimit(process, Resource::Fsize, none).unwrap();
    is_given_up(&desk, console, "nothing of it was kept");
    is_found_out(&desk);
}

#[test]
fn a_history_whose_disk_is_full_in_the_middle_of_a_run_is_said_so_and_recovered_when_there_is_room() {
    let sshd = Sshd::start();
    let desk = Desk::with_host(&sshd);
    let Some(_small) = SmallDisk::at(&desk) else {
        eprintln!("not tested here, because only root may mount a small file system");
        return;
    };
    desk.runbook("slow", SLOW);
    desk.run(&["keys", "--accept-new"]).expect(0);
    let console = running(&desk);
    let filler = desk.path("data/filler");
    // An error is what it is for.
    let _ = Command::new("dd").args(["if=/dev/zero", "bs=64k"]).arg(format!("of={}", filler.display())).output();
    is_given_up(&desk, console, "the disk or the history's own size limit is full");
    let still = desk.run(&["recover"]);
    still.expect(6);
    assert!(still.stderr.contains("is full"), "{still:?}");
    std::fs::remove_file(filler).unwrap();
    is_found_out(&desk);
}

/// The history of a desk on a file system of its own. Goes when dropped.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn at(desk: &Desk) -> Option<Self> {
        let data = desk.path("data");
        std::fs::create_dir_all(&data).unwrap();
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", SMALL, "tmpfs"]).arg(&data).stderr(Stdio::null()).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(data))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a killed command may still have its files open for an instant.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
