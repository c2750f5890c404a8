//! Good runbooks: everything that the language has, at least once. `data/valid/NAME.yaml`.

use std::path::{Path, PathBuf};

use daytwo_runbook::parse;
use proptest::prelude::*;

fn valid() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/valid");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    paths.iter().map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_form_of_the_language_is_read() {
    let files = valid();
    assert!(files.len() >= 10, "only {} files were found", files.len());
    for (name, text) in &files {
        let runbook = parse(name, text).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(&runbook.text, text);
    }
    for word in
        ["run", "script", "fetch", "put", "file", "link", "service", "package", "http", "wait", "ask", "call", "notify"]
    {
        let used =
            |text: &String| parse("x", text).is_ok_and(|it| it.all_steps().any(|step| step.action.word() == word));
        assert!(files.iter().any(|(_, text)| used(text)), "no file has a step that is a {word}");
    }
}

/// One slip in a good file.
#[derive(Debug, Clone)]
enum Slip {
    DeleteLine(usize),
    DoubleLine(usize),
    SwapLines(usize, usize),
    Indent(usize, usize),
    Token(usize, &'static str),
    Cut(usize),
}

fn slip() -> impl Strategy<Value = Slip> {
    let token = prop::sample::select(vec![
        "{{ x }}",
        "}}",
        "{%",
        "'",
        "\"",
        ": ",
        "- ",
        "[",
        "}",
        "|",
        "é",
        "\t",
        "&a",
        "*a",
        "!t",
        "null",
        "-1",
        "99999999999999999999",
        "captured.x",
        "{{ captured.x | raw }}",
        "secrets.y",
        "is not defined",
        "no",
        "0777",
        "\u{202e}",
        "<<",
        "#",
        "?",
        "~",
    ]);
    prop_oneof![
        any::<usize>().prop_map(Slip::DeleteLine),
        any::<usize>().prop_map(Slip::DoubleLine),
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Slip::SwapLines(a, b)),
        (any::<usize>(), 0..12_usize).prop_map(|(line, by)| Slip::Indent(line, by)),
        (any::<usize>(), token).prop_map(|(at, token)| Slip::Token(at, token)),
        any::<usize>().prop_map(Slip::Cut),
    ]
}

fn slipped(text: &str, slip: &Slip) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let count = lines.len().max(1);
    match slip {
        Slip::DeleteLine(line) if !lines.is_empty() => drop(lines.remove(line % count)),
        Slip::DoubleLine(line) if !lines.is_empty() => lines.insert(line % count, lines[line % count].clone()),
        Slip::SwapLines(a, b) if !lines.is_empty() => lines.swap(a % count, b % count),
        Slip::Indent(line, by) if !lines.is_empty() => {
            let line = &mut lines[line % count];
            *line = format!("{}{}", " ".repeat(*by), line.trim_start());
        }
        Slip::Token(at, token) => {
            // A word is replaced, or the token put between two.
            let mut words: Vec<String> = text.split_inclusive(' ').map(str::to_owned).collect();
            if words.is_empty() {
                return (*token).to_owned();
            }
            let at = at % words.len();
            words[at] = if token.len() % 2 == 0 { format!("{token} ") } else { format!("{token}{}", words[at]) };
            return words.concat();
        }
        Slip::Cut(at) => return text.chars().take(at % text.len().max(1)).collect(),
        _ => {}
    }
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn slips_in_a_good_file_are_answered_with_places_in_it(file in any::<prop::sample::Index>(), slips in prop::collection::vec(slip(), 1..4)) {
        let files = valid();
        let text = slips.iter().fold(file.get(&files).1.clone(), |text, slip| slipped(&text, slip));
        if let Err(errors) = parse("a.yaml", &text) {
            prop_assert!(!errors.list().is_empty() && errors.list().len() <= 100);
            let lines = text.lines().count().max(1);
            for error in errors.list() {
                prop_assert!(error.place.line as usize <= lines + 1, "{} is beyond the end", error);
                prop_assert!(error.message.chars().all(|c| !c.is_control()), "{}", error);
            }
        }
    }

    #[test]
    fn random_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Err(errors) = daytwo_runbook::parse_bytes("a.yaml", &bytes) {
            prop_assert!(!errors.list().is_empty());
        }
    }
}
