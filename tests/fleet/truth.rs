//! The promise that everything else is built on: no step is done twice, and what the journal says happened on a host is
//! what happened there, or it says that it does not know.
//!
//! Each round runs three changing steps on every host. Each step writes that it began and that it ended into a log on
//! the host, and while they run one thing goes wrong: at the console, on the way, or on a host. Then the fault is taken
//! away, a new console finds out what became of it, and journal and logs are laid side by side.
//!
//! `DAYTWO_TRUTH_ROUNDS` and `DAYTWO_TRUTH_SEED` make it longer and different: `cargo xtask bench truth`.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::kit::{ConsoleFault, Fault, Fleet, Host};

const HOSTS: u32 = 4;
/// Each kind of fault comes up at least once.
const ROUNDS: u64 = 22;
const SEED: u64 = 2026;
/// A console starts within a second and three steps take 0.7 s each: a fault may come before, within and after each.
const FAULT_AFTER_MAX_MS: u64 = 4500;
/// From the end of a fault to the end of the run that met it: dead connections are noticed, hosts asked again.
const END_WAIT: Duration = Duration::from_secs(150);
/// Until a new console has found out what became of a run.
const RECOVERY_WAIT: Duration = Duration::from_secs(150);
const STEPS: [&str; 3] = ["one", "two", "three"];
const RUNBOOK: &str = r#"
runbook: truth
title: Write down what happens
summary: Three changes, each of which writes down that it began and that it ended.
kind: operation
owner: tests
targets: role=web
inputs:
  round: { type: string, pattern: '[0-9]+' }
rollout: { batches: [100%], max_failed: 100%, max_unreachable: 100% }
"#;

/// What goes wrong in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    Nothing,
    ConsoleKilled,
    LinkCut,
    LinkSilent,
    HostReboots,
    HostKilled,
    HostFrozen,
    ConsoleDiskFull,
    HostDiskFull,
    Loss,
    HostClockJumps,
    ConsoleClockJumps,
}

const TROUBLES: [Trouble; 11] = [
    Trouble::ConsoleKilled,
    Trouble::LinkCut,
    Trouble::HostReboots,
    Trouble::HostKilled,
    Trouble::HostFrozen,
    Trouble::ConsoleDiskFull,
    Trouble::HostDiskFull,
    Trouble::Loss,
    Trouble::HostClockJumps,
    Trouble::ConsoleClockJumps,
    Trouble::LinkSilent,
];

/// Numbers that follow from a seed alone (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// How often each step of a round began and ended, by the host's own log.
type Log = BTreeMap<(u64, String), (u32, u32)>;

/// What the journal said of a step on a host in a round, to be held against the log again at the end of all.
struct Said {
    round: u64,
    host: usize,
    step: &'static str,
    word: String,
    detail: String,
}

#[test]
#[ignore = "boots real hosts; `cargo xtask test` asks for it where it can"]
fn no_step_is_done_twice_and_the_journal_says_what_the_hosts_say() {
    let Some(fleet) = Fleet::up(HOSTS) else { return };
    let number = |name: &str, otherwise| std::env::var(name).map_or(otherwise, |text| text.parse().unwrap());
    let (rounds, seed) = (number("DAYTWO_TRUTH_ROUNDS", ROUNDS), number("DAYTWO_TRUTH_SEED", SEED));
    let mut dice = Dice(seed);
    fleet.runbook("truth", &runbook());
    for host in fleet.hosts() {
        host.exec("install -o ops -d /srv/truth");
    }
    let mut said = Vec::new();
    let mut tally: BTreeMap<(Trouble, String), u32> = BTreeMap::new();
    let begun = Instant::now();
    for round in 0..rounds {
        let trouble = TROUBLES[usize::try_from(round).unwrap() % TROUBLES.len()];
        for of_round in play(&fleet, round, trouble, &mut dice) {
            *tally.entry((trouble, of_round.word.clone())).or_default() += 1;
            said.push(of_round);
        }
        check(&fleet, &said, round..=round);
    }
    // Whatever was still on its way has arrived or was refused by now.
    play(&fleet, rounds, Trouble::Nothing, &mut dice);
    check(&fleet, &said, 0..=rounds);
    eprintln!("{rounds} rounds on {HOSTS} hosts in {} s, seed {seed}", begun.elapsed().as_secs());
    for ((trouble, word), times) in tally {
        eprintln!("  {trouble:?}: {word} {times}");
    }
}

/// One run with one fault; what the journal says of it in the end.
fn play(fleet: &Fleet, round: u64, trouble: Trouble, dice: &mut Dice) -> Vec<Said> {
    let host = fleet.host(usize::try_from(1 + dice.below(u64::from(HOSTS))).unwrap());
    let before = runs(fleet);
    let input = format!("round={round}");
    let mut console = fleet
        .daytwo(&["run", "truth", "-i", &input, "--yes-hosts", &HOSTS.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(dice.below(FAULT_AFTER_MAX_MS)));
    let lasts = Duration::from_millis(500 + dice.below(4000));
    cause(fleet, host, trouble, lasts, &mut console);
    let complaint = ended(console, round, trouble);
    let open = recovered(fleet, round, trouble);
    assert!(open.is_empty(), "round {round}, {trouble:?}: these runs were never brought to an end: {open:?}");
    let new: Vec<String> = runs(fleet).into_iter().filter(|run| !before.contains(run)).collect();
    assert!(new.len() <= 1, "round {round}, {trouble:?}: more than one run: {new:?}");
    match new.first() {
        Some(run) => read(fleet, run, round),
        // It was not opened, so nothing may have been sent.
        None if matches!(trouble, Trouble::ConsoleKilled | Trouble::ConsoleDiskFull) => nothing_said(round),
        None => panic!("round {round}, {trouble:?}: no run was opened: {complaint}"),
    }
}

/// Makes the fault, lets it last, and takes it away.
fn cause(fleet: &Fleet, host: &Host, trouble: Trouble, lasts: Duration, console: &mut Child) {
    let hosts = |fault, end| {
        host.fault(fault);
        std::thread::sleep(lasts);
        host.fault(end);
    };
    match trouble {
        Trouble::Nothing => {}
        Trouble::ConsoleKilled => console.kill().unwrap(),
        Trouble::LinkCut => hosts(Fault::Unplug, Fault::Plug),
        Trouble::LinkSilent => {
            host.fault(Fault::Blackhole);
            // Longer than it takes to notice.
            std::thread::sleep(Duration::from_secs(45));
            host.fault(Fault::Unblackhole);
        }
        Trouble::HostReboots => host.fault(Fault::Reboot),
        Trouble::HostKilled => hosts(Fault::Kill, Fault::Start),
        Trouble::HostFrozen => {
            host.fault(Fault::Freeze);
            std::thread::sleep(Duration::from_secs(20));
            host.fault(Fault::Thaw);
        }
        Trouble::ConsoleDiskFull => {
            fleet.console_fault(ConsoleFault::DiskFull);
            std::thread::sleep(lasts);
            fleet.console_fault(ConsoleFault::DiskFree);
        }
        Trouble::HostDiskFull => hosts(Fault::DiskFull, Fault::DiskFree),
        Trouble::Loss => hosts(Fault::loss(5), Fault::Repair),
        Trouble::HostClockJumps => hosts(Fault::Clock(-86_400), Fault::Clock(0)),
        Trouble::ConsoleClockJumps => {
            fleet.console_fault(ConsoleFault::Clock(86_400));
            std::thread::sleep(lasts);
            fleet.console_fault(ConsoleFault::Clock(0));
        }
    }
}

/// Waits for the end of a console, and returns what it complained about.
fn ended(mut console: Child, round: u64, trouble: Trouble) -> String {
    let begun = Instant::now();
    while console.try_wait().unwrap().is_none() {
        if begun.elapsed() > END_WAIT {
            console.kill().unwrap();
            let output = console.wait_with_output().unwrap();
            panic!("round {round}, {trouble:?}: the run has no end: {}", String::from_utf8_lossy(&output.stderr));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = console.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!complaint.contains("panicked"), "round {round}, {trouble:?}: {complaint}");
    complaint
}

/// Lets new consoles ask until every run has an end; those that have none after that.
fn recovered(fleet: &Fleet, round: u64, trouble: Trouble) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let output = fleet.daytwo(&["recover"]).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(!complaint.contains("panicked"), "round {round}, {trouble:?}: {complaint}");
        let open: Vec<String> =
            rows(fleet).iter().filter(|row| row["ended_at"].is_null()).map(|row| row["id"].to_string()).collect();
        if open.is_empty() || begun.elapsed() > RECOVERY_WAIT {
            return open;
        }
    }
}

fn rows(fleet: &Fleet) -> Vec<Value> {
    let output = fleet.daytwo(&["--json", "runs"]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn runs(fleet: &Fleet) -> Vec<String> {
    rows(fleet).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

fn read(fleet: &Fleet, run: &str, round: u64) -> Vec<Said> {
    let output = fleet.daytwo(&["--json", "show", run]).output().unwrap();
    let view: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let mut said = Vec::new();
    for (index, host) in fleet.hosts().iter().enumerate() {
        let row = view["hosts"].as_array().unwrap().iter().find(|row| row["name"] == host.name()).unwrap();
        for (step, cell) in STEPS.into_iter().zip(row["cells"].as_array().unwrap()) {
            let text = |name: &str| cell[name].as_str().unwrap().to_owned();
            said.push(Said { round, host: index, step, word: text("word"), detail: text("detail") });
        }
    }
    said
}

fn nothing_said(round: u64) -> Vec<Said> {
    let cells = (0..HOSTS as usize).flat_map(|host| STEPS.map(|step| (host, step)));
    let said = |(host, step)| Said { round, host, step, word: "planned".to_owned(), detail: String::new() };
    cells.map(said).collect()
}

/// Holds what was said of some rounds against the hosts' own logs.
fn check(fleet: &Fleet, said: &[Said], rounds: std::ops::RangeInclusive<u64>) {
    let logs: Vec<Log> = fleet.hosts().iter().map(log).collect();
    for said in said.iter().filter(|said| rounds.contains(&said.round)) {
        let (began, ended) = logs[said.host].get(&(said.round, said.step.to_owned())).copied().unwrap_or_default();
        let is_true = match said.word.as_str() {
            "done" | "done, not verified" | "verified" => (began, ended) == (1, 1),
            "planned" | "skipped" | "no answer" | "refused" | "not started" => began == 0,
            "failed" | "timed out" | "cancelled" => began <= 1 && ended == 0,
            "lost" | "unknown" => began <= 1 && ended <= began,
            other => panic!("round {}: the journal says {other:?}, which is no end", said.round),
        };
        let place = format!("round {}, {}, step {}", said.round, fleet.hosts()[said.host].name(), said.step);
        let Said { word, detail, .. } = said;
        assert!(
            is_true,
            "{place}: the journal says {word:?} ({detail}); the host began it {began} and ended it {ended} times"
        );
    }
}

fn log(host: &Host) -> Log {
    let mut log = Log::new();
    for line in host.exec("cat /srv/truth/log 2>/dev/null || true").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [round, step, what] = words[..] else { continue };
        let counts = log.entry((round.parse().unwrap(), step.to_owned())).or_default();
        match what {
            "began" => counts.0 += 1,
            _ => counts.1 += 1,
        }
    }
    log
}

fn runbook() -> String {
    let mut text = format!("{RUNBOOK}steps:\n");
    for step in STEPS {
        let write = |what: &str| format!("      echo {{{{ round }}}} {step} {what} >>/srv/truth/log\n");
        text.push_str(&format!("  - id: {step}\n    undo: none\n    timeout: 30s\n    run: |\n      set -e\n"));
        text.push_str(&[write("began"), "      sleep 0.7\n".to_owned(), write("ended")].concat());
    }
    text
}
