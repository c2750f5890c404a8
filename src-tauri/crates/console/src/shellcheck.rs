//! ShellCheck: its findings on a runbook's scripts, with the runbook's own lines.
//!
//! It is used where it is installed and missed nowhere else. A script goes to it on standard input; it
//! never runs one. It reads no configuration file, so that a check says the same on every machine.

use std::time::Duration;

use daytwo_runbook::{Diagnostic, Runbook, ScriptFinding, ScriptInFile, Severity, scripts};
use serde::Deserialize;
use tokio::process::Command;

use crate::process::{Silent, ask};

/// The program's name on the PATH.
const PROGRAM: &str = "shellcheck";

/// How long one script may take. It needs some milliseconds for a hundred lines; nested ones take longer.
const SCRIPT_TIME_MAX: Duration = Duration::from_secs(10);

/// The most scripts of one runbook that are given to it. A longer runbook is better as two.
const SCRIPTS_MAX: usize = 200;

/// The most that it may answer to one script, in bytes: some thousand findings.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// What it would say about what stands in place of values: constant conditions, and loops over one word.
const ARTEFACTS: &str = "SC2041,SC2043,SC2050,SC2066,SC2078,SC2157,SC2194";

/// What ShellCheck said about runbooks.
#[derive(Debug, Default)]
pub(crate) struct ShellCheck {
    /// What it found, at the runbook's own places.
    pub found: Vec<Diagnostic>,
    /// What it could not say, once each: that it is not installed, or why a script was not checked.
    pub notes: Vec<String>,
}

/// Why a script was not checked.
#[derive(Debug, thiserror::Error)]
enum Unchecked {
    #[error("shellcheck is not installed; scripts were checked by the built-in rules only")]
    NotInstalled,
    #[error("{0}")]
    Silent(Silent),
    #[error("what shellcheck answered cannot be read: {0}")]
    Answer(serde_json::Error),
}

/// Its answer in the format `json1`.
#[derive(Debug, Deserialize)]
struct Answer {
    comments: Vec<Comment>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Comment {
    line: u32,
    end_line: u32,
    column: u32,
    end_column: u32,
    level: String,
    code: u32,
    message: String,
}

impl ShellCheck {
    /// Checks every shell script of a runbook, and adds what it finds.
    pub(crate) async fn check(&mut self, runbook: &Runbook) {
        self.check_with(PROGRAM, runbook).await;
    }

    async fn check_with(&mut self, program: &str, runbook: &Runbook) {
        let scripts = scripts(runbook);
        if scripts.len() > SCRIPTS_MAX {
            self.note(format!("{}: only the first {SCRIPTS_MAX} scripts went through shellcheck", runbook.file));
        }
        for script in scripts.iter().take(SCRIPTS_MAX) {
            match answer(program, script).await {
                Ok(answer) => {
                    let findings = answer.comments.iter().map(finding);
                    self.found.extend(findings.filter_map(|finding| script.diagnostic(runbook, &finding)));
                }
                Err(why @ Unchecked::NotInstalled) => return self.note(why.to_string()),
                Err(why) => self.note(format!("{}, step {} was not checked: {why}", runbook.file, script.step)),
            }
        }
        self.found.sort_by_key(|it| (it.place, it.code.clone()));
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

fn finding(comment: &Comment) -> ScriptFinding {
    ScriptFinding {
        code: comment.code,
        // An error of ShellCheck is a script that a shell may still read; the runbook itself is sound.
        severity: Severity::Warning,
        line: comment.line,
        column: comment.column,
        end_column: (comment.end_line == comment.line).then_some(comment.end_column),
        message: match comment.level.as_str() {
            "error" => format!("{} (an error to shellcheck)", comment.message),
            _ => comment.message.clone(),
        },
    }
}

/// Gives one script to it and reads its answer.
async fn answer(program: &str, script: &ScriptInFile) -> Result<Answer, Unchecked> {
    let mut command = Command::new(program);
    command
        .args(["--norc", "--format=json1", "--severity=info", "--exclude", ARTEFACTS])
        .arg(format!("--shell={}", script.shell))
        .arg("-");
    // Its exit code says only that there are findings; whether it understood, the answer says.
    let said = ask(command, script.text.as_bytes(), SCRIPT_TIME_MAX, ANSWER_BYTES_MAX).await;
    let said = said.map_err(|silent| match silent {
        Silent::NotInstalled(_) => Unchecked::NotInstalled,
        other => Unchecked::Silent(other),
    })?;
    serde_json::from_slice(&said.stdout).map_err(Unchecked::Answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNBOOK: &str = "\
runbook: example
title: Example
summary: An example.
inputs: { dir: { type: string, title: Directory } }
steps:
  - id: tidy
    run: |
      dir={{ dir }}
      cd {{ dir }}
      rm -rf $dir/*
";

    fn runbook(text: &str) -> Runbook {
        daytwo_runbook::parse("example.yaml", text).unwrap()
    }

    #[tokio::test]
    async fn without_shellcheck_there_is_one_note_and_nothing_else() {
        let mut checked = ShellCheck::default();
        for _ in 0..2 {
            checked.check_with("no-such-shellcheck", &runbook(RUNBOOK)).await;
        }
        assert_eq!(checked.found, []);
        assert_eq!(checked.notes, [Unchecked::NotInstalled.to_string()]);
    }

    #[tokio::test]
    async fn its_findings_stand_at_the_runbooks_own_lines_and_can_be_waived() {
        if std::process::Command::new(PROGRAM).arg("--version").output().is_err() {
            return;
        }
        let mut checked = ShellCheck::default();
        checked.check(&runbook(RUNBOOK)).await;
        let found: Vec<(&str, u32, u32)> =
            checked.found.iter().map(|it| (it.code.as_ref(), it.place.line, it.place.column)).collect();
        assert!(found.contains(&("shellcheck:SC2164", 9, 7)), "{found:?}");
        assert!(found.contains(&("shellcheck:SC2115", 10, 14)), "{found:?}");
        assert_eq!(checked.notes, [""; 0]);
        let waived = RUNBOOK.replace("- id: tidy", "- id: tidy\n    waive: { 'shellcheck:SC2164': set -e is on }");
        let mut checked = ShellCheck::default();
        checked.check(&runbook(&waived)).await;
        assert!(checked.found.iter().all(|it| it.code != "shellcheck:SC2164"));
    }
}
