//! What to think about before a plan starts.

use std::collections::BTreeSet;

use daytwo_model::plan::Intent;
use daytwo_model::run::HostStanding;
use daytwo_model::{HostName, Plan};

use crate::Console;
use crate::view::words::{ago, count};
use crate::wire::plan::PlanWarning;
use crate::wire::{Mark, UiError};

impl Console {
    /// Silent hosts, old facts, what failed last time, another run on the same hosts.
    pub(super) async fn plan_warnings(&self, plan: &Plan) -> Result<Vec<PlanWarning>, UiError> {
        let names: BTreeSet<&HostName> = plan.hosts.iter().map(|host| &host.name).collect();
        let mut warnings = self.warnings_of_the_fleet(&names);
        warnings.extend(self.last_time(plan, &names).await?);
        for run in self.runs_active().await? {
            let active = self.plan_of(run.id).await?;
            let others: BTreeSet<&HostName> = active.plan().hosts.iter().map(|host| &host.name).collect();
            let shared: Vec<HostName> = names.intersection(&others).map(|name| (*name).clone()).collect();
            if !shared.is_empty() {
                let hosts = count(shared.len(), "of these host");
                let words = format!("another run of {} is active on {hosts}", run.runbook);
                warnings.push(PlanWarning { words, hosts: shared });
            }
        }
        if let Intent::Undo { .. } = plan.intent {
            let words =
                "an undo changes hosts as any run does; it is planned for what is known to have happened".to_owned();
            warnings.push(PlanWarning { words, hosts: Vec::new() });
        }
        Ok(warnings)
    }

    fn warnings_of_the_fleet(&self, names: &BTreeSet<&HostName>) -> Vec<PlanWarning> {
        let (mut silent, mut stale) = (Vec::new(), Vec::new());
        for row in self.fleet().hosts.into_iter().filter(|row| names.contains(&row.name)) {
            match row.mark {
                Mark::Unreachable | Mark::Failed => silent.push(row.name),
                Mark::Unknown | Mark::Waiting => stale.push(row.name),
                _ => {}
            }
        }
        let about = |hosts: Vec<HostName>, what: &str| {
            (!hosts.is_empty()).then(|| PlanWarning { words: format!("{} {what}", count(hosts.len(), "host")), hosts })
        };
        let warnings = [
            about(silent, "did not answer, or refused, when last asked"),
            about(stale, "not looked at recently: what is known of them is old"),
        ];
        warnings.into_iter().flatten().collect()
    }

    /// Hosts of this plan that did not come to a good end in the last run of the same runbook, and those on which
    /// a person then left a step as it is.
    async fn last_time(&self, plan: &Plan, names: &BTreeSet<&HostName>) -> Result<Vec<PlanWarning>, UiError> {
        let history = |error: daytwo_store::Error| UiError::history(&error);
        let Some(last) = self.parts.store.last_run_of(&plan.runbook.name, None).await.map_err(history)? else {
            return Ok(Vec::new());
        };
        let folded = self.folded(last.id).await?;
        let that_stand = |standings: &[HostStanding]| -> Vec<HostName> {
            let hosts = (0_u32..).zip(&folded.sealed.plan().hosts).filter(|(_, entry)| names.contains(&entry.name));
            let hosts = hosts.filter(|(host, _)| standings.contains(&folded.state.standing(*host)));
            hosts.map(|(_, entry)| entry.name.clone()).collect()
        };
        use HostStanding as H;
        let bad = that_stand(&[H::Stuck, H::Unknown, H::Failed, H::Undone, H::Unreachable]);
        let waived = that_stand(&[H::Waived]);
        let when = ago(self.clock.now(), last.opened_at);
        let about = |hosts: Vec<HostName>, what: &str| {
            let words = format!("{} {what} in the last run of this runbook, {when}", count(hosts.len(), "host"));
            (!hosts.is_empty()).then_some(PlanWarning { words, hosts })
        };
        let warnings = [
            about(bad, "did not end well"),
            about(waived, "went on although a step did not end well, because a person decided so,"),
        ];
        Ok(warnings.into_iter().flatten().collect())
    }
}
