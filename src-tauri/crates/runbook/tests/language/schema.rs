//! The JSON Schema that editors use says what the language says.
//!
//! To write it anew: `DAYTWO_BLESS=1 cargo test -p daytwo-runbook --test language schema`.

use std::path::{Path, PathBuf};

use daytwo_runbook::{parse, schema};
use serde_json::Value;

fn below(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// The YAML files of a folder with their text; none where there is no such folder.
fn files(folder: &str) -> Vec<(String, String)> {
    let Ok(entries) = std::fs::read_dir(below(folder)) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    paths
        .filter(|path| name(path).ends_with(".yaml") && !name(path).ends_with(".test.yaml"))
        .filter_map(|path| std::fs::read_to_string(&path).ok().map(|text| (name(&path), text)))
        .collect()
}

/// What an editor sees: YAML 1.2, with its own types.
fn as_an_editor_reads(text: &str) -> Option<Value> {
    let mut options = serde_saphyr::Options::default();
    options.strict_booleans = true;
    serde_saphyr::from_str_with_options(text, options).ok()
}

fn complaints(value: &Value) -> Vec<String> {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_schema_beside_the_runbooks_is_the_one_of_the_language() {
    let path = below("../../../runbooks/runbook.schema.json");
    let made = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os("DAYTWO_BLESS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "{} is not what the language says now; see the head of this file", path.display());
}

#[test]
fn the_schema_is_one_and_every_runbook_that_the_language_takes_is_taken_by_it() {
    jsonschema::draft202012::meta::validate(&schema()).unwrap();
    let runbooks = [files("../../../runbooks"), files("tests/data/valid")].concat();
    assert!(runbooks.len() >= 6, "only {} runbooks were found", runbooks.len());
    for (name, text) in runbooks {
        parse(&name, &text).unwrap_or_else(|errors| panic!("{errors}"));
        let value = as_an_editor_reads(&text).unwrap_or_else(|| panic!("{name} is not YAML"));
        let complaints = complaints(&value);
        assert!(complaints.is_empty(), "{name}: {}", complaints.join("\n"));
    }
}

#[test]
fn every_word_that_an_editor_offers_for_the_head_is_taken() {
    for field in ["kind", "stewardship"] {
        let words = schema()["properties"][field]["enum"].as_array().cloned().unwrap();
        assert!(words.len() >= 3);
        for word in words {
            let text = format!(
                "{{ runbook: a, title: A, summary: A., {field}: {word}, steps: [{{ id: a, run: id, effect: read }}] }}"
            );
            parse("a.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
        }
    }
}

#[test]
fn what_an_editor_can_see_to_be_wrong_is_underlined() {
    let head = "{ runbook: a, title: A, summary: A.";
    let steps = "steps: [{ id: a, run: id }]";
    let right = format!("{head}, {steps} }}");
    assert!(complaints(&as_an_editor_reads(&right).unwrap()).is_empty());
    for (wrong, part) in [
        (format!("{{ title: A, summary: A., {steps} }}"), "runbook"),
        (format!("{head}, {steps}, colour: red }}"), "colour"),
        (format!("{head}, {steps}, kind: operations }}"), "operations"),
        (format!("{head}, steps: [] }}"), "[]"),
        (format!("{head}, steps: [{{ id: a }}] }}"), "/steps/0"),
        (format!("{head}, steps: [{{ id: a, run: id, http: {{ url: 'http://a' }} }}] }}"), "/steps/0"),
        (format!("{head}, steps: [{{ id: a, run: id, verfy: {{ run: id }} }}] }}"), "verfy"),
        (format!("{head}, steps: [{{ id: a, run: id, timeout: 30 }}] }}"), "/steps/0/timeout"),
        (format!("{head}, {steps}, inputs: {{ a: {{ type: strng }} }} }}"), "strng"),
        (format!("{head}, {steps}, inputs: {{ a: {{ type: boolean, pattern: x }} }} }}"), "pattern"),
        (format!("{head}, {steps}, inputs: {{ a: {{ type: list, of: {{ type: secret }} }} }} }}"), "secret"),
        (format!("{head}, {steps}, inputs: {{ a: {{ type: size, min: 5G }} }} }}"), "5G"),
        (format!("{head}, {steps}, rollout: {{ batches: [many] }} }}"), "many"),
        (format!("{head}, {steps}, rollout: {{ order: lineal }} }}"), "lineal"),
        (
            format!("{head}, {steps}, rollout: {{ health: {{ run: id, http: {{ url: 'http://a' }} }} }} }}"),
            "/rollout/health",
        ),
        (format!("{head}, steps: [{{ id: a, run: id, if_failed: abort }}] }}"), "/steps/0/if_failed"),
    ] {
        assert!(parse("wrong", &wrong).is_err(), "{wrong} is right");
        let said = complaints(&as_an_editor_reads(&wrong).unwrap());
        assert!(said.iter().any(|complaint| complaint.contains(part)), "{wrong}: {said:?}");
    }
}

#[test]
fn hostile_runbooks_that_are_wrong_in_shape_are_wrong_for_the_schema_too() {
    let mut seen = 0;
    for (name, text) in files("tests/data/hostile") {
        if ["near-miss.yaml", "shapes.yaml", "wrong-shapes.yaml", "inputs.yaml", "rollout.yaml"]
            .contains(&name.as_str())
        {
            seen += 1;
            let value = as_an_editor_reads(&text).unwrap_or_else(|| panic!("{name} is not YAML"));
            assert!(!complaints(&value).is_empty(), "{name}");
        }
    }
    assert_eq!(seen, 5);
}
