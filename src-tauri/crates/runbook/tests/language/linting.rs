//! The checker: each code fires where it should, is silent where it should be, and has a page that is true.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use crate::kit::now;
use crate::shipped::catalogue;
use daytwo_runbook::{
    Diagnostic, Runbook, ScriptFinding, Severity, check_calls, codes, explain, lint, parse, parse_rehearsal, scripts,
};

const HEAD: &[(&str, &str)] = &[
    ("runbook", "example"),
    ("title", "Example"),
    ("summary", "An example."),
    ("kind", "operation"),
    ("owner", "platform"),
    ("stewardship", "central"),
    ("reviewed", "2026-11-20"),
];

/// What an example may call.
static SHIPPED: LazyLock<BTreeMap<String, Arc<Runbook>>> =
    LazyLock::new(|| catalogue().into_iter().map(|(name, runbook)| (name, Arc::new(runbook))).collect());

/// A whole runbook made from a part of one: what it leaves out of the head is added, and a list is its steps.
fn whole(part: &str) -> String {
    let steps = if part.trim_start().starts_with("- ") { "steps:\n" } else { "" };
    let says = |field: &str| part.lines().any(|line| line.starts_with(&format!("{field}:")));
    let head: String =
        HEAD.iter().filter(|(field, _)| !says(field)).map(|(field, value)| format!("{field}: {value}\n")).collect();
    format!("{head}{steps}{part}\n")
}

/// Everything that is said about a text, also with the shipped runbooks beside it.
fn findings(text: &str) -> Vec<Diagnostic> {
    match parse("example.yaml", text) {
        Ok(runbook) => {
            let own = Arc::new(runbook.clone());
            let calls = check_calls(&runbook, &|name| {
                if *name == own.name { Some(own.clone()) } else { SHIPPED.get(name.as_str()).cloned() }
            });
            lint(&runbook, now()).into_iter().chain(calls).collect()
        }
        Err(errors) => errors.list().to_vec(),
    }
}

fn found(text: &str) -> Vec<String> {
    findings(text).iter().map(|it| it.code.to_string()).collect()
}

/// A step that reads, with this script.
fn script(lines: &str) -> String {
    let lines = lines.replace('\n', "\n    ");
    let inputs = "inputs:\n  s: { type: string, title: s }\n  n: { type: integer, title: n, default: 1 }\n  key: { type: secret, title: key }\n";
    whole(&format!(
        "{inputs}steps:\n- id: a\n  effect: read\n  run: |\n    : {{{{ s }}}} {{{{ n }}}}\n    k={{{{ key }}}}\n    {lines}\n"
    ))
}

/// How often a code is said about a script.
fn said(code: &str, lines: &str) -> usize {
    let codes = found(&script(lines));
    let others: Vec<&String> = codes.iter().filter(|found| !found.starts_with("un") && *found != code).collect();
    assert!(others.is_empty(), "{lines}: {others:?}");
    codes.iter().filter(|found| *found == code).count()
}

#[test]
fn a_variable_outside_quotes_is_found_where_the_shell_cuts_it() {
    for (lines, times) in [
        ("ls $a", 1),
        ("ls ${a} -l \"$b\" $(cat x)", 2),
        ("[ $a = b ] && ls `date`", 2),
        ("if true; then ls $a; fi; case $b in $c) ls $d;; esac", 2),
        ("echo \"$(ls $a)\"", 1),
        ("f() { ls $1; }\nf x", 1),
        ("ls {{ s }}/$a", 1),
        ("a={{ s }}; ls $a", 1),
        ("cat <<EOF | tr $a b\n$b\nEOF", 1),
        ("set -- $a; ls $@", 2),
        ("{% if n == 1 %}ls $a{% else %}b=$c{% endif %}", 1),
        ("{% if n == 1 %}b=$c{% else %}ls $a{% endif %}", 1),
        // And where it does not cut, or nothing could be cut.
        ("a=$b c=\"$d\" ls", 0),
        ("for f in $a $(ls); do ls \"$f\"; done", 0),
        ("case $a in \"$b\"*) ls;; esac", 0),
        ("# ls $a\nls '$a' \\$a \"$a\"", 0),
        ("cat <<'EOF'\n$a\nEOF\ncat <<EOF\n$a\nEOF", 0),
        ("ls $((a + 1)) $# $? $$ ${#a}", 0),
        ("i=0; while [ $i -lt 3 ]; do i=$((i + 1)); done", 0),
        ("i={{ n }}; ls $i", 0),
        ("for i in 1 2 3; do ls $i; done", 0),
        ("export a=$b", 0),
        ("ls ${a:+\"$a\"}; $sudo ls; kill $(pidof x)", 0),
        ("ls \"${a%\"$b\"}\" >\"$c\"", 0),
        ("ls \"$(case x in a) echo ')';; esac)\" \"`echo $a`\"", 0),
    ] {
        assert_eq!(said("unquoted-variable", lines), times, "{lines}");
    }
}

#[test]
fn a_script_that_cannot_be_followed_is_not_judged() {
    for lines in ["ls $a \"", "ls $a; )", "ls $a; done", "cat <<EOF $a\n", "ls $a; if true; then"] {
        assert_eq!(said("unquoted-variable", lines), 0, "{lines}");
    }
}

#[test]
fn a_secret_is_found_where_it_is_recorded_and_not_where_it_is_sent_on() {
    for (lines, times) in [
        ("echo {{ key }}", 1),
        ("printf '%s' \"$k\" >&2", 1),
        ("{ echo \"$k\"; }", 1),
        ("curl -H \"Authorization: Bearer $k\" https://example.com", 1),
        ("curl -H 'Authorization: '{{ key }} https://example.com >/dev/null", 1),
        ("b=\"x $k\"; mysql -p\"$b\"", 1),
        ("printf %s {{ key }} | curl --config - https://example.com", 0),
        ("echo \"$k\" >/run/key", 0),
        ("{ echo \"$k\"; echo b; } | tail", 0),
        ("b=$(printf %s \"$k\" | wc -c)", 0),
        ("cat <<EOF | curl --config - https://example.com\n$k\nEOF", 0),
        ("[ -n \"$k\" ] && export k", 1),
        ("PGPASSWORD=\"$k\" psql -l", 1),
        ("PGPASSWORD={{ key }} psql -l", 1),
        ("export PGPASSWORD={{ key }}", 1),
        ("b=\"$k\" printf '%s' x", 0),
        ("f() { echo \"$k\"; }\nf | tail", 0),
    ] {
        assert_eq!(said("secret-in-record", lines), times, "{lines}");
    }
    let step = |step: &str| {
        found(&whole(&format!("secrets: {{ key: k }}\nsteps:\n- {{ id: a, timeout: 9s, {step} }}\n")))
            .contains(&"secret-in-record".to_owned())
    };
    assert!(step("effect: read, http: { url: 'https://example.com/?key={{ secrets.key }}' }"));
    assert!(!step("effect: read, http: { url: 'https://example.com/', headers: { K: '{{ secrets.key }}' } }"));
    assert!(step("file: { path: /etc/k, content: '{{ secrets.key }}', mode: '0644' }"));
    assert!(!step("file: { path: /etc/k, content: '{{ secrets.key }}', mode: '0640' }"));
}

#[test]
fn root_is_questioned_only_where_everybody_may_do_it() {
    for (run, fires) in [
        ("systemctl is-active nginx.service", true),
        ("cat /etc/os-release; uptime", true),
        ("echo load; df -h / 2>/dev/null | tail", false),
        ("df -h /srv", false),
        ("systemctl restart nginx.service", false),
        ("systemctl status x; cat /etc/shadow", false),
        ("uptime >/root/load", false),
        ("hostname web-1", false),
        ("echo done", false),
    ] {
        let text = whole(&format!("- {{ id: a, effect: read, sudo: true, run: '{run}' }}"));
        assert_eq!(found(&text).contains(&"needless-sudo".to_owned()), fires, "{run}");
    }
}

#[test]
fn rules_about_changes_speak_only_where_something_changes() {
    let change = "timeout: 9s, run: mv a b, verify: { run: ls b }, undo: none";
    let with = |rest: &str| found(&whole(&format!("- {{ id: a, {rest} }}")));
    let none: &[&str] = &[];
    for (rest, expected) in [
        (change, none),
        ("run: mv a b", &["change-without-undo", "change-without-verify", "missing-timeout"]),
        ("run: ls, effect: read", none),
        ("timeout: 9s, link: { path: /srv/a, to: b }", none),
        ("link: { path: /srv/a, to: b }", &["missing-timeout"]),
        (&format!("{change}, retry: {{ count: 2, delay: 1s }}"), &["retry-not-idempotent"]),
        (&format!("{change}, retry: {{ count: 2, delay: 1s }}, check: {{ run: ls b }}"), none),
        (&format!("{change}, retry: {{ count: 2, delay: 1s }}, waive: {{ retry-not-idempotent: mv is }}"), none),
        ("effect: read, run: ls, retry: { count: 2, delay: 1s }", none),
    ] {
        assert_eq!(with(rest), expected, "{rest}");
    }
}

#[test]
fn a_canary_is_one_host_or_a_tenth() {
    for (batches, fires) in
        [("[1, 100%]", false), ("[10%, 100%]", false), ("[2, 100%]", true), ("[11%, 100%]", true), ("[100%]", true)]
    {
        let change = "- { id: a, timeout: 9s, run: mv a b, verify: { run: ls b }, undo: none }";
        let text = whole(&format!("rollout: {{ batches: {batches} }}\nsteps:\n{change}\n"));
        assert_eq!(found(&text).contains(&"no-canary".to_owned()), fires, "{batches}");
        let waived = text.replace("undo: none", "undo: none, waive: { no-canary: there are two }");
        assert_eq!(found(&waived), if fires { vec![] } else { vec!["needless-waiver"] }, "{batches}");
        let read = whole(&format!("rollout: {{ batches: {batches} }}\nsteps:\n- {{ id: a, effect: read, run: ls }}\n"));
        assert_eq!(found(&read), [""; 0], "{batches}");
    }
}

#[test]
fn a_query_that_always_has_a_result_is_no_health_check() {
    for (query, fires) in [
        ("up", true),
        ("sum(up{job=~\"a|b\", x!=\"1 < 2\"})", true),
        ("up == bool 1", true),
        ("label_replace(up, `a`, `<`, `b`, `c`)", true),
        ("up{a=\"b\\\"}\"} == 1", false),
        ("absent(ALERTS{alertstate=\"firing\"})", false),
        ("up unless down", false),
        ("a != 1", false),
    ] {
        let query = serde_json::Value::from(query);
        let text = whole(&format!(
            "rollout: {{ health: {{ promql: {{ url: 'http://p', query: {query} }} }} }}\nsteps:\n- {{ id: a, effect: read, run: ls }}\n"
        ));
        assert_eq!(found(&text), if fires { vec!["promql-without-comparison"] } else { vec![] }, "{query}");
    }
}

#[test]
fn what_is_to_be_taken_back_and_what_waits_for_a_late_host_is_looked_at_step_by_step() {
    let change = "timeout: 9s, verify: { run: ls }";
    let steps = format!(
        "rollout: {{ batches: [1, 100%], when_reachable: {{ for: 1d }} }}\nsteps:\n\
         - {{ id: typed, timeout: 9s, link: {{ path: /a, to: b }}, if_failed: undo, late_ok: true }}\n\
         - {{ id: stays, run: mv a b, {change}, undo: none, late_ok: true }}\n\
         - {{ id: asks, run: mv b c, {change}, undo: {{ run: mv c b }}, if_failed: {{ ask: {{ otherwise: undo }} }} }}\n"
    );
    let said: Vec<(String, u32)> =
        findings(&whole(&steps)).iter().map(|it| (it.code.to_string(), it.place.line)).collect();
    assert_eq!(said, [("late-change".to_owned(), 12), ("undo-without-way-back".to_owned(), 12)]);
    let patient = steps.replace(", when_reachable: { for: 1d }", "").replace("otherwise: undo", "otherwise: skip");
    assert_eq!(found(&whole(&patient)), [""; 0]);
}

#[test]
fn a_warning_points_to_the_word_and_a_waiver_silences_it_on_its_step_only() {
    let text =
        whole("- id: a\n  effect: read\n  run: |\n    true\n      ls $x\n- { id: b, effect: read, run: 'ls ${y}' }");
    let places: Vec<(u32, u32, u32)> =
        findings(&text).iter().map(|it| (it.place.line, it.place.column, it.place.width)).collect();
    assert_eq!(places, [(13, 10, 2), (14, 35, 4)]);
    let waived = text.replace("- id: a", "- id: a\n  waive: { unquoted-variable: x is a list of options }");
    assert_eq!(findings(&waived).iter().map(|it| it.place.line).collect::<Vec<_>>(), [15]);
}

#[test]
fn a_waiver_that_is_misspelt_is_an_error_that_names_the_near_miss() {
    let found = findings(&whole("- { id: a, effect: read, run: ls, waive: { rwa: why, 'shellcheck:SC2086': why } }"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].code.as_ref(), found[0].severity), ("unknown-code", Severity::Error));
    assert_eq!(found[0].hint.as_deref(), Some("did you mean `raw`?"));
    assert_eq!((found[0].place.column, found[0].place.width), (44, 3));
}

#[test]
fn warnings_are_bounded() {
    let text = script(&"ls $a\n".repeat(1_000));
    assert_eq!(findings(&text).len(), 100);
}

#[test]
fn scripts_for_an_external_checker_keep_their_places_and_hide_their_values() {
    let text = whole(
        "inputs: { s: { type: string, title: s } }\nsteps:\n- id: a\n  effect: read\n  run: |\n    ls {{ s }} $x\n    true\n- { id: b, effect: read, run: 'ls $y' }",
    );
    let runbook = parse("example.yaml", &text).unwrap();
    let scripts = scripts(&runbook);
    assert_eq!(scripts[0].text, "ls \"$VVVV\" $x\ntrue\n");
    let finding = |line, column| ScriptFinding {
        code: 2086,
        severity: Severity::Warning,
        line,
        column,
        end_column: Some(column + 2),
        message: "quote it".to_owned(),
    };
    let shown = scripts[0].diagnostic(&runbook, &finding(1, 12)).unwrap();
    assert_eq!(shown.code, "shellcheck:SC2086");
    assert_eq!((shown.place.line, shown.place.column, shown.place.width), (13, 16, 2));
    assert_eq!(&shown.excerpt[shown.marker as usize..][..2], "$x");
    assert_eq!(scripts[0].diagnostic(&runbook, &finding(1, 5)), None, "a value is not the author's");
    assert_eq!(scripts[0].diagnostic(&runbook, &finding(9, 1)), None, "there is no such line");
    let shown = scripts[1].diagnostic(&runbook, &finding(1, 4)).unwrap();
    assert_eq!(&shown.excerpt[shown.marker as usize..][..2], "$y");
}

#[test]
fn the_shipped_catalogue_has_scripts_that_stand_where_they_say() {
    for (name, runbook) in catalogue() {
        let lines: Vec<&str> = runbook.text.lines().collect();
        for script in scripts(&runbook) {
            for (text, place) in script.text.lines().zip(&script.lines).filter(|(text, _)| !text.contains("$V")) {
                let line = lines[place.line as usize - 1];
                let there: String = line.chars().skip(place.column as usize - 1).take(text.chars().count()).collect();
                if !text.trim().is_empty() && !line.contains("{%") {
                    assert_eq!(there, text, "{name} {}", script.step);
                }
            }
        }
    }
}

/// The fenced examples of a page: whether it is a right one, and what is said about it.
fn examples(page: &str) -> Vec<(bool, Vec<String>)> {
    let mut examples = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(fence) = line.strip_prefix("```yaml ") else { continue };
        let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let text = text.join("\n");
        let said = match fence.split_once(' ').map(|(_, kind)| kind) {
            Some("file") => found(&text),
            Some("test") => match parse_rehearsal("example.test.yaml", &text) {
                Ok(_) => Vec::new(),
                Err(errors) => errors.list().iter().map(|it| it.code.to_string()).collect(),
            },
            _ => found(&whole(&text)),
        };
        examples.push((fence.starts_with("right"), said));
    }
    examples
}

#[test]
fn the_examples_of_every_page_are_true() {
    let mut wrong = Vec::new();
    for page in codes() {
        let examples = examples(page.text);
        let kinds: Vec<bool> = examples.iter().map(|(right, _)| *right).collect();
        // No text shows these: bytes that are none, what is unreadable without a known reason, a chain of many files.
        let expected: &[bool] =
            if ["unreadable", "not-utf8", "call-depth"].contains(&page.code) { &[] } else { &[false, true] };
        assert_eq!(kinds, expected, "{}", page.code);
        for (right, said) in examples {
            if right != said.is_empty() || (!right && !said.contains(&page.code.to_owned())) {
                wrong.push(format!("{} ({}): {said:?}", page.code, if right { "right" } else { "wrong" }));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every word between quotes that a source file hands over as a code.
fn emitted(folder: &Path, codes: &mut BTreeSet<String>) {
    let rule = regex::Regex::new(
        r#"(?:\.error(?:_with)?\(\s*|Severity::(?:Error|Warning),\s*|code:\s*|Err\(\(|Some\(\()"([a-z0-9]+(?:-[a-z0-9]+)*)""#,
    )
    .unwrap();
    let table = regex::Regex::new(r#"(?m)^    \("([a-z-]+)", \w+::\w+\),"#).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            emitted(&path, codes);
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let lint = path.ends_with("lint/mod.rs");
            for line in rule.captures_iter(text) {
                codes.extend(line.get(1).map(|code| code.as_str().to_owned()));
            }
            codes.extend(table.captures_iter(text).filter(|_| lint).map(|line| line[1].to_owned()));
        }
    }
}

#[test]
fn every_code_that_is_emitted_has_a_page_and_every_page_a_code() {
    let mut emits = BTreeSet::new();
    emitted(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut emits);
    assert!(emits.contains("unused-input") && emits.contains("unknown-field") && emits.len() > 40, "{emits:?}");
    let pages: BTreeSet<String> = codes().map(|page| page.code.to_owned()).collect();
    assert_eq!(emits, pages);
    assert_eq!(explain("raw").unwrap().title, "a value is put in without quoting");
    assert_eq!(explain("no-such-code"), None);
}
