//! What holds of every selector, shown on random ones.
#![expect(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

use daytwo_model::selector::SELECTOR_BYTES_MAX;
use daytwo_model::{Endpoint, Fact, FactSheet, FactValue, Host, HostName, Selector, Timestamp, Verdict};
use proptest::collection::vec;
use proptest::prelude::*;

const NOW: i64 = 1_000_000_000;
const FACT_NAMES: [&str; 4] = ["f.a", "f.b", "f.c", "f.d"];

fn now() -> Timestamp {
    Timestamp::from_unix_ms(NOW)
}

fn arb_host() -> impl Strategy<Value = Host> {
    let labels = proptest::collection::btree_map("[abc]", "[xyz123]", 0..4);
    ("(web|db)-[0-9]{1,3}", labels).prop_map(|(name, labels)| Host {
        name: HostName::new(name).unwrap(),
        endpoint: Endpoint::Simulated,
        labels,
        vars: std::collections::BTreeMap::new(),
        source: "test".to_owned(),
    })
}

fn arb_value() -> impl Strategy<Value = FactValue> {
    prop_oneof![
        "[xyz]".prop_map(FactValue::Text),
        (0..4_u32).prop_map(|n| FactValue::Number(f64::from(n))),
        any::<bool>().prop_map(FactValue::Flag),
        (0..4_u64).prop_map(FactValue::Bytes),
        (0..4_u32).prop_map(|n| FactValue::Seconds(f64::from(n))),
        (0..3_u64).prop_map(|amount| FactValue::Share { amount, total: 2 }),
    ]
}

/// Facts that are known, unknown, or (two hours) too old for what does not say `within`.
fn arb_sheet() -> impl Strategy<Value = FactSheet> {
    let fact = (arb_value(), any::<bool>())
        .prop_map(|(value, old)| Fact { value, at: Timestamp::from_unix_ms(if old { NOW - 7_200_000 } else { NOW }) });
    proptest::collection::btree_map(proptest::sample::select(&FACT_NAMES[..]), fact, 0..4)
        .prop_map(|facts| facts.into_iter().collect())
}

fn arb_term() -> impl Strategy<Value = String> {
    let number = prop_oneof!["[0-3]", "[0-3]B", "[0-3]s", Just("50%".to_owned())];
    let compare = ("f\\.[abcd] ?(<|<=|>|>=|=|!=) ?", number, "( within 3h)?");
    prop_oneof![
        "[abc] ?(=|!=|~) ?[xyz123]",
        "[abc] (not )?in \\([xyz], [xyz123]\\)",
        "[abc] (<|>=) [0-3]",
        "(web|db)-(\\*|\\?|\\[0-50\\]|\\[007-9\\]|\\[1,3\\])",
        "f\\.[abcd] ?(=|!=|~) ?(\"[xyz]\"|true|\"x\\*\")",
        compare.prop_map(|(start, number, within)| format!("{start}{number}{within}")),
    ]
}

fn arb_selector() -> impl Strategy<Value = String> {
    arb_term().prop_recursive(4, 24, 3, |inner| {
        let sign = proptest::sample::select(vec![" and ", " or ", " & ", "|", " - "]);
        prop_oneof![
            (inner.clone(), sign, inner.clone()).prop_map(|(left, sign, right)| format!("{left}{sign}{right}")),
            inner.clone().prop_map(|inner| format!("not {inner}")),
            inner.prop_map(|inner| format!("({inner})")),
        ]
    })
}

/// The names that `range` stands for, by writing them out.
fn written_out(items: &[(u32, u32, usize)]) -> Vec<String> {
    items
        .iter()
        .flat_map(|(from, to, width)| (*from..=*to).map(move |n| format!("{n:0width$}", width = *width)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Undecided is never silently in or out, and what is decided stays so whatever is unknown.
    #[test]
    fn no_value_of_an_unknown_or_old_fact_changes_a_verdict(
        text in arb_selector(), host in arb_host(), known in arb_sheet(),
        truths in vec(vec(arb_value(), FACT_NAMES.len()), 6),
    ) {
        let selector = Selector::parse(&text).unwrap();
        let verdict = selector.verdict(&host, Some(&known), now());
        prop_assert_eq!(selector.explain(&host, Some(&known), now()).verdict, verdict);
        prop_assert!(selector.matches(&host) == (selector.verdict(&host, None, now()) == Verdict::Picked));
        if verdict != Verdict::Undecided {
            for truth in truths {
                let mut all = known.clone();
                for (name, value) in FACT_NAMES.into_iter().zip(truth) {
                    // `within 3h` knows the old ones, and they were part of the verdict: they stay, renewed.
                    let old = all.get(name).filter(|_| text.contains("within")).map(|fact| fact.value.clone());
                    if all.get(name).is_none_or(|fact| fact.at < now()) {
                        all.insert(name, Fact { value: old.unwrap_or(value), at: now() });
                    }
                }
                prop_assert_eq!(selector.verdict(&host, Some(&all), now()), verdict, "{} {:?}", text, all);
            }
        } else {
            prop_assert!(!selector.explain(&host, Some(&known), now()).because.is_empty());
        }
    }

    #[test]
    fn not_turns_every_verdict_and_leaves_undecided_alone(text in arb_selector(), host in arb_host(), known in arb_sheet()) {
        let verdict = |text: &str| Selector::parse(text).unwrap().verdict(&host, Some(&known), now());
        let turned = match verdict(&text) {
            Verdict::Picked => Verdict::NotPicked,
            Verdict::NotPicked => Verdict::Picked,
            Verdict::Undecided => Verdict::Undecided,
        };
        prop_assert_eq!(verdict(&format!("not ({text})")), turned);
    }

    #[test]
    fn what_narrows_never_picks_more(
        targets in arb_selector(), argument in prop_oneof![arb_selector(), "[ -~]{0,20}", "[abc=x()|\"' -]{0,12}"],
        host in arb_host(), known in arb_sheet(),
    ) {
        let targets = Selector::parse(&targets).unwrap();
        if let Ok(argument) = Selector::parse(&argument) {
            let both = targets.narrowed_by(&argument);
            let verdict = |selector: &Selector| selector.verdict(&host, Some(&known), now());
            if verdict(&both) != Verdict::NotPicked {
                prop_assert_ne!(verdict(&targets), Verdict::NotPicked);
            }
            if verdict(&both) == Verdict::Picked {
                prop_assert_eq!((verdict(&targets), verdict(&argument)), (Verdict::Picked, Verdict::Picked));
            }
            // The text that a plan keeps means what was evaluated.
            prop_assert_eq!(verdict(&Selector::parse(both.as_str()).unwrap()), verdict(&both));
        }
    }

    #[test]
    fn a_range_stands_for_the_names_that_one_would_write_out(
        items in vec((0..300_u32, 0..30_u32, 1..4_usize), 1..3), digits in "[0-9]{1,4}", other in 0..1000_u32,
    ) {
        let items: Vec<_> = items.into_iter().map(|(from, more, width)| (from, from + more, width)).map(|(from, to, width)| {
            (from, to, format!("{from:0width$}").len())
        }).collect();
        let text: Vec<_> = items.iter().map(|(from, to, width)| format!("{from:0width$}-{to}", width = *width)).collect();
        let selector = Selector::parse(&format!("h[{}]x", text.join(","))).unwrap();
        let names = written_out(&items);
        let picks = |name: &str| {
            let name = HostName::new(format!("h{name}x")).unwrap();
            let labels = std::collections::BTreeMap::new();
            let host = Host { name, endpoint: Endpoint::Simulated, vars: labels.clone(), labels, source: String::new() };
            selector.matches(&host)
        };
        prop_assert!(names.iter().all(|name| picks(name)));
        for candidate in [digits, other.to_string(), format!("{other:03}")] {
            prop_assert_eq!(picks(&candidate), names.contains(&candidate), "{}", candidate);
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}", soup in vec(proptest::sample::select(vec![
        "(", ")", "-", "&", "|", ",", "=", "!=", "~", "<", "<=", ">", "in", "not", "and", "or", "within", "host", "a",
        "f.a", "label.", "fact.", "\"", "'", "[", "]", "{", "}", "[1-3]", "10%", "5GiB", "2h", " ", "é", "\\", "*", "\u{0}",
    ]), 0..40), long in 0..2_usize) {
        let soup = soup.concat().repeat(1 + long * SELECTOR_BYTES_MAX / 8);
        for text in [text, soup] {
            match Selector::parse(&text) {
                Ok(selector) => {
                    let labels = std::collections::BTreeMap::from([("a".to_owned(), "é[1-3]".to_owned())]);
                    let host = Host {
                        name: HostName::new("a-1").unwrap(), endpoint: Endpoint::Simulated,
                        vars: labels.clone(), labels, source: String::new(),
                    };
                    let _ = selector.explain(&host, None, now()).to_string();
                }
                Err(error) => {
                    prop_assert!(error.column >= 1 && error.column <= text.chars().count() + 1);
                    prop_assert!(error.width >= 1);
                }
            }
        }
    }
}
