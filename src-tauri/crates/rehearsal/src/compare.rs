//! What was expected against what happened.

use std::collections::{BTreeMap, BTreeSet};

use daytwo_model::plan::{Comparison, Plan, compare as compare_values};
use daytwo_model::{HostName, RunOutcome};
use daytwo_runbook::{ExpectedCourse, ExpectedRun, ExpectedStep, ExpectedText, Meant, TextMeant};

use crate::course::{Came, course};
use crate::perform::Performed;
use crate::recordings::stands_for;
use crate::report::{Problem, Row, span};

/// Every difference.
pub(crate) fn compare(expect: &ExpectedRun, outcome: RunOutcome, plan: &Plan, performed: &Performed) -> Vec<Problem> {
    let mut problems = Vec::new();
    let (place, end) = &expect.end;
    if *end != outcome {
        let message = format!("the run ends {}, not {}", word(outcome), word(*end));
        problems.push(Problem::new(place.line, message));
    }
    if let Some((place, batches)) = &expect.batches {
        let found: Vec<BTreeSet<HostName>> = plan.batches.iter().map(|batch| names(plan, batch)).collect();
        if *batches != found {
            let row = |hosts: &BTreeSet<HostName>| list(hosts);
            problems.push(Problem {
                rows: align(batches, &found, |a, b| a == b, |_, _| true, row, row),
                ..Problem::new(place.line, "the batches differ")
            });
        }
    }
    if let Some((place, undecided)) = &expect.undecided {
        let found: BTreeSet<HostName> = plan.undecided.iter().map(|undecided| undecided.host.clone()).collect();
        if *undecided != found {
            let message = format!("undecided are {}, not {}", list(&found), list(undecided));
            problems.push(Problem::new(place.line, message));
        }
    }
    problems.extend(courses(&expect.courses, plan, performed));
    problems.extend(captured(expect, plan, performed));
    problems.extend(expect.sent.iter().flat_map(|text| sent(text, performed)));
    if let Some((place, within)) = expect.within
        && performed.took_ms > within
    {
        let message = format!("the run takes {}, more than {}", span(performed.took_ms), span(within));
        problems.push(Problem::new(place.line, message));
    }
    problems
}

/// The outcome's word in a test file.
pub(crate) const fn word(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Succeeded => "succeeded",
        RunOutcome::Failed => "failed",
        RunOutcome::RolledBack => "rolled back",
        RunOutcome::Stuck => "stuck",
        RunOutcome::Cancelled => "cancelled",
        RunOutcome::Abandoned => "abandoned",
    }
}

fn names(plan: &Plan, hosts: &[u32]) -> BTreeSet<HostName> {
    hosts.iter().filter_map(|host| plan.hosts.get(*host as usize)).map(|host| host.name.clone()).collect()
}

fn list(hosts: &BTreeSet<HostName>) -> String {
    if hosts.is_empty() {
        return "none".to_owned();
    }
    hosts.iter().map(HostName::as_str).collect::<Vec<_>>().join(", ")
}

/// Whether a host is meant, where these are the ones that are named beside it.
fn means(meant: &Meant, host: &HostName, named: bool) -> bool {
    match meant {
        Meant::All => true,
        Meant::Others => !named,
        Meant::These(hosts) => hosts.contains(host),
    }
}

fn courses(expected: &[ExpectedCourse], plan: &Plan, performed: &Performed) -> Vec<Problem> {
    let Some(first) = expected.first() else { return Vec::new() };
    let is_named = |host: &HostName| expected.iter().any(|course| means(&course.hosts, host, true));
    let mut problems = Vec::new();
    let mut unsaid = BTreeSet::new();
    // Hosts with the same difference are told of once.
    let mut different: BTreeMap<(u32, Vec<Row>), BTreeSet<HostName>> = BTreeMap::new();
    for (index, host) in (0_u32..).zip(&plan.hosts) {
        let named = is_named(&host.name);
        let Some(expected) = expected.iter().find(|course| means(&course.hosts, &host.name, named)) else {
            unsaid.insert(host.name.clone());
            continue;
        };
        if let Some(rows) = difference(expected.steps.as_deref(), index, performed) {
            different.entry((expected.place.line, rows)).or_default().insert(host.name.clone());
        }
    }
    if !unsaid.is_empty() {
        let message = format!("the course of {} is not said", list(&unsaid));
        problems.push(Problem::new(first.place.line, message));
    }
    for course in expected {
        let Meant::These(hosts) = &course.hosts else { continue };
        let absent: BTreeSet<HostName> =
            hosts.iter().filter(|name| !plan.hosts.iter().any(|host| host.name == **name)).cloned().collect();
        if !absent.is_empty() {
            problems.push(Problem::new(course.place.line, format!("{} is not in the plan", list(&absent))));
        }
    }
    problems.extend(different.into_iter().map(|((line, rows), hosts)| {
        // The line of the first step that is not as expected, where there is one.
        let line = rows.iter().find(|row| row.differs).and_then(|row| row.line).unwrap_or(line);
        Problem { rows, ..Problem::new(line, format!("the course of {} differs", list(&hosts))) }
    }));
    problems
}

/// The rows of a course that is not as expected.
fn difference(expected: Option<&[ExpectedStep]>, host: u32, performed: &Performed) -> Option<Vec<Row>> {
    let (found, anything) = course(&performed.trace, host);
    let Some(expected) = expected else {
        let row = |(index, came): (usize, &Came)| Row {
            expected: (index == 0).then(|| "nothing".to_owned()),
            found: Some(came.to_string()),
            differs: true,
            line: None,
        };
        return anything.then(|| found.iter().enumerate().map(row).collect());
    };
    let mut rows = align(
        expected,
        &found,
        |expected, came| came.is(expected),
        |expected, came| came.step == expected.step.as_str(),
        ToString::to_string,
        ToString::to_string,
    );
    let mut steps = expected.iter();
    for row in rows.iter_mut().filter(|row| row.expected.is_some()) {
        row.line = steps.next().map(|step| step.place.line);
    }
    let left_out: Vec<String> = found.iter().filter(|came| came.goes_without_saying).map(ToString::to_string).collect();
    rows.retain(|row| row.expected.is_some() || !row.found.as_ref().is_some_and(|found| left_out.contains(found)));
    rows.iter().any(|row| row.differs).then_some(rows)
}

/// Lays two lists side by side: what belongs together stands in one row, in the order of both.
fn align<A, B>(
    expected: &[A],
    found: &[B],
    same: impl Fn(&A, &B) -> bool,
    akin: impl Fn(&A, &B) -> bool,
    show_expected: impl Fn(&A) -> String,
    show_found: impl Fn(&B) -> String,
) -> Vec<Row> {
    // What is the same counts for more than two that are akin, so that nothing is shifted to have more neighbours.
    let weight = |a: &A, b: &B| if same(a, b) { 5 } else { u32::from(akin(a, b)) * 2 };
    // best[i][j]: the most that what is left from i and j on can have in common.
    let width = found.len() + 1;
    let mut best = vec![0_u32; (expected.len() + 1) * width];
    let at = |best: &[u32], i: usize, j: usize| best.get(i * width + j).copied().unwrap_or(0);
    for (i, a) in expected.iter().enumerate().rev() {
        for (j, b) in found.iter().enumerate().rev() {
            let together = match weight(a, b) {
                0 => 0,
                weight => weight + at(&best, i + 1, j + 1),
            };
            let most = together.max(at(&best, i + 1, j)).max(at(&best, i, j + 1));
            if let Some(cell) = best.get_mut(i * width + j) {
                *cell = most;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut rows = Vec::new();
    loop {
        let (a, b) = (expected.get(i), found.get(j));
        let together = match (a, b) {
            (None, None) => return rows,
            (Some(a), Some(b)) => {
                let weight = weight(a, b);
                weight > 0 && weight + at(&best, i + 1, j + 1) == at(&best, i, j)
            }
            _ => false,
        };
        let take_expected = together || (a.is_some() && (b.is_none() || at(&best, i + 1, j) == at(&best, i, j)));
        let take_found = together || !take_expected;
        rows.push(Row {
            expected: a.filter(|_| take_expected).map(&show_expected),
            found: b.filter(|_| take_found).map(&show_found),
            differs: !(together && a.zip(b).is_some_and(|(a, b)| same(a, b))),
            line: None,
        });
        i += usize::from(take_expected);
        j += usize::from(take_found);
    }
}

fn captured(expect: &ExpectedRun, plan: &Plan, performed: &Performed) -> Vec<Problem> {
    let mut problems = Vec::new();
    for wanted in &expect.captured {
        let named = |host: &HostName| {
            expect.captured.iter().any(|other| other.name == wanted.name && means(&other.hosts, host, true))
        };
        for (index, host) in (0_u32..).zip(&plan.hosts) {
            if !means(&wanted.hosts, &host.name, named(&host.name)) {
                continue;
            }
            let captured = performed.trace.state().captured(index);
            let message = match captured.get(&wanted.name) {
                None => format!("{} is not captured on {}", wanted.name, host.name),
                Some(found) if compare_values(found, Comparison::Equal, &wanted.value) != Ok(true) => {
                    format!("{} on {} is {found}, not {}", wanted.name, host.name, wanted.value)
                }
                Some(_) => continue,
            };
            problems.push(Problem::new(wanted.place.line, message));
        }
    }
    problems
}

fn sent(expected: &ExpectedText, performed: &Performed) -> Vec<Problem> {
    let question = &expected.question;
    let is_meant = |host: &HostName| means(&expected.hosts, host, false);
    let mut there = performed.trace.sent().iter().filter(|sent| {
        is_meant(&sent.host)
            && sent.question.undo == question.undo
            && sent.question.part == question.part
            && stands_for(&question.step, &sent.question.step).is_some()
    });
    let mut problems: Vec<Problem> = Vec::new();
    let mut any = false;
    for sent in there.by_ref() {
        any = true;
        let problem = |message: String, rows| Problem { rows, ..Problem::new(expected.place.line, message) };
        let found = sent.text.trim();
        match &expected.text {
            TextMeant::Exactly(text) if text.trim() != found => {
                let (wanted, found): (Vec<&str>, Vec<&str>) = (text.trim().lines().collect(), found.lines().collect());
                let show = |line: &&str| (*line).to_owned();
                let rows = align(&wanted, &found, |a, b| a == b, |_, _| true, show, show);
                problems.push(problem(format!("what is sent to {} for {question} differs", sent.host), rows));
            }
            TextMeant::Contains(parts) => {
                let absent = parts.iter().filter(|part| !found.contains(part.as_str()));
                problems.extend(absent.map(|part| {
                    let rows = found.lines().map(|line| Row { found: Some(line.to_owned()), ..Row::default() });
                    let message = format!("what is sent to {} for {question} does not hold `{part}`", sent.host);
                    problem(message, rows.collect())
                }));
            }
            TextMeant::Nothing => {
                problems
                    .push(problem(format!("something is sent to {} for {question}: {found}", sent.host), Vec::new()));
            }
            TextMeant::Exactly(_) => {}
        }
    }
    if !any && !matches!(expected.text, TextMeant::Nothing) {
        problems.push(Problem::new(expected.place.line, format!("nothing is sent there for {question}")));
    }
    // One host's difference is every host's, most often.
    problems.truncate(1);
    problems
}
