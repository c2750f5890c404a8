//! Whether, how often and after what a step is done: `needs`, `when`, `for_each`, `retry` and `waive`.

use daytwo_model::StepId;
use daytwo_model::plan::Retry;
use indexmap::IndexMap;

use super::super::fields::{Fields, duration_ms, entries, items, number, parsed, place_in, saying, scalar};
use super::super::json;
use super::super::shape::{Shape, Takes, may, must};
use crate::diagnostic::{Found, Place, printable};
use crate::expression::{self, Expression};
use crate::input::ITEMS_MAX;
use crate::step::ActionTemplate;
use crate::template::JsonTemplate;
use crate::yaml::{Data, Node};

/// The most attempts in all. A step that fails ten times does not fail by chance.
const ATTEMPTS_MAX: i64 = 10;
/// The pause before the second attempt where the runbook does not say, in milliseconds.
const DELAY_MS_DEFAULT: u64 = 1_000;
/// The longest pause between attempts, in milliseconds; also where the runbook does not say.
const DELAY_MS_MAX: u64 = 60 * 60 * 1000;
/// The longest pause where the runbook does not say, in milliseconds.
const DELAY_MS_MAX_DEFAULT: u64 = 60_000;
/// The most exit codes of a retry.
const EXIT_CODES_MAX: usize = 50;
/// The most steps that one needs.
pub(super) const NEEDS_MAX: usize = 50;
/// The most waivers of a step.
pub(super) const WAIVERS_MAX: usize = 20;

pub(crate) static RETRY: Shape = Shape::new(
    "retry",
    "`retry`",
    "An attempt that was seen to fail is made again. One whose end was not seen never is.",
    &[
        must("count", Takes::Integer { min: 2, max: ATTEMPTS_MAX }, "How often in all, the first attempt among them."),
        may("delay", Takes::Duration, "Pause before the second attempt; 1s where it is absent."),
        may(
            "backoff",
            Takes::Number { min: Some(1.0), max: Some(10.0) },
            "How many times as long each further pause is; 1 where it is absent.",
        ),
        may("max_delay", Takes::Duration, "The longest pause; 1m where it is absent."),
        may(
            "exit_codes",
            Takes::List { of: &Takes::Integer { min: 1, max: 255 }, min: 1, max: EXIT_CODES_MAX },
            "After which exit codes; after each but 0 where it is absent.",
        ),
    ],
);

/// Reads `retry`.
pub(super) fn retry(node: &Node, action: Option<&ActionTemplate>, found: &mut Found<'_>) -> Option<Retry> {
    let fields = Fields::of(node, &RETRY, found)?;
    let count = fields.need("count", found).and_then(|node| number(node, "`count`", 2..=ATTEMPTS_MAX, found));
    let mut pause = |name: &str, default: u64| {
        let Some(node) = fields.get(name) else { return default };
        let ms = duration_ms(node, &format!("`{name}`"), found).unwrap_or(default);
        if ms > DELAY_MS_MAX {
            found.error("bad-value", node.place, format!("`{name}` is at most 1h"));
        }
        ms
    };
    let delay_ms = pause("delay", DELAY_MS_DEFAULT);
    let delay_ms_max = pause("max_delay", DELAY_MS_MAX_DEFAULT.max(delay_ms));
    if delay_ms_max < delay_ms {
        found.error("bad-value", fields.place_of("max_delay"), "the longest pause is shorter than the first");
    }
    let backoff = fields.get("backoff").and_then(|node| parsed(node, "`backoff`", found, backoff_percent));
    let exit_codes = fields.get("exit_codes").map(|node| exit_codes(node, found)).unwrap_or_default();
    if let Some(ActionTemplate::Http(request)) = action
        && !request.may_be_repeated()
    {
        let message =
            format!("a {} request that failed may have been carried out all the same", request.method.as_str());
        let hint = "give it an `Idempotency-Key` header if the API has such a thing, or set members with `set`, which \
                    looks first";
        found.error_with("unsafe-retry", fields.place, message, hint);
    }
    if matches!(action, Some(ActionTemplate::Http(_) | ActionTemplate::HttpSet(_)))
        && fields.get("exit_codes").is_some()
    {
        let message = "a request has no exit code; it is made again after each status that is not 2xx";
        found.error("unknown-field", fields.place_of("exit_codes"), message);
    }
    Some(Retry {
        attempts_max: u32::try_from(count?).ok()?,
        delay_ms,
        backoff_percent: backoff.unwrap_or(100),
        delay_ms_max,
        exit_codes,
    })
}

/// `1.5` as 150; at most two decimal places, from 1 to 10.
fn backoff_percent(text: &str) -> Result<u32, String> {
    let wrong = || format!("`{}` is not a number from 1 to 10, such as 2 or 1.5", printable(text));
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let digits = |text: &str, max: usize| (1..=max).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit());
    if !digits(whole, 2) || !digits(part, 2) {
        return Err(wrong());
    }
    let percent: u32 = format!("{whole}{part:0<2}").parse().map_err(|_| wrong())?;
    if (100..=1000).contains(&percent) { Ok(percent) } else { Err(wrong()) }
}

fn exit_codes(node: &Node, found: &mut Found<'_>) -> Vec<i32> {
    let nodes = items(node, "`exit_codes`", found).unwrap_or_default();
    if let Some(node) = nodes.get(EXIT_CODES_MAX) {
        found.error("limit", node.place, format!("a retry has at most {EXIT_CODES_MAX} exit codes"));
    }
    if nodes.is_empty() && matches!(node.data, Data::Seq(_)) {
        let hint = "leave it out to try again after each exit code but 0";
        found.error_with("bad-value", node.place, "after no exit code at all it would not be tried again", hint);
    }
    let codes = nodes.iter().take(EXIT_CODES_MAX).filter_map(|node| number(node, "an exit code", 1..=255, found));
    codes.filter_map(|code| i32::try_from(code).ok()).collect()
}

/// Reads `when`.
pub(super) fn when(node: &Node, found: &mut Found<'_>) -> Option<Expression> {
    let text = &scalar(node, "the condition", found)?.text;
    match expression::parse(text, node.place) {
        Ok(expression) => Some(expression),
        Err(flaw) => {
            let before = text.get(..flaw.offset).unwrap_or(text).chars().count();
            let place = place_in(node, text, before, 1, found);
            match flaw.hint {
                Some(hint) => found.error_with("condition", place, flaw.message, hint),
                None => found.error("condition", place, flaw.message),
            }
            None
        }
    }
}

/// Reads `for_each`: a list, or one value that is a list.
pub(super) fn for_each(node: &Node, found: &mut Found<'_>) -> Option<JsonTemplate> {
    let list = json::document(node, found)?;
    match &list {
        JsonTemplate::Whole(_) => {}
        JsonTemplate::Array(items) => {
            if items.is_empty() {
                found.error("bad-value", node.place, "for no item at all the step would not be done");
            }
            if items.len() > ITEMS_MAX as usize {
                found.error("limit", node.place, format!("a step is done for at most {ITEMS_MAX} items"));
            }
            if items.iter().any(|item| matches!(item, JsonTemplate::Array(_) | JsonTemplate::Object(_))) {
                found.error("wrong-type", node.place, "an item is a single value");
            }
        }
        JsonTemplate::Literal(_) | JsonTemplate::String(_) | JsonTemplate::Object(_) => {
            let hint = "write `for_each: [a, b]`, or `for_each: \"{{ name }}\"` with an input of type list";
            found.error_with("wrong-type", node.place, "`for_each` is a list, or one value that is a list", hint);
        }
    }
    Some(list)
}

/// Reads `needs`; each with its place, because whether it is there is known only when its section is read.
pub(super) fn needs(node: &Node, found: &mut Found<'_>) -> Vec<(StepId, Place)> {
    let nodes = items(node, "`needs`", found).unwrap_or_default();
    if let Some(node) = nodes.get(NEEDS_MAX) {
        found.error("limit", node.place, format!("a step needs at most {NEEDS_MAX} others"));
    }
    let read = |node: &Node, found: &mut Found<'_>| {
        parsed(node, "the step's id", found, |text| StepId::new(text)).map(|id| (id, node.place))
    };
    nodes.iter().take(NEEDS_MAX).filter_map(|node| read(node, found)).collect()
}

/// Reads `waive`: each warning with the reason why it may stay.
pub(super) fn waivers(node: &Node, found: &mut Found<'_>) -> IndexMap<String, String> {
    let mut waivers = IndexMap::new();
    if let Data::Seq(items) = &node.data {
        let code = items.iter().find_map(|item| match &item.data {
            Data::Scalar(scalar) => Some(scalar.text.as_str()),
            Data::Seq(_) | Data::Map(_) => None,
        });
        let example = format!("waive: {{ {}: 'why it may stay' }}", code.unwrap_or("raw"));
        found.error_with("wrong-type", node.place, "a waiver needs its reason", format!("write `{example}`"));
        return waivers;
    }
    let entries = entries(node, "`waive`", found).unwrap_or_default();
    if let Some((key, _)) = entries.get(WAIVERS_MAX) {
        found.error("limit", key.place, format!("a step waives at most {WAIVERS_MAX} warnings"));
    }
    for (key, node) in entries.iter().take(WAIVERS_MAX) {
        // Its own, and the external checker's: `shellcheck:SC2086`.
        let code = key.name.strip_prefix("shellcheck:SC").unwrap_or(&key.name);
        if code.is_empty() || !code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
            let hint = "codes stand in brackets in a warning: warning[change-without-verify]";
            found.error_with("bad-name", key.place, format!("`{}` is not the code of a warning", key.name), hint);
        }
        if let Some(reason) = saying(node, "the reason", found) {
            waivers.insert(key.name.clone(), reason);
        }
    }
    waivers
}
