//! Follows a run to its end: a progress line on a terminal, a line per outcome elsewhere, or JSON lines.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use daytwo_console::wire::run::{RunDelta, RunHost, RunView};
use daytwo_console::wire::{Code, UiError};
use daytwo_console::{Change, Console, Follow};
use daytwo_model::RunId;
use indicatif::{ProgressBar, ProgressStyle};

use crate::deciding::{Asking, Decided, Interrupts, Questions};
use crate::exit::Exit;
use crate::render;
use crate::terminal::Style;

/// How often the progress line is drawn anew while nothing happens: only its clock changes.
const REDRAW: Duration = Duration::from_millis(250);

/// How progress is shown.
enum Shown {
    Json,
    Lines,
    Bar(ProgressBar),
}

/// Follows `run` until it has ended. Each Ctrl-C cancels it harder; the end is still awaited.
pub(crate) async fn to_the_end(
    console: &Arc<Console>,
    run: RunId,
    asking: Asking,
    json: bool,
) -> Result<Exit, UiError> {
    let mut interrupts = Interrupts::listen().map_err(|error| {
        let message = format!("Ctrl-C could not be listened for: {error}");
        UiError { code: Code::Internal, message, hint: None, causes: Vec::new() }
    })?;
    let style = Style::detect();
    let mut view = console.run(run).await?;
    let mut follow = Follow::new(console, run, view.index).await?;
    let shown = Shown::new(&view, json);
    shown.begin(&view)?;
    let asking = match asking {
        // What is printed is for a program: nobody would see what they are asked.
        Asking::ThisTerminal if json => Asking::Elsewhere,
        asking => asking,
    };
    let mut questions = Questions::new(asking);
    while view.row.active {
        if let Some((text, decided)) = questions.changed(&view) {
            shown.say(&text);
            if let Some(decided) = decided {
                answer(console, &shown, run, decided).await;
            }
        }
        tokio::select! {
            change = follow.next() => match change {
                Ok(Some(Change::Delta(delta))) => {
                    shown.progress(style, &view, &delta)?;
                    apply(&mut view, *delta);
                }
                Ok(Some(Change::Output(_))) => {}
                Ok(None) => break,
                Err(error) => {
                    // As far as it is known, and then why no more is.
                    shown.end(style, &view)?;
                    return Err(error);
                }
            },
            typed = questions.typed() => match questions.understood(&view, &typed) {
                Ok(decided) => answer(console, &shown, run, decided).await,
                Err(why) => shown.say(&why),
            },
            (degree, what) = interrupts.next() => {
                shown.say(what);
                let why = "interrupted on the command line".to_owned();
                // Where it has just ended there is nothing to cancel, and its end is still told.
                if let Err(error) = console.cancel(run, degree, None, why).await {
                    shown.say(&error.message);
                }
            }
        }
    }
    let view = console.run(run).await?;
    shown.end(style, &view)?;
    Ok(Exit::of_run(&view.row))
}

async fn answer(console: &Arc<Console>, shown: &Shown, run: RunId, decided: Decided) {
    let Decided { step, hosts, answer, why } = decided;
    // Somebody else may have been quicker; the run shows what was decided.
    if let Err(error) = console.answer(run, step, hosts, answer, why).await {
        shown.say(&error.message);
    }
}

fn apply(view: &mut RunView, delta: RunDelta) {
    view.row = delta.row;
    view.index = delta.index;
    view.batches = delta.batches;
    view.budgets = delta.budgets;
    view.decisions = delta.decisions;
    view.offers = delta.offers;
    view.questions = delta.questions;
    view.pace = delta.pace;
    view.waiting = delta.waiting;
    for (index, host) in delta.hosts {
        if let Some(slot) = view.hosts.get_mut(index as usize) {
            *slot = host;
        }
    }
}

/// A host that has nothing more to do.
fn is_settled(host: &RunHost) -> bool {
    !matches!(host.word.as_str(), "working" | "waiting" | "asking")
}

impl Shown {
    fn new(view: &RunView, json: bool) -> Self {
        if json {
            return Self::Json;
        }
        if !std::io::stderr().is_terminal() {
            return Self::Lines;
        }
        let bar = ProgressBar::new(view.hosts.len() as u64);
        let template = ProgressStyle::with_template("{elapsed:>4} {bar:24} {pos}/{len} hosts  {msg}");
        bar.set_style(template.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(REDRAW);
        Self::Bar(bar)
    }

    fn begin(&self, view: &RunView) -> Result<(), UiError> {
        match self {
            Self::Json => json_line(&serde_json::json!({ "run": view })),
            Self::Lines | Self::Bar(_) => {
                self.say(&format!("run {} · {}", view.row.id, view.row.title));
                Ok(())
            }
        }
    }

    fn say(&self, line: &str) {
        match self {
            Self::Json => {}
            Self::Lines => {
                // As for JSON lines.
                let _ = writeln!(std::io::stderr(), "{line}");
            }
            Self::Bar(bar) => bar.println(line),
        }
    }

    fn progress(&self, style: Style, view: &RunView, delta: &RunDelta) -> Result<(), UiError> {
        if matches!(self, Self::Json) {
            return json_line(&serde_json::json!({ "delta": delta }));
        }
        for (index, host) in &delta.hosts {
            let before = view.hosts.get(*index as usize);
            let newly = is_settled(host) && before.is_none_or(|before| !is_settled(before));
            if newly {
                self.say(&format!("{} {} {}{}", style.mark(host.mark), host.name, host.word, reason(host)));
            }
        }
        if let Self::Bar(bar) = self {
            let standings = &delta.row.standings;
            let open = ["working", "waiting", "asking"].iter().filter_map(|word| standings.get(*word)).sum::<u32>();
            bar.set_position(u64::from(delta.row.hosts.saturating_sub(open)));
            let words: Vec<String> = standings.iter().map(|(word, hosts)| format!("{hosts} {word}")).collect();
            bar.set_message(words.join(", "));
        }
        Ok(())
    }

    fn end(&self, style: Style, view: &RunView) -> Result<(), UiError> {
        match self {
            Self::Json => json_line(&serde_json::json!({ "end": view })),
            Self::Lines | Self::Bar(_) => {
                if let Self::Bar(bar) = self {
                    bar.finish_and_clear();
                }
                let _ = writeln!(std::io::stdout(), "{}", render::run(style, view));
                Ok(())
            }
        }
    }
}

/// Why a host did not succeed, from its worst cell.
fn reason(host: &RunHost) -> String {
    let worst = host.cells.iter().rfind(|cell| cell.mark == host.mark && !cell.detail.is_empty());
    match worst {
        Some(cell) if host.word != "succeeded" && host.word != "undone" => format!(": {}", cell.detail),
        _ => String::new(),
    }
}

/// One line of JSON.
fn json_line(value: &serde_json::Value) -> Result<(), UiError> {
    // A reader that went away must not end a run half-way.
    let _ = writeln!(std::io::stdout(), "{value}");
    Ok(())
}
