//! The choices of an input that a command or a URL gives: read in bounded time, kept with their
//! date, and shown as last known when nobody answers.
//!
//! The command is the runbook's own and runs on this machine, so it is only run for a form that a
//! person has opened, never for a text that is being edited.

use std::path::Path;
use std::time::Duration;

use daytwo_engine::ports::{Http, HttpCall, HttpEnd};
use daytwo_model::plan::HttpMethod;
use daytwo_model::{RunbookName, SecretValue, Timestamp};
use daytwo_runbook::ChoiceSource;
use daytwo_store::Store;
use serde::{Deserialize, Serialize};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::process::ask;
use crate::wire::UiError;
use crate::wire::runbook::Choices;

/// The longest answer that is read. A list that a person picks from is far shorter.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;
/// The most choices that are offered.
const CHOICES_MAX: usize = 2_000;
/// The longest choice, in characters.
const CHOICE_CHARS_MAX: usize = 500;

/// What was read last, with its date.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    values: Vec<String>,
    at: Timestamp,
}

fn key(runbook: &RunbookName, input: &str) -> String {
    format!("choices/{runbook}/{input}")
}

/// The last choices that could be read; none where there never were any.
pub(crate) async fn last_known(store: &Store, runbook: &RunbookName, input: &str) -> Result<Vec<String>, UiError> {
    let kept: Option<Kept> = store.setting(&key(runbook, input)).await.map_err(|error| UiError::history(&error))?;
    Ok(kept.map(|kept| kept.values).unwrap_or_default())
}

/// Reads the choices anew; where that fails, those that were read last, with their date and the reason.
pub(crate) async fn read(
    store: &Store,
    http: &dyn Http,
    source: &ChoiceSource,
    folder: &Path,
    (runbook, input): (&RunbookName, &str),
    now: Timestamp,
) -> Result<Choices, UiError> {
    let name = key(runbook, input);
    match from_source(http, source, folder).await {
        Ok(values) => {
            let kept = Kept { values, at: now };
            store.set_setting(&name, Some(&kept)).await.map_err(|error| UiError::history(&error))?;
            Ok(Choices { values: kept.values, as_of: Some(now), problem: None })
        }
        Err(why) => {
            let kept: Option<Kept> = store.setting(&name).await.map_err(|error| UiError::history(&error))?;
            let (values, as_of) = kept.map_or((Vec::new(), None), |kept| (kept.values, Some(kept.at)));
            Ok(Choices { values, as_of, problem: Some(format!("the choices could not be read: {why}")) })
        }
    }
}

async fn from_source(http: &dyn Http, source: &ChoiceSource, folder: &Path) -> Result<Vec<String>, String> {
    let wait = Duration::from_millis(source.timeout_ms());
    let values = match source {
        ChoiceSource::Command { run, .. } => lines(&command(run, folder, wait).await?),
        ChoiceSource::Url { url, json, .. } => pointed(&body(http, url, wait).await?, json)?,
    };
    checked(values)
}

async fn command(script: &str, folder: &Path, wait: Duration) -> Result<Vec<u8>, String> {
    let mut command = Command::new("sh");
    command.arg("-s");
    if folder.is_dir() {
        command.current_dir(folder);
    }
    let said = ask(command, script.as_bytes(), wait, ANSWER_BYTES_MAX).await.map_err(|silent| silent.to_string())?;
    match said.code {
        Some(0) => Ok(said.stdout),
        Some(code) => Err(format!("the command ended with exit {code}: {}", first_line(&said.complaint))),
        None => Err("the command was ended by a signal".to_owned()),
    }
}

async fn body(http: &dyn Http, url: &str, wait: Duration) -> Result<Vec<u8>, String> {
    let call = HttpCall::new(HttpMethod::GET, SecretValue::new(url), wait);
    match http.call(call, CancellationToken::new()).await {
        HttpEnd::Answered { status: 200..=299, body, cut: false, .. } => Ok(body.to_vec()),
        HttpEnd::Answered { cut: true, .. } => Err("the answer is too long".to_owned()),
        HttpEnd::Answered { status, .. } => Err(format!("the answer was HTTP {status}")),
        HttpEnd::Unreachable { why } | HttpEnd::Unseen { why } | HttpEnd::Refused { why } => Err(why),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().filter(|line| !line.is_empty()).unwrap_or("it did not say why")
}

fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

fn pointed(bytes: &[u8], pointer: &str) -> Result<Vec<String>, String> {
    let document: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|error| format!("the answer is not JSON: {error}"))?;
    let list = document.pointer(pointer).ok_or_else(|| format!("the answer has nothing at {pointer:?}"))?;
    let items = list.as_array().ok_or_else(|| format!("what the answer has at {pointer:?} is not a list"))?;
    items
        .iter()
        .map(|item| item.as_str().map(str::to_owned))
        .collect::<Option<_>>()
        .ok_or_else(|| format!("the list at {pointer:?} holds something that is not text"))
}

fn checked(values: Vec<String>) -> Result<Vec<String>, String> {
    if values.is_empty() {
        return Err("the list is empty".to_owned());
    }
    if values.len() > CHOICES_MAX {
        return Err(format!("the list has {} entries; at most {CHOICES_MAX} can be offered", values.len()));
    }
    match values.iter().find(|value| value.chars().count() > CHOICE_CHARS_MAX || value.contains(char::is_control)) {
        Some(_) => Err("an entry of the list is too long, or holds control characters".to_owned()),
        None => Ok(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_no_list_of_choices_is_an_error_and_never_an_offer() {
        assert_eq!(checked(lines(b" 2.1 \n\n2.0\n")), Ok(vec!["2.1".to_owned(), "2.0".to_owned()]));
        for (bytes, pointer) in [(&b"{}"[..], "/a"), (b"{\"a\":1}", "/a"), (b"{\"a\":[1]}", "/a"), (b"<html>", "")] {
            assert!(pointed(bytes, pointer).is_err());
        }
        assert_eq!(pointed(b"{\"a\":[\"x\"]}", "/a"), Ok(vec!["x".to_owned()]));
        assert!(checked(Vec::new()).is_err());
        assert!(checked(vec!["a\u{1b}[2J".to_owned()]).is_err());
    }
}
