//! Budgets, pace and gateways of a plan, from the runbook's rollout and what the operator chose.

use daytwo_model::plan::{Health, Limits, PerHost};
use daytwo_model::{Host, Timestamp};

use super::{PlanError, PlanErrors, PlanRequest};
use crate::diagnostic::printable;
use crate::duration;
use crate::rollout::Rollout;
use crate::surroundings::Surroundings;

/// A host may wait for a year at most: whoever asks for more has mistyped the date.
const WAIT_MS_MAX: u64 = 366 * 24 * 60 * 60 * 1000;

/// Until when a host that could not be reached still gets its part. What the operator chooses counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WhenReachable {
    /// As the runbook says; not at all where it says nothing.
    #[default]
    AsWritten,
    /// Not at all, whatever the runbook says.
    Never,
    /// Until then, whatever the runbook says.
    Until(Timestamp),
}

impl WhenReachable {
    /// As an operator types it: nothing, `never`, a duration from `now` on such as `3d`, a date (to its end, in UTC),
    /// or a moment with its offset. The error says what is wrong with it.
    pub fn typed(text: &str, now: Timestamp) -> Result<Self, String> {
        let text = text.trim();
        match text {
            "" => return Ok(Self::AsWritten),
            "never" => return Ok(Self::Never),
            _ => {}
        }
        let until = if text.contains('-') {
            date(text).ok_or_else(|| {
                let shown = printable(text);
                format!("`{shown}` is not a date; write it as in 2026-12-01, or as in 2026-12-01T18:00:00+01:00")
            })?
        } else {
            let ms = duration::parse_ms(text)
                .map_err(|wrong| format!("{wrong}; or give a date as in 2026-12-01, or never"))?;
            Timestamp::from_unix_ms(now.unix_ms().saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)))
        };
        if until <= now {
            return Err(format!("{until} is past; give a moment that is still to come, or never"));
        }
        if until.ms_since(now) > WAIT_MS_MAX {
            return Err(format!("{until} is more than a year away"));
        }
        Ok(Self::Until(until))
    }
}

/// The end of a day, or a moment.
fn date(text: &str) -> Option<Timestamp> {
    let at = |moment: jiff::Timestamp| Timestamp::from_unix_ms(moment.as_millisecond());
    if text.contains('T') {
        return text.parse().ok().map(at);
    }
    let day: jiff::civil::Date = text.parse().ok()?;
    let end = day.tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(at(end.timestamp()))
}

pub(super) fn limits(
    rollout: &Rollout,
    batches: &[Vec<u32>],
    health: Option<Health>,
    request: &PlanRequest<'_>,
) -> Result<Limits, PlanErrors> {
    let hosts = batches.iter().map(Vec::len).sum::<usize>();
    Ok(Limits {
        total: rollout.budget(u32::try_from(hosts).unwrap_or(u32::MAX)),
        batches: rollout.batch_budgets(batches),
        unreachable_canary_stops: rollout.unreachable_canary_stops,
        hosts_at_once_max: rollout.at_once,
        hosts_at_once_per_gateway_max: rollout.at_once_per_gateway,
        order: rollout.order,
        hold_ms: rollout.hold_ms,
        health,
        when_reachable_until: until(rollout, request)?,
    })
}

fn until(rollout: &Rollout, request: &PlanRequest<'_>) -> Result<Option<Timestamp>, PlanErrors> {
    match request.when_reachable {
        WhenReachable::Never => Ok(None),
        WhenReachable::Until(until) if until <= request.at => {
            let message = format!("hosts that cannot be reached would get their part until {until}, and that is past");
            Err(PlanError::new(message).with_hint("give a moment that is still to come, or none").into())
        }
        WhenReachable::Until(until) => Ok(Some(until)),
        WhenReachable::AsWritten => Ok(rollout.when_reachable_ms.map(|ms| {
            let ms = i64::try_from(ms).unwrap_or(i64::MAX);
            Timestamp::from_unix_ms(request.at.unix_ms().saturating_add(ms))
        })),
    }
}

/// The gateway of each host; nobody is asked where nothing depends on it, because the answer can take a program each.
pub(super) fn gateways(rollout: &Rollout, hosts: &[Host], surroundings: &dyn Surroundings) -> Option<PerHost<String>> {
    rollout.at_once_per_gateway?;
    let gateways: Vec<Option<String>> = hosts.iter().map(|host| surroundings.gateway_of(host)).collect();
    gateways.iter().any(Option::is_some).then(|| PerHost::collect(gateways))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_a_host_waits_is_typed_as_a_duration_or_a_date_and_what_cannot_be_meant_is_refused() {
        let now = Timestamp::from_unix_ms(1_796_083_200_000); // 2026-12-01T00:00:00Z
        let hours = |hours: i64| Ok(WhenReachable::Until(Timestamp::from_unix_ms(now.unix_ms() + hours * 3_600_000)));
        let typed = |text: &str| WhenReachable::typed(text, now);
        assert_eq!(typed(" "), Ok(WhenReachable::AsWritten));
        assert_eq!(typed("never"), Ok(WhenReachable::Never));
        assert_eq!(typed("3d"), hours(72));
        assert_eq!(typed("2026-12-01"), hours(24), "a date lasts to its end");
        assert_eq!(typed("2026-12-01T18:00:00+01:00"), hours(17));
        for wrong in ["0s", "soon", "3", "31d", "2026-11-30", "2026-13-01", "2099-12-01", "01-12-2026"] {
            assert!(typed(wrong).is_err(), "{wrong} is taken");
        }
    }
}
