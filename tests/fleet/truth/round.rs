//! One round: a run, one thing that goes wrong, and what journal and hosts say in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::RangeInclusive;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{HOSTS, LOG, STEPS};
use crate::kit::{ConsoleFault, Fault, Fleet, Host};
use crate::program::Killed;

/// Three steps take 0.7 s each, and what lies between them: a fault may come before, within and after each.
const FAULT_AFTER_BEGIN_MAX_MS: u64 = 3500;
/// A console starts, plans, opens the run and connects.
const FAULT_AFTER_START_MAX_MS: u64 = 1000;
/// One in this many faults comes while the console starts, the others when it is known to have begun.
const EARLY_ONE_IN: u64 = 5;
/// Until a host has begun the first step, on a machine that has a lot to do.
const BEGIN_WAIT: Duration = Duration::from_secs(20);
/// Connections that went silent are given up after 40 s, and a frozen host is one of them; this is longer.
const SILENCE: Duration = Duration::from_secs(45);
const FROZEN: Duration = Duration::from_secs(20);
const CLOCK_JUMP_S: i64 = 86_400;
/// From the end of a fault to the end of the run that met it: dead connections are noticed, hosts asked again.
const END_WAIT: Duration = Duration::from_secs(150);
/// Until a new console has found out what became of a run.
const RECOVERY_WAIT: Duration = Duration::from_secs(150);
/// Of every step where there is no run.
const NOT_OPENED: &str = "never opened";

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    Nothing,
    LinkSilent,
    HostFrozen,
    ConsoleKilled,
    LinkCut,
    HostReboots,
    HostKilled,
    ConsoleDiskFull,
    HostDiskFull,
    Loss,
    HostClockJumps,
    ConsoleClockJumps,
}

/// In turn, those that take longest first, so that no lane begins one when the others have ended.
const TROUBLES: [Trouble; 11] = [
    Trouble::LinkSilent,
    Trouble::HostFrozen,
    Trouble::ConsoleKilled,
    Trouble::LinkCut,
    Trouble::HostReboots,
    Trouble::HostKilled,
    Trouble::ConsoleDiskFull,
    Trouble::HostDiskFull,
    Trouble::Loss,
    Trouble::HostClockJumps,
    Trouble::ConsoleClockJumps,
];

/// From when on it is counted, so that it meets the run in the same places on a slow machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    ConsoleStarted,
    StepBegan,
}

/// What goes wrong, where, when, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mishap {
    pub(super) trouble: Trouble,
    /// The number of the host, where it is one that has the trouble.
    host: usize,
    since: Since,
    after: Duration,
    lasts: Duration,
}

impl Mishap {
    pub(super) const NONE: Self = Self {
        trouble: Trouble::Nothing,
        host: 1,
        since: Since::ConsoleStarted,
        after: Duration::ZERO,
        lasts: Duration::ZERO,
    };

    /// What follows for a round from the seed.
    pub(super) fn of(seed: u64, round: u64) -> Self {
        // Once through the mixer, so that neighbouring seeds are not neighbours in their rounds.
        let mut dice = Dice(Dice(seed).next().wrapping_add(round));
        let trouble = TROUBLES[usize::try_from(round).unwrap() % TROUBLES.len()];
        let lasts = match trouble {
            Trouble::LinkSilent => SILENCE,
            Trouble::HostFrozen => FROZEN,
            _ => Duration::from_millis(500 + dice.below(4000)),
        };
        let host = usize::try_from(1 + dice.below(u64::from(HOSTS))).unwrap();
        let (since, bound) = match dice.below(EARLY_ONE_IN) {
            0 => (Since::ConsoleStarted, FAULT_AFTER_START_MAX_MS),
            _ => (Since::StepBegan, FAULT_AFTER_BEGIN_MAX_MS),
        };
        Self { trouble, host, since, after: Duration::from_millis(dice.below(bound)), lasts }
    }

    /// Waits for its moment. `before` is what was in the hosts' logs before the run.
    fn come(self, fleet: &Fleet, before: u64) {
        let begun = Instant::now();
        // Not an assertion: a console that never gets that far is told as what it is.
        while self.since == Since::StepBegan && logged(fleet) == before && begun.elapsed() < BEGIN_WAIT {
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(self.after);
    }

    /// Makes it go wrong, lets it last, and takes it away.
    fn happen(self, fleet: &Fleet, console: &mut Child) {
        let host = |fault, end| {
            fleet.host(self.host).fault(fault);
            std::thread::sleep(self.lasts);
            fleet.host(self.host).fault(end);
        };
        let here = |fault, end| {
            fleet.console_fault(fault);
            std::thread::sleep(self.lasts);
            fleet.console_fault(end);
        };
        match self.trouble {
            Trouble::Nothing => {}
            Trouble::ConsoleKilled => console.kill().unwrap(),
            Trouble::LinkCut => host(Fault::Unplug, Fault::Plug),
            Trouble::LinkSilent => host(Fault::Blackhole, Fault::Unblackhole),
            Trouble::HostReboots => fleet.host(self.host).fault(Fault::Reboot),
            Trouble::HostKilled => host(Fault::Kill, Fault::Start),
            Trouble::HostFrozen => host(Fault::Freeze, Fault::Thaw),
            Trouble::ConsoleDiskFull => here(ConsoleFault::DiskFull, ConsoleFault::DiskFree),
            Trouble::HostDiskFull => host(Fault::DiskFull, Fault::DiskFree),
            Trouble::Loss => host(Fault::loss(5), Fault::Repair),
            Trouble::HostClockJumps => host(Fault::Clock(-CLOCK_JUMP_S), Fault::Clock(0)),
            Trouble::ConsoleClockJumps => here(ConsoleFault::Clock(CLOCK_JUMP_S), ConsoleFault::Clock(0)),
        }
    }
}

/// Numbers that follow from a seed alone (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// What the journal said of a step on a host in a round, to be held against the log again at the end of all.
#[derive(Debug, Clone)]
pub(super) struct Said {
    round: u64,
    host: usize,
    step: &'static str,
    pub(super) word: String,
    detail: String,
}

/// What came of a round.
pub(super) struct Round {
    /// Of every step on every host.
    pub(super) said: Vec<Said>,
    /// The console did not bring the run to its end; how many others it took.
    pub(super) recoveries: usize,
    pub(super) took: Duration,
}

impl Round {
    /// One run with one mishap.
    pub(super) fn play(fleet: &Fleet, number: u64, mishap: Mishap) -> Self {
        let begun = Instant::now();
        let known: BTreeSet<String> = rows(fleet).iter().map(id).collect();
        let before = logged(fleet);
        let input = format!("round={number}");
        let mut run = fleet.daytwo(&["run", "truth", "-i", &input, "--yes-hosts", &HOSTS.to_string()]);
        let mut console = Killed(run.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
        mishap.come(fleet, before);
        mishap.happen(fleet, &mut console.0);
        let complaint = ended(console);
        let (rows, recoveries) = recovered(fleet);
        let new: Vec<String> = rows.iter().map(id).filter(|run| !known.contains(run)).collect();
        assert!(new.len() <= 1, "more than one run: {new:?}");
        let may_be_none = matches!(mishap.trouble, Trouble::ConsoleKilled | Trouble::ConsoleDiskFull);
        let said = match new.first() {
            Some(run) => read(fleet, run, number),
            // It was not opened, so nothing may have been sent.
            None if may_be_none => nothing_said(number),
            None => panic!("no run was opened: {complaint}"),
        };
        Self { said, recoveries, took: begun.elapsed() }
    }
}

/// Waits for the end of a console, and returns what it complained about.
fn ended(mut console: Killed) -> String {
    let begun = Instant::now();
    let is_late = loop {
        if console.0.try_wait().unwrap().is_some() {
            break false;
        }
        if begun.elapsed() > END_WAIT {
            break true;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let complaint = console.end();
    assert!(!is_late, "the run had no end after {END_WAIT:?}: {complaint}");
    without_panic(&complaint);
    complaint
}

/// Lets new consoles ask until every run has an end. The runs, and how many of them were without their process.
fn recovered(fleet: &Fleet) -> (Vec<Value>, usize) {
    let begun = Instant::now();
    let mut recoveries = 0;
    loop {
        let output = fleet.answer(&["--json", "recover"], RECOVERY_WAIT);
        without_panic(&String::from_utf8_lossy(&output.stderr));
        let taken: Option<Value> = serde_json::from_slice(&output.stdout).ok();
        recoveries += taken.and_then(|taken| taken.as_array().map(Vec::len)).unwrap_or(0);
        let rows = rows(fleet);
        let open: Vec<String> = rows.iter().filter(|row| row["ended_at"].is_null()).map(id).collect();
        if open.is_empty() {
            return (rows, recoveries);
        }
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(begun.elapsed() <= RECOVERY_WAIT, "these runs were never brought to an end: {open:?}: {told}");
    }
}

fn without_panic(complaint: &str) {
    assert!(!complaint.contains("panicked"), "a console panicked: {complaint}");
}

fn json(fleet: &Fleet, arguments: &[&str]) -> Value {
    let output = fleet.answer(&[&["--json"], arguments].concat(), RECOVERY_WAIT);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn rows(fleet: &Fleet) -> Vec<Value> {
    json(fleet, &["runs"]).as_array().unwrap().clone()
}

fn id(row: &Value) -> String {
    row["id"].as_str().unwrap().to_owned()
}

fn read(fleet: &Fleet, run: &str, round: u64) -> Vec<Said> {
    let view = json(fleet, &["show", run]);
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
    let said = |(host, step)| Said { round, host, step, word: NOT_OPENED.to_owned(), detail: String::new() };
    cells.map(said).collect()
}

/// How often each step of a round began and ended, by the host's own log.
type Log = BTreeMap<(u64, String), (u32, u32)>;

/// Holds what was said of some rounds against the hosts' own logs.
pub(super) fn check(fleet: &Fleet, said: &[Said], rounds: RangeInclusive<u64>) {
    let logs: Vec<Log> = fleet.hosts().iter().map(log).collect();
    let mut untrue = String::new();
    for said in said.iter().filter(|said| rounds.contains(&said.round)) {
        let Said { round, host, step, word, detail } = said;
        let (began, ended) = logs[*host].get(&(*round, (*step).to_owned())).copied().unwrap_or_default();
        let is_true = match word.as_str() {
            "done" | "done, not verified" | "verified" => (began, ended) == (1, 1),
            NOT_OPENED | "planned" | "skipped" | "no answer" | "refused" | "not started" => began == 0,
            "failed" | "timed out" | "cancelled" => began <= 1 && ended == 0,
            "lost" | "unknown" => began <= 1 && ended <= began,
            // No end at all.
            _ => false,
        };
        if !is_true {
            let name = fleet.hosts()[*host].name();
            let host_says = format!("the host began it {began} and ended it {ended} times");
            writeln!(untrue, "round {round}, {name}, {step}: the journal says {word:?} ({detail}); {host_says}")
                .unwrap();
        }
    }
    assert!(untrue.is_empty(), "{untrue}");
}

/// How much all hosts have written into their logs.
fn logged(fleet: &Fleet) -> u64 {
    let sizes = fleet.hosts().iter().map(|host| std::fs::metadata(host.on_disk(LOG)).map_or(0, |log| log.len()));
    sizes.sum()
}

fn log(host: &Host) -> Log {
    let mut log = Log::new();
    for line in host.exec(&format!("cat {LOG} 2>/dev/null || true")).lines() {
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
