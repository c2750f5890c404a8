//! Reads with an expectation: `check`, `verify`, and what a `wait` waits for.

use super::super::fields::{Fields, duration_ms, entries, number, parsed, template};
use super::super::inputs::brief;
use super::super::shape::{Field, Shape, Takes, may};
use super::super::{HEADERS_MAX, json};
use super::action::{self, Around};
use crate::diagnostic::{Found, printable};
use crate::input::bounded_regex;
use crate::step::{ExpectTemplate, ProbeTemplate, VerifyTemplate};
use crate::template::JsonTemplate;
use crate::yaml::Node;
use daytwo_model::quote::Quote;

/// The most samples of a verification.
const SAMPLES_MAX: i64 = 1000;

pub(super) const EXPECTED: Field = may(
    "expect",
    Takes::Shape(&EXPECT),
    "What must come back; exit code 0, or a status from 200 to 299, where it is absent.",
);

pub(crate) static CHECK: Shape = Shape::new(
    "check",
    "`check`",
    "A read that says whether the step is needed: it is not where the expectation holds already.",
    &[action::RUN, action::SCRIPT, action::HTTP, action::SUDO, action::BECOME, EXPECTED],
)
.exactly_one(&["run", "script", "http"])
.not_both(&[("sudo", "become")]);

pub(crate) static UNTIL: Shape = Shape::new(
    "until",
    "`until`",
    "A read that is asked again until its expectation holds.",
    &[action::RUN, action::SCRIPT, action::HTTP, action::SUDO, action::BECOME, EXPECTED],
)
.exactly_one(&["run", "script", "http"])
.not_both(&[("sudo", "become")]);

pub(crate) static VERIFY: Shape = Shape::new(
    "verify",
    "`verify`",
    "A read that proves the change: asked until its expectation holds or its time is over.",
    &[
        action::RUN,
        action::SCRIPT,
        action::HTTP,
        action::SUDO,
        action::BECOME,
        EXPECTED,
        may("within", Takes::Duration, "How long it may take to become true; it must hold at once where it is absent."),
        may(
            "samples",
            Takes::Integer { min: 1, max: SAMPLES_MAX },
            "How often it is asked, for what is not the same each time.",
        ),
        may("at_least", Takes::Share, "How many of the samples must hold: a number, or a percentage, rounded up."),
    ],
)
.exactly_one(&["run", "script", "http"])
.not_both(&[("sudo", "become")]);

pub(crate) static EXPECT: Shape = Shape::new(
    "expect",
    "`expect`",
    "What must come back. All of it.",
    &[
        may("exit_code", Takes::Integer { min: 0, max: 255 }, "The exit code of a script; 0 where it is absent."),
        may("status", Takes::Integer { min: 100, max: 599 }, "The status of a request; any 2xx where it is absent."),
        may("stdout", Takes::Template, "Standard output or body, without white space around it."),
        may("stdout_matches", Takes::Regex, "A regular expression that is found in standard output or body."),
        may(
            "json",
            Takes::Map { key: "(/.*)?", to: &Takes::Json, max: HEADERS_MAX },
            "Values at JSON pointers of standard output or body.",
        ),
    ],
);

/// Reads a probe: [`CHECK`], or [`UNTIL`].
pub(super) fn read(
    node: &Node,
    shape: &'static Shape,
    around: &Around,
    found: &mut Found<'_>,
) -> Option<ProbeTemplate> {
    let fields = Fields::of(node, shape, found)?;
    of(&fields, around, found)
}

/// Reads `verify`.
pub(super) fn verify(node: &Node, around: &Around, found: &mut Found<'_>) -> Option<VerifyTemplate> {
    let fields = Fields::of(node, &VERIFY, found)?;
    let within = fields.get("within").and_then(|node| duration_ms(node, "`within`", found));
    let samples = fields.get("samples").and_then(|node| number(node, "`samples`", 1..=SAMPLES_MAX, found));
    let samples = samples.and_then(|samples| u32::try_from(samples).ok()).unwrap_or(1);
    let at_least = match fields.get("at_least") {
        Some(_) if fields.get("samples").is_none() => {
            let message = "`at_least` is a part of the samples, and there is no `samples`";
            found.error_with("missing-field", fields.place_of("at_least"), message, "say `samples: 20`");
            None
        }
        Some(node) => parsed(node, "`at_least`", found, |text| share_of(text, samples)),
        None => None,
    };
    let probe = of(&fields, around, found)?;
    Some(VerifyTemplate { probe, within_ms: within.unwrap_or(0), samples, at_least: at_least.unwrap_or(samples) })
}

/// How many of the samples are meant: a number, or a percentage rounded up, so that 95% of 3 are all of them.
fn share_of(text: &str, samples: u32) -> Result<u32, String> {
    let text = text.trim();
    let wrong = || format!("`{}` is neither a number of samples nor a percentage such as 95%", printable(text));
    let count = match text.strip_suffix('%') {
        Some(percent) => {
            let percent: u32 = percent.trim().parse().map_err(|_| wrong())?;
            if !(1..=100).contains(&percent) {
                return Err(format!("`{text}` is not from 1% to 100%"));
            }
            (samples * percent).div_ceil(100)
        }
        None => text.parse().map_err(|_| wrong())?,
    };
    if (1..=samples).contains(&count) {
        Ok(count)
    } else {
        Err(format!("`{text}` is not from 1 to the {samples} samples"))
    }
}

/// Reads the action and the expectation of a mapping that has both.
pub(super) fn of(fields: &Fields<'_>, around: &Around, found: &mut Found<'_>) -> Option<ProbeTemplate> {
    let action = action::read(fields, around, found);
    if let Some(action) = &action {
        action::no_set(action, fields, found);
    }
    let http = fields.get("http").is_some();
    let expect = match fields.get("expect") {
        Some(node) => expect(node, http, found)?,
        None => ExpectTemplate::default(),
    };
    Some(ProbeTemplate { action: action?, expect })
}

fn expect(node: &Node, http: bool, found: &mut Found<'_>) -> Option<ExpectTemplate> {
    let fields = Fields::of(node, &EXPECT, found)?;
    let (wrong, right) = if http { ("exit_code", "status") } else { ("status", "exit_code") };
    if fields.get(wrong).is_some() {
        let message = format!("`{wrong}` is not what comes back here; `{right}` is");
        found.error("unknown-field", fields.place_of(wrong), message);
    }
    let exit_code = fields.get("exit_code").and_then(|node| number(node, "the exit code", 0..=255, found));
    let status = fields.get("status").and_then(|node| number(node, "the status", 100..=599, found));
    let stdout = fields.get("stdout").and_then(|node| template(node, "`stdout`", Quote::None, found));
    let stdout_matches = fields
        .get("stdout_matches")
        .and_then(|node| parsed(node, "`stdout_matches`", found, |text| regex(text, "compare with `stdout` instead")));
    let json = fields.get("json").map(|node| expected_json(node, found)).unwrap_or_default();
    Some(ExpectTemplate {
        exit_code: exit_code.and_then(|code| i32::try_from(code).ok()),
        status: status.and_then(|status| u16::try_from(status).ok()),
        stdout,
        stdout_matches,
        json,
    })
}

/// A regular expression that takes no values: what they hold would be read as its syntax.
pub(super) fn regex(text: &str, instead: &str) -> Result<String, String> {
    if text.contains("{{") {
        return Err(format!("a regular expression takes no values; {instead}"));
    }
    bounded_regex(text).map(|_| text.to_owned()).map_err(|error| brief(&error))
}

fn expected_json(node: &Node, found: &mut Found<'_>) -> Vec<(String, JsonTemplate)> {
    let entries = entries(node, "`json`", found).unwrap_or_default();
    if let Some((key, _)) = entries.get(HEADERS_MAX) {
        found.error("limit", key.place, format!("an expectation has at most {HEADERS_MAX} pointers"));
    }
    let mut expected = Vec::new();
    for (key, node) in entries.iter().take(HEADERS_MAX) {
        if let Err(message) = json::pointer(&key.name) {
            found.error("bad-value", key.place, message);
        }
        expected.extend(json::document(node, found).map(|value| (key.name.clone(), value)));
    }
    expected
}
