//! One action, probe or expectation, rendered with the values of one host.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use daytwo_model::Text;
use daytwo_model::plan::{Action, Expect, LocalFile, Probe, RunAs};
use daytwo_model::text::Part;

use super::script;
use crate::duration;
use crate::runbook::Runbook;
use crate::step::{ActionTemplate, FetchTemplate, ProbeTemplate, PutTemplate, WaitTemplate};
use crate::surroundings::Surroundings;
use crate::template::{Rendering, Template};

/// What went wrong with one text: where it stands, and what.
pub(super) type Flawed = (Option<u32>, String);

/// The line of what went wrong.
pub(super) fn at<T>(template: &Template, result: Result<T, String>) -> Result<T, Flawed> {
    result.map_err(|message| (Some(template.place().line), message))
}

/// What is read from around the console, once per plan.
#[derive(Default)]
pub(super) struct Read {
    files: RefCell<BTreeMap<String, Result<LocalFile, String>>>,
    texts: RefCell<BTreeMap<(String, String), Result<String, String>>>,
}

/// Renders what a runbook's steps do.
#[derive(Clone, Copy)]
pub(super) struct Renderer<'r> {
    pub(super) runbook: &'r Runbook,
    pub(super) surroundings: &'r dyn Surroundings,
    pub(super) read: &'r Read,
}

impl Renderer<'_> {
    /// An action that is not a typed step, a call or a message.
    pub(super) fn action(&self, action: &ActionTemplate, rendering: &Rendering<'_>) -> Result<Action, Flawed> {
        match action {
            ActionTemplate::Run { script, run_as } => Ok(run(at(script, script.render(rendering))?, run_as)),
            ActionTemplate::Script(it) => {
                script::spell(it, rendering, |path| self.text_beside(path)).map(|text| run(text, &it.run_as))
            }
            ActionTemplate::Fetch(it) => fetch(it, rendering),
            ActionTemplate::Put(it) => self.put(it, rendering),
            ActionTemplate::Http(it) => Ok(Action::Http { request: Box::new(self.request(it, rendering)?) }),
            ActionTemplate::Wait(it) => match it.as_ref() {
                WaitTemplate::For { duration } => {
                    Ok(Action::Wait { ms: at(duration, duration.render(rendering).and_then(|text| span_ms(&text)))? })
                }
                // What is waited for is asked as the step's post-condition.
                WaitTemplate::Until { .. } => Ok(Action::Wait { ms: 0 }),
            },
            ActionTemplate::Ask(it) => Ok(Action::Ask {
                question: at(&it.question, it.question.render(rendering))?,
                within_ms: it.within_ms,
                otherwise: it.otherwise,
            }),
            ActionTemplate::Notify(_) => Err((None, "`notify` is not available yet".to_owned())),
            ActionTemplate::File(_)
            | ActionTemplate::Link(_)
            | ActionTemplate::Service(_)
            | ActionTemplate::Package(_)
            | ActionTemplate::HttpSet(_)
            | ActionTemplate::Call(_) => Err((None, format!("`{}` cannot stand here", action.word()))),
        }
    }

    pub(super) fn probe(&self, probe: &ProbeTemplate, rendering: &Rendering<'_>) -> Result<Probe, Flawed> {
        Ok(Probe { action: self.action(&probe.action, rendering)?, expect: expect(probe, rendering)? })
    }

    fn put(&self, put: &PutTemplate, rendering: &Rendering<'_>) -> Result<Action, Flawed> {
        let from = at(&put.from, put.from.render(rendering).and_then(|text| known_now(&text, "a local path")))?;
        let content = at(&put.from, self.file(&from))?;
        Ok(Action::Put {
            from,
            content,
            to: at(&put.to, put.to.render(rendering).and_then(path_on_host))?,
            mode: put.mode.clone(),
            owner: put.owner.as_ref().map(|owner| at(owner, owner.render(rendering))).transpose()?,
            run_as: put.run_as.clone(),
        })
    }

    pub(super) fn file(&self, path: &str) -> Result<LocalFile, String> {
        let mut files = self.read.files.borrow_mut();
        files.entry(path.to_owned()).or_insert_with(|| self.surroundings.file(path)).clone()
    }

    fn text_beside(&self, path: &str) -> Result<String, String> {
        let mut texts = self.read.texts.borrow_mut();
        let of = (self.runbook.file.clone(), path.to_owned());
        texts.entry(of).or_insert_with(|| self.surroundings.text_beside(&self.runbook.file, path)).clone()
    }
}

fn run(script: Text, run_as: &RunAs) -> Action {
    Action::Run { script, run_as: run_as.clone(), meaning: None }
}

/// A text in which nothing is left open.
pub(super) fn known_now(text: &Text, what: &str) -> Result<String, String> {
    match text.parts() {
        [] => Err(format!("{what} is needed here, and this is empty")),
        [Part::Plain(text)] => Ok(text.clone()),
        _ => Err(format!("{what} must be known when the plan is made, and this is known only later")),
    }
}

/// A duration as it is written, or a `duration` input: its number of seconds.
fn span_ms(text: &Text) -> Result<u64, String> {
    let text = known_now(text, "a duration")?;
    match text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        // An item of a list is a number that nobody has bounded.
        Some(span) => match u64::try_from(span.as_millis()) {
            Ok(ms) if ms <= duration::DURATION_MS_MAX => Ok(ms),
            _ => Err(format!("{text} seconds are longer than 30 days")),
        },
        None => duration::parse_ms(&text),
    }
}

fn path_on_host(text: Text) -> Result<Text, String> {
    let broken = |part: &Part| matches!(part, Part::Plain(text) if text.contains(['\0', '\n', '\r']));
    if text.parts().is_empty() || text.parts().iter().any(broken) {
        return Err("a path is one line of text".to_owned());
    }
    Ok(text)
}

fn fetch(fetch: &FetchTemplate, rendering: &Rendering<'_>) -> Result<Action, Flawed> {
    let to = at(&fetch.to, fetch.to.render(rendering).and_then(|text| below(&text)))?;
    Ok(Action::Fetch {
        from: at(&fetch.from, fetch.from.render(rendering).and_then(path_on_host))?,
        to,
        bytes_max: fetch.bytes_max,
        run_as: fetch.run_as.clone(),
    })
}

/// A folder below the one that the operator chose, and nowhere else.
fn below(text: &Text) -> Result<Text, String> {
    let path = known_now(text, "a folder")?;
    let stays = !path.starts_with(['/', '~'])
        && !path.contains(['\\', ':'])
        && !path.contains(char::is_control)
        && path.split('/').all(|part| part != "..");
    if stays {
        Ok(Text::plain(path))
    } else {
        Err(format!("{path:?} does not stay below the folder that the files are fetched to"))
    }
}

fn expect(probe: &ProbeTemplate, rendering: &Rendering<'_>) -> Result<Expect, Flawed> {
    let expect = &probe.expect;
    let stdout: Option<Text> =
        expect.stdout.as_ref().map(|template| at(template, template.render(rendering))).transpose()?;
    let mut json = Vec::with_capacity(expect.json.len());
    for (pointer, value) in &expect.json {
        let line = value.templates().first().map(|template| template.place().line);
        json.push((pointer.clone(), value.render(rendering).map_err(|message| (line, message))?));
    }
    Ok(Expect {
        exit_code: expect.exit_code,
        status: expect.status,
        stdout,
        stdout_matches: expect.stdout_matches.clone(),
        json,
        members: Vec::new(),
    })
}
