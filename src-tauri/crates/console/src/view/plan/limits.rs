//! Budgets and pace of a plan in words, and what becomes of hosts that cannot be reached.

use daytwo_model::plan::{Budget, Effect, On, Order, Plan, PlannedStep};

use super::super::words::{count, duration, names};
use super::action::probe_text;
use crate::wire::plan::PlanWaits;

/// More steps are counted, not named.
const STEPS_NAMED_MAX: usize = 3;

/// One line each.
pub(super) fn lines(plan: &Plan) -> Vec<String> {
    let limits = &plan.limits;
    let mut lines =
        vec![budget(limits.total.failed_max, "failed"), budget(limits.total.unreachable_max, "unreachable")];
    lines.extend(within_batches(&limits.batches));
    if !limits.unreachable_canary_stops && plan.batches.len() > 1 {
        lines.push("goes on after a first batch in which nothing could be reached".to_owned());
    }
    if limits.order == Order::Linear {
        lines.push("step by step: no host begins a step before its batch has the one before behind it".to_owned());
    }
    lines.push(format!("at most {} at one time", count(limits.hosts_at_once_max as usize, "host")));
    lines.extend(limits.hosts_at_once_per_gateway_max.map(|most| format!("at most {most} behind one gateway")));
    if plan.batches.len() > 1 {
        lines.extend((limits.hold_ms > 0).then(|| format!("holds {} after each batch", duration(limits.hold_ms))));
        lines.extend(limits.health.as_ref().map(|health| {
            let (text, _) = probe_text(&health.probe);
            let within = if health.within_ms > 0 {
                format!("within {}", duration(health.within_ms))
            } else {
                "at once".to_owned()
            };
            format!("the next batch starts only if this holds {within}: {}", text.replace('\n', ", "))
        }));
    }
    lines
}

fn budget(max: u32, what: &str) -> String {
    match max {
        0 => format!("stops at the first {what} host"),
        max => format!("stops when more than {} are {what}", count(max as usize, "host")),
    }
}

/// The budgets of single batches; batches of one size have the same, so the whole is told by its range.
fn within_batches(batches: &[Budget]) -> Option<String> {
    let range = |of: fn(&Budget) -> u32| {
        let (least, most) = (batches.iter().map(of).min()?, batches.iter().map(of).max()?);
        Some(if least == most { most.to_string() } else { format!("{least} to {most}") })
    };
    let (failed, unreachable) = (range(|budget| budget.failed_max)?, range(|budget| budget.unreachable_max)?);
    Some(format!("within one batch at most {failed} failed and {unreachable} unreachable"))
}

/// What waiting means for the hosts of this plan; none where no host waits.
pub(super) fn waits(plan: &Plan) -> Option<PlanWaits> {
    let until = plan.limits.when_reachable_until?;
    let waiting = "a host that cannot be reached waits, and gets its part as a run of its own once it answers; \
                   a newer run of this runbook on it takes its place";
    let open = "it is delivered only while Daytwo is open, or by `daytwo deliver`: a closed console delivers nothing";
    // The same rule as when it is delivered: one change that may not come late keeps the whole part away.
    let kept_from = |step: &&PlannedStep, host: u32| {
        step.on == On::Host && step.effect == Effect::Change && !step.late_ok && step.action.get(host).is_some()
    };
    let hosts = 0..u32::try_from(plan.hosts.len()).unwrap_or(u32::MAX);
    let without = hosts.filter(|host| plan.steps.iter().any(|step| kept_from(&step, *host))).count();
    if without == 0 {
        return Some(PlanWaits { until, words: vec![waiting.to_owned(), open.to_owned()] });
    }
    let steps: Vec<&str> = plan
        .steps
        .iter()
        .filter(|step| step.on == On::Host && step.effect == Effect::Change && !step.late_ok)
        .map(|step| step.id.as_str())
        .collect();
    let why = match steps.as_slice() {
        [one] => format!("{one} changes something and is not marked `late_ok`"),
        steps => format!("{} change something and are not marked `late_ok`", names(steps, STEPS_NAMED_MAX)),
    };
    if without == plan.hosts.len() {
        return Some(PlanWaits { until, words: vec![format!("no host gets its part later: {why}")] });
    }
    let some = format!("{} would not get their part later: {why}", count(without, "host"));
    Some(PlanWaits { until, words: vec![waiting.to_owned(), open.to_owned(), some] })
}
