//! Hosts that could not be reached and get their part of a run when they can be: what waits, what became of
//! it, and the delivery. A console that is closed delivers nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use daytwo_model::{Host, HostName, Plan, RunId, SealedPlan, Timestamp};
use daytwo_store::{Decision, DecisionKind, Waiting, WaitingState};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use crate::Console;
use crate::view;
use crate::wire::push::Stale;
use crate::wire::run::WaitingHost;
use crate::wire::{Code, Mark, UiError};

/// What became of hosts that no longer wait is told for so long: over a weekend and the Monday after it.
const TOLD_FOR_MS: i64 = 4 * 24 * 60 * 60 * 1000;
/// After one host was seen, others are waited for so long: a site that comes back comes back as a whole.
const GATHER: Duration = Duration::from_secs(2);
/// A delivery that could not be started (a locked vault) is tried again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(5 * 60);
/// The hosts of an ended run are asked again about unknown ends when they are seen, at most so often.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(10 * 60);

/// What a look at the waiting hosts led to.
#[derive(Debug, Default, serde::Serialize)]
pub struct Delivery {
    /// The runs that were started, with the hosts that they deliver to.
    pub started: Vec<(RunId, Vec<HostName>)>,
    /// Hosts that could be reached and do not get their part, with why.
    pub not_delivered: Vec<(HostName, String)>,
    /// Hosts that wait on: they do not answer, or the delivery could not be started now and why.
    pub waiting: Vec<(HostName, String)>,
}

impl Console {
    /// Hosts that wait, then what became of those that did lately.
    pub async fn waiting(&self) -> Result<Vec<WaitingHost>, UiError> {
        let now = self.clock.now();
        let history = |error: daytwo_store::Error| UiError::history(&error);
        self.parts.store.expire_waiting(now).await.map_err(history)?;
        let mut rows = self.parts.store.waiting(None).await.map_err(history)?;
        let since = Timestamp::from_unix_ms(now.unix_ms() - TOLD_FOR_MS);
        rows.extend(self.parts.store.waited(since).await.map_err(history)?);
        Ok(rows.into_iter().map(view::run::waiting).collect())
    }

    /// A host is not to get its part of a run any more.
    pub async fn withdraw(&self, run: RunId, host: &HostName) -> Result<(), UiError> {
        let at = self.clock.now();
        self.parts.store.settle_waiting(run, host, (WaitingState::Withdrawn, ""), at).await.map_err(
            |error| match error {
                daytwo_store::Error::NotWaiting { .. } => {
                    UiError::new(Code::Conflict, format!("{host} does not wait for its part of that run any more"))
                }
                error => UiError::history(&error),
            },
        )?;
        let decision = Decision {
            at,
            by: self.profile.actor.clone(),
            kind: DecisionKind::WaitingWithdrawn,
            run: Some(run),
            subject: host.to_string(),
            why: String::new(),
        };
        self.parts.store.decide(decision).await.map_err(|error| UiError::history(&error))?;
        self.tell_stale(Stale::History);
        Ok(())
    }

    /// Asks the hosts that wait how they are, and delivers to those that answer.
    pub async fn deliver(self: &Arc<Self>) -> Result<Delivery, UiError> {
        let rows = self.parts.store.waiting(None).await.map_err(|error| UiError::history(&error))?;
        let names: BTreeSet<HostName> = rows.into_iter().map(|row| row.host).collect();
        let names: Vec<HostName> = names.into_iter().collect();
        if !names.is_empty() {
            self.probe_and_wait(&names).await;
        }
        self.deliver_to_those_that_are_live().await
    }

    /// Delivers to every waiting host that answered when it was last asked.
    async fn deliver_to_those_that_are_live(self: &Arc<Self>) -> Result<Delivery, UiError> {
        let history = |error: daytwo_store::Error| UiError::history(&error);
        self.parts.store.expire_waiting(self.clock.now()).await.map_err(history)?;
        let mut delivery = Delivery::default();
        let live = self.live_hosts();
        let mut by_run: BTreeMap<RunId, Vec<Waiting>> = BTreeMap::new();
        for row in self.parts.store.waiting(None).await.map_err(history)? {
            if live.contains(&row.host) {
                by_run.entry(row.run).or_default().push(row);
            } else {
                delivery.waiting.push((row.host, "does not answer".to_owned()));
            }
        }
        for (run, rows) in by_run {
            let hosts: Vec<HostName> = rows.into_iter().map(|row| row.host).collect();
            if let Err(error) = self.deliver_part(run, hosts.clone(), &mut delivery).await {
                tracing::warn!(%run, %error, causes = ?error.causes, "delivering to hosts that waited");
                delivery.waiting.extend(hosts.into_iter().map(|host| (host, error.message.clone())));
            }
        }
        Ok(delivery)
    }

    /// Plans and starts the part of hosts that can be reached now, after everything was checked again. An error
    /// leaves them waiting.
    async fn deliver_part(
        self: &Arc<Self>,
        run: RunId,
        hosts: Vec<HostName>,
        delivery: &mut Delivery,
    ) -> Result<(), UiError> {
        let folded = self.folded(run).await?;
        let refused = self.no_longer_as_planned(folded.sealed.plan(), &hosts).await;
        let mut hosts = hosts;
        hosts.retain(|host| !refused.contains_key(host));
        self.refuse(run, refused, delivery).await?;
        if hosts.is_empty() {
            return Ok(());
        }
        let (plan, _) = self.with_hosts_of_today(folded.sealed.plan());
        let (by, at) = (self.profile.actor.clone(), self.clock.now());
        let since = self.since(run).await?;
        let past = since.past(&plan, &folded.state);
        let late = match daytwo_runbook::plan_late(&past, &hosts, by, at) {
            Ok(late) => late,
            Err(errors) => {
                let why = errors.to_string();
                let refused = hosts.into_iter().map(|host| (host, why.clone())).collect();
                return self.refuse(run, refused, delivery).await;
            }
        };
        let mut refused: BTreeMap<HostName, String> = BTreeMap::new();
        for left in &late.left_out {
            refused.insert(left.host.clone(), format!("{}: {}", left.step, left.why));
        }
        let planned: Vec<HostName> = late.plan.plan().hosts.iter().map(|host| host.name.clone()).collect();
        refused.retain(|host, _| !planned.contains(host));
        self.refuse(run, refused, delivery).await?;
        self.check_ready(&late.plan)?;
        let started = self.start_plan(late.plan).await?;
        tracing::info!(%run, late = %started, hosts = planned.len(), "delivering to hosts that waited");
        delivery.started.push((started, planned));
        Ok(())
    }

    async fn refuse(
        &self,
        run: RunId,
        refused: BTreeMap<HostName, String>,
        delivery: &mut Delivery,
    ) -> Result<(), UiError> {
        for (host, why) in refused {
            let settled =
                self.parts.store.settle_waiting(run, &host, (WaitingState::NotDelivered, &why), self.clock.now()).await;
            match settled {
                // Another process was quicker with the same look.
                Ok(()) | Err(daytwo_store::Error::NotWaiting { .. }) => delivery.not_delivered.push((host, why)),
                Err(error) => return Err(UiError::history(&error)),
            }
        }
        Ok(())
    }

    /// Hosts of which something that the plan was made from is not as it was, with what.
    async fn no_longer_as_planned(&self, plan: &Plan, hosts: &[HostName]) -> BTreeMap<HostName, String> {
        let mut refused = BTreeMap::new();
        let changed = self.changed_since(plan);
        let fleet = self.inventory.fleet();
        let today: HashMap<&HostName, &Host> = fleet.hosts.iter().map(|host| (&host.name, host)).collect();
        let keys = match &self.parts.ssh {
            Some(ssh) => ssh.known_keys(&fleet.hosts).await,
            None => HashMap::new(),
        };
        for host in plan.hosts.iter().filter(|host| hosts.contains(&host.name)) {
            let why = match today.get(&host.name) {
                _ if !changed.is_empty() => Some(format!("since it was planned, {}", changed.join("; "))),
                None => Some("no source names the host any more".to_owned()),
                // The demo's addresses are new in each process, and its hosts are the same.
                Some(now) if now.endpoint != host.endpoint && !self.is_demo() => {
                    let (was, is) = (host.endpoint.describe(), now.endpoint.describe());
                    Some(format!("it was at {was} when it was planned, and is at {is} now"))
                }
                Some(_) => key_changed(plan, host, &keys).then(|| "its host key is another one now".to_owned()),
            };
            if let Some(why) = why {
                refused.insert(host.name.clone(), why);
            }
        }
        refused
    }

    /// What would refuse a start that nobody is there to put right.
    fn check_ready(&self, plan: &SealedPlan) -> Result<(), UiError> {
        super::runs::check_supported(plan)?;
        self.check_unlocked(plan)
    }

    fn live_hosts(&self) -> BTreeSet<HostName> {
        self.fleet().hosts.into_iter().filter(|row| row.mark == Mark::Ok).map(|row| row.name).collect()
    }

    /// As long as the window is open: delivers to waiting hosts when they are seen, and asks hosts that are seen
    /// again about attempts whose end is unknown.
    pub(crate) async fn deliver_when_live(self: Arc<Self>) {
        let mut observed = self.observed();
        let mut not_before = Instant::now();
        let mut asked: HashMap<RunId, Instant> = HashMap::new();
        loop {
            match observed.recv().await {
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
            tokio::time::sleep(GATHER).await;
            while observed.try_recv().is_ok() {}
            if Instant::now() >= not_before {
                let failed = match self.deliver_to_those_that_are_live().await {
                    Ok(delivery) => {
                        if !delivery.started.is_empty() || !delivery.not_delivered.is_empty() {
                            self.tell_stale(Stale::History);
                        }
                        delivery.waiting.iter().any(|(_, why)| why != "does not answer")
                    }
                    Err(error) => {
                        tracing::error!(%error, causes = ?error.causes, "looking for hosts that wait");
                        true
                    }
                };
                if failed {
                    not_before = Instant::now() + AGAIN_AFTER;
                }
            }
            asked.retain(|_, at| at.elapsed() < ASK_AGAIN_AFTER);
            if let Err(error) = self.ask_those_that_are_live(&mut asked).await {
                tracing::error!(%error, causes = ?error.causes, "asking hosts again");
            }
        }
    }

    async fn ask_those_that_are_live(self: &Arc<Self>, asked: &mut HashMap<RunId, Instant>) -> Result<(), UiError> {
        let unsettled = self.parts.store.unsettled(None).await.map_err(|error| UiError::history(&error))?;
        if unsettled.is_empty() {
            return Ok(());
        }
        let live = self.live_hosts();
        for attempt in unsettled {
            if live.contains(&attempt.host) && !asked.contains_key(&attempt.run) {
                asked.insert(attempt.run, Instant::now());
                self.take_up(attempt.run).await?;
            }
        }
        Ok(())
    }
}

/// Whether none of the keys that were trusted when it was planned is trusted now.
fn key_changed(plan: &Plan, host: &Host, keys: &HashMap<HostName, Vec<String>>) -> bool {
    let Some(then) = plan.host_keys.get(&host.name).filter(|then| !then.is_empty()) else { return false };
    let now = keys.get(&host.name).map(Vec::as_slice).unwrap_or_default();
    !now.iter().any(|key| then.contains(key))
}
