//! The window. Thin: every command is one call of the console, plus error conversion.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

mod commands;
mod start;

use std::process::ExitCode;

fn main() -> ExitCode {
    match start::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "there is no window yet to say it in")]
            {
                eprintln!("daytwo-desktop: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
