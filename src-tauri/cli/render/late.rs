//! Recovery, questions, resume, waiting hosts, and who touched a host.

use daytwo_console::view::words;
use daytwo_console::wire::run::{Recovered, ResumeChoices, RunQuestion, RunView, Touches, WaitingHost};
use daytwo_model::{Answer, Timestamp};

use super::{NAMES_SHOWN, header};
use crate::terminal::{Style, columns, some_names};

/// Runs whose process was gone, with what was found out.
pub(crate) fn recovered(style: Style, runs: &[Recovered]) -> String {
    runs.iter().map(|run| format!("{} {}\n{}", style.mark(run.row.mark), title(run), found(run))).collect()
}

fn title(run: &Recovered) -> String {
    format!("run {} · {} · {} · its process was gone", run.row.id, run.row.title, run.row.status)
}

/// What was found out, and what is still unknown.
fn found(run: &Recovered) -> String {
    let mut out: String = run.found.iter().map(|line| format!("  {line}\n")).collect();
    out.extend(run.unknown.iter().map(|line| format!("  not known: {line}\n")));
    if run.found.is_empty() && run.unknown.is_empty() {
        out.push_str("  nothing was in flight\n");
    }
    out
}

/// What a run asks, with the numbers of the answers.
pub(crate) fn questions(view: &RunView, questions: &[RunQuestion], now: Timestamp) -> String {
    if questions.is_empty() {
        return "the run asks nothing\n".to_owned();
    }
    questions.iter().map(|question| one(view, question, now)).collect()
}

fn one(view: &RunView, question: &RunQuestion, now: Timestamp) -> String {
    let hosts = question.hosts.iter().filter_map(|host| view.hosts.get(*host as usize));
    let names: Vec<_> = hosts.map(|host| host.name.clone()).collect();
    let mut out = format!("{}\n  on {}\n", question.text, some_names(&names, NAMES_SHOWN));
    for (number, offer) in (1..).zip(&question.answers) {
        out.push_str(&format!("  {number}  {} ({}): {}\n", offer.label, word(offer.answer), offer.means));
    }
    let left = words::until(now, question.until);
    out.push_str(&format!("  without an answer in {left}: {}\n", word(question.otherwise)));
    out
}

/// The word of an answer, as it is given on the command line.
const fn word(answer: Answer) -> &'static str {
    match answer {
        Answer::Retry => "retry",
        Answer::Skip => "skip",
        Answer::Exclude => "exclude",
        Answer::Undo => "undo",
        Answer::Stop => "stop",
        Answer::Continue => "continue",
    }
}

/// The ways to resume a run.
pub(crate) fn resume_choices(style: Style, choices: &ResumeChoices) -> String {
    let mut out = String::new();
    for (number, choice) in (1..).zip(&choices.choices) {
        match &choice.not_now {
            None => {
                let names = some_names(&choice.hosts, NAMES_SHOWN);
                out.push_str(&format!("{number}. {}\n   {}\n   {names}\n", style.bold(&choice.title), choice.means));
            }
            Some(why) => out.push_str(&format!("{number}. {}\n   not now: {}\n", style.dim(&choice.title), why.trim())),
        }
    }
    if !choices.unknown.is_empty() {
        let names = some_names(&choices.unknown, NAMES_SHOWN);
        out.push_str(&format!("\nleft out, because an end is not known there: {names}\n  ask with: daytwo recover\n"));
    }
    out.extend(choices.changed.iter().map(|line| format!("changed since, and not taken over: {line}\n")));
    out
}

/// Hosts that wait, or waited.
pub(crate) fn waiting(style: Style, rows: &[WaitingHost], now: Timestamp) -> String {
    if rows.is_empty() {
        return "no host waits for its part of a run\n".to_owned();
    }
    let mut table = vec![header(style, &["host", "state", "since", "left", "run", "what"])];
    table.extend(rows.iter().map(|row| {
        let left = if row.state == "waiting" { words::until(now, row.until) } else { String::new() };
        let why = if row.why.is_empty() { String::new() } else { format!(": {}", row.why) };
        let what = format!("{}{why}", row.title);
        vec![row.host.to_string(), row.state.clone(), words::age(now, row.since), left, row.run.to_string(), what]
    }));
    let open = rows.iter().filter(|row| row.state == "waiting").count();
    let told = match open {
        0 => String::new(),
        _ => "\ndelivered while a window is open, and by: daytwo deliver\n".to_owned(),
    };
    columns(&table) + &told
}

/// Who touched a host.
pub(crate) fn touches(style: Style, touches: &Touches) -> String {
    let mut out = if touches.touches.is_empty() {
        format!("nobody left anything on {}\n", touches.host)
    } else {
        let mut table = vec![header(style, &["", "when", "by", "as", "state", "what"])];
        table.extend(touches.touches.iter().map(|touch| {
            vec![
                style.mark(touch.mark),
                words::age(touches.at, touch.at),
                touch.by.clone(),
                touch.user.clone(),
                touch.state.clone(),
                touch.what.clone(),
            ]
        }));
        columns(&table)
    };
    if !touches.unread.is_empty() {
        out.push_str(&format!("not all: {}\n", touches.unread));
    }
    out
}
