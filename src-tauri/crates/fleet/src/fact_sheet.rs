//! Facts by the names that selectors use.
//!
//! [`FACT_NAMES`] is the whole list. What a host did not say is absent here, never a zero; each fact
//! keeps the time at which the host gave it.

use daytwo_model::{Fact, FactSheet, FactValue, Selector, Timestamp, suggest};

use crate::observation::{Disk, Facts, Observation};

/// A fact that selectors may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactName {
    /// Its dotted name.
    pub name: &'static str,
    /// What it is compared with.
    pub unit: FactUnit,
    /// What it says, in one line.
    pub doc: &'static str,
}

/// What a fact is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactUnit {
    /// A text: `=`, `~`, `in`.
    Text,
    /// A plain number: `load.one > 3.5`.
    Number,
    /// A size: `memory.total >= 16GiB`.
    Size,
    /// A duration: `os.uptime < 2h30m`.
    Duration,
    /// A share or a size: `disk.root.free < 10%`, `disk.root.free < 5GiB`.
    Share,
}

impl FactUnit {
    /// An example of a value, for help texts.
    #[must_use]
    pub const fn example(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "3.5",
            Self::Size => "5GiB",
            Self::Duration => "2h30m",
            Self::Share => "10% or 5GiB",
        }
    }
}

const fn named(name: &'static str, unit: FactUnit, doc: &'static str) -> FactName {
    FactName { name, unit, doc }
}

/// Every fact that selectors may ask for, sorted by name.
pub const FACT_NAMES: &[FactName] = &[
    named("app.version", FactUnit::Text, "content of /srv/app/current/VERSION"),
    named("clock.skew", FactUnit::Duration, "the host's clock minus the console's; negative where it is behind"),
    named("cpu.count", FactUnit::Number, "processors"),
    named(
        "disk.root.free",
        FactUnit::Share,
        "what ordinary users may still use of the root file system, as df counts it",
    ),
    named("disk.root.total", FactUnit::Size, "size of the root file system"),
    named("disk.root.used", FactUnit::Share, "what is used of the root file system, as df counts it"),
    named("load.fifteen", FactUnit::Number, "load average over 15 minutes"),
    named("load.five", FactUnit::Number, "load average over 5 minutes"),
    named("load.one", FactUnit::Number, "load average over 1 minute"),
    named("memory.available", FactUnit::Share, "main memory that programs could still get"),
    named("memory.total", FactUnit::Size, "all main memory"),
    named("memory.used", FactUnit::Share, "main memory that programs could not get"),
    named("os.boot_id", FactUnit::Text, "changes with each boot"),
    named("os.hostname", FactUnit::Text, "the host's own name for itself"),
    named("os.kernel", FactUnit::Text, "kernel release, as in uname -r"),
    named("os.name", FactUnit::Text, "operating system, as in PRETTY_NAME of os-release"),
    named("os.uptime", FactUnit::Duration, "time since boot"),
    named("probe.state", FactUnit::Text, "how the last probe ended: live, unreachable, refused or unreadable"),
    named("units.failed", FactUnit::Number, "systemd units in state failed"),
];

/// A name in a selector that no fact has: no host will ever be decided by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownFact {
    /// As it was written.
    pub name: String,
    /// The nearest name that exists.
    pub meant: Option<&'static str>,
}

/// The names in `selector` that are not in [`FACT_NAMES`].
#[must_use]
pub fn unknown_facts(selector: &Selector) -> Vec<UnknownFact> {
    let known = || FACT_NAMES.iter().map(|fact| fact.name);
    let unknown = selector.fact_names().into_iter().filter(|name| !known().any(|fact| fact == *name));
    unknown.map(|name| UnknownFact { name: name.to_owned(), meant: suggest::nearest(name, known()) }).collect()
}

/// What an observation says, by name.
#[must_use]
pub fn fact_sheet(observation: &Observation) -> FactSheet {
    let mut sheet = FactSheet::new();
    let state = FactValue::Text(observation.reachability.word().to_owned());
    sheet.insert("probe.state", Fact { value: state, at: observation.at });
    if let Some(known) = &observation.known {
        note(&known.facts, known.at, &mut sheet);
    }
    sheet
}

fn note(facts: &Facts, at: Timestamp, sheet: &mut FactSheet) {
    let mut note = |name, value: Option<FactValue>| {
        if let Some(value) = value {
            sheet.insert(name, Fact { value, at });
        }
    };
    let text = |text: &Option<String>| text.clone().map(FactValue::Text);
    let count = |count: Option<u32>| count.map(|count| FactValue::Number(f64::from(count)));
    note("app.version", text(&facts.app_version));
    note("os.boot_id", text(&facts.boot_id));
    note("os.hostname", text(&facts.hostname));
    note("os.kernel", text(&facts.kernel));
    note("os.name", text(&facts.os));
    note("os.uptime", facts.uptime_s.map(|seconds| FactValue::Seconds(seconds as f64)));
    note("clock.skew", facts.clock_skew_s.map(|seconds| FactValue::Seconds(seconds as f64)));
    note("cpu.count", count(facts.cpus));
    note("units.failed", count(facts.failed_units));
    if let Some(load) = facts.load {
        note("load.one", Some(FactValue::Number(load.one)));
        note("load.five", Some(FactValue::Number(load.five)));
        note("load.fifteen", Some(FactValue::Number(load.fifteen)));
    }
    if let Some(memory) = facts.memory {
        let (total, available) = (memory.total_bytes, memory.available_bytes);
        note("memory.total", Some(FactValue::Bytes(total)));
        note("memory.available", Some(FactValue::Share { amount: available, total }));
        note("memory.used", Some(FactValue::Share { amount: total.saturating_sub(available), total }));
    }
    if let Some(Disk { total_bytes, used_bytes: used, available_bytes, .. }) = facts.disk {
        note("disk.root.total", Some(FactValue::Bytes(total_bytes)));
        // A file system keeps a part for root. Free is what ordinary users have left, and the whole is
        // what they may use at all: a disk that df calls full is then 0 % free here too.
        let whole = |available: u64| used.saturating_add(available);
        let free = available_bytes.map(|amount| FactValue::Share { amount, total: whole(amount) });
        note("disk.root.free", free);
        note("disk.root.used", available_bytes.map(|amount| FactValue::Share { amount: used, total: whole(amount) }));
    }
}

#[cfg(test)]
mod tests {
    use daytwo_model::{Endpoint, Host, HostName, Verdict};

    use super::*;
    use crate::observation::{Known, Load, Memory, Reachability};

    fn observation() -> Observation {
        let facts = Facts {
            hostname: Some("web-01".into()),
            os: Some("Debian GNU/Linux 13".into()),
            kernel: Some("6.12.1".into()),
            boot_id: Some("b".into()),
            uptime_s: Some(9_000),
            load: Some(Load { one: 0.5, five: 0.25, fifteen: 0.125 }),
            cpus: Some(4),
            memory: Some(Memory { total_bytes: 1_000, available_bytes: 250 }),
            disk: Some(Disk { total_bytes: 1_000, used_bytes: 950, available_bytes: Some(0), used_percent: 100 }),
            failed_units: Some(0),
            app_version: Some("1.2".into()),
            clock_skew_s: Some(-2),
        };
        Observation {
            host: HostName::new("web-01").unwrap(),
            at: Timestamp::from_unix_ms(5_000),
            source: "probe".into(),
            reachability: Reachability::Live,
            known: Some(Known { at: Timestamp::from_unix_ms(1_000), facts }),
        }
    }

    #[test]
    fn every_fact_has_the_name_and_unit_that_the_list_says() {
        let sheet = fact_sheet(&observation());
        let unit = |value: &FactValue| match value {
            FactValue::Text(_) | FactValue::Flag(_) => FactUnit::Text,
            FactValue::Number(_) => FactUnit::Number,
            FactValue::Bytes(_) => FactUnit::Size,
            FactValue::Seconds(_) => FactUnit::Duration,
            FactValue::Share { .. } => FactUnit::Share,
        };
        let seen: Vec<_> = sheet.iter().map(|(name, fact)| (name, unit(&fact.value))).collect();
        let listed: Vec<_> = FACT_NAMES.iter().map(|fact| (fact.name, fact.unit)).collect();
        assert_eq!(seen, listed);
        assert_eq!(
            sheet.get("load.one").unwrap().at,
            Timestamp::from_unix_ms(1_000),
            "the host's answer, not our asking"
        );
        assert_eq!(sheet.get("probe.state").unwrap().at, Timestamp::from_unix_ms(5_000));
    }

    #[test]
    fn a_disk_that_df_calls_full_is_not_free_and_what_was_not_said_is_not_known() {
        let mut seen = observation();
        let host = Host {
            name: seen.host.clone(),
            endpoint: Endpoint::Simulated,
            labels: Default::default(),
            vars: Default::default(),
            source: "test".into(),
        };
        let selector = Selector::parse("disk.root.free < 3%").unwrap();
        let verdict = |seen: &Observation| selector.verdict(&host, Some(&fact_sheet(seen)), seen.at);
        assert_eq!(verdict(&seen), Verdict::Picked);
        let disk = seen.known.as_mut().unwrap().facts.disk.as_mut().unwrap();
        disk.available_bytes = None;
        assert_eq!(verdict(&seen), Verdict::Undecided);
        seen.known = None;
        assert_eq!(fact_sheet(&seen).len(), 1);
    }

    #[test]
    fn a_name_that_no_fact_has_is_told_with_the_one_that_was_meant() {
        let selector = Selector::parse("disk.rot.free < 10% or os.name=x or vm.guests > 1").unwrap();
        let expected = [("disk.rot.free", Some("disk.root.free")), ("vm.guests", None)];
        let expected = expected.map(|(name, meant)| UnknownFact { name: name.into(), meant });
        assert_eq!(unknown_facts(&selector), expected);
    }
}
