//! Batches, budgets and pace as a runbook writes them.

use super::BATCHES_MAX;
use super::fields::{Fields, duration_ms, items, number, parsed, text};
use super::shape::{Shape, Takes, may};
use crate::diagnostic::Found;
use crate::rollout::{Allowance, Reach, Rollout};
use crate::yaml::Node;

/// The largest number of hosts that a batch or a budget may name.
const COUNT_MAX: u32 = 1_000_000;
/// The most hosts at one time that a runbook may ask for; more connections than this no laptop keeps alive.
const AT_ONCE_MAX: i64 = 1000;

/// How a runbook is brought in.
pub(super) static ROLLOUT: Shape = Shape::new(
    "rollout",
    "a rollout",
    "Batches, budgets and pace: how far a mistake can reach before somebody sees it. A runbook that changes something \
     and says nothing starts with one host, then 10%, 50% and all, and stops at the first host that fails.",
    &[
        may(
            "batches",
            Takes::List { of: &Takes::Share, min: 1, max: BATCHES_MAX },
            "A number takes so many further hosts; a percentage says how many of all have been reached once the \
             batch is over. What is left over is a last batch.",
        ),
        may(
            "spread",
            Takes::Text,
            "A label: no batch but the last takes all hosts that share a value of it, where that can be avoided.",
        ),
        may("max_failed", Takes::Share, "How many hosts may fail before no further host is started."),
        may("max_unreachable", Takes::Share, "How many hosts may be unreachable before no further host is started."),
        may("hold", Takes::Duration, "The pause after each batch."),
        may("at_once", Takes::Integer { min: 1, max: AT_ONCE_MAX }, "How many hosts work at one time, within a batch."),
    ],
);

/// Reads `rollout`; what is absent or wrong keeps its default.
pub(super) fn read(node: &Node, changes: bool, found: &mut Found<'_>) -> Rollout {
    let mut rollout = Rollout::default_for(changes);
    let Some(fields) = Fields::of(node, &ROLLOUT, found) else { return rollout };
    if let Some(node) = fields.get("batches") {
        rollout.batches = batches(node, found);
    }
    rollout.spread = fields.get("spread").and_then(|node| text(node, "`spread`", found));
    let mut allowance = |name: &str, default: Allowance| {
        let read = fields.get(name).and_then(|node| parsed(node, name, found, |text| share(text, 0)));
        read.map_or(default, |share| match share {
            Share::Hosts(count) => Allowance::Hosts(count),
            Share::Percent(percent) => Allowance::Percent(percent),
        })
    };
    rollout.max_failed = allowance("max_failed", rollout.max_failed);
    rollout.max_unreachable = allowance("max_unreachable", rollout.max_unreachable);
    if let Some(hold) = fields.get("hold").and_then(|node| duration_ms(node, "`hold`", found)) {
        rollout.hold_ms = hold;
    }
    let at_once = fields.get("at_once").and_then(|node| number(node, "`at_once`", 1..=AT_ONCE_MAX, found));
    if let Some(at_once) = at_once.and_then(|count| u32::try_from(count).ok()) {
        rollout.at_once = at_once;
    }
    rollout
}

enum Share {
    Hosts(u32),
    Percent(u32),
}

fn share(text: &str, least: u32) -> Result<Share, String> {
    let wrong = || format!("`{text}` is neither a number of hosts nor a percentage such as 10%");
    let (digits, percent) = text.strip_suffix('%').map_or((text, false), |digits| (digits, true));
    let number: u32 = digits.trim().parse().map_err(|_| wrong())?;
    let most = if percent { 100 } else { COUNT_MAX };
    if number < least || number > most {
        return Err(format!("`{text}` is not from {least} to {most}"));
    }
    Ok(if percent { Share::Percent(number) } else { Share::Hosts(number) })
}

fn batches(node: &Node, found: &mut Found<'_>) -> Vec<Reach> {
    let nodes = items(node, "`batches`", found).unwrap_or_default();
    if let Some(node) = nodes.get(BATCHES_MAX) {
        found.error("limit", node.place, format!("a rollout has at most {BATCHES_MAX} batches"));
    }
    if nodes.is_empty() {
        found.error("bad-value", node.place, "a rollout without batches reaches no host");
    }
    let mut highest = 0;
    let mut reaches = Vec::new();
    for node in nodes.iter().take(BATCHES_MAX) {
        match parsed(node, "a batch", found, |text| share(text, 1)) {
            Some(Share::Hosts(count)) => reaches.push(Reach::Hosts(count)),
            Some(Share::Percent(percent)) if percent <= highest => {
                found.error_with(
                    "bad-value",
                    node.place,
                    format!("{percent}% does not come after {highest}%"),
                    "a percentage says how many of all hosts have been reached once the batch is over",
                );
            }
            Some(Share::Percent(percent)) => {
                highest = percent;
                reaches.push(Reach::Percent(percent));
            }
            None => {}
        }
    }
    reaches
}
