//! Rules about the runbook as a whole: who answers for it, whether it is fresh, how it is brought in.

use daytwo_model::Timestamp;
use daytwo_model::plan::Effect;

use super::steps::changes;
use super::{Report, Subject};
use crate::rollout::Reach;
use crate::runbook::Runbook;
use crate::step::ActionTemplate;

/// After how many days a review is out of date.
pub const REVIEW_DAYS_MAX: i64 = 365;

/// The largest share of the hosts that a first batch may take and still be a canary, in percent.
const CANARY_PERCENT_MAX: u32 = 10;

const NEVER: &str = "nobody has said when this runbook was last reviewed";
const REVIEW: &str = "read it, run it on one host, and set `reviewed:` to that day";

pub(super) fn no_owner(subject: &Subject<'_>, report: &mut Report<'_>) {
    if subject.runbook.owner.is_none() {
        let place = subject.runbook.places.name;
        report.warn(None, place, "nobody answers for this runbook", "name a team with `owner:`");
    }
}

/// Why a runbook's review does not count any more, in one sentence; none while it does. What the
/// two rules below say, without the rest of the checker.
#[must_use]
pub fn review_problem(runbook: &Runbook, now: Timestamp) -> Option<String> {
    let Some(reviewed) = &runbook.reviewed else { return Some(NEVER.to_owned()) };
    let now = jiff::Timestamp::from_millisecond(now.unix_ms()).ok()?;
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let days = i64::from(today.since(reviewed.parse::<jiff::civil::Date>().ok()?).map_or(0, |span| span.get_days()));
    (days > REVIEW_DAYS_MAX).then(|| format!("the last review was {days} days ago"))
}

pub(super) fn never_reviewed(subject: &Subject<'_>, report: &mut Report<'_>) {
    if subject.runbook.reviewed.is_none() {
        let place = subject.runbook.places.name;
        report.warn(None, place, NEVER, REVIEW);
    }
}

pub(super) fn review_overdue(subject: &Subject<'_>, report: &mut Report<'_>) {
    let Some(place) = subject.runbook.places.reviewed else { return };
    if let Some(message) = review_problem(subject.runbook, subject.now) {
        report.warn(None, place, message, REVIEW);
    }
}

/// The first step that changes something is the reason, and may waive it.
pub(super) fn no_canary<'r>(subject: &Subject<'r>, report: &mut Report<'r>) {
    let runbook = subject.runbook;
    let changing = runbook.all_steps().find(|step| {
        let on_hosts = !matches!(step.action, ActionTemplate::Ask(_) | ActionTemplate::Wait(_));
        on_hosts && step.effect == Effect::Change && changes(step)
    });
    let (Some(step), true) = (changing, runbook.rollout_said) else { return };
    let first = match runbook.rollout.batches.first() {
        Some(Reach::Hosts(0 | 1)) => return,
        Some(Reach::Percent(percent)) if *percent <= CANARY_PERCENT_MAX => return,
        Some(Reach::Hosts(hosts)) => format!("the first {hosts} hosts"),
        Some(Reach::Percent(100)) | None => "all hosts".to_owned(),
        Some(Reach::Percent(percent)) => format!("{percent} % of the hosts"),
    };
    let place = runbook.places.rollout.unwrap_or(step.place);
    let message = format!("{first} are changed at once, before anybody has seen it work on one (step `{}`)", step.id);
    report.warn(step, place, message, "begin with a canary: batches: [1, 10%, 50%, 100%]");
}
