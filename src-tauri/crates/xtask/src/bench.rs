//! `cargo xtask bench`: figures, with the machine and the commit that they belong to.
//!
//! The programs that are measured are examples of the crates that they measure; this only builds them as they ship,
//! starts them, and says where.

use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;

use crate::checkout::Checkout;
use crate::run::BUILD_DEADLINE;
use crate::system::{self, For};

/// A benchmark that runs longer than this has hung.
const BENCH_DEADLINE: Duration = Duration::from_secs(15 * 60);

/// The benchmarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// One run of five steps over 1,000, 10,000 and 100,000 in-memory hosts: real engine, real journal on disk
    Engine,
    /// For 100 to 100,000 hosts: a selector over 20 labels and 50 facts each, and sealed plans with 20 steps
    Plan,
    /// Five recorded tests of a runbook with 40 steps
    Rehearse,
}

impl Name {
    /// The examples that measure, with their packages.
    fn examples(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Engine => &[("daytwo-console", "engine")],
            Self::Plan => &[("daytwo-model", "select"), ("daytwo-runbook", "plan")],
            Self::Rehearse => &[("daytwo-rehearsal", "rehearse")],
        }
    }
}

/// Runs one benchmark, or all.
pub(crate) fn bench(checkout: &Checkout, name: Option<Name>) -> Result<()> {
    system::ensure_packages(&[For::Compiling])?;
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
    Ok(())
}

fn commit(checkout: &Checkout) -> Result<String> {
    let commit = checkout.program("git").args(["rev-parse", "--short=12", "HEAD"]).answer()?;
    let changes = checkout.program("git").args(["status", "--porcelain"]).answer()?;
    let state = if changes.is_empty() { "" } else { ", with changes that are not committed" };
    Ok(format!("{}{state}", commit.trim()))
}
