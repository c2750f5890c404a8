//! What records say of people's decisions.

use daytwo_model::{CancelDegree, Event, Record};

use crate::column::word;
use crate::error::Error;
use crate::read::decisions::{Decision, DecisionKind};

/// The decision that a record tells of; none for most. What nobody answered in time, nobody decided.
pub(super) fn decided(record: &Record) -> Result<Option<Decision>, Error> {
    let (kind, by, why, what) = match &record.event {
        Event::RunOpened { by, .. } => (DecisionKind::RunStarted, by, "", String::new()),
        Event::CancelRequested { by, why, degree, hosts } => {
            (DecisionKind::CancelRequested, by, why.as_str(), cancelled(*degree, hosts.as_deref()))
        }
        Event::QuestionAnswered { hosts, step, answer, by: Some(by), why } => {
            let answer = word("an answer", answer)?;
            let what = format!(": {answer} step {} on {}", step + 1, hosts_in_words(hosts.len()));
            (DecisionKind::QuestionAnswered, by, why.as_str(), what)
        }
        Event::RunInterrupted { found_by } => (DecisionKind::RunFoundInterrupted, found_by, "", String::new()),
        _ => return Ok(None),
    };
    Ok(Some(Decision {
        at: record.at,
        by: by.clone(),
        kind,
        run: Some(record.run),
        subject: format!("{}{what}", record.run),
        why: why.to_owned(),
    }))
}

/// How hard a cancel was, and on how many hosts; nothing for one of the usual degree of the whole run.
fn cancelled(degree: CancelDegree, hosts: Option<&[u32]>) -> String {
    let degree = match degree {
        CancelDegree::NoNewStarts => ": no new starts",
        CancelDegree::Terminate => "",
        CancelDegree::Kill => ": kill",
    };
    let on = hosts.map(|hosts| format!(" on {}", hosts_in_words(hosts.len())));
    format!("{degree}{}", on.unwrap_or_default())
}

fn hosts_in_words(hosts: usize) -> String {
    if hosts == 1 { "1 host".to_owned() } else { format!("{hosts} hosts") }
}
