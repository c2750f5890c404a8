//! Bad runbooks and what is said about them: `data/hostile/NAME.yaml` beside `NAME.txt`. What would
//! not fit into a repository is made here.
//!
//! To accept what is said now: `DAYTWO_BLESS=1 cargo test -p daytwo-runbook --test language`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use daytwo_runbook::{Runbook, TEXT_BYTES_MAX, check_calls, parse, parse_bytes};

#[test]
fn each_bad_runbook_gets_all_its_errors_with_place_line_and_marker() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hostile");
    let mut differing = Vec::new();
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        seen += 1;
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let said = match parse_bytes(&name, &std::fs::read(&path).unwrap()) {
            Ok(_) => "accepted".to_owned(),
            Err(errors) => errors.to_string(),
        };
        let said: String = said.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        let expected = path.with_extension("txt");
        if std::env::var_os("DAYTWO_BLESS").is_some() {
            std::fs::write(&expected, &said).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != said {
            differing.push(format!("{name}:\n{said}"));
        }
    }
    assert!(seen >= 45, "only {seen} files were found");
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn what_is_too_large_or_too_deep_is_refused_before_it_costs_anything() {
    let first =
        |bytes: &[u8]| parse_bytes("x", bytes).map_or_else(|errors| errors.list()[0].clone(), |_| panic!("accepted"));
    let code = |text: &str| first(text.as_bytes()).code;
    assert_eq!(code(&"a".repeat(TEXT_BYTES_MAX + 1)), "limit");
    assert_eq!(code(&"runbook: a\n".repeat(10_000_000)), "limit");
    assert_eq!(code(&"- [".repeat(30_000)), "syntax");
    assert_eq!(code(&format!("a: {}", "[".repeat(10_000))), "syntax");
    assert_eq!(code(&(0..300).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<String>()), "limit");
    assert_eq!(code(&format!("{}1{}", "{a: ".repeat(40), "}".repeat(40))), "limit");
    assert_eq!(code(&format!("a: [{}]", "1,".repeat(50_000))), "limit");
    assert_eq!(code("a: \u{1b}[2J"), "control-character");
    assert_eq!(code("a\0: b"), "control-character");
    assert_eq!(code("---\n---\n"), "documents");
    assert_eq!(code(""), "empty");
    assert_eq!(code("# only a comment\n"), "empty");
    assert_eq!(first(b"runbook: a\ntitle: \xff\n").code, "not-utf8");
}

#[test]
fn ten_thousand_errors_are_said_in_a_bounded_answer() {
    let steps: String = (0..4000).map(|n| format!("  - {{ id: a.{n}, rnu: '{{{{ x }}}}' }}\n")).collect();
    let text = format!("runbook: a\ntitle: a\nsummary: a\nsteps:\n{steps}");
    let errors = parse("x", &text).map_or_else(|errors| errors, |_| panic!("accepted"));
    assert!(errors.list().len() <= 100, "{} errors", errors.list().len());
    assert!(errors.to_string().len() < 64 * 1024);
}

/// A runbook that calls these, with its only input.
fn calling(name: &str, calls: &[&str]) -> Arc<Runbook> {
    let steps: String = calls
        .iter()
        .map(|call| format!("  - id: to-{call}\n    call: {{ runbook: {call}, inputs: {{ unit: a }} }}\n"))
        .collect();
    let text = format!(
        "runbook: {name}\ntitle: {name}\nsummary: Calls.\ninputs:\n  unit: {{ type: string, default: b }}\n\
         steps:\n  - {{ id: own, run: id }}\n{steps}"
    );
    Arc::new(parse(&format!("{name}.yaml"), &text).unwrap_or_else(|errors| panic!("{errors}")))
}

fn said_of(first: &str, catalogue: &[(&str, &[&str])]) -> Vec<String> {
    let catalogue: BTreeMap<&str, Arc<Runbook>> =
        catalogue.iter().map(|(name, calls)| (*name, calling(name, calls))).collect();
    let said = check_calls(&catalogue[first], &|name| catalogue.get(name.as_str()).cloned());
    said.iter().map(|diagnostic| format!("{}: {}", diagnostic.code, diagnostic.message)).collect()
}

#[test]
fn calls_that_come_back_or_go_too_deep_are_refused_with_the_way() {
    assert_eq!(said_of("a", &[("a", &["a"])]), ["call-cycle: this call never ends: a → a"]);
    let round: &[(&str, &[&str])] = &[("a", &["d", "b"]), ("b", &["c"]), ("c", &["a"]), ("d", &[])];
    assert_eq!(said_of("a", round), ["call-cycle: this call never ends: a → b → c → a"]);
    let beyond: &[(&str, &[&str])] = &[("a", &["b"]), ("b", &["c"]), ("c", &["b"])];
    assert_eq!(said_of("a", beyond), ["call-cycle: this call never ends: b → c → b"]);
    let names = ["a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9"];
    let next: Vec<Vec<&str>> = (1..=names.len()).map(|n| names.get(n).copied().into_iter().collect()).collect();
    let chain: Vec<(&str, &[&str])> = names.iter().zip(&next).map(|(name, next)| (*name, next.as_slice())).collect();
    assert_eq!(said_of("a1", &chain), [""; 0]);
    assert_eq!(said_of("a0", &chain), ["call-depth: this call leads through more than 8 runbooks"]);
    // Each runbook is looked at once, however many ways lead to it.
    let all: Vec<&[&str]> = (1..=names.len()).map(|n| &names[n..]).collect();
    let mesh: Vec<(&str, &[&str])> = names.iter().zip(all).map(|(name, next)| (*name, next)).collect();
    assert_eq!(said_of("a2", &mesh), [""; 0]);
}

#[test]
fn a_call_gives_the_other_runbook_what_it_takes() {
    let called = "runbook: restart-service\ntitle: R\nsummary: R.\ninputs:\n  unit: { type: string, pattern: '[a-z]+' }\n  \
                  count: { type: integer, default: 1 }\n  key: { type: secret, default: k }\nsteps:\n  - { id: a, run: 'echo {{ unit }} {{ count }} {{ key }}' }\n";
    let called = Arc::new(parse("restart-service.yaml", called).unwrap_or_else(|errors| panic!("{errors}")));
    let said = |call: &str| {
        let text = format!(
            "runbook: caller\ntitle: C\nsummary: C.\ninputs:\n  name: {{ type: string }}\n  token: {{ type: secret }}\n\
             secrets: {{ registry: registry-token }}\nsteps:\n  - {{ id: a, run: 'login {{{{ name }}}} {{{{ token }}}}' }}\n  - id: c\n    call: {call}\n"
        );
        let caller = parse("caller.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
        let said = check_calls(&caller, &|name| (name == &called.name).then(|| Arc::clone(&called)));
        said.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    for (call, part) in [
        ("{ runbook: restart-service, inputs: { unit: '{{ name }}', key: '{{ token }}' } }", ""),
        ("{ runbook: restart-service, inputs: { unit: a, key: '{{ secrets.registry }}', count: 3 } }", ""),
        ("{ runbook: restart-service, inputs: { unit: a, key: another-key } }", ""),
        ("{ runbook: restart_service, inputs: { unit: a } }", "did you mean `restart-service`?"),
        ("{ runbook: restart-servise, inputs: { unit: a } }", "did you mean `restart-service`?"),
        ("{ runbook: nothing-like-it }", "caller.yaml:11:22: error[unknown-runbook]"),
        ("{ runbook: restart-service }", "error[missing-input]: `restart-service` needs its input `unit`"),
        ("{ runbook: restart-service, inputs: { unit: a, unti: b } }", "11:58: error[unknown-input]"),
        ("{ runbook: restart-service, inputs: { unit: A1 } }", "this does not match [a-z]+"),
        ("{ runbook: restart-service, inputs: { unit: a, count: many } }", "this is not a whole number"),
        ("{ runbook: restart-service, inputs: { unit: '{{ token }}' } }", "error[secret-input]: `unit`"),
        ("{ runbook: restart-service, inputs: { unit: a, key: '{{ name }}' } }", "error[secret-input]: `key`"),
    ] {
        let said = said(call);
        assert!(if part.is_empty() { said.is_empty() } else { said.contains(part) }, "{call}: {said}");
    }
}
