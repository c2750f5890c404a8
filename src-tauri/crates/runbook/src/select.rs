//! Which hosts a plan is for: the runbook's targets, narrowed by the operator. Never widened, never empty.
//!
//! A host of which that cannot be said is in no batch: it is listed apart, with what is not known.

use daytwo_model::plan::Undecided;
use daytwo_model::selector::{Selector, Verdict};
use daytwo_model::{Host, Timestamp};

use crate::surroundings::Surroundings;

/// Why no host is picked: a sentence, and what to do about it.
pub(crate) type Empty = (String, Option<String>);

/// The hosts of a plan.
pub(crate) struct Selected<'h> {
    /// In the fleet's order.
    pub(crate) picked: Vec<&'h Host>,
    pub(crate) undecided: Vec<Undecided>,
    /// The selection as a plan keeps it.
    pub(crate) text: String,
}

/// From whom to pick, and by what is known.
pub(crate) struct Choice<'h> {
    pub(crate) fleet: &'h [Host],
    pub(crate) targets: Option<&'h Selector>,
    pub(crate) selection: Option<&'h Selector>,
    pub(crate) surroundings: &'h dyn Surroundings,
    pub(crate) now: Timestamp,
}

impl<'h> Choice<'h> {
    /// The hosts that both pick. The error says which of the two leaves nothing.
    pub(crate) fn select(&self) -> Result<Selected<'h>, Empty> {
        // Promise 1: nothing said is never "all hosts".
        let selector = match (self.targets, self.selection) {
            (Some(targets), Some(selection)) => targets.narrowed_by(selection),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => {
                let hint = "pick some, for example role=web, or every one with host~\"*\"";
                return Err(("neither the runbook nor you say for which hosts".to_owned(), Some(hint.to_owned())));
            }
        };
        let mut selected = Selected { picked: Vec::new(), undecided: Vec::new(), text: selector.to_string() };
        for host in self.fleet {
            match self.verdict(&selector, host) {
                Verdict::Picked => selected.picked.push(host),
                Verdict::NotPicked => {}
                Verdict::Undecided => {
                    selected.undecided.push(Undecided { host: host.name.clone(), why: self.doubt(&selector, host) });
                }
            }
        }
        if selected.picked.is_empty() { Err(self.why_empty(&selected.undecided)) } else { Ok(selected) }
    }

    fn verdict(&self, selector: &Selector, host: &Host) -> Verdict {
        selector.verdict(host, self.surroundings.facts(&host.name), self.now)
    }

    /// What is not known of a host, in one sentence.
    fn doubt(&self, selector: &Selector, host: &Host) -> String {
        selector.explain(host, self.surroundings.facts(&host.name), self.now).saw()
    }

    fn why_empty(&self, undecided: &[Undecided]) -> Empty {
        let count = |selector: &Selector| {
            self.fleet.iter().filter(|host| self.verdict(selector, host) == Verdict::Picked).count()
        };
        let of = format!("of the fleet's {}", hosts(self.fleet.len()));
        if let Some(first) = undecided.first() {
            let message = format!(
                "no host is picked, and of {} it cannot be said whether it is: {}: {}",
                hosts(undecided.len()),
                first.host,
                first.why
            );
            return (message, Some("ask the hosts again, or select by what is known".to_owned()));
        }
        match (self.targets, self.selection) {
            _ if self.fleet.is_empty() => {
                ("the fleet has no hosts".to_owned(), Some("add a source of hosts first".to_owned()))
            }
            (Some(targets), _) if count(targets) == 0 => {
                (format!("the runbook is for `{targets}`, and that picks none {of}"), None)
            }
            (_, Some(selection)) if count(selection) == 0 => {
                (format!("your selection `{selection}` picks none {of}"), None)
            }
            (Some(targets), Some(selection)) => (
                format!(
                    "your selection `{selection}` picks {}, and none of them is among the {} that the runbook is for (`{targets}`)",
                    hosts(count(selection)),
                    hosts(count(targets)),
                ),
                Some("a selection can narrow a runbook's targets, never widen them".to_owned()),
            ),
            (_, _) => (format!("nothing is picked {of}"), None),
        }
    }
}

pub(crate) fn hosts(count: usize) -> String {
    if count == 1 { "1 host".to_owned() } else { format!("{count} hosts") }
}
