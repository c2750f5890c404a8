//! Commands for people who write runbooks: check, test, explain, schema. They need no fleet and no history,
//! so that a pipeline can call them on a bare checkout.

use std::path::{Path, PathBuf};

use daytwo_console::view::words::count;
use daytwo_console::wire::UiError;
use daytwo_console::{Console, Profile};

use crate::args::Command;
use crate::commands::show_as;
use crate::exit::Exit;
use crate::render;
use crate::terminal::Style;

/// Performs the command if it is one of these.
pub(crate) async fn perform(command: &Command, profile: Option<&Profile>, json: bool) -> Option<Result<Exit, UiError>> {
    Some(match command {
        Command::Check { paths, strict } => check(profile, paths, *strict, json).await,
        Command::Test { paths } => test(profile, paths, json),
        Command::Explain { code } => explain(code.as_deref(), json),
        Command::Schema { tests } => schema(*tests),
        _ => return None,
    })
}

async fn check(profile: Option<&Profile>, paths: &[PathBuf], strict: bool, json: bool) -> Result<Exit, UiError> {
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let report = daytwo_console::check(profile, &paths).await?;
    show_as(json, &report, || {
        let mut out: String = report.findings.iter().map(|finding| format!("{}\n\n", finding.text)).collect();
        out.extend(report.notes.iter().map(|note| format!("note: {note}\n")));
        let checked = count(report.files as usize, "runbook");
        out.push_str(&format!("{checked} checked: {} errors, {} warnings\n", report.errors, report.warnings));
        out
    })?;
    let bad = report.errors > 0 || (strict && report.warnings > 0);
    Ok(if bad { Exit::BadRequest } else { Exit::Done })
}

fn test(profile: Option<&Profile>, paths: &[PathBuf], json: bool) -> Result<Exit, UiError> {
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let report = daytwo_console::rehearse(profile, &paths)?;
    show_as(json, &report, || report.to_string())?;
    Ok(if report.passed() { Exit::Done } else { Exit::RunFailed })
}

fn explain(code: Option<&str>, json: bool) -> Result<Exit, UiError> {
    match code {
        Some(code) => {
            let page = Console::explain(code)?;
            show_as(json, &page, || format!("{}\n", page.text.trim_end()))?;
        }
        None => {
            let pages = Console::explained();
            show_as(json, &pages, || render::pages(Style::detect(), &pages))?;
        }
    }
    Ok(Exit::Done)
}

fn schema(tests: bool) -> Result<Exit, UiError> {
    print!("{}", Console::schema(tests)?);
    Ok(Exit::Done)
}
