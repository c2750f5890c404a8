//! Bad runbooks and what is said about them. `data/hostile/NAME.yaml` beside `NAME.txt`.
//!
//! To accept what is said now: `DAYTWO_BLESS=1 cargo test -p daytwo-runbook --test language`.

use std::path::Path;

use daytwo_runbook::{TEXT_BYTES_MAX, parse};

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
        let said = match parse(&name, &std::fs::read_to_string(&path).unwrap()) {
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
    assert!(seen >= 12, "only {seen} files were found");
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn what_is_too_large_or_too_deep_is_refused_before_it_costs_anything() {
    let code = |text: &str| parse("x", text).map_or_else(|errors| errors.list()[0].code, |_| panic!("accepted"));
    assert_eq!(code(&"a".repeat(TEXT_BYTES_MAX + 1)), "limit");
    assert_eq!(code(&"- [".repeat(30_000)), "syntax");
    assert_eq!(code(&format!("a: {}", "[".repeat(10_000))), "syntax");
    assert_eq!(code(&format!("{}1{}", "{a: ".repeat(40), "}".repeat(40))), "limit");
    assert_eq!(code(&format!("a: [{}]", "1,".repeat(50_000))), "limit");
    assert_eq!(code("a: \u{1b}[2J"), "control-character");
    assert_eq!(code("a\0: b"), "control-character");
    assert_eq!(code("---\n---\n"), "documents");
    assert_eq!(code(""), "empty");
    assert_eq!(code("# only a comment\n"), "empty");
}
