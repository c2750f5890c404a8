//! The promise that everything else is built on: no step is done twice, and what the journal says happened on a host is
//! what happened there, or it says that it does not know.
//!
//! Each round runs three changing steps on every host. Each step writes that it began and that it ended into a log on
//! the host, and while they run one thing goes wrong: at the console, on the way, or on a host. Then the fault is taken
//! away, a new console finds out what became of it, and journal and logs are laid side by side.
//!
//! Rounds are played in lanes, side by side. A lane has hosts, a network and a console of its own, with a disk, a history
//! and a clock of its own, so that nothing that goes wrong in one reaches another; all start the same program, a copy
//! that nobody builds anew meanwhile. What goes wrong in a round follows from the seed and the round's number alone, in
//! whichever lane it is played.
//!
//! `DAYTWO_TRUTH_ROUNDS`, `_SEED`, `_FIRST` and `_LANES` make it longer and different: `cargo xtask bench truth`.

mod figures;
mod round;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use crate::kit::Fleet;
use crate::program::Copied;
use figures::Figures;
use round::{Mishap, Round};

const HOSTS: u32 = 4;
/// Each kind of fault comes up at least once.
const ROUNDS: u64 = 22;
const SEED: u64 = 2026;
/// Most of a round is waiting: for steps, for boots, for dead connections to be noticed.
const LANES_PER_CORE: u64 = 3;
/// Booting the hosts of a lane must be worth it.
const ROUNDS_PER_LANE_MIN: u64 = 5;
/// In rounds: somebody waits for a long form.
const TOLD_EVERY: u32 = 50;
/// On each host: round, step, and whether it began or ended.
const LOG: &str = "/srv/truth/log";
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

#[test]
#[ignore = "boots real hosts; `cargo xtask test` asks for it where it can"]
fn no_step_is_done_twice_and_the_journal_says_what_the_hosts_say() {
    if !Fleet::is_possible() {
        return;
    }
    let seed = number("SEED").unwrap_or(SEED);
    let first = number("FIRST").unwrap_or(0);
    let count = number("ROUNDS").unwrap_or(ROUNDS);
    let lanes = number("LANES").unwrap_or_else(|| usual_lanes(count)).max(1);
    let program = Copied::make();
    let course = Course {
        seed,
        program: &program,
        end: first + count,
        next: AtomicU64::new(first),
        is_failed: AtomicBool::new(false),
        figures: Mutex::new(Figures::default()),
        begun: Instant::now(),
    };
    let failed = std::thread::scope(|scope| {
        let started: Vec<_> = (0..lanes)
            .map(|lane| {
                let named = std::thread::Builder::new().name(format!("lane {lane}"));
                let course = &course;
                named.spawn_scoped(scope, move || course.play(lane)).unwrap()
            })
            .collect();
        started.into_iter().filter_map(|lane| lane.join().err()).count()
    });
    eprintln!("seed {seed}, rounds {first} to {}, {lanes} lanes of {HOSTS} hosts", course.end - 1);
    eprint!("{}", course.figures.lock().unwrap().told(course.begun.elapsed()));
    assert_eq!(failed, 0, "lanes failed; each has said above what it found");
    eprintln!("each step at most once, and whatever the journal says is so on the hosts");
}

fn number(name: &str) -> Option<u64> {
    std::env::var(format!("DAYTWO_TRUTH_{name}")).ok().map(|text| text.parse().unwrap())
}

fn usual_lanes(rounds: u64) -> u64 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (u64::try_from(cores).unwrap() * LANES_PER_CORE).min(rounds.div_ceil(ROUNDS_PER_LANE_MIN))
}

/// The rounds that are asked for, and what all lanes share.
struct Course<'a> {
    seed: u64,
    program: &'a Copied,
    /// The round after the last.
    end: u64,
    /// The round that the next free lane plays.
    next: AtomicU64,
    /// A lane has failed; the others end after their round.
    is_failed: AtomicBool,
    figures: Mutex<Figures>,
    begun: Instant,
}

impl Course<'_> {
    /// Plays rounds until there are none left, or one has failed.
    fn play(&self, lane: u64) {
        let _stop = Stop(&self.is_failed);
        let fleet = Fleet::up_with(HOSTS, self.program);
        fleet.runbook("truth", &runbook());
        for host in fleet.hosts() {
            host.exec("install -o ops -d /srv/truth");
        }
        let mut said = Vec::new();
        let mut play = |number, mishap| {
            let witness = Witness { course: self, fleet: &fleet, lane, number, mishap };
            let round = Round::play(&fleet, number, mishap);
            said.extend(round.said.iter().cloned());
            let all = if mishap == Mishap::NONE { 0..=number } else { number..=number };
            round::check(&fleet, &said, all);
            drop(witness);
            round
        };
        while !self.is_failed.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.end {
                break;
            }
            let mishap = Mishap::of(self.seed, number);
            let round = play(number, mishap);
            let mut figures = self.figures.lock().unwrap();
            figures.add(mishap.trouble, &round);
            if figures.rounds().is_multiple_of(TOLD_EVERY) {
                eprintln!("{} rounds after {} s", figures.rounds(), self.begun.elapsed().as_secs());
            }
        }
        // Whatever was still on its way has arrived or was refused by then.
        play(self.end + lane, Mishap::NONE);
    }
}

/// Ends the other lanes when one fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Sees to it that a round that fails says which it was, and leaves what there is to see.
struct Witness<'a> {
    course: &'a Course<'a>,
    fleet: &'a Fleet,
    lane: u64,
    number: u64,
    mishap: Mishap,
}

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { course: Course { seed, .. }, lane, number, mishap, .. } = self;
            eprintln!("round {number} of seed {seed} failed, in lane {lane}: {mishap:?}");
            eprintln!("  again: cargo xtask bench truth --seed {seed} --first {number} --rounds 1");
            let place = self.fleet.keep(&format!("truth-seed-{seed}-round-{number}"));
            eprintln!("  the console's data and the hosts' disks: {}", place.display());
        }
    }
}

fn runbook() -> String {
    let mut text = format!("{RUNBOOK}steps:\n");
    for step in STEPS {
        let write = |what: &str| format!("      echo {{{{ round }}}} {step} {what} >>{LOG}\n");
        text.push_str(&format!("  - id: {step}\n    undo: none\n    timeout: 30s\n    run: |\n      set -e\n"));
        // More than fits beside the last line of the log, so that a full disk is met in the middle of a step.
        let work = "      head -c 4096 /dev/zero >>/srv/truth/weight\n      sleep 0.7\n".to_owned();
        text.push_str(&[write("began"), work, write("ended")].concat());
    }
    text
}
