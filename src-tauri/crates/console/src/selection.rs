//! Selectors as people type them: read, and checked against the facts that there are.
//!
//! A fact that nobody knows the name of would leave every host undecided, in the plan view as well
//! as at three in the morning; it is an error here, on every way in.

use std::collections::HashMap;

use daytwo_fleet::{UnknownFact, unknown_facts};
use daytwo_model::facts::FactSheet;
use daytwo_model::{Host, HostName, Selector, Timestamp, Verdict};

use crate::wire::fleet::SelectionError;
use crate::wire::plan::UndecidedHost;
use crate::wire::{Code, UiError};

/// Reads a selector that somebody typed.
pub(crate) fn read(text: &str) -> Result<Selector, SelectionError> {
    let selector = Selector::parse(text).map_err(|error| {
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        SelectionError {
            column: number(error.column),
            width: number(error.width),
            message: format!("column {}: expected {}, found {}", error.column, error.expected, error.found),
            hint: error.hint,
        }
    })?;
    match unknown_facts(&selector).into_iter().next() {
        None => Ok(selector),
        Some(unknown) => {
            let before = text.find(&unknown.name).and_then(|at| text.get(..at)).unwrap_or_default();
            let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
            Err(SelectionError {
                column: number(before.chars().count() + 1),
                width: number(unknown.name.chars().count().max(1)),
                message: message(&unknown),
                hint: Some(hint(&unknown)),
            })
        }
    }
}

/// What is wrong with a selector that was read elsewhere, as message and hint: a runbook's own `targets`.
pub(crate) fn unknown(selector: &Selector) -> Option<(String, String)> {
    unknown_facts(selector).first().map(|unknown| (message(unknown), hint(unknown)))
}

/// The error of a command that was given this text.
pub(crate) fn refused(text: &str, error: SelectionError) -> UiError {
    let message = format!("{text:?} is not a selector: {}", error.message);
    UiError { hint: error.hint, ..UiError::new(Code::BadRequest, message) }
}

fn message(unknown: &UnknownFact) -> String {
    format!("there is no fact {}", unknown.name)
}

fn hint(unknown: &UnknownFact) -> String {
    match unknown.meant {
        Some(near) => format!("did you mean {near}? `daytwo hosts --facts` lists them all"),
        None => "`daytwo hosts --facts` lists them all; a label with a dot in its name is written as label.\"NAME\""
            .to_owned(),
    }
}

/// The hosts that a selector picks, and those of which it cannot say.
pub(crate) fn deal(
    selector: &Selector,
    hosts: &[Host],
    facts: &HashMap<HostName, FactSheet>,
    now: Timestamp,
) -> (Vec<HostName>, Vec<UndecidedHost>) {
    let (mut picked, mut undecided) = (Vec::new(), Vec::new());
    for host in hosts {
        let facts = facts.get(&host.name);
        match selector.verdict(host, facts, now) {
            Verdict::Picked => picked.push(host.name.clone()),
            Verdict::NotPicked => {}
            Verdict::Undecided => {
                let why = selector.explain(host, facts, now).saw();
                undecided.push(UndecidedHost { name: host.name.clone(), why });
            }
        }
    }
    (picked, undecided)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_that_does_not_exist_is_an_error_at_its_place_and_names_the_nearest() {
        let error = read("role=web and disk.rot.free < 10%").unwrap_err();
        assert_eq!((error.column, error.width), (14, 13));
        assert_eq!(error.message, "there is no fact disk.rot.free");
        assert!(error.hint.unwrap().contains("disk.root.free"));
        assert!(read("role=web and disk.root.free < 10%").is_ok());
    }

    #[test]
    fn what_to_do_about_a_mistake_is_said_once() {
        let error = read("role=").unwrap_err();
        assert_eq!(error.column, 6);
        assert!(error.hint.as_ref().is_none_or(|hint| !error.message.contains(hint.as_str())), "{error:?}");
    }
}
