//! No text makes this crate panic, and every host is in exactly one batch.

use crate::kit::{fleet, now, request};
use daytwo_runbook::{Reach, Rollout, lint, parse, plan};
use proptest::prelude::*;

/// Pieces of runbooks, put together in any order.
fn yaml_like() -> impl Strategy<Value = String> {
    let words = [
        "runbook: a\n",
        "title: t\n",
        "summary: s\n",
        "kind: operation\n",
        "steps:\n",
        "  - id: a\n",
        "    run: ",
        "{{ x }}",
        "'{{ x }}'",
        "{% if x %}",
        "{% endif %}",
        "\n",
        "    http: { url: '",
        "inputs:\n",
        "  x: { type: string }\n",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "&a ",
        "*a",
        "!t ",
        "\"",
        "'",
        "|\n",
        ">\n",
        ": ",
        "#",
        "rollout: { batches: [1, 10%] }\n",
        "    verify: { run: id, expect: { json: { /a: '{{ x }}' } } }\n",
        "    undo: none\n",
        "    capture: { c: stdout }\n",
        "{{ captured.c }}",
        "\t",
        "é",
        "{{ x | raw }}",
        "<<EOF\n",
        "$(",
        "`",
        "  ",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..40).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_panic(text in prop_oneof![".{0,200}", "(?s).{0,200}", yaml_like()]) {
        if let Err(errors) = parse("a.yaml", &text) {
            prop_assert!(!errors.list().is_empty());
            let said = errors.to_string();
            prop_assert!(said.chars().all(|c| c == '\n' || !c.is_control()), "{}", said);
        }
    }

    #[test]
    fn no_script_makes_planning_panic(script in prop_oneof!["[ -~]{0,120}", yaml_like()], x in ".{0,40}") {
        let script: String = script.lines().map(|line| format!("      {line}\n")).collect();
        let text = format!("runbook: a\ntitle: t\nsummary: s\nkind: operation\ninputs: {{ x: {{ type: string }} }}\nsteps:\n  - id: a\n    run: |\n      true\n{script}");
        if let Ok(runbook) = parse("a.yaml", &text) {
            let _ = lint(&runbook, now());
            let fleet = fleet();
            if let Ok(sealed) = plan(&runbook, &request(&fleet, "role=web", &[("x", &x)])) {
                prop_assert_eq!(sealed.plan().batches.concat().len(), 4);
            }
        }
    }

    #[test]
    fn batches_hold_each_host_exactly_once_and_keep_sites_apart(
        reaches in prop::collection::vec(prop_oneof![(1_u32..20).prop_map(Reach::Hosts), (1_u32..=100).prop_map(Reach::Percent)], 0..6),
        sites in prop::collection::vec(prop::option::of(0_u8..5), 1..60),
        spread in any::<bool>(),
    ) {
        let names: Vec<Option<String>> = sites.iter().map(|site| site.map(|site| site.to_string())).collect();
        let values: Vec<Option<&str>> = names.iter().map(Option::as_deref).collect();
        let rollout = Rollout { batches: reaches, spread: spread.then(|| "site".to_owned()), ..Rollout::default_for(true) };
        let batches = rollout.deal(&values);
        let mut all = batches.concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..u32::try_from(sites.len()).unwrap_or(0)).collect::<Vec<_>>());
        prop_assert!(batches.iter().all(|batch| !batch.is_empty()));
        for batch in batches.iter().take(batches.len() - 1).filter(|_| spread) {
            let in_batch = |site: u8| batch.iter().filter(|host| sites[**host as usize] == Some(site)).count();
            let in_all = |site: u8| sites.iter().filter(|other| **other == Some(site)).count();
            let whole: Vec<u8> = (0..5).filter(|site| in_all(*site) > 1 && in_batch(*site) == in_all(*site)).collect();
            if !whole.is_empty() {
                // It could not be avoided: every host outside of this batch would have completed its own site, or is gone.
                let earlier: Vec<u32> = batches.iter().take_while(|other| *other != batch).flatten().copied().collect();
                let others = (0..sites.len()).filter(|host| {
                    let index = u32::try_from(*host).unwrap_or(0);
                    !batch.contains(&index) && !earlier.contains(&index)
                });
                for other in others {
                    let completes = sites[other].is_some_and(|site| in_all(site) > 1 && in_batch(site) + 1 == in_all(site));
                    prop_assert!(completes, "host {} could have stood in", other);
                }
            }
        }
    }
}
