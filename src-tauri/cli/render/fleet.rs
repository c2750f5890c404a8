//! Hosts: how they are, what a selector makes of them, their keys.

use daytwo_console::view::words;
use daytwo_console::wire::fleet::{FactView, FleetView, HostRow, HostVerdict};
use daytwo_console::wire::plan::UndecidedHost;
use daytwo_console::wire::settings::KeyRow;
use daytwo_model::{Timestamp, Verdict};

use super::{NAMES_SHOWN, header};
use crate::terminal::{Style, columns};

/// The fleet: state, age and facts of each host.
pub(crate) fn fleet(style: Style, view: &FleetView, now: Timestamp) -> String {
    let mut rows = vec![header(style, &["", "host", "state", "as of", "load", "disk", "up", "version", "where"])];
    rows.extend(view.hosts.iter().map(|host| fleet_row(style, host, now)));
    format!("{}\n{}\n", columns(&rows), view.summary.words)
}

fn fleet_row(style: Style, host: &HostRow, now: Timestamp) -> Vec<String> {
    let facts = host.facts.clone().unwrap_or_default();
    let number =
        |value: Option<f64>, unit: &str| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}{unit}"));
    let age = host.as_of.map_or_else(|| "never".to_owned(), |at| words::age(now, at));
    let word = match &host.why {
        Some(why) => format!("{} ({why})", host.word),
        None => host.word.clone(),
    };
    vec![
        style.mark(host.mark),
        host.name.to_string(),
        word,
        if host.stale { style.dim(&age) } else { age },
        number(facts.load1, ""),
        number(facts.disk_used_percent, " %"),
        facts.uptime_s.map_or_else(
            || "–".to_owned(),
            |s| words::age(Timestamp::from_unix_ms(s.cast_signed() * 1_000), Timestamp::EPOCH),
        ),
        facts.version.unwrap_or_else(|| "–".to_owned()),
        host.address.clone(),
    ]
}

/// Hosts with their labels.
pub(crate) fn hosts(style: Style, hosts: &[&HostRow]) -> String {
    let mut rows = vec![header(style, &["host", "where", "labels", "source"])];
    rows.extend(hosts.iter().map(|host| {
        let labels: Vec<String> = host.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        vec![host.name.to_string(), host.address.clone(), labels.join(" "), host.source.clone()]
    }));
    format!("{}\n{}\n", columns(&rows), words::count(hosts.len(), "host"))
}

/// What a selector makes of hosts, and why: picked, undecided, not picked.
pub(crate) fn verdicts(style: Style, verdicts: &[&HostVerdict], fleet: &FleetView) -> String {
    let mut out = String::new();
    let count = |verdict| verdicts.iter().filter(|host| host.verdict == verdict).count();
    for (verdict, title) in
        [(Verdict::Picked, "picked"), (Verdict::Undecided, "undecided"), (Verdict::NotPicked, "not picked")]
    {
        let hosts: Vec<_> = verdicts.iter().filter(|host| host.verdict == verdict).collect();
        if hosts.is_empty() {
            continue;
        }
        out.push_str(&format!("{}\n", style.bold(&format!("{title}: {}", words::count(hosts.len(), "host")))));
        let rows: Vec<Vec<String>> = hosts
            .iter()
            .map(|host| {
                let address = fleet.hosts.iter().find(|row| row.name == host.name).map(|row| row.address.clone());
                vec![format!("  {}", host.name), address.unwrap_or_default(), host.why.clone()]
            })
            .collect();
        out.push_str(&format!("{}\n", columns(&rows)));
    }
    if count(Verdict::Undecided) > 0 {
        out.push_str("an undecided host is in no plan: ask it again with `daytwo fleet`, or select it by name\n");
    }
    out
}

/// Hosts of which a selector cannot say whether it picks them.
pub(crate) fn undecided(hosts: &[UndecidedHost]) -> String {
    let mut out = format!("undecided, and left out: {}\n", words::count(hosts.len(), "host"));
    out.extend(hosts.iter().take(NAMES_SHOWN).map(|host| format!("  {}: {}\n", host.name, host.why)));
    if hosts.len() > NAMES_SHOWN {
        out.push_str(&format!("  and {} more\n", hosts.len() - NAMES_SHOWN));
    }
    out
}

/// The facts that selectors can ask for.
pub(crate) fn facts(style: Style, facts: &[FactView]) -> String {
    let mut rows = vec![header(style, &["fact", "compared with", "what it says"])];
    rows.extend(facts.iter().map(|fact| vec![fact.name.clone(), fact.example.clone(), fact.doc.clone()]));
    format!("{}\n", columns(&rows))
}

/// Host keys and what is known of them.
pub(crate) fn keys(style: Style, keys: &[KeyRow]) -> String {
    let mut rows = vec![header(style, &["host", "where", "status", "key"])];
    rows.extend(keys.iter().map(|key| {
        let detail = key.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
        vec![
            key.host.to_string(),
            key.address.clone(),
            format!("{}{detail}", key.status),
            key.fingerprint.clone().unwrap_or_default(),
        ]
    }));
    columns(&rows)
}
