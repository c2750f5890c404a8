//! Set-up, run, test, bench, bundle: what a person or a pipeline does with a checkout, as `cargo xtask COMMAND`.
//!
//! This crate depends on nothing else of the workspace, so that it compiles in seconds on a fresh machine. It must
//! not hold anything that the product itself needs.

#![expect(clippy::print_stdout, reason = "a tool for people at a terminal and for the log of a pipeline")]

mod bench;
mod bundle;
mod checkout;
mod fleet;
mod hygiene;
mod process;
mod report;
mod run;
mod system;
mod test;
mod types;
mod ui;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::checkout::Checkout;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Set-up, run, test, bench, bundle.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Installs what is missing, builds, and opens the window with the demo fleet
    Run {
        /// Show the same on the command line instead
        #[arg(long)]
        no_window: bool,
    },
    /// Installs what the tests need and runs every check
    Test {
        /// Only what needs neither webkit nor a display
        #[arg(long)]
        fast: bool,
    },
    /// Measures; prints the machine, the commit and the figures
    Bench {
        /// Which benchmark; all of them when left out
        name: Option<bench::Name>,
        /// For `truth`
        #[command(flatten)]
        truth: bench::Truth,
    },
    /// Builds the release binaries and the packages to install, and prints their sizes
    Bundle,
    /// Real Debian hosts on this machine, and everything that can go wrong with them (Linux, root)
    #[command(subcommand)]
    Fleet(fleet::Command),
    /// Writes the TypeScript types of the window anew from the Rust types
    Types,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = Checkout::find().and_then(|checkout| match arguments.command {
        Command::Run { no_window } => run::run(&checkout, no_window),
        Command::Test { fast } => test::test(&checkout, fast),
        Command::Bench { name, truth } => bench::bench(&checkout, name, &truth),
        Command::Bundle => bundle::bundle(&checkout),
        Command::Fleet(command) => fleet::fleet(&checkout, &command),
        Command::Types => types::types(&checkout),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
