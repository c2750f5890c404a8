//! What a run waits for between two batches: the hold after a batch, then the health check.
//!
//! The journal has no word for the begin of either; both follow at once from the record before, which is its time.

use daytwo_model::plan::Plan;
use daytwo_model::run::HostStanding;
use daytwo_model::{RunState, RunStatus, Timestamp};

use super::plan::probe_text;
use super::run::Told;
use super::words::duration;
use crate::wire::run::Pace;

/// What is waited for now; none while a batch works, and of a run that is being stopped.
#[must_use]
pub fn pace(plan: &Plan, state: &RunState, told: &Told) -> Option<Pace> {
    if state.status() != Some(RunStatus::Running) {
        return None;
    }
    let (started, ended) = state.batches();
    if started > ended { hold(plan, state, told, ended) } else { health(plan, state, told, ended.checked_sub(1)?) }
}

fn hold(plan: &Plan, state: &RunState, told: &Told, batch: u32) -> Option<Pace> {
    let hosts = plan.batches.get(batch as usize)?;
    let is_through = |host: &u32| {
        !matches!(state.standing(*host), HostStanding::Asking | HostStanding::Working | HostStanding::Waiting)
    };
    let holds = plan.limits.hold_ms > 0 && has_next(plan, batch) && hosts.iter().all(is_through);
    holds.then(|| Pace {
        words: format!("waiting {} after batch {}", duration(plan.limits.hold_ms), batch + 1),
        until: after(told, plan.limits.hold_ms),
    })
}

fn health(plan: &Plan, state: &RunState, told: &Told, batch: u32) -> Option<Pace> {
    let health = plan.limits.health.as_ref()?;
    let asks = has_next(plan, batch) && state.health_after(batch).is_none();
    asks.then(|| Pace {
        words: format!(
            "checking health after batch {}: {}",
            batch + 1,
            probe_text(&health.probe).0.replace('\n', ", ")
        ),
        until: (health.within_ms > 0).then(|| after(told, health.within_ms)).flatten(),
    })
}

fn has_next(plan: &Plan, batch: u32) -> bool {
    plan.batches.len() > batch as usize + 1
}

fn after(told: &Told, ms: u64) -> Option<Timestamp> {
    Some(Timestamp::from_unix_ms(told.last?.unix_ms().saturating_add(i64::try_from(ms).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{Written, plan_of_steps};
    use daytwo_model::plan::PerHost;
    use daytwo_model::{Event, Exit, Host, HostName};

    fn two_batches() -> Plan {
        let mut plan = plan_of_steps(1);
        let second = Host { name: HostName::new("b").unwrap(), ..plan.hosts[0].clone() };
        plan.hosts.push(second);
        plan.batches = vec![vec![0], vec![1]];
        plan.limits = daytwo_model::plan::Limits::strict(2);
        plan.limits.hold_ms = 600_000;
        plan.steps[0].action = PerHost::same(plan.steps[0].action.variants()[0].clone(), 2);
        plan
    }

    fn told(plan: &Plan, written: &Written) -> Option<Pace> {
        let mut told = Told::default();
        written.records.iter().for_each(|record| told.take(plan, record));
        pace(plan, &written.state(plan), &told)
    }

    #[test]
    fn a_hold_is_told_with_its_end_and_only_while_it_lasts() {
        let plan = two_batches();
        let mut written = Written::opened(&plan);
        let attempt = written.send(0, 0);
        assert_eq!(told(&plan, &written), None, "the batch works");
        written.finish(attempt, Exit::Code(0));
        let ended = written.records.last().unwrap().at;
        let holds = told(&plan, &written).unwrap();
        assert_eq!(holds.words, "waiting 10 min after batch 1");
        assert_eq!(holds.until, Some(Timestamp::from_unix_ms(ended.unix_ms() + 600_000)));
        written.then(Event::BatchEnded { batch: 0 });
        written.then(Event::BatchStarted { batch: 1 });
        let last = written.send(1, 0);
        written.finish(last, Exit::Code(0));
        assert_eq!(told(&plan, &written), None, "nothing is held for after the last batch");
    }
}
