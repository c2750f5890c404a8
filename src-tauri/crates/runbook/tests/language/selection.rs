//! Which hosts a plan is for: never more than the runbook allows, never by what is not known.

use daytwo_model::{FactValue, Selector, Timestamp};
use daytwo_runbook::{PlanRequest, plan};
use proptest::prelude::*;

use crate::kit::{Around, fleet, now, planned, refused, request, runbook};

const HOUR_MS: i64 = 60 * 60 * 1000;

fn share(percent: u64) -> FactValue {
    FactValue::Share { amount: percent, total: 100 }
}

fn ago(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(now().unix_ms() - ms)
}

fn disks() -> Around {
    Around::default()
        .fact("web-ams-1", "disk.root.free", share(5), ago(1000))
        .fact("web-ams-2", "disk.root.free", share(50), ago(1000))
        .fact("web-fra-1", "disk.root.free", share(5), ago(3 * HOUR_MS))
}

#[test]
fn a_host_of_which_it_cannot_be_said_is_listed_apart_and_never_in_a_batch() {
    let (fleet, around) = (fleet(), disks());
    let book = runbook("targets: role=web\nsteps: [{ id: a, run: id }]\n");
    let request = PlanRequest { surroundings: &around, ..request(&fleet, "disk.root.free < 10%", &[]) };
    let sealed = planned(&book, &request);
    let picked: Vec<&str> = sealed.plan().hosts.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(picked, ["web-ams-1"]);
    let undecided: Vec<String> =
        sealed.plan().undecided.iter().map(|host| format!("{}: {}", host.host, host.why)).collect();
    assert_eq!(undecided, ["web-fra-1: disk.root.free is 3 h old; it may be 1 h", "web-fra-2: no fact disk.root.free"]);
    assert_eq!(sealed.plan().batches, [[0]]);
}

#[test]
fn an_empty_selection_says_when_it_is_only_what_is_not_known() {
    let (fleet, around) = (fleet(), disks());
    let book = runbook("targets: role=web\nsteps: [{ id: a, run: id }]\n");
    let request = PlanRequest { surroundings: &around, ..request(&fleet, "site=fra and disk.root.free < 10%", &[]) };
    let errors = refused(&book, &request);
    assert_eq!(
        errors.0[0].message,
        "no host is picked, and of 2 hosts it cannot be said whether it is: web-fra-1: disk.root.free is 3 h old; it may be 1 h"
    );
}

/// Selectors as an operator might write them, and as one would who wants more than he may have.
fn selectors() -> impl Strategy<Value = String> {
    let term = prop::sample::select(vec![
        "role=web",
        "role=database",
        "not role=web",
        "site=ams",
        "site in (ams, fra)",
        "host~\"*\"",
        "host~web-*",
        "disk.root.free < 10%",
        "web-ams-[1-2]",
        "role!=web",
    ]);
    let join = prop::sample::select(vec![" and ", " or ", " & ", " | ", " - "]);
    (term.clone(), prop::collection::vec((join, term, any::<bool>()), 0..4)).prop_map(|(first, rest)| {
        rest.into_iter().fold(first.to_owned(), |text, (join, term, group)| {
            if group { format!("({text}){join}{term}") } else { format!("{text}{join}{term}") }
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_selection_ever_widens_the_targets(targets in selectors(), selection in selectors()) {
        let (fleet, around) = (fleet(), disks());
        let (Ok(allowed), Ok(selected)) = (Selector::parse(&targets), Selector::parse(&selection)) else { return Ok(()) };
        let book = runbook(&format!("targets: '{targets}'\nsteps: [{{ id: a, run: id }}]\n"));
        let request = PlanRequest { surroundings: &around, ..request(&fleet, &selection, &[]) };
        let picks = |selector: &Selector, host: &daytwo_model::Host| {
            use daytwo_runbook::Surroundings;
            selector.verdict(host, around.facts(&host.name), now()) == daytwo_model::Verdict::Picked
        };
        if let Ok(sealed) = plan(&book, &request) {
            for host in &sealed.plan().hosts {
                prop_assert!(picks(&allowed, host) && picks(&selected, host), "{} by {}", host.name, selection);
            }
            let names: Vec<_> = sealed.plan().hosts.iter().map(|host| &host.name).collect();
            prop_assert!(sealed.plan().undecided.iter().all(|undecided| !names.contains(&&undecided.host)));
        } else {
            prop_assert!(fleet.iter().all(|host| !(picks(&allowed, host) && picks(&selected, host))));
        }
    }
}
