//! Writing runbooks as the window does it: save, copy, propose, and plan a text that is not saved.

mod support;

use std::error::Error;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use daytwo_console::wire::Code;
use daytwo_console::wire::plan::PlanRequest;
use daytwo_console::wire::runbook::Editing;
use daytwo_console::{Console, Mode};
use daytwo_model::{Digest, RunbookName};

const OWN: &str = "\
runbook: own
title: Own
summary: One's own.
kind: diagnostic
owner: test
stewardship: customer
targets: role=web
steps:
  - { id: look, run: uptime, effect: read, timeout: 10s }
";

struct Desk {
    console: Arc<Console>,
    folder: tempfile::TempDir,
}

impl Desk {
    async fn open(runbooks: &[(&str, &str)]) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let profile = support::profile(folder.path());
        std::fs::create_dir_all(profile.config_dir.join("runbooks"))?;
        let fleet = "hosts:\n  web-1: { address: 10.255.255.1, labels: { role: web } }\n";
        std::fs::write(profile.config_dir.join("fleet.yaml"), fleet)?;
        for (name, text) in runbooks {
            std::fs::write(profile.config_dir.join(format!("runbooks/{name}.yaml")), text)?;
        }
        Ok(Self { console: Console::open(profile, Mode::Command).await?, folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("config/runbooks").join(name)
    }
}

fn name(name: &str) -> Result<RunbookName, Box<dyn Error>> {
    Ok(RunbookName::new(name)?)
}

#[tokio::test]
async fn saving_never_overwrites_what_somebody_else_saved_meanwhile() -> Result<(), Box<dyn Error>> {
    let desk = Desk::open(&[("own", OWN)]).await?;
    let own = name("own")?;
    let opened = desk.console.runbook(&own).await?;
    assert_eq!(opened.editing, Editing::Save);
    let theirs = OWN.replace("uptime", "uptime -p");
    std::fs::write(desk.path("own.yaml"), &theirs)?;
    let mine = OWN.replace("uptime", "who");
    let refused = desk.console.save_runbook(&own, &mine, Some(opened.digest)).err().ok_or("it was overwritten")?;
    assert_eq!(refused.code, Code::Conflict);
    assert_eq!(std::fs::read_to_string(desk.path("own.yaml"))?, theirs);
    let saved = desk.console.save_runbook(&own, &mine, Some(Digest::of(theirs.as_bytes())))?;
    assert_eq!(desk.console.runbook(&own).await?.digest, saved.digest, "the catalogue shows what is in the file");
    desk.console.close().await;
    Ok(())
}

#[tokio::test]
async fn a_runbook_of_the_program_is_copied_and_the_copy_is_ones_own() -> Result<(), Box<dyn Error>> {
    let desk = Desk::open(&[]).await?;
    let (shipped, mine) = (name("roll-back")?, name("my-roll-back")?);
    let opened = desk.console.runbook(&shipped).await?;
    assert_eq!(opened.editing, Editing::Copy);
    assert!(desk.console.save_runbook(&shipped, &opened.text, Some(opened.digest)).is_err(), "it was saved over");
    desk.console.copy_runbook(&shipped, &mine)?;
    let copy = desk.console.runbook(&mine).await?;
    assert_eq!((copy.editing, copy.steps.len()), (Editing::Save, opened.steps.len()));
    let again = desk.console.copy_runbook(&shipped, &mine).err().ok_or("the copy was overwritten")?;
    assert_eq!(again.code, Code::Conflict);
    desk.console.close().await;
    Ok(())
}

#[tokio::test]
async fn a_change_of_a_shared_runbook_becomes_a_branch_for_its_owner() -> Result<(), Box<dyn Error>> {
    let shared = OWN.replace("stewardship: customer", "stewardship: shared");
    let desk = Desk::open(&[("own", &shared)]).await?;
    let git = |arguments: &[&str]| -> Result<String, Box<dyn Error>> {
        let identity = ["-c", "user.name=maria", "-c", "user.email=maria@laptop"];
        let output = Command::new("git").args(identity).args(arguments).current_dir(desk.path("")).output()?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(String::from_utf8(output.stdout)?) } else { Err(complaint.into()) }
    };
    git(&["init", "-q"])?;
    git(&["config", "user.name", "maria"])?;
    git(&["config", "user.email", "maria@laptop"])?;
    git(&["add", "."])?;
    git(&["commit", "-qm", "first"])?;
    let own = name("own")?;
    let opened = desk.console.runbook(&own).await?;
    assert_eq!(opened.editing, Editing::Propose);
    assert!(opened.source.as_ref().is_some_and(|source| source.starts_with("git ")), "{:?}", opened.source);
    let changed = shared.replace("uptime", "uptime -p");
    assert!(desk.console.save_runbook(&own, &changed, Some(opened.digest)).is_err(), "a shared runbook was saved");
    let proposal = desk.console.propose_change(&own, &changed, "easier to read").await?;
    let branch = proposal.branch.ok_or("no branch was made")?;
    assert_eq!(git(&["show", &format!("{branch}:own.yaml")])?, changed);
    assert_eq!(std::fs::read_to_string(desk.path("own.yaml"))?, shared, "what is checked out was touched");
    assert!(git(&["log", "-1", "--format=%s", &branch])?.contains("easier to read"));
    desk.console.close().await;
    Ok(())
}

#[tokio::test]
async fn a_text_that_is_not_saved_is_planned_with_what_lies_beside_it_and_cannot_be_started()
-> Result<(), Box<dyn Error>> {
    let desk = Desk::open(&[]).await?;
    std::fs::write(desk.path("tool.sh"), "echo beside\n")?;
    let marker = desk.path("asked");
    let choices = format!("choices: {{ run: 'touch {}; echo a' }}", marker.display());
    let text = OWN.replace("run: uptime", "script: { file: tool.sh }").replace(
        "steps:",
        &format!("inputs:\n  tag: {{ type: choice, title: Tag, required: false, {choices} }}\nsteps:"),
    );
    let (inputs, selection) = ([].into(), String::new());
    let request = PlanRequest { runbook: name("own")?, inputs, selection, text: Some(text), when_reachable: None };
    let answer = desk.console.plan(request).await?;
    let plan = answer.plan.ok_or_else(|| format!("{:?}", answer.problems))?;
    let text = plan.steps.first().and_then(|step| step.actions.first()).map(|group| group.text.clone());
    assert!(text.as_ref().is_some_and(|text| text.contains("echo beside")), "{text:?}");
    assert_eq!(plan.cannot_start, ["this text is not saved yet"]);
    assert!(desk.console.start(plan.digest, None).await.is_err(), "an unsaved text was started");
    assert!(!marker.exists(), "a command of a text that somebody is typing was run");
    desk.console.close().await;
    Ok(())
}
