//! Which hosts a plan is for: the runbook's targets, narrowed by the operator. Never widened, never empty.

use daytwo_model::{Host, Selector};

/// Why no host is picked: a sentence, and what to do about it.
pub(crate) type Empty = (String, Option<String>);

/// The hosts that both pick, in the fleet's order, and the selection as a plan keeps it. The error
/// says which of the two leaves nothing.
pub(crate) fn select<'h>(
    fleet: &'h [Host],
    targets: Option<&Selector>,
    selection: Option<&Selector>,
) -> Result<(Vec<&'h Host>, String), Empty> {
    // Promise 1: nothing said is never "all hosts".
    if targets.is_none() && selection.is_none() {
        let hint = "pick some, for example role=web, or every one with host~\"*\"";
        return Err(("neither the runbook nor you say for which hosts".to_owned(), Some(hint.to_owned())));
    }
    let picks = |selector: Option<&Selector>, host: &Host| selector.is_none_or(|selector| selector.matches(host));
    let picked: Vec<&Host> = fleet.iter().filter(|host| picks(targets, host) && picks(selection, host)).collect();
    if picked.is_empty() {
        return Err(why_empty(fleet, targets, selection));
    }
    let text = match (targets, selection) {
        (Some(targets), Some(selection)) => format!("({targets}) and ({selection})"),
        (Some(one), None) | (None, Some(one)) => one.to_string(),
        (None, None) => String::new(),
    };
    Ok((picked, text))
}

fn why_empty(fleet: &[Host], targets: Option<&Selector>, selection: Option<&Selector>) -> Empty {
    let count =
        |selector: Option<&Selector>| fleet.iter().filter(|host| selector.is_none_or(|s| s.matches(host))).count();
    let of = format!("of the fleet's {}", hosts(fleet.len()));
    match (targets, selection) {
        _ if fleet.is_empty() => ("the fleet has no hosts".to_owned(), Some("add a source of hosts first".to_owned())),
        (Some(targets), _) if count(Some(targets)) == 0 => {
            (format!("the runbook is for `{targets}`, and that picks none {of}"), None)
        }
        (_, Some(selection)) if count(Some(selection)) == 0 => {
            (format!("your selection `{selection}` picks none {of}"), None)
        }
        (Some(targets), Some(selection)) => (
            format!(
                "your selection `{selection}` picks {}, and none of them is among the {} that the runbook is for (`{targets}`)",
                hosts(count(Some(selection))),
                hosts(count(Some(targets))),
            ),
            Some("a selection can narrow a runbook's targets, never widen them".to_owned()),
        ),
        (_, _) => (format!("nothing is picked {of}"), None),
    }
}

pub(crate) fn hosts(count: usize) -> String {
    if count == 1 { "1 host".to_owned() } else { format!("{count} hosts") }
}
