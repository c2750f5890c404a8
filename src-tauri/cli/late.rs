//! What outlives a command: runs whose process is gone, hosts that wait, and what hosts themselves remember.

use std::sync::Arc;

use daytwo_console::wire::UiError;
use daytwo_console::{Console, SystemClock};
use daytwo_model::HostName;

use crate::commands::{find, show_as};
use crate::deciding::Asking;
use crate::exit::Exit;
use crate::terminal::Style;
use crate::{follow, render};

/// Before anything new is sent: what was sent by processes that are gone is found out, and told.
pub(crate) async fn settle(console: &Arc<Console>, json: bool) -> Result<(), UiError> {
    let found = console.recover(None).await?;
    // What cannot be found out now is in the way of nothing else.
    if let Some(error) = not_taken_up(console) {
        eprintln!("note: {}", error.message);
        error.causes.iter().for_each(|cause| eprintln!("  because: {cause}"));
    }
    if found.is_empty() {
        return Ok(());
    }
    if json {
        println!("{}", serde_json::json!({ "recovered": found }));
    } else {
        eprint!("{}", render::recovered(Style::detect(), &found));
    }
    Ok(())
}

/// Runs that nobody drives and that could not be taken up: what became of them is still not known.
fn not_taken_up(console: &Console) -> Option<UiError> {
    let runs = console.given_up();
    let (run, why) = runs.first()?.clone();
    let others = match runs.len() {
        0 | 1 => String::new(),
        all => format!(" and {} more", all - 1),
    };
    let message = format!("run {run}{others} could not be taken up: {}", why.message);
    Some(UiError { message, ..why }.hint("when the cause is gone, try again with: daytwo recover"))
}

/// Finds out what became of runs whose process is gone; of one run, also where it is over.
pub(crate) async fn recover(console: &Arc<Console>, run: Option<&str>, json: bool) -> Result<Exit, UiError> {
    let found = match run {
        None => console.recover(None).await?,
        Some(run) => console.recover(Some(find(console, run).await?)).await?,
    };
    let failed = not_taken_up(console);
    if let Some(error) = failed.clone().filter(|_| found.is_empty()) {
        return Err(error);
    }
    show_as(json, &found, || match (found.is_empty(), run) {
        (false, _) => render::recovered(Style::detect(), &found),
        (true, None) => "every run has its process, or has ended\n".to_owned(),
        (true, Some(_)) => "nothing of this run is unknown, or a running process drives it\n".to_owned(),
    })?;
    match failed {
        Some(error) => Err(error),
        None if found.iter().any(|run| !run.unknown.is_empty()) => Ok(Exit::NotKnown),
        None => Ok(Exit::Done),
    }
}

/// Who worked on a host.
pub(crate) async fn touched(console: &Console, host: &HostName, json: bool) -> Result<Exit, UiError> {
    let touches = console.touched(host).await?;
    show_as(json, &touches, || render::touches(Style::detect(), &touches))?;
    Ok(Exit::Done)
}

/// The hosts that wait; or one of them does not any more.
pub(crate) async fn waiting(
    console: &Console,
    withdraw: Option<(HostName, String)>,
    json: bool,
) -> Result<Exit, UiError> {
    if let Some((host, run)) = withdraw {
        console.withdraw(find(console, &run).await?, &host).await?;
    }
    let rows = console.waiting().await?;
    show_as(json, &rows, || render::waiting(Style::detect(), &rows, SystemClock.now()))?;
    Ok(Exit::Done)
}

/// Delivers to the waiting hosts that answer. The worst of the runs that this started is how it ended.
pub(crate) async fn deliver(console: &Arc<Console>, json: bool) -> Result<Exit, UiError> {
    settle(console, json).await?;
    let delivery = console.deliver().await?;
    show_as(json, &delivery, || {
        let line = |(host, why): &(HostName, String)| format!("{host}: {why}\n");
        let not = delivery.not_delivered.iter().map(|one| format!("not delivered to {}", line(one)));
        let waiting = delivery.waiting.iter().map(|one| format!("still waits: {}", line(one)));
        let nothing = (delivery.started.is_empty() && delivery.not_delivered.is_empty() && delivery.waiting.is_empty())
            .then(|| "no host waits for its part of a run\n".to_owned());
        nothing.into_iter().chain(not).chain(waiting).collect()
    })?;
    let mut worst = if delivery.not_delivered.is_empty() { Exit::Done } else { Exit::NotStarted };
    for (run, _) in &delivery.started {
        let exit = follow::to_the_end(console, *run, Asking::Nobody, json).await?;
        if exit != Exit::Done {
            worst = exit;
        }
    }
    Ok(worst)
}
