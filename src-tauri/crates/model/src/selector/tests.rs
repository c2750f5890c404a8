//! The language by example: what is picked, why, and what is said about mistakes.

use super::*;
use crate::facts::{Fact, FactValue};
use crate::host::Endpoint;
use crate::id::HostName;

const MINUTE_MS: i64 = 60_000;
const NOW_MS: i64 = 100 * 24 * 60 * MINUTE_MS;

fn now() -> Timestamp {
    Timestamp::from_unix_ms(NOW_MS)
}

fn host(name: &str, labels: &[(&str, &str)]) -> Host {
    Host {
        name: HostName::new(name).unwrap(),
        endpoint: Endpoint::Simulated,
        labels: labels.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        vars: std::collections::BTreeMap::new(),
        source: "test".into(),
    }
}

fn sheet(facts: &[(&'static str, FactValue, i64)]) -> FactSheet {
    let fact = |value: &FactValue, minutes: i64| Fact {
        value: value.clone(),
        at: Timestamp::from_unix_ms(NOW_MS - minutes * MINUTE_MS),
    };
    facts.iter().map(|(name, value, minutes)| (*name, fact(value, *minutes))).collect()
}

#[test]
fn picks_exactly_what_was_written() {
    let fleet = [
        host("web-ams-1", &[("role", "web"), ("site", "ams")]),
        host("web-fra-1", &[("role", "web"), ("site", "fra")]),
        host("web-fra-canary", &[("role", "web"), ("site", "fra")]),
        host("db-ams-1", &[("role", "database"), ("site", "ams"), ("tier", "2"), ("ram", "16GiB"), ("a.b/c", "it's")]),
        host("bare", &[]),
    ];
    for (text, expect) in [
        ("role=web", "web-ams-1 web-fra-1 web-fra-canary"),
        ("role=web and site in (ams, fra) and not host~\"*-canary\"", "web-ams-1 web-fra-1"),
        ("web-* and site=fra", "web-fra-1 web-fra-canary"),
        ("role=database or site=fra and not *-canary", "web-fra-1 db-ams-1"),
        ("(role=database or site=fra) and not *-canary", "web-fra-1 db-ams-1"),
        ("site!=ams", "web-fra-1 web-fra-canary bare"),
        ("not role in (web,database)", "bare"),
        ("role not in (web)", "db-ams-1 bare"),
        ("role~w*", "web-ams-1 web-fra-1 web-fra-canary"),
        ("role=\"w*\"", ""),
        ("*", "web-ams-1 web-fra-1 web-fra-canary db-ams-1 bare"),
        // Sets.
        ("role=web - *-canary", "web-ams-1 web-fra-1"),
        ("* - role=web - db-*", "bare"),
        ("role=web & site=fra | bare", "web-fra-1 web-fra-canary bare"),
        ("bare | * & site=fra - *-canary", "web-fra-1 bare"),
        ("not role=web - bare", "db-ams-1"),
        ("(role=web)-(site=fra)", "web-ams-1"),
        // Patterns and ranges.
        ("web-{ams,fra}-[1-2]", "web-ams-1 web-fra-1"),
        ("*-[a-f][a-z][!x]-[01-20]", ""),
        ("*-[a-f][a-z][!x]-[1-20]", "web-ams-1 web-fra-1 db-ams-1"),
        ("host~'{web,db}-ams-?'", "web-ams-1 db-ams-1"),
        ("host='web-ams-[1-2]'", ""),
        // Names and quotes.
        ("label.\"a.b/c\"=\"it's\"", "db-ams-1"),
        ("label.a.b/c~it*", "db-ams-1"),
        ("\"a.b/c\"~it*", "db-ams-1"),
        ("'role'='web' and \"site\"=ams", "web-ams-1"),
        // Numbers in labels.
        ("tier<3 or tier>=3", "db-ams-1"),
        ("not tier<3", "web-ams-1 web-fra-1 web-fra-canary bare"),
        ("ram > 8GiB", "db-ams-1"),
        ("tier = 2.0", ""),
    ] {
        let selector = Selector::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let got: Vec<_> = fleet.iter().filter(|h| selector.matches(h)).map(|h| h.name.as_str()).collect();
        assert_eq!(got.join(" "), expect, "{text}");
    }
}

#[test]
fn facts_decide_and_every_verdict_says_why() {
    use FactValue::{Bytes, Flag, Number, Seconds, Share, Text};
    let host = host("web-01", &[("site", "ams"), ("tier", "two"), ("ram", "16GiB")]);
    let facts = sheet(&[
        ("disk.root.free", Share { amount: 7 << 30, total: 100 << 30 }, 12),
        ("disk.data.free", Share { amount: 999_999, total: 10_000_000 }, 0),
        ("disk.none.free", Share { amount: 0, total: 0 }, 0),
        ("disk.old.free", Share { amount: 1, total: 100 }, 180),
        ("memory.total", Bytes(16 << 30), 1),
        ("load.one", Number(0.75), 0),
        ("load.odd", Number(f64::NAN), 0),
        ("os.name", Text("Debian 13".into()), 2),
        ("os.uptime", Seconds(9_000.0), 60),
        ("clock.skew", Seconds(-3.0), 0),
        ("app.ready", Flag(true), 0),
    ]);
    for (text, expect) in [
        ("disk.root.free < 10%", "picked: disk.root.free is 7 % (as of 12 min ago)"),
        ("disk.root.free < 5GiB", "not picked: disk.root.free is 7 GiB of 100 GiB (as of 12 min ago)"),
        ("disk.root.free <= 7% and disk.root.free >= 7%", "picked: disk.root.free is 7 % (as of 12 min ago)"),
        ("disk.data.free < 10%", "picked: disk.data.free is 9.99999 % (as of now)"),
        ("memory.total = 16GiB", "picked: memory.total is 16 GiB (as of 1 min ago)"),
        ("load.one in (0.5, 0.75)", "picked: load.one is 0.8 (as of now)"),
        ("load.one != 0.75", "not picked: load.one is 0.75 (as of now)"),
        ("os.name ~ \"Debian [10-13]\"", "picked: os.name is \"Debian 13\" (as of 2 min ago)"),
        ("os.uptime < 2h30m", "not picked: os.uptime is 2 h 30 min (as of 1 h ago)"),
        ("clock.skew < -2s", "picked: clock.skew is -3 s (as of now)"),
        ("app.ready=true", "picked: app.ready is true (as of now)"),
        ("fact.app.ready!=true", "not picked: app.ready is true (as of now)"),
        // What cannot be told.
        ("disk.tmp.free < 10%", "undecided: no fact disk.tmp.free"),
        ("not disk.tmp.free < 10%", "undecided: no fact disk.tmp.free"),
        ("disk.tmp.free != 10%", "undecided: no fact disk.tmp.free"),
        ("disk.old.free < 10%", "undecided: disk.old.free is 3 h old; it may be 1 h"),
        ("disk.old.free < 10% within 6h", "picked: disk.old.free is 1 % (as of 3 h ago)"),
        ("os.uptime > 1m within 59m59s", "undecided: os.uptime is 1 h old; it may be 59 min 59 s"),
        (
            "os.uptime < 10%",
            "undecided: os.uptime is 2 h 30 min (as of 1 h ago); it cannot be compared with a percentage, \
             only with a duration, for example 2h30m",
        ),
        (
            "os.name < 3",
            "undecided: os.name is \"Debian 13\" (as of 2 min ago); it cannot be compared with a plain number, \
             only with a text, with = ~ or in",
        ),
        (
            "disk.none.free < 10%",
            "undecided: disk.none.free is 0 B of 0 B (as of now), and that cannot be compared with anything",
        ),
        ("tier < 3", "undecided: tier is \"two\", which is not a number"),
        ("ram < 3", "undecided: ram is \"16GiB\", which cannot be compared with a plain number"),
        // Only what decided.
        ("site=ams and load.one > 9 and no.fact=1", "not picked: load.one is 0.8 (as of now)"),
        ("site=fra or rack=1", "not picked: site is \"ams\"; no label rack"),
        ("site=ams or no.fact=1", "picked: site is \"ams\""),
        ("site=ams and (no.fact=1 or site=fra)", "undecided: no fact no.fact"),
        ("not (site=fra or no.fact=1) and rack=1", "not picked: no label rack"),
        ("web-[01-20] - site=fra", "picked: host is \"web-01\"; site is \"ams\""),
    ] {
        let selector = Selector::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let explained = selector.explain(&host, Some(&facts), now());
        assert_eq!(explained.to_string(), expect, "{text}");
        assert_eq!(explained.verdict, selector.verdict(&host, Some(&facts), now()), "{text}");
    }
    let nan = Selector::parse("load.odd < 1 or load.odd >= 1").unwrap();
    assert_eq!(nan.verdict(&host, Some(&facts), now()), Verdict::Undecided, "NaN is no number");
}

#[test]
fn a_reason_keeps_the_condition_as_it_was_written() {
    let selector = Selector::parse(" role  not in (web ,db) and os.name!=x within 2d").unwrap();
    let explained = selector.explain(&host("a", &[]), None, now());
    let terms: Vec<_> = explained.because.iter().map(|reason| (reason.term.as_str(), reason.truth)).collect();
    assert_eq!(terms, [("os.name!=x within 2d", Truth::Undecided)]);
    let explained = selector.explain(&host("a", &[("role", "db")]), None, now());
    let terms: Vec<_> = explained.because.iter().map(|reason| (reason.term.as_str(), reason.truth)).collect();
    assert_eq!(terms, [("role  not in (web ,db)", Truth::False)]);
    assert_eq!(selector.fact_names(), ["os.name"]);
    assert!(selector.uses_facts() && !Selector::parse("role=web").unwrap().uses_facts());
}

#[test]
fn errors_name_the_column_what_could_stand_there_and_what_to_do() {
    let condition = "expected a label, a pattern or \"(\", found";
    let number = "expected a number, with its unit where it has one (10%, 5GiB, 2h30m, 3.5), found";
    let after = "expected \"and\", \"or\", \"-\" or the end, found";
    for (text, width, message) in [
        ("", 1, format!("column 1: {condition} the end; for example role=web and site in (ams, fra), or web-[01-20]")),
        ("role=", 1, "column 6: expected a value, found the end".into()),
        ("role=web and", 1, format!("column 13: {condition} the end")),
        ("and role=web", 3, format!("column 1: {condition} \"and\"; a condition is missing before and")),
        ("role=in", 2, "column 6: expected a value, found \"in\"; write \"in\" between quotes if that word is meant".into()),
        (
            "role=web site=ams",
            4,
            format!(
                "column 10: {after} \"site\"; put and, or or - between two conditions; a label is compared with =, as in role=web"
            ),
        ),
        ("role=web adn site=ams", 3, format!("column 10: {after} \"adn\"; did you mean and?")),
        ("role=web AND site=ams", 3, format!("column 10: {after} \"AND\"; did you mean and?")),
        ("role=web -a", 2, format!("column 10: {after} \"-a\"; put a blank on both sides of the - that takes hosts away")),
        ("disk.free < 10 %", 1, format!("column 16: {after} \"%\"; write a number and its unit without a blank: 10%")),
        ("role=web)", 1, format!("column 9: {after} \")\"; there is one ) too many")),
        ("a) or (b", 1, format!("column 2: {after} \")\"; there is one ) too many")),
        ("- web", 1, format!("column 1: {condition} \"-\"; - takes hosts away from what stands before it: role=web - host~\"*-canary\"")),
        ("site in ams", 3, "column 9: expected \"(\", found \"ams\"; a list stands between parentheses: site in (ams, fra)".into()),
        ("site in (ams fra)", 3, "column 14: expected \",\" or \")\", found \"fra\"".into()),
        ("(role=web", 1, "column 10: expected \")\", found the end".into()),
        ("host~\"[\"", 3, "column 6: expected a pattern, found \"[\"; a [ has no ]".into()),
        ("web-[13]", 8, "column 1: expected a pattern, found \"web-[13]\"; [13] could mean two things: write 13 or [1,3]".into()),
        ("role=\"web", 4, "column 6: expected a closing quote, found none".into()),
        ("role;web", 1, format!("column 5: {condition} ';'; put a text with such a character between quotes")),
        ("é == 1", 2, "column 3: expected one of = != ~ < <= > >= & | -, found \"==\"; write =".into()),
        ("a && b", 2, "column 3: expected one of = != ~ < <= > >= & | -, found \"&&\"; write & or and".into()),
        ("role=“web”", 1, format!("column 6: {condition} '“'; quote with \"…\" or '…'")),
        ("disk.free < 5G", 2, format!("column 13: {number} \"5G\"; did you mean 5GiB or 5GB?")),
        ("disk.free < many", 4, format!("column 13: {number} \"many\"")),
        ("10% > disk.free", 3, "column 1: expected a label or a fact, found \"10%\"; a name is compared with = or in, a pattern of hosts stands alone".into()),
        ("< 10%", 1, format!("column 1: {condition} \"<\"; the name stands first: disk.root.free < 10%")),
        ("a.b/c = 1", 5, "column 1: expected a label or a fact, found \"a.b/c\"; a name with a dot is a fact; if a label is meant, write label.\"a.b/c\"".into()),
        ("host > a", 1, "column 6: expected = != ~ or in after host, found \">\"; a host's name has no order; a label of that name is label.host".into()),
        ("role=web within 6h", 6, format!("column 10: {after} \"within\"; only facts have an age: disk.root.free < 10% within 6h")),
        ("a.b=1 within 6hours", 6, "column 14: expected a duration such as 6h or 1h30m, found \"6hours\"; did you mean 6h?".into()),
        (
            "role!=w*",
            2,
            "column 7: expected a value, found \"w*\"; a pattern is compared with ~; \
             put the text between quotes if it is meant as it stands"
                .into(),
        ),
        ("host in (a, web-[1,3])", 9, "column 13: expected a value, found \"web-[1,3]\"; a pattern is compared with ~; put the text between quotes if it is meant as it stands".into()),
    ] {
        let error = Selector::parse(text).unwrap_err();
        assert_eq!((error.to_string(), error.width), (message, width), "{text:?}");
    }
}

#[test]
fn what_is_too_long_too_deep_or_too_much_is_refused() {
    for text in [
        "(".repeat(4000),
        "not ".repeat(1000),
        "a ".repeat(5000),
        vec!["a"; 600].join("|"),
        format!("{}a{}", "(".repeat(64), ")".repeat(64)),
    ] {
        assert!(Selector::parse(&text).is_err());
    }
    assert!(Selector::parse(&format!("{}a{}", "(".repeat(63), ")".repeat(63))).is_ok());
    assert!(Selector::parse(&vec!["a"; 512].join("|")).is_ok());
}

#[test]
fn the_logic_is_kleenes() {
    use Truth::{False, True, Undecided};
    // `x.x` is unknown; a host is always itself and never another.
    let text = |truth| match truth {
        True => "a",
        False => "b",
        Undecided => "x.x=1",
    };
    let truth = |text: &str| match Selector::parse(text).unwrap().verdict(&host("a", &[]), None, now()) {
        Verdict::Picked => True,
        Verdict::NotPicked => False,
        Verdict::Undecided => Undecided,
    };
    for (left, right, and, or, without) in [
        (True, True, True, True, False),
        (True, False, False, True, True),
        (True, Undecided, Undecided, True, Undecided),
        (False, True, False, True, False),
        (False, False, False, False, False),
        (False, Undecided, False, Undecided, False),
        (Undecided, True, Undecided, True, False),
        (Undecided, False, False, Undecided, Undecided),
        (Undecided, Undecided, Undecided, Undecided, Undecided),
    ] {
        let (l, r) = (text(left), text(right));
        let seen = [format!("{l} and {r}"), format!("{l} or {r}"), format!("{l} - {r}")].map(|text| truth(&text));
        assert_eq!(seen, [and, or, without], "{left:?} {right:?}");
        assert_eq!(truth(&format!("not {l}")), left.not());
    }
}

#[test]
fn a_condition_is_looked_at_once_at_most_and_not_at_all_when_others_have_decided() {
    let looks = |text: &str, answer: Truth| {
        let mut looks = 0;
        Selector::parse(text).unwrap().expr.truth(&mut |_| {
            looks += 1;
            answer
        });
        looks
    };
    let text = "role=web and site in (ams, fra) and not host~\"*-canary\" and disk.root.free < 10%";
    assert_eq!(looks(text, Truth::False), 1);
    assert_eq!(looks(text, Truth::Undecided), 4);
    assert_eq!(looks(&vec!["(a | b & c - d)"; 100].join("&"), Truth::Undecided), 400);
}
