//! The hosts of a file of tests, and how they are named in it.

use std::collections::{BTreeMap, BTreeSet};

use daytwo_model::{Endpoint, Fact, FactSheet, FactValue, Host, HostName, Timestamp};

use super::Known;
use crate::diagnostic::{Found, Place};
use crate::input::{parse_bytes, parse_percent};
use crate::parse::fields::{Fields, entries, scalar, text};
use crate::parse::shape::{ANY_NAME, Shape, Takes, may};
use crate::rehearsal::{Meant, REHEARSAL_HOSTS_MAX};
use crate::yaml::{Node, Scalar, Style};
use crate::{duration, suggest};

/// The most labels, values or facts of one host.
const OF_HOST_MAX: usize = 100;
/// The whole of which a fact in percent is a part: fine enough for six decimals.
const WHOLE: u64 = 100_000_000;
/// With how many hosts a name is compared that is none.
const COMPARED_MAX: usize = 100;
/// The word for the hosts that are not named beside it.
const OTHERS: &str = "others";

/// One host, or several of one name with a range in it.
pub(super) static HOST: Shape = Shape::new(
    "host",
    "a host",
    "What is known of a host.",
    &[
        may("labels", Takes::Map { key: ANY_NAME, to: &Takes::Text, max: OF_HOST_MAX }, "What selectors pick by."),
        may(
            "vars",
            Takes::Map { key: ANY_NAME, to: &Takes::Text, max: OF_HOST_MAX },
            "What templates read as `host.vars.NAME`.",
        ),
        may(
            "facts",
            Takes::Map { key: ANY_NAME, to: &Takes::Text, max: OF_HOST_MAX },
            "What was just seen there: `disk.root.free: 40%`, `os.uptime: 3d`, `memory.total: 8GiB`, text, numbers.",
        ),
    ],
);

/// The hosts, and what is known of them.
#[derive(Default)]
pub(super) struct Fleet {
    pub(super) hosts: Vec<Host>,
    pub(super) facts: BTreeMap<HostName, FactSheet>,
}

/// Reads the hosts; their facts were seen at `at`.
pub(super) fn read(node: &Node, at: Timestamp, found: &mut Found<'_>) -> Option<Fleet> {
    let mut fleet = Fleet::default();
    let mut seen = BTreeSet::new();
    for (key, node) in entries(node, "`hosts`", found)? {
        let names = expand(&key.name).and_then(|names| {
            names.into_iter().map(|name| HostName::new(name).map_err(|error| error.to_string())).collect()
        });
        let names: Vec<HostName> = match names {
            Ok(names) => names,
            Err(why) => {
                found.error("bad-value", key.place, why);
                continue;
            }
        };
        let fields = Fields::of(node, &HOST, found);
        let mut map = |name: &str| {
            let node = fields.as_ref().and_then(|fields| fields.get(name));
            node.map(|node| texts(node, name, found)).unwrap_or_default()
        };
        let (labels, vars) = (map("labels"), map("vars"));
        let facts = fields.as_ref().and_then(|fields| fields.get("facts"));
        let facts = facts.map(|node| facts_of(node, at, found)).unwrap_or_default();
        if fleet.hosts.len().saturating_add(names.len()) > REHEARSAL_HOSTS_MAX {
            found.error("limit", key.place, format!("there are at most {REHEARSAL_HOSTS_MAX} hosts"));
            break;
        }
        for name in names {
            if !seen.insert(name.clone()) {
                found.error("duplicate", key.place, format!("the host {name} stands here a second time"));
            }
            fleet.facts.insert(name.clone(), facts.clone());
            let (labels, vars, source) = (labels.clone(), vars.clone(), found.source.file.to_owned());
            fleet.hosts.push(Host { name, endpoint: Endpoint::Simulated, labels, vars, source });
        }
    }
    if fleet.hosts.is_empty() {
        found.error("bad-value", node.place, "there is no host, so nothing can be run");
    }
    Some(fleet)
}

fn texts(node: &Node, what: &str, found: &mut Found<'_>) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    for (key, node) in entries(node, &format!("`{what}`"), found).unwrap_or_default() {
        map.extend(text(node, &format!("`{}`", key.name), found).map(|text| (key.name.clone(), text)));
    }
    map
}

fn facts_of(node: &Node, at: Timestamp, found: &mut Found<'_>) -> FactSheet {
    let mut sheet = FactSheet::new();
    for (key, node) in entries(node, "`facts`", found).unwrap_or_default() {
        if let Some(scalar) = scalar(node, &format!("the fact `{}`", key.name), found) {
            sheet.insert(key.name.clone(), Fact { value: fact(scalar), at });
        }
    }
    sheet
}

/// What is written as a share, a size, a span of time, a number or a flag is one; all else is text.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "0 to 100 percent"
)]
fn fact(scalar: &Scalar) -> FactValue {
    let text = scalar.text.as_str();
    if scalar.style != Style::Plain {
        return FactValue::Text(text.to_owned());
    }
    if let Some(flag) = scalar.as_bool() {
        return FactValue::Flag(flag);
    }
    if text.ends_with('%')
        && let Ok(percent) = parse_percent(text)
    {
        let amount = (percent.clamp(0.0, 100.0) / 100.0 * WHOLE as f64).round() as u64;
        return FactValue::Share { amount, total: WHOLE };
    }
    if let Ok(number) = text.parse::<f64>() {
        return FactValue::Number(number);
    }
    if let Ok(bytes) = parse_bytes(text) {
        return FactValue::Bytes(bytes);
    }
    match duration::parse_ms(text) {
        Ok(ms) => FactValue::Seconds(ms as f64 / 1000.0),
        Err(_) => FactValue::Text(text.to_owned()),
    }
}

/// The hosts that a name with ranges stands for, all of which are in the file. `also` are other words that could
/// have been meant.
pub(super) fn named(
    name: &str,
    place: Place,
    known: &Known,
    also: &[&str],
    found: &mut Found<'_>,
) -> Option<BTreeSet<HostName>> {
    let names = match expand(name) {
        Ok(names) => names,
        Err(why) => {
            found.error("bad-value", place, why);
            return None;
        }
    };
    let Some(left) = known.names_left.get().checked_sub(names.len()) else {
        found.error("limit", place, "the file names too many hosts, ranges spelled out");
        return None;
    };
    known.names_left.set(left);
    let mut hosts = BTreeSet::new();
    for name in names {
        match HostName::new(name.as_str()).ok().and_then(|name| known.hosts.get(&name)) {
            Some(host) => hosts.extend([host.clone()]),
            None => {
                // One of a range is enough to be told; and what is said of a host that is not there is not
                // read, as it may be something else altogether.
                let words = known.hosts.iter().take(COMPARED_MAX).map(HostName::as_str).chain(also.iter().copied());
                let hint = suggest::nearest(&name, words).map(|near| format!("did you mean `{near}`?"));
                let message = format!("there is no host `{name}` in this file");
                found.error_with("unknown-host", place, message, hint.unwrap_or_default());
                return None;
            }
        }
    }
    Some(hosts)
}

/// The hosts that a key of a mapping stands for.
pub(super) fn meant(name: &str, place: Place, known: &Known, also: &[&str], found: &mut Found<'_>) -> Option<Meant> {
    if name == OTHERS {
        return Some(Meant::Others);
    }
    named(name, place, known, also, found).map(Meant::These)
}

/// `web-[1-3]`, `web-[01-20]`, `web-[ams,fra]-1`: every name that is meant, in order.
fn expand(name: &str) -> Result<Vec<String>, String> {
    let mut names = vec![String::new()];
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('[') {
        let (inside, after) = after.split_once(']').ok_or_else(|| format!("`{name}` has a [ without its ]"))?;
        let mut words = Vec::new();
        for item in inside.split(',').map(str::trim) {
            words.extend(range(item).unwrap_or_else(|| vec![item.to_owned()]));
        }
        if words.iter().any(String::is_empty) || words.len().saturating_mul(names.len()) > REHEARSAL_HOSTS_MAX {
            return Err(format!("`[{inside}]` is not a range such as [1-3], [01-20] or [ams,fra]"));
        }
        names = names.iter().flat_map(|name| words.iter().map(move |word| format!("{name}{before}{word}"))).collect();
        rest = after;
    }
    names.iter_mut().for_each(|name| name.push_str(rest));
    Ok(names)
}

/// `01-20` as its numbers, as wide as the first; none where it is no range of numbers.
fn range(item: &str) -> Option<Vec<String>> {
    let (from, to) = item.split_once('-')?;
    let (first, last): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
    let count = usize::try_from(last.checked_sub(first)?).ok()?;
    // One more than there may be is enough to be refused.
    let numbers = (first..=last).take(count.min(REHEARSAL_HOSTS_MAX) + 1);
    Some(numbers.map(|number| format!("{number:0width$}", width = from.len())).collect())
}
