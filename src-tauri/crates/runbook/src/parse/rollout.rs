//! Batches, budgets and pace as a runbook writes them.

use daytwo_model::plan::Order;

use super::BATCHES_MAX;
use super::fields::{Fields, duration_ms, items, number, one_of, parsed, text};
use super::shape::{Shape, Takes, may, must};
use super::steps;
use crate::diagnostic::Found;
use crate::rollout::{Allowance, Reach, Rollout};
use crate::step::HealthTemplate;
use crate::yaml::Node;

/// The largest number of hosts that a batch or a budget may name.
const COUNT_MAX: u32 = 1_000_000;
/// The most hosts at one time that a runbook may ask for; more connections than this no laptop keeps alive.
const AT_ONCE_MAX: i64 = 1000;

const ORDERS: &[(&str, Order)] = &[("free", Order::Free), ("linear", Order::Linear)];
const CANARIES: &[(&str, bool)] = &[("stop", true), ("continue", false)];

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
        may(
            "max_failed_per_batch",
            Takes::Share,
            "The same within one batch: a number, or a percentage of the batch, rounded down. The total counts too.",
        ),
        may("max_unreachable_per_batch", Takes::Share, "The same for hosts that are unreachable."),
        may(
            "unreachable_canary",
            Takes::Words(&["stop", "continue"]),
            "What a first batch means in which nothing could be reached; `stop` where it is absent, whatever the \
             budgets say.",
        ),
        may(
            "order",
            Takes::Words(&["free", "linear"]),
            "`free`, also where it is absent: each host goes on as soon as it can. `linear`: no host of a batch begins \
             a step before all of them have the one before behind them.",
        ),
        may("hold", Takes::Duration, "The pause after each batch."),
        may(
            "health",
            Takes::Shape(&steps::HEALTH),
            "What must hold after each batch, and its hold, before the next begins. It is asked from this machine.",
        ),
        may("at_once", Takes::Integer { min: 1, max: AT_ONCE_MAX }, "How many hosts work at one time, within a batch."),
        may(
            "at_once_per_gateway",
            Takes::Integer { min: 1, max: AT_ONCE_MAX },
            "How many hosts behind one gateway work at one time, within a batch.",
        ),
        may(
            "when_reachable",
            Takes::Shape(&WHEN_REACHABLE),
            "A host that could not be reached gets its part when it can be. Whoever starts the run may say otherwise.",
        ),
    ],
);

pub(super) static WHEN_REACHABLE: Shape = Shape::new(
    "when_reachable",
    "`when_reachable`",
    "For how long a host that could not be reached still gets its part: the steps that only read, and those marked \
     `late_ok`.",
    &[must("for", Takes::Duration, "So long, from the moment of the plan.")],
);

/// Reads `rollout`; what is absent or wrong keeps its default.
pub(super) fn read(node: &Node, changes: bool, found: &mut Found<'_>) -> (Rollout, Option<HealthTemplate>) {
    let mut rollout = Rollout::default_for(changes);
    let Some(fields) = Fields::of(node, &ROLLOUT, found) else { return (rollout, None) };
    if let Some(node) = fields.get("batches") {
        rollout.batches = batches(node, found);
    }
    rollout.spread = fields.get("spread").and_then(|node| text(node, "`spread`", found));
    budgets(&fields, &mut rollout, found);
    if let Some(hold) = fields.get("hold").and_then(|node| duration_ms(node, "`hold`", found)) {
        rollout.hold_ms = hold;
    }
    if let Some(order) = fields.get("order").and_then(|node| one_of(node, "`order`", ORDERS, found)) {
        rollout.order = order;
    }
    let mut at_once = |name: &str| {
        let count = number(fields.get(name)?, &format!("`{name}`"), 1..=AT_ONCE_MAX, found)?;
        u32::try_from(count).ok()
    };
    rollout.at_once = at_once("at_once").unwrap_or(rollout.at_once);
    rollout.at_once_per_gateway = at_once("at_once_per_gateway");
    rollout.when_reachable_ms = fields.get("when_reachable").and_then(|node| when_reachable(node, found));
    let health = fields.get("health").and_then(|node| steps::health(node, found));
    (rollout, health)
}

fn budgets(fields: &Fields<'_>, rollout: &mut Rollout, found: &mut Found<'_>) {
    let mut allowance = |name: &str| {
        let read = fields.get(name).and_then(|node| parsed(node, name, found, |text| share(text, 0)));
        read.map(|share| match share {
            Share::Hosts(count) => Allowance::Hosts(count),
            Share::Percent(percent) => Allowance::Percent(percent),
        })
    };
    rollout.max_failed = allowance("max_failed").unwrap_or(rollout.max_failed);
    rollout.max_unreachable = allowance("max_unreachable").unwrap_or(rollout.max_unreachable);
    rollout.max_failed_per_batch = allowance("max_failed_per_batch");
    rollout.max_unreachable_per_batch = allowance("max_unreachable_per_batch");
    let canary = fields.get("unreachable_canary");
    if let Some(stops) = canary.and_then(|node| one_of(node, "`unreachable_canary`", CANARIES, found)) {
        rollout.unreachable_canary_stops = stops;
    }
}

fn when_reachable(node: &Node, found: &mut Found<'_>) -> Option<u64> {
    let fields = Fields::of(node, &WHEN_REACHABLE, found)?;
    fields.need("for", found).and_then(|node| steps::positive(node, "`for`", found))
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
