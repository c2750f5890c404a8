//! Text as a selector: no panic, and the same verdict however it is asked.

#![no_main]

use std::sync::LazyLock;

use daytwo_model::{Endpoint, Fact, FactSheet, FactValue, Host, HostName, Selector, Timestamp};
use libfuzzer_sys::fuzz_target;

/// 2026-11-21T03:04:05.678Z.
fn now() -> Timestamp {
    Timestamp::from_unix_ms(1_795_230_245_678)
}

static HOSTS: LazyLock<Vec<(Host, FactSheet)>> = LazyLock::new(|| {
    let labels =
        |site: &str| [("role", "web"), ("site", site), ("tier", "3")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let facts = |at: Timestamp| {
        let mut sheet = FactSheet::default();
        sheet.insert("disk.root.free", Fact { value: FactValue::Share { amount: 5, total: 100 }, at });
        sheet.insert("os.uptime", Fact { value: FactValue::Seconds(3600.0), at });
        sheet.insert("os.kernel", Fact { value: FactValue::Text("6.1".to_owned()), at });
        sheet.insert("load.1", Fact { value: FactValue::Number(0.5), at });
        sheet.insert("reboot.needed", Fact { value: FactValue::Flag(true), at });
        sheet
    };
    [("web-01", "ams", now()), ("web-20.example", "fra", Timestamp::EPOCH)]
        .into_iter()
        .filter_map(|(name, site, at)| {
            let host = Host {
                name: HostName::new(name).ok()?,
                endpoint: Endpoint::Simulated,
                labels: labels(site).into(),
                vars: Default::default(),
                source: "fuzz".to_owned(),
            };
            Some((host, facts(at)))
        })
        .collect()
});

fuzz_target!(|text: &str| {
    let selector = match Selector::parse(text) {
        Ok(selector) => selector,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    for (host, facts) in HOSTS.iter() {
        let verdict = selector.verdict(host, Some(facts), now());
        assert_eq!(verdict, selector.explain(host, Some(facts), now()).verdict);
        let twice = selector.narrowed_by(&selector);
        assert_eq!(verdict, twice.verdict(host, Some(facts), now()), "narrowed by itself it picks other hosts");
    }
    if let Ok(again) = Selector::parse(selector.as_str()) {
        for (host, facts) in HOSTS.iter() {
            assert_eq!(selector.verdict(host, Some(facts), now()), again.verdict(host, Some(facts), now()));
        }
    }
});
