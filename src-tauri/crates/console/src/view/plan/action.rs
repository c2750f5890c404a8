//! Actions and expectations as text.

use daytwo_model::plan::{Action, Expect, Otherwise, Probe, RunAs};

use super::duration;

/// What will be sent, and the word for it.
pub(super) fn action_text(action: &Action) -> (String, String) {
    match action {
        Action::Run { script, run_as, .. } => (script.preview(), format!("run{}", as_whom(run_as))),
        Action::Http { request } => (super::request::text(request), super::request::kind(request.via).to_owned()),
        Action::HttpSet { set } => (super::request::set_text(set), super::request::kind(set.read.via).to_owned()),
        Action::Wait { ms } => (format!("waits {}", duration(*ms)), "wait".to_owned()),
        Action::Ask { question, within_ms, otherwise } => {
            let otherwise = match otherwise {
                Otherwise::Stop => "the run stops",
                Otherwise::Continue => "the run goes on",
            };
            let text = format!("{}\nwithout an answer in {}: {otherwise}", question.preview(), duration(*within_ms));
            (text, "ask".to_owned())
        }
        Action::Fetch { from, to, bytes_max, run_as } => {
            let text = format!("{}\nto {}, at most {bytes_max} bytes", from.preview(), to.preview());
            (text, format!("fetch{}", as_whom(run_as)))
        }
        Action::Put { from, content, to, mode, owner, run_as } => {
            let mut text = format!("{from} ({} bytes, {})\nto {}", content.bytes, content.digest.short(), to.preview());
            if let Some(mode) = mode {
                text.push_str(&format!(", mode {mode}"));
            }
            if let Some(owner) = owner {
                text.push_str(&format!(", owner {}", owner.preview()));
            }
            (text, format!("put{}", as_whom(run_as)))
        }
    }
}

/// What it does in one line, where a typed step stands for its text.
pub(super) fn meaning(action: &Action) -> Option<String> {
    match action {
        Action::Run { meaning, .. } => meaning.as_ref().map(daytwo_model::Text::preview),
        Action::HttpSet { set } => Some(super::request::set_meaning(set)),
        _ => None,
    }
}

fn as_whom(run_as: &RunAs) -> String {
    match run_as {
        RunAs::Login => String::new(),
        RunAs::Root => " as root".to_owned(),
        RunAs::User(user) => format!(" as {user}"),
    }
}

/// A read, and what must come back.
pub(in crate::view) fn probe_text(probe: &Probe) -> (String, String) {
    let (text, kind) = action_text(&probe.action);
    (format!("{text}\nexpect: {}", expectation(&probe.expect, &kind)), kind)
}

/// What must come back, in one line.
#[must_use]
pub fn expectation(expect: &Expect, kind: &str) -> String {
    let mut parts = Vec::new();
    match (expect.exit_code, expect.status) {
        (Some(code), _) => parts.push(format!("exit {code}")),
        (None, Some(status)) => parts.push(format!("HTTP {status}")),
        (None, None) if kind.starts_with("http") => parts.push("HTTP 2xx".to_owned()),
        (None, None) => parts.push("exit 0".to_owned()),
    }
    parts.extend(expect.stdout.iter().map(|text| format!("output is {}", text.preview())));
    parts.extend(expect.stdout_matches.iter().map(|pattern| format!("output matches {pattern}")));
    parts.extend(expect.members.iter().map(|(pointer, member)| match super::request::value(member) {
        Some(value) => format!("{pointer} is {value}"),
        None => format!("{pointer} is not there"),
    }));
    parts.extend(expect.json.iter().map(|(pointer, value)| format!("{pointer} is {}", value.preview())));
    parts.join(", ")
}
