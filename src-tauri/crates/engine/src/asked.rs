//! Asks the checks of a plan before there is a run, so that a person sees which steps are needed.
//!
//! These are reads; nothing is journalled, and nothing is decided by them: in the run each check is asked
//! again when its step is due. A check that needs a captured value cannot be asked before.

use std::collections::BTreeMap;
use std::sync::Arc;

use daytwo_model::plan::{CheckAnswer, PerHost, Probe};
use daytwo_model::{Plan, RunId, SealedPlan, Text};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::cancel::Cancel;
use crate::error::RunError;
use crate::handle::Published;
use crate::ports::Ports;
use crate::redact::Mask;
use crate::secrets;
use crate::settings::Settings;
use crate::unit::{At, Context};

/// Checks that are asked at one time. A person waits for the answers, and a shared gateway stands this.
const ASKED_AT_ONCE_MAX: usize = 50;

/// Asks every check of the plan that can be asked now: the plan with the answers. A check without an
/// answer has one that says so.
pub async fn ask_checks(
    plan: &SealedPlan,
    ports: &Ports,
    settings: Settings,
    cancel: Cancel,
) -> Result<Plan, RunError> {
    let secrets = secrets::read(plan.plan(), &*ports.secrets, &settings).await?;
    let by = plan.plan().planned_by.clone();
    let mask = Arc::new(Mask::new(secrets.values()).map_err(|error| RunError::Mask(error.to_string()))?);
    // No run: nothing is published and nothing reported.
    let run: RunId = ports.clock.new_run();
    let (reports, _nobody) = mpsc::channel(1);
    let context = Arc::new(Context {
        plan: Arc::new(plan.clone()),
        ports: ports.clone(),
        settings,
        secrets,
        mask,
        masks_all: true,
        by,
        asking: Arc::new(Semaphore::new(ASKED_AT_ONCE_MAX)),
        published: Arc::new(Published::new(run, plan.plan())),
        reports,
    });
    let mut due = due(plan.plan()).into_iter();
    let mut asking = JoinSet::new();
    let mut answers: BTreeMap<(u32, u32), CheckAnswer> = BTreeMap::new();
    loop {
        while asking.len() < ASKED_AT_ONCE_MAX
            && let Some((step, host)) = due.next()
        {
            let at =
                At { context: Arc::clone(&context), host, step, captured: BTreeMap::new(), cancel: cancel.clone() };
            asking.spawn(async move { ((step, host), answer(at).await) });
        }
        match asking.join_next().await {
            Some(Ok((place, answer))) => answers.insert(place, answer),
            // A panic says nothing about the host; the check is asked again in the run.
            Some(Err(error)) => {
                tracing::error!(%error, "a check could not be asked");
                continue;
            }
            None => break,
        };
    }
    Ok(with_answers(plan.plan().clone(), &answers))
}

/// Every step and host whose check needs nothing that is only known on the way.
fn due(plan: &Plan) -> Vec<(u32, u32)> {
    let known = |probe: &Probe| probe.texts().flat_map(Text::captures).next().is_none();
    let of_step = |(index, step): (u32, &daytwo_model::plan::PlannedStep)| {
        let groups: Vec<_> = step.check.iter().flat_map(PerHost::groups).collect();
        let hosts: Vec<u32> =
            groups.into_iter().filter(|(probe, _)| known(probe)).flat_map(|(_, hosts)| hosts).collect();
        let planned = hosts.into_iter().filter(|host| step.action.get(*host).is_some()).map(move |host| (index, host));
        planned.collect::<Vec<_>>()
    };
    (0_u32..).zip(&plan.steps).flat_map(of_step).collect()
}

async fn answer(at: At) -> CheckAnswer {
    let context = Arc::clone(&at.context);
    let (needed, said) = match at.look().await {
        Ok(seen) => (Some(!seen.holds), seen.said),
        Err(none) => (None, none.why),
    };
    CheckAnswer { needed, said: context.reason(&said), at: context.ports.clock.now() }
}

fn with_answers(mut plan: Plan, answers: &BTreeMap<(u32, u32), CheckAnswer>) -> Plan {
    let hosts = u32::try_from(plan.hosts.len()).unwrap_or(u32::MAX);
    for (index, step) in (0_u32..).zip(&mut plan.steps) {
        if step.check.is_some() {
            step.asked = Some(PerHost::collect((0..hosts).map(|host| answers.get(&(index, host)).cloned())));
        }
    }
    plan
}
