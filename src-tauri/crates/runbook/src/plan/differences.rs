//! What changed between a plan that somebody saw and what would be planned now, in sentences.
//!
//! Nothing here decides whether a plan may still be executed; it only says everything that a person
//! must know to decide. Inputs are not compared: they are the plan's own.

use std::collections::{BTreeMap, BTreeSet};

use daytwo_model::plan::{Action, PerHost, PlannedRunbook, PlannedStep, WayBack};
use daytwo_model::{Digest, Host, HostName, Plan, StepId};
use serde::Serialize;
use similar::{ChangeTag, TextDiff};
use ts_rs::TS;

use crate::diagnostic::printable;

/// How many differences are told one by one. Who sees a hundred plans again.
const DIFFERENCES_MAX: usize = 100;

/// How many changed lines of one text are shown.
const LINES_SHOWN_MAX: usize = 40;

/// Texts with more lines are not compared line by line: that would take too long.
const LINES_COMPARED_MAX: usize = 5000;

/// The longest line that is shown, in characters.
const LINE_CHARS_MAX: usize = 160;

/// How many steps are named in one sentence.
const STEPS_NAMED_MAX: usize = 5;

/// One thing that is not as it was when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct Difference {
    /// The host that it is about.
    pub host: Option<HostName>,
    /// The step that it is about.
    pub step: Option<StepId>,
    /// What changed, in one sentence.
    pub message: String,
    /// The changed lines of a text, each beginning with `-` or `+`.
    pub lines: Vec<String>,
}

impl Difference {
    pub(super) fn new(message: String) -> Self {
        Self { host: None, step: None, message, lines: Vec::new() }
    }

    fn of_host(host: &HostName, message: String) -> Self {
        Self { host: Some(host.clone()), ..Self::new(message) }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        self.lines.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// What changed. `now` is the same request planned again, as of the same moment (`planned.planned_at`),
/// so that the moment itself is no difference. Empty: the plan is what would be planned now.
#[must_use]
pub fn differences(planned: &Plan, now: &Plan) -> Vec<Difference> {
    let mut found = Vec::new();
    runbooks(planned, now, &mut found);
    hosts(planned, now, &mut found);
    keys(planned, now, &mut found);
    files(planned, now, &mut found);
    steps(planned, now, &mut found);
    if found.is_empty() && planned.batches != now.batches {
        found.push(Difference::new("the hosts are dealt into other batches now".to_owned()));
    }
    if found.is_empty() && planned.limits != now.limits {
        found.push(Difference::new("budgets or pace are others now".to_owned()));
    }
    if found.len() > DIFFERENCES_MAX {
        let rest = found.len() - DIFFERENCES_MAX;
        found.truncate(DIFFERENCES_MAX);
        found.push(Difference::new(format!("and {rest} more differences")));
    }
    found
}

fn runbooks(planned: &Plan, now: &Plan, found: &mut Vec<Difference>) {
    runbook(&planned.runbook, &now.runbook, "the runbook", found);
    let by_name = |plan: &'_ Plan| -> BTreeMap<String, PlannedRunbook> {
        plan.called.iter().map(|called| (called.name.to_string(), called.clone())).collect()
    };
    let (before, after) = (by_name(planned), by_name(now));
    for (name, one) in &before {
        match after.get(name) {
            Some(other) => runbook(one, other, "the called runbook", found),
            None => found.push(Difference::new(format!("the runbook {name} is not called any more"))),
        }
    }
    for name in after.keys().filter(|name| !before.contains_key(*name)) {
        found.push(Difference::new(format!("the runbook {name} is called now, and was not")));
    }
}

fn runbook(before: &PlannedRunbook, after: &PlannedRunbook, what: &str, found: &mut Vec<Difference>) {
    runbook_changed(before, (after.digest, &after.text), what, found);
}

/// Says so where the text of a runbook is another than it was when it was planned.
pub(super) fn runbook_changed(
    before: &PlannedRunbook,
    (digest, text): (Digest, &str),
    what: &str,
    found: &mut Vec<Difference>,
) {
    if before.digest == digest {
        return;
    }
    let message = format!("{what} {} was changed since the plan was made", before.name);
    found.push(Difference { lines: changed_lines(&before.text, text), ..Difference::new(message) });
}

/// The lines that are not the same, as far as they can be shown.
fn changed_lines(before: &str, after: &str) -> Vec<String> {
    if before.lines().count().max(after.lines().count()) > LINES_COMPARED_MAX {
        return Vec::new();
    }
    let diff = TextDiff::from_lines(before, after);
    let changes = diff.iter_all_changes().filter_map(|change| {
        let sign = match change.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => return None,
        };
        let line: String = change.value().trim_end().chars().take(LINE_CHARS_MAX).collect();
        Some(format!("{sign} {}", printable(&line)))
    });
    let mut lines: Vec<String> = changes.collect();
    if lines.len() > LINES_SHOWN_MAX {
        let rest = lines.len() - LINES_SHOWN_MAX;
        lines.truncate(LINES_SHOWN_MAX);
        lines.push(format!("… and {rest} more lines"));
    }
    lines
}

fn by_host(plan: &Plan) -> BTreeMap<&HostName, (u32, &Host)> {
    (0_u32..).zip(&plan.hosts).map(|(index, host)| (&host.name, (index, host))).collect()
}

fn hosts(planned: &Plan, now: &Plan, found: &mut Vec<Difference>) {
    let (before, after) = (by_host(planned), by_host(now));
    for host in &planned.hosts {
        let Some((_, other)) = after.get(&host.name) else {
            let undecided = now.undecided.iter().find(|undecided| undecided.host == host.name);
            let why = match undecided {
                Some(undecided) => {
                    format!("it cannot be said any more whether {} is picked: {}", host.name, undecided.why)
                }
                None => format!("{} is not picked any more, or has left the fleet", host.name),
            };
            found.push(Difference::of_host(&host.name, why));
            continue;
        };
        if host.endpoint != other.endpoint {
            let message = format!(
                "{} is reached by {} now, and was by {}",
                host.name,
                other.endpoint.describe(),
                host.endpoint.describe()
            );
            found.push(Difference::of_host(&host.name, message));
        }
    }
    for host in now.hosts.iter().filter(|host| !before.contains_key(&host.name)) {
        found.push(Difference::of_host(&host.name, format!("{} is picked now, and was not", host.name)));
    }
}

fn keys(planned: &Plan, now: &Plan, found: &mut Vec<Difference>) {
    for host in &now.hosts {
        // A key that became known since was accepted by somebody; one that was known and is another now was not.
        let Some(before) = planned.host_keys.get(&host.name) else { continue };
        let after = now.host_keys.get(&host.name).map(Vec::as_slice).unwrap_or_default();
        if before.iter().collect::<BTreeSet<_>>() == after.iter().collect::<BTreeSet<_>>() {
            continue;
        }
        let after = if after.is_empty() { "none is trusted".to_owned() } else { after.join(", ") };
        let message =
            format!("the host key of {} is another: it was {}, and now {after}", host.name, before.join(", "));
        found.push(Difference::of_host(&host.name, message));
    }
}

/// Every local file of a plan, with its step.
fn local_files(plan: &Plan) -> BTreeMap<&str, (&StepId, &daytwo_model::plan::LocalFile)> {
    let mut files = BTreeMap::new();
    for step in &plan.steps {
        for action in step.action.variants() {
            for (path, content) in action.local_files() {
                files.entry(path).or_insert((&step.id, content));
            }
        }
    }
    files
}

fn files(planned: &Plan, now: &Plan, found: &mut Vec<Difference>) {
    let after = local_files(now);
    for (path, (step, before)) in local_files(planned) {
        let Some((_, file)) = after.get(path).filter(|(_, file)| *file != before) else { continue };
        let message = format!(
            "the file {} was changed: it has {} bytes and digest {}, and had {} bytes and digest {}",
            printable(path),
            file.bytes,
            file.digest.short(),
            before.bytes,
            before.digest.short()
        );
        found.push(Difference { step: Some(step.clone()), ..Difference::new(message) });
    }
}

/// Steps that came or went, and hosts on which a step says something else. Where a runbook was
/// changed that has been said already.
fn steps(planned: &Plan, now: &Plan, found: &mut Vec<Difference>) {
    let same_books = planned.runbook.digest == now.runbook.digest
        && planned.called.iter().map(|called| called.digest).eq(now.called.iter().map(|called| called.digest));
    if !same_books {
        return;
    }
    let after: BTreeMap<&StepId, &PlannedStep> = now.steps.iter().map(|step| (&step.id, step)).collect();
    let before: BTreeSet<&StepId> = planned.steps.iter().map(|step| &step.id).collect();
    for step in planned.steps.iter().filter(|step| !after.contains_key(&step.id)) {
        let message = format!("the step {} is not planned any more", step.id);
        found.push(Difference { step: Some(step.id.clone()), ..Difference::new(message) });
    }
    for step in now.steps.iter().filter(|step| !before.contains(&step.id)) {
        let message = format!("the step {} is planned now, and was not", step.id);
        found.push(Difference { step: Some(step.id.clone()), ..Difference::new(message) });
    }
    let pairs: Vec<(&PlannedStep, &PlannedStep)> =
        planned.steps.iter().filter_map(|step| Some((step, *after.get(&step.id)?))).filter(|(a, b)| a != b).collect();
    if pairs.is_empty() {
        return;
    }
    let hosts_now = by_host(now);
    for (index, host) in (0_u32..).zip(&planned.hosts) {
        let Some((other_index, other)) = hosts_now.get(&host.name) else { continue };
        let differ = pairs.iter().filter(|(a, b)| says(a, index) != says(b, *other_index));
        let ids: Vec<&str> = differ.map(|(step, _)| step.id.as_str()).collect();
        if !ids.is_empty() {
            found.push(Difference::of_host(&host.name, sentence(host, other, &ids)));
        }
    }
}

/// Everything that a step says for one host.
fn says(step: &PlannedStep, host: u32) -> impl PartialEq + '_ {
    fn on<T>(per_host: Option<&PerHost<T>>, host: u32) -> Option<&T> {
        per_host.and_then(|per_host| per_host.get(host))
    }
    let (back, back_verify) = match &step.way_back {
        WayBack::Inverse { action, verify } => (Some(action), verify.as_ref().map(|verify| &verify.probe)),
        WayBack::None | WayBack::NotNeeded => (None, None),
    };
    (
        step.action.get(host).filter(|action| !matches!(action, Action::Put { .. })),
        on(step.condition.as_ref(), host),
        on(step.check.as_ref(), host),
        on(step.verify.as_ref().map(|verify| &verify.probe), host),
        on(back, host),
        on(back_verify, host),
    )
}

fn sentence(before: &Host, after: &Host, ids: &[&str]) -> String {
    let mut why: Vec<String> = Vec::new();
    for (what, one, other) in [("label", &before.labels, &after.labels), ("value", &before.vars, &after.vars)] {
        for key in one.keys().chain(other.keys()).collect::<BTreeSet<_>>() {
            match (one.get(key), other.get(key)) {
                (a, b) if a == b => {}
                (Some(a), Some(b)) => why.push(format!("its {what} {key} is {b:?} now, and was {a:?}")),
                (Some(a), None) => why.push(format!("its {what} {key} is gone, and was {a:?}")),
                (None, Some(b)) => why.push(format!("its {what} {key} is {b:?} now, and was not there")),
                (None, None) => {}
            }
        }
    }
    let named = ids.iter().take(STEPS_NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    let rest = ids.len().saturating_sub(STEPS_NAMED_MAX);
    let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    let steps = if ids.len() == 1 { "the step" } else { "the steps" };
    let why = if why.is_empty() { String::new() } else { format!(": {}", why.join("; ")) };
    format!("{} gets another text in {steps} {named}{rest}{why}", before.name)
}
