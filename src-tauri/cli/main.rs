//! The command line: the console's use cases without a window.
//!
//! Everything that is decided is decided in `daytwo-console`; here it is asked for and printed.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what a command line does")]

mod args;
mod ask;
mod authoring;
mod commands;
mod deciding;
mod exit;
mod follow;
mod late;
mod plan_file;
mod planning;
mod render;
mod terminal;
mod tour;

use std::process::ExitCode;
use std::sync::Arc;

use args::{Cli, Command};
use clap::{CommandFactory as _, Parser as _};
use daytwo_console::wire::{Code, UiError};
use daytwo_console::{Console, Mode, Profile, ProfileKind};
use exit::Exit;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::Completions { shell } = cli.command {
        clap_complete::generate(shell, &mut Cli::command(), "daytwo", &mut std::io::stdout());
        return ExitCode::SUCCESS;
    }
    let json = cli.json;
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            print_error(&error, json);
            Exit::of_error(error.code).into()
        }
    }
}

fn run(cli: Cli) -> Result<Exit, UiError> {
    let demo = cli.demo || matches!(cli.command, Command::DemoTour);
    let kind = if demo { ProfileKind::Demo } else { ProfileKind::Own };
    let profile = Profile::from_environment(kind);
    let runtime = tokio::runtime::Runtime::new().map_err(|error| internal(&error))?;
    let authoring = authoring::perform(&cli.command, profile.as_ref().ok(), cli.json);
    if let Some(result) = runtime.block_on(authoring) {
        return result;
    }
    let profile = profile.map_err(|error| internal(&error))?;
    let _log = daytwo_console::logging::start(&profile.logs_dir()).map_err(|error| internal(&error))?;
    runtime.block_on(async {
        let console = Console::open(profile, Mode::Command).await?;
        if let Some(note) = console.demo_note() {
            eprintln!("note: {note}");
        }
        let result = commands::perform(&Arc::clone(&console), cli).await;
        console.close().await;
        result
    })
}

fn internal(error: &dyn std::error::Error) -> UiError {
    let causes = std::iter::successors(error.source(), |cause| cause.source()).map(ToString::to_string).collect();
    UiError { code: Code::Internal, message: error.to_string(), hint: None, causes }
}

fn print_error(error: &UiError, json: bool) {
    if json {
        println!("{}", serde_json::json!({ "error": error }));
        return;
    }
    eprintln!("error: {}", error.message);
    for cause in &error.causes {
        eprintln!("  because: {}", cause.replace('\n', "\n    "));
    }
    if let Some(hint) = &error.hint {
        eprintln!("  {hint}");
    }
}
