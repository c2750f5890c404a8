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
    /// One run over 1,000 in-memory hosts: real engine, real journal on disk
    Fanout,
}

impl Name {
    fn example(self) -> &'static str {
        match self {
            Self::Fanout => "fanout",
        }
    }
}

/// Runs one benchmark, or all.
pub(crate) fn bench(checkout: &Checkout, name: Option<Name>) -> Result<()> {
    system::ensure_packages(&[For::Compiling])?;
    let wanted = name.map_or_else(|| Name::value_variants().to_vec(), |one| vec![one]);
    for name in &wanted {
        let build = checkout.cargo("build").args(["--release", "--locked", "--package", "daytwo-console"]);
        build.args(["--example", name.example()]).deadline(BUILD_DEADLINE).attached()?;
    }
    println!("machine   {}", system::machine());
    println!("commit    {}", commit(checkout)?);
    for name in &wanted {
        println!("\n{}", name.example());
        let program = checkout.binary("release/examples", name.example());
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
