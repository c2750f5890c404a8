//! Text to the tests of a runbook: `NAME.test.yaml`.

mod course;
mod fleet;
mod replies;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use daytwo_model::{Answer, HostName, RunbookName, Selector, StepId, Timestamp};

use super::fields::{Fields, duration_ms, entries, items, one_of, parsed, saying, scalar, text};
use super::shape::{ANY_NAME, Shape, TEMPLATE_NAME, Takes, may, must};
use super::{BATCHES_MAX, CHOICES_MAX, INPUTS_MAX, STEPS_MAX, head};
use crate::diagnostic::{Diagnostics, Found, Source};
use crate::rehearsal::{CASES_MAX, Case, GivenAnswers, REHEARSAL_HOSTS_MAX, REPLIES_MAX, RehearsalFile};
use crate::yaml::{self, Data, Node};

/// The most local files of one file of tests.
const FILES_MAX: usize = 50;
/// The most names of hosts in one file, ranges spelled out: every host in a hundred places.
const NAMES_MAX: usize = 100 * REHEARSAL_HOSTS_MAX;
/// When the plans are made where the file does not say: a fixed moment, so that every test says the same each day.
const AT_DEFAULT: &str = "2026-01-05T03:04:05Z";

/// What an operator types for each input.
const INPUTS: Takes = Takes::Map { key: TEMPLATE_NAME, to: &Takes::OneOf(&[Takes::Text, TEXTS]), max: INPUTS_MAX };
const TEXTS: Takes = Takes::List { of: &Takes::Text, min: 0, max: CHOICES_MAX };

/// A whole file.
pub(crate) static REHEARSAL: Shape = Shape::new(
    "rehearsal",
    "a file of tests",
    "Tests of the runbook beside it. They run against the real planner and the real engine, with recorded replies and \
     a clock that nobody waits for.",
    &[
        must("runbook", Takes::Name(head::RUNBOOK_NAME), "The runbook that is tested."),
        may("at", Takes::Text, "When the plans are made, as in 2026-01-05T03:04:05Z. Templates see it as `run.at`."),
        must(
            "hosts",
            Takes::Map { key: ANY_NAME, to: &Takes::Shape(&fleet::HOST), max: REHEARSAL_HOSTS_MAX },
            "The whole fleet: names with labels, values and facts. `web-[1-3]` and `web-[ams,fra]-1` stand for several.",
        ),
        may("inputs", INPUTS, "Inputs, as they would be typed, for the cases that give no other value."),
        may("select", Takes::Text, "What the operator picks, as a selector, in the cases that pick nothing else."),
        may(
            "files",
            Takes::Map { key: ANY_NAME, to: &Takes::Text, max: FILES_MAX },
            "Files of the console by path, with their content; there are no others.",
        ),
        may(
            "choices",
            Takes::Map { key: TEMPLATE_NAME, to: &TEXTS, max: INPUTS_MAX },
            "The choices of inputs that come from a command or a URL.",
        ),
        may("replies", replies::REPLIES, "Replies for the cases that say nothing else. At least one case uses each."),
        must(
            "cases",
            Takes::List { of: &Takes::Shape(&CASE), min: 1, max: CASES_MAX },
            "The tests. Each is on its own.",
        ),
    ],
);

const ANSWER: Takes = Takes::Words(&["retry", "skip", "exclude", "undo", "stop", "continue"]);
const ANSWERS: Takes = Takes::List { of: &ANSWER, min: 1, max: REPLIES_MAX };
const ANSWER_WORDS: &[(&str, Answer)] = &[
    ("retry", Answer::Retry),
    ("skip", Answer::Skip),
    ("exclude", Answer::Exclude),
    ("undo", Answer::Undo),
    ("stop", Answer::Stop),
    ("continue", Answer::Continue),
];

static CASE: Shape = Shape::new(
    "case",
    "a case",
    "One test: a plan, a run of it, and what is to happen.",
    &[
        must("case", Takes::Text, "What it shows."),
        may("inputs", INPUTS, "Inputs, as they would be typed."),
        may("select", Takes::Text, "What the operator picks, as a selector."),
        may(
            "replies",
            replies::REPLIES,
            "What hosts and APIs answer, by step: `restart`, `restart.check`, `restart.verify`, `restart.undo`, \
             `restart.undo.verify`; `rollout.health` between batches. Each is used, and none is missing.",
        ),
        may(
            "answers",
            Takes::Map { key: ANY_NAME, to: &Takes::OneOf(&[ANSWER, ANSWERS]), max: STEPS_MAX },
            "What a person answers when a step asks, by step: one answer, or one after the other on each host. Where \
             none is left nobody answers.",
        ),
        may("cancel_after", Takes::Duration, "When a person cancels the run, counted from its start."),
        must("expect", Takes::Shape(&course::EXPECT), "What is to happen."),
        may("undo", Takes::Shape(&course::UNDO), "What is to happen when the run is undone after its end."),
    ],
);

/// What holds for every case that says nothing else.
struct OfFile {
    inputs: BTreeMap<String, String>,
    select: Option<Selector>,
}

/// What the file itself knows: of its names every other is a mistake.
pub(super) struct Known {
    hosts: BTreeSet<HostName>,
    /// How many more names with ranges may be spelled out: a file of one megabyte may not become a gigabyte.
    names_left: Cell<usize>,
}

/// Reads the tests of a runbook. `file` is what messages call it.
pub fn parse_rehearsal(file: &str, text: &str) -> Result<RehearsalFile, Diagnostics> {
    let mut found = Found::new(Source { file, text });
    let read = read(&mut found);
    match (read, found.into_errors()) {
        (Some(read), None) => Ok(read),
        (_, Some(errors)) => Err(errors),
        // Every path that reads nothing says why; this keeps the promise even if one forgets.
        (None, None) => Err(Diagnostics::unreadable(file)),
    }
}

fn read(found: &mut Found<'_>) -> Option<RehearsalFile> {
    let root = yaml::read(found)?;
    let fields = Fields::of(&root, &REHEARSAL, found)?;
    let runbook = fields.need("runbook", found);
    let runbook = runbook.and_then(|node| parsed(node, "the runbook's name", found, |text| RunbookName::new(text)));
    let at = match fields.get("at") {
        Some(node) => parsed(node, "`at`", found, moment),
        None => moment(AT_DEFAULT).ok(),
    };
    let fleet = fields.need("hosts", found).and_then(|node| fleet::read(node, at?, found)).unwrap_or_default();
    let hosts = fleet.hosts.iter().map(|host| host.name.clone()).collect();
    let known = Known { hosts, names_left: Cell::new(NAMES_MAX) };
    let inputs = fields.get("inputs").map(|node| inputs(node, found)).unwrap_or_default();
    let select = fields.get("select").and_then(|node| parsed(node, "`select`", found, Selector::parse));
    let files = fields.get("files").map(|node| files(node, found)).unwrap_or_default();
    let choices = fields.get("choices").map(|node| choices(node, found)).unwrap_or_default();
    let replies = fields.get("replies").map(|node| replies::read(node, &known, found)).unwrap_or_default();
    let of_file = OfFile { inputs, select };
    let cases = fields.need("cases", found).map(|node| cases(node, &of_file, &known, found)).unwrap_or_default();
    let file = found.source.file.to_owned();
    Some(RehearsalFile {
        file,
        runbook: runbook?,
        at: at?,
        hosts: fleet.hosts,
        facts: fleet.facts,
        files,
        choices,
        replies,
        cases,
    })
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let at: jiff::Timestamp = text
        .trim()
        .parse()
        .map_err(|_| format!("`{text}` is not a moment with its time zone; write it as in {AT_DEFAULT}"))?;
    Ok(Timestamp::from_unix_ms(at.as_millisecond()))
}

fn cases(node: &Node, of_file: &OfFile, known: &Known, found: &mut Found<'_>) -> Vec<Case> {
    let nodes = items(node, "`cases`", found).unwrap_or_default();
    if nodes.is_empty() {
        found.error("bad-value", node.place, "there is no case, so nothing is tested");
    }
    if let Some(node) = nodes.get(CASES_MAX) {
        found.error("limit", node.place, format!("a file has at most {CASES_MAX} cases"));
    }
    let mut cases: Vec<Case> = Vec::new();
    for node in nodes.iter().take(CASES_MAX) {
        let Some(case) = case(node, of_file, known, found) else { continue };
        if let Some(first) = cases.iter().find(|other| other.title == case.title) {
            let message = format!("a second case is called `{}`", case.title);
            found.error_with("duplicate", case.place, message, format!("the first is in line {}", first.place.line));
        }
        cases.push(case);
    }
    cases
}

fn case(node: &Node, of_file: &OfFile, known: &Known, found: &mut Found<'_>) -> Option<Case> {
    let fields = Fields::of(node, &CASE, found)?;
    let title = fields.need("case", found).and_then(|node| saying(node, "the case's title", found));
    let mut typed = of_file.inputs.clone();
    if let Some(node) = fields.get("inputs") {
        typed.extend(inputs(node, found));
    }
    let select = fields.get("select").and_then(|node| parsed(node, "`select`", found, Selector::parse));
    let select = select.or_else(|| of_file.select.clone());
    let replies = fields.get("replies").map(|node| replies::read(node, known, found)).unwrap_or_default();
    let cancel_after = fields
        .get("cancel_after")
        .and_then(|node| duration_ms(node, "`cancel_after`", found).map(|ms| (node.place, ms)));
    let expect = fields.need("expect", found).and_then(|node| course::expected(node, known, found));
    let undo = fields.get("undo").and_then(|node| course::undo(node, known, found));
    let place = fields.place_of("case");
    let answers = fields.get("answers").map(|node| answers(node, found)).unwrap_or_default();
    Some(Case { title: title?, place, inputs: typed, select, replies, cancel_after, answers, expect: expect?, undo })
}

fn answers(node: &Node, found: &mut Found<'_>) -> Vec<GivenAnswers> {
    let mut given = Vec::new();
    for (key, node) in entries(node, "`answers`", found).unwrap_or_default() {
        let step = match StepId::new(key.name.clone()) {
            Ok(step) => step,
            Err(error) => {
                found.error("bad-value", key.place, error.to_string());
                continue;
            }
        };
        let nodes = match &node.data {
            Data::Seq(nodes) => nodes.as_slice(),
            Data::Scalar(_) | Data::Map(_) => std::slice::from_ref(node),
        };
        if nodes.is_empty() || nodes.len() > REPLIES_MAX {
            found.error("limit", node.place, format!("there are from 1 to {REPLIES_MAX} answers, one after the other"));
        }
        let nodes = nodes.iter().take(REPLIES_MAX);
        let answers = nodes.filter_map(|node| one_of(node, "an answer", ANSWER_WORDS, found)).collect();
        given.push(GivenAnswers { place: key.place, step, answers });
    }
    given
}

/// Inputs as they would be typed; a list as its items, one per line.
fn inputs(node: &Node, found: &mut Found<'_>) -> BTreeMap<String, String> {
    let mut inputs = BTreeMap::new();
    for (key, node) in entries(node, "`inputs`", found).unwrap_or_default() {
        let typed = match &node.data {
            Data::Scalar(scalar) => Some(scalar.text.clone()),
            Data::Seq(_) | Data::Map(_) => texts(node, "an input", found).map(|items| items.join("\n")),
        };
        inputs.extend(typed.map(|typed| (key.name.clone(), typed)));
    }
    inputs
}

fn files(node: &Node, found: &mut Found<'_>) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (key, node) in entries(node, "`files`", found).unwrap_or_default() {
        files.extend(scalar(node, "a file's content", found).map(|content| (key.name.clone(), content.text.clone())));
    }
    files
}

fn choices(node: &Node, found: &mut Found<'_>) -> BTreeMap<String, Vec<String>> {
    let mut choices = BTreeMap::new();
    for (key, node) in entries(node, "`choices`", found).unwrap_or_default() {
        choices.extend(texts(node, "the choices", found).map(|list| (key.name.clone(), list)));
    }
    choices
}

fn texts(node: &Node, what: &str, found: &mut Found<'_>) -> Option<Vec<String>> {
    let nodes = items(node, what, found)?;
    Some(nodes.iter().filter_map(|node| text(node, what, found)).collect())
}

/// The batches of a plan, each with its hosts.
fn batches(node: &Node, known: &Known, found: &mut Found<'_>) -> Vec<BTreeSet<HostName>> {
    let nodes = items(node, "`batches`", found).unwrap_or_default();
    nodes.iter().take(BATCHES_MAX).map(|node| hosts(node, known, found)).collect()
}

/// A list of hosts, with ranges.
fn hosts(node: &Node, known: &Known, found: &mut Found<'_>) -> BTreeSet<HostName> {
    let mut hosts = BTreeSet::new();
    for node in items(node, "a list of hosts", found).unwrap_or_default() {
        let Some(name) = text(node, "a host", found) else { continue };
        hosts.extend(fleet::named(&name, node.place, known, &[], found).unwrap_or_default());
    }
    hosts
}
