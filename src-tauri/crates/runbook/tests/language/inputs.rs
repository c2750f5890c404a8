//! Inputs, secrets and variables: what a runbook may say about them, and what becomes of what is typed.

use daytwo_model::plan::InputValue;
use daytwo_runbook::{
    ChoiceSource, InputKind, InputSpec, Kind, Runbook, TEXT_BYTES_MAX, as_typed, check_input, parse, parse_bytes,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A runbook around some lines of its head.
fn around(lines: &str) -> String {
    format!("runbook: a\ntitle: A\nsummary: A.\n{lines}\nsteps:\n  - {{ id: a, run: id, effect: read }}\n")
}

fn read(lines: &str) -> Runbook {
    parse("a.yaml", &around(lines)).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Code, line, column, width and message of the only error.
fn only_error(text: &str) -> (String, u32, u32, u32, String) {
    let errors = parse("a.yaml", text).map_or_else(|errors| errors, |_| panic!("accepted:\n{text}"));
    let [error] = errors.list() else { panic!("more than one error:\n{errors}") };
    let hint = error.hint.as_ref().map(|hint| format!(" = {hint}")).unwrap_or_default();
    (
        error.code.to_string(),
        error.place.line,
        error.place.column,
        error.place.width,
        format!("{}{hint}", error.message),
    )
}

fn input(declared: &str) -> InputSpec {
    read(&format!("inputs:\n  x: {declared}")).inputs.swap_remove("x").unwrap()
}

#[test]
fn a_default_is_a_value_of_its_type() {
    for (declared, word, value) in [
        ("{ type: string, default: no }", "string", json!("no")),
        ("{ type: string, default: 0777 }", "string", json!("0777")),
        ("{ type: string, default: 1e3 }", "string", json!("1e3")),
        ("{ type: string, default: '' }", "string", json!("")),
        ("{ type: integer, min: 1, max: 9, default: 3 }", "integer", json!(3)),
        ("{ type: number, default: 2.5 }", "number", json!(2.5)),
        ("{ type: boolean, default: false }", "boolean", json!(false)),
        ("{ type: choice, choices: [1.0, on], default: on }", "choice", json!("on")),
        ("{ type: choice, choices: { run: git tag }, default: v1 }", "choice", json!("v1")),
        ("{ type: list, of: { type: string }, default: [a, 'b,c'] }", "list", json!(["a", "b,c"])),
        ("{ type: list, of: { type: size }, default: [1KiB, 1MB] }", "list", json!([1024, 1_000_000])),
        ("{ type: duration, min: 1s, max: 10m, default: 1m30s }", "duration", json!(90)),
        ("{ type: size, min: 1MiB, default: 2GiB }", "size", json!(2_147_483_648_u64)),
        ("{ type: percentage, max: 200%, default: 150% }", "percentage", json!(150)),
        ("{ type: date-time, default: 2026-11-20T04:00:00+01:00 }", "date-time", json!("2026-11-20T03:00:00Z")),
        ("{ type: host, default: web-01 }", "host", json!("web-01")),
        ("{ type: file, default: ~/site.conf }", "file", json!("~/site.conf")),
        ("{ type: secret, default: master-key }", "secret", json!("master-key")),
    ] {
        let spec = input(declared);
        assert_eq!((spec.kind.word(), spec.default.as_ref()), (word, Some(&value)), "{declared}");
        assert!(!spec.required, "{declared}");
        let needed = declared.replace(", default", ", required: true, default");
        assert!(value == json!("") || input(&needed).required, "{declared}");
    }
}

#[test]
fn what_contradicts_itself_is_said_with_what_was_expected() {
    for (declared, code, message) in [
        ("{ type: strng }", "bad-value", "the type of an input cannot be `strng` = did you mean `string`?"),
        ("{ title: X }", "missing-field", "an input needs a field `type`"),
        (
            "{ type: boolean, pattern: x }",
            "unknown-field",
            "an input of type boolean has no field `pattern` = `pattern` is for type string",
        ),
        (
            "{ type: string, titel: x }",
            "unknown-field",
            "an input of type string has no field `titel` = did you mean `title`?",
        ),
        ("{ type: integer, min: 9, max: 1 }", "bad-value", "the smallest value is larger than the largest"),
        ("{ type: number, max: nan }", "bad-value", "`max`: `nan` is not a number"),
        ("{ type: duration, min: 10 }", "bad-value", "`min`: `10` is not a duration"),
        ("{ type: duration, max: 1m, default: 2m }", "bad-value", "the default: this is more than 1m"),
        ("{ type: size, min: 5G }", "bad-value", "`min`: `5G` is not a size"),
        (
            "{ type: percentage, min: 110% }",
            "bad-value",
            "larger than 100%, which is the largest where `max` is absent",
        ),
        ("{ type: percentage, default: 110% }", "bad-value", "the default: this is more than 100%"),
        ("{ type: date-time, default: tomorrow }", "bad-value", "the default: `tomorrow` is not a date and time"),
        ("{ type: list }", "missing-field", "an input of type list needs a field `of`"),
        ("{ type: list, of: { type: secret } }", "bad-value", "the type of an item of a list cannot be `secret`"),
        ("{ type: list, of: { type: list } }", "bad-value", "the type of an item of a list cannot be `list`"),
        (
            "{ type: list, of: { type: string, title: X } }",
            "unknown-field",
            "an item of type string has no field `title`",
        ),
        (
            "{ type: list, max: 101, of: { type: string } }",
            "bad-value",
            "`max`: `101` is not a number of items from 0 to 100",
        ),
        (
            "{ type: list, of: { type: integer }, default: [1, b] }",
            "bad-value",
            "the default: item 2, `b`: this is not a whole number",
        ),
        (
            "{ type: list, of: { type: string }, default: a }",
            "wrong-type",
            "the default of a list is a list, not a single value",
        ),
        (
            "{ type: list, of: { type: choice, choices: { run: id } } }",
            "wrong-type",
            "the choices of a list's items are written out",
        ),
        ("{ type: choice, choices: [a, b, a] }", "bad-value", "`a` stands here a second time"),
        ("{ type: choice, choices: {} }", "missing-field", "the source of choices needs one of run, url"),
        (
            "{ type: choice, choices: { run: 'echo {{ y }}' } }",
            "bad-value",
            "the command: the choices are asked for before anything is known",
        ),
        ("{ type: choice, choices: { run: id, timeout: 61s } }", "bad-value", "somebody waits for the choices"),
        ("{ type: choice, choices: { run: id, json: /a } }", "unknown-field", "`json` is for `url`"),
        ("{ type: choice, choices: { url: 'https://a/b' } }", "missing-field", "the choices need a field `json`"),
        (
            "{ type: choice, choices: { url: 'ftp://a', json: /a } }",
            "bad-value",
            "the URL: `ftp://a` is not an address",
        ),
        ("{ type: choice, choices: { url: 'https://u:p@a', json: /a } }", "bad-value", "an address holds no user name"),
        ("{ type: duration, default: '' }", "bad-value", "the default: a value is needed here"),
        ("{ type: string, help: '' }", "bad-value", "the help is empty"),
        ("text", "wrong-type", "an input is a mapping of type, "),
    ] {
        let (found, _, _, _, said) = only_error(&around(&format!("inputs:\n  x: {declared}")));
        assert_eq!(found, code, "{declared}: {said}");
        assert!(said.contains(message), "{declared}: {said}");
    }
}

#[test]
fn who_is_asked_for_choices_is_part_of_the_input() {
    let from = |declared: &str| match input(declared).kind {
        InputKind::Choice { from: Some(from), choices } if choices.is_empty() => from,
        other => panic!("{other:?}"),
    };
    let command = ChoiceSource::Command { run: "git tag".into(), timeout_ms: 10_000 };
    assert_eq!(from("{ type: choice, choices: { run: git tag } }"), command);
    let url = ChoiceSource::Url { url: "https://a/m".into(), json: "/data".into(), timeout_ms: 5000 };
    assert_eq!(from("{ type: choice, choices: { url: 'https://a/m', json: /data, timeout: 5s } }"), url);
}

#[test]
fn one_name_stands_for_one_thing() {
    for (lines, message) in [
        ("inputs: { host: { type: string } }", "`host` has a meaning of its own in templates"),
        ("vars: { item: a }", "`item` has a meaning of its own in templates"),
        ("vars: { a-b: a }", "`a-b` cannot name a variable"),
        ("secrets: { 1: a }", "`1` cannot name a secret"),
        ("inputs: { x: { type: string } }\nsecrets: { x: a }", "`x` is the name of an input already"),
        ("inputs: { x: { type: string } }\nvars: { x: a }", "`x` is the name of an input already"),
        ("secrets: { x: a }\nvars: { x: a }", "`x` is the name of a secret already"),
        ("secrets: { x: 'sk 123' }", "here stands the name under which the secret is kept"),
        ("secrets: { x: k }\nvars: { y: '{{ secrets.x }}' }", "`secrets.x` is known only when a step runs"),
        ("inputs: { x: { type: secret } }\nvars: { y: ['{{ x }}'] }", "`x` is known only when a step runs"),
        ("vars: { y: '{{ captured.x }}' }", "`captured.x` is known only when a step runs"),
        ("vars: { y: '{{ z }}', z: a }", "there is no input or variable `z`"),
    ] {
        let (_, _, _, _, said) = only_error(&around(lines));
        assert!(said.contains(message), "{lines}: {said}");
    }
    let runbook =
        read("secrets: { registry: registry-token }\nvars: { app: '/srv/{{ host.name }}', all: ['{{ app }}/a'] }");
    assert_eq!(runbook.secrets.get("registry").map(ToString::to_string).as_deref(), Some("registry-token"));
}

#[test]
fn a_runbook_that_says_no_kind_is_a_diagnostic_unless_it_changes_something() {
    assert_eq!(read("").kind, Kind::Diagnostic);
    assert_eq!(read("kind: deploy").kind, Kind::Deploy);
    let changing = around("").replace(", effect: read", "");
    assert_eq!(parse("a.yaml", &changing).unwrap().kind, Kind::Operation);
}

#[test]
fn what_is_wrong_with_a_selector_is_marked_inside_it() {
    for (targets, line, column) in [
        ("targets: role=web and", 4, 22),
        ("targets: 'role=web and'", 4, 23),
        ("targets: >-\n  role=web and\n", 5, 15),
        ("targets: |\n  role=web\n  and )", 6, 7),
    ] {
        let (code, at, from, _, said) = only_error(&around(targets));
        assert_eq!((code.as_str(), at, from), ("selector", line, column), "{targets:?}: {said}");
        assert!(said.starts_with("the targets: expected "), "{said}");
    }
}

#[test]
fn bytes_that_are_no_text_are_said_with_their_place() {
    let mut bytes = around("owner: é").into_bytes();
    assert!(parse_bytes("a.yaml", &bytes).is_ok());
    let at = bytes.windows(2).position(|pair| pair == "é".as_bytes()).unwrap();
    bytes[at + 1] = b'x';
    let errors = parse_bytes("a.yaml", &bytes).map_or_else(|errors| errors, |_| panic!("accepted"));
    assert_eq!(
        errors.to_string(),
        "a.yaml:4:8: error[not-utf8]: the file is not UTF-8: the byte 0xc3 (number 40) belongs to no character\n \
         4 | owner: \u{fffd}x\n   |        ^\n   = save it as UTF-8"
    );
}

#[test]
fn a_hundred_megabytes_are_refused_without_being_read() {
    let mut bytes = vec![b'a'; 100_000_000];
    let began = std::time::Instant::now();
    let said = |result: Result<Runbook, daytwo_runbook::Diagnostics>| match result {
        Ok(_) => panic!("accepted"),
        Err(errors) => errors,
    };
    let of_text = said(parse("a.yaml", std::str::from_utf8(&bytes).unwrap()));
    bytes[TEXT_BYTES_MAX] = 0xff;
    for errors in [of_text, said(parse_bytes("a.yaml", &bytes))] {
        assert_eq!(errors.list()[0].code, "limit");
        assert!(errors.to_string().len() < 1000);
    }
    // Far more than it takes; a reader that decodes, cuts or copies it all takes longer in this build.
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn thousands_of_unknown_names_are_a_hundred_short_errors() {
    let mut text = around("");
    for number in 0..9000 {
        text.push_str(&format!("a_name_that_nobody_knows_{number}: x\n"));
    }
    text.push_str(&format!("{}: x\n", "y".repeat(100_000)));
    for text in [text, around(&format!("vars: {{ {}: x }}", "é".repeat(100_000)))] {
        let errors = parse("a.yaml", &text).map_or_else(|errors| errors, |_| panic!("accepted"));
        assert!((1..=100).contains(&errors.list().len()));
        assert!(errors.to_string().len() < 100_000, "{} bytes", errors.to_string().len());
    }
}

fn kinds() -> impl Strategy<Value = InputKind> {
    let choices = || InputKind::Choice { choices: vec!["a".into(), "b,c".into()], from: None };
    let bare = prop::sample::select(vec![
        InputKind::String { pattern: None },
        InputKind::String { pattern: Some("[a-z]+".into()) },
        InputKind::Integer { min: None, max: Some(1000) },
        InputKind::Number { min: Some(-1.0), max: None },
        InputKind::Boolean,
        choices(),
        InputKind::Duration { min_ms: None, max_ms: Some(90_000) },
        InputKind::Size { min: None, max: None },
        InputKind::Percentage { min: None, max: None },
        InputKind::DateTime,
        InputKind::Host,
        InputKind::File,
    ]);
    (bare, any::<bool>()).prop_map(|(kind, list)| {
        if list { InputKind::List { of: Box::new(kind), min: None, max: Some(3) } } else { kind }
    })
}

fn typed_texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "(?s).{0,40}",
        "[0-9]{1,4}(\\.[0-9]{1,3})?(ms|s|m|KiB|MB|GB|B|%)?",
        "[a-c]{1,3}([,\\n][a-c]{0,2}){0,3}",
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]0[0-9]:[03]0)",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_accepted_stays_what_it_is_however_often_it_is_typed(kind in kinds(), text in typed_texts()) {
        let spec = InputSpec { kind, title: String::new(), help: None, default: None, required: true };
        let Ok(InputValue::Value(value)) = check_input(&spec, &text) else { return Ok(()) };
        if let InputKind::String { .. } = spec.kind {
            prop_assert_eq!(&value, &Value::from(text.as_str()));
        }
        prop_assert_eq!(check_input(&spec, &as_typed(&spec.kind, &value)), Ok(InputValue::Value(value)));
    }
}
