//! From the arguments to a plan, and from a plan that somebody confirmed to a run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use daytwo_console::Console;
use daytwo_console::wire::plan::{PlanAnswer, PlanRequest, PlanView};
use daytwo_console::wire::run::ResumeChoices;
use daytwo_console::wire::settings::KeyRow;
use daytwo_console::wire::{Code, UiError};
use daytwo_model::plan::ResumePart;
use daytwo_model::{Digest, HostName, RunId, RunbookName};

use crate::args::{PlanArgs, RunArgs, StartArgs};
use crate::commands::{bad, find, show_as, trust, unlock};
use crate::exit::Exit;
use crate::render::Scripts;
use crate::terminal::Style;
use crate::{ask, follow, late, plan_file, render};

/// Plans what the arguments say. Choices that others keep are read first: nobody opened a form that did it.
async fn planned_from(console: &Console, args: PlanArgs) -> Result<PlanAnswer, UiError> {
    let request = request(args)?;
    let given = request.inputs.keys().cloned().collect();
    notes(&console.read_choices(&request.runbook, &given).await?);
    console.plan(request).await
}

fn notes(notes: &[String]) {
    for note in notes {
        eprintln!("note: {note}");
    }
}

fn request(args: PlanArgs) -> Result<PlanRequest, UiError> {
    let runbook = RunbookName::new(args.runbook).map_err(|error| bad(Code::BadRequest, error.to_string()))?;
    Ok(PlanRequest {
        runbook,
        inputs: args.inputs.into_iter().collect(),
        selection: args.select,
        text: None,
        when_reachable: args.when_reachable,
    })
}

/// The plan of an answer, or its problems on standard error.
fn planned(answer: PlanAnswer, json: bool) -> Result<PlanView, Exit> {
    match answer.plan {
        Some(plan) => Ok(plan),
        None => {
            if json {
                println!("{}", serde_json::json!({ "problems": answer.problems }));
            } else {
                eprint!("{}", render::problems(&answer));
            }
            Err(Exit::BadRequest)
        }
    }
}

pub(crate) async fn plan(
    console: &Console,
    args: PlanArgs,
    ask: bool,
    scripts: Scripts,
    out: Option<PathBuf>,
    json: bool,
) -> Result<Exit, UiError> {
    let mut plan = match planned(planned_from(console, args).await?, json) {
        Ok(plan) => plan,
        Err(exit) => return Ok(exit),
    };
    if ask && plan.steps.iter().any(|step| !step.check.is_empty()) {
        plan = match planned(console.ask_checks(plan.digest).await?, json) {
            Ok(plan) => plan,
            Err(exit) => return Ok(exit),
        };
    }
    if let Some(file) = out {
        can_start(&plan)?;
        let document = console.plan_document(plan.digest)?;
        plan_file::write(&file, &document)?;
        if !json {
            print!("{}", render::plan(Style::detect(), &plan, scripts));
            println!("written to {}; start it with: daytwo run --plan {}", file.display(), file.display());
            return Ok(Exit::Done);
        }
    }
    show_as(json, &plan, || render::plan(Style::detect(), &plan, scripts))?;
    Ok(Exit::Done)
}

pub(crate) async fn run(console: &Arc<Console>, what: RunArgs, start: StartArgs, json: bool) -> Result<Exit, UiError> {
    late::settle(console, json).await?;
    let answer = match (what.plan, what.runbook) {
        (Some(file), _) => opened(console, &file).await?,
        (None, runbook) => {
            let runbook = runbook.unwrap_or_default();
            let RunArgs { select, inputs, when_reachable, .. } = what;
            planned_from(console, PlanArgs { runbook, select, inputs, when_reachable }).await?
        }
    };
    confirm_and_run(console, answer, &start, json).await
}

/// The plan of a file, if everything is as it was when it was made.
async fn opened(console: &Console, file: &Path) -> Result<PlanAnswer, UiError> {
    let document = console.open_plan(&plan_file::read(file)?).await?;
    notes(&document.notes);
    document.answer.ok_or_else(|| {
        let message = format!("{} is not what would be planned now; nothing was sent", file.display());
        let hint = "look at what changed; if it is meant, plan again with: daytwo plan".to_owned();
        UiError { code: Code::PlanChanged, message, hint: Some(hint), causes: document.differences }
    })
}

pub(crate) async fn undo(console: &Arc<Console>, run: &str, start: StartArgs, json: bool) -> Result<Exit, UiError> {
    late::settle(console, json).await?;
    let run = find(console, run).await?;
    let answer = console.plan_undo(run).await?;
    confirm_and_run(console, answer, &start, json).await
}

/// Shows what can be done again of a run; with a part (given, or chosen at the terminal), plans and runs it.
pub(crate) async fn resume(
    console: &Arc<Console>,
    run: &str,
    part: Option<ResumePart>,
    plan_only: bool,
    start: StartArgs,
    json: bool,
) -> Result<Exit, UiError> {
    late::settle(console, json).await?;
    let run = find(console, run).await?;
    let choices = console.resume_choices(run).await?;
    show_as(json, &choices, || render::resume_choices(Style::detect(), &choices))?;
    let chosen = match part {
        Some(part) => part,
        None if ask::somebody_is_there() => match chosen(&choices) {
            Some(part) => part,
            None => return Ok(Exit::NotStarted),
        },
        None => return Ok(Exit::Done),
    };
    let answer = console.plan_resume(run, chosen).await?;
    if plan_only {
        let plan = match planned(answer, json) {
            Ok(plan) => plan,
            Err(exit) => return Ok(exit),
        };
        show_as(json, &plan, || render::plan(Style::detect(), &plan, Scripts::Folded))?;
        return Ok(Exit::Done);
    }
    confirm_and_run(console, answer, &start, json).await
}

/// The choice whose number was typed.
fn chosen(choices: &ResumeChoices) -> Option<ResumePart> {
    let typed: usize = ask::line("Which one? Type its number:")?.parse().ok()?;
    choices.choices.get(typed.checked_sub(1)?).map(|choice| choice.part)
}

async fn confirm_and_run(
    console: &Arc<Console>,
    answer: PlanAnswer,
    start: &StartArgs,
    json: bool,
) -> Result<Exit, UiError> {
    let plan = match planned(answer, json) {
        Ok(plan) => plan,
        Err(exit) => return Ok(exit),
    };
    if json {
        println!("{}", serde_json::json!({ "plan": plan }));
    } else {
        print!("{}", render::plan(Style::detect(), &plan, Scripts::Folded));
    }
    can_start(&plan)?;
    let Some(typed) = confirmed(&plan, start) else {
        let number = plan.hosts.len();
        let hint = format!("add --yes-hosts {number} to start it without a terminal");
        let message = "the plan was not confirmed; nothing was sent".to_owned();
        return Err(UiError { code: Code::PlanChanged, message, hint: Some(hint), causes: Vec::new() });
    };
    let run = match start_unlocked(console, plan.digest, typed).await {
        Err(error) if error.code == Code::KeysToReview => {
            let names = plan.hosts.iter().map(|host| host.name.clone()).collect();
            review_keys(console, names, start.accept_new, error).await?;
            start_unlocked(console, plan.digest, typed).await?
        }
        other => other?,
    };
    follow::to_the_end(console, run, start.asking(), json).await
}

/// Refuses a plan with something in it that cannot be done yet, before anybody confirms it.
fn can_start(plan: &PlanView) -> Result<(), UiError> {
    if plan.cannot_start.is_empty() {
        return Ok(());
    }
    let error = bad(Code::BadRequest, "this plan cannot be started; nothing was sent".to_owned());
    Err(UiError { causes: plan.cannot_start.clone(), ..error })
}

/// What was typed, if the plan was confirmed: the number of hosts where one must be typed.
fn confirmed(plan: &PlanView, start: &StartArgs) -> Option<Option<u32>> {
    let number = u32::try_from(plan.hosts.len()).unwrap_or(u32::MAX);
    match (start.yes_hosts, plan.type_to_start) {
        (Some(given), _) => (given == number).then_some(Some(given)),
        (None, None) if start.yes => Some(None),
        (None, None) => ask::yes(&format!("{}?", plan.start_words)).then_some(None),
        (None, Some(_)) => {
            let answer = ask::line(&format!("{}? Type the number of hosts to start:", plan.start_words))?;
            (answer.parse() == Ok(number)).then_some(Some(number))
        }
    }
}

/// Starts; asks for the passphrase of a locked file of secrets first, if somebody is there to give it.
async fn start_unlocked(console: &Arc<Console>, digest: Digest, typed: Option<u32>) -> Result<RunId, UiError> {
    match console.start(digest, typed).await {
        Err(error) if error.code == Code::SecretMissing && ask::somebody_is_there() => {
            // A secret without a value is another matter: nothing can be unlocked then.
            if console.secrets().await?.passphrase.is_none() {
                return Err(error);
            }
            unlock(console).await?;
            console.start(digest, typed).await
        }
        other => other,
    }
}

/// First contact: one list of all keys that are not known, accepted as a whole or not at all.
async fn review_keys(
    console: &Console,
    hosts: Vec<HostName>,
    accept_new: bool,
    refused: UiError,
) -> Result<(), UiError> {
    let keys = console.survey_keys(Some(hosts)).await?;
    let unknown: Vec<KeyRow> = keys.into_iter().filter(|key| key.status == "unknown").collect();
    eprint!("{}", render::keys(Style::detect(), &unknown));
    let question = format!("Accept {}?", daytwo_console::view::words::count(unknown.len(), "host key"));
    if !accept_new && !ask::yes(&question) {
        return Err(refused.hint("compare the fingerprints, then accept them with: daytwo keys --accept-new"));
    }
    trust(console, unknown).await.map(|_| ())
}
