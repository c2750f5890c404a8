//! Every shipped runbook has tests, and they pass.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use daytwo_model::plan::Effect;
use daytwo_rehearsal::{CaseReport, rehearse};
use daytwo_runbook::{Nowhere, RehearsalFile, Runbook, Says, parse, parse_rehearsal, rehearsal_schema};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../runbooks")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The shipped runbooks, each with its tests.
fn catalogue() -> BTreeMap<String, (Runbook, RehearsalFile)> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let runbooks = names.filter(|name| name.ends_with(".yaml") && !name.ends_with(".test.yaml"));
    runbooks
        .map(|name| {
            let runbook = parse(&name, &read(&name)).unwrap_or_else(|errors| panic!("{errors}"));
            let tests = name.replace(".yaml", ".test.yaml");
            let tests = parse_rehearsal(&tests, &read(&tests)).unwrap_or_else(|errors| panic!("{errors}"));
            (name, (runbook, tests))
        })
        .collect()
}

#[test]
fn the_tests_of_every_shipped_runbook_pass() {
    let catalogue = catalogue();
    let reports: Vec<_> = catalogue.values().map(|(runbook, tests)| rehearse(runbook, tests, &Nowhere)).collect();
    let failed: Vec<String> = reports.iter().filter(|report| !report.passed()).map(ToString::to_string).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    let ran = |case: &CaseReport| case.attempts > 0 || case.case.contains("refused");
    assert!(reports.len() >= 6 && reports.iter().flat_map(|report| &report.cases).all(ran), "a case ran nothing");
}

/// Success, a failure at each step that changes something, and a host that cannot be reached, before and during.
#[test]
fn the_tests_of_every_shipped_runbook_hold_what_goes_wrong() {
    for (name, (runbook, tests)) in catalogue() {
        let courses = || {
            let runs = tests.cases.iter().filter_map(|case| match &case.expect {
                daytwo_runbook::Expected::Run(run) => Some(run),
                daytwo_runbook::Expected::Refused { .. } => None,
            });
            runs.flat_map(|run| &run.courses).flat_map(|course| course.steps.iter().flatten())
        };
        for step in &runbook.steps {
            let ends: BTreeSet<&str> =
                courses().filter(|came| came.step.as_str() == step.id.as_str()).map(|came| came.end).collect();
            let wants: &[&str] = match step.effect {
                Effect::Change => &["verified", "not verified", "failed", "unknown", "skipped"],
                Effect::Read => &["finished"],
            };
            for end in wants {
                assert!(ends.contains(end), "{name}: no case in which {} ends {end}: {ends:?}", step.id);
            }
        }
        assert!(courses().any(|came| came.end == "unreachable"), "{name}: no host is unreachable");
        let replies = || tests.cases.iter().flat_map(|case| &case.replies).flat_map(|recording| &recording.replies);
        assert!(replies().any(|reply| reply.says == Says::Lost), "{name}: no link is lost");
        let has_way_back = runbook.steps.iter().any(|step| matches!(step.undo, daytwo_runbook::Undo::Inverse(_)));
        let undone = |end: &str| {
            let undos = tests.cases.iter().filter_map(|case| case.undo.as_ref());
            let runs = undos.filter_map(|undo| match &undo.expect {
                daytwo_runbook::Expected::Run(run) => Some(run),
                daytwo_runbook::Expected::Refused { .. } => None,
            });
            runs.flat_map(|run| &run.courses)
                .flat_map(|course| course.steps.iter().flatten())
                .any(|came| came.end == end)
        };
        assert!(!has_way_back || (undone("undone") && undone("stuck")), "{name}: no undo, or none that is stuck");
    }
}

/// To write it anew: `DAYTWO_BLESS=1 cargo test -p daytwo-rehearsal --test it schema`.
#[test]
fn the_schema_beside_the_runbooks_is_the_one_of_their_tests() {
    let path = folder().join("rehearsal.schema.json");
    let made = format!("{}\n", serde_json::to_string_pretty(&rehearsal_schema()).unwrap());
    if std::env::var_os("DAYTWO_BLESS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "{} is not what the language says now", path.display());
}

#[test]
fn editors_accept_the_tests_of_every_shipped_runbook() {
    let schema = jsonschema::validator_for(&rehearsal_schema()).unwrap();
    for name in catalogue().keys() {
        let name = name.replace(".yaml", ".test.yaml");
        let document: serde_json::Value = serde_saphyr::from_str(&read(&name)).unwrap();
        let errors: Vec<String> =
            schema.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {}", errors.join("\n"));
    }
    let mut wrong: serde_json::Value = serde_saphyr::from_str(&read("roll-back.test.yaml")).unwrap();
    wrong["cases"][0]["expect"]["corse"] = serde_json::json!({});
    assert!(!schema.is_valid(&wrong));
}
