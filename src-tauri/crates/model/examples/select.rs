//! How long one evaluation of a selector takes over a whole fleet: `select [HOSTS…]`.
//!
//! Each host has 20 labels and 50 facts. Prints one JSON line per size with the median of several
//! evaluations, each over all hosts.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measuring tool for developers")]

use std::time::Instant;

use daytwo_model::{Endpoint, Fact, FactSheet, FactValue, Host, HostName, Selector, Timestamp, Verdict};

/// A realistic one: labels, a list, a glob, two facts and a range of hosts.
const SELECTOR: &str = "role=web and site in (ams, fra) and not host~\"*-canary\" and disk.root.free < 10% \
                        and (load.one > 0.5 or web-[00001-50000]*)";
/// Odd, so that there is a median.
const ROUNDS: usize = 9;
const LABELS: usize = 20;
const FACTS: usize = 50;

fn main() {
    let asked: Vec<usize> = std::env::args().skip(1).map(|size| size.parse().unwrap()).collect();
    // As in the fleet: the names of facts are the program's own, the same for every host.
    let names: Vec<&'static str> = (2..FACTS).map(|fact| &*format!("app.metric.{fact:02}").leak()).collect();
    let sizes = if asked.is_empty() { vec![100, 1_000, 10_000, 100_000] } else { asked };
    let selector = Selector::parse(SELECTOR).unwrap();
    let now = Timestamp::from_unix_ms(1_000_000);
    for size in sizes {
        let fleet: Vec<(Host, FactSheet)> =
            (0..size).map(|number| (host(number), facts(&names, number, now))).collect();
        let mut rounds: Vec<(f64, usize)> = (0..ROUNDS)
            .map(|_| {
                let start = Instant::now();
                let picks =
                    |(host, facts): &&(Host, FactSheet)| selector.verdict(host, Some(facts), now) == Verdict::Picked;
                let picked = fleet.iter().filter(picks).count();
                (start.elapsed().as_secs_f64() * 1000.0, picked)
            })
            .collect();
        rounds.sort_by(|(left, _), (right, _)| left.total_cmp(right));
        let (ms, picked) = rounds.get(ROUNDS / 2).copied().unwrap();
        println!("{{\"hosts\":{size},\"ms\":{ms:.3},\"picked\":{picked}}}");
    }
}

fn host(number: usize) -> Host {
    let role = if number.is_multiple_of(4) { "db" } else { "web" };
    let site = ["ams", "fra", "lon"].into_iter().cycle().nth(number % 3).unwrap();
    let mut labels: std::collections::BTreeMap<String, String> =
        (2..LABELS).map(|label| (format!("label-{label:02}"), format!("value-{}", number % (label + 1)))).collect();
    labels.insert("role".to_owned(), role.to_owned());
    labels.insert("site".to_owned(), site.to_owned());
    Host {
        name: HostName::new(format!("{role}-{number:06}{}", if number % 50 == 1 { "-canary" } else { "" })).unwrap(),
        endpoint: Endpoint::Simulated,
        labels,
        vars: std::collections::BTreeMap::new(),
        source: "made up".to_owned(),
    }
}

fn facts(names: &[&'static str], number: usize, at: Timestamp) -> FactSheet {
    let mut sheet: FactSheet = names.iter().map(|name| (*name, Fact { value: FactValue::Number(1.5), at })).collect();
    let free = FactValue::Share { amount: (number % 20) as u64, total: 100 };
    sheet.insert("disk.root.free", Fact { value: free, at });
    sheet.insert("load.one", Fact { value: FactValue::Number((number % 8) as f64 / 4.0), at });
    sheet
}
