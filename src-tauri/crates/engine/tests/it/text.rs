//! Masking, capturing and comparing: the pure parts.

use std::sync::Arc;

use daytwo_engine::capture::{CAPTURED_BYTES_MAX, KEPT_BYTES_MAX, Kept, capture};
use daytwo_engine::expect::{Answer, Expected};
use daytwo_engine::redact::{Ending, Mask, is_too_short_to_mask};
use daytwo_model::plan::{Capture, CaptureFrom, Expect};
use daytwo_model::{CaptureName, Exit, SecretValue, Text};
use proptest::prelude::*;

fn mask(values: &[&str]) -> Arc<Mask> {
    let values: Vec<_> = values.iter().copied().map(SecretValue::new).collect();
    Arc::new(Mask::new(&values).unwrap())
}

fn kept(text: &str) -> Kept {
    let mut kept = Kept::default();
    kept.push(text.as_bytes());
    kept
}

#[test]
fn a_secret_is_found_in_every_form_that_it_is_sent_in() {
    let mask = mask(&["p/ss'w \"ö1\n"]);
    for form in [
        "p/ss'w \"ö1",
        r#"p/ss'\''w "ö1"#,
        r#"p/ss'"'"'w "ö1"#,
        r#"p/ss'w \"ö1"#,
        r#"p\/ss'w \"ö1"#,
        "p%2Fss%27w%20%22%C3%B61",
        "p%2fss%27w%20%22%c3%b61",
        "p%2Fss%27w+%22%C3%B61",
        // `printf %s VALUE | base64`, and `user:VALUE`, `u:VALUE` in basic authentication.
        "cC9zcyd3ICLDtjE=",
    ] {
        assert_eq!(mask.text(&format!("<{form}>")).replace('=', ""), "<‹secret›>", "{form}");
    }
    for encoded in ["dXNlcjpwL3NzJ3cgIsO2MQ==", "dTpwL3NzJ3cgIsO2MQ=="] {
        assert!(mask.text(encoded).contains("‹secret›"), "{encoded}");
    }
}

#[test]
fn each_long_line_of_a_key_is_masked() {
    let mask = mask(&["-----BEGIN KEY-----\nMIIEvQIBADANBg\n}\n-----END KEY-----\n"]);
    assert_eq!(mask.text("  MIIEvQIBADANBg\r\n}"), "  ‹secret›\r\n}");
}

#[test]
fn values_that_are_too_short_to_mask_are_named() {
    assert!(is_too_short_to_mask(&SecretValue::new("abc\n")));
    assert!(!is_too_short_to_mask(&SecretValue::new("abcd")));
    assert_eq!(mask(&["abc"]).text("abc"), "abc");
}

#[test]
fn a_secret_of_digits_is_masked_as_a_number_and_in_keys() {
    let value = serde_json::json!({"pin": 98761234, "k-98761234": [true, 5]});
    let masked = mask(&["98761234"]).value(value);
    assert_eq!(masked, serde_json::json!({"pin": "‹secret›", "k-‹secret›": [true, 5]}));
}

#[test]
fn a_stream_that_was_cut_off_does_not_end_in_half_a_secret() {
    let mask = mask(&["swordfish"]);
    let mut stream = mask.stream();
    let mut out = stream.push(b"key: swordf");
    assert_eq!(out, b"key: ");
    out.extend(stream.finish(Ending::CutOff));
    assert_eq!(String::from_utf8(out).unwrap(), "key: ‹secret›");
    let mut stream = mask.stream();
    let mut out = stream.push(b"key: sword");
    out.extend(stream.finish(Ending::Seen));
    assert_eq!(out, b"key: sword");
}

proptest! {
    #[test]
    fn no_chunking_lets_a_secret_through_or_changes_the_result(
        // A small alphabet makes overlaps and repetitions likely.
        secrets in prop::collection::vec("[ab/]{4,7}", 1..4),
        words in prop::collection::vec(prop_oneof!["[ab/]{0,9}", "[xa]{0,3}"], 0..12),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        cuts in prop::collection::vec(1_usize..6, 1..40),
    ) {
        let values: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let mask = mask(&values);
        let mut text = String::new();
        for (number, word) in words.iter().enumerate() {
            text.push_str(word);
            if let Some(pick) = picks.get(number) {
                text.push_str(values[pick.index(values.len())]);
            }
        }
        let whole = mask.text(&text);
        for value in &values {
            prop_assert!(!whole.contains(value), "{value} in {whole}");
        }
        let mut stream = mask.stream();
        let (mut pieces, mut rest) = (Vec::new(), text.as_bytes());
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.extend(stream.push(piece));
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        pieces.extend(stream.finish(Ending::Seen));
        prop_assert_eq!(String::from_utf8(pieces).unwrap(), whole);
    }
}

#[test]
fn captures_are_bounded_and_say_what_is_missing() {
    let none = mask(&[]);
    let wanted = |from| [Capture { name: CaptureName::new("x").unwrap(), from }];
    let json = |pointer: &str| wanted(CaptureFrom::Json(pointer.into()));
    let regex = |pattern: &str| wanted(CaptureFrom::Regex(pattern.into()));
    let big = "x".repeat(CAPTURED_BYTES_MAX + 1);
    let huge = "x".repeat(KEPT_BYTES_MAX + 1);
    for (from, stdout, expect) in [
        (wanted(CaptureFrom::Stdout), "a b\n\n", Ok(serde_json::json!("a b"))),
        (wanted(CaptureFrom::Stdout), "", Ok(serde_json::json!(""))),
        (json("/a/0"), "{\"a\":[1.5]}", Ok(serde_json::json!(1.5))),
        (json("/b"), "{\"a\":[1.5]}", Err("it has no value at \"/b\"")),
        (json("/b"), "oops", Err("what it wrote is not JSON")),
        (regex("v([0-9]+)(x)?"), "a v12 v13", Ok(serde_json::json!("12"))),
        (regex("v[0-9]+"), "a v12 v13", Ok(serde_json::json!("v12"))),
        (regex("(?m)^version ([^ \n]*)$"), "name a\nversion \n", Ok(serde_json::json!(""))),
        (regex("v([0-9]+)"), "w12", Err("nothing that it wrote matches \"v([0-9]+)\"")),
        (regex("a|(b)"), "a", Err("the first group of \"a|(b)\" is not in what matches it")),
        (regex("("), "", Err("\"(\" is not a usable regular expression")),
        (regex("a{9999999}"), "", Err("\"a{9999999}\" is not a usable regular expression")),
        (wanted(CaptureFrom::ExitCode), "", Ok(serde_json::json!(0))),
        (wanted(CaptureFrom::Stdout), &big, Err("the value is larger than 64 KiB")),
        (wanted(CaptureFrom::Stdout), &huge, Err("it wrote more than 1024 KiB")),
    ] {
        let taken = capture(&from, &Exit::Code(0), &kept(stdout), &none);
        match expect {
            Ok(value) => assert_eq!(taken.values.into_values().collect::<Vec<_>>(), [value]),
            Err(why) => {
                let failed = taken.failed.unwrap();
                assert!(failed.starts_with(&format!("could not capture x: {why}")), "{failed}");
            }
        }
    }
}

#[test]
fn a_pattern_cannot_cut_a_piece_out_of_a_secret() {
    let wanted = [Capture { name: CaptureName::new("x").unwrap(), from: CaptureFrom::Regex("token=(.{4})".into()) }];
    let taken = capture(&wanted, &Exit::Code(0), &kept("token=swordfish"), &mask(&["swordfish"]));
    let said = format!("{taken:?}");
    assert!(!said.contains("swor"), "{said}");
}

#[test]
fn what_came_back_is_compared_and_the_difference_is_said() {
    let pattern = |text: &str| Expect { stdout_matches: Some(text.into()), ..Expect::default() };
    let stdout = |text: &str| Expect { stdout: Some(Text::plain(text)), ..Expect::default() };
    let json = |at: &str, text: &str| Expect { json: vec![(at.into(), Text::plain(text))], ..Expect::default() };
    let code = |code| Expect { exit_code: Some(code), ..Expect::default() };
    let status = |status| Expect { status: Some(status), ..Expect::default() };
    let ok = Exit::Code(0);
    for (expect, exit, said, difference) in [
        (Expect::default(), ok.clone(), "whatever", ""),
        (Expect::default(), Exit::Code(3), "", "it ended with exit 3, expected exit 0"),
        (Expect::default(), Exit::Signal("TERM".into()), "", "it ended with killed by SIGTERM, expected exit 0"),
        (code(3), Exit::Code(3), "", ""),
        (Expect::default(), Exit::Status(204), "", ""),
        (Expect::default(), Exit::Status(404), "", "the answer was HTTP 404, expected HTTP 2xx"),
        (status(404), Exit::Status(404), "", ""),
        (status(404), Exit::Status(200), "", "the answer was HTTP 200, expected HTTP 404"),
        (stdout("active"), ok.clone(), " active\n", ""),
        (stdout("active"), ok.clone(), "sword1234", "stdout was \"‹secret›\", expected \"active\""),
        (stdout("a"), Exit::Status(200), "b", "the body was \"b\", expected \"a\""),
        (pattern("^v[0-9]+$"), ok.clone(), "v12", ""),
        (pattern("^v[0-9]+$"), ok.clone(), "w12", "stdout was \"w12\", expected a match of \"^v[0-9]+$\""),
        (json("/a", "60"), ok.clone(), "{\"a\":60.0}", ""),
        (json("/a", "60"), ok.clone(), "{\"a\":61}", "stdout had 61 at \"/a\", expected 60"),
        (json("/b", "\"x\""), ok.clone(), "{}", "stdout has no value at \"/b\", expected \"x\""),
    ] {
        let expected = Expected::new(&expect, |text| Ok(SecretValue::new(text.preview()))).unwrap();
        let answer = Answer { exit, stdout: kept(said) };
        let seen = expected.check(&answer, &mask(&["sword1234"])).err().unwrap_or_default();
        assert_eq!(seen, difference, "{expect:?}");
    }
    let fill = |text: &Text| Ok(SecretValue::new(text.preview()));
    assert!(Expected::new(&pattern("("), fill).is_err());
    assert!(Expected::new(&json("/a", "nonsense"), fill).is_err());
}
