//! Each command: ask the console, print what it says.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use daytwo_console::view::words;
use daytwo_console::wire::fleet::{FleetView, HostRow, HostVerdict};
use daytwo_console::wire::run::{HistoryFilter, RunRow};
use daytwo_console::wire::runbook::{Choices, InputControl, RunbookView};
use daytwo_console::wire::settings::{KeyRow, KeyToTrust};
use daytwo_console::wire::{Code, UiError};
use daytwo_console::{Console, SystemClock};
use daytwo_model::{HostName, RunId, RunbookName, SecretName, SecretValue, Verdict};
use serde::Serialize;

use crate::args::{Cli, Command, SecretCommand};
use crate::exit::Exit;
use crate::render::Scripts;
use crate::terminal::Style;
use crate::{ask, deciding, late, planning, render, tour};

/// Longest secret that is read from standard input.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// Performs the command.
pub(crate) async fn perform(console: &Arc<Console>, cli: Cli) -> Result<Exit, UiError> {
    let json = cli.json;
    match cli.command {
        Command::Hosts { selector, why_not, facts } => hosts(console, selector.as_deref(), why_not, facts, json),
        Command::Fleet { selector, offline, watch } => fleet(console, selector.as_deref(), offline, watch, json).await,
        Command::Runbooks { name } => runbooks(console, name, json).await,
        Command::Plan { plan: args, ask, full, out } => {
            let scripts = if full { Scripts::Full } else { Scripts::Folded };
            planning::plan(console, args, ask, scripts, out, json).await
        }
        Command::Run { what, start } => planning::run(console, what, start, json).await,
        Command::Runs { text, status } => runs(console, text.unwrap_or_default(), status, json).await,
        Command::Show { run, output, report } => show(console, &run, output, report, json).await,
        Command::Undo { run, start } => planning::undo(console, &run, start, json).await,
        Command::Resume { run, part, plan_only, start } => {
            planning::resume(console, &run, part.map(Into::into), plan_only, start, json).await
        }
        Command::Cancel { run, degree, hosts, why } => {
            deciding::cancel(console, &run, degree.into(), hosts, why, json).await
        }
        Command::Answer { run, answer, step, hosts, why } => {
            deciding::answer(console, &run, (answer.map(Into::into), step), hosts, why, json).await
        }
        Command::Recover { run } => late::recover(console, run.as_deref(), json).await,
        Command::Touched { host } => late::touched(console, &host, json).await,
        Command::Waiting { withdraw, run } => late::waiting(console, withdraw.zip(run), json).await,
        Command::Deliver => late::deliver(console, json).await,
        Command::Keys { selector, accept_new } => keys(console, selector.as_deref(), accept_new, json).await,
        Command::Secret { command } => secret(console, command, json).await,
        Command::DemoTour => tour::perform(console).await,
        // Answered before a console was opened.
        Command::Completions { .. }
        | Command::Check { .. }
        | Command::Test { .. }
        | Command::Explain { .. }
        | Command::Schema { .. } => Ok(Exit::Done),
    }
}

/// Prints `text`, or `value` as one JSON document.
pub(crate) fn show_as<T: Serialize>(json: bool, value: &T, text: impl FnOnce() -> String) -> Result<(), UiError> {
    if json {
        let document = serde_json::to_string(value).map_err(|error| bad(Code::Internal, error.to_string()))?;
        println!("{document}");
    } else {
        print!("{}", text());
    }
    Ok(())
}

pub(crate) fn bad(code: Code, message: String) -> UiError {
    UiError { code, message, hint: None, causes: Vec::new() }
}

/// The hosts that a selector picks. A selector that picks nothing is an error, never everything.
fn picked(console: &Console, view: &FleetView, selector: Option<&str>) -> Result<Vec<HostRow>, UiError> {
    let Some(selector) = selector else {
        return Ok(view.hosts.clone());
    };
    let selection = console.select(selector);
    if let Some(error) = selection.error {
        let refused = bad(Code::BadRequest, format!("{selector:?} is not a selector: {}", error.message));
        return Err(UiError { hint: error.hint, ..refused });
    }
    if !selection.undecided.is_empty() {
        eprint!("{}", render::undecided(&selection.undecided));
    }
    if selection.hosts.is_empty() {
        return Err(bad(Code::BadRequest, format!("{selector:?} picks none of {} hosts", selection.of)));
    }
    let wanted: std::collections::BTreeSet<&HostName> = selection.hosts.iter().collect();
    Ok(view.hosts.iter().filter(|host| wanted.contains(&host.name)).cloned().collect())
}

fn hosts(console: &Console, selector: Option<&str>, why_not: bool, facts: bool, json: bool) -> Result<Exit, UiError> {
    let style = Style::detect();
    if facts {
        let names = Console::fact_names();
        show_as(json, &names, || render::facts(style, &names))?;
        return Ok(Exit::Done);
    }
    let Some(selector) = selector else {
        let view = console.fleet();
        let shown: Vec<&HostRow> = view.hosts.iter().collect();
        show_as(json, &view.hosts, || {
            if shown.is_empty() { console.how_to_add_hosts() } else { render::hosts(style, &shown) }
        })?;
        return Ok(Exit::Done);
    };
    let verdicts = console.explain_selection(selector)?;
    let shown: Vec<&HostVerdict> =
        verdicts.iter().filter(|host| why_not || host.verdict != Verdict::NotPicked).collect();
    show_as(json, &shown, || render::verdicts(style, &shown, &console.fleet()))?;
    let count = |verdict| verdicts.iter().filter(|host| host.verdict == verdict).count();
    if count(Verdict::Picked) > 0 {
        return Ok(Exit::Done);
    }
    if json {
        // The document has said everything, and there is one.
        return Ok(Exit::BadRequest);
    }
    let undecided = count(Verdict::Undecided);
    let of = words::count(verdicts.len(), "host");
    let error = bad(Code::BadRequest, format!("{selector:?} picks none of {of}"));
    Err(match undecided {
        0 if why_not => error,
        0 => error.hint("add --why-not to see why"),
        _ => error.hint(format!("undecided, because what it asks of them is not known or too old: {undecided}")),
    })
}

async fn fleet(
    console: &Arc<Console>,
    selector: Option<&str>,
    offline: bool,
    watch: bool,
    json: bool,
) -> Result<Exit, UiError> {
    let rows = picked(console, &console.fleet(), selector)?;
    let names: Vec<HostName> = rows.iter().map(|host| host.name.clone()).collect();
    if !offline {
        console.probe_and_wait(&names).await;
    }
    // One listener for the whole time: Ctrl-C while the fleet is drawn counts too.
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let mut view = console.fleet();
        view.hosts.retain(|host| names.contains(&host.name));
        show_as(json, &view, || render::fleet(Style::detect(), &view, SystemClock.now()))?;
        if !watch {
            return Ok(Exit::Done);
        }
        tokio::select! {
            () = console.fleet_changed(&names) => {}
            _ = &mut interrupted => return Ok(Exit::Done),
        }
    }
}

async fn runbooks(console: &Console, name: Option<RunbookName>, json: bool) -> Result<Exit, UiError> {
    match name {
        None => {
            let rows = console.catalogue().await?;
            show_as(json, &rows, || render::catalogue(Style::detect(), &rows, SystemClock.now()))?;
        }
        Some(name) => {
            let view = console.runbook(&name).await?;
            let mut choices = BTreeMap::new();
            for input in view.inputs.iter().filter(|input| matches!(input.control, InputControl::AskedChoice)) {
                choices.insert(input.name.clone(), console.input_choices(&name, &input.name).await?);
            }
            let page = RunbookPage { view: &view, choices: &choices };
            show_as(json, &page, || render::runbook(Style::detect(), &view, &choices, SystemClock.now()))?;
        }
    }
    Ok(Exit::Done)
}

/// A runbook, with what its inputs offer right now.
#[derive(Serialize)]
struct RunbookPage<'p> {
    #[serde(flatten)]
    view: &'p RunbookView,
    choices: &'p BTreeMap<String, Choices>,
}

pub(crate) async fn trust(console: &Console, unknown: Vec<KeyRow>) -> Result<Vec<KeyRow>, UiError> {
    let keys = unknown
        .into_iter()
        .filter_map(|key| key.fingerprint.map(|fingerprint| KeyToTrust { host: key.host, fingerprint }))
        .collect();
    console.trust_keys(keys).await
}

async fn runs(console: &Console, text: String, status: String, json: bool) -> Result<Exit, UiError> {
    let rows: Vec<RunRow> = console.history(HistoryFilter { text, status, before: None }).await?;
    show_as(json, &rows, || render::runs(Style::detect(), &rows, SystemClock.now()))?;
    Ok(Exit::Done)
}

pub(crate) async fn find(console: &Console, id: &str) -> Result<RunId, UiError> {
    console.find_run(id).await
}

async fn show(console: &Console, run: &str, output: Option<String>, report: bool, json: bool) -> Result<Exit, UiError> {
    let run = find(console, run).await?;
    if report {
        let text = console.report(run).await?;
        show_as(json, &text, || text.clone())?;
        return Ok(Exit::Done);
    }
    let view = console.run(run).await?;
    if let Some(step) = output {
        let Some(index) = view.steps.iter().position(|known| known.id == step) else {
            let known: Vec<&str> = view.steps.iter().map(|step| step.id.as_str()).collect();
            return Err(bad(Code::NotFound, format!("the run has no step {step:?}; it has {}", known.join(", "))));
        };
        let groups = console.output_groups(run, u32::try_from(index).unwrap_or(u32::MAX)).await?;
        show_as(json, &groups, || render::output_groups(Style::detect(), &groups))?;
        return Ok(Exit::Done);
    }
    show_as(json, &view, || render::run(Style::detect(), &view))?;
    Ok(Exit::Done)
}

async fn keys(console: &Console, selector: Option<&str>, accept_new: bool, json: bool) -> Result<Exit, UiError> {
    let rows = picked(console, &console.fleet(), selector)?;
    let mut keys = console.survey_keys(Some(rows.into_iter().map(|host| host.name).collect())).await?;
    if accept_new {
        let unknown = keys.iter().filter(|key| key.status == "unknown").cloned().collect();
        let accepted = trust(console, unknown).await?;
        for key in &mut keys {
            if let Some(now) = accepted.iter().find(|row| row.host == key.host) {
                *key = now.clone();
            }
        }
    }
    show_as(json, &keys, || render::keys(Style::detect(), &keys))?;
    let open = keys.iter().any(|key| matches!(key.status.as_str(), "unknown" | "changed" | "revoked"));
    Ok(if open { Exit::NotStarted } else { Exit::Done })
}

async fn secret(console: &Console, command: SecretCommand, json: bool) -> Result<Exit, UiError> {
    let name = |name: String| SecretName::new(name).map_err(|error| bad(Code::BadRequest, error.to_string()));
    match command {
        SecretCommand::List => {
            let view = console.secrets().await?;
            show_as(json, &view, || {
                let mut out = format!("kept in {}\n", view.kept_in);
                out.extend(view.secrets.iter().map(|secret| format!("{}\n", secret.name)));
                out
            })?;
        }
        SecretCommand::Set { name: given } => {
            let name = name(given)?;
            unlock(console).await?;
            console.set_secret(name, read_secret("Value (not shown)")?).await?;
        }
        SecretCommand::Delete { name: given } => {
            unlock(console).await?;
            console.delete_secret(name(given)?).await?;
        }
    }
    Ok(Exit::Done)
}

/// Asks for the passphrase where secrets are kept in a file that is locked.
pub(crate) async fn unlock(console: &Console) -> Result<(), UiError> {
    match console.secrets().await?.passphrase {
        // Standard input holds the value; taken for a passphrase it would lock the file with it.
        Some(what) if !ask::somebody_is_there() => {
            let message =
                format!("the file of secrets needs a passphrase to {what} it, and there is no terminal to ask");
            Err(bad(Code::SecretMissing, message))
        }
        Some(what) => console.unlock_secrets(read_secret(&format!("Passphrase to {what} the file of secrets"))?).await,
        None => Ok(()),
    }
}

/// Reads one line that is not echoed, or all of standard input where it is no terminal.
fn read_secret(what: &str) -> Result<SecretValue, UiError> {
    let failed = |error: std::io::Error| bad(Code::BadRequest, format!("cannot read the value: {error}"));
    if ask::somebody_is_there() {
        return rpassword::prompt_password(format!("{what}: ")).map(SecretValue::new).map_err(failed);
    }
    let mut text = String::new();
    std::io::stdin().take(SECRET_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > SECRET_BYTES_MAX {
        return Err(bad(Code::BadRequest, "the value is longer than 64 KiB".to_owned()));
    }
    Ok(SecretValue::new(text.trim_end_matches(['\r', '\n'])))
}
