//! Budgets, pace and gateways of a plan, from the runbook's rollout and what the operator chose.

use daytwo_model::plan::{Health, Limits, PerHost};
use daytwo_model::{Host, Timestamp};

use super::{PlanError, PlanErrors, PlanRequest};
use crate::rollout::Rollout;
use crate::surroundings::Surroundings;

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
