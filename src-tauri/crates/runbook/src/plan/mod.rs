//! A runbook, inputs and hosts become a plan: checked, rendered for every host, dealt into batches, sealed.
//!
//! ```text
//! inputs ─► scope ─► expand (calls, loops, conditions) ─► steps (rendered per group of hosts) ─► sealed
//! ```
//!
//! Nothing is executed, and nothing is asked but the [`Surroundings`]: the same request gives the same digest.

mod call;
mod captures;
mod differences;
mod error;
mod expand;
mod groups;
mod health;
mod inputs;
mod items;
mod limits;
mod render;
mod request;
mod scope;
mod script;
mod set;
mod since;
mod step;

use std::collections::BTreeMap;
use std::sync::Arc;

use daytwo_model::plan::{Intent, PLAN_FORMAT, PlannedRunbook};
use daytwo_model::{Host, Plan, SealedPlan, Selector, Timestamp};

use crate::rollout::Rollout;
use crate::runbook::Runbook;
use crate::select::{Choice, Selected};
use crate::surroundings::Surroundings;
pub use call::CALL_DEPTH_MAX;
pub use differences::{Difference, differences};
pub use error::{PlanError, PlanErrors};
pub use expand::PLANNED_STEPS_MAX;
use expand::{Expanded, Planner};
pub use limits::WhenReachable;
pub use since::changed_since;

/// The most hosts that one plan holds.
pub const HOSTS_MAX: usize = 100_000;

/// The most steps of a plan, counted on every host: a run keeps in memory what became of each.
pub(crate) const CELLS_MAX: usize = 4_000_000;

/// What a plan is asked for.
#[derive(Clone)]
pub struct PlanRequest<'a> {
    /// Inputs as they were typed; for secrets, their names. What is absent takes its default.
    pub inputs: BTreeMap<String, String>,
    /// What the operator picked; narrows the runbook's targets.
    pub selection: Option<Selector>,
    /// Every host that is known.
    pub fleet: &'a [Host],
    /// What planning may ask: facts, other runbooks, local files, trusted host keys.
    pub surroundings: &'a dyn Surroundings,
    /// The revision of the folder that the runbook was read from, for people.
    pub source: Option<String>,
    /// Who asks.
    pub by: String,
    /// When. Templates read it as `run.at`.
    pub at: Timestamp,
    /// Until when a host that could not be reached still gets its part.
    pub when_reachable: WhenReachable,
}

/// Makes the plan: what will happen, exactly.
pub fn plan(runbook: &Runbook, request: &PlanRequest<'_>) -> Result<SealedPlan, PlanErrors> {
    let mut errors = Vec::new();
    let values = inputs::resolve(runbook, request, &mut errors);
    let choice = Choice {
        fleet: request.fleet,
        targets: runbook.targets.as_ref(),
        selection: request.selection.as_ref(),
        surroundings: request.surroundings,
        now: request.at,
    };
    let selected = choice.select().unwrap_or_else(|(message, hint)| {
        errors.push(PlanError { hint, ..PlanError::new(message) });
        Selected { picked: Vec::new(), undecided: Vec::new(), text: String::new() }
    });
    if selected.picked.len() > HOSTS_MAX {
        let picked = selected.picked.len();
        errors.push(PlanError::new(format!("{picked} hosts are picked; a plan holds at most {HOSTS_MAX}")));
    }
    if !errors.is_empty() {
        return Err(PlanErrors(errors));
    }
    let hosts: Arc<Vec<Host>> = Arc::new(selected.picked.into_iter().cloned().collect());
    let rollout = &runbook.rollout;
    let batches = rollout.deal(&spread_values(rollout, &hosts));
    let once = batches.first().and_then(|batch| batch.first()).copied().unwrap_or(0);
    let Expanded { steps, called, secrets, health } =
        Planner::new(request, Arc::clone(&hosts), once).plan(runbook, &values)?;
    let limits = limits::limits(rollout, &batches, health, request)?;
    let gateways = limits::gateways(rollout, &hosts, request.surroundings);
    let hosts = Arc::unwrap_or_clone(hosts);
    if hosts.len().saturating_mul(steps.len()) > CELLS_MAX {
        let message = format!("{} steps on {} hosts are too many; a plan holds {CELLS_MAX}", steps.len(), hosts.len());
        return Err(PlanError::new(message).with_hint("pick fewer hosts, or do with fewer steps").into());
    }
    let keys = hosts.iter().map(|host| (host.name.clone(), request.surroundings.host_keys(host)));
    seal(Plan {
        format: PLAN_FORMAT,
        runbook: PlannedRunbook { source: request.source.clone(), ..planned_runbook(runbook) },
        called,
        intent: Intent::Forward,
        inputs: values,
        secrets,
        selection: selected.text,
        undecided: selected.undecided,
        host_keys: keys.filter(|(_, keys)| !keys.is_empty()).collect(),
        gateways,
        batches,
        limits,
        hosts,
        steps,
        planned_at: request.at,
        planned_by: request.by.clone(),
    })
}

pub(crate) fn seal(plan: Plan) -> Result<SealedPlan, PlanErrors> {
    SealedPlan::seal(plan).map_err(|error| PlanError::new(format!("the plan cannot be sealed: {error}")).into())
}

fn planned_runbook(runbook: &Runbook) -> PlannedRunbook {
    PlannedRunbook {
        name: runbook.name.clone(),
        title: runbook.title.clone(),
        digest: runbook.digest,
        text: runbook.text.clone(),
        source: None,
    }
}

fn spread_values<'h>(rollout: &Rollout, hosts: &'h [Host]) -> Vec<Option<&'h str>> {
    let label = rollout.spread.as_deref();
    hosts.iter().map(|host| host.labels.get(label?).map(String::as_str)).collect()
}
