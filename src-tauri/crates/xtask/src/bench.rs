//! `cargo xtask bench`: figures, with the machine and the commit that they belong to.
//!
//! The programs that are measured are examples of the crates that they measure; this only builds them as they ship,
//! starts them, and says where.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use crate::checkout::Checkout;
use crate::fleet;
use crate::run::BUILD_DEADLINE;
use crate::system::{self, For};

/// A benchmark that runs longer than this has hung.
const BENCH_DEADLINE: Duration = Duration::from_secs(15 * 60);
/// A round on real hosts takes ten seconds, and two minutes where dead connections have to be noticed first.
const ROUND_DEADLINE: Duration = Duration::from_secs(150);

/// The benchmarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// One run of five steps over 1,000, 10,000 and 100,000 in-memory hosts: real engine, real journal on disk
    Engine,
    /// How soon a line that a host prints is seen, beside a plain ssh: a real OpenSSH server on this machine
    Output,
    /// For 100 to 100,000 hosts: a selector over 20 labels and 50 facts each, and sealed plans with 20 steps
    Plan,
    /// Five recorded tests of a runbook with 40 steps
    Rehearse,
    /// Real hosts and random faults: is what the journal says what the hosts say (Linux, root)
    Truth,
}

/// How long the truth is tried.
#[derive(Debug, Clone, Args)]
pub(crate) struct Truth {
    /// How many rounds; each has one fault and takes about ten seconds
    #[arg(long, default_value_t = 100)]
    rounds: u32,
    /// What chance is; the same number makes the same faults
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The first round; with `--rounds 1`, the one that failed
    #[arg(long, default_value_t = 0)]
    first: u32,
    /// How many are played side by side, each on hosts of its own; by the number of cores when left out
    #[arg(long)]
    lanes: Option<u32>,
}

impl Name {
    /// The examples that measure, with their packages.
    fn examples(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Engine => &[("daytwo-console", "engine")],
            Self::Output => &[("daytwo-console", "output")],
            Self::Plan => &[("daytwo-model", "select"), ("daytwo-runbook", "plan")],
            Self::Rehearse => &[("daytwo-rehearsal", "rehearse")],
            Self::Truth => &[],
        }
    }
}

/// Runs one benchmark, or all.
pub(crate) fn bench(checkout: &Checkout, name: Option<Name>, truth: &Truth) -> Result<()> {
    system::ensure_packages(&[For::Compiling])?;
    if matches!(name, None | Some(Name::Output)) {
        system::ensure_packages(&[For::Tests])?;
    }
    let wanted = name.map_or_else(|| Name::value_variants().to_vec(), |one| vec![one]);
    let examples: Vec<_> = wanted.iter().flat_map(|name| name.examples()).collect();
    for (package, example) in &examples {
        let build = checkout.cargo("build").args(["--release", "--locked", "--package", package]);
        build.args(["--example", example]).deadline(BUILD_DEADLINE).attached()?;
    }
    println!("machine   {}", system::machine());
    println!("commit    {}", commit(checkout)?);
    for (_, example) in &examples {
        println!("\n{example}");
        let program = checkout.binary("release/examples", example);
        checkout.program(&program.to_string_lossy()).deadline(BENCH_DEADLINE).attached()?;
    }
    if wanted.contains(&Name::Truth) { try_truth(checkout, name, truth) } else { Ok(()) }
}

/// The test of the truth on real hosts, for longer than the tests have time for.
fn try_truth(checkout: &Checkout, asked: Option<Name>, truth: &Truth) -> Result<()> {
    println!("\ntruth");
    match fleet::obstacle(checkout) {
        Some(why) if asked.is_some() => bail!("{why}"),
        Some(why) => {
            println!("  skipped: {why}");
            return Ok(());
        }
        None => {}
    }
    system::ensure_packages(&[For::Fleet])?;
    fleet::image(checkout).attached()?;
    let mut tests =
        checkout.cargo("test").args(["--locked", "--test", "fleet", "--", "--ignored", "--nocapture", "truth::"]);
    let lanes = truth.lanes.map(|lanes| ("LANES", lanes.to_string()));
    let always =
        [("ROUNDS", truth.rounds.to_string()), ("SEED", truth.seed.to_string()), ("FIRST", truth.first.to_string())];
    for (name, value) in always.into_iter().chain(lanes) {
        tests = tests.env(&format!("DAYTWO_TRUTH_{name}"), &value);
    }
    // As if there were one lane: a bound for what has hung, not a forecast.
    tests.deadline(ROUND_DEADLINE * truth.rounds.max(1)).attached()
}

fn commit(checkout: &Checkout) -> Result<String> {
    let commit = checkout.program("git").args(["rev-parse", "--short=12", "HEAD"]).answer()?;
    let changes = checkout.program("git").args(["status", "--porcelain"]).answer()?;
    let state = if changes.is_empty() { "" } else { ", with changes that are not committed" };
    Ok(format!("{}{state}", commit.trim()))
}
