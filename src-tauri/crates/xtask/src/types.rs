//! `cargo xtask types`: the Rust types of the wire, written anew for the window. A test fails while they differ.

use std::time::Duration;

use anyhow::Result;

use crate::checkout::Checkout;
use crate::process::Program;

/// The test that compares, and that writes when this is set.
const WRITE: &str = "DAYTWO_WRITE_TYPES";
/// Compiles the console's tests.
const DEADLINE: Duration = Duration::from_secs(30 * 60);

/// Writes them.
pub(crate) fn types(checkout: &Checkout) -> Result<()> {
    let written = checkout.ui().join("src/lib/wire/types.ts");
    let before = std::fs::read(&written).unwrap_or_default();
    comparison(checkout).env(WRITE, "1").attached()?;
    let now = std::fs::read(&written)?;
    let change = if now == before { "is as it was" } else { "was written anew" };
    println!("{} {change}.", checkout.shown(&written));
    Ok(())
}

/// The test by itself. Asked of the workspace, so that nothing is compiled again with other features.
pub(crate) fn comparison(checkout: &Checkout) -> Program {
    checkout.cargo("test").args(["--workspace", "--locked", "--quiet", "--test", "types"]).deadline(DEADLINE)
}
